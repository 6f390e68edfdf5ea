-- Raw samples by the chunk: a row holds what one round heard within an hour, column by column.

alter table observation rename to observation_row;

-- One partition a day (UTC), made ahead by the program and named observation_chunk_YYYYMMDD; there is no default partition.
--
-- A number is the least of its column (`series_id`, `at` in microseconds, …) and, in the arrays, how far it lies above
-- that: the low 16 bits, and the high ones where any has some, each as a signed smallint. No array: all are the same.
-- `observation_of` reads it; nothing else knows of this.
create table observation_chunk (
    -- When the first of them was received, and the last. All lie within the same hour (UTC).
    at timestamptz not null,
    last_at timestamptz not null,
    round_id bigint not null,
    answer_id bigint not null,
    -- Null where the TTL of all is null, as where nothing was answered.
    ttl bigint,
    age bigint,
    -- How many there are: in order of series.
    samples integer not null,
    series_id integer not null,
    last_series_id integer not null,
    annotation_id integer not null,
    rtt_us integer not null,
    size integer not null,
    mismatched integer not null,
    flags smallint not null,
    attempts smallint not null,
    -- 0 UDP, 1 TCP, …
    transport smallint not null,
    -- Always there: their length is the number of samples.
    at_low smallint[] not null,
    at_high smallint[],
    series_low smallint[],
    series_high smallint[],
    answer_low smallint[],
    answer_high smallint[],
    annotation_low smallint[],
    annotation_high smallint[],
    ttl_low smallint[],
    ttl_high smallint[],
    age_low smallint[],
    age_high smallint[],
    rtt_low smallint[],
    rtt_high smallint[],
    size_low smallint[],
    mismatched_low smallint[],
    flags_low smallint[],
    attempts_low smallint[],
    transport_low smallint[],
    -- Only where the TTLs of a sample are not all `ttl`: links end in ';', TTLs within a link are parted by ',': '60,60;300;'.
    ttls text[] collate "C"
) partition by range (at);

-- So small that counting the samples reads nothing else.
create index observation_chunk_at_index on observation_chunk (at, last_at) include (samples);

-- What compresses and reads faster, where the server has it.
do $$
declare
    arrays text;
begin
    select string_agg(format('alter column %I set compression lz4', attname), ', ')
    into arrays
    from pg_attribute
    where attrelid = 'observation_chunk'::regclass and attnum > 0 and attndims > 0;
    execute 'alter table observation_chunk ' || arrays;
exception
    when feature_not_supported then null;
end $$;

-- How far a number lies above the least of its column.
create function dns_offset(low smallint, high smallint) returns bigint
    language sql immutable parallel safe
    return (low::integer & 65535) + 65536 * coalesce(high::integer & 65535, 0)::bigint;

