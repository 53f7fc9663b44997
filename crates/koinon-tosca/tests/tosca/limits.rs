//! Hostile input: each budget has its error, which comes quickly.

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

/// Files of raw bytes. `others` gives the content of every path but the root.
struct RawFiles {
    root: Vec<u8>,
    others: fn(&str) -> Vec<u8>,
}

impl Files for RawFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        Ok(if path == "root" { self.root.clone() } else { (self.others)(path) })
    }
}

/// Checks that the only error is the one with this code, and that it comes quickly.
fn check(root: impl Into<Vec<u8>>, code: Code) {
    check_files(&RawFiles { root: root.into(), others: |_| Vec::new() }, code);
}

fn check_files(files: &dyn Files, code: Code) {
    let start = Instant::now();
    let diagnostics = validate(files, "root", &BTreeMap::new()).unwrap_err();
    let unrelated = [Code::ServiceName, Code::Governance];
    let codes: Vec<Code> =
        diagnostics.iter().map(|one| one.code).filter(|code| !unrelated.contains(code)).collect();
    assert_eq!(codes, [code], "{diagnostics}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(diagnostics.render(koinon_tosca::Style::Plain).len() < 10_000);
}

#[test]
fn bytes_that_are_not_utf_8_are_rejected() {
    check(b"a: \xff".to_vec(), Code::Encoding);
}

#[test]
fn files_with_too_many_bytes_are_rejected() {
    check(vec![b' '; (64 << 20) + 1], Code::TooManyBytes);
    let half = |_: &str| format!("{VERSION}# {}", "x".repeat(33 << 20)).into_bytes();
    let root = format!("{VERSION}imports: [ a, b ]\n").into_bytes();
    check_files(&RawFiles { root, others: half }, Code::TooManyBytes);
}

#[test]
fn too_deep_lists_maps_aliases_and_derivations_are_rejected() {
    check(format!("{VERSION}metadata: {}", "[".repeat(20_000)), Code::TooDeep);
    check(format!("{VERSION}metadata: {}{}", "[".repeat(70), "]".repeat(70)), Code::TooDeep);
    check(format!("{VERSION}metadata:\n  {}", "- ".repeat(20_000)), Code::TooDeep);
    check(format!("{VERSION}metadata: {}", "{a: ".repeat(20_000)), Code::TooDeep);
    // The text has no nesting, but the aliases nest.
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
fn too_many_yaml_nodes_are_rejected() {
    let budgets = Budgets { nodes: 2_000_000, ..Budgets::default() };
    let check = |text: String, code: Code| {
        let files = BTreeMap::from([("root".to_owned(), text)]);
        let options = Options { budgets, ..Options::default() };
        let diagnostics = represent(&files, "root", &options).unwrap_err();
        assert!(diagnostics.iter().all(|one| one.code == code), "{diagnostics}");
    };
    check(format!("{VERSION}metadata: [ {} ]", "x, ".repeat(2_100_000)), Code::TooManyNodes);
    // Each use of a merge copies the entries.
    let keys: String = (0..2000).map(|key| format!("k{key}: 1, ")).collect();
    let uses = "  - { <<: *a }\n".repeat(1100);
    check(
        format!("{VERSION}dsl_definitions:\n  a: &a {{ {keys} }}\n  b:\n{uses}"),
        Code::TooManyNodes,
    );
}

#[test]
fn too_many_aliases_are_rejected() {
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
fn endless_imports_are_rejected() {
    let next = |path: &str| {
        let number: u32 = path.parse().unwrap();
        format!("{VERSION}imports: [ '{}' ]\n", number + 1).into_bytes()
    };
    let root = format!("{VERSION}imports: [ '1' ]\n").into_bytes();
    check_files(&RawFiles { root, others: next }, Code::TooManyFiles);
}

/// Checks that a service exceeds a budget of 500,000 steps.
fn check_steps(text: String) {
    let start = Instant::now();
    let budgets = Budgets { steps: 500_000, ..Budgets::default() };
    let options = Options { budgets, ..Options::default() };
    let files = BTreeMap::from([("root".to_owned(), text)]);
    let diagnostics = represent(&files, "root", &options).unwrap_err();
    assert!(diagnostics.iter().any(|one| one.code == Code::TooManySteps), "{diagnostics}");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

/// Returns a service of one node with these properties, all of one type.
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

/// Each property is twice as long as the one before: a few lines, and a thousand million steps.
#[test]
fn properties_that_double_exceed_the_steps() {
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

/// The steps of a small file depend on its size.
#[test]
fn small_files_stay_within_few_steps() {
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

/// Each entry of a list is compared with each entry of another.
#[test]
fn comparing_long_lists_exceeds_the_steps() {
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

/// Compiling a regular expression takes many steps; using it again takes few.
#[test]
fn compiling_many_regular_expressions_exceeds_the_steps() {
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

/// "Did you mean" compares each unknown name with each known one, but only while there is room for
/// diagnostics.
#[test]
fn many_unknown_names_are_reported_quickly() {
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

/// Sixty groups, each twice in the next, contain one node. A hundred groups of many nodes have too
/// many members.
#[test]
fn nested_groups_are_not_expanded_and_members_count_as_steps() {
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

/// The compiler looks up anchors for each definition.
#[test]
fn many_anchors_are_read_quickly() {
    let all: String = (0..100_000).map(|at| format!("  a{at}: &a{at} x\n")).collect();
    let text = format!("{VERSION}dsl_definitions:\n{all}node_types:\n  A: {{}}\n");
    let text = format!("{text}service_template:\n  node_templates:\n    a: {{ type: A }}\n");
    let start = Instant::now();
    let files = BTreeMap::from([("root".to_owned(), text)]);
    assert!(represent(&files, "root", &Options::default()).is_ok());
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn values_that_depend_on_each_other_in_a_circle_are_rejected() {
    let text = format!(
        "{VERSION}node_types:\n  A: {{ properties: {{ p: {{ type: string }}, q: {{ type: string }} }} }}\nservice_template:\n  node_templates:\n    a:\n      type: A\n      properties:\n        p: {{ $get_property: [ SELF, q ] }}\n        q: {{ $get_property: [ SELF, p ] }}\n"
    );
    let files = BTreeMap::from([("root".to_owned(), text)]);
    let diagnostics = validate(&files, "root", &BTreeMap::new()).unwrap_err();
    let circles = diagnostics.iter().filter(|one| one.code == Code::ValueCycle).count();
    assert!((1..=2).contains(&circles), "{diagnostics}");
}

/// A megabyte of text with three thousand aliases has few nodes, but its copies have gigabytes.
#[test]
fn aliases_of_long_text_are_counted_by_its_length() {
    let text = "x".repeat(1 << 20);
    let aliases = "  - *a\n".repeat(3000);
    check(
        format!("{VERSION}dsl_definitions:\n  text: &a {text}\n  all:\n{aliases}"),
        Code::TooManyAliases,
    );
}
