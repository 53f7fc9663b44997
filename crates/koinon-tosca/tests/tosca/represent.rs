//! Representations of annotated cases: `tests/represent/*.yaml`.
//!
//! `### NAME` starts a case and its service; `### file PATH` starts a further file, `### inputs`
//! the inputs. `### substitute PATH` starts a file whose service template may substitute nodes,
//! `### select PATH` a file from whose representation nodes may be selected; imported files must
//! come before. `### seed` sets a seed for random choices, `### trace NODE.REQUIREMENT` requests a
//! trace. `### expect KIND` starts the expected lines of one kind:
//!
//! | kind | lines |
//! |---|---|
//! | `nodes` | `left[0] Left size=3 feature.limit=2`: a node, its type, its properties |
//! | `relationships` | `left[0] -[uses]-> right[2].feature` |
//! | `incoming` | `right[2].feature <- 1`: the number of relationships that lead to it |
//! | `capacity` | `right[2].feature.limit=0`: the rest after allocations |
//! | `values` | properties of relationships, outputs, attributes |
//! | `operations` | `left[0].life`, `left[0].life.start is start.sh`: interfaces, and the implementations of their operations |
//! | `trace` | `left[0].uses[0]: right[0] used`: the finding on each candidate |
//! | `errors` | `K0407 MESSAGE`: no representation |
//!
//! The lines include nested services: names in the service that substitutes `a[0]` begin with
//! `a[0]/`. Expected values come from the specification, whose clause each case names.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use alloy_primitives::B256;
use koinon_model::representation::ElementId;
use koinon_model::representation::Finding;
use koinon_model::representation::Interfaces;
use koinon_model::representation::Properties;
use koinon_model::representation::Representation;
use koinon_model::representation::ResolveTrace;
use koinon_model::representation::Term;
use koinon_tosca::Budgets;
use koinon_tosca::Options;
use koinon_tosca::Severity;
use koinon_tosca::TracedRequirements;
use koinon_tosca::read_inputs;
use koinon_tosca::represent;
use proptest::collection::vec;
use proptest::prelude::Just;
use proptest::prelude::ProptestConfig;
use proptest::prelude::Strategy;
use proptest::prelude::any;
use proptest::prop_assert;
use proptest::prop_assert_eq;
use proptest::proptest;

const ROOT: &str = "service.yaml";
const INPUTS: &str = "### inputs";

#[derive(Debug, Default)]
struct Case {
    name: String,
    files: BTreeMap<String, String>,
    substitutes: Vec<String>,
    selectable: Vec<String>,
    seed: Option<B256>,
    trace: Option<TracedRequirements>,
    /// The expected lines by kind.
    expected: Vec<(String, String)>,
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut file = String::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let case = cases.last_mut();
        match (words.as_slice(), case) {
            (["###", "file", path], _) => file = (*path).to_owned(),
            (["###", "inputs"], _) => file = INPUTS.to_owned(),
            (["###", "substitute", path], Some(case)) => {
                file = (*path).to_owned();
                case.substitutes.push(file.clone());
            }
            (["###", "select", path], Some(case)) => {
                file = (*path).to_owned();
                case.selectable.push(file.clone());
            }
            (["###", "seed"], Some(case)) => case.seed = Some(B256::repeat_byte(7)),
            (["###", "trace", of], Some(case)) => {
                let (node, requirement) = of.split_once('.').unwrap();
                case.trace = Some(TracedRequirements {
                    node_template: node.to_owned(),
                    requirement: Some(requirement.to_owned()),
                });
            }
            (["###", "expect", what], Some(case)) => {
                file.clear();
                case.expected.push(((*what).to_owned(), String::new()));
            }
            (["###", ..], _) => {
                file = ROOT.to_owned();
                let name = line.trim_start_matches("### ").to_owned();
                cases.push(Case { name, ..Case::default() });
            }
            (_, Some(case)) => {
                let text = match file.is_empty() {
                    true => &mut case.expected.last_mut().unwrap().1,
                    false => case.files.entry(file.clone()).or_default(),
                };
                writeln!(text, "{line}").unwrap();
            }
            (_, None) => {}
        }
    }
    cases
}

