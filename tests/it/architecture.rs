//! The invariants that `lib.rs` states, read off the sources.
//!
//! Deliberately absent: a parser. Imports here are written `crate::module` or `library::`, and that is what is looked for.

use std::{
    fs,
    path::{Path, PathBuf},
};

const ADAPTERS: [&str; 3] = ["probe", "store", "notify"];
const SERVICES: [&str; 4] = ["scheduler", "evaluator", "dispatcher", "replay"];
const FACES: [&str; 2] = ["http", "cli"];
const PURE: [&str; 4] = ["audit", "config", "names", "types"];

/// Every source file, as its path below `src` without the ending, and its text without comments.
fn sources() -> Vec<(String, String)> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&src, &mut found);
    assert!(found.len() > 30, "the sources were not found");
    found
        .iter()
        .map(|path| {
            let name = path
                .strip_prefix(&src)
                .unwrap()
                .with_extension("")
                .display()
                .to_string();
            let text = fs::read_to_string(path).unwrap();
            let code = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect::<Vec<_>>();
            (name, code.join("\n"))
        })
        .collect()
}

fn part(file: &str) -> &str {
    file.split('/').next().unwrap()
}

/// Whether code names a module of this crate: `crate::store`, or `store` inside a `use crate::{…}`.
fn imports(code: &str, module: &str) -> bool {
    code.contains(&format!("crate::{module}::"))
        || code.contains(&format!("crate::{module};"))
        || code.split("use crate::{").skip(1).any(|block| {
            let block = block.split("};").next().unwrap();
            block.lines().any(|line| {
                let line = line.trim();
                line.starts_with(&format!("{module}::")) || line == format!("{module},")
            }) || block.split([',', '{']).any(|word| {
                word.trim().starts_with(&format!("{module}::")) && !block.contains('\n')
            })
        })
}

fn refuse(broken: &[String]) {
    assert!(
        broken.is_empty(),
        "architecture broken:\n{}",
        broken.join("\n")
    );
}

#[test]
fn audit_knows_no_outside_world_and_no_clock() {
    let forbidden = [
        "tokio",
        "sqlx",
        "hickory",
        "reqwest",
        "axum",
        "clock::",
        "Utc::now",
        "Instant::now",
        "SystemTime",
    ];
    refuse(
        &sources()
            .iter()
            .filter(|(file, _)| part(file) == "audit")
            .flat_map(|(file, code)| {
                forbidden
                    .iter()
                    .filter(|word| code.contains(**word))
                    .map(move |word| format!("{file} names {word}"))
            })
            .collect::<Vec<_>>(),
    );
}

#[test]
fn nobody_but_the_clock_asks_the_system_for_the_time() {
    let homes = ["clock", "probe/engine/clock"];
    let asks = |code: &str| code.contains("Utc::now") || code.contains("SystemTime::now");
    let mut found = Vec::new();
    for (file, code) in sources() {
        let code = code.split("#[cfg(test)]").next().unwrap();
        if file.ends_with("tests") || file.contains("/tests/") || !asks(code) {
            continue;
        }
        found.push(file);
    }
    found.sort();
    assert_eq!(found, homes);
}

#[test]
fn each_library_stands_in_its_own_part_only() {
    let homes: [(&str, &[&str]); 11] = [
        ("hickory_resolver::", &["notify/resolve"]),
        ("nix::sys::", &["probe"]),
        ("quinn::", &["probe"]),
        ("h2::", &["probe"]),
        ("h3::", &["probe"]),
        ("zstd::", &["store"]),
        ("sqlx::", &["store"]),
        ("reqwest::", &["notify"]),
        ("axum::", &["http"]),
        ("clap::", &["cli", "main"]),
        ("parquet::", &["cli/export"]),
    ];
    let sources = sources();
    let mut broken = Vec::new();
    for (library, allowed) in homes {
        let mut used = false;
        for (file, _) in sources.iter().filter(|(_, code)| code.contains(library)) {
            used = true;
            if !allowed
                .iter()
                .any(|home| file == home || file.starts_with(&format!("{home}/")))
            {
                broken.push(format!("{file} names {library}"));
            }
        }
        assert!(
            used,
            "{library} is used nowhere: this test no longer sees what it looks for"
        );
    }
    refuse(&broken);
}

#[test]
fn imports_point_down() {
    let mut broken = Vec::new();
    for (file, code) in sources() {
        let here = part(&file);
        let above: Vec<&str> = if PURE.contains(&here) {
            [
                &ADAPTERS[..],
                &SERVICES,
                &FACES,
                &["daemon", "demo", "metrics"],
            ]
            .concat()
        } else if ADAPTERS.contains(&here) {
            let others = ADAPTERS
                .iter()
                .copied()
                .filter(|other| *other != here)
                .collect::<Vec<_>>();
            [
                &others[..],
                &SERVICES,
                &FACES,
                &["daemon", "demo", "metrics"],
            ]
            .concat()
        } else if SERVICES.contains(&here) {
            [&FACES[..], &["daemon", "demo"]].concat()
        } else {
            continue;
        };
        broken.extend(
            above
                .iter()
                .filter(|module| imports(&code, module))
                .map(|module| format!("{file} imports {module}")),
        );
    }
    refuse(&broken);
}

#[test]
fn no_file_is_a_module_of_everything() {
    let names = ["mod", "utils", "util", "common", "helpers", "misc"];
    refuse(
        &sources()
            .iter()
            .filter(|(file, _)| names.contains(&file.rsplit('/').next().unwrap()))
            .map(|(file, _)| format!("{file} says nothing of what is inside"))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn what_is_fuzzed_stands_on_its_own() {
    let sources = sources();
    let code = |file: &str| &sources.iter().find(|(name, _)| name == file).unwrap().1;
    let modules = code("lib").lines().filter_map(|line| {
        let line = line.strip_prefix("pub mod ")?;
        line.strip_suffix(';')
    });
    let root = code("fuzzed");
    let (there, absent): (Vec<_>, Vec<_>) =
        modules.partition(|module| root.contains(&format!("pub mod {module}")));
    let is_fuzzed = |file: &str| match part(file) {
        "probe" => file.starts_with("probe/message") && !file.contains("/tests"),
        "store" => file.starts_with("store/pack") && !file.contains("/tests"),
        other => there.contains(&other),
    };
    let mut faults = Vec::new();
    for (file, code) in sources.iter().filter(|(file, _)| is_fuzzed(file)) {
        let named = absent.iter().filter(|module| imports(code, module));
        faults.extend(named.map(|module| format!("{file} needs {module}, which fuzzed.rs lacks")));
    }
    refuse(&faults);
}
