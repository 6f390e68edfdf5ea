//! A signed zone and a resolver that validates it: what a broken chain of trust is told as.

use std::time::Duration;

use dns_auditor::{
    audit::verdict::{State, Verdict, VerdictFlag},
    types::Severity,
};

use crate::{
    clocked::Clocked,
    lab::{self, Lab, LabPlan, Make},
};

const MINUTE: Duration = Duration::from_mins(1);

async fn lab() -> Lab {
    Lab::start(LabPlan {
        recursors: vec![Make::Unbound],
        ..LabPlan::default()
    })
    .await
}

fn auditor(lab: &Lab) -> Clocked {
    let (_, _, unbound) = lab.resolvers()[0];
    Clocked::new(&format!(
        "[authority]\nroot_hints = ['{}']\n\
         [[resolver]]\nid = 'unbound'\naddress = '{unbound}'\nsingle_cache = true\n\
         [[group]]\nname = 'g'\nnames = ['dialer7.example.com']\ntypes = ['A']\nresolvers = ['unbound']\n",
        lab.root_hint()
    ))
}

/// A DS record of a key that nobody has: what a rollover leaves behind that forgot its parent.
fn of_another_key(ds: &str) -> String {
    let (record, digest) = ds.rsplit_once(' ').unwrap();
    let other: String = digest.chars().rev().collect();
    format!("{record} {other}")
}

fn one(verdicts: &[Verdict]) -> (State, Severity) {
    assert_eq!(verdicts.len(), 1);
    (verdicts[0].state, verdicts[0].severity)
}

#[test]
fn a_ds_of_another_key_is_bogus_at_once_where_the_resolver_says_so_and_after_five_minutes_where_not()
 {
    lab::test(async || {
        let mut lab = lab().await;
        let ds = lab.sign().await;
        let broken = of_another_key(&ds);
        lab.resolver("unbound").validate(&broken, true).await;
        let mut telling = auditor(&lab);
        let round = telling.round().await;
        let first = &round.verdicts[0];
        assert_eq!(one(&round.verdicts), (State::Bogus, Severity::Critical));
        assert!(
            first.confirmed && first.reason.contains("EDE"),
            "{}",
            first.reason
        );

        lab.resolver("unbound").validate(&broken, false).await;
        let mut silent = auditor(&lab);
        for minute in 0..=5 {
            let round = silent.round().await;
            let reason = &round.verdicts[0].reason;
            assert_eq!(
                one(&round.verdicts),
                (State::Servfail, Severity::Warning),
                "{minute}"
            );
            assert!(
                reason.contains("answers with CD=1 since"),
                "{minute}: {reason}"
            );
            silent.advance(MINUTE);
        }
        let round = silent.round().await;
        let last = &round.verdicts[0];
        assert_eq!(one(&round.verdicts), (State::Bogus, Severity::Critical));
        assert!(last.confirmed, "{}", last.reason);
        assert_eq!(silent.asides, 7);

        // The right key again: right at once, and nothing is asked beside it.
        lab.resolver("unbound").validate(&ds, false).await;
        silent.advance(MINUTE);
        let round = silent.round().await;
        assert_eq!(one(&round.verdicts), (State::Consistent, Severity::None));
        assert_eq!(silent.asides, 7);
    });
}

#[test]
fn a_resolver_that_stops_validating_is_remarked_on_and_raises_nothing() {
    lab::test(async || {
        let mut lab = lab().await;
        let ds = lab.sign().await;
        lab.resolver("unbound").validate(&ds, true).await;
        let mut auditor = auditor(&lab);
        let round = auditor.round().await;
        assert_eq!(one(&round.verdicts), (State::Consistent, Severity::None));
        assert_eq!(round.verdicts[0].flags, []);
        lab.resolver("unbound").stop_validating().await;
        auditor.advance(MINUTE);
        let round = auditor.round().await;
        assert_eq!(one(&round.verdicts), (State::Consistent, Severity::None));
        assert_eq!(round.verdicts[0].flags, [VerdictFlag::ValidationLost]);
        assert_eq!(auditor.asides, 0);
    });
}
