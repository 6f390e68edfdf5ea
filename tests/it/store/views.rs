//! The views: what they say of rounds that ran for real.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use dns_auditor::{
    store::{
        closing::Pace,
        incidents::IncidentFilter,
        outbox::{LogFilter, MessageState},
        timeline::TimelineQuery,
    },
    types::{Answer, NoReply, Rcode, Status, TlsFailure},
};
use serde_json::{Value as Json, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::ingest::odd_ones;
use crate::{postgres::fresh_database, rounds::Watched, sink::Sink};

/// Three rounds with a wrong address in `beta`, a TTL of 300 where 60 is allowed, and a flush and a silence that
/// somebody declared.
pub(crate) async fn history() -> Watched {
    let sink = Sink::start([]).await;
    let watched = Watched::with(sink, "schedule = \"*/5 * * * * *\"\nmax_ttl = 60").await;
    let watched = watched.with_a_wrong_address().await;
    // A receiver is sent a message a second.
    let until = Instant::now() + Duration::from_mins(1);
    while waiting(&watched).await && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(50)).await;
        watched.deliver().await;
    }
    for args in [
        &["flush", "note", "beta", "dialer1.example.com"][..],
        &["silence", "add", "group=dialers", "--comment", "a test"],
    ] {
        let ran = crate::cli::history::over(&watched, args).await;
        assert_eq!(ran.code, 0);
    }
    watched
}

async fn waiting(watched: &Watched) -> bool {
    let filter = LogFilter {
        state: Some(MessageState::Waiting),
        ..LogFilter::default()
    };
    let log = watched.store.message_log("us-west-2", &filter, 1).await;
    !log.unwrap().is_empty()
}

/// The database of these rounds.
pub(crate) fn url(watched: &Watched) -> String {
    let url = watched.config.database.url.as_ref().unwrap();
    url.expose_str().into_owned()
}

/// Every row of a query, as JSON.
pub(crate) async fn rows(url: &str, query: &str) -> Result<Vec<Json>, sqlx::Error> {
    let query = query.trim().trim_end_matches(';');
    let statement = format!("select to_jsonb(one) from ({query}) as one");
    let mut connection = PgConnection::connect(url).await?;
    let read = sqlx::query_scalar(AssertSqlSafe(statement));
    let read = read.fetch_all(&mut connection).await;
    connection.close().await?;
    read
}

fn instant(json: &Json) -> DateTime<Utc> {
    json.as_str().unwrap().parse().unwrap()
}

/// An interval as PostgreSQL writes it.
fn clock_text(seconds: u32) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3_600);
    format!("{hours:02}:{:02}:{:02}", minutes % 60, seconds % 60)
}

#[tokio::test]
async fn spans_and_verdicts_are_those_of_the_timeline() {
    let watched = history().await;
    let url = url(&watched);
    let query = TimelineQuery {
        name: "dialer1.example.com".parse().unwrap(),
        rtype: None,
        from: None,
        to: None,
        resolver: None,
    };
    let mut past = watched.store.timeline(&query).await.unwrap();
    past.spans
        .sort_by_key(|one| (one.span.series.source.id.clone(), one.span.first_seen));
    let of_name = |view, order| {
        format!(
            "select * from {view} where name = 'dialer1.example.com' and type = 'A' order by {order}"
        )
    };
    let spans = rows(&url, &of_name("v_span", "source, first_seen"))
        .await
        .unwrap();
    assert_eq!((spans.len(), past.spans.len()), (4, 4), "{spans:#?}");
    for (row, recorded) in spans.iter().zip(&past.spans) {
        let span = &recorded.span;
        let source = &span.series.source;
        assert_eq!(row["vantage"], "us-west-2");
        assert_eq!(row["source"], *source.id);
        assert_eq!(row["port"], source.address.port());
        assert_eq!(row["address"], source.address.ip().to_string());
        assert_eq!(row["answer"], span.answer.to_string());
        assert_eq!(
            row["records"],
            json!(span.answer.last().unwrap().value.records())
        );
        assert_eq!(row["site"], json!(span.site));
        assert_eq!(row["authoritative"], span.authoritative);
        assert_eq!(row["samples"], span.samples);
        assert_eq!(row["ttl_max"], span.ttl_max.unwrap());
        assert_eq!(instant(&row["last_seen"]), span.last_seen);
        assert_eq!(instant(&row["cached_until"]), span.cached_until.unwrap());
        assert_eq!(
            row["longest_silence"],
            clock_text(span.longest_silence_s.unwrap())
        );
    }
    let verdicts = rows(&url, &of_name("v_verdict", "since, resolver"))
        .await
        .unwrap();
    assert_eq!(verdicts.len(), past.verdicts.len());
    for (row, verdict) in verdicts.iter().zip(&past.verdicts) {
        assert_eq!(row["resolver"], *verdict.resolver);
        assert_eq!(row["state"], verdict.state.name());
        assert_eq!(row["severity"], verdict.severity.to_string());
        assert_eq!(row["evidence"], verdict.evidence);
        assert_eq!(row["reason"], verdict.evidence["reason"]);
        assert_eq!(instant(&row["since"]), verdict.since);
    }
    let bad: Vec<_> = verdicts
        .iter()
        .filter(|row| row["is_bad"] == true)
        .collect();
    assert_eq!(bad.len(), 1, "{bad:#?}");
    assert_eq!(bad[0]["operator"], "Beta Ltd.");
    assert_eq!(bad[0]["records"], json!(["198.51.100.66"]));
    assert_eq!(bad[0]["right_records"], json!(["192.0.2.1"]));
    assert_eq!(bad[0]["until"], Json::Null);
    assert!(instant(&bad[0]["worst_case_until"]) >= instant(&bad[0]["cached_until"]));
}

