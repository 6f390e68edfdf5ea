//! The dialers' zone signed by its own servers, and a recursor that validates.
//!
//! Deliberately absent: signed parents. A recursor trusts the zone's key by configuration, rightly or wrongly; nothing
//! else of the lab knows of DNSSEC. A signed zone is not edited any more: its servers count its serial themselves.

use std::fs;

use hickory_proto::rr::RecordType;

use super::{Authority, Lab, Recursor, dig, process::control};

/// Where what is added to unbound's configuration begins.
const VALIDATING: &str = "# DNSSEC, by tests/it/lab/signing.rs.";

/// How a server signs: with the key that it was given, and with no other.
const POLICY: &str = "
policy:
  - id: by-hand
    manual: on
    single-type-signing: on
    algorithm: ecdsap256sha256

zone:
";

impl Lab {
    /// Signs the dialers' zone at both name servers with one key. Returns the key's DS record, owner first.
    pub(crate) async fn sign(&mut self) -> String {
        let [first, second] = &mut self.dialers[..] else {
            panic!("the dialers' zone has two servers")
        };
        first.sign_by_hand();
        second.sign_by_hand();
        let generate = [
            "generate",
            "algorithm=ecdsap256sha256",
            "ksk=yes",
            "zsk=yes",
        ];
        first.keymgr(&generate).await;
        let keys = first.dir().join("keys").display().to_string();
        control("cp", &["-r", &keys, &second.dir().display().to_string()]).await;
        let ds = first.keymgr(&["ds"]).await;
        for authority in [first, second] {
            authority.signing().await;
        }
        // Of SHA-1, SHA-256 and SHA-384 the second is what everybody understands.
        let sha256 = ds.lines().find(|line| line.contains(" 13 2 "));
        sha256.unwrap_or_else(|| panic!("no DS: {ds}")).to_owned()
    }
}

impl Authority {
    fn sign_by_hand(&self) {
        let file = self.dir().join("knot.conf");
        let text = fs::read_to_string(&file).unwrap();
        let text = text
            .replace("database:\n", "database:\n    kasp-db: \"keys\"\n")
            .replace("\nzone:\n", POLICY)
            + "    dnssec-signing: on\n    dnssec-policy: by-hand\n";
        fs::write(&file, text).unwrap();
    }

    async fn keymgr(&self, command: &[&str]) -> String {
        let file = self.dir().join("knot.conf").display().to_string();
        let apex = self.zone().apex.clone();
        let args = [&["-c", &file, &apex], command].concat();
        control("keymgr", &args).await
    }

    /// Reads its configuration anew, and waits until its zone is signed.
    async fn signing(&mut self) {
        let socket = self.dir().join("control.sock").display().to_string();
        control("knotc", &["-s", &socket, "-b", "reload"]).await;
        let (address, apex) = (self.addr(), self.zone().apex.clone());
        let signed = async || {
            let reply = dig::ask(address, &apex, RecordType::DNSKEY).await;
            reply.is_ok_and(|reply| reply.ttl.is_some())
        };
        self.until("signed its zone", signed).await;
    }
}

impl Recursor {
    /// Lets unbound validate what lies below this trust anchor, its cache forgotten; `ede`: it says what is wrong.
    pub(crate) async fn validate(&mut self, anchor: &str, ede: bool) {
        let ede = if ede { "yes" } else { "no" };
        let more = format!(
            "server:\n    module-config: \"validator iterator\"\n    trust-anchor: \"{anchor}\"\n    ede: {ede}\n"
        );
        self.reconfigure(&more).await;
    }

    /// Ends a [`validate`](Self::validate), its cache forgotten.
    pub(crate) async fn stop_validating(&mut self) {
        self.reconfigure("").await;
    }

    async fn reconfigure(&mut self, more: &str) {
        let file = self.dir().join("unbound.conf");
        let text = fs::read_to_string(&file).unwrap();
        let plain = text.split(VALIDATING).next().unwrap_or_default();
        fs::write(&file, format!("{plain}{VALIDATING}\n{more}")).unwrap();
        self.unbound_control(&["reload"]).await;
    }
}
