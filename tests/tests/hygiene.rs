//! What a newcomer may rely on: who imports whom, that docs lead somewhere, that nothing is left behind.

#![expect(clippy::unwrap_used, reason = "what a test expects and does not find is its failure")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The files that git tracks or would track, with one of these endings.
fn files(endings: &[&str]) -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git lists the tree");
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).unwrap();
    let wanted = |file: &&str| endings.iter().any(|ending| file.ends_with(ending));
    listed.lines().filter(wanted).map(|file| root().join(file)).filter(|file| file.exists()).collect()
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// docs/architecture.md, "Crates": what each may import of ours.
fn allowed_edges() -> BTreeMap<&'static str, &'static [&'static str]> {
    BTreeMap::from([
        ("router", &[][..]),
        ("codecs", &[][..]),
        ("stun", &[][..]),
        ("signaling", &["router", "stun"][..]),
        ("switch", &["router"][..]),
        ("media", &["router", "codecs", "stun"][..]),
        ("control", &["router"][..]),
        ("store", &["router"][..]),
        ("tandem-load", &[][..]),
    ])
}

#[test]
fn crates_import_only_what_the_architecture_allows() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--locked", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo describes the workspace");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let ours: BTreeSet<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let allowed = allowed_edges();
    let mut seen = BTreeSet::new();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let Some(may) = allowed.get(name) else { continue };
        seen.insert(name);
        for dependency in package["dependencies"].as_array().unwrap() {
            let other = dependency["name"].as_str().unwrap();
            let only_in_tests = dependency["kind"] == "dev";
            assert!(
                !ours.contains(other) || may.contains(&other) || (only_in_tests && other == name),
                "{name} may not import {other}: docs/architecture.md, \"Crates\""
            );
        }
    }
    assert_eq!(seen.len(), allowed.len(), "the table names a crate that is gone");
}

#[test]
fn every_crate_says_what_it_is_for() {
    for lib in files(&["src/lib.rs", "src/main.rs"]) {
        let text = read(&lib);
        let first = text.lines().find(|line| !line.starts_with("#!")).unwrap_or_default();
        assert!(first.starts_with("//! ") && first.len() > 20, "{} begins without a crate doc", lib.display());
        assert!(!text.contains("To be an index."), "{} is not written", lib.display());
    }
}

#[test]
fn nothing_is_left_behind() {
    // Written apart, so that this file does not find itself.
    let words =
        [["dbg", "!("], ["todo", "!("], ["unimplemented", "!("], ["FIX", "ME"], ["for ", "now"], ["#[ig", "nore"]];
    for file in files(&[".rs", ".sh", ".toml", ".md"]) {
        let text = read(&file);
        for word in words.map(|parts| parts.concat()) {
            let found = text.lines().position(|line| line.contains(&word));
            assert!(found.is_none(), "{}:{} has `{word}`", file.display(), found.unwrap_or_default() + 1);
        }
    }
}

#[test]
fn links_in_the_docs_lead_somewhere() {
    for file in files(&[".md"]) {
        let text = read(&file);
        let folder = file.parent().unwrap();
        for part in text.split("](").skip(1) {
            let target = part.split([')', ' ']).next().unwrap_or_default();
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
                continue;
            }
            assert!(folder.join(path).exists(), "{} links to {target}, which is not there", file.display());
        }
    }
}

/// What stands between back quotes in a cell.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Every function of the repository, by its name.
fn functions() -> BTreeSet<String> {
    let sources: String = files(&[".rs"]).iter().map(|file| read(file)).collect();
    let name =
        |rest: &str| rest.split(|one: char| !one.is_ascii_alphanumeric() && one != '_').next().map(str::to_owned);
    sources.split("fn ").skip(1).filter_map(name).collect()
}

/// That each file of a row's "where" and each test of its "test" is there.
fn check_row(functions: &BTreeSet<String>, line: &str, places: &str, tests: &str) {
    assert!(quoted(places).next().is_some(), "no file: {line}");
    for place in quoted(places) {
        assert!(root().join(place).is_file(), "{place} is not there: {line}");
    }
    for test in quoted(tests) {
        let is_there = if test.contains('/') { root().join(test).is_file() } else { functions.contains(test) };
        assert!(is_there, "{test} is not there: {line}");
    }
}

#[test]
fn the_rfc_table_names_files_and_tests_that_are_there() {
    let functions = functions();
    let page = read(&root().join("docs/rfc.md"));
    let mut rows = 0;
    for line in page.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [rfc, _, _, places, tests] = cells[..] else { continue };
        if !rfc.starts_with(|one: char| one.is_ascii_digit()) {
            continue;
        }
        rows += 1;
        check_row(&functions, line, places, tests);
    }
    assert!(rows > 50, "the tables have lost their rows: {rows}");
}

/// docs/security.md: the same, and no attack is without a test.
#[test]
fn the_table_of_attacks_names_files_and_tests_that_are_there() {
    let functions = functions();
    let page = read(&root().join("docs/security.md"));
    let mut rows = 0;
    for line in page.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [attack, _, places, tests] = cells[..] else { continue };
        if attack == "attack" || attack.starts_with("---") {
            continue;
        }
        rows += 1;
        check_row(&functions, line, places, tests);
        assert!(quoted(tests).next().is_some(), "no test: {line}");
    }
    assert!(rows > 30, "the tables have lost their rows: {rows}");
}

#[test]
fn pure_crates_hold_no_locks_and_read_no_clocks() {
    let shells = [
        "signaling/src/transport",
        "media/src/worker",
        "control/src/listener",
        "store/src/backend",
        "router/src/bridge/link",
    ];
    let pure = [
        "router/src",
        "signaling/src",
        "switch/src",
        "media/src",
        "codecs/src",
        "stun/src",
        "control/src",
        "store/src",
    ];
    let words = ["Mutex", "RwLock", "Instant::now", "SystemTime", "thread::spawn", "thread::sleep"];
    for file in files(&[".rs"]) {
        let relative = file.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        if !pure.iter().any(|folder| relative.starts_with(folder))
            || shells.iter().any(|shell| relative.starts_with(shell))
        {
            continue;
        }
        let text = read(&file);
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            let is_comment = line.trim_start().starts_with("//");
            let found = words.iter().find(|word| !is_comment && line.contains(**word));
            assert!(found.is_none(), "{relative}:{}: {found:?} in a pure folder", number + 1);
        }
    }
}

/// Reports, and fails none: the file that grows is a warning.
#[test]
fn sizes_are_reported() {
    let mut sizes: Vec<(usize, PathBuf)> =
        files(&[".rs"]).into_iter().map(|file| (read(&file).lines().count(), file)).collect();
    sizes.sort_unstable();
    let total: usize = sizes.iter().map(|(lines, _)| lines).sum();
    println!("{total} lines in {} files; the longest:", sizes.len());
    for (lines, file) in sizes.iter().rev().take(10) {
        println!("{lines:6} {}", file.strip_prefix(root()).unwrap().display());
    }
    assert!(!sizes.is_empty());
}
