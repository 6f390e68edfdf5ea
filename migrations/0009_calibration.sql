-- What was measured of resolvers with names of a canary zone. Rows are added, never changed but for what a later run with
-- the zone's servers stopped finds out about the same names.

create table calibration (
    calibration_id bigint generated always as identity constraint calibration_pk primary key,
    vantage_id smallint not null constraint calibration_vantage_fk references vantage,
    source_id integer not null constraint calibration_source_fk references source,
    at timestamptz not null,
    zone text collate "C" not null,
    -- What the names of the run begin with.
    token text collate "C" not null,
    questions integer not null,
    replies integer not null,
    -- Caps, floor, decrement, extended errors, backends: each a value or null, and how or why.
    measures jsonb not null,
    -- The same of stale answers, which may be of an earlier run; at null they were never measured.
    serve_stale jsonb not null,
    serve_stale_at timestamptz
);

create index calibration_latest_index on calibration (vantage_id, source_id, at desc);
