//! Properties of plans: see `docs/plans.md`.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use common::World;
use common::made;
use common::run;
use common::some_order;
use koinon_model::Digest;
use koinon_model::JsonLimits;
use koinon_model::Value;
use koinon_model::representation::ElementId;
use koinon_model::representation::Node;
use koinon_model::representation::Relationship;
use koinon_model::representation::Representation;
use koinon_plan::ElementClass;
use koinon_plan::Plan;
use koinon_plan::Rules;
use koinon_plan::Step;
use koinon_plan::StepId;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Most node templates of a graph.
const NODES: usize = 8;

/// The fields of a node that may differ between two versions.
#[derive(Clone, Debug)]
struct NodeSpec {
    value: i64,
    operator: Option<u8>,
    /// For each of two requirements, which earlier node it leads to.
    targets: [Option<usize>; 2],
}

/// The operations that a node template implements in every version.
const KINDS: [&[&str]; 4] = [
    &["create", "configure", "start", "stop", "delete"],
    &["create", "configure", "delete"],
    &["start", "stop"],
    &[],
];

/// The operations that a relationship implements in every version.
const LINKS: [&[&str]; 3] = [
    &[],
    &["add_source", "remove_source", "add_target", "remove_target", "target_changed"],
    &["pre_configure_source", "post_configure_target"],
];

fn node_spec() -> impl Strategy<Value = Option<NodeSpec>> {
    let target = || option::of(0usize..NODES);
    let spec = (0i64..3, option::of(0u8..2), [target(), target()])
        .prop_map(|(value, operator, targets)| NodeSpec { value, operator, targets });
    option::weighted(0.7, spec)
}

fn versions() -> impl Strategy<Value = [Representation; 2]> {
    let specs = || vec(node_spec(), NODES);
    let kinds = vec((0usize..KINDS.len(), any::<bool>()), NODES);
    let links = vec([0usize..LINKS.len(), 0usize..LINKS.len()], NODES);
    let kept = vec(any::<bool>(), NODES);
    (specs(), specs(), kinds, links, kept).prop_map(|(old, mut new, kinds, links, kept)| {
        for (at, kept) in kept.iter().enumerate() {
            if *kept {
                new[at].clone_from(&old[at]);
            }
        }
        [old, new].map(|specs| build(&specs, &kinds, &links))
    })
}

fn build(
    specs: &[Option<NodeSpec>],
    kinds: &[(usize, bool)],
    links: &[[usize; 2]],
) -> Representation {
    let name = |at: usize| format!("node{at}");
    let (mut nodes, mut made): (Vec<Node>, Vec<Relationship>) = (Vec::new(), Vec::new());
    for (at, spec) in specs.iter().enumerate() {
        let Some(spec) = spec else { continue };
        let value = Value::from(spec.value);
        let (kind, plain) = kinds[at];
        let of_type = if plain { "Plain" } else { "App" };
        let interfaces = common::interface("Standard", common::STANDARD, KINDS[kind], &value);
        let mut node = common::node(&name(at), of_type, &value, interfaces);
        node.operator = spec.operator.map(|operator| format!("operator{operator}").into());
        nodes.push(node);
        for (slot, target) in spec.targets.iter().enumerate() {
            let Some(target) = target.filter(|target| *target < at && specs[*target].is_some())
            else {
                continue;
            };
            let operations = LINKS[links[at][slot]];
            let configure = common::interface("Configure", common::CONFIGURE, operations, &value);
            let (requirement, of_type) = [
                ("host", "tosca.relationships.HostedOn"),
                ("uses", "tosca.relationships.ConnectsTo"),
            ][slot];
            let ends = [&*name(at), requirement, &*name(target)];
            made.push(common::relationship(ends, 0, of_type, configure));
        }
    }
    common::representation(nodes, made)
}

/// The rules of a case.
#[derive(Clone, Copy, Debug)]
enum RuleSet {
    Simple,
    Autonomous,
}

impl RuleSet {
    fn rules(self) -> Rules {
        match self {
            Self::Simple => common::simple(),
            Self::Autonomous => common::autonomous(),
        }
    }
}

