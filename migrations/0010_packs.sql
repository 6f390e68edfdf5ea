-- Closed days, packed.

-- The samples of a series and hour (UTC), moved here from `observation` once their day is closed. One partition a month,
-- made by the program when it packs, and named observation_pack_YYYYMM; there is no default partition.
create table observation_pack (
    hour timestamptz not null,
    series_id integer not null,
    -- 0; more where samples came after their hour was packed.
    part smallint not null,
    samples integer not null,
    -- The program's own format (store/pack), with its checksum.
    body bytea not null,
    constraint observation_pack_pk primary key (series_id, hour, part)
) partition by range (hour);

-- Hours are packed one after another.
create index observation_pack_hour_index on observation_pack using brin (hour) with (pages_per_range = 32);

-- It is as short as it can be.
alter table observation_pack alter column body set storage external;

-- What was packed of each day, so that nobody need count it.
create table packed_day (
    day date constraint packed_day_pk primary key,
    samples bigint not null,
    packs bigint not null,
    -- Of the bodies alone.
    octets bigint not null
);
