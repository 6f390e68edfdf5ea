//! What `check` says beside its questions.
//!
//! Deliberately absent: what happens where nothing is said, which is for whoever asks.

use clap::Args;

use crate::{
    config::read_client_subnet,
    types::{ClientSubnet, QueryOptions},
};

#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
pub(super) struct Beside {
    /// Ask for signatures (DO)
    #[arg(long, help_heading = "Beside the question")]
    dnssec: bool,
    /// Ask resolvers not to validate (CD)
    #[arg(long, help_heading = "Beside the question")]
    cd: bool,
    /// Ask resolvers for what is in their caches, and nothing else (RD=0)
    #[arg(long, help_heading = "Beside the question")]
    no_recurse: bool,
    /// The client subnet that resolvers are told: a network, `hidden` or `unsaid` (RFC 7871)
    #[arg(long, value_name = "NET", value_parser = read_client_subnet, help_heading = "Beside the question")]
    ecs: Option<ClientSubnet>,
    /// Send DNS cookies over UDP, to resolvers too (RFC 7873)
    #[arg(long, help_heading = "Beside the question")]
    cookies: bool,
    /// Put the letters of names into random case over UDP
    #[arg(long = "0x20", help_heading = "Beside the question")]
    random_case: bool,
}

impl Beside {
    /// What is said; the rest is left open.
    pub(super) fn said(&self) -> QueryOptions {
        let on = |flag: bool| flag.then_some(true);
        QueryOptions {
            dnssec: on(self.dnssec),
            checking_disabled: on(self.cd),
            recursion_desired: self.no_recurse.then_some(false),
            ecs: self.ecs,
            cookies: on(self.cookies),
            case_randomization: on(self.random_case),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        beside: Beside,
    }

    fn said(options: &str) -> QueryOptions {
        let line = std::iter::once("check").chain(options.split_whitespace());
        Line::try_parse_from(line).unwrap().beside.said()
    }

    #[test]
    fn each_option_says_its_own_and_leaves_the_rest_open() {
        let open = QueryOptions::default();
        let network = ClientSubnet::Of("192.0.2.0/24".parse().unwrap());
        for (options, expected) in [
            ("", open),
            (
                "--dnssec",
                QueryOptions {
                    dnssec: Some(true),
                    ..open
                },
            ),
            (
                "--cd",
                QueryOptions {
                    checking_disabled: Some(true),
                    ..open
                },
            ),
            (
                "--no-recurse",
                QueryOptions {
                    recursion_desired: Some(false),
                    ..open
                },
            ),
            (
                "--ecs 192.0.2.77/24",
                QueryOptions {
                    ecs: Some(network),
                    ..open
                },
            ),
            (
                "--ecs hidden",
                QueryOptions {
                    ecs: Some(ClientSubnet::Hidden),
                    ..open
                },
            ),
            (
                "--cookies",
                QueryOptions {
                    cookies: Some(true),
                    ..open
                },
            ),
            (
                "--0x20",
                QueryOptions {
                    case_randomization: Some(true),
                    ..open
                },
            ),
        ] {
            assert_eq!(said(options), expected, "{options}");
        }
    }
}
