//! What authoritative servers come to hold, and how they treat questions.
//!
//! Deliberately absent: resolvers.

use chrono::{DateTime, Utc};

use super::{
    stage::Stage,
    words::{self, Words},
};
use crate::{
    audit::testing::{Data, Manner, rrset},
    names::DnsName,
    types::{RecordType, Value},
};

/// The TTL of what was never given one, seconds.
const USUAL_TTL: u32 = 300;

impl Stage {
    /// `NAME… TYPE = VALUE… [ttl N] [at SERVER] [for RESOLVER]`, or `= gone`.
    pub(super) fn data_changes(
        &mut self,
        at: DateTime<Utc>,
        words: &mut Words,
    ) -> Result<(), String> {
        let mut subject = words.until("=")?;
        let (server, viewer) = (words.option("at"), words.option("for"));
        let ttl = words.option("ttl").map(words::seconds).transpose()?;
        let said = words.rest();
        let rtype = subject.pop().ok_or("whose data?")?;
        // A name that is gone has nothing of any type (RFC 8020).
        let types = match words::read::<RecordType>(rtype)? {
            _ if said == ["gone"] => self.types.clone(),
            rtype => vec![rtype],
        };
        for name in words::names(&subject)? {
            let ttl = ttl.or(self.ttls.get(&name).copied()).unwrap_or(USUAL_TTL);
            self.ttls.insert(name.clone(), ttl);
            let data = data(&said, ttl)?;
            let servers = match server {
                Some(server) if self.servers.contains_key(server) => vec![server.to_owned()],
                Some(other) => return Err(format!("`{other}` is no server")),
                None => self.world.servers.of(&name, at).to_vec(),
            };
            if servers.is_empty() {
                return Err(format!("{name} lies in no zone"));
            }
            for server in servers {
                for rtype in &types {
                    let (what, data) = ((&name, *rtype), data.clone());
                    self.world.servers.serve(&server, viewer, what, data, at);
                }
            }
        }
        Ok(())
    }

    /// `SERVER is silent|lame|intercepted|well [for RESOLVER|vantage]`, or `denies empty names`.
    pub(super) fn server_does(
        &mut self,
        at: DateTime<Utc>,
        words: &mut Words,
    ) -> Result<(), String> {
        let server = words.next()?;
        let manner = match words.next()? {
            "denies" if words.next_if("empty") && words.next_if("names") => Manner::DeniesEnts,
            verb if verb != "is" => return Err(format!("what of {server}?")),
            _ => self::manner(words.next()?)?,
        };
        let viewer = words.option("for");
        self.world.servers.behave(server, viewer, manner, at);
        Ok(())
    }
}

fn manner(word: &str) -> Result<Manner, String> {
    match word {
        "silent" => Ok(Manner::Silent),
        "lame" => Ok(Manner::Lame),
        "intercepted" => Ok(Manner::Intercepted),
        "well" => Ok(Manner::Well),
        other => Err(format!("a server cannot be `{other}`")),
    }
}

fn data(said: &[&str], ttl: u32) -> Result<Data, String> {
    match said {
        [count, "of", pool @ ..] => {
            let pool = pool.iter().map(ToString::to_string).collect();
            Ok(Data::Rotates(pool, words::read(count)?, ttl))
        }
        _ => Ok(Data::Holds(value(said)?, ttl)),
    }
}

/// Addresses, `service TARGET…` (SRV), `alias TARGET`, `nothing` or `gone`.
pub(super) fn value(said: &[&str]) -> Result<Value, String> {
    match said {
        [] => Err("which value?".to_owned()),
        ["gone"] => Ok(Value::Nxdomain),
        ["nothing"] => Ok(Value::Nodata),
        ["service", targets @ ..] => {
            let records = targets.iter().map(|target| format!("0 0 5060 {target}"));
            let records: Vec<_> = records.collect();
            Ok(rrset(
                &records.iter().map(String::as_str).collect::<Vec<_>>(),
            ))
        }
        ["alias", target] => Ok(Value::Cname(words::read::<DnsName>(target)?)),
        records => Ok(rrset(records)),
    }
}
