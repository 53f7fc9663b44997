//! The files of the repository, and what a rule says of them.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

/// A file of the repository.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Relative to the root.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The line of a source, counted from 1, and what to do there.
pub(crate) type Finding = (usize, String);
pub(crate) type Rule = fn(&Source) -> Vec<Finding>;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

pub(crate) fn source(path: &str) -> Source {
    let text = fs::read_to_string(root().join(path));
    Source { path: path.to_owned(), text: text.unwrap_or_else(|error| panic!("{path}: {error}")) }
}

pub(crate) fn entries(folder: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root().join(folder))
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Reads all files below a folder that end so; none if there is no such folder.
pub(crate) fn files(folder: &str, end: &str) -> Vec<Source> {
    let mut found = Vec::new();
    for name in entries(folder) {
        let path = format!("{folder}/{name}");
        if root().join(&path).is_dir() {
            found.extend(files(&path, end));
        } else if name.ends_with(end) {
            found.push(source(&path));
        }
    }
    found
}

pub(crate) fn crates() -> Vec<String> {
    let crates = entries("crates");
    assert!(crates.len() > 5, "the crates are not where this test looks for them");
    crates
}

/// Reads the Rust files of all crates that are in one of the folders, such as `src`.
pub(crate) fn rust(folders: &[&str]) -> Vec<Source> {
    let homes = crates().into_iter().map(|name| format!("crates/{name}"));
    let homes: Vec<String> = homes.chain(["xtask".to_owned()]).collect();
    let of = |home: &String| {
        let home = home.clone();
        folders.iter().flat_map(move |folder| files(&format!("{home}/{folder}"), ".rs"))
    };
    homes.iter().flat_map(of).collect()
}

pub(crate) fn solidity() -> Vec<Source> {
    files("contracts/src", ".sol")
}

pub(crate) fn manifests() -> Vec<Source> {
    let crates = crates().into_iter().map(|name| source(&format!("crates/{name}/Cargo.toml")));
    crates.chain([source("xtask/Cargo.toml")]).collect()
}

pub(crate) fn cargo_metadata(arguments: &[&str]) -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--format-version", "1", "--offline", "--locked"]).args(arguments);
    let output = command.current_dir(root()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\nrun `cargo fetch --locked`, then test again");
    serde_json::from_slice(&output.stdout).unwrap()
}

pub(crate) fn check(rule: Rule, sources: &[Source]) {
    assert!(!sources.is_empty(), "this rule looks at no file at all");
    let lines = |source: &Source| {
        let found = rule(source);
        found.into_iter().map(|(line, what)| format!("{}:{line}: {what}", source.path)).collect()
    };
    conclude(sources.iter().flat_map(|source| -> Vec<String> { lines(source) }).collect());
}

pub(crate) fn conclude(findings: Vec<String>) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

/// A path, a text, and the lines where a rule must find something.
pub(crate) type Case<'a> = (&'a str, &'a str, &'a [usize]);

/// Tries a rule on text.
pub(crate) fn try_rule(rule: Rule, cases: &[Case<'_>]) {
    for (path, text, lines) in cases {
        let source = Source { path: (*path).to_owned(), text: (*text).to_owned() };
        let mut found: Vec<usize> = rule(&source).into_iter().map(|finding| finding.0).collect();
        found.sort_unstable();
        assert_eq!(found, *lines, "in {text}");
    }
}
