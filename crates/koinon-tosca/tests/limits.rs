//! Hostile input: every budget has its error, and reaching it takes no time.

#![allow(clippy::unwrap_used, reason = "a test that unwraps nothing tests nothing")]

use std::collections::BTreeMap;
use std::time::Duration;
use std::time::Instant;

use koinon_tosca::Budgets;
use koinon_tosca::Code;
use koinon_tosca::FileError;
use koinon_tosca::Files;
use koinon_tosca::Options;
use koinon_tosca::represent;
use koinon_tosca::validate;

const VERSION: &str = "tosca_definitions_version: tosca_2_0\n";

/// Files of raw bytes: any path but the root leads to the next import.
struct Bytes {
    root: Vec<u8>,
    others: fn(&str) -> Vec<u8>,
}

impl Files for Bytes {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        Ok(if path == "root" { self.root.clone() } else { (self.others)(path) })
    }
}

/// Checks that there is just this one error, found in well under the time any user would notice.
fn check(root: impl Into<Vec<u8>>, code: Code) {
    check_files(&Bytes { root: root.into(), others: |_| Vec::new() }, code);
}

fn check_files(files: &dyn Files, code: Code) {
    let start = Instant::now();
    let diagnostics = validate(files, "root", &BTreeMap::new()).unwrap_err();
    let noise = [Code::ServiceName, Code::Governance];
    let codes: Vec<Code> =
        diagnostics.iter().map(|one| one.code).filter(|code| !noise.contains(code)).collect();
    assert_eq!(codes, [code], "{diagnostics}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(diagnostics.render(koinon_tosca::Style::Plain).len() < 10_000);
}

#[test]
fn encoding() {
    check(b"a: \xff".to_vec(), Code::Encoding);
}

#[test]
fn bytes() {
    check(vec![b' '; (64 << 20) + 1], Code::TooManyBytes);
    let half = |_: &str| format!("{VERSION}# {}", "x".repeat(33 << 20)).into_bytes();
    let root = format!("{VERSION}imports: [ a, b ]\n").into_bytes();
    check_files(&Bytes { root, others: half }, Code::TooManyBytes);
}

#[test]
fn depth() {
    check(format!("{VERSION}metadata: {}", "[".repeat(20_000)), Code::TooDeep);
    check(format!("{VERSION}metadata: {}{}", "[".repeat(70), "]".repeat(70)), Code::TooDeep);
    check(format!("{VERSION}metadata:\n  {}", "- ".repeat(20_000)), Code::TooDeep);
    check(format!("{VERSION}metadata: {}", "{a: ".repeat(20_000)), Code::TooDeep);
    // No nesting in the text, but aliases that nest.
    let mut chain = format!("{VERSION}dsl_definitions:\n  a0: &a0 [ x ]\n");
    for level in 1..100 {
        chain += &format!("  a{level}: &a{level} [ *a{} ]\n", level - 1);
    }
    check(chain, Code::TooDeep);
    let mut types = format!("{VERSION}node_types:\n  A0: {{}}\n");
    for level in 1..100 {
        types += &format!("  A{level}: {{ derived_from: A{} }}\n", level - 1);
    }
    let diagnostics =
        validate(&BTreeMap::from([("root".to_owned(), types)]), "root", &BTreeMap::new());
    assert!(diagnostics.unwrap_err().iter().all(|one| one.code == Code::TooDeep));
}

#[test]
fn nodes() {
    let budgets = Budgets { nodes: 2_000_000, ..Budgets::default() };
    let check = |text: String, code: Code| {
        let files = BTreeMap::from([("root".to_owned(), text)]);
        let options = Options { budgets, ..Options::default() };
        let diagnostics = represent(&files, "root", &options).unwrap_err();
        assert!(diagnostics.iter().all(|one| one.code == code), "{diagnostics}");
    };
    check(format!("{VERSION}metadata: [ {} ]", "x, ".repeat(2_100_000)), Code::TooManyNodes);
    // A merge copies entries, however often it is used.
    let keys: String = (0..2000).map(|key| format!("k{key}: 1, ")).collect();
    let uses = "  - { <<: *a }\n".repeat(1100);
    check(
        format!("{VERSION}dsl_definitions:\n  a: &a {{ {keys} }}\n  b:\n{uses}"),
        Code::TooManyNodes,
    );
}

#[test]
fn aliases() {
    let mut bomb =
        format!("{VERSION}dsl_definitions:\n  a0: &a0 [ x, x, x, x, x, x, x, x, x, x ]\n");
    for level in 1..10 {
        let uses = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb += &format!("  a{level}: &a{level} [ {uses} ]\n");
    }
    assert!(bomb.len() < 1000);
    check(bomb, Code::TooManyAliases);
    check(
        format!("{VERSION}dsl_definitions:\n  a: &a x\n  b: [ {} ]", "*a, ".repeat(20_001)),
        Code::TooManyAliases,
    );
}

#[test]
fn files() {
    let next = |path: &str| {
        let number: u32 = path.parse().unwrap();
        format!("{VERSION}imports: [ '{}' ]\n", number + 1).into_bytes()
    };
    let root = format!("{VERSION}imports: [ '1' ]\n").into_bytes();
    check_files(&Bytes { root, others: next }, Code::TooManyFiles);
}

/// Each property is twice the one before it: a few lines, and more steps than there is time for.
#[test]
fn steps() {
    let mut properties = String::new();
    let mut values = "p0: x".to_owned();
    for level in 1..30 {
        let before = format!("{{ $get_property: [ SELF, p{} ] }}", level - 1);
        values += &format!(", p{level}: {{ $concat: [ {before}, {before} ] }}");
    }
    for level in 0..30 {
        properties += &format!("p{level}: {{ type: string }}, ");
    }
    let text = format!(
        "{VERSION}node_types:\n  A: {{ properties: {{ {properties} }} }}\nservice_template:\n  node_templates:\n    a: {{ type: A, properties: {{ {values} }} }}\n"
    );
    let start = Instant::now();
    let files = BTreeMap::from([("root".to_owned(), text)]);
    let diagnostics = validate(&files, "root", &BTreeMap::new()).unwrap_err();
    assert!(diagnostics.iter().any(|one| one.code == Code::TooManySteps), "{diagnostics}");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn values_in_a_circle() {
    let text = format!(
        "{VERSION}node_types:\n  A: {{ properties: {{ p: {{ type: string }}, q: {{ type: string }} }} }}\nservice_template:\n  node_templates:\n    a:\n      type: A\n      properties:\n        p: {{ $get_property: [ SELF, q ] }}\n        q: {{ $get_property: [ SELF, p ] }}\n"
    );
    let files = BTreeMap::from([("root".to_owned(), text)]);
    let diagnostics = validate(&files, "root", &BTreeMap::new()).unwrap_err();
    let circles = diagnostics.iter().filter(|one| one.code == Code::ValueCycle).count();
    assert!((1..=2).contains(&circles), "{diagnostics}");
}

/// A megabyte of text named three thousand times: few nodes, gigabytes if they were copied.
#[test]
fn aliases_of_long_text() {
    let text = "x".repeat(1 << 20);
    let aliases = "  - *a\n".repeat(3000);
    check(
        format!("{VERSION}dsl_definitions:\n  text: &a {text}\n  all:\n{aliases}"),
        Code::TooManyAliases,
    );
}
