-- Whose message it is: several vantages share a database, and each knows its own channels only.

alter table outbox add column vantage text collate "C";

update outbox
set vantage = coalesce(
    (select name from incident join vantage using (vantage_id) where incident.incident_id = outbox.incident_id),
    (select name from vantage order by vantage_id limit 1),
    ''
);

alter table outbox alter column vantage set not null;
