//! Whether the transports of one resolver agree.
//!
//! Deliberately absent: whether what they agree on is right.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    audit::verdict::{State, Verdict},
    cli::output::wrap,
    types::{Question, Source, Transport},
};

/// What a resolver says over one transport: its answers to each question, each with the state it was given.
type Said<'a> = BTreeMap<&'a Question, BTreeSet<(String, State)>>;

/// A line for each resolver that was asked over several transports.
pub(super) fn lines(verdicts: &[Verdict]) -> String {
    let mut resolvers: Vec<(&str, BTreeMap<Transport, Said>)> = Vec::new();
    for verdict in verdicts {
        let source = &verdict.observed.source;
        let base = base(source);
        let index = resolvers.iter().position(|(known, _)| *known == base);
        let index = index.unwrap_or_else(|| {
            resolvers.push((base, BTreeMap::new()));
            resolvers.len() - 1
        });
        let said = resolvers[index].1.entry(source.transport).or_default();
        let answers = said.entry(&verdict.question).or_default();
        answers.insert((verdict.observed.answer_text(), verdict.state));
    }
    let several = resolvers.iter().filter(|(_, said)| said.len() > 1);
    several
        .map(|(base, said)| wrap(&line(base, said), ""))
        .collect()
}

/// What most transports say is what the others are held against; on a tie, what was said first.
fn line(base: &str, said: &BTreeMap<Transport, Said>) -> String {
    let mut camps: Vec<(&Said, Vec<Transport>)> = Vec::new();
    for (transport, said) in said.iter().filter(|(_, said)| answered(said)) {
        match camps.iter_mut().find(|(known, _)| *known == said) {
            Some((_, camp)) => camp.push(*transport),
            None => camps.push((said, vec![*transport])),
        }
    }
    camps.sort_by_key(|(_, camp)| std::cmp::Reverse(camp.len()));
    let Some((_, agreeing)) = camps.first() else {
        return format!("{base}: no answer over {}", list(said.keys().copied()));
    };
    let others = said
        .iter()
        .filter(|(transport, _)| !agreeing.contains(transport));
    let mut states_of: BTreeMap<String, Vec<Transport>> = BTreeMap::new();
    for (transport, said) in others {
        states_of.entry(states(said)).or_default().push(*transport);
    }
    let others = states_of.into_iter();
    let others = others.map(|(states, whom)| format!("{} ({states})", list(whom.into_iter())));
    let (first, others) = (
        list(agreeing.iter().copied()),
        others.collect::<Vec<_>>().join(", "),
    );
    match (agreeing.len(), camps.len()) {
        (all, _) if all == said.len() => format!("{base}: all {all} transports agree: {first}"),
        (1, 1) => format!("{base}: an answer over {first} only, not {others}"),
        (1, _) => format!("{base}: no two transports agree: {first}, {others}"),
        _ => format!("{base}: {first} agree, not {others}"),
    }
}

/// The id of a source without its transport: `quad9` of `quad9+tls`.
pub(super) fn base(source: &Source) -> &str {
    let suffix = source.id.strip_suffix(source.transport.as_str());
    suffix
        .and_then(|id| id.strip_suffix('+'))
        .unwrap_or(&source.id)
}

fn answered(said: &Said) -> bool {
    let mut states = said.values().flatten();
    states.any(|(_, state)| !matches!(state, State::Unreachable | State::Unknown))
}

fn states(said: &Said) -> String {
    let states: BTreeSet<State> = said.values().flatten().map(|(_, state)| *state).collect();
    let names: Vec<&str> = states.into_iter().map(State::name).collect();
    names.join(", ")
}

fn list(transports: impl Iterator<Item = Transport>) -> String {
    transports
        .map(Transport::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cli::samples::history;

    /// One verdict for each (transport, answer, state) of `quad9`.
    fn check(said: &[(Transport, &str, State)], expected: &str) {
        let sample = history::verdicts().remove(0);
        let verdict = |(transport, answer, state): &(Transport, &str, State)| {
            let mut verdict = sample.clone();
            verdict.state = *state;
            verdict.observed.records = vec![(*answer).to_owned()];
            let source = Arc::make_mut(&mut verdict.observed.source);
            source.id = format!("quad9+{transport}");
            source.transport = *transport;
            verdict
        };
        let verdicts: Vec<Verdict> = said.iter().map(verdict).collect();
        assert_eq!(lines(&verdicts).trim_end(), expected);
    }

    #[test]
    fn transports_agree_where_they_give_the_same_answers() {
        use State::{Consistent, Unexplained, Unreachable};
        use Transport::{Https, Tcp, Tls, Udp};
        let right = "192.0.2.1";
        check(&[(Udp, right, Consistent)], "");
        check(
            &[(Udp, right, Consistent), (Tcp, right, Consistent)],
            "quad9: all 2 transports agree: udp, tcp",
        );
        check(
            &[
                (Udp, right, Consistent),
                (Tls, "", Unreachable),
                (Https, right, Consistent),
            ],
            "quad9: udp, https agree, not tls (unreachable)",
        );
        check(
            &[
                (Udp, "192.0.2.9", Unexplained),
                (Tcp, right, Consistent),
                (Tls, right, Consistent),
            ],
            "quad9: tcp, tls agree, not udp (unexplained)",
        );
        check(
            &[(Udp, "192.0.2.9", Unexplained), (Tcp, right, Consistent)],
            "quad9: no two transports agree: udp, tcp (consistent)",
        );
        check(
            &[(Udp, right, Consistent), (Tcp, "", Unreachable)],
            "quad9: an answer over udp only, not tcp (unreachable)",
        );
        check(
            &[
                (Udp, right, Consistent),
                (Tcp, "", Unreachable),
                (Tls, "", Unreachable),
                (Https, "192.0.2.9", Unexplained),
            ],
            "quad9: no two transports agree: udp, https (unexplained), tcp, tls (unreachable)",
        );
        check(
            &[(Udp, "", Unreachable), (Tcp, "", Unreachable)],
            "quad9: no answer over udp, tcp",
        );
    }
}