fn any_rules() -> impl Strategy<Value = RuleSet> {
    prop_oneof![Just(RuleSet::Simple), Just(RuleSet::Autonomous)]
}

fn choices() -> impl Strategy<Value = Vec<usize>> {
    vec(any::<usize>(), 1..50)
}

fn plan(old: &Representation, new: &Representation, rules: &Rules) -> Plan {
    Plan::between(Some(old), new, rules).unwrap()
}

/// Checks that the steps of a node come after all steps of the nodes it waits for.
fn assert_waits(order: &[&Step], old: &Representation, new: &Representation) {
    // The byte of an id that has the pass: see `StepId`.
    let deletes = |step: &Step| step.id.to_string().as_bytes()[62..64] == *b"00";
    let mut places: BTreeMap<(ElementId, bool), Vec<usize>> = BTreeMap::new();
    for (place, step) in order.iter().enumerate() {
        if let Some(element) = step.element {
            places.entry((element, deletes(step))).or_default().push(place);
        }
    }
    for (graph, delete) in [(old, true), (new, false)] {
        for link in &graph.relationships {
            let (first, then) =
                if delete { (link.source, link.target) } else { (link.target, link.source) };
            let last = places.get(&(first, delete)).and_then(|places| places.last());
            let next = places.get(&(then, delete)).and_then(|places| places.first());
            if let (Some(last), Some(next)) = (last, next) {
                assert!(last < next, "{} too early: {:?}", link.requirement, order[*next]);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_same_input_gives_the_same_bytes([old, new] in versions(), rule_set in any_rules()) {
        let rules = rule_set.rules();
        let first = plan(&old, &new, &rules);
        let read = |graph: &Representation| {
            Representation::from_json(graph.to_json().as_bytes(), JsonLimits::default()).unwrap()
        };
        let json = plan(&read(&old), &read(&new), &rules).to_json();
        prop_assert_eq!(&first.to_json(), &json);
        let value = Value::from_json(json.as_bytes(), JsonLimits::default()).unwrap();
        prop_assert_eq!(value.to_json(), json.as_str());
        // The digest may be known only after the plan.
        let digest = first.new;
        let early = Plan { new: Digest::ZERO, ..first };
        let mut late = String::new();
        early.write_json(|| digest, |piece| late.push_str(&piece));
        prop_assert_eq!(late, json);
    }

    #[test]
    fn a_plan_from_anything_to_itself_is_empty([graph, _] in versions(), rule_set in any_rules()) {
        let rules = rule_set.rules();
        let plan = plan(&graph, &graph, &rules);
        prop_assert!(plan.is_empty());
        prop_assert_eq!(plan.count(ElementClass::Unchanged), common::elements(&graph).count());
    }

    #[test]
    fn any_order_of_steps_ends_in_the_same_world(
        [old, new] in versions(), rule_set in any_rules(), choices in choices()
    ) {
        let rules = rule_set.rules();
        let plan = plan(&old, &new, &rules);
        let order = some_order(&plan, &choices);
        assert_waits(&order, &old, &new);
        let mut world = made(&old, &rules);
        run(&mut world, order);
        prop_assert_eq!(world.of(&new), made(&new, &rules));
    }

    #[test]
    fn deletions_come_first_where_rules_say_so([old, new] in versions(), choices in choices()) {
        let plan = plan(&old, &new, &common::simple());
        let deletes = |step: &&&Step| step.id.to_string().as_bytes()[62..64] == *b"00";
        let order: Vec<&Step> =
            some_order(&plan, &choices).into_iter().filter(|step| step.element.is_some()).collect();
        let count = order.iter().filter(deletes).count();
        prop_assert_eq!(order.iter().take_while(deletes).count(), count);
    }

    #[test]
    fn a_plan_and_its_undo_restore_the_old_world(
        [old, new] in versions(), rule_set in any_rules(), choices in choices()
    ) {
        let rules = rule_set.rules();
        let plan = plan(&old, &new, &rules);
        let order = some_order(&plan, &choices);
        let mut world = made(&old, &rules);
        run(&mut world, order.iter().copied());
        for step in order.iter().rev() {
            for action in &step.undo {
                world.act(step.element, action);
            }
        }
        prop_assert_eq!(world.of(&old), made(&old, &rules));
    }

    #[test]
    fn an_interrupted_plan_is_planned_anew_and_ends_the_same(
        [old, new] in versions(), rule_set in any_rules(), choices in choices(), crash in 0usize..60
    ) {
        let rules = rule_set.rules();
        let first = plan(&old, &new, &rules);
        let order = some_order(&first, &choices);
        let done: Vec<&Step> = order.into_iter().take(crash).collect();
        let mut world = made(&old, &rules);
        run(&mut world, done.iter().copied());
        let done: BTreeSet<StepId> = done.iter().map(|step| step.id).collect();
        let there = first.reached(Some(&old), &new, &done);
        let second = plan(&there, &new, &rules);
        run(&mut world, some_order(&second, &choices));
        prop_assert_eq!(world.of(&new), made(&new, &rules));
    }

    #[test]
    fn after_all_steps_the_new_graph_is_reached([old, new] in versions(), rule_set in any_rules()) {
        let rules = rule_set.rules();
        let plan = plan(&old, &new, &rules);
        let none = plan.reached(Some(&old), &new, &BTreeSet::new());
        prop_assert!(plan.steps.is_empty() || !Plan::between(Some(&none), &new, &rules).unwrap().is_empty());
        let all = plan.steps.iter().map(|step| step.id).collect();
        prop_assert_eq!(plan.reached(Some(&old), &new, &all), new);
    }

    #[test]
    fn all_slices_together_are_the_plan([old, new] in versions(), rule_set in any_rules()) {
        let rules = rule_set.rules();
        let whole = plan(&old, &new, &rules);
        let mut slices: Vec<Plan> = Vec::new();
        for operator in whole.operators() {
            slices.push(whole.slice(operator.map(|name| &**name)));
        }
        let place: BTreeMap<StepId, usize> =
            whole.steps.iter().enumerate().map(|(at, step)| (step.id, at)).collect();
        let mut steps: Vec<Step> = slices.iter().flat_map(|slice| slice.steps.clone()).collect();
        steps.sort_by_key(|step| place[&step.id]);
        prop_assert_eq!(&steps, &whole.steps);
        let mut elements: Vec<_> = slices.iter().flat_map(|slice| slice.elements.clone()).collect();
        let place: BTreeMap<ElementId, usize> =
            whole.elements.iter().enumerate().map(|(at, element)| (element.id, at)).collect();
        elements.sort_by_key(|element| place[&element.id]);
        prop_assert_eq!(&elements, &whole.elements);
    }

    #[test]
    fn levels_are_the_longest_chains_of_needs([old, new] in versions(), rule_set in any_rules()) {
        let rules = rule_set.rules();
        let plan = plan(&old, &new, &rules);
        let mut levels: BTreeMap<StepId, u32> = BTreeMap::new();
        for step in &plan.steps {
            // Each need comes before the steps that need it: there is no cycle.
            let deepest = step.needs.iter().map(|need| levels[need] + 1).max();
            prop_assert_eq!(step.level, deepest.unwrap_or(0));
            prop_assert!(levels.insert(step.id, step.level).is_none());
        }
    }

    #[test]
    fn every_element_is_classed_by_the_graphs_that_have_it([old, new] in versions(), rule_set in any_rules()) {
        let rules = rule_set.rules();
        let plan = plan(&old, &new, &rules);
        let [before, after]: [BTreeSet<ElementId>; 2] =
            [&old, &new].map(|graph| common::elements(graph).collect());
        let classes: BTreeMap<ElementId, ElementClass> =
            plan.elements.iter().map(|element| (element.id, element.class)).collect();
        prop_assert_eq!(classes.len(), plan.elements.len());
        prop_assert_eq!(classes.len(), before.union(&after).count());
        for (id, class) in classes {
            let is = (before.contains(&id), after.contains(&id));
            let expected = match class {
                ElementClass::Novel => (false, true),
                ElementClass::Obsolete => (true, false),
                ElementClass::Modified | ElementClass::Unchanged => (true, true),
            };
            prop_assert_eq!(is, expected);
        }
    }
}

#[test]
fn a_world_without_a_plan_stays_empty() {
    assert_eq!(World::default().of(&Representation::default()), World::default());
}
