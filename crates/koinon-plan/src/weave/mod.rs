//! Weaves the steps of all elements into one graph, as rules say.

mod cycle;
mod fetch;
mod points;
mod sequence;

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::B256;
use koinon_model::Value;
use koinon_model::keccak256;
use koinon_model::representation::ElementId;
use koinon_model::representation::Operation;
use koinon_model::representation::Term;

use self::cycle::describe;
use self::points::NodePoints;
use self::points::Pass;
use self::points::PassPoints;
use self::points::PointOwner;
use self::points::PointOwners;
use self::points::RelationshipPoints;
use self::sequence::ElementSequence;
use self::sequence::PassElement;
use self::sequence::PassGraphs;
use self::sequence::call;
use self::sequence::find;
use self::sequence::planned_file;
use crate::class::ElementClass;
use crate::classify::ClassedElements;
use crate::classify::ElementVersions;
use crate::classify::Elements;
use crate::error::PlanError;
use crate::flat::FlatRelationship;
use crate::flat::GraphVersions;
use crate::graph::PointGraph;
use crate::index::NodeAt;
use crate::index::Point;
use crate::index::RelationshipAt;
use crate::index::StepAt;
use crate::plan::Action;
use crate::plan::Step;
use crate::plan::StepId;
use crate::plan::StepReason;
use crate::rules::ArtifactRule;
use crate::rules::Dependency;
use crate::rules::RelationshipEnd;
use crate::rules::RuleAction;
use crate::rules::Rules;
use crate::rules::RulesByType;
use crate::rules::SequenceEntry;
use crate::rules::point;

/// Plans the steps of the classed elements of both graphs.
pub(crate) fn weave(
    rules: &Rules,
    graphs: GraphVersions<'_>,
    classed: &ClassedElements,
) -> Result<Vec<Step>, PlanError> {
    if classed.are_unchanged() {
        return Ok(Vec::new());
    }
    let ClassedElements { nodes, relationships } = classed;
    let mut weaver = Weaver::default();
    let deletes = nodes.versions.iter().any(|versions| versions.is_deleted())
        || relationships.versions.iter().any(|versions| versions.is_deleted());
    let GraphVersions { old, new } = graphs;
    let create = PassGraphs { rules, pass: Pass::Create, current: new, other: old };
    let fetches = weaver.add_fetches(&create, nodes);
    let mut points = PassesPoints::default();
    if deletes {
        let delete = PassGraphs { rules, pass: Pass::Delete, current: old, other: new };
        points.delete = weaver.add_pass(&delete, classed);
    }
    let second = weaver.graph.next_point();
    points.create = weaver.add_pass(&create, classed);
    weaver.order_fetches_first(fetches, nodes, &points, graphs);
    if deletes {
        if weaver.deletions_first {
            weaver.add_barrier(second);
        } else {
            weaver.order_deletes_before_creates(classed, &points, graphs);
        }
    }
    weaver.order_attributes();
    weaver.finish(graphs)
}

/// The points of both passes.
#[derive(Debug, Default)]
struct PassesPoints<'r> {
    delete: PassPoints<'r>,
    create: PassPoints<'r>,
}

/// A call that sets an attribute.
struct AttributeProducer {
    attribute: Arc<str>,
    call: Point,
}

/// A call that waits for attributes of an element: the names in its expression.
struct AttributeConsumer {
    call: Point,
    element: ElementId,
    names: Vec<String>,
}

#[derive(Default)]
struct Weaver {
    graph: PointGraph,
    steps: Vec<Step>,
    /// The step of every point that has one.
    step_of: Vec<Option<StepAt>>,
    owners: PointOwners,
    /// By the element that has the attribute.
    producers: BTreeMap<ElementId, Vec<AttributeProducer>>,
    consumers: Vec<AttributeConsumer>,
    /// Whether the rules of a deleted element want it deleted before any creation.
    deletions_first: bool,
}

