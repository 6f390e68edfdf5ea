-- The sentence of a verdict, beside the evidence that has it, too: a state of everything reads it of each verdict that stands, and
-- would take apart as many documents.
alter table verdict_span add column reason text collate "C" generated always as (evidence ->> 'reason') stored;
