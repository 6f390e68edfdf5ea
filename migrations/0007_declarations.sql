-- What people declare: changes of records that are to come, and flushes of resolvers' caches.

-- Written once; a withdrawal fills the last two columns, once. It belongs to no vantage: a change is one everywhere.
create table declaration (
    declaration_id uuid constraint declaration_pk primary key,
    kind text collate "C" not null constraint declaration_kind check (kind in ('change', 'flush')),
    -- The names it speaks of, as in the document.
    names text[] collate "C" not null constraint declaration_names check (cardinality(names) > 0),
    -- The instant it is about, which may lie before or after it was made.
    at timestamptz not null,
    -- What is declared (audit::declared::Matter).
    document jsonb not null,
    declared_at timestamptz not null,
    declared_by text not null,
    via text collate "C" not null constraint declaration_via check (via in ('cli', 'http')),
    withdrawn_at timestamptz,
    withdrawn_by text,
    constraint declaration_withdrawal check ((withdrawn_at is null) = (withdrawn_by is null))
);

create index declaration_by_name on declaration using gin (names);