/// The names of nodes: `template[index]`, with the name of the substituted node before.
type Names = BTreeMap<ElementId, String>;

fn name_all(representation: &Representation, prefix: &str, names: &mut Names) {
    for node in &representation.nodes {
        let name = format!("{prefix}{}[{}]", node.template, node.index);
        names.entry(node.id).or_insert(name);
    }
    for (id, inner) in &representation.substitutions {
        let prefix = format!("{}/", names[id]);
        name_all(inner, &prefix, names);
    }
}

fn shown(term: &Term, names: &Names) -> String {
    let text = match term {
        Term::Known(value) => value.to_json(),
        Term::Pending(value) => format!("pending {}", value.to_json()),
    };
    names.iter().fold(text, |text, (id, name)| text.replace(&id.to_string(), name))
}

fn values(properties: &Properties, names: &Names, of: &str) -> String {
    let one =
        |(name, property): (&std::sync::Arc<str>, &koinon_model::representation::Property)| {
            format!(" {of}{name}={}", shown(&property.value, names))
        };
    properties.iter().map(one).collect()
}

/// Returns an element's interfaces, and what does each of their operations and notifications.
fn operations(own: &str, interfaces: &Interfaces) -> Vec<String> {
    let mut all = Vec::new();
    for (interface, known) in interfaces {
        all.push(format!("{own}.{interface}"));
        for (operation, known) in known.operations.iter().chain(&known.notifications) {
            let file = known.implementation.iter().filter_map(|one| one.primary.as_ref());
            let workflow = known.workflow.iter().map(|it| format!("workflow {it}"));
            let all_that_do: Vec<String> =
                file.map(|one| one.file.to_string()).chain(workflow).collect();
            all.push(format!("{own}.{interface}.{operation} is {}", all_that_do.join(", ")));
        }
    }
    all
}

/// Returns the lines of one kind.
fn lines(representation: &Representation, what: &str, names: &Names, prefix: &str) -> Vec<String> {
    let mut all = Vec::new();
    let name = |id: &ElementId| names[id].clone();
    let short = |full: &str| full.rsplit(':').next().unwrap().to_owned();
    for node in &representation.nodes {
        let own = name(&node.id);
        match what {
            "nodes" => {
                let mut line = format!("{own} {}", short(&node.node_type));
                line += &values(&node.properties, names, "");
                for (capability, known) in &node.capabilities {
                    line += &values(&known.properties, names, &format!("{capability}."));
                }
                all.push(line);
            }
            "capacity" => {
                for (capability, known) in &node.capabilities {
                    for (property, left) in &known.remaining {
                        all.push(format!("{own}.{capability}.{property}={}", left.to_json()));
                    }
                }
            }
            "values" => {
                for (attribute, property) in node.attributes.iter() {
                    all.push(format!("{own}.{attribute}={}", shown(&property.value, names)));
                }
                for (capability, known) in &node.capabilities {
                    for (attribute, property) in &known.attributes {
                        let value = shown(&property.value, names);
                        all.push(format!("{own}.{capability}.{attribute}={value}"));
                    }
                    if let Some((inner, of)) = &known.inner {
                        all.push(format!("{own}.{capability} is {}.{of}", name(inner)));
                    }
                }
            }
            "operations" => all.extend(operations(&own, &node.interfaces)),
            _ => {}
        }
    }
    for one in &representation.relationships {
        let own = format!("{}.{}[{}]", name(&one.source), one.requirement, one.index);
        match what {
            "relationships" => all.push(format!(
                "{} -[{}]-> {}.{}",
                name(&one.source),
                one.requirement,
                name(&one.target),
                one.capability
            )),
            "operations" => all.extend(operations(&own, &one.interfaces)),
            "values" => {
                for (property, value) in one.properties.iter().chain(one.attributes.iter()) {
                    all.push(format!("{own}.{property}={}", shown(&value.value, names)));
                }
            }
            _ => {}
        }
    }
    match what {
        "values" => {
            for (output, term) in &representation.outputs {
                all.push(format!("{prefix}{output}={}", shown(term, names)));
            }
        }
        "incoming" => {
            let mut counts: BTreeMap<String, u32> = BTreeMap::new();
            for one in &representation.relationships {
                *counts.entry(format!("{}.{}", name(&one.target), one.capability)).or_default() +=
                    1;
            }
            all.extend(counts.into_iter().map(|(to, count)| format!("{to} <- {count}")));
        }
        _ => {}
    }
    for (id, inner) in &representation.substitutions {
        all.extend(lines(inner, what, names, &format!("{}/", name(id))));
    }
    all
}