#[tokio::test]
async fn samples_are_seen_until_their_day_is_packed_and_the_view_of_packs_says_so() {
    let watched = history().await;
    let url = url(&watched);
    let all = rows(
        &url,
        "select * from v_observation where not aside order by at",
    )
    .await
    .unwrap();
    // Four names at an authority and two resolvers in three rounds; what was suspicious was asked again.
    assert!(all.len() >= 36, "{}", all.len());
    let wrong: Vec<_> = all
        .iter()
        .filter(|row| row["answer"] == "198.51.100.66")
        .collect();
    let first = wrong.first().unwrap();
    assert_eq!(
        (&first["source_kind"], &first["source"]),
        (&json!("resolver"), &json!("beta"))
    );
    assert_eq!(
        (&first["rcode"], &first["ra"]),
        (&json!("NOERROR"), &json!(true))
    );
    assert_eq!(
        (&first["carried_by"], &first["transport"]),
        (&json!("udp"), &json!("udp"))
    );
    assert_eq!(first["group_name"], "dialers");
    let ttl = TimeDelta::seconds(first["ttl"].as_i64().unwrap());
    assert_eq!(instant(&first["at"]) + ttl, instant(&first["expires_at"]));
    assert!(first["rtt_ms"].as_f64().unwrap() > 0.0);
    let of_alpha = all.iter().find(|row| row["source"] == "alpha").unwrap();
    assert_eq!(of_alpha["site"], "fra3");
    assert!(
        all.iter()
            .any(|row| row["source_kind"] == "authority" && row["aa"] == true)
    );

    let astray =
        "select at from v_observation where chunk_at > at or chunk_at <= at - interval '1 hour'";
    assert_eq!(rows(&url, astray).await.unwrap(), [Json::Null; 0]);
    let everything = rows(&url, "select * from v_observation")
        .await
        .unwrap()
        .len();
    let later = Utc::now() + TimeDelta::days(3);
    let packed = watched
        .store
        .pack_due(Duration::ZERO, later, Pace::Full)
        .await;
    assert!(packed.unwrap().is_some());
    assert_eq!(
        rows(&url, "select * from v_observation").await.unwrap(),
        [Json::Null; 0]
    );
    let packs = rows(&url, "select * from v_packed_hour where octets > 0")
        .await
        .unwrap();
    let samples: u64 = packs
        .iter()
        .map(|row| row["samples"].as_u64().unwrap())
        .sum();
    assert_eq!(samples, everything as u64);
    assert!(
        packs
            .iter()
            .any(|row| row["source"] == "beta" && row["name"] == "dialer1.example.com")
    );
}

