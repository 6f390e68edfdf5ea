//! The right to run a lab: here if this process has it, else in a user and network namespace.
//!
//! Recursors follow delegations to port 53 only, and BIND listens only on addresses that an interface carries, so a lab
//! needs two privileges. Root has them; another user has them inside a namespace. Where neither is to be had this says
//! what to do about it: a lab test is never skipped.

use std::{any::type_name, fs, process::Command};

use super::place::{Place, check_programs};

/// Set inside the namespace, so that a lab that still cannot stand says so instead of trying again.
const INSIDE: &str = "DNS_AUDITOR_LAB_NAMESPACE";

/// Runs the body of a test that starts labs: here if a lab can stand here, else in a namespace, as a second run of this
/// one test. Fails, naming the command that helps, where neither is allowed.
pub(crate) fn test<Body: AsyncFnOnce()>(body: Body) {
    check_programs();
    match check() {
        Ok(()) => {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(body());
        }
        Err(why) => run_again::<Body>(&why),
    }
}

/// As [`test`], in a network of its own wherever there can be one, where packets can be lost ([`super::Loss`]). What it
/// prints is seen at once.
pub(crate) fn test_apart<Body: AsyncFnOnce()>(body: Body) {
    check_programs();
    if is_in_namespace() || !may_unshare() {
        return test(body);
    }
    let name = test_name::<Body>();
    let why = "its network is to lose packets";
    let ran = in_namespace(&["--exact", name, "--nocapture"], why).status();
    assert!(
        ran.is_ok_and(|status| status.success()),
        "{name} failed in its namespace, see above"
    );
}

/// The body is a closure of the test, so its type is named `it::path::of::test::{{closure}}`.
fn test_name<Body>() -> &'static str {
    let path = type_name::<Body>().trim_end_matches("::{{closure}}");
    path.split_once("::").unwrap().1
}

fn run_again<Body>(why: &str) {
    let test = test_name::<Body>();
    let ran = in_namespace(&["--exact", test, "--nocapture"], why).output();
    let output = ran.unwrap_or_else(|error| panic!("{}: {error}", advice(why)));
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("running 1 test"), "{}", advice(why));
    assert!(
        output.status.success(),
        "{test} failed in its namespace, see above"
    );
}

/// Whether a lab can stand in this very process; if not, why.
pub(crate) fn check() -> Result<(), String> {
    Place::claim().map_err(|error| format!("port 53 on loopback cannot be bound: {error}"))?;
    if !may_add_addresses() {
        return Err(
            "addresses cannot be added to the loopback interface (CAP_NET_ADMIN)".to_owned(),
        );
    }
    Ok(())
}

/// Capability 12, `CAP_NET_ADMIN`, of the effective set (capabilities(7), proc(5)).
fn may_add_addresses() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .is_some_and(|set| set & (1 << 12) != 0)
}

/// This program again, with the given arguments, in a network of its own where a lab can stand. The user stays the same
/// (`PostgreSQL` refuses to be root, even a pretended one) and keeps the namespace's capabilities.
///
/// Panics, naming the commands that help, if this already is that second run.
pub(crate) fn in_namespace(args: &[&str], why_not_here: &str) -> Command {
    assert!(!is_in_namespace(), "{}", advice(why_not_here));
    let mut command = unshare();
    command
        .args([
            "sh",
            "-c",
            r#"PATH=$PATH:/usr/sbin:/sbin; ip link set lo up && exec "$@""#,
            "lab",
        ])
        .arg(std::env::current_exe().unwrap())
        .args(args)
        .env(INSIDE, "1");
    command
}

/// What runs a program in a network of its own.
fn unshare() -> Command {
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-current-user", "--keep-caps"]);
    }
    command.args(["--net", "--"]);
    command
}

fn may_unshare() -> bool {
    let ran = unshare().arg("true").output();
    ran.is_ok_and(|output| output.status.success())
}

/// Whether this is a second run, made by [`in_namespace`].
pub(crate) fn is_in_namespace() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// What a person can do where not even a namespace helps.
pub(crate) fn advice(why: &str) -> String {
    let setting = |file: &str| {
        fs::read_to_string(file)
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let allow = if setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" {
        ", or run `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0` once"
    } else if setting("/proc/sys/kernel/unprivileged_userns_clone") == "0" {
        ", or run `sudo sysctl -w kernel.unprivileged_userns_clone=1` once"
    } else if setting("/proc/sys/user/max_user_namespaces") == "0" {
        ", or run `sudo sysctl -w user.max_user_namespaces=10000` once"
    } else {
        "; in a container, give it `--cap-add=NET_ADMIN`"
    };
    format!(
        "the lab of real DNS servers cannot stand here: {why}; and a user and network namespace (unshare) is not \
         allowed either. Run `make test` as root{allow}"
    )
}
