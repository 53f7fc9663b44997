//! Pairs the elements of two graphs and classes them.

use koinon_model::representation::ElementId;

use crate::changes::ElementChange;
use crate::changes::node_changes;
use crate::changes::relationship_changes;
use crate::class::ElementClass;
use crate::flat::FlatGraph;
use crate::flat::GraphVersions;
use crate::index::ElementAt;
use crate::index::NodeAt;
use crate::index::RelationshipAt;
use crate::rules::Lifecycle;
use crate::rules::Rules;
use crate::rules::RulesByType;

/// The old and the new version of one element, and what becomes of it. `At` is the type of its
/// places in the two graphs.
#[derive(Debug)]
pub(crate) struct ElementVersions<At> {
    pub(crate) old: Option<At>,
    pub(crate) new: Option<At>,
    pub(crate) class: ElementClass,
    pub(crate) changes: Vec<ElementChange>,
    pub(crate) replaced: bool,
    pub(crate) replaced_with: Option<ElementId>,
}

/// All nodes, or all relationships, of both graphs: first the new ones in their order, then the
/// obsolete ones in the order of the old graph.
#[derive(Debug)]
pub(crate) struct Elements<At> {
    pub(crate) versions: Vec<ElementVersions<At>>,
    by_old: Vec<ElementAt>,
}

/// The classed elements of both graphs.
#[derive(Debug)]
pub(crate) struct ClassedElements {
    pub(crate) nodes: Elements<NodeAt>,
    pub(crate) relationships: Elements<RelationshipAt>,
}

impl ClassedElements {
    /// Returns whether every element is unchanged.
    pub(crate) fn are_unchanged(&self) -> bool {
        self.nodes.are_unchanged() && self.relationships.are_unchanged()
    }
}

impl<At: Into<usize>> Elements<At> {
    /// Returns the versions of an element of the old graph.
    pub(crate) fn of_old(&self, at: At) -> &ElementVersions<At> {
        let at: usize = at.into();
        &self.versions[self.by_old[at]]
    }

    /// Returns the versions of an element of the new graph.
    pub(crate) fn of_new(&self, at: At) -> &ElementVersions<At> {
        let at: usize = at.into();
        &self.versions[at]
    }

    fn are_unchanged(&self) -> bool {
        self.versions.iter().all(|versions| versions.class == ElementClass::Unchanged)
    }
}

impl<At> ElementVersions<At> {
    /// Returns whether the old version is deleted.
    pub(crate) fn is_deleted(&self) -> bool {
        self.class == ElementClass::Obsolete || self.replaced
    }

    /// Replaces the element because `with` is replaced, and returns whether that is new. A novel
    /// element is created anyway.
    fn replace_with(&mut self, with: ElementId) -> bool {
        let is_new = !self.replaced && self.old.is_some();
        if is_new {
            self.replaced = true;
            self.class = ElementClass::Modified;
            self.replaced_with = Some(with);
        }
        is_new
    }
}

/// Classes the elements of both graphs.
pub(crate) fn classify(rules: &Rules, graphs: GraphVersions<'_>) -> ClassedElements {
    let GraphVersions { old, new } = graphs;
    let mut lifecycles = RulesByType::new(&rules.nodes, |rule| &rule.types);
    let nodes = pair(
        old.nodes.len(),
        new.nodes.iter().map(|flat| old.node_by_id.get(&flat.node.id).copied()),
        |before: NodeAt, after: NodeAt| {
            let node = new[after].node;
            let changes = node_changes(old[before].node, node);
            VersionDifference::new(changes, || lifecycles.find(new.root, &node.node_type))
        },
    );
    let mut lifecycles = RulesByType::new(&rules.relationships, |rule| &rule.types);
    let relationships = pair(
        old.relationships.len(),
        new.relationships
            .iter()
            .map(|flat| old.relationship_by_id.get(&flat.relationship.id).copied()),
        |before: RelationshipAt, after: RelationshipAt| {
            let relationship = new[after].relationship;
            let changes = relationship_changes(old[before].relationship, relationship);
            let relationship_type = &relationship.relationship_type;
            VersionDifference::new(changes, || lifecycles.find(new.root, relationship_type))
        },
    );
    let mut elements = ClassedElements { nodes, relationships };
    spread_replacement(rules, new, &mut elements);
    elements
}

