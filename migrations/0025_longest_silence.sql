-- Runs go on through the long silence of one of several backends where their address said the same meanwhile. How long the
-- longest silence in a run is, seconds, rounded up; null in those that were recorded before, which ended after three rounds.

alter table span add column longest_silence_s integer;

create or replace view v_span as
select
    vantage.name as vantage,
    question.name,
    dns_type_text(question.rtype) as type,
    source.kind as source_kind,
    source.name as source,
    source.address,
    source.port,
    source.transport,
    nullif(span.site, '') as site,
    dns_answer_text(answer.content) as answer,
    dns_answer_rcode(answer.content) as rcode,
    dns_answer_records(answer.content) as records,
    answer.addresses,
    span.authoritative,
    span.first_seen,
    span.last_seen,
    span.samples,
    span.ttl_min,
    span.ttl_max,
    span.first_expires_at,
    span.cached_until,
    make_interval(secs => span.longest_silence_s) as longest_silence
from span join series using (series_id) join vantage using (vantage_id) join question using (question_id)
    join source using (source_id)
    join answer using (answer_id);

comment on column v_span.longest_silence is 'The longest time between two samples of the run one after the other. Where it is longer than three rounds, the address said the same at its other sites meanwhile. Null in runs of earlier versions, which ended after three rounds.';