-- The samples of a chunk, one row each.
create function observation_of(chunk observation_chunk) returns table (
    at timestamptz, round_id bigint, series_id integer, answer_id bigint, annotation_id integer, ttl bigint, ttls text,
    rtt_us integer, size integer, mismatched integer, flags smallint, attempts smallint, transport smallint, age bigint)
    language sql stable parallel safe
    begin atomic
        select
            chunk.at + dns_offset(one.at_low, one.at_high) * interval '1 microsecond',
            chunk.round_id,
            case when chunk.series_low is null then chunk.series_id
                else (chunk.series_id + dns_offset(one.series_low, one.series_high))::integer end,
            case when chunk.answer_low is null then chunk.answer_id
                else chunk.answer_id + dns_offset(one.answer_low, one.answer_high) end,
            case when chunk.annotation_low is null then chunk.annotation_id
                else (chunk.annotation_id + dns_offset(one.annotation_low, one.annotation_high))::integer end,
            case when chunk.ttl_low is null then chunk.ttl else chunk.ttl + dns_offset(one.ttl_low, one.ttl_high) end,
            one.ttls,
            case when chunk.rtt_low is null then chunk.rtt_us
                else (chunk.rtt_us + dns_offset(one.rtt_low, one.rtt_high))::integer end,
            case when chunk.size_low is null then chunk.size
                else chunk.size + (one.size_low::integer & 65535) end,
            case when chunk.mismatched_low is null then chunk.mismatched
                else chunk.mismatched + (one.mismatched_low::integer & 65535) end,
            case when chunk.flags_low is null then chunk.flags
                else (chunk.flags + (one.flags_low::integer & 65535))::smallint end,
            case when chunk.attempts_low is null then chunk.attempts
                else (chunk.attempts + (one.attempts_low::integer & 65535))::smallint end,
            case when chunk.transport_low is null then chunk.transport
                else (chunk.transport + (one.transport_low::integer & 65535))::smallint end,
            case when chunk.age_low is null then chunk.age else chunk.age + dns_offset(one.age_low, one.age_high) end
        from unnest(chunk.at_low, chunk.at_high, chunk.series_low, chunk.series_high, chunk.answer_low, chunk.answer_high,
            chunk.annotation_low, chunk.annotation_high, chunk.ttl_low, chunk.ttl_high, chunk.age_low, chunk.age_high,
            chunk.rtt_low, chunk.rtt_high, chunk.size_low, chunk.mismatched_low, chunk.flags_low, chunk.attempts_low,
            chunk.transport_low, chunk.ttls)
            as one (at_low, at_high, series_low, series_high, answer_low, answer_high, annotation_low, annotation_high,
                ttl_low, ttl_high, age_low, age_high, rtt_low, rtt_high, size_low, mismatched_low, flags_low, attempts_low,
                transport_low, ttls);
    end;

-- What is there already moves day by day.

-- The low halves of how far numbers lie above the least; null where all are the same.
create function pg_temp.low(given bigint[]) returns smallint[]
    language sql immutable
    as $$
        select case when min(number) < max(number) or count(number) between 1 and cardinality(given) - 1
            then array_agg(((number - least + 32768 & 65535) - 32768)::smallint order by nth) end
        from unnest(given) with ordinality as one (number, nth), (select min(number) as least from unnest(given) as number) as base
    $$;

-- The high halves; null where none has any.
create function pg_temp.high(given bigint[]) returns smallint[]
    language sql immutable
    as $$
        select case when max(number - least) >= 65536
            then array_agg(((((number - least) >> 16) + 32768 & 65535) - 32768)::smallint order by nth) end
        from unnest(given) with ordinality as one (number, nth), (select min(number) as least from unnest(given) as number) as base
    $$;

create function pg_temp.convert(day date) returns void
    language sql
    as $$
        with
        row as (
            select *, date_trunc('hour', at, 'UTC') as hour from observation_row
            where at >= day::timestamp at time zone 'UTC' and at < (day + 1)::timestamp at time zone 'UTC'
        ),
        numbered as (
            select *, (row_number() over (partition by round_id, hour order by series_id, at) - 1) / 2000 as nth
            from row
        ),
        gathered as (
            select round_id, min(at) as at, max(at) as last_at, min(ttl) as ttl, min(age) as age, count(*)::integer as samples,
                max(series_id) as last_series_id,
                array_agg(extract(epoch from at - hour) * 1000000 order by series_id, at)::bigint[] as ats,
                array_agg(series_id order by series_id, at)::bigint[] as series,
                array_agg(answer_id order by series_id, at) as answers,
                array_agg(annotation_id order by series_id, at)::bigint[] as annotations,
                array_agg(ttl order by series_id, at) as lowest_ttls,
                array_agg(age order by series_id, at) as ages,
                array_agg(rtt_us order by series_id, at)::bigint[] as rtts,
                array_agg(size order by series_id, at)::bigint[] as sizes,
                array_agg(mismatched order by series_id, at)::bigint[] as mismatches,
                array_agg(flags order by series_id, at)::bigint[] as flags,
                array_agg(attempts order by series_id, at)::bigint[] as attempts,
                array_agg(transport order by series_id, at)::bigint[] as transports,
                case when count(ttls) > 0 then array_agg(ttls order by series_id, at) end as ttls,
                min(series_id) as series_id, min(answer_id) as answer_id, min(annotation_id) as annotation_id,
                min(rtt_us) as least_rtt, min(size) as least_size, min(mismatched) as least_mismatched,
                min(flags) as least_flags, min(attempts) as least_attempts, min(transport) as least_transport
            from numbered group by round_id, hour, nth
        )
        insert into observation_chunk (at, last_at, round_id, answer_id, ttl, age, samples, series_id, last_series_id, annotation_id,
            rtt_us, size, mismatched, flags, attempts, transport, at_low, at_high, series_low, series_high, answer_low,
            answer_high, annotation_low, annotation_high, ttl_low, ttl_high, age_low, age_high, rtt_low, rtt_high, size_low,
            mismatched_low, flags_low, attempts_low, transport_low, ttls)
        select at, last_at, round_id, answer_id, ttl, age, samples, series_id, last_series_id, annotation_id, least_rtt,
            least_size, least_mismatched, least_flags, least_attempts, least_transport,
            coalesce(pg_temp.low(ats), array_fill(0::smallint, array[samples])), pg_temp.high(ats),
            pg_temp.low(series), pg_temp.high(series), pg_temp.low(answers), pg_temp.high(answers),
            pg_temp.low(annotations), pg_temp.high(annotations), pg_temp.low(lowest_ttls), pg_temp.high(lowest_ttls),
            pg_temp.low(ages), pg_temp.high(ages), pg_temp.low(rtts), pg_temp.high(rtts), pg_temp.low(sizes),
            pg_temp.low(mismatches), pg_temp.low(flags), pg_temp.low(attempts), pg_temp.low(transports), ttls
        from gathered
        order by at
    $$;