/// The difference between two versions of an element.
#[derive(Default)]
struct VersionDifference {
    changes: Vec<ElementChange>,
    replaced: bool,
}

impl VersionDifference {
    fn new<'r>(
        changes: Vec<ElementChange>,
        lifecycle: impl FnOnce() -> Option<&'r Lifecycle>,
    ) -> Self {
        let replaced = !changes.is_empty()
            && lifecycle().is_some_and(|lifecycle| {
                let is_changed = |path| changes.iter().any(|change| change.is_under(path));
                lifecycle.replace.iter().any(|path| is_changed(path))
            });
        Self { changes, replaced }
    }
}

/// Pairs elements; `old_places` gives the old place of each new element, if it has one.
fn pair<At: Copy + From<usize> + Into<usize>>(
    old_count: usize,
    old_places: impl ExactSizeIterator<Item = Option<At>>,
    mut compare: impl FnMut(At, At) -> VersionDifference,
) -> Elements<At> {
    let mut by_old: Vec<Option<ElementAt>> = vec![None; old_count];
    let mut versions = Vec::with_capacity(old_places.len());
    for (place, old) in old_places.enumerate() {
        let new = At::from(place);
        let (class, difference) = match old {
            Some(old) => {
                let at: usize = old.into();
                by_old[at] = Some(ElementAt::from(place));
                let difference = compare(old, new);
                let same = difference.changes.is_empty();
                let class = if same { ElementClass::Unchanged } else { ElementClass::Modified };
                (class, difference)
            }
            None => (ElementClass::Novel, VersionDifference::default()),
        };
        let VersionDifference { changes, replaced } = difference;
        let new = Some(new);
        versions.push(ElementVersions { old, new, class, changes, replaced, replaced_with: None });
    }
    let mut by_new_or_gone = Vec::with_capacity(old_count);
    for (place, kept) in by_old.into_iter().enumerate() {
        by_new_or_gone.push(kept.unwrap_or_else(|| ElementAt::from(versions.len())));
        if kept.is_none() {
            versions.push(ElementVersions {
                old: Some(At::from(place)),
                new: None,
                class: ElementClass::Obsolete,
                changes: Vec::new(),
                replaced: false,
                replaced_with: None,
            });
        }
    }
    Elements { versions, by_old: by_new_or_gone }
}

/// A node whose replacement follows from that of another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Dependent {
    target: NodeAt,
    source: NodeAt,
}

/// Replaces the elements that cannot exist without a node that is replaced: sources of some
/// relationships, and all its relationships.
fn spread_replacement(rules: &Rules, new: &FlatGraph<'_>, elements: &mut ClassedElements) {
    let mut dependencies = RulesByType::new(&rules.dependencies, |rule| &rule.types);
    let nodes = &mut elements.nodes.versions;
    let relationships = &mut elements.relationships.versions;
    let mut spread: Vec<NodeAt> =
        (0..new.nodes.len()).filter(|at| nodes[*at].replaced).map(NodeAt::from).collect();
    let mut dependents: Vec<Dependent> = Vec::new();
    for (flat, versions) in new.relationships.iter().zip(&*relationships) {
        let rule = dependencies.find(new.root, &flat.relationship.relationship_type);
        if rule.is_none_or(|rule| !rule.replaces_source) {
            continue;
        }
        dependents.push(Dependent { target: flat.target, source: flat.source });
        // The relationship leads to another target, to which the source cannot be moved.
        let moved = versions.class == ElementClass::Novel || versions.replaced;
        if moved && nodes[flat.source].replace_with(new[flat.target].node.id) {
            spread.push(flat.source);
        }
    }
    if spread.is_empty() {
        return;
    }
    dependents.sort_unstable();
    while let Some(target) = spread.pop() {
        let first = dependents.partition_point(|dependent| dependent.target < target);
        let of_target =
            dependents[first..].iter().take_while(|dependent| dependent.target == target);
        for Dependent { source, .. } in of_target {
            if nodes[*source].replace_with(new[target].node.id) {
                spread.push(*source);
            }
        }
    }
    for (versions, flat) in relationships.iter_mut().zip(&new.relationships) {
        let ends = [flat.source, flat.target];
        if let Some(end) = ends.into_iter().find(|end| nodes[*end].replaced) {
            versions.replace_with(new[end].node.id);
        }
    }
}
