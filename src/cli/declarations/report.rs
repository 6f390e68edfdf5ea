//! Declarations as people read them: lists, and the lines in timelines and incidents.
//!
//! Deliberately absent: colour, and the parts of a document that only programs need.

use crate::{
    audit::declared::{Change, Declaration, Flush, Holder, Matter, Progress, Stage},
    cli::{
        instants::instant,
        listing::{Listing, exact, exact_or_empty, or_empty},
        output::{count, inert, wrap},
    },
    names::DnsName,
    store::declarations::FollowedChange,
    types::RecordType,
};

/// Names that are written out; of more the first and their number.
const MOST_NAMES: usize = 3;
/// Holders of an old value that are written out.
const MOST_HOLDERS: usize = 5;

/// What was declared, below its id.
pub(super) fn declared(declaration: &Declaration) -> String {
    let matter = wrap(&matter(declaration), "");
    format!("declared {}\n{}", declaration.id, matter.trim_end())
}

/// Changes with how far each has come, the latest first.
pub(super) fn changes(rows: &[FollowedChange]) -> String {
    if rows.is_empty() {
        return "no declared changes; --all lists the withdrawn ones, too\n".to_owned();
    }
    let row = |row: &FollowedChange| {
        let text = entry(&row.declaration);
        text + &progress(&row.progress)
    };
    rows.iter().rev().map(row).collect::<Vec<_>>().join("\n")
}

/// Flushes, the latest first.
pub(super) fn flushes(all: &[Declaration]) -> String {
    if all.is_empty() {
        return "no declared flushes; --all lists the withdrawn ones, too\n".to_owned();
    }
    all.iter().rev().map(entry).collect()
}

/// The section of a timeline or an incident; nothing where nothing was declared.
pub(in crate::cli) fn section(all: &[Declaration]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let entries: String = all.iter().map(entry).collect();
    format!("\nDECLARED\n{entries}")
}

fn entry(declaration: &Declaration) -> String {
    let id = declaration.id.to_string();
    let head = format!("{}  ", &id[..8.min(id.len())]);
    let mut text = wrap(&matter(declaration), &head);
    let by = format!(
        "by {} at {}{}",
        inert(&declaration.declared_by),
        instant(declaration.declared_at),
        withdrawal(declaration)
    );
    text += &wrap(&by, "    ");
    if let Some(comment) = comment(declaration) {
        text += &wrap(&inert(comment), "    ");
    }
    text
}

fn withdrawal(declaration: &Declaration) -> String {
    match (declaration.withdrawn_at, &declaration.withdrawn_by) {
        (Some(at), by) => format!(
            "; withdrawn by {} at {}",
            inert(by.as_deref().unwrap_or_default()),
            instant(at)
        ),
        _ => String::new(),
    }
}

fn comment(declaration: &Declaration) -> Option<&str> {
    match &declaration.matter {
        Matter::Change(change) => change.comment.as_deref(),
        Matter::Flush(flush) => flush.comment.as_deref(),
    }
}

/// The declaration itself in one sentence.
pub(in crate::cli) fn matter(declaration: &Declaration) -> String {
    match &declaration.matter {
        Matter::Change(change) => one_change(change),
        Matter::Flush(flush) => one_flush(flush),
    }
}

fn one_change(change: &Change) -> String {
    let from = change.from.as_ref();
    let from = from.map(|from| format!("from {} ", from.texts().join(" ")));
    format!(
        "change of {} {}to {}, from {} on, expected until {}",
        subject(&change.names, change.rtype),
        inert(&from.unwrap_or_default()),
        inert(&change.to.texts().join(" ")),
        instant(change.at),
        instant(change.until)
    )
}

fn one_flush(flush: &Flush) -> String {
    format!(
        "flush of {} at {}, {}",
        subject(&flush.names, flush.rtype),
        inert(&flush.resolver),
        instant(flush.at)
    )
}

fn subject(names: &[DnsName], rtype: Option<RecordType>) -> String {
    let shown: Vec<&str> = names.iter().take(MOST_NAMES).map(DnsName::as_str).collect();
    let mut text = shown.join(", ");
    if names.len() > MOST_NAMES {
        text += &format!(" and {} more", names.len() - MOST_NAMES);
    }
    match rtype {
        Some(rtype) => format!("{text} {rtype}"),
        None => text,
    }
}

fn progress(progress: &Progress) -> String {
    let line = match (progress.stage, progress.served_since, progress.done_at) {
        (Stage::Done, Some(since), Some(at)) => format!(
            "done at {}; at the authority since {}",
            instant(at),
            instant(since)
        ),
        (Stage::UnderWay, Some(since), _) => format!(
            "under way: at the authority since {}; the old value is held by {}",
            instant(since),
            count(progress.held.len(), "backend")
        ),
        (Stage::Planned, ..) => "planned: not due yet".to_owned(),
        (Stage::Unwatched, ..) => "no round has asked for its names since".to_owned(),
        _ => "due: no authoritative server serves it yet".to_owned(),
    };
    let holders = progress.held.iter().rev().take(MOST_HOLDERS);
    let mut text = wrap(&line, "    ");
    text += &holders.map(holder).collect::<String>();
    if progress.held.len() > MOST_HOLDERS {
        text += &format!("      and {} more\n", progress.held.len() - MOST_HOLDERS);
    }
    text
}

fn holder(holder: &Holder) -> String {
    let site = holder.site.as_deref();
    let site = site.map(|site| format!(", site {}", inert(site)));
    let line = format!(
        "{} at {}{}: {}, until {}",
        holder.question,
        holder.source,
        site.unwrap_or_default(),
        inert(&holder.answer),
        instant(holder.until)
    );
    wrap(&line, "      ")
}

/// One row per change.
pub(super) fn change_listing(rows: &[FollowedChange]) -> Listing {
    let headings = [
        "id",
        "names",
        "type",
        "from",
        "to",
        "at",
        "until",
        "declared_by",
        "declared_at",
        "withdrawn_at",
        "stage",
        "served_since",
        "done_at",
        "held",
    ];
    let row = |row: &FollowedChange| {
        let (one, progress) = (&row.declaration, &row.progress);
        let change = one.change()?;
        Some([
            one.id.to_string(),
            list(&change.names),
            or_empty(change.rtype),
            or_empty(change.from.as_ref().map(|from| from.texts().join(" "))),
            change.to.texts().join(" "),
            exact(change.at),
            exact(change.until),
            one.declared_by.clone(),
            exact(one.declared_at),
            exact_or_empty(one.withdrawn_at),
            progress.stage.as_str().to_owned(),
            exact_or_empty(progress.served_since),
            exact_or_empty(progress.done_at),
            progress.held.len().to_string(),
        ])
    };
    Listing::new(headings, rows.iter().rev().filter_map(row))
}

/// One row per flush.
pub(super) fn flush_listing(all: &[Declaration]) -> Listing {
    let headings = [
        "id",
        "resolver",
        "names",
        "type",
        "at",
        "declared_by",
        "declared_at",
        "withdrawn_at",
    ];
    let row = |one: &Declaration| {
        let flush = one.flush()?;
        Some([
            one.id.to_string(),
            flush.resolver.clone(),
            list(&flush.names),
            or_empty(flush.rtype),
            exact(flush.at),
            one.declared_by.clone(),
            exact(one.declared_at),
            exact_or_empty(one.withdrawn_at),
        ])
    };
    Listing::new(headings, all.iter().rev().filter_map(row))
}

fn list(names: &[DnsName]) -> String {
    let names: Vec<&str> = names.iter().map(DnsName::as_str).collect();
    names.join(" ")
}