do $$
declare
    day date;
    partition text;
begin
    for day in select distinct (at at time zone 'UTC')::date from observation_row order by 1 loop
        partition := 'observation_chunk_' || to_char(day, 'YYYYMMDD');
        execute format('create table %I (like observation_chunk including all)', partition);
        execute format('alter table observation_chunk attach partition %I for values from (%L) to (%L)', partition,
            day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
        perform pg_temp.convert(day);
    end loop;
end $$;

drop function pg_temp.convert, pg_temp.low, pg_temp.high;

-- For whoever asks for samples one by one.
create view observation as
select one.at, one.round_id, one.series_id, one.answer_id, one.annotation_id, one.ttl, one.ttls collate "C" as ttls, one.rtt_us,
    one.size, one.mismatched, one.flags, one.attempts, one.transport, one.age, chunk.at as chunk_at
from observation_chunk as chunk, lateral observation_of(chunk) as one;

create or replace view v_observation as
select
    observation.at,
    vantage.name as vantage,
    question.name,
    dns_type_text(question.rtype) as type,
    source.kind as source_kind,
    source.name as source,
    source.address,
    source.port,
    source.transport,
    dns_answer_text(answer.content) as answer,
    dns_answer_rcode(answer.content) as rcode,
    dns_answer_records(answer.content) as records,
    answer.addresses,
    observation.ttl,
    observation.at + observation.ttl * interval '1 second' as expires_at,
    observation.ttls,
    annotation.site,
    annotation.ede,
    observation.flags & 1 <> 0 as aa,
    observation.flags & 2 <> 0 as tc,
    observation.flags & 8 <> 0 as ra,
    observation.flags & 16 <> 0 as ad,
    observation.flags & 256 <> 0 as aside,
    dns_transport_text(observation.transport) as carried_by,
    observation.rtt_us / 1000.0 as rtt_ms,
    observation.attempts,
    observation.size,
    observation.mismatched,
    round.group_name,
    round.due_at,
    observation.chunk_at
from observation join series using (series_id) join vantage using (vantage_id) join question using (question_id)
    join source using (source_id)
    join answer using (answer_id) join annotation using (annotation_id) join round using (round_id);

comment on view v_observation is
    'Every single sample of the days that are not packed yet: one question put to one source at one instant. Closed days are packed after a week ([retention] raw): v_packed_hour lists them, `dns-auditor export FILE.parquet --from A --to B` writes both, and v_span has all of the past. Beside an interval of `at` say one of `chunk_at`, an hour longer: it chooses what is read.';
comment on column v_observation.chunk_at is
    'When the first of the samples that are stored with this one was received: at `at`, or less than an hour before.';

drop table observation_row;
