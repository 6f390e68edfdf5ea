-- What it takes to judge a recorded round again, exactly as it was judged.

-- Documents that many rounds share: settings, zones. Interned by digest.
create table document (
    document_id integer generated always as identity constraint document_pk primary key,
    digest bytea not null constraint document_digest_key unique,
    content jsonb not null
);

-- One run of the service at a vantage. Its history in memory changes step by step, counted from 1.
create table session (
    session_id bigint generated always as identity constraint session_pk primary key,
    vantage_id smallint not null constraint session_vantage_fk references vantage,
    started_at timestamptz not null
);

create index session_vantage_index on session (vantage_id, started_at);

-- The whole history in memory as it stood after a step: at the start of a session (step 0), and now and then.
create table checkpoint (
    session_id bigint not null constraint checkpoint_session_fk references session,
    step bigint not null,
    taken_at timestamptz not null,
    -- One zstd frame with its checksum over the history as JSON.
    body bytea not null,
    constraint checkpoint_pk primary key (session_id, step)
);

alter table checkpoint alter column body set storage external;

-- How a round was judged. Of a round that was not finished, what it took in is in the history all the same.
create table round_context (
    round_id bigint constraint round_context_pk primary key
        constraint round_context_round_fk references round,
    session_id bigint not null constraint round_context_session_fk references session,
    -- The version of the rules.
    engine integer not null,
    -- The steps at which the replies were taken in, those to the first asking and to asking again, and how many they were.
    heard_step bigint not null,
    heard integer not null,
    -- The last receipt among the first; later ones came by asking again.
    heard_until timestamptz,
    again_step bigint,
    again integer not null,
    judged_step bigint not null,
    judged_at timestamptz not null,
    setting_id integer not null constraint round_context_setting_fk references document (document_id),
    zone_ids integer[] not null,
    -- What is left of the context beside setting and zones.
    rest_id integer not null constraint round_context_rest_fk references document (document_id),
    -- The ledger as it was read, where the group's round before did not leave it so.
    ledger jsonb
);

create index round_context_step_index on round_context (session_id, heard_step);
-- The steps of incidents bear the instant of their round's judgement.
create index round_context_judged_index on round_context (judged_at);
