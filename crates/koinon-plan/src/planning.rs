//! How a plan is made: classify, weave, order.

use std::sync::Arc;

use koinon_model::Digest;
use koinon_model::representation::ElementId;
use koinon_model::representation::Representation;
use thiserror::Error;

use crate::changes;
use crate::changes::Change;
use crate::class::Class;
use crate::flat::Flat;
use crate::plan::Element;
use crate::plan::Part;
use crate::plan::Place;
use crate::plan::Plan;
use crate::rules::ByType;
use crate::rules::Lifecycle;
use crate::rules::Rules;
use crate::weave::weave;

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// Nodes wait for each other.
    #[error("dependencies form a cycle: {0}")]
    Cycle(String),
    /// A mandatory requirement is not fulfilled.
    #[error("requirement `{requirement}` of {source_node} is not fulfilled: {reason}")]
    Unresolved {
        /// The requirement.
        requirement: Arc<str>,
        /// The node's id.
        source_node: ElementId,
        /// What the resolver says.
        reason: String,
    },
    /// A relationship leads from or to a node that is not there.
    #[error("relationship {0} leads to a node that is not there")]
    Dangling(ElementId),
}

/// A representation and its digest.
#[derive(Clone, Copy, Debug)]
pub struct Version<'a> {
    /// The representation.
    pub representation: &'a Representation,
    /// [`Representation::digest`] of it.
    pub digest: Digest,
}

impl<'a> From<&'a Representation> for Version<'a> {
    fn from(representation: &'a Representation) -> Self {
        Self { representation, digest: representation.digest() }
    }
}

/// An element of either representation: its places in them, and what becomes of it.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) old: Option<u32>,
    pub(crate) new: Option<u32>,
    pub(crate) class: Class,
    pub(crate) changes: Vec<Change>,
    pub(crate) replaced: bool,
    pub(crate) replaced_with: Option<ElementId>,
}

impl Plan {
    /// Plans how to get from one representation, or nothing, to another.
    ///
    /// # Errors
    /// [`PlanError`]: a cycle of dependencies, an unfulfilled requirement, a relationship to nowhere.
    pub fn between(
        old: Option<&Representation>,
        new: &Representation,
        rules: &Rules,
    ) -> Result<Self, PlanError> {
        Self::of_versions(old.map(Version::from), new.into(), rules)
    }

    /// As [`Plan::between`], for representations whose digests are known.
    ///
    /// # Errors
    /// The same.
    pub fn of_versions(
        old: Option<Version<'_>>,
        new: Version<'_>,
        rules: &Rules,
    ) -> Result<Self, PlanError> {
        let nothing = Representation::default();
        let before = flatten(old.as_ref().map_or(&nothing, |old| old.representation))?;
        let after = flatten(new.representation)?;
        let mut lifecycles = ByType::new(&rules.nodes, lifecycle_types);
        let mut nodes = members(
            (before.nodes.len(), after.nodes.len()),
            |at| before.node_by_id.get(&after.nodes[at].node.id).copied(),
            |old, new| {
                let (old, new) = (before.nodes[old], after.nodes[new]);
                let changes = changes::of_nodes(old.node, new.node);
                let mut rule = || lifecycles.find(after.root, &new.node.node_type);
                let replaced =
                    !changes.is_empty() && rule().is_some_and(|rule| replaces(rule.1, &changes));
                (changes, replaced)
            },
        );
        let mut lifecycles = ByType::new(&rules.relationships, lifecycle_types);
        let mut relationships = members(
            (before.relationships.len(), after.relationships.len()),
            |at| before.relationship_by_id.get(&after.relationships[at].relationship.id).copied(),
            |old, new| {
                let (old, new) = (before.relationships[old], after.relationships[new]);
                let changes = changes::of_relationships(old.relationship, new.relationship);
                let mut rule = || lifecycles.find(after.root, &new.relationship.relationship_type);
                let replaced =
                    !changes.is_empty() && rule().is_some_and(|rule| replaces(rule.1, &changes));
                (changes, replaced)
            },
        );
        spread_replacement(rules, &after, &mut nodes, &mut relationships);
        let steps = weave(rules, [&before, &after], &nodes, &relationships)?;
        let mut elements: Vec<Element> = Vec::with_capacity(nodes.len() + relationships.len());
        elements.extend(nodes.into_iter().map(|member| node_element(member, &before, &after)));
        let first = elements.len();
        elements.extend(
            relationships.into_iter().map(|member| relationship_element(member, &before, &after)),
        );
        // What is obsolete was listed last; both parts are sorted but for that.
        elements[..first].sort_by(|a, b| node_order(a).cmp(&node_order(b)));
        if !before.nodes.is_empty() {
            elements[first..].sort_by(|a, b| {
                relationship_order(a, &before, &after).cmp(&relationship_order(b, &before, &after))
            });
        }
        Ok(Self {
            old: old.map(|old| old.digest),
            new: new.digest,
            part: Part::Whole,
            elements,
            steps,
        })
    }
}

