//! Each fault that must be told: injected, told, healed, resolved.
//!
//! Each strikes a name or a server that no other fault strikes, so that its messages are known by their subject. All of
//! them, and nothing else, may be told. Deliberately absent: planned changes meanwhile.

use std::time::{Duration, Instant};

use super::{super::auditor::Auditor, SETTINGS};
use crate::lab::{Lab, Zone};

/// How long a fault may take to be told, and its end likewise.
const PATIENCE: Duration = Duration::from_mins(2);

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// One secondary was left behind. Told after a minute: the others have their turn meanwhile.
    Lagging,
    /// A resolver hands out an address that was never served.
    Planted,
    /// A resolver denies a name.
    Denied,
    /// A resolver hands out an address of the past, after every deadline.
    Stale,
    /// A name's TTL is a day.
    TtlOfADay,
    /// A name is deleted by mistake.
    Deleted,
    /// A resolver's port is closed.
    Dead,
    /// A resolver is silent.
    Frozen,
}

/// Lagging, the first to begin, is the last to end.
const ALL: [Fault; 8] = [
    Fault::Planted,
    Fault::Denied,
    Fault::Stale,
    Fault::TtlOfADay,
    Fault::Deleted,
    Fault::Dead,
    Fault::Frozen,
    Fault::Lagging,
];

/// The names that faults strike.
pub(super) fn names() -> Vec<String> {
    let names = [10, 12, 14, 16, 18, 20];
    names.map(|n| format!("dialer{n}.example.com")).into()
}

/// What faults need of the zone before anything happens.
pub(super) fn prepare(zone: &mut Zone) {
    zone.set_ttl(Fault::Stale.victim(), 2);
}

/// Every fault's course, or what was wrong with it. `names`: how many the group has.
pub(super) async fn tell_each(
    lab: &mut Lab,
    auditor: &mut Auditor,
    names: usize,
) -> Vec<Result<(), String>> {
    Fault::Lagging.inject(lab, auditor).await;
    let mut outcomes = Vec::new();
    for fault in ALL {
        let began = Instant::now();
        let outcome = fault.course(lab, auditor, names).await;
        println!("soak: {fault:?}: {outcome:?} in {:?}", began.elapsed());
        outcomes.push(outcome.map_err(|why| format!("{fault:?}: {why}")));
    }
    let outcome = tell_bad_push(lab).await;
    println!("soak: a bad push: {outcome:?}");
    outcomes.push(outcome.map_err(|why| format!("a bad push: {why}")));
    outcomes
}

impl Fault {
    /// The name it strikes, or the resolver.
    fn victim(self) -> &'static str {
        match self {
            Self::Lagging => "dialer10",
            Self::Planted => "dialer12",
            Self::Denied => "dialer14",
            Self::Stale => "dialer16",
            Self::TtlOfADay => "dialer18",
            Self::Deleted => "dialer20",
            Self::Dead => "pdns-recursor",
            Self::Frozen => "knot-resolver",
        }
    }

    /// Severity, axis, verdict and subject of each message that opens it. A denial is of every type, and each type is told.
    fn told(self, names: usize) -> Vec<String> {
        let (victim, servers) = (self.victim(), "ns1.example.com ns2.example.com");
        let at_unbound = |verdict: &str, rtype: &str| {
            format!("critical name {verdict}: {victim}.example.com {rtype} at unbound")
        };
        let at_home = |finding: &str, types: &str| {
            format!("warning name {finding}: {victim}.example.com {types} at {servers}")
        };
        match self {
            Self::Planted => vec![at_unbound("divergent", "A")],
            Self::Denied => ["A", "AAAA"]
                .map(|rtype| at_unbound("nxdomain_mismatch", rtype))
                .into(),
            Self::Stale => vec![at_unbound("stale_overdue", "A")],
            Self::Lagging => vec![format!(
                "warning authority authority_split: {victim}.example.com A at {servers}"
            )],
            Self::TtlOfADay => vec![at_home("ttl_above_policy", "A")],
            Self::Deleted => vec![at_home("name_missing", "A AAAA")],
            Self::Dead | Self::Frozen => vec![format!(
                "warning resolver unreachable: {names} names A AAAA at {victim}"
            )],
        }
    }

    async fn inject(self, lab: &mut Lab, auditor: &mut Auditor) {
        let victim = self.victim();
        match self {
            Self::Lagging => {
                let moved = ["198.51.100.10".parse().unwrap()];
                let ahead = lab.authority(0);
                ahead.edit(|zone| zone.set_addresses(victim, &moved)).await;
            }
            Self::Planted => lab.plant("unbound", victim, "198.51.100.66", 2).await,
            Self::Denied => lab.deny("unbound", victim).await,
            Self::Stale => {
                lab.change(victim, &["192.0.2.116"]).await;
                // Until no cache may hold the old address: its TTL of 2 s, and the slack of 5 s.
                let over = Instant::now() + Duration::from_secs(10);
                while Instant::now() < over {
                    auditor.round().await;
                }
                lab.plant("unbound", victim, "192.0.2.16", 2).await;
            }
            Self::TtlOfADay => lab.set_ttl(victim, 86400).await,
            Self::Deleted => lab.edit(|zone| zone.remove(victim)).await,
            Self::Dead => lab.resolver(victim).stop(),
            Self::Frozen => lab.resolver(victim).freeze().await,
        }
    }

    async fn heal(self, lab: &mut Lab) {
        let victim = self.victim();
        match self {
            Self::Lagging => {
                let right = ["192.0.2.10".parse().unwrap()];
                let back = lab.authority(0);
                back.edit(|zone| zone.set_addresses(victim, &right)).await;
            }
            Self::Planted | Self::Denied | Self::Stale => lab.unplant("unbound", victim).await,
            Self::TtlOfADay => lab.set_ttl(victim, 300).await,
            Self::Deleted => lab.change(victim, &["192.0.2.20"]).await,
            Self::Dead | Self::Frozen => lab.resolver(victim).start().await,
        }
    }

    async fn course(
        self,
        lab: &mut Lab,
        auditor: &mut Auditor,
        names: usize,
    ) -> Result<(), String> {
        if self != Self::Lagging {
            self.inject(lab, auditor).await;
        }
        let told = self.told(names);
        until(auditor, &told, "opened open ").await?;
        auditor.rounds(2).await;
        self.heal(lab).await;
        // Severities may rise meanwhile, and never fall.
        let ends: Vec<_> = told.iter().map(|line| subject(line).to_owned()).collect();
        until(auditor, &ends, "resolved resolved ").await?;
        let lines = auditor.lines().await;
        once(&ends, &lines)?;
        let known: Vec<_> = ALL.iter().flat_map(|fault| fault.told(names)).collect();
        let is_known = |line: &String| known.iter().any(|known| line.ends_with(subject(known)));
        match lines.iter().find(|line| !is_known(line)) {
            Some(line) => Err(format!("told besides: {line}")),
            None => Ok(()),
        }
    }
}

