-- Where the messages of an incident stand that a Slack app tells of it: one thread for each channel.
--
-- As in `outbox`, no foreign key to `incident`: what was told while the database was away is recorded when it comes back.

create table slack_thread (
    vantage text collate "C" not null,
    channel text collate "C" not null,
    incident_id uuid not null,
    -- Slack's own names for the conversation and for the thread's first message.
    conversation text collate "C" not null,
    ts text collate "C" not null,
    -- When the message was written that the first message shows, and what it said of the severity.
    shown_at timestamptz not null,
    severity text not null,
    constraint slack_thread_pk primary key (vantage, channel, incident_id)
);
