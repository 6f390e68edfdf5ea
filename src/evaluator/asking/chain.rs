//! The authorities' side of a round: every question at the servers of its own zone, aliases followed across zones.
//!
//! Deliberately absent: resolvers.

use std::{collections::HashSet, sync::Arc};

use futures::future::join_all;
use tokio::sync::Mutex;

use super::{Asked, Asker};
use crate::{
    audit::judge::Unplaced,
    clock,
    config::Group,
    names::DnsName,
    types::{Flags, Listed, Observation, Question, RecordType, Value, Zone},
};

/// Aliases followed from one name; real chains have one to four.
const LONGEST_CHAIN: usize = 12;

/// The authorities' side of a round: every question at every server of its zone, and every alias target likewise.
pub(super) struct Chain<'a> {
    asker: &'a Asker,
    group: &'a Group,
    /// The group's names.
    own: HashSet<&'a DnsName>,
    /// Whether the names' zones are asked about, too.
    with_zones: bool,
    asked: Mutex<HashSet<Question>>,
    found: Mutex<Asked>,
}

impl<'a> Chain<'a> {
    pub(super) fn new(asker: &'a Asker, group: &'a Group) -> Self {
        Self {
            asker,
            group,
            own: group.names.iter().collect(),
            with_zones: false,
            asked: Mutex::default(),
            found: Mutex::default(),
        }
    }

    /// The same, which asks every server of the zones that the group's names lie in for its SOA record, too, and whether
    /// it has the names between: each once.
    pub(super) fn with_zones(self) -> Self {
        Self {
            with_zones: true,
            ..self
        }
    }

    pub(super) async fn follow(&self, questions: &[Question]) {
        let each = questions.iter().cloned();
        let names = join_all(each.map(|question| self.follow_one(question)));
        tokio::join!(names, self.ask_zone(questions));
    }

    /// Asks about the zone that a moment's name lies in.
    async fn ask_zone(&self, questions: &[Question]) {
        let Some(Question { name, .. }) = questions.first().filter(|_| self.with_zones) else {
            return;
        };
        let Some(zone) = self.zone(name).await else {
            return;
        };
        let soa = Question {
            name: zone.apex.clone(),
            rtype: RecordType::SOA,
        };
        let all = self.above(name, &zone).chain([soa]);
        join_all(all.map(|question| self.ask_servers(&zone, question))).await;
    }

    /// The names between one and the apex, which the group does not ask for itself, as resolvers ask for them on their way
    /// down (RFC 9156 section 2.1).
    fn above(&self, name: &DnsName, zone: &Zone) -> impl Iterator<Item = Question> {
        let unasked = |above: &DnsName| !self.own.contains(above);
        let between = name.between(&zone.apex).filter(unasked);
        between.map(|name| Question {
            name,
            rtype: RecordType::A,
        })
    }

    /// How many more questions a round puts to a server for the sake of the zones, once these are known.
    pub(super) async fn zone_questions(&self) -> usize {
        let zones = &self.found.lock().await.zones;
        let names = self.group.names.iter();
        let placed = names.filter_map(|name| Some((name, zones.zone_of(name)?)));
        let asked: HashSet<_> = placed
            .flat_map(|(name, zone)| {
                let above = self.above(name, zone).map(|above| above.name);
                above.chain([zone.apex.clone()])
            })
            .collect();
        asked.len()
    }

    /// Asks a name's servers, then those of whatever it is an alias of. A link that many names share is asked once.
    async fn follow_one(&self, question: Question) {
        let rtype = question.rtype;
        let mut here = vec![question.name];
        for _ in 0..LONGEST_CHAIN {
            let links = join_all(
                here.into_iter()
                    .map(|name| self.ask_link(Question { name, rtype })),
            )
            .await;
            here = links.into_iter().flatten().collect();
            if here.is_empty() {
                break;
            }
        }
    }

    /// Asks every server of the name's zone; returns the names outside it that the answers lead to.
    async fn ask_link(&self, question: Question) -> Vec<DnsName> {
        match self.zone(&question.name).await {
            Some(zone) => self.ask_servers(&zone, question).await,
            None => Vec::new(),
        }
    }

    /// Asks every server of a zone, unless that was done; returns as [`Chain::ask_link`] does.
    async fn ask_servers(&self, zone: &Zone, question: Question) -> Vec<DnsName> {
        if !self.asked.lock().await.insert(question.clone()) {
            return Vec::new();
        }
        let how = self.asker.how_authorities(self.group);
        let replies = join_all(zone.servers.iter().map(async |server| {
            self.asker
                .prober
                .ask(&server.source(), &question, &how)
                .await
        }));
        let replies = replies.await;
        let mut targets: Vec<_> = replies
            .iter()
            .filter_map(|reply| leads_to(reply, zone, question.rtype))
            .collect();
        targets.sort();
        targets.dedup();
        self.found.lock().await.observations.extend(replies);
        targets
    }

    /// Whether the group's configured servers are the ones to ask: for its own names, and what lies in their zones.
    async fn is_configured(&self, name: &DnsName) -> bool {
        let configured = |zone: &Zone| {
            zone.servers
                .iter()
                .any(|one| one.listed == Listed::Configured)
        };
        self.own.contains(name)
            || self
                .found
                .lock()
                .await
                .zones
                .zone_of(name)
                .is_some_and(configured)
    }

    pub(super) async fn zone(&self, name: &DnsName) -> Option<Arc<Zone>> {
        let zone = if !self.group.authorities.is_empty() && self.is_configured(name).await {
            self.asker
                .delegations
                .configured_for(name, &self.group.authorities, clock::now())
                .await
        } else {
            match self.asker.delegations.zone_of(name, clock::now()).await {
                Ok(zone) => zone,
                Err(error) => {
                    let unplaced = Unplaced {
                        silent: error.silent_zone(),
                        why: error.to_string(),
                    };
                    self.found
                        .lock()
                        .await
                        .zones
                        .insert_unplaced(name.clone(), unplaced);
                    return None;
                }
            }
        };
        self.found.lock().await.zones.insert(zone.clone());
        Some(zone)
    }

    pub(super) fn finish(self, observations: Vec<Observation>) -> Asked {
        let mut asked = self.found.into_inner();
        asked.observations.extend(observations);
        asked.observations.sort_by_key(|observation| observation.at);
        asked
    }
}

/// The first name of an authoritative answer's chain that its own zone does not hold.
fn leads_to(reply: &Observation, zone: &Zone, rtype: RecordType) -> Option<DnsName> {
    if !reply.flags.has(Flags::AA) {
        return None;
    }
    let foreign = reply
        .answer
        .links
        .iter()
        .find(|link| !link.owner.is_within(&zone.apex));
    if let Some(link) = foreign {
        return Some(link.owner.clone());
    }
    match &reply.answer.last()?.value {
        Value::Cname(target) if rtype != RecordType::CNAME => Some(target.clone()),
        _ => None,
    }
}
