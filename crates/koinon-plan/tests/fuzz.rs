//! Runs the fuzz targets over every seed, every kept finding (`fuzz/seeds`) and the suites, without
//! a fuzzer.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its seeds must fail")]

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

#[expect(unreachable_pub, reason = "the fuzz targets use it from another crate")]
#[path = "../../../fuzz/src/targets.rs"]
mod targets;

/// Long enough for a busy machine, and short enough to notice unbounded growth.
const TARGET_TIMEOUT: Duration = Duration::from_secs(20);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All files in a folder and its folders, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let all = paths.into_iter().map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    all.flatten().collect()
}

/// Runs a target over all files of some folders, and lists those where it panics or is too slow.
fn replay(folders: &[&str], target: fn(&[u8])) {
    let paths: Vec<PathBuf> =
        folders.iter().flat_map(|folder| files(&root().join(folder))).collect();
    assert!(!paths.is_empty());
    let mut failed = Vec::new();
    for path in paths {
        let bytes = fs::read(&path).unwrap();
        let start = Instant::now();
        let result = catch_unwind(|| target(&bytes));
        if result.is_err() || start.elapsed() > TARGET_TIMEOUT {
            failed.push((path, start.elapsed()));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn yaml_values_are_read_back() {
    let folders = ["fuzz/seeds/yaml_values", "fuzz/seeds/tosca_compile", "suite/oasis-tosca-2.0"];
    replay(&folders, targets::yaml);
}

#[test]
fn expressions_do_not_panic() {
    replay(&["fuzz/seeds/expression"], targets::expression);
}

#[test]
fn representations_are_rejected_or_planned() {
    replay(&["fuzz/seeds/representation"], targets::representation);
}

#[test]
fn archives_are_rejected_or_packed_again() {
    replay(&["fuzz/seeds/csar", "fuzz/seeds/tosca_compile"], targets::csar);
}

#[test]
fn services_compile_or_have_diagnostics() {
    let folders = [
        "fuzz/seeds/tosca_compile",
        "crates/koinon-tosca/tests/suite",
        "crates/koinon-tosca/tests/lower",
        "suite/oasis-tosca-2.0",
        "examples",
    ];
    replay(&folders, |bytes| {
        if let Ok(text) = str::from_utf8(bytes) {
            targets::tosca(text);
        }
    });
}
