//! The resolvers of a scenario: how each keeps things, and what it does when.
//!
//! Deliberately absent: how that works, which is the simulated world's business.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{
    data::value,
    stage::Stage,
    words::{self, Words},
};
use crate::{
    audit::testing::{Cache, Conduct, Habits, Meddling, Recursor, Scope, Stale, farm},
    names::DnsName,
    types::{Rcode, RecordType, Resolver, Value},
};

/// Days are long enough for whatever is served stale without a limit.
const STALE_WINDOW: &str = "1d";

impl Stage {
    /// `ID ADDRESS [cap D] [known D] [floor D] [prefetch PERCENT] [stale D] [ede] [backends SITE…|N] [constant] [busy]
    /// [minimises] [public] [servers SUFFIX] [single]`: whether it asks label by label, whether it is a public service, what the
    /// NSIDs of its servers end in, and whether the auditor knows it for a single cache.
    ///
    /// `cap` is what it does; the auditor knows of it unless `known` says otherwise (`known nothing`).
    pub(super) fn introduce_resolver(&mut self, words: &mut Words) -> Result<(), String> {
        let (id, address) = (words.next()?, words.next()?);
        address
            .parse::<std::net::IpAddr>()
            .map_err(|_| format!("`{address}` is no address"))?;
        let span = |word: Option<&str>| word.map(words::seconds).transpose();
        let cap = span(words.option("cap"))?;
        let known = match words.option("known") {
            Some("nothing") => None,
            Some(known) => Some(words::seconds(known)?),
            None => cap,
        };
        let stale = words.option("stale");
        let ede = words.flag("ede");
        let window = words::seconds(stale.unwrap_or(STALE_WINDOW))?;
        let habits = Habits {
            cap: cap.unwrap_or(u32::MAX),
            floor: span(words.option("floor"))?.unwrap_or(0),
            constant: words.flag("constant"),
            busy: words.flag("busy"),
            prefetch: words.option("prefetch").map_or(Ok(0), words::read)?,
            rounding: 0,
            stale: stale.map(|_| Stale { window, ede }),
        };
        let operator = words.option("operator");
        let (is_public, nsid_suffix) = (words.flag("public"), words.option("servers"));
        let (minimises, single_cache) = (words.flag("minimises"), words.flag("single"));
        let caches = caches(words, habits);
        let recursor = Recursor::new(id, caches).minimising(minimises);
        self.world
            .recursors
            .borrow_mut()
            .insert(id.to_owned(), recursor);
        let mut known = Resolver::clone(&farm(id, address, known));
        if let Some(operator) = operator {
            operator.clone_into(&mut known.operator);
        }
        known.traits.is_public = is_public;
        known.traits.single_cache = single_cache;
        known.traits.nsid_suffix = nsid_suffix.map(str::to_owned);
        self.scene.resolvers.push(Arc::new(known));
        Ok(())
    }

    /// `ID VERB … [for NAME] [at SITE]`.
    pub(super) fn resolver_does(
        &mut self,
        at: DateTime<Utc>,
        words: &mut Words,
    ) -> Result<(), String> {
        let id = words.next()?;
        let scope = Scope {
            site: words.option("at").map(str::to_owned),
            owners: words
                .option("for")
                .map_or(Ok(Vec::new()), |name| words::names(&[name]))?,
        };
        let questions = self.names.iter().flat_map(|name| {
            let each = self.types.iter();
            each.map(move |rtype| (name.clone(), *rtype))
        });
        let questions: Vec<_> = questions.collect();
        let mut recursors = self.world.recursors.borrow_mut();
        let recursor = recursors
            .get_mut(id)
            .ok_or_else(|| format!("no resolver {id}"))?;
        match words.next()? {
            "asks" => {
                let server = words.next()?;
                recursor.prefer(at, (server != "anybody").then(|| server.to_owned()));
            }
            "shows" => recursor.show(at, Some(words.next()?.to_owned())),
            "is" if words.next_if("itself") => recursor.show(at, None),
            "fetches" => recursor.meddle(at, scope, Meddling::Fetch(questions)),
            "holds" => {
                for (key, value, ttl, _) in answers(words)? {
                    recursor.meddle(at, scope.clone(), Meddling::Plant(key, value, ttl));
                }
            }
            "answers" => {
                for (key, value, ttl, ede) in answers(words)? {
                    let scope = Scope {
                        owners: vec![key.0.clone()],
                        ..scope.clone()
                    };
                    recursor.behave(at, scope, Conduct::Answers(key, value, ttl, ede));
                }
            }
            verb => recursor.behave(at, scope, conduct(verb, words)?),
        }
        Ok(())
    }
}

/// Backends by site, or so many without NSIDs; one without where nothing is said.
fn caches(words: &mut Words, habits: Habits) -> Vec<Cache> {
    if !words.next_if("backends") {
        return vec![Cache::new(None, habits)];
    }
    let sites = words.rest();
    if let Some(count) = sites.first().and_then(|count| count.parse().ok()) {
        return vec![Cache::new(None, habits); count];
    }
    let named = sites.iter().map(|site| Some((*site).to_owned()));
    named.map(|site| Cache::new(site, habits)).collect()
}

/// Of which owner and type, what, with which TTL, and with which extended errors.
type Answer = ((DnsName, RecordType), Value, u32, Vec<u16>);

/// `NAME… TYPE = VALUE… ttl N [ede N]`.
fn answers(words: &mut Words) -> Result<Vec<Answer>, String> {
    let mut subject = words.until("=")?;
    let rtype: RecordType = words::read(subject.pop().ok_or("whose data?")?)?;
    let ttl = words.option("ttl").ok_or("`ttl` is missing")?;
    let (ttl, ede) = (words::seconds(ttl)?, errors(words)?);
    let value = value(&words.rest())?;
    let names = words::names(&subject)?.into_iter();
    Ok(names
        .map(|name| ((name, rtype), value.clone(), ttl, ede.clone()))
        .collect())
}

fn errors(words: &mut Words) -> Result<Vec<u16>, String> {
    let code = words.option("ede").map(words::read).transpose()?;
    Ok(code.into_iter().collect())
}

fn conduct(verb: &str, words: &mut Words) -> Result<Conduct, String> {
    match verb {
        "is" => match words.next()? {
            "silent" => Ok(Conduct::Silent),
            "well" => Ok(Conduct::Honest),
            "cut" if words.next_if("off") => Ok(Conduct::CutOff),
            other => Err(format!("a resolver cannot be `{other}`")),
        },
        "says" => {
            let rcode = match words.next()? {
                "SERVFAIL" => Rcode::SERVFAIL,
                "REFUSED" => Rcode::REFUSED,
                "NOTIMP" => Rcode::NOTIMP,
                other => return Err(format!("a resolver cannot say `{other}`")),
            };
            Ok(Conduct::Says(rcode, errors(words)?))
        }
        "blocks" => Ok(Conduct::Blocks),
        "limits" => Ok(Conduct::Limits(words::read(words.next()?)?)),
        other => Err(format!("a resolver cannot `{other}`")),
    }
}
