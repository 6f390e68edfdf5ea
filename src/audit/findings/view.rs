//! The round as findings look at it, with every lookup that they share worked out once.
//!
//! Deliberately absent: findings.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    net::SocketAddr,
};

use crate::{
    audit::{
        history::{History, LinkKey, Standing, is_authoritative},
        judge::RoundInput,
        signs::Signs,
        verdict::Verdict,
    },
    names::DnsName,
    types::{Observation, Question, RecordType, SourceKind, Value, Zone},
};

/// Aliases followed from one name.
const LONGEST_CHAIN: usize = 12;

/// A link of an authority's reply: the reply, and the link's index in its answer.
pub(super) type Reply<'a> = (&'a Observation, usize);

/// What a link of a reply holds.
pub(super) fn value_of<'a>((reply, index): &Reply<'a>) -> Option<&'a Value> {
    reply.answer.links.get(*index).map(|link| &link.value)
}

/// The servers that these replies came from, each once.
pub(super) fn servers_of(replies: &[Reply]) -> Vec<String> {
    let names = replies.iter().map(|(reply, _)| reply.source.id.clone());
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The round, indexed.
pub(super) struct View<'a> {
    pub(super) history: &'a History,
    pub(super) input: &'a RoundInput<'a>,
    /// The group's questions, also where every resolver is left alone.
    pub(super) questions: BTreeSet<Question>,
    pub(super) signs: &'a Signs<'a>,
    standings: HashMap<LinkKey, Standing<'a>>,
    chains: HashMap<Question, Vec<DnsName>>,
    /// By the zone of the asked name, and by every zone that the chain passes.
    at_home: HashMap<DnsName, Vec<Question>>,
    passing: HashMap<DnsName, Vec<Question>>,
    /// Authorities' replies by what they were asked.
    replies: HashMap<&'a Question, Vec<&'a Observation>>,
    /// The links that a server of their zone spoke of in this round.
    heard: HashSet<LinkKey>,
    /// Authorities' replies by the zone of the asked name.
    by_zone: HashMap<DnsName, Vec<&'a Observation>>,
}

impl<'a> View<'a> {
    pub(super) fn new(
        history: &'a History,
        input: &'a RoundInput<'a>,
        signs: &'a Signs<'a>,
        verdicts: &[Verdict],
    ) -> Self {
        let mut view = Self {
            history,
            input,
            questions: questions(input, verdicts),
            signs,
            standings: HashMap::new(),
            chains: HashMap::new(),
            at_home: HashMap::new(),
            passing: HashMap::new(),
            replies: HashMap::new(),
            heard: HashSet::new(),
            by_zone: HashMap::new(),
        };
        for question in view.questions.clone() {
            view.prepare(question);
        }
        view.index_replies();
        view
    }

    /// Follows a question over the owners that it leads to, as the authorities serve them now.
    fn prepare(&mut self, question: Question) {
        let mut chain: Vec<DnsName> = Vec::new();
        let mut zones = BTreeSet::new();
        let mut next = Some(question.name.clone());
        while let Some(owner) = next.take() {
            zones.extend(self.zone_apex(&owner));
            if chain.len() >= LONGEST_CHAIN || chain.contains(&owner) {
                break;
            }
            let Some(standing) = self.learn(&owner, question.rtype) else {
                break;
            };
            if let Some(Value::Cname(target)) = standing.current.first().map(|one| one.value)
                && question.rtype != RecordType::CNAME
            {
                next = Some(target.clone());
            }
            chain.push(owner);
        }
        if let Some(home) = self.zone_apex(&question.name) {
            self.at_home.entry(home).or_default().push(question.clone());
        }
        for zone in zones {
            self.passing.entry(zone).or_default().push(question.clone());
        }
        self.chains.insert(question, chain);
    }

