//! Makes a plan: classify, weave, order.

use std::sync::Arc;

use koinon_model::Digest;
use koinon_model::representation::Representation;

use crate::classify::ElementVersions;
use crate::classify::classify;
use crate::error::PlanError;
use crate::flat::FlatGraph;
use crate::flat::GraphVersions;
use crate::index::NodeAt;
use crate::index::RelationshipAt;
use crate::plan::Element;
use crate::plan::ElementPlace;
use crate::plan::Plan;
use crate::plan::PlanScope;
use crate::rules::Rules;
use crate::weave::weave;

/// A representation and its digest.
#[derive(Clone, Copy, Debug)]
pub struct PlanInput<'a> {
    /// The representation.
    pub representation: &'a Representation,
    /// [`Representation::digest`] of it.
    pub digest: Digest,
}

impl<'a> From<&'a Representation> for PlanInput<'a> {
    fn from(representation: &'a Representation) -> Self {
        Self { representation, digest: representation.digest() }
    }
}

impl Plan {
    /// Plans the way from one representation, or from nothing, to another.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use koinon_model::Value;
    /// use koinon_model::representation::ElementId;
    /// use koinon_model::representation::Entries;
    /// use koinon_model::representation::Node;
    /// use koinon_model::representation::Representation;
    /// use koinon_plan::Action;
    /// use koinon_plan::Plan;
    /// use koinon_plan::Rules;
    ///
    /// // The rules of a profile, as in its weaving.yaml: to create a node is to set its state.
    /// let create = Value::List(vec![Value::from([("set", "running".into())])]);
    /// let nodes = Value::List(vec![Value::from([("types", "*".into()), ("create", create)])]);
    /// let rules = Rules::from_value(&Value::from([("format", 1.into()), ("nodes", nodes)]))?;
    ///
    /// let web = Node {
    ///     id: ElementId::node("shop", "web", 0),
    ///     template: "web".into(),
    ///     index: 0,
    ///     node_type: "App".into(),
    ///     directives: Vec::new(),
    ///     properties: Entries::new(),
    ///     attributes: Arc::default(),
    ///     capabilities: Entries::new(),
    ///     artifacts: Entries::new(),
    ///     interfaces: Entries::new(),
    ///     operator: None,
    /// };
    /// let shop = Representation {
    ///     service: "shop".into(),
    ///     types: [("App".into(), Vec::new())].into(),
    ///     nodes: vec![web],
    ///     ..Representation::default()
    /// };
    ///
    /// let plan = Plan::between(None, &shop, &rules)?;
    /// assert_eq!(plan.steps.len(), 1);
    /// assert_eq!(plan.steps[0].action, Action::SetState("running".into()));
    /// assert!(Plan::between(Some(&shop), &shop, &rules)?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`PlanError::Cycle`] if nodes wait for each other, [`PlanError::Unresolved`] if a
    /// representation has an unfulfilled requirement, [`PlanError::Dangling`] if a relationship
    /// has no node at one of its ends.
    pub fn between(
        old: Option<&Representation>,
        new: &Representation,
        rules: &Rules,
    ) -> Result<Self, PlanError> {
        Self::between_inputs(old.map(PlanInput::from), new.into(), rules)
    }

