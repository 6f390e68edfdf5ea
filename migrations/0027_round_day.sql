-- What rounds came to, day by day: so that whoever counts months of them need not read each.

-- The rounds of a group at a vantage that were due on a day (UTC), once all of them have ended. A row is right or is not
-- there: whatever changes a round of the day removes it in the same transaction, and the program makes it again later.
create table round_day (
    vantage_id smallint not null constraint round_day_vantage_fk references vantage,
    group_name text collate "C" not null,
    day date not null,
    finished integer not null,
    missed integer not null,
    abandoned integer not null,
    -- When the first finished one was due, and the last.
    first_at timestamptz,
    last_at timestamptz,
    -- The finished ones around the longest stretch without one, the earliest such; null where fewer than two finished.
    gap_from timestamptz,
    gap_to timestamptz,
    constraint round_day_pk primary key (vantage_id, group_name, day)
);

-- Whoever changes a round holds the lock of its group, shared, until the transaction ends; whoever sums up days of the group
-- holds it alone, and reads rounds after that. So a round is changed either before it is read, or after its day was
-- written: then the row is found here, since a statement sees what was committed before it began, and the second begins
-- with the lock. (Not so above read committed, at which nobody writes rounds.)
create function forget_round_day(vantage_id smallint, group_name text, due_at timestamptz) returns void
    language plpgsql
    as $$
    begin
        perform pg_advisory_xact_lock_shared(hashtextextended('dns-auditor round_day ' || $2, $1));
        delete from round_day as known
        where known.vantage_id = $1 and known.group_name = $2 and known.day = ($3 at time zone 'UTC')::date;
    end $$;

create function forget_day_of_round() returns trigger
    language plpgsql
    as $$
    begin
        if tg_op <> 'INSERT' then
            perform forget_round_day(old.vantage_id, old.group_name, old.due_at);
        end if;
        if tg_op = 'INSERT' or (tg_op = 'UPDATE'
            and (old.vantage_id, old.group_name, old.due_at) is distinct from (new.vantage_id, new.group_name, new.due_at))
        then
            perform forget_round_day(new.vantage_id, new.group_name, new.due_at);
        end if;
        return null;
    end $$;

-- Of any day: which one is open is known to the clock alone, and clocks jump. Where there is nothing to remove it takes some
-- tens of microseconds.
create trigger round_begun_or_gone after insert or delete on round for each row execute function forget_day_of_round();

create trigger round_changed after update on round for each row when (old.* is distinct from new.*)
    execute function forget_day_of_round();
