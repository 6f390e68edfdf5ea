//! `check` against scripted servers: each kind of result, its table, its JSON and its exit code.

use hickory_proto::rr::rdata::opt::EdnsCode;

use super::program::{Ran, assert_tells, program, run};
use crate::{
    dns::{DnsServer, Fault, Query, closed_address},
    rounds::Servers,
};

/// `check` of these arguments at `alpha` and `beta` and the authority.
async fn check(servers: &Servers, args: &[&str]) -> Ran {
    check_at(&servers.authority, &[&servers.alpha, &servers.beta], args).await
}

async fn check_at(authority: &DnsServer, resolvers: &[&DnsServer], args: &[&str]) -> Ran {
    let resolvers: Vec<_> = resolvers
        .iter()
        .map(|server| server.address().to_string())
        .collect();
    let (resolvers, authority) = (resolvers.join(","), authority.address().to_string());
    let mut all = vec!["check", "--resolver", &resolvers, "--authority", &authority];
    all.extend(["--timeout", "300ms"]);
    all.extend(args);
    run(&all).await
}

#[tokio::test]
async fn what_the_authority_serves_is_consistent_and_ends_with_0() {
    let servers = Servers::start().await;
    let ran = check(&servers, &["dialer{1..2}.example.com", "--type", "A"]).await;
    assert_tells!("consistent", ran.fits());
    assert_eq!(ran.code, 0);
}

#[tokio::test]
async fn absent_data_is_told_as_nodata_and_an_alias_with_its_target() {
    let servers = Servers::start().await;
    let ran = check(&servers, &["shop.example.com"]).await;
    assert_tells!("nodata_and_alias", ran.fits());
    assert_eq!(ran.code, 0);
}

#[tokio::test]
async fn a_service_record_is_followed_to_the_addresses_that_clients_use() {
    let servers = Servers::start().await;
    let args = ["_sip._udp.example.com", "--type", "SRV"];
    let ran = check(&servers, &args).await;
    assert_tells!("service_record", ran.fits());
    assert_eq!(ran.code, 0);
    // A wrong address behind it is a breach, though nobody asked for the host by name.
    let wrong = &["198.51.100.66"];
    servers
        .beta
        .edit(|script| script.plant("dialer1.example.com", "A", 86_400, wrong));
    let ran = check(&servers, &[&args[..], &["--format", "json"]].concat()).await;
    let json = ran.json();
    let verdicts = json["verdicts"].as_array().unwrap().iter();
    let bad: Vec<_> = verdicts
        .filter(|one| one["state"] != "consistent")
        .collect();
    assert_eq!(bad.len(), 1, "{bad:?}");
    assert_eq!(bad[0]["question"]["name"], "dialer1.example.com");
    let reason = bad[0]["reason"].as_str().unwrap();
    assert!(
        reason.ends_with("; it serves _sip._udp.example.com SRV"),
        "{reason}"
    );
    assert_eq!(ran.code, 1);
}

#[tokio::test]
async fn an_internationalised_name_is_shown_both_ways() {
    let servers = Servers::start().await;
    let ran = check(&servers, &["bücher.example.com", "--type", "A"]).await;
    assert_tells!("internationalised", ran.fits());
    assert_eq!(ran.code, 0);
}

#[tokio::test]
async fn another_answer_is_unexplained_with_its_cached_until_and_ends_with_1() {
    let servers = Servers::start().await;
    let (name, wrong) = ("dialer1.example.com", &["198.51.100.66"]);
    servers
        .beta
        .edit(|script| script.plant(name, "A", 86_400, wrong));
    let ran = check(&servers, &[name, "--type", "A"]).await;
    assert_tells!("unexplained", ran.fits());
    assert_eq!(ran.code, 1);
}

#[tokio::test]
async fn a_ttl_above_the_policy_is_a_finding_and_ends_with_1() {
    let servers = Servers::start().await;
    let ran = check(&servers, &["long.example.com", "--type", "A"]).await;
    assert_tells!("ttl_above_policy", ran.fits());
    assert_eq!(ran.code, 1);
    let allowed = ["long.example.com", "--type", "A", "--max-ttl", "86400"];
    assert_eq!(check(&servers, &allowed).await.code, 0);
}

#[tokio::test]
async fn some_resolvers_failing_while_others_answer_is_a_breach() {
    let servers = Servers::start().await;
    servers.beta.edit(|script| {
        script.fault(Fault::Rcode(2));
        script.fault(Fault::ExtendedError(22, "no reachable authority"));
    });
    let ran = check(&servers, &["dialer1.example.com", "--type", "A"]).await;
    assert_tells!("servfail", ran.fits());
    assert_eq!(ran.code, 1);
    servers.beta.edit(|script| {
        script.clear_faults();
        script.fault(Fault::Silent);
    });
    let ran = check(&servers, &["dialer1.example.com", "--type", "A"]).await;
    assert_tells!("one_silent", ran.fits());
    assert_eq!(ran.code, 1);
}