fn trace_lines(
    representation: &Representation,
    trace: &ResolveTrace,
    names: &Names,
) -> Vec<String> {
    let mut all = Vec::new();
    for one in &representation.relationships {
        let Some(candidates) = trace.requirements.get(&one.id) else { continue };
        for candidate in candidates {
            let finding = match &candidate.finding {
                Finding::Chosen(why) => format!("chosen: {}", why.as_str()),
                Finding::Passed => "passed".to_owned(),
                Finding::TypeMismatch { .. } => "type".to_owned(),
                Finding::SourceRefused { .. } => "source".to_owned(),
                Finding::FilterFalse { .. } => "filter".to_owned(),
                Finding::NoCapacity { property, needed, left } => {
                    format!("{property}: {} of {}", needed.to_json(), left.to_json())
                }
                Finding::Used => "used".to_owned(),
            };
            let (source, target) = (&names[&one.source], &names[&candidate.node]);
            all.push(format!("{source}.{}[{}]: {target} {finding}", one.requirement, one.index));
        }
    }
    all
}

fn run(case: &Case, what: &str) -> String {
    let inputs = match case.files.get(INPUTS) {
        Some(text) => read_inputs(INPUTS, text.as_bytes()).unwrap(),
        None => BTreeMap::new(),
    };
    let selectable = case.selectable.iter().map(|path| {
        represent(&case.files, path, &Options::default())
            .unwrap_or_else(|error| panic!("{}: {error}", case.name))
            .representation
    });
    let options = Options {
        inputs,
        seed: case.seed,
        trace: case.trace.clone(),
        substitutes: case.substitutes.clone(),
        selectable: selectable.collect(),
        ..Options::default()
    };
    let mut found = match represent(&case.files, ROOT, &options) {
        Ok(made) => {
            // The JSON is read back, which checks the rules between its parts.
            let json = made.representation.to_json();
            let limits = koinon_model::JsonLimits::default();
            let read = Representation::from_json(json.as_bytes(), limits).unwrap();
            assert_eq!(read, made.representation, "{}", case.name);
            let mut names = Names::new();
            for selected in &options.selectable {
                name_all(selected, &format!("{}/", selected.service), &mut names);
            }
            let mut own = Names::new();
            name_all(&made.representation, "", &mut own);
            names.extend(own);
            match what {
                "trace" => trace_lines(&made.representation, &made.trace, &names),
                _ => lines(&made.representation, what, &names, ""),
            }
        }
        Err(diagnostics) => diagnostics
            .iter()
            .filter(|one| one.severity == Severity::Error)
            .map(|one| format!("{} {}", one.code.as_str(), one.message))
            .collect(),
    };
    if what != "trace" {
        found.sort();
    }
    found.iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn every_case_has_the_expected_lines() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/represent");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let (mut failed, mut count) = (String::new(), 0);
    for path in paths {
        for case in cases(&std::fs::read_to_string(&path).unwrap()) {
            assert!(!case.expected.is_empty(), "{} expects nothing", case.name);
            count += 1;
            for (what, expected) in &case.expected {
                let mut expected: Vec<&str> =
                    expected.lines().filter(|line| !line.is_empty()).collect();
                if what != "trace" {
                    expected.sort_unstable();
                }
                let expected: String = expected.iter().map(|line| format!("{line}\n")).collect();
                let found = run(&case, what);
                if found != expected {
                    let name = &case.name;
                    failed += &format!("--- {name}: {what}\n{found}--- expected\n{expected}\n");
                }
            }
        }
    }
    assert!(failed.is_empty(), "{failed}");
    assert!(count >= 40, "only {count} cases were found");
}

