-- What one channel taught about all its messages: that it takes them again, or that it is time to look whether it does.

alter table outbox
    -- Whether it may be sent before its time, since its channel took another message.
    add column woken boolean not null default false,
    -- Attempts made before their time: they use up none of those that a message has.
    add column probes integer not null default 0,
    add constraint outbox_probes check (probes between 0 and attempts);
