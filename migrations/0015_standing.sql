-- What was last told of an incident that is not over, for receivers that forget what is not told again.

create index outbox_told_index on outbox (incident_id, channel, position) where delivered_at is not null;