fn lifecycle_types(lifecycle: &Lifecycle) -> &[Arc<str>] {
    &lifecycle.types
}

fn flatten(root: &Representation) -> Result<Flat<'_>, PlanError> {
    fn unresolved(graph: &Representation) -> Result<(), PlanError> {
        if let Some(first) = graph.unresolved.first() {
            return Err(PlanError::Unresolved {
                requirement: Arc::clone(&first.requirement),
                source_node: first.source,
                reason: first.reason.clone(),
            });
        }
        graph.substitutions.values().try_for_each(unresolved)
    }
    unresolved(root)?;
    Flat::new(root).map_err(|relationship| PlanError::Dangling(relationship.id))
}

fn replaces(lifecycle: &Lifecycle, changes: &[Change]) -> bool {
    lifecycle.replace.iter().any(|path| changes.iter().any(|change| change.is_under(path)))
}

/// Pairs elements: first all new ones in their order, then the old ones that are gone.
fn members(
    (old, new): (usize, usize),
    was: impl Fn(usize) -> Option<u32>,
    mut compare: impl FnMut(usize, usize) -> (Vec<Change>, bool),
) -> Vec<Member> {
    let mut kept = vec![false; old];
    let mut members = Vec::with_capacity(new);
    for at in 0..new {
        let old = was(at);
        let (class, (changes, replaced)) = match old {
            Some(old) => {
                kept[old as usize] = true;
                let (changes, replaced) = compare(old as usize, at);
                let same = changes.is_empty();
                (if same { Class::Unchanged } else { Class::Modified }, (changes, replaced))
            }
            None => (Class::Novel, (Vec::new(), false)),
        };
        let new = Some(at as u32);
        members.push(Member { old, new, class, changes, replaced, replaced_with: None });
    }
    let gone = (0..old).filter(|at| !kept[*at]);
    members.extend(gone.map(|at| Member {
        old: Some(at as u32),
        new: None,
        class: Class::Obsolete,
        changes: Vec::new(),
        replaced: false,
        replaced_with: None,
    }));
    members
}