#[tokio::test]
async fn nothing_answered_ends_with_3() {
    let (closed, other) = (
        closed_address().await.to_string(),
        closed_address().await.to_string(),
    );
    let args = [
        "check",
        "dialer1.example.com",
        "--type",
        "A",
        "--resolver",
        &closed,
        "--authority",
        &other,
    ];
    let ran = run(&args).await;
    assert_tells!("nothing_answered", ran.fits());
    assert_eq!(ran.code, 3);
}

#[tokio::test]
async fn an_authority_that_is_silent_leaves_the_word_to_most_operators() {
    let servers = Servers::start().await;
    servers
        .alpha
        .edit(|script| script.plant("dialer1.example.com", "A", 300, &["192.0.2.1"]));
    servers
        .beta
        .edit(|script| script.plant("dialer1.example.com", "A", 300, &["192.0.2.1"]));
    servers.authority.edit(|script| script.fault(Fault::Silent));
    let ran = check(&servers, &["dialer1.example.com", "--type", "A"]).await;
    assert_tells!("silent_authority", ran.fits());
}

#[tokio::test]
async fn a_missing_name_is_a_finding() {
    let servers = Servers::start().await;
    let ran = check(&servers, &["nowhere.example.com", "--type", "A"]).await;
    assert_tells!("missing", ran.fits());
    assert_eq!(ran.code, 1);
}

#[tokio::test]
async fn a_check_has_rows_for_other_programs() {
    let servers = Servers::start().await;
    servers
        .beta
        .edit(|script| script.plant("dialer1.example.com", "A", 300, &["198.51.100.66"]));
    let question = ["dialer1.example.com", "--type", "A", "--format"];
    for format in ["csv", "markdown", "json"] {
        let ran = check(&servers, &[&question[..], &[format]].concat()).await;
        assert_tells!(format!("unexplained_as_{format}"), ran.shown());
        assert_eq!(ran.code, 1);
    }
}

#[tokio::test]
async fn each_transport_of_a_resolver_is_a_row_and_they_agree() {
    let servers = Servers::start().await;
    let question = ["dialer1.example.com", "--type", "A"];
    let ran = check(
        &servers,
        &[&question[..], &["--transport", "udp,tcp"]].concat(),
    )
    .await;
    assert_tells!("transports", ran.fits());
    assert_eq!(ran.code, 0);
    let asked = servers.alpha.received_for("dialer1.example.com");
    let over_tcp = asked.iter().filter(|query| query.tcp).count();
    assert_eq!((over_tcp, asked.len()), (1, 2));
}

#[tokio::test]
async fn a_transport_that_fails_among_others_that_answer_is_a_breach_and_named() {
    let servers = Servers::start().await;
    servers
        .beta
        .edit(|script| script.fault(Fault::Silent.over_tcp()));
    let question = ["dialer1.example.com", "--type", "A"];
    let ran = check(
        &servers,
        &[&question[..], &["--transport", "udp,tcp"]].concat(),
    )
    .await;
    assert_tells!("transport_fails", ran.fits());
    assert_eq!(ran.code, 1);
}

