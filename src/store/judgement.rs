//! Verdicts and findings over time, written on change only.
//!
//! A verdict goes on while state, severity and flags stay the same; a finding while severity and names do. What goes on
//! costs nothing to write: whether rounds ran meanwhile is told by the table of rounds.
//!
//! Deliberately absent: reading them, which the questions about the past do.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde_json::Value as Json;
use sqlx::PgConnection;

use super::{StoreError, columns, finish::Place, intern::interned};
use crate::{
    audit::{finding::Finding, verdict::Verdict},
    types::SeriesKey,
};

/// One verdict per key, the most severe where a round gave several; the first of those that are alike.
pub(super) fn worst_by<'a, K: Ord>(
    verdicts: impl Iterator<Item = (K, &'a Verdict)>,
) -> BTreeMap<K, &'a Verdict> {
    let mut worst: BTreeMap<K, &Verdict> = BTreeMap::new();
    for (key, verdict) in verdicts {
        let kept = worst.entry(key).or_insert(verdict);
        if verdict.severity > kept.severity {
            *kept = verdict;
        }
    }
    worst
}

/// One verdict per series, the most severe where a round gave several.
pub(super) fn worst_of_each<'a>(
    verdicts: &'a [Verdict],
    keys: &[SeriesKey],
    series: &HashMap<SeriesKey, i32>,
) -> Result<BTreeMap<i32, &'a Verdict>, StoreError> {
    let ids = keys.iter().map(|key| interned(series, key, "series"));
    let ids = ids.collect::<Result<Vec<i32>, _>>()?;
    Ok(worst_by(ids.into_iter().zip(verdicts)))
}

/// Closes the verdicts that changed, and opens those that are new.
pub(super) async fn write_verdicts(
    connection: &mut PgConnection,
    place: &Place,
    verdicts: &BTreeMap<i32, &Verdict>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let asked: Vec<_> = verdicts.keys().copied().collect();
    let open = sqlx::query!(
        "-- open_verdicts
        select series_id, state, severity, flags from verdict_span
        where series_id = any($1) and group_name = $2 and until is null",
        &asked,
        place.group
    )
    .fetch_all(&mut *connection)
    .await?;
    let open: HashMap<_, _> = open
        .into_iter()
        .map(|row| (row.series_id, (row.state, row.severity, row.flags)))
        .collect();
    let mut changed = VerdictColumns::default();
    for (series_id, verdict) in verdicts {
        let what = gist(verdict)?;
        if open.get(series_id) != Some(&what) {
            changed.push(*series_id, verdict, what)?;
        }
    }
    if changed.series_ids.is_empty() {
        return Ok(());
    }
    changed.close_and_open(connection, &place.group, now).await
}

/// State, severity and flags: a verdict goes on while they stay the same.
pub(super) fn gist(verdict: &Verdict) -> Result<(String, String, Vec<String>), StoreError> {
    let flags: BTreeSet<_> = verdict.flags.iter().collect();
    let flags = flags.into_iter().map(columns::variant_to_text);
    Ok((
        verdict.state.to_string(),
        verdict.severity.to_string(),
        flags.collect::<Result<_, _>>()?,
    ))
}

#[derive(Default)]
struct VerdictColumns {
    series_ids: Vec<i32>,
    states: Vec<String>,
    severities: Vec<String>,
    /// Parted by commas: arrays of unequal length do not nest in `unnest`.
    flags: Vec<String>,
    evidence: Vec<Json>,
}

impl VerdictColumns {
    fn push(
        &mut self,
        series_id: i32,
        verdict: &Verdict,
        (state, severity, flags): (String, String, Vec<String>),
    ) -> Result<(), StoreError> {
        self.series_ids.push(series_id);
        self.states.push(state);
        self.severities.push(severity);
        self.flags.push(flags.join(","));
        self.evidence.push(columns::to_json(verdict)?);
        Ok(())
    }

