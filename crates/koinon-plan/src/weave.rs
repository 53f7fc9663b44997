//! Weaves the steps of all elements into one graph, as rules say.

mod fetch;

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::B256;
use koinon_model::Value;
use koinon_model::keccak256;
use koinon_model::representation::Artifact;
use koinon_model::representation::ElementId;
use koinon_model::representation::Interface;
use koinon_model::representation::Operation;
use koinon_model::representation::Term;

use crate::circle::Owner;
use crate::circle::describe;
use crate::class::Class;
use crate::flat::Common;
use crate::flat::Flat;
use crate::graph::Graph;
use crate::plan::Action;
use crate::plan::Call;
use crate::plan::File;
use crate::plan::Reason;
use crate::plan::Step;
use crate::plan::StepId;
use crate::planning::Member;
use crate::planning::PlanError;
use crate::rules::ANY;
use crate::rules::Act;
use crate::rules::ArtifactRule;
use crate::rules::ByType;
use crate::rules::Dependency;
use crate::rules::End;
use crate::rules::Entry;
use crate::rules::Lifecycle;
use crate::rules::Rules;
use crate::rules::first_point;
use crate::rules::last_point;
use crate::rules::point;

/// Which traversal of section 4.4: the old graph against its dependencies, or the new one along them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    Delete,
    Create,
}