/// Told while a bad push makes every cache agree with its authorities: only what was declared gives it away. A group of its
/// own has the declaration, which would excuse too much in the other.
async fn tell_bad_push(lab: &mut Lab) -> Result<(), String> {
    let settings = format!("{SETTINGS}types = [\"A\"]\nexpect = [\"192.0.2.200\"]\n");
    let mut auditor = Auditor::start(lab, r#"["webphone.example.com"]"#, &settings).await;
    auditor.rounds(2).await;
    lab.change("webphone", &["198.51.100.200"]).await;
    let servers = "ns1.example.com ns2.example.com";
    let told = format!("expected_mismatch: webphone.example.com A at {servers}");
    until(
        &mut auditor,
        &[format!("critical name {told}")],
        "opened open ",
    )
    .await?;
    auditor.rounds(2).await;
    lab.change("webphone", &["192.0.2.200"]).await;
    until(
        &mut auditor,
        std::slice::from_ref(&told),
        "resolved resolved ",
    )
    .await?;
    let lines = auditor.lines().await;
    once(std::slice::from_ref(&told), &lines)?;
    match lines.iter().find(|line| !line.ends_with(&told)) {
        Some(line) => Err(format!("told besides: {line}")),
        None => Ok(()),
    }
}

/// Whether each of these ends was opened once and resolved once.
fn once(ends: &[String], lines: &[String]) -> Result<(), String> {
    for end in ends {
        for step in ["opened", "resolved"] {
            let is_it = |line: &&String| line.starts_with(step) && line.ends_with(end.as_str());
            if lines.iter().filter(is_it).count() != 1 {
                let all = lines.join("\n");
                return Err(format!("not {step} once: {end}; all:\n{all}"));
            }
        }
    }
    Ok(())
}

/// From the verdict on.
fn subject(line: &str) -> &str {
    line.splitn(3, ' ').nth(2).unwrap()
}

/// Runs rounds until lines with this beginning, and each of these ends, were told.
async fn until(auditor: &mut Auditor, ends: &[String], beginning: &str) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let report = auditor.round().await;
        let lines = auditor.lines().await;
        let is_told = |end: &String| {
            lines
                .iter()
                .any(|line| line.starts_with(beginning) && line.ends_with(end.as_str()))
        };
        if ends.iter().all(is_told) {
            return Ok(());
        }
        if Instant::now() > deadline {
            let last = super::super::auditor::sketch(&report);
            return Err(format!(
                "not told: {beginning}… {ends:?}; told:\n{}\nthe last round:{last}",
                lines.join("\n")
            ));
        }
    }
}