    fn learn(&mut self, owner: &DnsName, rtype: RecordType) -> Option<&Standing<'a>> {
        let key = LinkKey {
            owner: owner.clone(),
            rtype,
        };
        if !self.standings.contains_key(&key) {
            let standing = self.input.standing(self.history, &key)?;
            self.standings.insert(key.clone(), standing);
        }
        self.standings.get(&key)
    }

    /// Whether this is asked for the zone's sake: that a server knows its SOA record, or says something of a name above
    /// the group's, tells nothing of how it answers for those.
    fn is_beside(&self, asked: &Question, above: &HashSet<DnsName>) -> bool {
        !self.questions.contains(asked)
            && (asked.rtype == RecordType::SOA || above.contains(&asked.name))
    }

    /// The names between the group's and the apices of their zones.
    fn above(&self) -> HashSet<DnsName> {
        let names: BTreeSet<_> = self.questions.iter().map(|one| &one.name).collect();
        let above = names.into_iter().filter_map(|name| {
            let zone = self.input.zones.zone_of(name)?;
            Some(name.between(&zone.apex))
        });
        above.flatten().collect()
    }

    fn index_replies(&mut self) {
        let above = self.above();
        for one in self.input.observations {
            if one.source.kind != SourceKind::Authority {
                continue;
            }
            if let Some(zone) = self.zone_apex(&one.question.name)
                && !self.is_beside(&one.question, &above)
            {
                self.by_zone.entry(zone).or_default().push(one);
            }
            if !is_authoritative(one) {
                continue;
            }
            self.replies.entry(&one.question).or_default().push(one);
            for link in &one.answer.links {
                if self.input.zones.lists(&link.owner, one.source.address) {
                    self.heard.insert(LinkKey {
                        owner: link.owner.clone(),
                        rtype: one.question.rtype,
                    });
                }
            }
        }
    }

    /// Where a link on some question's chain stands.
    pub(super) fn standing(&self, owner: &DnsName, rtype: RecordType) -> Option<&Standing<'a>> {
        self.standings.get(&LinkKey {
            owner: owner.clone(),
            rtype,
        })
    }

    /// The owners a question leads over, as the authorities serve them now, with the standing of each.
    pub(super) fn chain(
        &self,
        question: &Question,
    ) -> impl DoubleEndedIterator<Item = (&DnsName, &Standing<'a>)> {
        let owners = self.chains.get(question).into_iter().flatten();
        let rtype = question.rtype;
        owners.filter_map(move |owner| Some((owner, self.standing(owner, rtype)?)))
    }

    /// What the servers of its zone said in this round of a link on a question's chain, when asked for either.
    pub(super) fn replies_about(&self, question: &Question, owner: &DnsName) -> Vec<Reply<'a>> {
        let target = Question {
            name: owner.clone(),
            rtype: question.rtype,
        };
        let mut asked = vec![question];
        if target != *question {
            asked.push(&target);
        }
        let replies = asked
            .into_iter()
            .filter_map(|asked| self.replies.get(asked));
        let of_zone = |reply: &&&Observation| self.input.zones.lists(owner, reply.source.address);
        let links = replies.flatten().filter(of_zone).filter_map(|reply| {
            let mut links = reply.answer.links.iter();
            Some((*reply, links.position(|link| link.owner == *owner)?))
        });
        links.collect()
    }

    /// Whether a server of its zone spoke of the link in this round.
    pub(super) fn is_heard(&self, owner: &DnsName, rtype: RecordType) -> bool {
        self.heard.contains(&LinkKey {
            owner: owner.clone(),
            rtype,
        })
    }

    /// The zones that the group's own names lie in; what an alias leads to is somebody else's.
    pub(super) fn own_zones(&self) -> impl Iterator<Item = &'a Zone> {
        let zones = self.input.zones.iter();
        zones.filter(|zone| self.at_home.contains_key(&zone.apex))
    }

    /// Where the zone's SOA record stands, where its servers were asked for it.
    pub(super) fn soa(&self, zone: &Zone) -> Option<Standing<'a>> {
        let key = LinkKey {
            owner: zone.apex.clone(),
            rtype: RecordType::SOA,
        };
        self.input.standing(self.history, &key)
    }

    /// The latest word of each server of the zone on its SOA record in this round.
    pub(super) fn soa_replies(&self, zone: &Zone) -> BTreeMap<SocketAddr, &'a Observation> {
        let question = Question {
            name: zone.apex.clone(),
            rtype: RecordType::SOA,
        };
        let replies = self.replies.get(&question).into_iter().flatten();
        replies
            .map(|reply| (reply.source.address, *reply))
            .collect()
    }

    /// Every reply of an authority to a question for a name of the zone, but for those about the zone itself.
    pub(super) fn replies_in(&self, zone: &Zone) -> &[&'a Observation] {
        let replies = self.by_zone.get(&zone.apex);
        replies.map(Vec::as_slice).unwrap_or_default()
    }

    /// The group's questions for names of the zone.
    pub(super) fn questions_in(&self, zone: &Zone) -> Vec<Question> {
        self.at_home.get(&zone.apex).cloned().unwrap_or_default()
    }

    /// The group's questions whose chain passes the zone.
    pub(super) fn questions_through(&self, zone: &Zone) -> Vec<Question> {
        self.passing.get(&zone.apex).cloned().unwrap_or_default()
    }

    /// Whether a reply is nobody's own word.
    pub(super) fn is_intercepted(&self, reply: &Observation) -> bool {
        let path = self.signs.path.as_ref();
        path.is_some_and(|path| path.covers(&reply.source))
    }

    pub(super) fn zone_apex(&self, owner: &DnsName) -> Option<DnsName> {
        let zone = self.input.zones.zone_of(owner);
        zone.map(|zone| zone.apex.clone())
    }
}

/// The group's questions, and whatever else resolvers were asked.
fn questions(input: &RoundInput, verdicts: &[Verdict]) -> BTreeSet<Question> {
    let asked = input.observations.iter();
    let asked = asked.filter(|one| one.source.kind == SourceKind::Resolver);
    let asked = asked.map(|observation| &observation.question);
    let judged = verdicts.iter().map(|verdict| &verdict.question);
    let all = judged.chain(asked).chain(input.questions);
    all.cloned().collect()
}
