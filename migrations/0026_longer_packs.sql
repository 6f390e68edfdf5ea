-- Packs of several hours: less beside the samples.

-- A pack holds the samples of so many hours from `hour` on, all within one day (UTC). Those that are there hold one.
alter table observation_pack add column hours smallint not null default 1;

create or replace view v_packed_hour as
select
    observation_pack.hour,
    vantage.name as vantage,
    question.name,
    dns_type_text(question.rtype) as type,
    source.kind as source_kind,
    source.name as source,
    source.address,
    source.port,
    source.transport,
    observation_pack.samples,
    octet_length(observation_pack.body) as octets,
    observation_pack.hours
from observation_pack join series using (series_id) join vantage using (vantage_id) join question using (question_id)
    join source using (source_id);

comment on view v_packed_hour is
    'Hours whose samples are packed, and no longer rows of v_observation: how many of each question and source, from one hour to a whole day in a row. `dns-auditor export` reads them.';
comment on column v_packed_hour.hour is 'The beginning of the first hour (UTC).';
comment on column v_packed_hour.samples is 'Samples in this pack. What came late has a pack of its own.';
comment on column v_packed_hour.hours is 'How many hours it holds, within one day (UTC).';
