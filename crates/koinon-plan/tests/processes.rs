//! What holds for any plan: see ARCHITECTURE.md, "Plans".
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use alloy_primitives::Address;
use koinon_model::Artifact;
use koinon_model::Epoch;
use koinon_model::Instance;
use koinon_model::Node;
use koinon_model::ObservedNode;
use koinon_model::Probe;
use koinon_model::Reason;
use koinon_model::Restart;
use koinon_model::Revision;
use koinon_model::Slot;
use koinon_plan::Class;
use koinon_plan::processes::Action;
use koinon_plan::processes::Plan;
use koinon_plan::processes::Running;
use koinon_plan::processes::Step;
use koinon_plan::processes::StepId;
use koinon_plan::processes::plan;
use koinon_plan::processes::running;
use proptest::prelude::*;

fn node(operator: u8, image: u8) -> Node {
    let artifact = Artifact {
        artifact_type: "Image".to_owned(),
        cid: format!("cid{image}"),
        file_name: "worker".to_owned(),
        size: None,
    };
    Node {
        template: "worker".to_owned(),
        node_type: "Worker".to_owned(),
        index: 0,
        operator: Address::repeat_byte(operator),
        operator_name: format!("operator{operator}"),
        properties: BTreeMap::new(),
        environment: BTreeMap::new(),
        arguments: Vec::new(),
        artifacts: [("program".to_owned(), artifact)].into(),
        program: "program".to_owned(),
        ports: Vec::new(),
        probe: Probe { port: "http".to_owned(), path: "/".to_owned(), timeout: 1 },
        restart: Restart::Always,
    }
}

fn slot(place: u32) -> Slot {
    Slot { set: "worker".parse().unwrap(), group: 0, place }
}

fn instance(nodes: BTreeMap<u32, (u8, u8)>) -> Instance {
    let nodes = nodes.into_iter();
    Instance {
        service: "test".to_owned(),
        revision: Revision(1),
        epoch: Epoch(1),
        nodes: nodes
            .map(|(place, (operator, image))| (slot(place), node(operator, image)))
            .collect(),
    }
}

fn instances() -> impl Strategy<Value = Instance> {
    prop::collection::btree_map(0u32..8, (0u8..3, 0u8..3), 0..8).prop_map(instance)
}

/// Does a step, as a driver would, and complains of what a driver could not do.
fn apply(state: &mut Running, fetched: &mut BTreeSet<String>, step: &Step, new: &Instance) {
    let key = (step.operator, step.slot.clone());
    match &step.action {
        Action::Fetch { cid, .. } => {
            fetched.insert(cid.clone());
        }
        Action::Stop { node } => {
            let running = state.get_mut(&key).unwrap();
            assert_eq!(running.digest, *node);
            running.alive = false;
        }
        Action::Remove { node } => {
            let removed = state.remove(&key).unwrap();
            assert_eq!(removed, ObservedNode { digest: *node, alive: false });
        }
        Action::Start { node } => {
            let wanted = &new.nodes[&step.slot];
            assert_eq!(wanted.digest(), *node);
            assert!(wanted.artifacts.values().all(|artifact| fetched.contains(&artifact.cid)));
            let before = state.insert(key, ObservedNode { digest: *node, alive: true });
            assert!(before.is_none_or(|before| !before.alive && before.digest == *node));
        }
    }
}

/// Runs the steps in any order that respects their needs; `choices` picks among those possible.
fn run(plan: &Plan, from: &Running, new: &Instance, choices: &[usize]) -> Running {
    let (mut state, mut fetched) = (from.clone(), BTreeSet::new());
    let mut done: BTreeSet<StepId> = BTreeSet::new();
    let mut left: Vec<&Step> = plan.steps.iter().collect();
    let mut choices = choices.iter().cycle();
    while !left.is_empty() {
        let ready: Vec<usize> =
            (0..left.len()).filter(|index| left[*index].needs.is_subset(&done)).collect();
        assert!(!ready.is_empty(), "the steps that are left wait for each other");
        let step = left.remove(ready[choices.next().unwrap() % ready.len()]);
        apply(&mut state, &mut fetched, step, new);
        done.insert(step.id.clone());
    }
    state
}

