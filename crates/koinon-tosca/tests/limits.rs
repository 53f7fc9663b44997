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

/// Checks that a service is stopped for its steps, if it may take no more than some hundred thousand.
fn check_steps(text: String) {
    let start = Instant::now();
    let budgets = Budgets { steps: 500_000, ..Budgets::default() };
    let options = Options { budgets, ..Options::default() };
    let files = BTreeMap::from([("root".to_owned(), text)]);
    let diagnostics = represent(&files, "root", &options).unwrap_err();
    assert!(diagnostics.iter().any(|one| one.code == Code::TooManySteps), "{diagnostics}");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

/// A service of one node, whose properties of these types have these values.
fn service(properties: &[(String, String)], types: &str) -> String {
    let all = |each: &dyn Fn(&(String, String)) -> String| -> String {
        properties.iter().map(each).collect::<Vec<String>>().join(", ")
    };
    let declared = all(&|(name, _)| format!("{name}: {{ {types} }}"));
    let values = all(&|(name, value)| format!("{name}: {value}"));
    format!(
        "{VERSION}node_types:\n  A: {{ properties: {{ {declared} }} }}\nservice_template:\n  node_templates:\n    a: {{ type: A, properties: {{ {values} }} }}\n"
    )
}

/// Each property is twice the one before it: a few lines, and more steps than there is time for.
#[test]
fn steps() {
    for (first, types) in [("x", "type: string"), ("[ x ]", "type: list, entry_schema: string")] {
        let doubled = |level: usize| {
            let before = format!("{{ $get_property: [ SELF, p{} ] }}", level - 1);
            (format!("p{level}"), format!("{{ $concat: [ {before}, {before} ] }}"))
        };
        let mut properties = vec![("p0".to_owned(), first.to_owned())];
        properties.extend((1..30).map(doubled));
        check_steps(service(&properties, types));
    }
}

/// What a small file may take is a part of what a large one may.
#[test]
fn steps_of_small_files() {
    let calls = |count: usize| {
        let argument = format!("[ {} ]", "{ $sum: [ 1, 1 ] }, ".repeat(count));
        service(&[("p".to_owned(), argument)], "type: list, entry_schema: integer")
    };
    let budgets = Budgets { steps: 100_000, ..Budgets::default() };
    let options = Options { budgets, ..Options::default() };
    let files = BTreeMap::from([("root".to_owned(), calls(1_000))]);
    assert!(represent(&files, "root", &options).is_ok());
    let budgets = Budgets { steps: 1_000, ..Budgets::default() };
    let options = Options { budgets, ..Options::default() };
    let diagnostics = represent(&files, "root", &options).unwrap_err();
    assert!(diagnostics.iter().any(|one| one.code == Code::TooManySteps), "{diagnostics}");
}

/// Each entry of a list is compared with each of another.
#[test]
fn functions_of_lists() {
    let list: String = (0..2000).map(|at| format!("e{at}, ")).collect();
    for function in ["union", "intersection"] {
        let value = format!("{{ ${function}: [ [ {list} ], [ {list} ] ] }}");
        check_steps(service(&[("p".to_owned(), value)], "type: list, entry_schema: string"));
    }
    for function in ["has_all_entries", "has_any_entry"] {
        let value = format!("{{ ${function}: [ [ {list} ], [ {list} ] ] }}");
        check_steps(service(&[("p".to_owned(), value)], "type: boolean"));
    }
}

/// To compile a regular expression takes long, to use it again does not.
#[test]
fn regular_expressions() {
    let tests = |pattern: &dyn Fn(usize) -> String| {
        let value = |at| format!("{{ $matches: [ a, '{}' ] }}", pattern(at));
        let properties: Vec<_> = (0..300).map(|at| (format!("p{at}"), value(at))).collect();
        service(&properties, "type: boolean")
    };
    check_steps(tests(&|at| format!("((a{{1,50}}){{1,50}}){{1,{}}}", at + 1)));
    let start = Instant::now();
    let files = BTreeMap::from([("root".to_owned(), tests(&|_| "(a{1,50}){1,50}".to_owned()))]);
    let budgets = Budgets { steps: 500_000, ..Budgets::default() };
    let options = Options { budgets, ..Options::default() };
    assert!(represent(&files, "root", &options).is_ok());
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

/// "Did you mean" looks at each name for each that is unknown, but not for longer than diagnostics are shown.
#[test]
fn unknown_names() {
    let names = |prefix: &str, value: &str| -> String {
        (0..20_000).map(|at| format!("{prefix}{at}: {value}, ")).collect()
    };
    let types = format!(
        "{VERSION}node_types: {{ {} }}\nservice_template:\n  node_templates: {{ {} }}\n",
        names("Type", "{}"),
        (0..20_000).map(|at| format!("n{at}: {{ type: Tpye{at} }}, ")).collect::<String>()
    );
    let properties = format!(
        "{VERSION}node_types:\n  A: {{ properties: {{ {} }} }}\nservice_template:\n  node_templates:\n    a: {{ type: A, properties: {{ {} }} }}\n",
        names("name", "{ type: integer, default: 1 }"),
        names("nmae", "1")
    );
    for (text, code) in [(types, Code::UnknownType), (properties, Code::Undeclared)] {
        let start = Instant::now();
        let files = BTreeMap::from([("root".to_owned(), text)]);
        let diagnostics = represent(&files, "root", &Options::default()).unwrap_err();
        assert!(diagnostics.iter().all(|one| one.code == code), "{diagnostics}");
        assert!(!diagnostics.iter().next().unwrap().hints.is_empty(), "{diagnostics}");
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }
}

/// Sixty groups, each twice in the next, are one node; a hundred groups of many nodes are too many members.
#[test]
fn groups() {
    let service = |count: u32, groups: &str| {
        format!(
            "{VERSION}node_types: {{ A: {{}} }}\ngroup_types: {{ G: {{}} }}\nservice_template:\n  node_templates:\n    a: {{ type: A, count: {count} }}\n  groups:\n{groups}"
        )
    };
    let mut doubled = "    g0: { type: G, members: [ a ] }\n".to_owned();
    for level in 1..60 {
        doubled += &format!("    g{level}: {{ type: G, members: [ g{0}, g{0} ] }}\n", level - 1);
    }
    let start = Instant::now();
    let files = BTreeMap::from([("root".to_owned(), service(1, &doubled))]);
    let made = represent(&files, "root", &Options::default()).unwrap().representation;
    assert!(made.groups.values().all(|group| group.members.len() == 1));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    let many: String =
        (0..100).map(|at| format!("    g{at}: {{ type: G, members: [ a ] }}\n")).collect();
    check_steps(service(5_000, &many));
}

/// Whether something has an anchor is asked of each definition.
#[test]
fn anchors() {
    let all: String = (0..100_000).map(|at| format!("  a{at}: &a{at} x\n")).collect();
    let text = format!("{VERSION}dsl_definitions:\n{all}node_types:\n  A: {{}}\n");
    let text = format!("{text}service_template:\n  node_templates:\n    a: {{ type: A }}\n");
    let start = Instant::now();
    let files = BTreeMap::from([("root".to_owned(), text)]);
    assert!(represent(&files, "root", &Options::default()).is_ok());
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
