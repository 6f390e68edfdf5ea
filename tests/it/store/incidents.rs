//! Lists of incidents.

use dns_auditor::{
    audit::{
        incident::{Axis, Status},
        ledger::Ledger,
    },
    store::{Store, incidents::IncidentFilter},
    types::Severity,
};

use super::samples::{at, begin, ended, incident, quiet};
use crate::postgres::fresh_store;

/// Numbers 0 to 4, the oldest first; 3 is another resolver's and milder, 4 is resolved.
async fn five_incidents() -> Store {
    let store = fresh_store().await;
    let mut incidents: Vec<_> = (0..5)
        .map(|n| {
            incident(
                n,
                &format!("d{n}.example"),
                at(i64::try_from(n).unwrap() / 2),
            )
        })
        .collect();
    incidents[3].key.axis = Axis::Resolver;
    incidents[3].severity = Severity::Warning;
    let ledger = Ledger {
        incidents,
        ..Ledger::default()
    };
    let round = begin(&store, at(0)).await;
    store
        .finish_round(round, &quiet(&ledger, at(0)))
        .await
        .unwrap();
    let steps = [ended(&ledger.incidents[4], at(10))];
    assert!(store.record_steps(&steps, None, &[]).await.unwrap());
    store
}

#[tokio::test]
async fn incidents_are_listed_page_by_page_newest_first() {
    let store = five_incidents().await;
    let mut after = None;
    let mut pages = Vec::new();
    loop {
        let page = store
            .incidents(&IncidentFilter::default(), after, 2)
            .await
            .unwrap();
        pages.push(
            page.incidents
                .iter()
                .map(|one| one.id.as_u128())
                .collect::<Vec<_>>(),
        );
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(pages, [vec![4, 3], vec![2, 1], vec![0]]);
}

#[tokio::test]
async fn a_list_of_incidents_holds_what_every_filter_lets_through() {
    let store = five_incidents().await;
    let listed = async |filter: IncidentFilter| {
        let page = store.incidents(&filter, None, 10).await.unwrap();
        page.incidents
            .iter()
            .map(|one| one.id.as_u128())
            .collect::<Vec<_>>()
    };
    let any = IncidentFilter::default;
    assert_eq!(
        listed(IncidentFilter {
            statuses: vec![Status::Resolved],
            ..any()
        })
        .await,
        [4]
    );
    assert_eq!(
        listed(IncidentFilter {
            axis: Some(Axis::Resolver),
            ..any()
        })
        .await,
        [3]
    );
    assert_eq!(
        listed(IncidentFilter {
            min_severity: Some(Severity::Critical),
            ..any()
        })
        .await,
        [4, 2, 1, 0]
    );
    assert_eq!(
        listed(IncidentFilter {
            name: Some("d2.example".parse().unwrap()),
            ..any()
        })
        .await,
        [2]
    );
    assert_eq!(
        listed(IncidentFilter {
            resolver: Some("quad9".into()),
            ..any()
        })
        .await,
        [0u128; 0]
    );
    assert_eq!(
        listed(IncidentFilter {
            from: Some(at(11)),
            ..any()
        })
        .await,
        [3, 2, 1, 0]
    );
    assert_eq!(
        listed(IncidentFilter {
            to: Some(at(1)),
            ..any()
        })
        .await,
        [1, 0]
    );
    assert_eq!(
        listed(IncidentFilter {
            group: Some("other".into()),
            ..any()
        })
        .await,
        [0u128; 0]
    );
}