#[expect(clippy::too_many_lines, reason = "one story, read through every view")]
#[tokio::test]
async fn what_was_found_confirmed_told_and_declared_is_said_as_everywhere() {
    let watched = history().await;
    let (url, store) = (url(&watched), &watched.store);
    let page = store
        .incidents(&IncidentFilter::default(), None, 10)
        .await
        .unwrap();
    let incidents = rows(
        &url,
        "select * from v_incident order by opened_at desc, incident_id desc",
    )
    .await
    .unwrap();
    assert_eq!(
        (incidents.len(), page.incidents.len()),
        (2, 2),
        "{incidents:#?}"
    );
    for (row, known) in incidents.iter().zip(&page.incidents) {
        assert_eq!(row["incident_id"], known.id.to_string());
        assert_eq!(
            (&row["verdict"], &row["reason"]),
            (&json!(known.verdict), &json!(known.reason))
        );
        assert_eq!(
            (&row["names"], &row["types"]),
            (&json!(known.names), &json!(["A"]))
        );
        assert!(instant(&row["confirmed_at"]) >= known.opened_at);
        let events = format!(
            "select kind from v_incident_event where incident_id = '{}' order by event_id",
            known.id
        );
        let kinds: Vec<_> = rows(&url, &events).await.unwrap();
        assert_eq!(
            kinds,
            [json!({"kind": "opened"}), json!({"kind": "delivered"})]
        );
    }
    assert_eq!(
        incidents[0]["right_records"],
        json!(["192.0.2.1"]),
        "divergent, the newer"
    );
    let log = store
        .message_log("us-west-2", &LogFilter::default(), 10)
        .await
        .unwrap();
    let told = rows(
        &url,
        "select *, extract(epoch from took) as seconds from v_delivery",
    )
    .await
    .unwrap();
    assert_eq!((told.len(), log.len()), (2, 2));
    for row in &told {
        let known = log
            .iter()
            .find(|one| one.id.to_string() == row["message_id"])
            .unwrap();
        assert_eq!(
            (&row["state"], &row["channel"]),
            (&json!("delivered"), &json!("voip-ops"))
        );
        assert_eq!(instant(&row["delivered_at"]), known.ended_at.unwrap());
        assert!(row["seconds"].as_f64().unwrap() >= 0.0);
    }
    let findings = rows(
        &url,
        "select * from v_finding where until is null order by subject",
    )
    .await
    .unwrap();
    let subjects: Vec<_> = findings
        .iter()
        .map(|row| row["subject"].as_str().unwrap())
        .collect();
    assert_eq!(
        subjects,
        [1, 2, 3, 4].map(|nth| format!("dialer{nth}.example.com A"))
    );
    assert_eq!(findings[0]["kind"], "ttl_above_policy");
    let rounds = rows(
        &url,
        "select * from v_round where took >= interval '0' and delay >= interval '0'",
    )
    .await
    .unwrap();
    assert_eq!(
        rounds
            .iter()
            .filter(|row| row["status"] == "finished")
            .count(),
        3
    );
    let flush = rows(&url, "select * from v_declaration")
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        (&flush["kind"], &flush["names"]),
        (&json!("flush"), &json!(["dialer1.example.com"]))
    );
    let silence = rows(&url, "select * from v_silence")
        .await
        .unwrap()
        .remove(0);
    assert_eq!(silence["matchers"], json!(["group=dialers"]));
    let proof = rows(&url, "select * from v_proof where kept_for = 'divergent'")
        .await
        .unwrap();
    assert!(
        proof
            .iter()
            .all(|row| row["source"] == "beta" && row["octets"].as_u64() > Some(0)),
        "{proof:#?}"
    );
    assert!(!proof.is_empty());
}

#[tokio::test]
async fn answers_of_every_kind_read_as_the_program_shows_them() {
    let url = fresh_database().await;
    let mut answers: Vec<Answer> = odd_ones()
        .iter()
        .map(|one| Answer::clone(&one.answer))
        .collect();
    let tls = [
        TlsFailure::Expired,
        TlsFailure::NotYetValid,
        TlsFailure::WrongName,
        TlsFailure::UnknownIssuer,
        TlsFailure::Revoked,
        TlsFailure::BadCertificate,
        TlsFailure::NoCommonProtocol,
        TlsFailure::Handshake,
    ];
    let without_reply = [
        NoReply::Timeout,
        NoReply::Refused,
        NoReply::NoRoute,
        NoReply::PortUnreachable,
        NoReply::WrongQuestion,
        NoReply::Http(503),
        NoReply::Protocol,
    ];
    let failures = without_reply
        .into_iter()
        .chain(tls.map(NoReply::Tls))
        .map(Status::NoReply);
    let codes =
        (0..=24).flat_map(|code| [Status::Rcode(Rcode(code)), Status::Malformed(Rcode(code))]);
    answers.extend(failures.chain(codes).map(Answer::failure));
    let mut connection = PgConnection::connect(&url).await.unwrap();
    for answer in answers {
        let read = "select dns_answer_text($1), dns_answer_rcode($1), dns_answer_records($1)";
        let read = sqlx::query_as(read).bind(serde_json::to_value(&answer).unwrap());
        let read: (String, String, Vec<String>) = read.fetch_one(&mut connection).await.unwrap();
        let records = answer.last().map(|last| last.value.records());
        assert_eq!(
            read,
            (
                answer.to_string(),
                answer.rcode_text(),
                records.unwrap_or_default()
            )
        );
    }
    for number in 0..=260_u16 {
        let read = sqlx::query_scalar("select dns_type_text($1)").bind(i32::from(number));
        let read: String = read.fetch_one(&mut connection).await.unwrap();
        assert_eq!(read, dns_auditor::types::RecordType(number).to_string());
    }
}