/// Plans the steps of classified elements of the old and the new graph.
pub(crate) fn weave(
    rules: &Rules,
    [before, after]: [&Flat<'_>; 2],
    nodes: &[Member],
    relationships: &[Member],
) -> Result<Vec<Step>, PlanError> {
    let changed = |members: &[Member]| members.iter().any(|one| one.class != Class::Unchanged);
    if !changed(nodes) && !changed(relationships) {
        return Ok(Vec::new());
    }
    let mut weaver = Weaver::default();
    let goes = |member: &&Member| member.class == Class::Obsolete || member.replaced;
    let deletes = nodes.iter().chain(relationships).any(|member| goes(&member));
    let create = Sides { rules, pass: Pass::Create, now: after, other: before };
    let fetches = weaver.fetches(&create, nodes);
    let gone = if deletes {
        let sides = Sides { rules, pass: Pass::Delete, now: before, other: after };
        weaver.pass(&sides, nodes, relationships)
    } else {
        Woven::default()
    };
    let second = weaver.graph.len();
    let made = weaver.pass(&create, nodes, relationships);
    weaver.tie_fetches(&fetches, nodes, [&gone, &made], [before, after]);
    if deletes {
        if weaver.deletions_first {
            weaver.separate(second);
        } else {
            weaver.tie(&gone, &made, [before, after], [nodes, relationships]);
        }
    }
    weaver.tie_attributes();
    weaver.finish([before, after])
}

/// Where the elements of a pass begin and end.
#[derive(Debug, Default)]
struct Woven {
    /// First and last point of every node.
    nodes: Vec<(u32, u32)>,
    /// Points of the relationships that have any, by the relationship's place, ascending.
    relationships: Vec<(u32, u32)>,
}

/// What a pass is about.
struct Sides<'a, 'r> {
    rules: &'r Rules,
    pass: Pass,
    /// The graph that is traversed.
    now: &'a Flat<'a>,
    /// The other one.
    other: &'a Flat<'a>,
}

/// What is to be done with one element.
struct Job<'a, 'r> {
    pass: Pass,
    reason: Reason,
    lifecycle: &'r Lifecycle,
    entries: &'r [Entry],
    /// The version whose operations are called.
    now: Common<'a>,
    /// The version whose operations take back.
    back: Common<'a>,
    /// The element's state before.
    state: Option<Arc<str>>,
    source: Option<&'a Arc<str>>,
    target: Option<&'a Arc<str>>,
}

/// An interface as an element has it.
type Named<'a> = (&'a Arc<str>, &'a Arc<Interface>);

const NONE: u32 = u32::MAX;

#[derive(Default)]
struct Weaver {
    graph: Graph,
    steps: Vec<Step>,
    /// The step of a point, or [`NONE`].
    step_of: Vec<u32>,
    /// The first point of every element, ascending.
    owners: Vec<(u32, Owner)>,
    /// Calls that set attributes, by the element that has the attribute.
    producers: BTreeMap<ElementId, Vec<(Arc<str>, u32)>>,
    /// Calls that wait for attributes: the point, the element, and the names in the expression.
    consumers: Vec<(u32, ElementId, Vec<String>)>,
    /// Whether rules of what is deleted want that before anything else.
    deletions_first: bool,
}

impl Weaver {
    fn points(&mut self, count: usize, owner: Owner) -> u32 {
        let first = self.graph.points(count);
        self.step_of.resize(first as usize + count, NONE);
        self.owners.push((first, owner));
        first
    }

    /// Weaves one traversal.
    fn pass(&mut self, sides: &Sides<'_, '_>, nodes: &[Member], links: &[Member]) -> Woven {
        let Sides { rules, pass, now, .. } = *sides;
        let mut lifecycles = ByType::new(&rules.nodes, |rule| &rule.types);
        let mut artifacts = ByType::new(&rules.artifacts, |rule| &rule.types);
        let mut woven = Woven::default();
        let mut sequences: Vec<&[Entry]> = vec![&[]; now.nodes.len()];
        woven.nodes.reserve(now.nodes.len());
        let members = by_place(nodes, pass, now.nodes.len());
        for (at, flat) in now.nodes.iter().enumerate() {
            let owner = Owner::Node(pass, at as u32);
            let member = &nodes[members[at] as usize];
            let rule = lifecycles.find(now.root, &flat.node.node_type);
            let job = rule.and_then(|(_, lifecycle)| {
                let back = sides.other_place(member).map(|at| sides.other.nodes[at as usize]);
                let operator = flat.node.operator.as_ref();
                let back = back.map_or(flat.common(), |back| back.common());
                sides.job(member, lifecycle, flat.common(), back, [operator, operator])
            });
            let entries = job.as_ref().map_or(&[][..], |job| job.entries);
            let first = self.points(entries.len() + 2, owner);
            let last = first + entries.len() as u32 + 1;
            for point in first..last {
                self.graph.edge(point, point + 1);
            }
            if let Some(job) = job {
                self.sequence(job, &mut artifacts, |index| first + 1 + index as u32);
            }
            sequences[at] = entries;
            woven.nodes.push((first, last));
        }
        for (at, flat) in now.nodes.iter().enumerate() {
            // The inner service does the node's operations: its states are set once the inner ones are.
            if let Some(outer) = flat.outer {
                let (first, last) = woven.nodes[outer as usize];
                let (from, to) = match pass {
                    Pass::Create => (first, first + 1),
                    Pass::Delete => (last - 1, last),
                };
                let (inner_first, inner_last) = woven.nodes[at];
                self.graph.edge(from, inner_first);
                self.graph.edge(inner_last, to);
            }
        }
        self.relationships(sides, links, &mut woven, (&sequences, &mut artifacts));
        woven
    }

    /// Weaves the relationships of a traversal between its nodes.
    fn relationships<'a, 'r>(
        &mut self,
        sides: &Sides<'a, 'r>,
        links: &[Member],
        woven: &mut Woven,
        (sequences, artifacts): (&[&[Entry]], &mut ByType<'r, ArtifactRule>),
    ) {
        let Sides { rules, pass, now, .. } = *sides;
        let mut dependencies: ByType<'_, Dependency> =
            ByType::new(&rules.dependencies, |rule| &rule.types);
        let mut lifecycles = ByType::new(&rules.relationships, |rule| &rule.types);
        let members = by_place(links, pass, now.relationships.len());
        for (at, flat) in now.relationships.iter().enumerate() {
            let (source, target) = (flat.source as usize, flat.target as usize);
            let name = &flat.relationship.relationship_type;
            let of = |node: usize, point: usize| woven.nodes[node].0 + point as u32;
            if let Some((_, rule)) = dependencies.find(now.root, name) {
                let (wait, waiting, first) = match pass {
                    Pass::Create => (&rule.create, source, target),
                    Pass::Delete => (&rule.delete, target, source),
                };
                if let Some(wait) = wait {
                    let end = sequences[first].len() + 1;
                    let waits_for = point(sequences[first], &wait.waits_for).unwrap_or(end);
                    let from = point(sequences[waiting], &wait.waiting).unwrap_or(0);
                    self.graph.edge(of(first, waits_for), of(waiting, from));
                }
            }
            let member = &links[members[at] as usize];
            let Some((_, lifecycle)) = lifecycles.find(now.root, name) else { continue };
            let back = sides.other_place(member).map(|at| sides.other.relationships[at as usize]);
            let back = back.map_or(flat.common(), |back| back.common());
            let operators = [source, target].map(|node| now.nodes[node].node.operator.as_ref());
            let job = sides.job(member, lifecycle, flat.common(), back, operators);
            let Some(job) = job.filter(|job| !job.entries.is_empty()) else { continue };
            let entries = job.entries;
            let sets = |entry: &Entry| matches!(entry.act, Act::Set { .. });
            if flat.relationship.interfaces.is_empty() && !entries.iter().any(sets) {
                continue;
            }
            let first = self.points(entries.len(), Owner::Relationship(pass, at as u32));
            self.sequence(job, artifacts, |index| first + index as u32);
            for (index, entry) in entries.iter().enumerate() {
                let this = first + index as u32;
                // An operation without an implementation waits for nothing and keeps nobody waiting.
                if !self.graph.acts(this) {
                    continue;
                }
                for (end, names) in &entry.after {
                    match end {
                        End::Source => {
                            self.graph.edge(of(source, last_point(sequences[source], names)), this);
                        }
                        End::Target => {
                            self.graph.edge(of(target, last_point(sequences[target], names)), this);
                        }
                        End::Itself => {
                            let earlier = names.iter().filter_map(|name| point(entries, name));
                            // Points of entries count from 1, and so does the first point from `begin`.
                            for at in earlier.filter(|at| (1..=entries.len()).contains(at)) {
                                let before = first + at as u32 - 1;
                                if self.graph.acts(before) {
                                    self.graph.edge(before, this);
                                }
                            }
                        }
                    }
                }
                for (end, names) in &entry.before {
                    let node = if *end == End::Target { target } else { source };
                    self.graph.edge(this, of(node, first_point(sequences[node], names)));
                }
            }
            woven.relationships.push((at as u32, first));
        }
    }

    /// Makes the steps of an element; `place` tells the point of an entry.
    fn sequence<'r>(
        &mut self,
        job: Job<'_, 'r>,
        artifacts: &mut ByType<'r, ArtifactRule>,
        place: impl Fn(usize) -> u32,
    ) {
        self.deletions_first |= job.pass == Pass::Delete && job.lifecycle.deletions_first;
        let now = job.now.callable(job.lifecycle);
        let back =
            if job.back.same(&job.now) { None } else { Some(job.back.callable(job.lifecycle)) };
        let back = back.as_ref().unwrap_or(&now);
        let mut state = job.state.clone();
        for (index, entry) in job.entries.iter().enumerate() {
            if !entry.applies(&now) {
                continue;
            }
            let (action, undo) = match &entry.act {
                Act::Set { state: next } => {
                    let before = state.replace(Arc::clone(next));
                    let undo = before.map(Action::SetState).into_iter().collect();
                    (Action::SetState(Arc::clone(next)), undo)
                }
                Act::Call { operation, undo, terms } => {
                    let Some(found) = find(&now, operation) else { continue };
                    let mut call = |found, common: &Common<'_>, name| {
                        call(found, name, *terms, &mut |artifact| file(artifact, common, artifacts))
                    };
                    let action = call(found, &job.now, operation);
                    let undo = undo
                        .iter()
                        .filter_map(|name| Some(call(find(back, name)?, &job.back, name)))
                        .collect();
                    (action, undo)
                }
            };
            let this = place(index);
            let operator = if entry.at == End::Target { job.target } else { job.source };
            if let Action::Call(call) = &action
                && job.pass == Pass::Create
            {
                self.note_attributes(this, job.now.id, call.operation());
            }
            self.graph.act(this);
            self.step_of[this as usize] = self.steps.len() as u32;
            self.steps.push(Step {
                id: step_id(job.now.id, job.pass, index + 1),
                element: Some(job.now.id),
                operator: operator.cloned(),
                action,
                needs: Vec::new(),
                level: 0,
                undo,
                reason: job.reason,
            });
        }
    }

    fn note_attributes(&mut self, this: u32, element: ElementId, operation: &Operation) {
        for output in operation.outputs.values() {
            let producers = self.producers.entry(output.element.unwrap_or(element)).or_default();
            producers.push((Arc::clone(&output.attribute), this));
        }
        for term in operation.inputs.values() {
            if let Term::Pending(expression) = term {
                attributes(expression, &mut |of, names| {
                    if of != element {
                        self.consumers.push((this, of, names));
                    }
                });
            }
        }
    }

    /// Lets a call wait for the calls that set the attributes in its inputs. Within one element the rules decide.
    fn tie_attributes(&mut self) {
        for (this, element, names) in std::mem::take(&mut self.consumers) {
            for (attribute, producer) in self.producers.get(&element).into_iter().flatten() {
                if names.iter().any(|name| **name == **attribute) && *producer != this {
                    self.graph.edge(*producer, this);
                }
            }
        }
    }

    /// Puts the first pass before the second.
    fn separate(&mut self, second: u32) {
        self.owners.push((self.graph.len(), Owner::Between));
        self.graph.separate(second);
        self.step_of.resize(self.graph.len() as usize, NONE);
    }

    /// Lets what is created wait for the deletions it touches: its own, and those of its relationships.
    fn tie(
        &mut self,
        gone: &Woven,
        made: &Woven,
        [before, after]: [&Flat<'_>; 2],
        [nodes, links]: [&[Member]; 2],
    ) {
        for member in nodes.iter().filter(|member| member.replaced) {
            if let (Some(old), Some(new)) = (member.old, member.new) {
                let last = gone.nodes[old as usize].1;
                self.graph.edge(last, made.nodes[new as usize].0);
            }
        }
        let new_place =
            |old: u32| after.node_by_id.get(&before.nodes[old as usize].node.id).copied();
        let link_by_old = by_place(links, Pass::Delete, before.relationships.len());
        for (at, first) in &gone.relationships {
            let flat = before.relationships[*at as usize];
            let count = self.count(*first);
            for end in [flat.source, flat.target].into_iter().filter_map(new_place) {
                // A node nothing is done with has nothing that could come too early.
                if nodes[end as usize].class != Class::Unchanged {
                    for point in *first..*first + count {
                        self.graph.edge(point, made.nodes[end as usize].0);
                    }
                }
            }
            let Some(new) = links[link_by_old[*at as usize] as usize].new else { continue };
            let Ok(again) = made.relationships.binary_search_by_key(&new, |(at, _)| *at) else {
                continue;
            };
            let again = made.relationships[again].1;
            let points = again..again + self.count(again);
            for point in *first..*first + count {
                points.clone().for_each(|then| self.graph.edge(point, then));
            }
        }
    }

    /// How many points belong to the element whose first is given.
    fn count(&self, first: u32) -> u32 {
        let at = self.owners.partition_point(|(start, _)| *start <= first);
        self.owners.get(at).map_or(self.graph.len(), |(next, _)| *next) - first
    }

    fn finish(mut self, flats: [&Flat<'_>; 2]) -> Result<Vec<Step>, PlanError> {
        let ordered = match std::mem::take(&mut self.graph).order() {
            Ok(ordered) => ordered,
            Err(circle) => return Err(PlanError::Cycle(describe(&circle, &self.owners, flats))),
        };
        let points = ordered.points();
        for point in &points {
            if self.step_of[*point as usize] == NONE {
                self.step_of[*point as usize] = self.steps.len() as u32;
                let step = self.wait(*point, flats);
                self.steps.push(step);
            }
        }
        let ids: Vec<StepId> = self.steps.iter().map(|step| step.id).collect();
        let of = |point: &u32| self.step_of[*point as usize];
        for point in &points {
            let step = &mut self.steps[of(point) as usize];
            step.level = ordered.level(*point);
            step.needs = ordered.needs(*point).iter().map(|need| ids[of(need) as usize]).collect();
        }
        let mut order: Vec<u32> = points.iter().map(of).collect();
        arrange(&mut self.steps, &mut order);
        Ok(self.steps)
    }

    /// Makes the step that stands between many and many.
    fn wait(&self, point: u32, flats: [&Flat<'_>; 2]) -> Step {
        let at = self.owners.partition_point(|(start, _)| *start <= point) - 1;
        let (first, owner) = self.owners[at];
        let (id, element, operator) = match owner {
            Owner::Node(pass, at) => {
                let flat = if pass == Pass::Delete { flats[0] } else { flats[1] };
                let node = flat.nodes[at as usize].node;
                let id = step_id(node.id, pass, (point - first) as usize);
                (id, Some(node.id), node.operator.clone())
            }
            Owner::Relationship(..) | Owner::Fetch | Owner::Between => {
                (StepId(keccak256(b"koinon.step.between.1")), None, None)
            }
        };
        Step {
            id,
            element,
            operator,
            action: Action::Wait,
            needs: Vec::new(),
            level: 0,
            undo: Vec::new(),
            reason: Reason::Order,
        }
    }
}

impl<'a, 'r> Sides<'a, 'r> {
    /// Where an element is in the other graph.
    fn other_place(&self, member: &Member) -> Option<u32> {
        if self.pass == Pass::Delete { member.new } else { member.old }
    }

    /// What is to be done with an element in this pass, if anything.
    fn job(
        &self,
        member: &Member,
        lifecycle: &'r Lifecycle,
        now: Common<'a>,
        other: Common<'a>,
        [source, target]: [Option<&'a Arc<str>>; 2],
    ) -> Option<Job<'a, 'r>> {
        let (entries, reason, back) = match (self.pass, member.class) {
            (Pass::Delete, Class::Obsolete) => (&lifecycle.delete, Reason::Obsolete, now),
            (Pass::Delete, _) if member.replaced => (&lifecycle.delete, Reason::Replaced, now),
            (Pass::Create, _) if member.replaced => (&lifecycle.create, Reason::Replaced, now),
            (Pass::Create, Class::Novel) => (&lifecycle.create, Reason::Novel, now),
            (Pass::Create, Class::Modified) => (&lifecycle.modify, Reason::Modified, other),
            (Pass::Delete | Pass::Create, _) => return None,
        };
        let state = match reason {
            Reason::Novel => lifecycle.initial.clone(),
            // What deleting it set, or what it was before if deleting it sets nothing.
            Reason::Replaced if self.pass == Pass::Create => {
                last_state(&lifecycle.delete, lifecycle, &other)
                    .or_else(|| last_state(&lifecycle.create, lifecycle, &other))
                    .or_else(|| lifecycle.initial.clone())
            }
            Reason::Modified | Reason::Obsolete | Reason::Replaced | Reason::Order => {
                last_state(&lifecycle.create, lifecycle, &back)
                    .or_else(|| lifecycle.initial.clone())
            }
        };
        Some(Job { pass: self.pass, reason, lifecycle, entries, now, back, state, source, target })
    }
}

/// The state a sequence leaves an element in, if it sets any.
fn last_state(entries: &[Entry], lifecycle: &Lifecycle, of: &Common<'_>) -> Option<Arc<str>> {
    let callable = of.callable(lifecycle);
    let mut done = entries.iter().rev().filter(|entry| entry.applies(&callable));
    done.find_map(|entry| match &entry.act {
        Act::Set { state } => Some(Arc::clone(state)),
        Act::Call { .. } => None,
    })
}

impl Entry {
    /// Whether its conditions hold for an element with these interfaces.
    fn applies(&self, interfaces: &[Named<'_>]) -> bool {
        let any = |names: &[Arc<str>]| names.iter().any(|name| find(interfaces, name).is_some());
        (self.only_if.is_empty() || any(&self.only_if)) && !any(&self.unless)
    }
}

impl<'a> Common<'a> {
    /// The interfaces that rules call.
    fn callable(&self, lifecycle: &Lifecycle) -> Vec<Named<'a>> {
        let called = |interface: &Interface| {
            let found = &interface.interface_type;
            lifecycle
                .interfaces
                .iter()
                .any(|wanted| &**wanted == ANY || self.graph.is_a(found, wanted))
        };
        self.interfaces.iter().filter(|(_, interface)| called(interface)).collect()
    }

    fn same(&self, other: &Self) -> bool {
        std::ptr::eq(self.interfaces, other.interfaces)
    }
}

/// Finds an operation that has an implementation, or a workflow of the service that stands for its node.
fn find<'a>(interfaces: &[Named<'a>], operation: &str) -> Option<Named<'a>> {
    let implemented = |(_, interface): &&Named<'a>| {
        let operation = interface.operations.get(operation);
        operation.is_some_and(|one| one.implementation.is_some() || one.workflow.is_some())
    };
    interfaces.iter().find(implemented).copied()
}