const TYPES: &str = "tosca_definitions_version: tosca_2_0
capability_types:
  Capacity: { properties: { limit: { type: integer } } }
relationship_types:
  Uses: {}
node_types:
  Right:
    capabilities: { feature: { type: Capacity } }
  Left:
    requirements:
    - uses: { capability: Capacity, relationship: Uses, count_range: [ 0, UNBOUNDED ] }
service_template:
  node_templates:
";

/// The number of nodes of a template, and their limit.
type Right = (u64, u64);

/// The number of nodes of a template, and of their requirement: the count, the allocated amount,
/// and whether it is optional.
type Left = (u64, u64, u64, bool);

/// A service's templates by its size.
type Shape<'s> = &'s dyn Fn(u64) -> Vec<String>;

/// Returns the node templates of a service.
fn service(rights: &[Right], lefts: &[Left]) -> Vec<String> {
    let right = rights.iter().enumerate().map(|(at, (count, limit))| {
        format!(
            "    right{at}: {{ type: Right, count: {count}, capabilities: {{ feature: {{ properties: {{ limit: {limit} }} }} }} }}\n"
        )
    });
    let left = lefts.iter().enumerate().map(|(at, (nodes, count, amount, optional))| {
        format!(
            "    left{at}: {{ type: Left, count: {nodes}, requirements: [ {{ uses: {{ count: {count}, allocation: {{ limit: {amount} }}, optional: {optional} }} }} ] }}\n"
        )
    });
    right.chain(left).collect()
}

fn files(templates: &[String]) -> BTreeMap<String, String> {
    BTreeMap::from([(ROOT.to_owned(), format!("{TYPES}{}", templates.concat()))])
}

fn groups() -> impl Strategy<Value = (Vec<Right>, Vec<Left>)> {
    (vec((1..4u64, 1..6u64), 1..4), vec((1..4u64, 1..3u64, 1..3u64, any::<bool>()), 1..4))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// csd07 8.5.4, 8.5.5: a mandatory requirement has all its relationships, or there is no
    /// representation; and no capability gives more than it has.
    #[test]
    fn requirements_are_fulfilled_within_capacity((rights, lefts) in groups()) {
        let made = represent(&files(&service(&rights, &lefts)), ROOT, &Options::default());
        let Ok(made) = made else { return Ok(()) };
        let representation = made.representation;
        let mut given: BTreeMap<ElementId, u64> = BTreeMap::new();
        let mut made: BTreeMap<ElementId, u64> = BTreeMap::new();
        for one in &representation.relationships {
            *given.entry(one.target).or_default() += one.allocation["limit"].as_u64().unwrap();
            *made.entry(one.source).or_default() += 1;
        }
        for (at, (count, limit)) in rights.iter().enumerate() {
            for index in 0..*count {
                let node = representation.node(&format!("right{at}"), index as u32).unwrap();
                let given = given.get(&node.id).copied().unwrap_or_default();
                prop_assert!(given <= *limit);
                let left = node.capabilities["feature"].remaining.get("limit");
                prop_assert_eq!(left.map_or(0, |left| limit - left.as_u64().unwrap()), given);
            }
        }
        for (at, (nodes, count, _, optional)) in lefts.iter().enumerate() {
            for index in 0..*nodes {
                let node = representation.node(&format!("left{at}"), index as u32).unwrap();
                let made = made.get(&node.id).copied().unwrap_or_default();
                prop_assert!(made == *count || (*optional && made < *count));
            }
        }
        prop_assert!(representation.unresolved.is_empty());
    }

    /// The order of node templates has no effect, whether requirements name their targets or not.
    #[test]
    fn the_order_of_templates_changes_nothing(
        (templates, shuffled) in vec((1..4u64, 0..8usize), 2..6).prop_flat_map(|all| {
            let count = all.len();
            let one = |(at, (nodes, target)): (usize, &(u64, usize))| {
                let target = match target {
                    0..4 => format!("[ right{}, 0 ]", target % count),
                    _ => "{ optional: true, allocation: { limit: 1 } }".to_owned(),
                };
                format!(
                    "    left{at}: {{ type: Left, count: {nodes}, requirements: [ {{ uses: {target} }} ] }}\n    right{at}: {{ type: Right, capabilities: {{ feature: {{ properties: {{ limit: {nodes} }} }} }} }}\n"
                )
            };
            let all: Vec<String> = all.iter().enumerate().map(one).collect();
            (Just(all.clone()), Just(all).prop_shuffle())
        })
    ) {
        let make = |templates: &[String]| {
            let made = represent(&files(templates), ROOT, &Options::default()).unwrap();
            let mut names = Names::new();
            name_all(&made.representation, "", &mut names);
            let all = ["nodes", "relationships", "capacity"];
            all.map(|what| lines(&made.representation, what, &names, ""))
        };
        prop_assert_eq!(make(&templates), make(&shuffled));
    }
}

