-- What was made of it: verdicts, findings, incidents. Evidence and documents are the program's own types as JSON.

-- A verdict from the round that first gave it until the round that gave another; written on change only.
-- Whether rounds ran in between is told by `round`.
create table verdict_span (
    verdict_span_id bigint generated always as identity constraint verdict_span_pk primary key,
    series_id integer not null constraint verdict_span_series_fk references series,
    group_name text collate "C" not null,
    state text not null,
    severity text not null,
    flags text[] not null,
    since timestamptz not null,
    -- Null while it stands.
    until timestamptz,
    -- The verdict of the first round.
    evidence jsonb not null
);

create unique index verdict_span_open_key on verdict_span (series_id, group_name) where until is null;
create index verdict_span_series_index on verdict_span (series_id, since);

create table finding_span (
    finding_span_id bigint generated always as identity constraint finding_span_pk primary key,
    vantage_id smallint not null constraint finding_span_vantage_fk references vantage,
    group_name text collate "C" not null,
    kind text not null,
    -- The subject as canonical JSON text: a key, not a display.
    subject text collate "C" not null,
    severity text not null,
    -- Every name it concerns.
    names text[] collate "C" not null,
    since timestamptz not null,
    until timestamptz,
    evidence jsonb not null
);

create unique index finding_span_open_key on finding_span (vantage_id, group_name, kind, subject) where until is null;
create index finding_span_names_index on finding_span using gin (names);

-- The columns repeat what listings filter by; the document is the whole.
create table incident (
    incident_id uuid constraint incident_pk primary key,
    vantage_id smallint not null constraint incident_vantage_fk references vantage,
    group_name text collate "C" not null,
    axis text not null,
    subject text collate "C" not null,
    status text not null
        constraint incident_status_check check (status in ('open', 'recovering', 'resolved')),
    verdict text not null,
    severity text not null,
    names text[] collate "C" not null,
    resolvers text[] collate "C" not null,
    opened_at timestamptz not null,
    resolved_at timestamptz,
    acked_at timestamptz,
    document jsonb not null
);

create index incident_opened_index on incident (opened_at, incident_id);
create index incident_live_index on incident (vantage_id, group_name) where status <> 'resolved';
create index incident_names_index on incident using gin (names);

-- Breaches that still count towards confirmation; replaced whole by every round of their group.
create table candidate (
    candidate_id bigint generated always as identity constraint candidate_pk primary key,
    vantage_id smallint not null constraint candidate_vantage_fk references vantage,
    group_name text collate "C" not null,
    document jsonb not null
);

create index candidate_group_index on candidate (vantage_id, group_name);
