-- What is kept quiet on purpose: silences, and the messages that they or a window of maintenance held back.

-- Written once; ending it before its time fills the last two columns, once. It belongs to no vantage.
create table silence (
    silence_id uuid constraint silence_pk primary key,
    -- As people write them (types::Matchers).
    matchers text[] not null constraint silence_matchers check (cardinality(matchers) > 0),
    comment text not null,
    made_by text not null,
    made_at timestamptz not null,
    via text collate "C" not null constraint silence_via check (via in ('cli', 'http')),
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    expired_at timestamptz,
    expired_by text,
    constraint silence_order check (starts_at < ends_at),
    constraint silence_expiry check ((expired_at is null) = (expired_by is null))
);

create index silence_ends_index on silence (ends_at);

alter table outbox
    -- When it was held back, and by what.
    add column held_at timestamptz,
    add column held_by text,
    -- When that was over: it was told by another message, or there was nothing left to tell.
    add column settled_at timestamptz,
    add constraint outbox_held check ((held_at is null) = (held_by is null)),
    add constraint outbox_settled check (settled_at is null or held_at is not null);

-- What is held back waits for no attempt.
drop index outbox_waiting_index;
create index outbox_waiting_index on outbox (available_at, position)
    where delivered_at is null and buried_at is null and held_at is null;
drop index outbox_undelivered_index;
create index outbox_undelivered_index on outbox (created_at) where delivered_at is null and settled_at is null;
drop index outbox_order_index;
create index outbox_order_index on outbox (incident_id, channel, position)
    where delivered_at is null and buried_at is null and held_at is null;
create index outbox_held_index on outbox (vantage) where held_at is not null and settled_at is null;
-- What a channel was told of an incident before.
create index outbox_incident_index on outbox (incident_id, channel);