fn call(
    (interface, defined): Named<'_>,
    operation: &Arc<str>,
    terms: crate::rules::Terms,
    file: &mut dyn FnMut(&Arc<Artifact>) -> File,
) -> Action {
    let implementation =
        defined.operations.get(operation).and_then(|one| one.implementation.as_ref());
    Action::Call(Box::new(Call {
        interface: Arc::clone(interface),
        operation: Arc::clone(operation),
        artifact: implementation.and_then(|made| made.primary.as_ref()).map(file),
        defined: Arc::clone(defined),
        terms,
    }))
}

fn file(artifact: &Arc<Artifact>, of: &Common<'_>, rules: &mut ByType<'_, ArtifactRule>) -> File {
    let rule = rules.find(of.graph, &artifact.artifact_type).map(|(_, rule)| rule);
    let property = |name: Option<&Arc<str>>| artifact.properties.get(name?).and_then(Term::known);
    let cid = rule.and_then(|rule| property(rule.cid.as_ref())?.as_str().map(Arc::from));
    let size = rule.and_then(|rule| property(rule.size.as_ref())?.as_u64());
    File { artifact: Arc::clone(artifact), cid, size }
}

/// Finds `$get_attribute` in an expression: the element, and all names that follow.
fn attributes(expression: &Value, found: &mut dyn FnMut(ElementId, Vec<String>)) {
    match expression {
        Value::List(items) => items.iter().for_each(|item| attributes(item, found)),
        Value::Map(map) => {
            for (key, value) in map {
                let path = value.as_list().filter(|_| key == "$get_attribute");
                let element = path.and_then(|path| path.first()?.as_str()?.parse::<B256>().ok());
                match (path, element) {
                    (Some(path), Some(element)) => {
                        let names =
                            path[1..].iter().filter_map(|name| Some(name.as_str()?.to_owned()));
                        found(ElementId(element), names.collect());
                    }
                    _ => attributes(value, found),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The member of each place of the graph a pass traverses.
fn by_place(members: &[Member], pass: Pass, count: usize) -> Vec<u32> {
    let mut places = vec![NONE; count];
    for (at, member) in members.iter().enumerate() {
        let place = if pass == Pass::Delete { member.old } else { member.new };
        if let Some(place) = place {
            places[place as usize] = at as u32;
        }
    }
    places
}

/// Puts at each place what `order` says was elsewhere, in place: steps are large.
fn arrange<T>(items: &mut [T], order: &mut [u32]) {
    for start in 0..order.len() {
        let mut place = start;
        // Each cycle of the permutation is walked once; what is in place points at itself.
        while order[place] as usize != start {
            let from = order[place] as usize;
            items.swap(place, from);
            order[place] = place as u32;
            place = from;
        }
        order[place] = place as u32;
    }
}

/// Names a step: see [`StepId`].
fn step_id(element: ElementId, pass: Pass, point: usize) -> StepId {
    let mut id = element.0;
    let (at, delete) = StepId::PASS;
    id[at] = if pass == Pass::Delete { delete } else { delete + 1 };
    id[31] = point as u8;
    StepId(id)
}