/// The steps of a run are linear in the size of the service, for every way of rejecting
/// candidates. Steps are counted, not timed.
#[test]
fn steps_grow_linearly_with_the_service() {
    let pairs = |count: u64| service(&[(count, 1)], &[(count, 1, 1, false)]);
    let mesh = |count: u64| service(&[(count, 1_000_000)], &[(1, count, 1, false)]);
    let filtered = |count: u64| {
        let mut all = service(&[(count, 1), (1, 1_000_000)], &[]);
        all.push(format!(
            "    left: {{ type: Left, count: {count}, requirements: [ {{ uses: {{ node_filter: {{ $greater_than: [ {{ $get_property: [ SELF, CAPABILITY, limit ] }}, 1 ] }} }} }} ] }}\n"
        ));
        all
    };
    let random = |count: u64| {
        let mut all = pairs(count);
        all.push(
            "  policies:\n  - random: { type: RandomCandidates, targets: [ left0 ] }\n".to_owned(),
        );
        all
    };
    let shapes: [(&str, Shape<'_>); 4] =
        [("pairs", &pairs), ("mesh", &mesh), ("filtered", &filtered), ("random", &random)];
    for (name, shape) in shapes {
        let runs = |count: u64, steps: u64| {
            let budgets = Budgets { steps, ..Budgets::default() };
            let seed = Some(B256::repeat_byte(9));
            let options = Options { budgets, seed, ..Options::default() };
            let mut files = files(&shape(count));
            let import = "tosca_2_0\nimports: [ { profile: 'org.koinon:1.0' } ]";
            let text = files[ROOT].replacen("tosca_2_0", import, 1);
            files.insert(ROOT.to_owned(), text);
            represent(&files, ROOT, &options).is_ok()
        };
        // The profile takes a few hundred steps; a pair takes steps for the values of its ends and
        // for its candidates.
        for count in [200, 1_600] {
            assert!(runs(count, 2_000 + 40 * count), "{name} {count}");
        }
        assert!(!runs(1_600, 1_600), "{name}: steps are counted");
    }
}

/// csd07 13.2.3.4 does not forbid it, but such workflows never end.
#[test]
fn workflows_that_inline_each_other_cause_a_warning() {
    let text = "tosca_definitions_version: tosca_2_0
node_types: { A: {} }
service_template:
  node_templates: { a: { type: A } }
  workflows:
    one: { steps: { s: { target: a, activities: [ inline: two ] } } }
    two: { steps: { s: { target: a, activities: [ inline: one ] } } }
    three: { steps: { s: { target: a, activities: [ inline: one ] } } }
";
    let files = BTreeMap::from([(ROOT.to_owned(), text.to_owned())]);
    let made = represent(&files, ROOT, &Options::default()).unwrap();
    let messages: Vec<&str> = made.warnings.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(messages, ["workflows inline each other in a circle: one -> two -> one"]);
}
