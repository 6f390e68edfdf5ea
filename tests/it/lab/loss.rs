//! Packets lost at random on the loopback interface of a network of its own, and how many.
//!
//! By nftables where they are received, so that a sender notices nothing, as on a long way. Deliberately never on the
//! machine's own loopback interface, which others use.

use super::{
    namespace::is_in_namespace,
    process::{control, find, run},
};

/// Counts what comes, and drops so many of a hundred. A table of the namespace, which goes with it.
const RULES: &str = "
table inet lab {
    counter came {}
    counter lost {}
    chain way {
        type filter hook input priority 0;
        counter name came
        numgen random mod 100 < @PERCENT@ counter name lost drop
    }
}
";

/// A loss that lasts until the end of the namespace.
pub(crate) struct Loss(());

impl Loss {
    /// Begins to lose so many of a hundred packets; or says why none are lost.
    pub(crate) async fn begin(percent: u8) -> Result<Self, String> {
        if !is_in_namespace() {
            return Err("this is the machine's own network".to_owned());
        }
        let nft = find("nft").ok_or("nft is not installed (nftables)")?;
        let rules = RULES.replace("@PERCENT@", &percent.to_string());
        let ran = run(nft, &["-f", "-"], &rules).await;
        let output = ran.map_err(|error| format!("nft: {error}"))?;
        if output.status.success() {
            return Ok(Self(()));
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// How many packets came so far, and how many of them were lost.
    pub(crate) async fn counts(&self) -> (u64, u64) {
        let said = control("nft", &["list", "counters"]).await;
        (packets(&said, "came"), packets(&said, "lost"))
    }
}

/// `counter came {` and on the next line `packets 17 bytes 4711`.
fn packets(said: &str, counter: &str) -> u64 {
    let (_, rest) = said.split_once(&format!("counter {counter} {{")).unwrap();
    rest.split_whitespace().nth(1).unwrap().parse().unwrap()
}
