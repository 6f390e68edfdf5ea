//! The dashboard for Grafana: every query of it runs as a reader of the views, its macros replaced as Grafana replaces them.
//!
//! Deliberately absent: Grafana itself, which no registry of ours has.

use serde_json::Value as Json;

use super::{
    readers::reader,
    views::{history, rows},
};

const DASHBOARD: &str = include_str!("../../../packaging/grafana/dns-auditor.json");

/// Everything in the dashboard that has this key.
fn all<'j>(json: &'j Json, key: &str, found: &mut Vec<&'j Json>) {
    match json {
        Json::Array(items) => items.iter().for_each(|item| all(item, key, found)),
        Json::Object(fields) => {
            found.extend(fields.get(key));
            fields.values().for_each(|value| all(value, key, found));
        }
        _ => {}
    }
}

/// A query as Grafana would send it for the last hour, every variable at "All".
fn sent(query: &str) -> String {
    let text = |name: &str| format!("(select {name}::text from v_verdict)");
    let mut sent = query
        .replace("$__timeFrom()", "'-HOUR'")
        .replace("$__timeTo()", "'+HOUR'");
    for (variable, column) in [
        ("vantage", "vantage"),
        ("group", "group_name"),
        ("name", "name"),
        ("resolver", "resolver"),
    ] {
        let given = format!("(${{{variable}:sqlstring}})");
        sent = sent.replace(&given, &text(column));
    }
    while let Some((before, after)) = sent.split_once("$__timeFilter(") {
        let (column, rest) = after.split_once(')').unwrap();
        sent = format!("{before}{column} between '-HOUR' and '+HOUR'{rest}");
    }
    while let Some((before, after)) = sent.split_once("$__timeGroup(") {
        let (column, rest) = after.split_once(", $__interval)").unwrap();
        sent = format!("{before}floor(extract(epoch from {column})/60)*60{rest}");
    }
    let now = chrono::Utc::now();
    let hour = chrono::TimeDelta::hours(1);
    let sent = sent.replace("$max_ttl", "60");
    assert!(!sent.contains('$'), "a macro that is not known: {sent}");
    sent.replace("-HOUR", &(now - hour).to_rfc3339())
        .replace("+HOUR", &(now + hour).to_rfc3339())
}

#[tokio::test]
async fn every_query_of_the_dashboard_answers_a_reader() {
    let watched = history().await;
    let reader = reader(&watched, "reader_of_the_dashboard").await;
    let dashboard: Json = serde_json::from_str(DASHBOARD).unwrap();
    let mut sources = Vec::new();
    all(&dashboard, "datasource", &mut sources);
    assert!(
        sources
            .iter()
            .all(|one| one["uid"] == "${datasource}" || one["uid"] == "-- Grafana --")
    );
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() > 10, "{}", panels.len());
    let mut queries: Vec<(String, &str)> = Vec::new();
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        assert!(
            panel["description"].as_str().unwrap().ends_with('.'),
            "{title}"
        );
        queries.push((
            title.to_owned(),
            panel["targets"][0]["rawSql"].as_str().unwrap(),
        ));
    }
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    for variable in variables.iter().filter(|one| one["type"] == "query") {
        queries.push((
            variable["name"].to_string(),
            variable["query"].as_str().unwrap(),
        ));
    }
    for annotation in &dashboard["annotations"]["list"].as_array().unwrap()[1..] {
        let query = annotation["target"]["rawSql"].as_str().unwrap();
        queries.push((annotation["name"].to_string(), query));
    }
    for (title, query) in queries {
        let found = rows(&reader, &sent(query)).await;
        let found = found.unwrap_or_else(|error| panic!("{title}: {error} in {query}"));
        assert!(!found.is_empty(), "{title}: no row for {}", sent(query));
        check(&title, &found);
    }
}

/// What some of the panels must show of this history.
fn check(title: &str, found: &[Json]) {
    let number = |column: &str| found[0][column].as_u64().unwrap();
    match title {
        "Open incidents" => assert_eq!(number("incidents"), 2),
        "Bad answers now" => assert_eq!(number("questions"), 1),
        "Findings now" => assert_eq!(number("findings"), 4),
        "What each resolver said of each name" => {
            let lane = |row: &&Json| {
                let lane = row["lane"].as_str().unwrap();
                lane.starts_with("dialer1.example.com A  beta 127.0.7.11 ")
            };
            let states: Vec<_> = found
                .iter()
                .filter(lane)
                .map(|row| row["state"].as_str())
                .collect();
            assert_eq!(states, [Some("consistent"), Some("divergent")]);
        }
        "Bad seconds by resolver" => assert!(
            found
                .iter()
                .all(|row| row["metric"] == "beta" && row["value"].as_f64().unwrap() > 0.0),
            "{found:?}"
        ),
        "TTL at the authority above $max_ttl" => {
            assert!(found.iter().all(|row| row["value"] == 300), "{found:?}");
        }
        _ => {}
    }
}