impl Weaver {
    fn add_points(&mut self, count: usize, owner: PointOwner) -> Point {
        let first = self.graph.add_points(count);
        self.step_of.resize(self.graph.len(), None);
        self.owners.push(first, owner);
        first
    }

    /// Adds the points and steps of one traversal.
    fn add_pass<'r>(
        &mut self,
        graphs: &PassGraphs<'_, 'r>,
        classed: &ClassedElements,
    ) -> PassPoints<'r> {
        let PassGraphs { rules, pass, current, other } = *graphs;
        let mut lifecycles = RulesByType::new(&rules.nodes, |rule| &rule.types);
        let mut artifacts = RulesByType::new(&rules.artifacts, |rule| &rule.types);
        let mut points = PassPoints::default();
        points.nodes.reserve(current.nodes.len());
        for (place, flat) in current.nodes.iter().enumerate() {
            let at = NodeAt::from(place);
            let versions = in_pass(&classed.nodes, pass, at);
            let lifecycle = lifecycles.find(current.root, &flat.node.node_type);
            let sequence = lifecycle.and_then(|lifecycle| {
                let operator = flat.node.operator.as_ref();
                let element = flat.element();
                let in_other = graphs.place_in_other(versions).map(|at| other[at].element());
                let other = in_other.unwrap_or(element);
                let (source, target) = (operator, operator);
                let element = PassElement { current: element, other, source, target };
                graphs.sequence(versions, lifecycle, element)
            });
            let entries = sequence.as_ref().map_or(&[][..], |sequence| sequence.entries);
            let begin = self.add_points(entries.len() + 2, PointOwner::Node(pass, at));
            for number in 0..=entries.len() {
                self.graph.add_edge(begin + number, begin + number + 1);
            }
            if let Some(sequence) = sequence {
                self.add_sequence(pass, sequence, &mut artifacts, begin + 1);
            }
            points.nodes.push(NodePoints { begin, entries });
        }
        self.order_substitutions(graphs, &points);
        self.add_relationships(graphs, &classed.relationships, &mut points, &mut artifacts);
        points
    }

    /// Puts the points of inner nodes between those of the node that their service substitutes:
    /// the service does the node's operations, so the node's states are set after the inner ones.
    fn order_substitutions(&mut self, graphs: &PassGraphs<'_, '_>, points: &PassPoints<'_>) {
        for (flat, inner) in graphs.current.nodes.iter().zip(&points.nodes) {
            let Some(outer) = flat.outer else { continue };
            let NodePoints { begin, entries } = points.nodes[outer];
            let (from, to) = match graphs.pass {
                Pass::Create => (begin, begin + 1),
                Pass::Delete => (begin + entries.len(), begin + entries.len() + 1),
            };
            self.graph.add_edge(from, inner.begin);
            self.graph.add_edge(inner.end(), to);
        }
    }

    /// Adds the points and steps of a traversal's relationships, and the order they give its nodes.
    fn add_relationships<'r>(
        &mut self,
        graphs: &PassGraphs<'_, 'r>,
        relationships: &Elements<RelationshipAt>,
        points: &mut PassPoints<'r>,
        artifacts: &mut RulesByType<'r, ArtifactRule>,
    ) {
        let PassGraphs { rules, pass, current, other } = *graphs;
        let mut dependencies = RulesByType::new(&rules.dependencies, |rule| &rule.types);
        let mut lifecycles = RulesByType::new(&rules.relationships, |rule| &rule.types);
        for (place, flat) in current.relationships.iter().enumerate() {
            let at = RelationshipAt::from(place);
            let relationship_type = &flat.relationship.relationship_type;
            if let Some(dependency) = dependencies.find(current.root, relationship_type) {
                self.add_dependency(pass, dependency, flat, points);
            }
            let versions = in_pass(relationships, pass, at);
            let Some(lifecycle) = lifecycles.find(current.root, relationship_type) else {
                continue;
            };
            let element = flat.element();
            let in_other = graphs.place_in_other(versions).map(|at| other[at].element());
            let element = PassElement {
                current: element,
                other: in_other.unwrap_or(element),
                source: current[flat.source].node.operator.as_ref(),
                target: current[flat.target].node.operator.as_ref(),
            };
            let sequence = graphs.sequence(versions, lifecycle, element);
            let sequence = sequence.filter(|sequence| !sequence.entries.is_empty());
            let Some(sequence) = sequence else { continue };
            let entries = sequence.entries;
            let sets = |entry: &SequenceEntry| matches!(entry.action, RuleAction::Set { .. });
            if flat.relationship.interfaces.is_empty() && !entries.iter().any(sets) {
                continue;
            }
            let first = self.add_points(entries.len(), PointOwner::Relationship(pass, at));
            self.add_sequence(pass, sequence, artifacts, first);
            self.order_entries(first, entries, flat, points);
            points.relationships.push(RelationshipPoints { at, first });
        }
    }

    /// Makes a relationship's source wait for its target, or in reverse where they are deleted.
    fn add_dependency(
        &mut self,
        pass: Pass,
        dependency: &Dependency,
        flat: &FlatRelationship<'_>,
        points: &PassPoints<'_>,
    ) {
        let (source, target) = (&points.nodes[flat.source], &points.nodes[flat.target]);
        let (wait, waiting, first) = match pass {
            Pass::Create => (&dependency.create, source, target),
            Pass::Delete => (&dependency.delete, target, source),
        };
        if let Some(wait) = wait {
            let waits_for = first.named(&wait.waits_for).unwrap_or_else(|| first.end());
            let from = waiting.named(&wait.waiting).unwrap_or(waiting.begin);
            self.graph.add_edge(waits_for, from);
        }
    }

    /// Orders the entries of a relationship as their rules say.
    fn order_entries(
        &mut self,
        first: Point,
        entries: &[SequenceEntry],
        flat: &FlatRelationship<'_>,
        points: &PassPoints<'_>,
    ) {
        let (source, target) = (&points.nodes[flat.source], &points.nodes[flat.target]);
        for (index, entry) in entries.iter().enumerate() {
            let this = first + index;
            // An operation without an implementation waits for nothing, and nothing waits for it.
            if !self.graph.acts(this) {
                continue;
            }
            for (end, names) in &entry.after {
                match end {
                    RelationshipEnd::Source => self.graph.add_edge(source.last_of(names), this),
                    RelationshipEnd::Target => self.graph.add_edge(target.last_of(names), this),
                    RelationshipEnd::Itself => {
                        let earlier = names.iter().filter_map(|name| point(entries, name));
                        // Positions count from 1; 0 and the last are `begin` and `end`, which
                        // relationships do not have.
                        for position in earlier.filter(|at| (1..=entries.len()).contains(at)) {
                            let before = first + (position - 1);
                            if self.graph.acts(before) {
                                self.graph.add_edge(before, this);
                            }
                        }
                    }
                }
            }
            for (end, names) in &entry.before {
                let node = if *end == RelationshipEnd::Target { target } else { source };
                self.graph.add_edge(this, node.first_of(names));
            }
        }
    }

    /// Makes the steps of an element; `first` is the point of its first entry.
    fn add_sequence<'r>(
        &mut self,
        pass: Pass,
        sequence: ElementSequence<'_, 'r>,
        artifacts: &mut RulesByType<'r, ArtifactRule>,
        first: Point,
    ) {
        let ElementSequence { reason, lifecycle, entries, element, undone_by, mut state } =
            sequence;
        let current = element.current;
        self.deletions_first |= pass == Pass::Delete && lifecycle.deletions_first;
        let callable = current.callable(lifecycle);
        let undoing =
            (!undone_by.has_same_interfaces(&current)).then(|| undone_by.callable(lifecycle));
        let undoing = undoing.as_ref().unwrap_or(&callable);
        for (index, entry) in entries.iter().enumerate() {
            if !entry.applies(&callable) {
                continue;
            }
            let (action, undo) = match &entry.action {
                RuleAction::Set { state: next } => {
                    let before = state.replace(Arc::clone(next));
                    let undo = before.map(Action::SetState).into_iter().collect();
                    (Action::SetState(Arc::clone(next)), undo)
                }
                RuleAction::Call { operation, undo, terms } => {
                    let Some(found) = find(&callable, operation) else { continue };
                    let action = call(found, operation, *terms, |artifact| {
                        planned_file(artifact, &current, artifacts)
                    });
                    let mut undo_call = |name: &Arc<str>| {
                        let found = find(undoing, name)?;
                        Some(call(found, name, *terms, |artifact| {
                            planned_file(artifact, &undone_by, artifacts)
                        }))
                    };
                    (action, undo.iter().filter_map(&mut undo_call).collect())
                }
            };
            let this = first + index;
            let operator = match entry.at {
                RelationshipEnd::Target => element.target,
                RelationshipEnd::Itself | RelationshipEnd::Source => element.source,
            };
            if let Action::Call(call) = &action
                && pass == Pass::Create
            {
                self.note_attributes(this, current.id, call.operation());
            }
            self.graph.act(this);
            self.step_of[this] = Some(StepAt::from(self.steps.len()));
            self.steps.push(Step {
                id: step_id(current.id, pass, index + 1),
                element: Some(current.id),
                operator: operator.cloned(),
                action,
                needs: Vec::new(),
                level: 0,
                undo,
                reason,
            });
        }
    }

    fn note_attributes(&mut self, call: Point, element: ElementId, operation: &Operation) {
        for output in operation.outputs.values() {
            let attribute = Arc::clone(&output.attribute);
            let producers = self.producers.entry(output.element.unwrap_or(element)).or_default();
            producers.push(AttributeProducer { attribute, call });
        }
        for term in operation.inputs.values() {
            if let Term::Pending(expression) = term {
                for_each_attribute(expression, &mut |of, names| {
                    if of != element {
                        self.consumers.push(AttributeConsumer { call, element: of, names });
                    }
                });
            }
        }
    }

    /// Makes a call wait for the calls that set the attributes in its inputs. Within one element
    /// the rules decide.
    fn order_attributes(&mut self) {
        for AttributeConsumer { call, element, names } in std::mem::take(&mut self.consumers) {
            for producer in self.producers.get(&element).into_iter().flatten() {
                let is_read = names.iter().any(|name| **name == *producer.attribute);
                if is_read && producer.call != call {
                    self.graph.add_edge(producer.call, call);
                }
            }
        }
    }

    /// Puts the points before `second` before all from it on.
    fn add_barrier(&mut self, second: Point) {
        self.owners.push(self.graph.next_point(), PointOwner::Barrier);
        self.graph.add_barrier(second);
        self.step_of.resize(self.graph.len(), None);
    }

    /// Makes a created element wait for the deletions that touch it: its own, and those of its
    /// relationships.
    fn order_deletes_before_creates(
        &mut self,
        classed: &ClassedElements,
        points: &PassesPoints<'_>,
        graphs: GraphVersions<'_>,
    ) {
        let ClassedElements { nodes, relationships } = classed;
        let PassesPoints { delete, create } = points;
        for versions in nodes.versions.iter().filter(|versions| versions.replaced) {
            if let (Some(old), Some(new)) = (versions.old, versions.new) {
                self.graph.add_edge(delete.nodes[old].end(), create.nodes[new].begin);
            }
        }
        let in_new = |old: NodeAt| graphs.new.node_by_id.get(&graphs.old[old].node.id).copied();
        for RelationshipPoints { at, first } in &delete.relationships {
            let flat = graphs.old[*at];
            let count = self.count_points(*first);
            for end in [flat.source, flat.target].into_iter().filter_map(in_new) {
                // Nothing can come too early for a node that stays as it is.
                if nodes.of_new(end).class != ElementClass::Unchanged {
                    for number in 0..count {
                        self.graph.add_edge(*first + number, create.nodes[end].begin);
                    }
                }
            }
            let Some(new) = relationships.of_old(*at).new else { continue };
            let again = create.relationships.binary_search_by_key(&new, |points| points.at);
            let Ok(again) = again else { continue };
            let again = create.relationships[again].first;
            let count_again = self.count_points(again);
            for number in 0..count {
                for then in 0..count_again {
                    self.graph.add_edge(*first + number, again + then);
                }
            }
        }
    }

    /// Counts the points of the element whose first point is given.
    fn count_points(&self, first: Point) -> usize {
        let next = self.owners.next_after(first).unwrap_or_else(|| self.graph.next_point());
        usize::from(next) - usize::from(first)
    }

    fn finish(mut self, graphs: GraphVersions<'_>) -> Result<Vec<Step>, PlanError> {
        let ordered = match std::mem::take(&mut self.graph).order() {
            Ok(ordered) => ordered,
            Err(cycle) => return Err(PlanError::Cycle(describe(&cycle, &self.owners, graphs))),
        };
        let points = ordered.points();
        for point in &points {
            if self.step_of[*point].is_none() {
                self.step_of[*point] = Some(StepAt::from(self.steps.len()));
                let step = self.wait_step(*point, graphs);
                self.steps.push(step);
            }
        }
        let ids: Vec<StepId> = self.steps.iter().map(|step| step.id).collect();
        let step_of =
            |point: &Point| self.step_of[*point].expect("BUG: every point that acts has a step");
        for point in &points {
            let step = &mut self.steps[step_of(point)];
            step.level = ordered.level(*point);
            step.needs = ordered.needs(*point).iter().map(|need| ids[step_of(need)]).collect();
        }
        let mut order: Vec<StepAt> = points.iter().map(step_of).collect();
        arrange(&mut self.steps, &mut order);
        Ok(self.steps)
    }

    /// Makes the step of a point that stands between many points and many others.
    fn wait_step(&self, point: Point, graphs: GraphVersions<'_>) -> Step {
        let owned = self.owners.find(point);
        let (id, element, operator) = match owned.owner {
            PointOwner::Node(pass, at) => {
                let node = graphs.in_pass(pass)[at].node;
                let id = step_id(node.id, pass, usize::from(point) - usize::from(owned.first));
                (id, Some(node.id), node.operator.clone())
            }
            PointOwner::Relationship(..) | PointOwner::Fetch | PointOwner::Barrier => {
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
            reason: StepReason::Order,
        }
    }
}

