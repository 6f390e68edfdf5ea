//! `resolvers canary-zone`: the zone that resolvers are calibrated with, as a master file.
//!
//! Deliberately absent: publishing it.

use std::net::IpAddr;

use clap::Args;

use super::super::{CliError, EXIT_OK, output::Output};
use crate::{
    audit::calibration::canary::{Canary, NameServer},
    clock,
    names::DnsName,
};

#[derive(Debug, Args)]
pub(in crate::cli) struct CanaryZoneArgs {
    /// The zone's name: one of your own below which nothing else lives
    #[arg(long, value_name = "NAME")]
    origin: DnsName,
    /// Its name servers; one whose own name lies in the zone with its address, `ns1.canary.example.com=192.0.2.53`
    #[arg(
        long = "ns",
        required = true,
        value_delimiter = ',',
        value_name = "NAME[=ADDRESS]",
        value_parser = server
    )]
    servers: Vec<NameServer>,
}

fn server(text: &str) -> Result<NameServer, String> {
    let (name, address) = match text.split_once('=') {
        Some((name, address)) => (name, Some(address)),
        None => (text, None),
    };
    let address = address.map(str::parse::<IpAddr>).transpose();
    let address = address.map_err(|_| format!("`{text}`: write an address after `=`"))?;
    Ok(NameServer {
        name: name
            .parse()
            .map_err(|error: crate::names::NameError| error.to_string())?,
        addresses: address.into_iter().collect(),
    })
}

pub(in crate::cli) fn run(args: CanaryZoneArgs, output: Output) -> Result<u8, CliError> {
    let wrong = |error: &dyn std::error::Error| CliError::Usage(error.to_string());
    let canary = Canary::new(args.origin).map_err(|error| wrong(&error))?;
    let servers = merged(args.servers);
    // Later files have later serials (RFC 1912 section 2.2 has the usual form; seconds never run out before 2106).
    let serial = u32::try_from(clock::now().timestamp()).unwrap_or(1);
    let file = canary.master_file(&servers, serial);
    output.text(&file.map_err(|error| wrong(&error))?)?;
    Ok(EXIT_OK)
}

/// A server that was given with two addresses is one.
fn merged(given: Vec<NameServer>) -> Vec<NameServer> {
    let mut servers: Vec<NameServer> = Vec::new();
    for server in given {
        match servers.iter_mut().find(|known| known.name == server.name) {
            Some(known) => known.addresses.extend(server.addresses),
            None => servers.push(server),
        }
    }
    servers
}
