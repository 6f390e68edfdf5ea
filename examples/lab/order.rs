//! What can be typed at the lab's prompt, and the doing of it.

use std::net::{IpAddr, SocketAddr};

use hickory_proto::rr::RecordType;

use crate::it::lab::{
    Lab, Recursor, absolute,
    dig::{self, Reply},
};

/// All of it.
pub(crate) const HELP: &str = "\
Type here (names are below example.com):
  plant unbound dialer7 198.51.100.66 [TTL]   make one resolver serve a wrong address (TTL 60)
  unplant unbound dialer7                     and end that
  change dialer3 192.0.2.99 [ADDRESS ...]     a planned change, at both name servers
  ttl dialer5 86400                           another TTL, at both name servers
  flush RESOLVER dialer3                      drop a name from a resolver's cache
  stop SERVER, start SERVER                   its port refuses; it comes back with an empty cache
  freeze SERVER, thaw SERVER                  it is silent; it comes back as it was
  ask dialer7                                 what every server says now
  help, quit
A RESOLVER is unbound, pdns-recursor, knot-resolver or bind; a SERVER is one of these, ns1, ns2 or cdn.";

/// Does what one line says; answers what was done, or why it was not.
pub(crate) async fn obey(lab: &mut Lab, line: &str) -> Result<String, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["help"] => return Ok(HELP.to_owned()),
        ["ask", name] => return Ok(ask(lab, name).await),
        ["plant", id, name, address] => plant(lab, id, name, address, "60").await?,
        ["plant", id, name, address, ttl] => plant(lab, id, name, address, ttl).await?,
        ["unplant", "unbound", name] => {
            let name = dialer(lab, name)?;
            listening(lab, "unbound")?.unplant(&name).await;
        }
        ["flush", id, name] => {
            let name = dialer(lab, name)?;
            listening(lab, id)?.flush(&name).await;
        }
        ["change", name, ref addresses @ ..] if !addresses.is_empty() => {
            let name = dialer(lab, name)?;
            addresses
                .iter()
                .try_for_each(|text| address(text).map(drop))?;
            lab.change(&name, addresses).await;
        }
        ["ttl", name, ttl] => {
            let name = dialer(lab, name)?;
            lab.set_ttl(&name, seconds(ttl)?).await;
        }
        [verb @ ("stop" | "start" | "freeze" | "thaw"), server] => {
            switch(lab, verb, server).await?;
        }
        _ => return Err(format!("`{line}` is not understood")),
    }
    Ok(format!("Done: {line}"))
}

async fn plant(lab: &mut Lab, id: &str, name: &str, wrong: &str, ttl: &str) -> Result<(), String> {
    if id != "unbound" {
        return Err("only unbound lets a wrong address be planted".to_owned());
    }
    let (name, wrong, ttl) = (dialer(lab, name)?, address(wrong)?, seconds(ttl)?);
    listening(lab, id)?
        .plant(&name, &wrong.to_string(), ttl)
        .await;
    Ok(())
}

async fn switch(lab: &mut Lab, verb: &str, id: &str) -> Result<(), String> {
    let authority = match id {
        "ns1" => lab.authority(0),
        "ns2" => lab.authority(1),
        "cdn" => lab.cdn(),
        _ => return switch_resolver(lab, verb, id).await,
    };
    match verb {
        "stop" => authority.stop(),
        "start" => authority.start().await,
        "thaw" => authority.thaw().await,
        _ if authority.is_answering() => authority.freeze().await,
        _ => return Err(format!("{id} is silent already")),
    }
    Ok(())
}

async fn switch_resolver(lab: &mut Lab, verb: &str, id: &str) -> Result<(), String> {
    let recursor = resolver(lab, id)?;
    match verb {
        "stop" => recursor.stop(),
        "start" => recursor.start().await,
        "thaw" => recursor.thaw(),
        _ if recursor.is_answering() => recursor.freeze().await,
        _ => return Err(format!("{id} is silent already")),
    }
    Ok(())
}

/// Every server's answer for a name, a line each.
async fn ask(lab: &mut Lab, name: &str) -> String {
    let name = absolute(name, "example.com.");
    let mut servers: Vec<(&str, SocketAddr)> = vec![
        ("ns1", lab.authority(0).addr()),
        ("ns2", lab.authority(1).addr()),
    ];
    servers.extend(
        lab.resolvers()
            .iter()
            .map(|(id, _, address)| (*id, *address)),
    );
    let mut said = Vec::new();
    for (id, server) in servers {
        let answer = dig::ask(server, &name, RecordType::A).await;
        let answer = answer.map_or_else(|error| error.to_string(), |reply| describe(&reply));
        said.push(format!("  {id:<14} {answer}"));
    }
    said.join("\n")
}

fn describe(reply: &Reply) -> String {
    match reply.ttl {
        Some(ttl) => format!("{} for {ttl} s", reply.addresses.join(", ")),
        None => reply.rcode.to_string(),
    }
}

/// A name of the dialers' zone, which must be there, in full.
fn dialer(lab: &mut Lab, name: &str) -> Result<String, String> {
    let name = absolute(name, "example.com.");
    let known = lab.authority(0).zone().ttl(&name).is_some();
    known
        .then_some(name)
        .ok_or_else(|| "the zone has no such name".to_owned())
}

/// A resolver by its id.
fn resolver<'a>(lab: &'a mut Lab, id: &str) -> Result<&'a mut Recursor, String> {
    let known = lab.resolvers().iter().any(|(known, ..)| *known == id);
    known
        .then(|| lab.resolver(id))
        .ok_or_else(|| format!("there is no server {id}"))
}

/// A resolver that can take an order now.
fn listening<'a>(lab: &'a mut Lab, id: &str) -> Result<&'a mut Recursor, String> {
    let recursor = resolver(lab, id)?;
    let answering = recursor.is_answering();
    answering
        .then_some(recursor)
        .ok_or_else(|| format!("{id} does not answer now"))
}

fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("{text} is no address"))
}

fn seconds(text: &str) -> Result<u32, String> {
    text.parse()
        .map_err(|_| format!("{text} is no number of seconds"))
}