/// Replaces what cannot be without a node that is replaced: sources of some relationships, and all relationships.
fn spread_replacement(
    rules: &Rules,
    after: &Flat<'_>,
    nodes: &mut [Member],
    relationships: &mut [Member],
) {
    let mut dependencies = ByType::new(&rules.dependencies, |rule| &rule.types);
    let mut spread: Vec<u32> =
        (0..after.nodes.len() as u32).filter(|at| nodes[*at as usize].replaced).collect();
    let mut incoming: Vec<(u32, u32)> = Vec::new();
    for (relationship, link) in after.relationships.iter().zip(&*relationships) {
        let rule = dependencies.find(after.root, &relationship.relationship.relationship_type);
        if rule.is_none_or(|(_, rule)| !rule.replaces_source) {
            continue;
        }
        incoming.push((relationship.target, relationship.source));
        // It goes to another target: it cannot be taken along.
        if link.class == Class::Novel || link.replaced {
            let member = &mut nodes[relationship.source as usize];
            if replace(member, after.nodes[relationship.target as usize].node.id) {
                spread.push(relationship.source);
            }
        }
    }
    if spread.is_empty() {
        return;
    }
    incoming.sort_unstable();
    while let Some(target) = spread.pop() {
        let first = incoming.partition_point(|(of, _)| *of < target);
        for (_, source) in incoming[first..].iter().take_while(|(of, _)| *of == target) {
            if replace(&mut nodes[*source as usize], after.nodes[target as usize].node.id) {
                spread.push(*source);
            }
        }
    }
    for (member, relationship) in relationships.iter_mut().zip(&after.relationships) {
        let ends = [relationship.source, relationship.target];
        if let Some(end) = ends.into_iter().find(|end| nodes[*end as usize].replaced) {
            replace(member, after.nodes[end as usize].node.id);
        }
    }
}

/// Has an element replaced because another is; says whether that is news. What is novel is created anyway.
fn replace(member: &mut Member, with: ElementId) -> bool {
    let news = !member.replaced && member.old.is_some();
    if news {
        member.replaced = true;
        member.class = Class::Modified;
        member.replaced_with = Some(with);
    }
    news
}

fn node_element(member: Member, before: &Flat<'_>, after: &Flat<'_>) -> Element {
    let new = member.new.map(|at| after.nodes[at as usize]);
    let flat = new.or_else(|| member.old.map(|at| before.nodes[at as usize]));
    let flat = flat.expect("BUG: an element is in one of the two");
    let (node, service) = (flat.node, Arc::clone(&flat.graph.service));
    Element {
        id: node.id,
        place: Place::Node { service, template: Arc::clone(&node.template), index: node.index },
        element_type: Arc::clone(&node.node_type),
        class: member.class,
        replaced: member.replaced,
        replaced_with: member.replaced_with,
        operator: node.operator.clone(),
        changes: member.changes,
    }
}

fn relationship_element(member: Member, before: &Flat<'_>, after: &Flat<'_>) -> Element {
    let (flat, at) = match (member.new, member.old) {
        (Some(new), _) => (after, new),
        (None, Some(old)) => (before, old),
        (None, None) => unreachable!("BUG: an element is in one of the two"),
    };
    let found = flat.relationships[at as usize];
    let relationship = found.relationship;
    Element {
        id: relationship.id,
        place: Place::Relationship {
            source: relationship.source,
            requirement: Arc::clone(&relationship.requirement),
            index: relationship.index,
            target: relationship.target,
        },
        element_type: Arc::clone(&relationship.relationship_type),
        class: member.class,
        replaced: member.replaced,
        replaced_with: member.replaced_with,
        operator: flat.nodes[found.source as usize].node.operator.clone(),
        changes: member.changes,
    }
}

fn node_order(element: &Element) -> Option<(&str, &str, u32)> {
    match &element.place {
        Place::Node { service, template, index } => Some((service, template, *index)),
        Place::Relationship { .. } => None,
    }
}

fn relationship_order<'a>(
    element: &'a Element,
    before: &'a Flat<'_>,
    after: &'a Flat<'_>,
) -> Option<(&'a str, &'a str, u32, &'a str, u32)> {
    match &element.place {
        Place::Relationship { source, requirement, index, .. } => {
            let new = after.node_by_id.get(source).map(|at| after.nodes[*at as usize]);
            let old = || before.node_by_id.get(source).map(|at| before.nodes[*at as usize]);
            let from = new.or_else(old)?;
            let (service, node) = (&*from.graph.service, from.node);
            Some((service, &node.template, node.index, requirement, *index))
        }
        Place::Node { .. } => None,
    }
}
