//! What is known as of an instant, and of which rows that is read.

use std::time::Duration;

use dns_auditor::{audit::verdict::State, store::Store};
use sqlx::{Connection as _, PgConnection};

use super::{
    questions::{MINUTE, a_small_past, live_through_it},
    samples::at,
};
use crate::postgres::{execute, fresh_database};

#[tokio::test]
async fn the_state_as_of_an_instant_is_what_was_known_then() {
    let store = a_small_past().await;
    let name = "a.example".parse().unwrap();
    let state = async |when: i64| {
        let rows = store.state_at(at(when), Some(&name)).await.unwrap();
        rows.into_iter()
            .map(|row| {
                let span = row.span.span;
                let verdict = row.verdict.map(|verdict| verdict.state);
                (
                    span.series.source.id.clone(),
                    span.answer.to_string(),
                    row.age_seconds,
                    verdict,
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(state(-1).await, [], "nothing was known yet");
    let row = |id: &str, last: &str, age, verdict| {
        (id.to_owned(), format!("192.0.2.{last}"), age, verdict)
    };
    assert_eq!(
        state(2 * MINUTE + 40_000).await,
        [
            row("google", "1", 0, Some(State::Propagating)),
            // Its run ended with the sample of minute 2.
            row("quad9", "1", 39, Some(State::Consistent)),
            row("ns1.example.com", "2", 0, None),
        ]
    );
    let hour = state(63 * MINUTE).await;
    assert_eq!(hour[0], row("google", "1", 3599, Some(State::Propagating)));
    // Three rounds of a minute without a word: what was said of it stands no more.
    let periods = [("dialers".to_owned(), Duration::from_mins(1))].into();
    let late = store.state_at(at(63 * MINUTE), Some(&name)).await.unwrap();
    let late = late.into_iter().map(|row| row.or_unknown(&periods).verdict);
    let late: Vec<_> = late
        .map(|verdict| verdict.map(|verdict| verdict.state))
        .collect();
    assert_eq!(late[0], Some(State::Unknown));
    assert_eq!(store.state_at(at(MINUTE), None).await.unwrap().len(), 3);
}

/// How that is depends on what the server knows of how many runs and answers there are: nothing, for each series one, four, or a
/// hundred.
#[tokio::test]
async fn the_state_of_all_is_that_of_each_however_it_is_read() {
    let url = fresh_database().await;
    let store = Store::open(&url).await.unwrap();
    live_through_it(&store).await;
    let name = "a.example".parse().unwrap();
    for [runs, answers] in [[-1, -1], [1, 1], [1, 100], [4, 1], [100, 100]] {
        let known = format!(
            "update pg_class set reltuples = case relname when 'span' then {runs} when 'answer' then {answers} else 1 end
            where oid in ('span'::regclass, 'answer'::regclass, 'series'::regclass)"
        );
        execute(&url, known).await;
        for when in [-1, 0, 25, MINUTE, 3 * MINUTE + 15, 3 * MINUTE + 200] {
            let of_it = store.state_at(at(when), Some(&name)).await.unwrap();
            let of_all = store.state_at(at(when), None).await.unwrap();
            assert_eq!(of_all, of_it, "{when} {runs} {answers}");
        }
    }
}

#[tokio::test]
async fn thousands_of_states_are_whole_and_in_order() {
    let url = fresh_database().await;
    let store = Store::open(&url).await.unwrap();
    live_through_it(&store).await;
    let few = store.state_at(at(3 * MINUTE), None).await.unwrap();
    let many = "insert into question (name, rtype) select 'n' || nth || '.example', 1 from generate_series(1, 3000) as nth;
        insert into series (vantage_id, question_id, source_id)
        select vantage_id, question.question_id, source_id
        from question, series where question.name like 'n%';
        insert into span (series_id, site, first_seen, answer_id, authoritative, first_ttls, last_seen, samples)
        select series.series_id, site, first_seen, answer_id, authoritative, first_ttls, last_seen, samples
        from series join question using (question_id), (select * from span order by span_id limit 1) as one
        where question.name like 'n%'";
    execute(&url, many.to_owned()).await;
    let states = store.state_at(at(3 * MINUTE), None).await.unwrap();
    assert_eq!(states.len(), few.len() + 3_000 * 3);
    let series = |nth: usize| states[nth].span.span.series.clone();
    assert!((1..states.len()).all(|nth| series(nth - 1) <= series(nth)));
    assert_eq!(states[..few.len()], few);
}

/// Of years of verdicts a state reads those that stood then, by their index. One that ended before it began, by a clock that was
/// set back, never stood.
#[tokio::test]
async fn a_state_reads_no_verdicts_that_had_ended() {
    let url = fresh_database().await;
    let store = Store::open(&url).await.unwrap();
    live_through_it(&store).await;
    let before = store.state_at(at(3 * MINUTE), None).await.unwrap();
    store.close().await;
    let ended = "insert into verdict_span (series_id, group_name, state, severity, flags, since, until, evidence)
        select series_id, group_name, 'divergent', 'critical', flags, began, began + interval '1 second', evidence
        from (select * from verdict_span limit 1) as one, generate_series(1, 20000) as nth,
            lateral (select since - nth * interval '1 day' as began) as earlier;
        insert into verdict_span (series_id, group_name, state, severity, flags, since, until, evidence)
        select series_id, group_name, 'divergent', 'critical', flags, since + interval '1 hour', since, evidence
        from verdict_span limit 1;
        analyze; select pg_stat_reset()";
    execute(&url, ended.to_owned()).await;
    let store = Store::open(&url).await.unwrap();
    assert_eq!(store.state_at(at(3 * MINUTE), None).await.unwrap(), before);
    // What a connection did is counted once it is closed.
    store.close().await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let scans =
        "select idx_scan from pg_stat_user_indexes where indexrelname = 'verdict_span_time_index'";
    let waited = tokio::time::timeout(Duration::from_secs(30), async {
        while sqlx::query_scalar::<_, i64>(scans)
            .fetch_one(&mut connection)
            .await
            .unwrap()
            == 0
        {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    waited.await.unwrap();
}
