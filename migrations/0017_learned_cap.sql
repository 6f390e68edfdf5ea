-- What the fetches of each resolver address have shown of the longest TTL that it keeps: written with the round that learned
-- more of it, read at start, so that a restart judges as if there had been none.

create table learned_cap (
    vantage_id smallint not null constraint learned_cap_vantage_fk references vantage,
    source_id integer not null constraint learned_cap_source_fk references source,
    -- The last fetch that counted.
    at timestamptz not null,
    -- The cap where one is learned, and the bounds that fetches in a row agree on.
    state jsonb not null,
    constraint learned_cap_pk primary key (vantage_id, source_id)
);