    /// Plans as [`Plan::between`] does, for representations whose digests are known.
    ///
    /// # Errors
    /// The errors of [`Plan::between`].
    pub fn between_inputs(
        old: Option<PlanInput<'_>>,
        new: PlanInput<'_>,
        rules: &Rules,
    ) -> Result<Self, PlanError> {
        let nothing = Representation::default();
        let old_graph = flatten(old.as_ref().map_or(&nothing, |old| old.representation))?;
        let new_graph = flatten(new.representation)?;
        let graphs = GraphVersions { old: &old_graph, new: &new_graph };
        let classed = classify(rules, graphs);
        let steps = weave(rules, graphs, &classed)?;
        let (nodes, relationships) = (classed.nodes.versions, classed.relationships.versions);
        let mut elements: Vec<Element> = Vec::with_capacity(nodes.len() + relationships.len());
        elements.extend(nodes.into_iter().map(|versions| node_element(versions, graphs)));
        let first = elements.len();
        elements.extend(
            relationships.into_iter().map(|versions| relationship_element(versions, graphs)),
        );
        // Obsolete elements come last in each half; apart from that, both halves are sorted.
        elements[..first].sort_by(|a, b| node_order(a).cmp(&node_order(b)));
        if !old_graph.nodes.is_empty() {
            elements[first..]
                .sort_by(|a, b| relationship_order(a, graphs).cmp(&relationship_order(b, graphs)));
        }
        Ok(Self {
            old: old.map(|old| old.digest),
            new: new.digest,
            scope: PlanScope::Whole,
            elements,
            steps,
        })
    }
}

fn flatten(root: &Representation) -> Result<FlatGraph<'_>, PlanError> {
    check_resolved(root)?;
    FlatGraph::new(root).map_err(|relationship| PlanError::Dangling(relationship.id))
}

fn check_resolved(graph: &Representation) -> Result<(), PlanError> {
    if let Some(first) = graph.unresolved.first() {
        return Err(PlanError::Unresolved {
            requirement: Arc::clone(&first.requirement),
            source_node: first.source,
            reason: first.reason.clone(),
        });
    }
    graph.substitutions.values().try_for_each(check_resolved)
}

fn node_element(versions: ElementVersions<NodeAt>, graphs: GraphVersions<'_>) -> Element {
    let new = versions.new.map(|at| graphs.new[at]);
    let flat = new.or_else(|| versions.old.map(|at| graphs.old[at]));
    let flat = flat.expect("BUG: an element is in one of the two graphs");
    let (node, service) = (flat.node, Arc::clone(&flat.graph.service));
    Element {
        id: node.id,
        place: ElementPlace::Node {
            service,
            template: Arc::clone(&node.template),
            index: node.index,
        },
        element_type: Arc::clone(&node.node_type),
        class: versions.class,
        replaced: versions.replaced,
        replaced_with: versions.replaced_with,
        operator: node.operator.clone(),
        changes: versions.changes,
    }
}

fn relationship_element(
    versions: ElementVersions<RelationshipAt>,
    graphs: GraphVersions<'_>,
) -> Element {
    let (graph, at) = match (versions.new, versions.old) {
        (Some(new), _) => (graphs.new, new),
        (None, Some(old)) => (graphs.old, old),
        (None, None) => unreachable!("BUG: an element is in one of the two graphs"),
    };
    let flat = graph[at];
    let relationship = flat.relationship;
    Element {
        id: relationship.id,
        place: ElementPlace::Relationship {
            source: relationship.source,
            requirement: Arc::clone(&relationship.requirement),
            index: relationship.index,
            target: relationship.target,
        },
        element_type: Arc::clone(&relationship.relationship_type),
        class: versions.class,
        replaced: versions.replaced,
        replaced_with: versions.replaced_with,
        operator: graph[flat.source].node.operator.clone(),
        changes: versions.changes,
    }
}

fn node_order(element: &Element) -> Option<(&str, &str, u32)> {
    match &element.place {
        ElementPlace::Node { service, template, index } => Some((service, template, *index)),
        ElementPlace::Relationship { .. } => None,
    }
}

fn relationship_order<'a>(
    element: &'a Element,
    graphs: GraphVersions<'a>,
) -> Option<(&'a str, &'a str, u32, &'a str, u32)> {
    match &element.place {
        ElementPlace::Relationship { source, requirement, index, .. } => {
            let new = graphs.new.node_by_id.get(source).map(|at| graphs.new[*at]);
            let old = || graphs.old.node_by_id.get(source).map(|at| graphs.old[*at]);
            let from = new.or_else(old)?;
            let (service, node) = (&*from.graph.service, from.node);
            Some((service, &node.template, node.index, requirement, *index))
        }
        ElementPlace::Node { .. } => None,
    }
}