/// The lines that say how a message travelled, without the messages themselves.
fn headlines(ran: &Ran) -> String {
    let lines = ran.stdout.lines();
    let kept = lines.filter(|line| {
        [";; udp", ";; tcp", ";; query", ";; response", ";; dialer1"]
            .iter()
            .any(|start| line.starts_with(start))
    });
    kept.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn every_message_can_be_seen() {
    let servers = Servers::start().await;
    servers.beta.edit(|script| script.fault(Fault::Silent));
    let question = ["dialer1.example.com", "--type", "A", "--debug"];
    let ran = check(&servers, &question).await;
    assert_tells!("debug", headlines(&ran));
    let question = ["dialer1.example.com", "--type", "A", "--debug=hex"];
    let hex = check(&servers, &question).await;
    assert_eq!(
        headlines(&hex).lines().count(),
        headlines(&ran).lines().count()
    );
    let dumps = |ran: &Ran| {
        let lines = ran.stdout.lines();
        lines.filter(|line| line.starts_with("0000")).count()
    };
    // Three queries and three responses: the resolver, the authority, and its SOA record.
    assert_eq!(dumps(&hex), dumps(&ran) + 6, "{}", hex.stdout);
    let rows = check(&servers, &[&question[..], &["--format", "csv"]].concat()).await;
    assert_eq!(rows.code, 2);
    assert!(
        rows.stderr.contains("--debug has no rows"),
        "{}",
        rows.stderr
    );
}

#[tokio::test]
async fn what_is_said_beside_the_question_travels_with_it() {
    let servers = Servers::start().await;
    let question = ["dialer1.example.com", "--type", "A"];
    check(&servers, &question).await;
    let usual = servers.alpha.received_for("dialer1.example.com").remove(0);
    let said = ["--dnssec", "--cd", "--no-recurse", "--ecs", "192.0.2.0/24"];
    check(&servers, &[&question[..], &said].concat()).await;
    let asked = servers.alpha.received_for("dialer1.example.com").remove(1);
    let flags = |query: &Query| {
        let message = &query.message;
        let edns = message.edns.as_ref().unwrap();
        [
            message.recursion_desired,
            message.checking_disabled,
            edns.flags().dnssec_ok,
            edns.option(EdnsCode::Subnet).is_some(),
        ]
    };
    assert_eq!(flags(&usual), [true, false, false, false]);
    assert_eq!(flags(&asked), [false, true, true, true]);
}

/// `check --watch` under way, and the lines that it has printed.
struct Watching {
    child: std::process::Child,
    lines: tokio::sync::mpsc::UnboundedReceiver<String>,
    seen: Vec<String>,
    _directory: tempfile::TempDir,
}

impl Watching {
    fn start(servers: &Servers, args: &[&str]) -> Self {
        use std::io::BufRead;
        let directory = tempfile::tempdir().unwrap();
        let mut command = program(directory.path());
        command
            .args([
                "check",
                "dialer1.example.com",
                "--type",
                "A",
                "--watch",
                "1s",
            ])
            .args(["--resolver", &servers.alpha.address().to_string()])
            .args(["--authority", &servers.authority.address().to_string()])
            .args(args)
            .stdout(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = std::io::BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = tokio::sync::mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in stdout.lines() {
                let _ = sender.send(line.unwrap());
            }
        });
        Self {
            child,
            lines,
            seen: Vec::new(),
            _directory: directory,
        }
    }

    /// Waits for a line that `is_it` knows.
    async fn until(&mut self, what: &str, is_it: impl Fn(&str) -> bool) -> String {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
        loop {
            let next = tokio::time::timeout_at(deadline, self.lines.recv()).await;
            let Ok(Some(line)) = next else {
                panic!("{what} never came: {:#?}", self.seen);
            };
            self.seen.push(line.clone());
            if is_it(&line) {
                return line;
            }
        }
    }

    /// As Ctrl-C does it; the exit code.
    fn interrupt(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        self.child.wait().unwrap().code()
    }
}

#[tokio::test]
async fn a_watch_tells_what_changes_and_knows_what_was_there_before() {
    let servers = Servers::start().await;
    let mut watching = Watching::start(&servers, &[]);
    let whole = watching.until("the first round", |line| line.contains("answer consistent"));
    assert_eq!(whole.await, "1 of 1 answer consistent, 0 findings");
    servers
        .authority
        .edit(|script| script.set("dialer1.example.com", "A", 300, &["192.0.2.101"]));
    let told = watching.until("the change", |line| line.contains("-> propagating"));
    let resolver = servers.alpha.address();
    assert_eq!(
        told.await,
        format!(
            "  dialer1.example.com A, {resolver}: consistent 192.0.2.1 -> propagating 192.0.2.1"
        )
    );
    let baseline =
        "  dialer1.example.com A: authority: 192.0.2.1, TTL 300 -> authority: 192.0.2.101, TTL 300";
    assert!(
        watching.seen.iter().any(|line| line == baseline),
        "{:#?}",
        watching.seen
    );
    // The next round has nothing new to tell.
    let next = watching.until("another round", |line| line.contains("consistent,"));
    let next = next.await;
    assert!(
        next.ends_with("Z  0 of 1 answer consistent, 0 findings"),
        "{next}"
    );
    assert_eq!(watching.interrupt(), Some(1));
}

#[tokio::test]
async fn a_watch_has_a_json_object_for_each_round() {
    let servers = Servers::start().await;
    let mut watching = Watching::start(&servers, &["--format", "json"]);
    for _ in 0..2 {
        let line = watching.until("a round", |_| true).await;
        let round: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(round["verdicts"][0]["state"], "consistent", "{line}");
    }
    assert_eq!(watching.interrupt(), Some(0));
}

#[tokio::test]
async fn a_watch_that_is_interrupted_in_its_first_round_says_so() {
    let servers = Servers::start().await;
    servers.alpha.edit(|script| script.fault(Fault::Silent));
    let watching = Watching::start(&servers, &["--timeout", "10s"]);
    while servers.alpha.received().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(watching.interrupt(), Some(130));
}
