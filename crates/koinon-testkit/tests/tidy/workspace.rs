//! Rules on crates: who knows whom, what each inherits, how many there are.

use std::path::Path;

use crate::repository::{
    Finding, Source, cargo_metadata, check, conclude, manifests, root, source, try_rule,
};
use crate::text::{line, line_of};

/// Which of our crates each crate may know; ARCHITECTURE.md says why. Tests may look further, but not at the CLI.
const MAY_KNOW: [(&str, &[&str]); 11] = [
    ("koinon-model", &[]),
    ("koinon-trust", &[]),
    ("koinon-worker", &[]),
    ("koinon-evm", &[]),
    ("koinon-tosca", &["koinon-model"]),
    ("koinon-plan", &["koinon-model"]),
    ("koinon-chain", &["koinon-model", "koinon-trust"]),
    (
        "koinon-node",
        &["koinon-model", "koinon-tosca", "koinon-plan", "koinon-chain", "koinon-trust"],
    ),
    (
        "koinon-cli",
        &[
            "koinon-model",
            "koinon-trust",
            "koinon-worker",
            "koinon-evm",
            "koinon-tosca",
            "koinon-plan",
            "koinon-chain",
            "koinon-node",
        ],
    ),
    (
        "koinon-testkit",
        &[
            "koinon-model",
            "koinon-trust",
            "koinon-worker",
            "koinon-evm",
            "koinon-tosca",
            "koinon-plan",
            "koinon-chain",
            "koinon-node",
        ],
    ),
    ("xtask", &[]),
];

/// Crates that decide and do nothing: no IO, no clock, no randomness of their own.
pub(crate) const PURE: [&str; 4] = ["koinon-model", "koinon-tosca", "koinon-plan", "koinon-trust"];

/// Libraries that would bring IO, a clock or randomness into a pure crate.
const IMPURE: [&str; 9] =
    ["alloy", "axum", "getrandom", "hyper", "rand", "revm", "rustix", "tempfile", "tokio"];

/// Packages in Cargo.lock, for all platforms: each is code we ship, trust and wait for.
const MAX_PACKAGES: usize = 640;

fn direction(package: &str, dependency: &str, kind: &str) -> Option<String> {
    let Some((_, known)) = MAY_KNOW.iter().find(|(name, _)| *name == package) else {
        return Some(format!(
            "{package} is new: say in MAY_KNOW of tidy/workspace.rs what it may know"
        ));
    };
    let ours = MAY_KNOW.iter().any(|(name, _)| *name == dependency);
    if kind == "dev" {
        let cli = dependency == "koinon-cli";
        return cli.then(|| "nobody depends on koinon-cli: test it in its own tests".to_owned());
    }
    if dependency == "koinon-testkit" {
        return Some("koinon-testkit is for tests: move it to [dev-dependencies]".to_owned());
    }
    if ours && !known.contains(&dependency) {
        return Some(format!(
            "{package} must not know {dependency}: move what you need down to a crate both know"
        ));
    }
    if PURE.contains(&package) && IMPURE.contains(&dependency) {
        return Some(format!(
            "{package} does no IO: take what {dependency} would give as an argument"
        ));
    }
    None
}

#[test]
fn crates_know_only_what_is_below_them() {
    let metadata = cargo_metadata(&["--no-deps"]);
    let mut findings = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap());
        let manifest = manifest.strip_prefix(root()).unwrap().to_str().unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let (by, on) =
                (package["name"].as_str().unwrap(), dependency["name"].as_str().unwrap());
            let what = direction(by, on, dependency["kind"].as_str().unwrap_or("normal"));
            let line = line_of(&source(manifest).text, &format!("\n{on}")) + 1;
            findings.extend(what.map(|what| format!("{manifest}:{line}: {what}")));
        }
    }
    conclude(findings);
}

fn inherits_lints(manifest: &Source) -> Vec<Finding> {
    let inherits = manifest.text.contains("\n[lints]\nworkspace = true");
    let what = "inherit the lints: [lints] with `workspace = true`, and nothing else there";
    if inherits { vec![] } else { vec![(line_of(&manifest.text, "[lints"), what.to_owned())] }
}

#[test]
fn every_crate_inherits_the_lints() {
    check(inherits_lints, &manifests());
}

fn few_packages(lock: &Source) -> Vec<Finding> {
    let starts: Vec<usize> = lock.text.match_indices("[[package]]").map(|(at, _)| at).collect();
    let what = format!(
        "{} packages, {MAX_PACKAGES} are allowed: find a smaller library with `cargo tree --duplicates` and `cargo tree \
         --invert`, or raise MAX_PACKAGES in tidy/workspace.rs and say in the commit what the new ones are worth",
        starts.len()
    );
    starts.get(MAX_PACKAGES).map(|at| (line(&lock.text, *at), what)).into_iter().collect()
}

#[test]
fn the_dependency_tree_stays_small() {
    check(few_packages, &[source("Cargo.lock")]);
}

#[test]
fn direction_refuses_what_looks_up() {
    let cases = [
        ("koinon-node", "koinon-chain", "normal", false),
        ("koinon-chain", "koinon-node", "normal", true),
        ("koinon-evm", "koinon-model", "normal", true),
        ("koinon-chain", "koinon-node", "build", true),
        ("koinon-chain", "koinon-testkit", "dev", false),
        ("koinon-chain", "koinon-testkit", "normal", true),
        ("koinon-testkit", "koinon-cli", "dev", true),
        ("koinon-plan", "tokio", "normal", true),
        ("koinon-plan", "tokio", "dev", false),
        ("koinon-node", "tokio", "normal", false),
        ("koinon-new", "serde", "normal", true),
    ];
    for (package, dependency, kind, refuses) in cases {
        let found = direction(package, dependency, kind);
        assert_eq!(found.is_some(), refuses, "{package} -> {dependency} ({kind}): {found:?}");
    }
}

#[test]
fn inherits_lints_wants_nothing_else() {
    let cases = [
        ("Cargo.toml", "[package]\n\n[lints]\nworkspace = true\n", &[][..]),
        ("Cargo.toml", "[package]\n\n[lints.rust]\nunsafe_code = \"allow\"\n", &[3]),
        ("Cargo.toml", "[package]\n", &[1]),
    ];
    try_rule(inherits_lints, &cases);
}

#[test]
fn few_packages_counts() {
    let packages = |count| "[[package]]\n".repeat(count);
    let (most, more) = (packages(MAX_PACKAGES), packages(MAX_PACKAGES + 1));
    let cases = [("Cargo.lock", &*most, &[][..]), ("Cargo.lock", &*more, &[MAX_PACKAGES + 1])];
    try_rule(few_packages, &cases);
}
