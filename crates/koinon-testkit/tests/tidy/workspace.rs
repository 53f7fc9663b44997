//! Rules on crates: who knows whom, what each inherits, how many there are.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use serde_json::json;

use crate::repository::Finding;
use crate::repository::Source;
use crate::repository::cargo_metadata;
use crate::repository::check;
use crate::repository::conclude;
use crate::repository::manifests;
use crate::repository::root;
use crate::repository::source;
use crate::repository::try_rule;
use crate::text::line_of;

/// Which of our crates each crate may know; ARCHITECTURE.md says why. Tests may look further, but
/// not at the CLI.
const MAY_KNOW: [(&str, &[&str]); 15] = [
    ("koinon-model", &[]),
    ("koinon-trust", &[]),
    ("koinon-worker", &[]),
    ("koinon-evm", &[]),
    ("koinon-tosca", &["koinon-model"]),
    ("koinon-plan", &["koinon-model"]),
    ("koinon-bindings", &[]),
    ("koinon-chain", &["koinon-model", "koinon-trust", "koinon-bindings"]),
    (
        "koinon-node",
        &["koinon-model", "koinon-tosca", "koinon-plan", "koinon-chain", "koinon-trust"],
    ),
    (
        "koinon-command",
        &["koinon-model", "koinon-tosca", "koinon-plan", "koinon-chain", "koinon-node"],
    ),
    (
        "koinon-bench",
        &[
            "koinon-model",
            "koinon-trust",
            "koinon-evm",
            "koinon-tosca",
            "koinon-plan",
            "koinon-chain",
            "koinon-command",
        ],
    ),
    ("koinon-lsp", &["koinon-tosca", "koinon-command"]),
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
            "koinon-command",
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
            "koinon-bindings",
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

/// The most packages in a program, for all platforms: each is code we ship, trust and wait for.
/// A command that would exceed the cap of `koinon` becomes a program beside it (ARCHITECTURE.md,
/// "Crates").
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

/// Returns the packages of a Cargo.lock as `name version`, each with what it needs; needs without a
/// version are of the only package of that name.
fn locked(lock: &str) -> BTreeMap<String, Vec<String>> {
    let field = |block: &str, name: &str| -> Option<String> {
        let start = format!("{name} = \"");
        let line = block.lines().find_map(|line| line.strip_prefix(start.as_str()))?;
        Some(line.trim_end_matches('"').to_owned())
    };
    let blocks = || lock.split("[[package]]").skip(1);
    let package =
        |block: &str| Some(format!("{} {}", field(block, "name")?, field(block, "version")?));
    let all: Vec<String> = blocks().filter_map(package).collect();
    let whole = |need: &str| {
        let of = format!("{need} ");
        all.iter().find(|package| *package == need || package.starts_with(&of)).cloned()
    };
    let needs = |block: &str| -> Vec<String> {
        let listed = block.split_once("dependencies = [").map_or("", |(_, rest)| rest);
        let listed = listed.split(']').next().unwrap_or_default().lines();
        let names = listed.map(|line| line.trim().trim_matches([' ', '"', ',']));
        names.filter(|name| !name.is_empty()).filter_map(whole).collect()
    };
    blocks().filter_map(|block| Some((package(block)?, needs(block)))).collect()
}

/// Returns how many packages one of ours is built from, itself among them. `built` says of our
/// packages which others each is built with; what its tests need is in the lock too.
fn packages_of(
    name: &str,
    lock: &BTreeMap<String, Vec<String>>,
    built: &BTreeMap<String, BTreeSet<String>>,
) -> usize {
    let name_of = |package: &str| package.split(' ').next().unwrap_or_default().to_owned();
    let starts = lock.keys().filter(|package| name_of(package) == name).cloned();
    let mut open: Vec<String> = starts.collect();
    let mut found: BTreeSet<String> = open.iter().cloned().collect();
    while let Some(at) = open.pop() {
        let ours = built.get(&name_of(&at));
        let needs =
            lock[&at].iter().filter(|need| ours.is_none_or(|names| names.contains(&name_of(need))));
        open.extend(needs.filter(|need| found.insert((*need).clone())).cloned());
    }
    found.len()
}

/// Returns the packages of ours, each with the names of those it is built with.
fn built_with(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let built = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        all.filter(|need| need["kind"] != "dev").map(name).collect()
    };
    let packages = metadata["packages"].as_array().unwrap();
    packages.iter().map(|package| (name(package), built(package))).collect()
}

/// Returns the packages of ours that have a program.
fn programs(metadata: &Value) -> Vec<String> {
    let program = |package: &&Value| {
        let targets = package["targets"].as_array().unwrap();
        targets.iter().any(|target| target["kind"][0] == "bin")
    };
    let packages = metadata["packages"].as_array().unwrap().iter().filter(program);
    packages.map(|package| package["name"].as_str().unwrap().to_owned()).collect()
}

fn too_many(program: &str, packages: usize) -> Option<String> {
    let what = format!(
        "Cargo.lock:1: {program} has {packages} packages, {MAX_PACKAGES} are allowed: find a smaller library with \
         `cargo tree -p {program} --duplicates`, or move what needs it to a program of its own"
    );
    (packages > MAX_PACKAGES).then_some(what)
}

#[test]
fn the_dependency_tree_of_each_program_stays_small() {
    let metadata = cargo_metadata(&["--no-deps"]);
    let (lock, built) = (locked(&source("Cargo.lock").text), built_with(&metadata));
    let programs = programs(&metadata);
    assert!(programs.contains(&"koinon-cli".to_owned()), "{programs:?}");
    assert!(
        packages_of("koinon-cli", &lock, &built) > 100,
        "the lock is not read as it is written"
    );
    let counts = programs.iter().map(|name| (name, packages_of(name, &lock, &built)));
    conclude(counts.filter_map(|(program, packages)| too_many(program, packages)).collect());
}

#[test]
fn direction_refuses_what_looks_up() {
    let cases = [
        ("koinon-node", "koinon-chain", "normal", false),
        ("koinon-chain", "koinon-node", "normal", true),
        ("koinon-cli", "koinon-bindings", "normal", true),
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
fn packages_of_leaves_tests_out() {
    let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1\"\ndependencies = [\n \"b 2\",\n \"c\",\n]\n\n\
                [[package]]\nname = \"b\"\nversion = \"1\"\n\n[[package]]\nname = \"b\"\nversion = \"2\"\n\
                dependencies = [\n \"d\",\n]\n\n[[package]]\nname = \"c\"\nversion = \"1\"\n\n\
                [[package]]\nname = \"d\"\nversion = \"1\"\n";
    let built = built_with(&json!({"packages": [{"name": "a", "dependencies": [
        {"name": "b", "kind": null},
        {"name": "c", "kind": "dev"},
    ]}]}));
    let lock = locked(lock);
    assert_eq!(lock.len(), 5);
    assert_eq!(lock["a 1"], ["b 2", "c 1"]);
    assert_eq!(packages_of("a", &lock, &built), 3, "a, b 2 and d");
    assert_eq!(too_many("a", MAX_PACKAGES), None);
    assert!(too_many("a", MAX_PACKAGES + 1).is_some());
}
