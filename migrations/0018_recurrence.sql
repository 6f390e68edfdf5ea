-- When breaches began of late: what tells one that comes and goes. Written with every round, as candidates are.

create table recurrence (
    vantage_id smallint not null constraint recurrence_vantage_fk references vantage,
    group_name text collate "C" not null,
    -- What began, and when (audit::incident::Recurrence).
    document jsonb not null
);

create index recurrence_group_index on recurrence (vantage_id, group_name);
