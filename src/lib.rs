//! dns-auditor watches what public resolvers and authoritative servers really answer, and says when they diverge.
//!
//! This page is the architecture. The command line is in the README; the words are those of RFC 9499 and of
//! [`types`]: a *question* is put to a *source* (a resolver, or one address of an authoritative server), which gives an
//! *observation* of an *answer*; unbroken runs of one answer are *spans*; a *round* is one tick of a *group*; it ends in
//! *verdicts* and *findings*, and what is confirmed of them is an *incident*, told on *channels*.
//!
//! # The parts, in reading order
//!
//! ```text
//!         main ──► cli ──► demo ──► daemon           composition: the only place that knows everything
//!                   │                 │
//!      faces      http       cli
//!                   │
//!      services   scheduler ──► evaluator    replay    dispatcher
//!                   │              │  │              │  │
//!      adapters     │            probe  store      store  notify      one outside world each
//!                   │              │      │                  │
//!      pure       config         audit  names  types
//! ```
//!
//! Beneath everything: [`clock`], the one clock of the process. Pure: [`names`] (domain names), [`types`] (the words),
//! [`config`] (what is typed, and what is meant), [`audit`] (the judgement). Adapters: [`probe`] (DNS on the wire),
//! [`store`] (`PostgreSQL`, and a private one), [`notify`] (Slack and webhooks). Services: [`evaluator`] (one round),
//! [`scheduler`] (when), [`dispatcher`] (telling), [`replay`] (recorded rounds judged again). Faces: [`http`] and [`cli`].
//! [`metrics`] is what services count and `http` shows; [`daemon`] puts everything together, and looks after the private
//! `PostgreSQL` and the partitions meanwhile; [`demo`] puts it into a simulated world, on 30 August 2020.
//!
//! # One observation's way
//!
//! 1. [`scheduler`]: the cron line says that group G is due at T; `store` begins the round, unique per vantage, group
//!    and T: a restart cannot run it twice.
//! 2. [`evaluator::asking`]: a round is spread over moments, one a name, so that resolvers and authoritative servers are
//!    asked for it together and no budget is exceeded; aliases are followed at each zone's own servers. [`probe`] answers
//!    with observations, the messages themselves in them; a timeout is one, never an `Err`.
//! 3. [`audit::history`] takes them in: spans grow, epochs begin and end.
//! 4. [`audit::judge`] gives each question at each resolver its state; what is suspicious is asked again at once, over
//!    fresh sockets, and judged again. `audit::findings` says what is wrong at the authorities.
//! 5. [`audit::ledger`]: confirmation, axis, recovery, flapping and reminders turn the round into incidents' transitions.
//! 6. [`store`]: observations and spans commit in chunks, with the messages that [`audit::keep`] chose as proof; verdicts, incidents, messages and the round's end commit
//!    together, last. What is not recorded is not told. [`audit::keep`] says which messages are kept as proof.
//! 7. [`dispatcher`]: leases the oldest message of each incident and channel, sends it outside any transaction, and
//!    records how that went. At least once, with an id that stays.
//!    While the database is away, [`store::journal`] stands in for it: steps and messages are written there, told from there, and
//!    reconciled before anybody reads the database again.
//! 8. CLI and API read the history through the same queries of [`store`]. What a judgement needs beside the observations is
//!    stored with its round, so that [`replay`] gives the same verdicts, findings and steps again, octet by octet.
//!
//! # Invariants, held by a test
//!
//! 1. `audit` names no tokio, sqlx, hickory, reqwest or axum, and never asks the time. Nobody but `clock` asks the system
//!    for it, but for the stamps that the kernel puts on datagrams.
//! 2. `hickory-resolver` stands only in `notify/resolve`, the sockets, `quinn`, `h2` and `h3` only in `probe`, `sqlx` and
//!    `zstd` only in `store`, `reqwest` only in `notify`, `axum` only in `http`, `clap` only in `cli` and `main`.
//!    `hickory-proto` and `hickory-server` are what tests hold our own wire code against. `demo` plays the other side, with
//!    servers of its own.
//! 3. Adapters never import each other; services never import faces; the pure modules import nothing above them.
//! 4. What is sent is made of types of `notify`'s own; `store` has its own rows. The results of its queries, which CLI and
//!    API read alike, are the one JSON shape of both, described in `/api/v1/openapi.json`. A report as a document is made in
//!    `cli/report`, and `http` serves it, too. The views of the schema are the same for people's own SQL (`docs/sql.md`).
//! 5. Deliberately absent everywhere, but for the resolvers that `demo` simulates: a cache of answers, the merging of equal questions, and retries that are not
//!    recorded as attempts.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod demo;
pub mod dispatcher;
pub mod evaluator;
pub mod http;
pub mod metrics;
pub mod names;
pub mod notify;
pub mod probe;
pub mod replay;
pub mod scheduler;
pub mod store;
pub mod types;
