-- What is told, and what became of it.
--
-- Neither table refers to `incident` by a foreign key: what was told while the database was away is recorded when it
-- comes back, perhaps before the round that holds the incident.

-- Append-only: every step of an incident, every attempt to tell it, every act of a person.
create table incident_event (
    incident_event_id bigint generated always as identity constraint incident_event_pk primary key,
    -- Null for messages that belong to no incident (tests of a channel).
    incident_id uuid,
    at timestamptz not null,
    -- opened, updated, reminder, resolved: steps; acked, closed: acts of a person;
    -- delivered, delivery_failed, delivery_buried: attempts.
    kind text not null,
    -- The step's number within the incident.
    step bigint,
    channel text collate "C",
    message_id uuid,
    attempt integer,
    detail text not null
);

create index incident_event_incident_index on incident_event (incident_id, incident_event_id);
create index incident_event_message_index on incident_event (message_id) where message_id is not null;

-- A step is recorded once, however often it is handed in.
create unique index incident_event_step_key on incident_event (incident_id, step) where step is not null;

-- Messages to be told. A lease is a claim for some seconds, never an open transaction.
create table outbox (
    message_id uuid constraint outbox_pk primary key,
    -- The order of writing, which is the order of telling within (incident, channel).
    position bigint generated always as identity constraint outbox_position_key unique,
    incident_id uuid,
    channel text collate "C" not null,
    kind text not null,
    severity text not null,
    body jsonb not null,
    created_at timestamptz not null,
    available_at timestamptz not null,
    attempts integer not null default 0,
    lease_until timestamptz,
    leased_by text collate "C",
    delivered_at timestamptz,
    buried_at timestamptz,
    last_error text
);

create index outbox_waiting_index on outbox (available_at, position) where delivered_at is null and buried_at is null;
-- For the depth of the outbox: what waits, and what was given up.
create index outbox_undelivered_index on outbox (created_at) where delivered_at is null;

create index outbox_order_index on outbox (incident_id, channel, position) where delivered_at is null and buried_at is null;