    async fn close_and_open(
        &self,
        connection: &mut PgConnection,
        group: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "-- close_verdicts
            update verdict_span set until = greatest(since, $3)
            where series_id = any($1) and group_name = $2 and until is null",
            &self.series_ids,
            group,
            now
        )
        .execute(&mut *connection)
        .await?;
        sqlx::query!(
            "-- open_verdicts
            insert into verdict_span (series_id, group_name, state, severity, flags, since, evidence)
            select series_id, $6, state, severity, string_to_array(flags, ','), $7, evidence
            from unnest($1::integer[], $2::text[], $3::text[], $4::text[], $5::jsonb[])
                as given (series_id, state, severity, flags, evidence)",
            &self.series_ids,
            &self.states,
            &self.severities,
            &self.flags,
            &self.evidence,
            group,
            now
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// Ends the findings that are gone or changed, and opens those that are new.
pub(super) async fn write_findings(
    connection: &mut PgConnection,
    place: &Place,
    findings: &[Finding],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let open = sqlx::query!(
        "-- open_findings
        select finding_span_id, kind, subject, severity, names from finding_span
        where vantage_id = $1 and group_name = $2 and until is null",
        place.vantage_id,
        place.group
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut found = worst_findings(findings)?;
    let mut ended = Vec::new();
    for row in open {
        let key = (row.kind, row.subject);
        let gist = (row.severity, row.names);
        let goes_on = found
            .get(&key)
            .is_some_and(|finding| finding_gist(finding) == gist);
        if goes_on {
            found.remove(&key);
        } else {
            ended.push(row.finding_span_id);
        }
    }
    end_findings(connection, &ended, now).await?;
    open_findings(connection, place, &found, now).await
}

/// One finding per kind and subject, the most severe where a round gave several.
pub(super) fn worst_findings(
    findings: &[Finding],
) -> Result<BTreeMap<(String, String), &Finding>, StoreError> {
    let mut worst: BTreeMap<_, &Finding> = BTreeMap::new();
    for finding in findings {
        let subject = columns::to_json(&finding.subject)?.to_string();
        let kept = worst
            .entry((finding.kind.to_string(), subject))
            .or_insert(finding);
        if finding.severity > kept.severity {
            *kept = finding;
        }
    }
    Ok(worst)
}

/// Severity and names: a finding goes on while they stay the same.
pub(super) fn finding_gist(finding: &Finding) -> (String, Vec<String>) {
    (finding.severity.to_string(), names(finding))
}

fn names(finding: &Finding) -> Vec<String> {
    let names: BTreeSet<_> = finding.questions.iter().map(|one| &one.name).collect();
    names.into_iter().map(ToString::to_string).collect()
}

async fn end_findings(
    connection: &mut PgConnection,
    ended: &[i64],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if ended.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "-- end_findings\nupdate finding_span set until = greatest(since, $2) where finding_span_id = any($1)",
        ended,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn open_findings(
    connection: &mut PgConnection,
    place: &Place,
    found: &BTreeMap<(String, String), &Finding>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if found.is_empty() {
        return Ok(());
    }
    let (kinds, subjects): (Vec<_>, Vec<_>) = found.keys().cloned().unzip();
    let severities: Vec<_> = found.values().map(|one| one.severity.to_string()).collect();
    let names: Vec<_> = found.values().map(|one| Json::from(names(one))).collect();
    let evidence = columns::all_to_json(found.values().copied())?;
    sqlx::query!(
        "-- open_findings
        insert into finding_span (vantage_id, group_name, kind, subject, severity, names, since, evidence)
        select $1, $2, kind, subject, severity, array(select jsonb_array_elements_text(names)), $3, evidence
        from unnest($4::text[], $5::text[], $6::text[], $7::jsonb[], $8::jsonb[])
            as given (kind, subject, severity, names, evidence)",
        place.vantage_id,
        place.group,
        now,
        &kinds,
        &subjects,
        &severities,
        &names,
        &evidence
    )
    .execute(connection)
    .await?;
    Ok(())
}
