-- Which verdicts stood at an instant: a state of everything asks for them, and most verdicts of years have ended long before it
-- or began after it. A clock that was set back may have made one end before it began: it never stood.
create index verdict_span_time_index on verdict_span
    using gist (tstzrange(since, case when until < since then since else until end));
