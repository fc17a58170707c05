//! The inputs that fuzzing found, replayed: what fell once must not fall again. `fuzz/README.md` says how to find more.

#![expect(clippy::unwrap_used, reason = "what a test expects and does not find is its failure")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fuzz_bodies::TARGETS;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("fuzz")
}

/// The names in a folder, in order, without the ending of Rust sources.
fn names(folder: &Path) -> Vec<String> {
    let listed = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<String> = listed
        .map(|entry| entry.unwrap().file_name().to_string_lossy().trim_end_matches(".rs").to_owned())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn every_input_of_the_corpus_passes() {
    let mut fallen = Vec::new();
    for (target, body) in TARGETS {
        let folder = fuzz().join("corpus").join(target);
        let inputs = names(&folder);
        assert!(!inputs.is_empty(), "{target} has no corpus");
        for input in inputs {
            let data = std::fs::read(folder.join(&input)).unwrap();
            if std::panic::catch_unwind(|| body(&data)).is_err() {
                fallen.push(format!("fuzz/corpus/{target}/{input}"));
            }
        }
    }
    assert!(fallen.is_empty(), "the panics are above: {fallen:#?}");
}

#[test]
fn every_target_has_a_binary_and_every_folder_a_target() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|(target, _)| (*target).to_owned()).collect();
    let found = |folder: &str| names(&fuzz().join(folder)).into_iter().collect::<BTreeSet<String>>();
    assert_eq!(found("src/bin"), targets);
    assert_eq!(found("corpus"), targets);
    assert!(found("dictionaries").is_subset(&targets));
}
