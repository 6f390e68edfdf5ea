-- Views for people, Grafana and other programs: the one interface in SQL that is promised. Tables may change with any
-- release; what a view has keeps its name and its meaning, and new columns come at the end.
--
-- A role that may read these and nothing else: `dns-auditor db grants --role NAME` prints its SQL.

-- A record type as people write it (RFC 3597 section 5 for those without a mnemonic).
create function dns_type_text(rtype integer) returns text
    language sql immutable strict parallel safe
    return coalesce(
        (array['A', 'NS', 'CNAME', 'SOA', 'PTR', 'MX', 'TXT', 'AAAA', 'SRV', 'NAPTR', 'DS', 'DNSKEY', 'SVCB', 'HTTPS', 'CAA'])
            [array_position(array[1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 43, 48, 64, 65, 257], rtype)],
        'TYPE' || rtype
    );

-- An RCODE as people write it.
create function dns_rcode_text(rcode integer) returns text
    language sql immutable strict parallel safe
    return coalesce(
        (array['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED', 'NOTAUTH', 'BADVERS', 'BADCOOKIE'])
            [array_position(array[0, 1, 2, 3, 4, 5, 9, 16, 23], rcode)],
        'RCODE' || rcode
    );

-- The RCODE of answer.content; `no reply` where there was none.
create function dns_answer_rcode(content jsonb) returns text
    language sql immutable strict parallel safe
    return coalesce(
        dns_rcode_text(coalesce(content -> 'status' -> 'rcode', content -> 'status' -> 'malformed')::integer),
        'no reply'
    );

-- The records of the last link of answer.content: RDATA, or the target of an alias that leads no further; empty for the rest.
create function dns_answer_records(content jsonb) returns text[]
    language sql immutable strict parallel safe
    return case
        when content -> 'links' -> -1 -> 'value' ? 'cname' then array[content -> 'links' -> -1 -> 'value' ->> 'cname']
        else array(select jsonb_array_elements_text(
            case when content -> 'links' -> -1 -> 'value' ? 'rrset' then content -> 'links' -> -1 -> 'value' -> 'rrset'
            else '[]' end))
    end;

