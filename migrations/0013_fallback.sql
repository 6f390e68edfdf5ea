-- Until when a message is news, whom it goes to where its channel takes nothing, and which channels take nothing.

alter table outbox
    -- Sent later, it is history and says so; null: it is news for ever (the test of a channel).
    add column expires_at timestamptz,
    -- The channel that was meant, where this one tells it instead.
    add column instead_of text collate "C",
    -- The channel that tells it where its own does not take it, and what is sent there.
    add column fallback text collate "C",
    add column fallback_body jsonb,
    add constraint outbox_fallback check ((fallback is null) = (fallback_body is null));

-- Channels whose receiver said that it is not there. Nothing but a test is sent to them meanwhile.
create table disabled_channel (
    vantage text collate "C" not null,
    channel text collate "C" not null,
    since timestamptz not null,
    until timestamptz not null,
    reason text not null,
    constraint disabled_channel_pk primary key (vantage, channel)
);
