-- The messages themselves where they prove something, and what further transports bring.

-- Seconds that an HTTP cache had held the reply (RFC 8484 section 5.1); null where none did. `ttl` is less this, `ttls`
-- are as received.
alter table observation add column age bigint;

comment on column observation.transport is '0 UDP, 1 TCP, 2 TLS, 3 HTTPS, 4 QUIC, 5 HTTPS over QUIC';

alter table annotation add column edns_version smallint;

-- A query and its reply, octet by octet. Which ones are kept is a rule of the program (audit/keep). It stands for itself,
-- so that it may outlive its observation, which (series_id, at) finds. One partition a day (UTC), made ahead by the program
-- and named message_YYYYMMDD; there is no default partition.
create table message (
    at timestamptz not null,
    round_id bigint not null,
    -- Seconds in an HTTP cache; null where none held it.
    age bigint,
    series_id integer not null,
    rtt_us integer not null,
    mismatched integer not null,
    -- As in observation.
    flags smallint not null,
    attempts smallint not null,
    transport smallint not null,
    -- What it proves: a verdict's state, a finding's kind, or `baseline`.
    kept_for text collate "C" not null,
    -- One zstd frame with its checksum over: the query's length (two octets, network order), the query, the reply.
    body bytea not null,
    constraint message_pk primary key (series_id, at)
) partition by range (at);

-- It is compressed already.
alter table message alter column body set storage external;