/// Returns the versions of an element of the graph that a pass goes through.
fn in_pass<At: Into<usize>>(elements: &Elements<At>, pass: Pass, at: At) -> &ElementVersions<At> {
    match pass {
        Pass::Delete => elements.of_old(at),
        Pass::Create => elements.of_new(at),
    }
}

/// Calls `found` for each `$get_attribute` in an expression, with its element and all names that
/// follow.
fn for_each_attribute(expression: &Value, found: &mut dyn FnMut(ElementId, Vec<String>)) {
    match expression {
        Value::List(items) => items.iter().for_each(|item| for_each_attribute(item, found)),
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
                    _ => for_each_attribute(value, found),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Moves to each place the item that `order` names for it, without a copy: steps are large.
fn arrange<T>(items: &mut [T], order: &mut [StepAt]) {
    for start in (0..order.len()).map(StepAt::from) {
        let mut place = start;
        // Each cycle of the permutation is walked once; a place that is done names itself.
        while order[place] != start {
            let from = order[place];
            items.swap(place.into(), from.into());
            order[place] = place;
            place = from;
        }
        order[place] = place;
    }
}

/// Names a step: see [`StepId`].
fn step_id(element: ElementId, pass: Pass, point: usize) -> StepId {
    match pass {
        Pass::Delete => StepId::delete(element, point as u8),
        Pass::Create => StepId::create(element, point as u8),
    }
}