-- Why nothing came, in a few words.
create function dns_no_reply_text(why jsonb) returns text
    language sql immutable strict parallel safe
    return case
        when why ? 'http' then 'HTTP ' || (why ->> 'http')
        when why ? 'tls' then 'TLS: ' || case why ->> 'tls'
            when 'expired' then 'certificate expired'
            when 'not_yet_valid' then 'certificate not yet valid'
            when 'wrong_name' then 'certificate for another name'
            when 'revoked' then 'certificate revoked'
            when 'handshake' then 'handshake failed'
            else replace(why ->> 'tls', '_', ' ')
        end
        else case why #>> '{}'
            when 'refused' then 'connection refused'
            when 'protocol' then 'protocol error'
            else replace(why #>> '{}', '_', ' ')
        end
    end;

-- answer.content in one line, as every face shows it: `CNAME lb.example.net → 192.0.2.1 192.0.2.2`, `NXDOMAIN`, `timeout`.
create function dns_answer_text(content jsonb) returns text
    language sql immutable strict parallel safe
    return case
        when content -> 'status' ? 'no_reply' then dns_no_reply_text(content -> 'status' -> 'no_reply')
        when content -> 'status' ? 'malformed' then 'malformed ' || dns_answer_rcode(content)
        when content -> 'links' <> '[]' then (
            select string_agg(
                case
                    when link -> 'value' ? 'cname' then 'CNAME ' || (link -> 'value' ->> 'cname')
                    when link -> 'value' ? 'rrset' then (
                        select string_agg(record, ' ' order by place)
                        from jsonb_array_elements_text(link -> 'value' -> 'rrset') with ordinality as one (record, place))
                    else upper(link ->> 'value')
                end,
                ' → ' order by nth)
            from jsonb_array_elements(content -> 'links') with ordinality as each (link, nth))
        when dns_answer_rcode(content) = 'NOERROR' then 'no data, no SOA'
        else dns_answer_rcode(content)
    end;

-- A source's transport by its number in observation and message.
create function dns_transport_text(transport integer) returns text
    language sql immutable strict parallel safe
    return (array['udp', 'tcp', 'tls', 'https', 'quic', 'h3'])[transport + 1];

-- What a finding is about, in one line.
create function dns_subject_text(subject jsonb) returns text
    language sql immutable strict parallel safe
    return case
        when subject ? 'question' then (subject -> 'question' ->> 'name') || ' ' || (subject -> 'question' ->> 'type')
        when subject ? 'server' then (subject -> 'server' ->> 'name') || ' ' || (subject -> 'server' ->> 'address')
        when subject ? 'zone' then subject ->> 'zone'
        else subject #>> '{}'
    end;

-- A list of texts out of a document.
create function dns_texts(list jsonb) returns text[]
    language sql immutable strict parallel safe
    return array(select jsonb_array_elements_text(list));


create view v_observation as
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
    round.due_at
from observation join series using (series_id) join vantage using (vantage_id) join question using (question_id)
    join source using (source_id)
    join answer using (answer_id) join annotation using (annotation_id) join round using (round_id);

comment on view v_observation is
    'Every single sample of the days that are still rows: one question put to one source at one instant. Closed days are packed after a week ([retention] raw): v_packed_hour lists them, `dns-auditor export FILE.parquet --from A --to B` writes both, and v_span has all of the past. Say an interval of `at`: it chooses the partitions that are read.';
comment on column v_observation.at is 'When the reply was received, or when waiting for it ended.';
comment on column v_observation.vantage is 'Where the asking instance stood.';
comment on column v_observation.name is 'The name that was asked for.';
comment on column v_observation.type is 'The record type that was asked for: A, AAAA, …';
comment on column v_observation.source_kind is 'Whom it was put to: resolver, or authority.';
comment on column v_observation.source is 'The resolver''s id in the configuration, or the authoritative server''s host name.';
comment on column v_observation.address is 'The address that was asked.';
comment on column v_observation.port is 'The port that was asked.';
comment on column v_observation.transport is 'How it was to be asked: udp, tcp, tls, https, quic, h3.';
comment on column v_observation.answer is 'The whole answer in one line, aliases first; a failure by its name; timeout.';
comment on column v_observation.rcode is 'The RCODE by name; ''no reply'' where none came.';
comment on column v_observation.records is 'The records at the end of the chain of aliases, each once, sorted; empty for denials and failures.';
comment on column v_observation.addresses is 'Every address the answer hands out.';
comment on column v_observation.ttl is 'The lowest TTL of the answer as received, seconds; null where nothing was answered.';
comment on column v_observation.expires_at is 'Until when a client that got this reply may use it: at + ttl.';
comment on column v_observation.ttls is 'Every TTL, where they are not all the same: links end in '';'', TTLs within a link are parted by '',''.';
comment on column v_observation.site is 'The backend behind the address, by its NSID (RFC 5001); null where it does not say.';
comment on column v_observation.ede is 'Extended errors (RFC 8914) in the order received: [{"code": 3, "text": ""}].';
comment on column v_observation.aa is 'Authoritative answer.';
comment on column v_observation.tc is 'The first reply over UDP was truncated.';
comment on column v_observation.ra is 'Recursion available.';
comment on column v_observation.ad is 'Authentic data: the resolver has validated it.';
comment on column v_observation.aside is 'Our own question with CD=1 beside a plain one: evidence, and no sample that a client would see.';
comment on column v_observation.carried_by is 'The transport that brought the reply: tcp where udp was truncated or silent.';
comment on column v_observation.rtt_ms is 'Milliseconds from the last attempt to the reply.';
comment on column v_observation.attempts is 'How often it was asked until an answer came, or none.';
comment on column v_observation.size is 'Octets of the reply.';
comment on column v_observation.mismatched is 'Datagrams that came meanwhile and answered no question of ours.';
comment on column v_observation.group_name is 'The group whose round it belongs to.';
comment on column v_observation.due_at is 'When that round was due.';

create view v_packed_hour as
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
    octet_length(observation_pack.body) as octets
from observation_pack join series using (series_id) join vantage using (vantage_id) join question using (question_id)
    join source using (source_id);

comment on view v_packed_hour is
    'Hours whose samples are packed, and no longer rows of v_observation: how many of each question and source. `dns-auditor export` reads them.';
comment on column v_packed_hour.hour is 'The beginning of the hour (UTC).';
comment on column v_packed_hour.vantage is 'Where the asking instance stood.';
comment on column v_packed_hour.name is 'The name that was asked for.';
comment on column v_packed_hour.type is 'The record type that was asked for: A, AAAA, …';
comment on column v_packed_hour.source_kind is 'Whom it was put to: resolver, or authority.';
comment on column v_packed_hour.source is 'The resolver''s id in the configuration, or the authoritative server''s host name.';
comment on column v_packed_hour.address is 'The address that was asked.';
comment on column v_packed_hour.port is 'The port that was asked.';
comment on column v_packed_hour.transport is 'How it was to be asked: udp, tcp, tls, https, quic, h3.';
comment on column v_packed_hour.samples is 'Samples of the hour in this pack. What came late has a pack of its own.';
comment on column v_packed_hour.octets is 'Octets of the pack.';

create view v_span as
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
    span.cached_until
from span join series using (series_id) join vantage using (vantage_id) join question using (question_id)
    join source using (source_id)
    join answer using (answer_id);

comment on view v_span is
    'Who served what, from when until when: unbroken runs of one answer from one source and site. Kept for ever unless [retention] says otherwise.';
comment on column v_span.vantage is 'Where the asking instance stood.';
comment on column v_span.name is 'The name that was asked for.';
comment on column v_span.type is 'The record type that was asked for: A, AAAA, …';
comment on column v_span.source_kind is 'Whom it was put to: resolver, or authority.';
comment on column v_span.source is 'The resolver''s id in the configuration, or the authoritative server''s host name.';
comment on column v_span.address is 'The address that was asked.';
comment on column v_span.port is 'The port that was asked.';
comment on column v_span.transport is 'How it was to be asked: udp, tcp, tls, https, quic, h3.';
comment on column v_span.site is 'The backend behind the address, by its NSID (RFC 5001); null where it does not say.';
comment on column v_span.answer is 'The whole answer in one line, aliases first; a failure by its name; timeout.';
comment on column v_span.rcode is 'The RCODE by name; ''no reply'' where none came.';
comment on column v_span.records is 'The records at the end of the chain of aliases, each once, sorted; empty for denials and failures.';
comment on column v_span.addresses is 'Every address the answer hands out.';
comment on column v_span.authoritative is 'Whether it is an authoritative server''s own word (AA).';
comment on column v_span.first_seen is 'The first sample of the run.';
comment on column v_span.last_seen is 'The last sample of the run.';
comment on column v_span.samples is 'How many samples the run has.';
comment on column v_span.ttl_min is 'The lowest TTL seen, seconds; null where nothing was answered.';
comment on column v_span.ttl_max is 'The highest TTL seen, seconds: at an authority its own, at a cache what was left of it.';
comment on column v_span.first_expires_at is 'When the first sample of the run expires.';
comment on column v_span.cached_until is 'Until when a client may hold this answer from there: the latest instant of receipt + TTL.';

create view v_verdict as
select
    vantage.name as vantage,
    verdict_span.group_name,
    question.name,
    dns_type_text(question.rtype) as type,
    source.name as resolver,
    source.address,
    source.port,
    source.transport,
    verdict_span.evidence ->> 'operator' as operator,
    verdict_span.state,
    verdict_span.severity,
    verdict_span.severity in ('warning', 'critical') as is_bad,
    verdict_span.flags,
    verdict_span.since,
    verdict_span.until,
    verdict_span.evidence ->> 'reason' as reason,
    dns_texts(verdict_span.evidence -> 'observed' -> 'records') as records,
    dns_texts(nullif(verdict_span.evidence -> 'baseline' -> 'records', 'null')) as right_records,
    (verdict_span.evidence ->> 'cached_until')::timestamptz as cached_until,
    (verdict_span.evidence ->> 'worst_case_until')::timestamptz as worst_case_until,
    verdict_span.evidence
from verdict_span join series using (series_id) join vantage using (vantage_id) join question using (question_id)
    join source using (source_id);

comment on view v_verdict is
    'What rounds said of each question at each resolver, from the round that first said it until the round that said otherwise. A verdict speaks for the time in which rounds ran: see v_round.';
comment on column v_verdict.vantage is 'Where the asking instance stood.';
comment on column v_verdict.group_name is 'The group whose policy it was judged by.';
comment on column v_verdict.name is 'The name that was asked for.';
comment on column v_verdict.type is 'The record type that was asked for: A, AAAA, …';
comment on column v_verdict.resolver is 'The resolver''s id in the configuration.';
comment on column v_verdict.address is 'The address that was asked.';
comment on column v_verdict.port is 'The port that was asked.';
comment on column v_verdict.transport is 'How it was to be asked: udp, tcp, tls, https, quic, h3.';
comment on column v_verdict.operator is 'Who runs the resolver: one voice in a quorum.';
comment on column v_verdict.state is 'The verdict: consistent, propagating, divergent, …';
comment on column v_verdict.severity is 'none, info, warning or critical.';
comment on column v_verdict.is_bad is 'Whether clients were sent wrong, or got nothing: warning or critical.';
comment on column v_verdict.flags is 'Remarks beside the verdict.';
comment on column v_verdict.since is 'The round that first gave it.';
comment on column v_verdict.until is 'The round that gave another; null while it stands.';
comment on column v_verdict.reason is 'Why, in one sentence, as the first round gave it.';
comment on column v_verdict.records is 'What the resolver said in the first round; empty for denials and failures.';
comment on column v_verdict.right_records is 'What was right then; null where nothing was held against it.';
comment on column v_verdict.cached_until is 'Until when a client may hold the answer, as known in the first round.';
comment on column v_verdict.worst_case_until is 'Until when a cache may hand it out at worst, as known in the first round.';
comment on column v_verdict.evidence is 'The verdict of the first round as a whole, as `dns-auditor timeline --format json` has it.';

create view v_finding as
select
    vantage.name as vantage,
    finding_span.group_name,
    finding_span.kind,
    finding_span.severity,
    dns_subject_text(finding_span.evidence -> 'subject') as subject,
    finding_span.evidence ->> 'zone' as zone,
    finding_span.names,
    dns_texts(finding_span.evidence -> 'authorities') as authorities,
    finding_span.since,
    finding_span.until,
    finding_span.evidence ->> 'reason' as reason,
    finding_span.evidence
from finding_span join vantage using (vantage_id);

comment on view v_finding is
    'What was wrong with names, zones and authoritative servers by themselves, from the round that first found it until the first round without it.';
comment on column v_finding.vantage is 'Where the asking instance stood.';
comment on column v_finding.group_name is 'The group.';
comment on column v_finding.kind is 'The finding: ttl_above_policy, authority_split, …';
comment on column v_finding.severity is 'none, info, warning or critical.';
comment on column v_finding.subject is 'What it is about: a name and type, a server and its address, a zone, or vantage.';
comment on column v_finding.zone is 'The zone it belongs to, where one is known.';
comment on column v_finding.names is 'Every name it concerns.';
comment on column v_finding.authorities is 'The authoritative servers it was seen at.';
comment on column v_finding.since is 'The round that first found it.';
comment on column v_finding.until is 'The first round without it; null while it stands.';
comment on column v_finding.reason is 'Why, in one sentence that names the link, the number and the limit.';
comment on column v_finding.evidence is 'The finding of the first round as a whole, as `dns-auditor findings --format json` has it.';

create view v_incident as
select
    incident.incident_id,
    vantage.name as vantage,
    incident.group_name,
    incident.axis,
    incident.subject,
    incident.status,
    incident.verdict,
    incident.severity,
    incident.names,
    dns_texts(incident.document -> 'types') as types,
    incident.resolvers,
    dns_texts(incident.document -> 'authorities') as authorities,
    dns_texts(nullif(incident.document -> 'baseline' -> 'records', 'null')) as right_records,
    incident.opened_at,
    (incident.document ->> 'confirmed_at')::timestamptz as confirmed_at,
    (incident.document ->> 'last_bad_at')::timestamptz as last_bad_at,
    (incident.document ->> 'recovering_at')::timestamptz as recovering_at,
    incident.resolved_at,
    incident.acked_at,
    (incident.document ->> 'cached_until')::timestamptz as cached_until,
    (incident.document ->> 'worst_case_until')::timestamptz as worst_case_until,
    incident.document ->> 'reason' as reason
from incident join vantage using (vantage_id);

comment on view v_incident is
    'Incidents: what was confirmed, from the first bad sample to the end.';
comment on column v_incident.incident_id is 'Its id, as messages have it.';
comment on column v_incident.vantage is 'Where the asking instance stood.';
comment on column v_incident.group_name is 'The group.';
comment on column v_incident.axis is 'Along which line it is one: name, resolver, authority or vantage.';
comment on column v_incident.subject is 'The name and type, the resolver, the server or zone, or the vantage.';
comment on column v_incident.status is 'open, recovering or resolved.';
comment on column v_incident.verdict is 'The verdict''s or the finding''s name.';
comment on column v_incident.severity is 'The worst so far: warning or critical.';
comment on column v_incident.names is 'Every name it concerns.';
comment on column v_incident.types is 'The record types it concerns.';
comment on column v_incident.resolvers is 'Every resolver it was seen at.';
comment on column v_incident.authorities is 'The authoritative servers it was seen at.';
comment on column v_incident.right_records is 'What is right; null where nothing was held against it.';
comment on column v_incident.opened_at is 'The first bad sample.';
comment on column v_incident.confirmed_at is 'When it was confirmed.';
comment on column v_incident.last_bad_at is 'The last bad sample so far.';
comment on column v_incident.recovering_at is 'When three rounds in a row had been clean.';
comment on column v_incident.resolved_at is 'When it ended; null before.';
comment on column v_incident.acked_at is 'When a person took it; null where nobody has.';
comment on column v_incident.cached_until is 'Until when a client may hold a bad answer that was seen.';
comment on column v_incident.worst_case_until is 'Until when a cache may hand one out at worst.';
comment on column v_incident.reason is 'Why, in one sentence of the worst evidence.';

create view v_incident_event as
select
    incident_event.incident_event_id as event_id,
    incident_event.incident_id,
    incident_event.at,
    incident_event.kind,
    incident_event.step,
    incident_event.channel,
    incident_event.message_id,
    incident_event.attempt,
    incident_event.detail
from incident_event;

comment on view v_incident_event is
    'What happened to incidents, in order: steps, what people did, and every attempt to tell somebody. Rows are only ever added.';
comment on column v_incident_event.event_id is 'Grows in the order of recording.';
comment on column v_incident_event.incident_id is 'The incident, as in v_incident; null for the test of a channel.';
comment on column v_incident_event.at is 'When.';
comment on column v_incident_event.kind is 'opened, updated, reminder, resolved: steps; acked, closed: people; delivered, delivery_failed, delivery_buried, replayed, held, released: messages.';
comment on column v_incident_event.step is 'The step''s number within the incident, from 0; null for all else.';
comment on column v_incident_event.channel is 'The channel, for messages.';
comment on column v_incident_event.message_id is 'The message, as in v_delivery.';
comment on column v_incident_event.attempt is 'Which attempt to deliver the message, from 1.';
comment on column v_incident_event.detail is 'Why, by whom, or what the receiver answered.';

create view v_delivery as
select
    outbox.message_id,
    outbox.vantage,
    outbox.incident_id,
    outbox.channel,
    outbox.instead_of,
    outbox.kind,
    outbox.severity,
    case when outbox.delivered_at is not null then 'delivered' when outbox.buried_at is not null then 'buried'
        when outbox.settled_at is not null then 'silenced' when outbox.held_at is not null then 'held' else 'waiting' end as state,
    outbox.created_at,
    outbox.delivered_at,
    outbox.delivered_at - outbox.created_at as took,
    outbox.attempts,
    outbox.last_error,
    outbox.held_by
from outbox;

comment on view v_delivery is
    'Messages: what was written for which channel, and what became of it.';
comment on column v_delivery.message_id is 'Its id, the same over all attempts.';
comment on column v_delivery.vantage is 'Whose message it is.';
comment on column v_delivery.incident_id is 'The incident it tells of; null for the test of a channel.';
comment on column v_delivery.channel is 'The channel''s id in the configuration.';
comment on column v_delivery.instead_of is 'The channel that was meant, where this one told it instead.';
comment on column v_delivery.kind is 'incident.opened, incident.updated, incident.reminder, incident.resolved or test.';
comment on column v_delivery.severity is 'The severity of what it tells.';
comment on column v_delivery.state is 'waiting, delivered, buried (given up), held (by a silence or maintenance that lasts) or silenced (that is over).';
comment on column v_delivery.created_at is 'When it was written.';
comment on column v_delivery.delivered_at is 'When its channel took it.';
comment on column v_delivery.took is 'From writing to delivery.';
comment on column v_delivery.attempts is 'Attempts so far.';
comment on column v_delivery.last_error is 'Why the last attempt failed.';
comment on column v_delivery.held_by is 'What held it back, where something did.';

create view v_round as
select
    vantage.name as vantage,
    round.group_name,
    round.due_at,
    round.started_at,
    round.finished_at,
    round.status,
    round.started_at - round.due_at as delay,
    round.finished_at - round.started_at as took
from round join vantage using (vantage_id);

comment on view v_round is
    'Every round of every group: when it was due, when it ran. Where there is no finished round nothing was watched, and no bad verdict means nothing.';
comment on column v_round.vantage is 'Where the asking instance stood.';
comment on column v_round.group_name is 'The group.';
comment on column v_round.due_at is 'When it was due.';
comment on column v_round.started_at is 'When it began; null where it never did.';
comment on column v_round.finished_at is 'When it was judged, or given up.';
comment on column v_round.status is 'running, finished, abandoned (cut off) or missed (never begun).';
comment on column v_round.delay is 'How late it began.';
comment on column v_round.took is 'How long it ran.';

create view v_declaration as
select
    declaration.declaration_id,
    declaration.kind,
    declaration.names,
    declaration.at,
    declaration.document,
    declaration.declared_at,
    declaration.declared_by,
    declaration.via,
    declaration.withdrawn_at,
    declaration.withdrawn_by
from declaration;

comment on view v_declaration is
    'What people declared: changes of records to come, and flushes of resolvers'' caches.';
comment on column v_declaration.declaration_id is 'Its id.';
comment on column v_declaration.kind is 'change or flush.';
comment on column v_declaration.names is 'The names it speaks of.';
comment on column v_declaration.at is 'The instant it is about.';
comment on column v_declaration.document is 'What is declared, as `dns-auditor change list --format json` has it.';
comment on column v_declaration.declared_at is 'When it was made.';
comment on column v_declaration.declared_by is 'By whom.';
comment on column v_declaration.via is 'cli or http.';
comment on column v_declaration.withdrawn_at is 'When it was withdrawn; null while it stands.';
comment on column v_declaration.withdrawn_by is 'By whom.';

create view v_silence as
select
    silence.silence_id,
    silence.matchers,
    silence.comment,
    silence.made_by,
    silence.made_at,
    silence.starts_at,
    silence.ends_at,
    silence.expired_at,
    silence.expired_by
from silence;

comment on view v_silence is
    'What people keep quiet, or kept.';
comment on column v_silence.silence_id is 'Its id.';
comment on column v_silence.matchers is 'What it covers: every matcher must hold.';
comment on column v_silence.comment is 'Why.';
comment on column v_silence.made_by is 'By whom.';
comment on column v_silence.made_at is 'When it was made.';
comment on column v_silence.starts_at is 'From when on.';
comment on column v_silence.ends_at is 'Until when at most.';
comment on column v_silence.expired_at is 'When somebody ended it before; null where nobody did.';
comment on column v_silence.expired_by is 'By whom.';

create view v_proof as
select
    message.at,
    vantage.name as vantage,
    question.name,
    dns_type_text(question.rtype) as type,
    source.kind as source_kind,
    source.name as source,
    source.address,
    source.port,
    source.transport,
    message.kept_for,
    dns_transport_text(message.transport) as carried_by,
    message.rtt_us / 1000.0 as rtt_ms,
    octet_length(message.body) as octets
from message join series using (series_id) join vantage using (vantage_id) join question using (question_id)
    join source using (source_id);

comment on view v_proof is
    'Queries and replies that are kept as they travelled. `dns-auditor evidence NAME --hex` shows the octets.';
comment on column v_proof.at is 'When the reply was received, or when waiting for it ended.';
comment on column v_proof.vantage is 'Where the asking instance stood.';
comment on column v_proof.name is 'The name that was asked for.';
comment on column v_proof.type is 'The record type that was asked for: A, AAAA, …';
comment on column v_proof.source_kind is 'Whom it was put to: resolver, or authority.';
comment on column v_proof.source is 'The resolver''s id in the configuration, or the authoritative server''s host name.';
comment on column v_proof.address is 'The address that was asked.';
comment on column v_proof.port is 'The port that was asked.';
comment on column v_proof.transport is 'How it was to be asked: udp, tcp, tls, https, quic, h3.';
comment on column v_proof.kept_for is 'What it proves: a verdict''s or a finding''s name, or baseline.';
comment on column v_proof.carried_by is 'The transport that brought the reply.';
comment on column v_proof.rtt_ms is 'Milliseconds from the last attempt to the reply.';
comment on column v_proof.octets is 'Octets that it takes, compressed.';