proptest! {
    #[test]
    fn any_order_of_steps_ends_in_the_new_instance(
        old in instances(), new in instances(), choices in prop::collection::vec(any::<usize>(), 1..50)
    ) {
        let from = running(&old);
        let plan = plan(&from, &new);
        prop_assert_eq!(run(&plan, &from, &new, &choices), running(&new));
        let levels: BTreeMap<_, _> = plan.steps.iter().map(|step| (&step.id, step.level)).collect();
        prop_assert_eq!(levels.len(), plan.steps.len());
        for step in &plan.steps {
            prop_assert!(step.needs.iter().all(|need| levels[need] < step.level));
        }
    }

    #[test]
    fn a_plan_from_anything_to_itself_is_empty(instance in instances()) {
        prop_assert!(plan(&running(&instance), &instance).is_empty());
    }

    #[test]
    fn the_way_back_returns(old in instances(), new in instances()) {
        let there = plan(&running(&old), &new);
        let back = plan(&running(&new), &old);
        prop_assert_eq!(run(&back, &running(&new), &old, &[0]), running(&old));
        prop_assert_eq!(there.count(Class::Novel), back.count(Class::Obsolete));
        prop_assert_eq!(there.count(Class::Modified), back.count(Class::Modified));
    }

    #[test]
    fn the_slices_are_the_whole(old in instances(), new in instances()) {
        let whole = plan(&running(&old), &new);
        let slices: Vec<Plan> =
            (0..3).map(|operator| whole.slice(Address::repeat_byte(operator))).collect();
        let mut steps: Vec<Step> = slices.iter().flat_map(|slice| slice.steps.clone()).collect();
        steps.sort_by(|a, b| (a.level, &a.id).cmp(&(b.level, &b.id)));
        prop_assert_eq!(&steps, &whole.steps);
        for slice in &slices {
            let own: BTreeSet<&StepId> = slice.steps.iter().map(|step| &step.id).collect();
            let needed = slice.steps.iter().flat_map(|step| &step.needs);
            prop_assert!(needed.into_iter().all(|need| own.contains(need)), "an agent waits for another");
        }
    }

    #[test]
    fn a_crash_at_any_step_ends_the_same(
        old in instances(), new in instances(), crash in 0usize..40
    ) {
        let from = running(&old);
        let first = plan(&from, &new);
        let (mut state, mut fetched) = (from, BTreeSet::new());
        for step in first.steps.iter().take(crash) {
            apply(&mut state, &mut fetched, step, &new);
        }
        let second = plan(&state, &new);
        prop_assert_eq!(run(&second, &state, &new, &[0]), running(&new));
    }
}

#[test]
fn ended_processes_are_started_again() {
    let new = instance([(0, (1, 1))].into());
    let mut state = running(&new);
    for node in state.values_mut() {
        node.alive = false;
    }
    let again = plan(&state, &new);
    assert_eq!(again.count(Class::Unchanged), 1);
    let last = again.steps.last().unwrap();
    assert_eq!(last.reason, Some(Reason::Exited));
    assert_eq!(run(&again, &state, &new, &[0]), running(&new));

    let mut never = new;
    for node in never.nodes.values_mut() {
        node.restart = Restart::Never;
    }
    let mut state = running(&never);
    for node in state.values_mut() {
        node.alive = false;
    }
    assert!(plan(&state, &never).is_empty());
}

#[test]
fn the_canonical_json_is_sorted_and_stable() {
    let new = instance([(0, (1, 1))].into());
    let plan = plan(&Running::new(), &new);
    let digest = new.nodes[&slot(0)].digest();
    let operator = "0x0101010101010101010101010101010101010101";
    let fetch = format!("{operator}:worker/0/0:fetch:cid1");
    let expected = format!(
        concat!(
            r#"{{"elements":[{{"after":"{digest}","before":null,"class":"novel","operator":"{operator}","#,
            r#""slot":"worker/0/0"}}],"format":1,"steps":["#,
            r#"{{"action":{{"cid":"cid1","do":"fetch","size":null}},"id":"{fetch}","level":0,"needs":[],"#,
            r#""operator":"{operator}","reason":null,"slot":"worker/0/0","undo":null}},"#,
            r#"{{"action":{{"do":"start","node":"{digest}"}},"id":"{operator}:worker/0/0:start","level":1,"#,
            r#""needs":["{fetch}"],"operator":"{operator}","reason":null,"slot":"worker/0/0","#,
            r#""undo":{{"do":"stop","node":"{digest}"}}}}]}}"#
        ),
        digest = format_args!("{digest:#x}"),
        operator = operator,
        fetch = fetch,
    );
    assert_eq!(plan.to_json(), expected);
}
