-- What was asked, of whom, and what came back.
--
-- Names sort and compare by bytes (collate "C"), whatever locale the server was given.

create table vantage (
    vantage_id smallint generated always as identity constraint vantage_pk primary key,
    name text collate "C" not null constraint vantage_name_key unique
);

-- Whom a question is put to: one address of a resolver or of an authoritative server.
create table source (
    source_id integer generated always as identity constraint source_pk primary key,
    kind text not null constraint source_kind_check check (kind in ('resolver', 'authority')),
    -- The resolver's id in the configuration, or the authoritative server's host name.
    name text collate "C" not null,
    address inet not null,
    port integer not null,
    -- The zone index of a link-local IPv6 address (RFC 4007); 0 for every other.
    scope bigint not null,
    transport text not null,
    constraint source_key unique (kind, name, address, port, scope, transport)
);

create table question (
    question_id integer generated always as identity constraint question_pk primary key,
    name text collate "C" not null,
    -- QTYPE by number.
    rtype integer not null,
    constraint question_key unique (name, rtype)
);

-- What is observed over time: one question at one source, seen from one vantage.
create table series (
    series_id integer generated always as identity constraint series_pk primary key,
    vantage_id smallint not null constraint series_vantage_fk references vantage,
    question_id integer not null constraint series_question_fk references question,
    source_id integer not null constraint series_source_fk references source,
    constraint series_key unique (question_id, source_id, vantage_id)
);

create index series_source_index on series (source_id);

-- The canonical content of a reply without TTLs, stored once.
create table answer (
    answer_id bigint generated always as identity constraint answer_pk primary key,
    digest bytea not null constraint answer_digest_key unique,
    content jsonb not null,
    -- The addresses it hands out, for the question "who served this address?".
    addresses inet[] not null
);

create index answer_addresses_index on answer using gin (addresses);

-- What a reply said beside its answer; the same few combinations come again and again.
create table annotation (
    annotation_id integer generated always as identity constraint annotation_pk primary key,
    digest bytea not null constraint annotation_digest_key unique,
    nsid bytea,
    -- The NSID as people read it.
    site text collate "C",
    -- Extended errors in the order received: [{"code": 3, "text": ""}].
    ede jsonb not null,
    ecs_scope smallint,
    edns_size integer,
    -- The SOA serial a denial carried.
    serial bigint
);

-- One tick of a group. (vantage, group, due) is unique, so that no restart runs it twice.
create table round (
    round_id bigint generated always as identity constraint round_pk primary key,
    vantage_id smallint not null constraint round_vantage_fk references vantage,
    group_name text collate "C" not null,
    due_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz,
    status text not null
        constraint round_status_check check (status in ('running', 'finished', 'abandoned', 'missed')),
    constraint round_key unique (vantage_id, group_name, due_at)
);

-- At start the few rounds that a crash cut off are looked for.
create index round_running_index on round (vantage_id) where status = 'running';

-- One row a sample, lean on purpose: no text that repeats, no key, no foreign keys to check. One partition a day (UTC),
-- made ahead by the program and named observation_YYYYMMDD; there is no default partition.
create table observation (
    at timestamptz not null,
    round_id bigint not null,
    answer_id bigint not null,
    -- The lowest TTL of the whole answer, seconds (up to 2^32-1); null where nothing was answered.
    ttl bigint,
    series_id integer not null,
    annotation_id integer not null,
    rtt_us integer not null,
    size integer not null,
    mismatched integer not null,
    flags smallint not null,
    attempts smallint not null,
    -- 0 UDP, 1 TCP.
    transport smallint not null,
    -- Only where the TTLs are not all `ttl`: links end in ';', TTLs within a link are parted by ',': '60,60;300;'.
    ttls text collate "C"
) partition by range (at);

create index observation_at_index on observation using brin (at) with (pages_per_range = 32);

-- An unbroken run of the same answer from the same source and site: the index of history. Its tail is updated in place
-- every round: nothing that moves is indexed, and pages keep room, so that those updates stay on the page (HOT).
create table span (
    span_id bigint generated always as identity constraint span_pk primary key,
    series_id integer not null constraint span_series_fk references series,
    -- The backend by NSID; '' where it does not say.
    site text collate "C" not null,
    first_seen timestamptz not null,
    answer_id bigint not null constraint span_answer_fk references answer,
    -- Whether it came from an authority as its own word (AA, and something said of the name).
    authoritative boolean not null,
    -- The TTLs of the first sample, written as in observation.ttls.
    first_ttls text collate "C" not null,
    last_seen timestamptz not null,
    samples bigint not null,
    ttl_min bigint,
    ttl_max bigint,
    first_expires_at timestamptz,
    cached_until timestamptz,
    constraint span_key unique (series_id, site, first_seen)
) with (fillfactor = 75);

create index span_answer_index on span (answer_id, first_seen);
