//! Declared changes and flushes: made once, withdrawn once, and listed.

use dns_auditor::{
    audit::declared::{Change, Declaration, Flush, Kind, Matter, Via},
    store::{Store, declarations::DeclarationFilter},
};
use uuid::Uuid;

use super::samples::{at, begin, observation, opening, resolver};
use crate::postgres::fresh_store;

fn change(names: &[&str]) -> Matter {
    Matter::Change(Change {
        names: names.iter().map(|name| name.parse().unwrap()).collect(),
        rtype: Some("A".parse().unwrap()),
        to: vec!["192.0.2.9".to_owned()].try_into().unwrap(),
        from: None,
        at: at(0),
        until: at(60_000),
        comment: Some("move to site B".to_owned()),
    })
}

fn flush(name: &str) -> Matter {
    Matter::Flush(Flush {
        resolver: "quad9".to_owned(),
        names: vec![name.parse().unwrap()],
        rtype: None,
        at: at(1_000),
        comment: None,
    })
}

fn declaration(number: u128, matter: Matter) -> Declaration {
    Declaration {
        id: Uuid::from_u128(number),
        matter,
        declared_at: at(500),
        declared_by: "anna".to_owned(),
        via: Via::Http,
        withdrawn_at: None,
        withdrawn_by: None,
    }
}

async fn two() -> (Store, [Declaration; 2]) {
    let store = fresh_store().await;
    let both = [
        declaration(1, change(&["d1.example", "d2.example"])),
        declaration(2, flush("d2.example")),
    ];
    for one in &both {
        store.declare(one).await.unwrap();
    }
    (store, both)
}

async fn ids(store: &Store, filter: DeclarationFilter) -> Vec<u128> {
    let found = store.declarations(&filter).await.unwrap();
    found.iter().map(|one| one.id.as_u128()).collect()
}

#[tokio::test]
async fn a_declaration_reads_back_as_it_was_made_however_often_it_is_written() {
    let (store, both) = two().await;
    store.declare(&both[0]).await.unwrap();
    let all = store.declarations(&DeclarationFilter::default()).await;
    assert_eq!(all.unwrap(), both);
}

#[tokio::test]
async fn declarations_are_found_by_kind_and_by_name() {
    let (store, _) = two().await;
    let of = |kind, names: &[&str]| DeclarationFilter {
        kind,
        names: names.iter().map(|name| name.parse().unwrap()).collect(),
        ..DeclarationFilter::default()
    };
    assert_eq!(ids(&store, of(Some(Kind::Change), &[])).await, [1]);
    assert_eq!(ids(&store, of(Some(Kind::Flush), &[])).await, [2]);
    assert_eq!(ids(&store, of(None, &["d1.example"])).await, [1]);
    assert_eq!(
        ids(&store, of(None, &["d2.example", "x.example"])).await,
        [1, 2]
    );
    assert!(ids(&store, of(None, &["x.example"])).await.is_empty());
}

#[tokio::test]
async fn a_declaration_is_withdrawn_once_and_kept() {
    let (store, _) = two().await;
    let withdraw = async |kind, number, when| {
        let id = Uuid::from_u128(number);
        store.withdraw(kind, id, "ben", at(when)).await.unwrap()
    };
    assert!(!withdraw(Kind::Flush, 1, 2_000).await, "it is a change");
    assert!(!withdraw(Kind::Change, 7, 2_000).await, "there is none");
    assert!(withdraw(Kind::Change, 1, 2_000).await);
    assert!(!withdraw(Kind::Change, 1, 3_000).await, "withdrawn already");
    assert_eq!(ids(&store, DeclarationFilter::default()).await, [2]);
    let all = DeclarationFilter {
        withdrawn: true,
        ..DeclarationFilter::default()
    };
    let all = store.declarations(&all).await.unwrap();
    assert_eq!(all[0].withdrawn_at, Some(at(2_000)));
    assert_eq!(all[0].withdrawn_by.as_deref(), Some("ben"));
}

#[tokio::test]
async fn a_round_is_judged_with_what_stands_when_it_is_read() {
    let (store, _) = two().await;
    assert!(store.declared(at(499)).await.unwrap().all().is_empty());
    assert_eq!(store.declared(at(500)).await.unwrap().all().len(), 2);
}

#[tokio::test]
async fn the_runs_of_a_change_are_those_that_may_still_be_held() {
    let store = fresh_store().await;
    let round = begin(&store, at(-600_000)).await;
    let google = resolver("google", "192.0.2.8:53");
    // Expired before the change, held beyond it, seen after it, and another name's.
    let seen = [
        ("d1.example", "192.0.2.1", 60, -600_000),
        ("d1.example", "192.0.2.2", 600, -500_000),
        ("d2.example", "192.0.2.9", 60, 10_000),
        ("d3.example", "192.0.2.9", 60, 10_000),
    ];
    let seen = seen.map(|(name, address, ttl, when)| {
        let observation = observation(&google, name, address, ttl, at(when));
        let change = opening(&observation);
        (observation, change)
    });
    store.record(round, &seen).await.unwrap();
    let Matter::Change(change) = change(&["d1.example", "d2.example"]) else {
        panic!("a change");
    };
    let spans = store.spans_since_change(&change).await.unwrap();
    let found: Vec<_> = spans
        .iter()
        .map(|one| one.span.answer.to_string())
        .collect();
    assert_eq!(found, ["192.0.2.2", "192.0.2.9"]);
}
