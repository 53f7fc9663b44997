//! Fetches the files of nodes before anything is done with the nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use koinon_model::representation::Artifact;

use super::PassesPoints;
use super::Weaver;
use super::points::PointOwner;
use super::sequence::PassElement;
use super::sequence::PassGraphs;
use super::sequence::planned_file;
use crate::classify::Elements;
use crate::flat::FlatGraph;
use crate::flat::GraphVersions;
use crate::index::NodeAt;
use crate::index::Point;
use crate::index::StepAt;
use crate::plan::Action;
use crate::plan::PlannedFile;
use crate::plan::Step;
use crate::plan::StepId;
use crate::rules::ANY_TYPE;
use crate::rules::Lifecycle;
use crate::rules::RulesByType;

/// The fetches of one node of the new graph.
#[derive(Debug)]
pub(super) struct NodeFetches {
    node: NodeAt,
    first: Point,
    count: usize,
}

impl Weaver {
    /// Makes the steps that fetch the files of nodes that are created or modified. The steps wait
    /// for nothing.
    pub(super) fn add_fetches(
        &mut self,
        graphs: &PassGraphs<'_, '_>,
        nodes: &Elements<NodeAt>,
    ) -> Vec<NodeFetches> {
        let rules = graphs.rules;
        if rules.nodes.iter().all(|lifecycle| lifecycle.fetch.is_empty()) {
            return Vec::new();
        }
        let mut lifecycles = RulesByType::new(&rules.nodes, |rule| &rule.types);
        let mut artifacts = RulesByType::new(&rules.artifacts, |rule| &rule.types);
        let mut made = Vec::new();
        for (place, flat) in graphs.current.nodes.iter().enumerate() {
            let node = NodeAt::from(place);
            let lifecycle = lifecycles.find(graphs.current.root, &flat.node.node_type);
            let Some(lifecycle) = lifecycle.filter(|lifecycle| !lifecycle.fetch.is_empty()) else {
                continue;
            };
            let (current, operator) = (flat.element(), flat.node.operator.as_ref());
            let element =
                PassElement { current, other: current, source: operator, target: operator };
            let sequence = graphs.sequence(nodes.of_new(node), lifecycle, element);
            let Some(sequence) = sequence else { continue };
            // Two artifacts may be one file.
            let files: BTreeMap<(Arc<str>, Option<Arc<str>>), PlannedFile> = flat
                .node
                .artifacts
                .values()
                .filter(|artifact| is_fetched(graphs.current, lifecycle, artifact))
                .map(|artifact| planned_file(artifact, &current, &mut artifacts))
                .map(|file| ((Arc::clone(&file.artifact.file), file.cid.clone()), file))
                .collect();
            let count = files.len().min(usize::from(StepId::MAX_FETCHES));
            let first = self.add_points(count, PointOwner::Fetch);
            for (file, number) in files.into_values().zip(0..StepId::MAX_FETCHES) {
                let point = first + usize::from(number);
                self.graph.act(point);
                self.step_of[point] = Some(StepAt::from(self.steps.len()));
                self.steps.push(Step {
                    id: StepId::fetch(flat.node.id, number),
                    element: Some(flat.node.id),
                    operator: operator.cloned(),
                    action: Action::Fetch(Box::new(file)),
                    needs: Vec::new(),
                    level: 0,
                    undo: Vec::new(),
                    reason: sequence.reason,
                });
            }
            made.push(NodeFetches { node, first, count });
        }
        made
    }

    /// Makes nodes wait for their files: a node that is replaced by one of the same operator is
    /// deleted only once the new one's files are fetched.
    pub(super) fn order_fetches_first(
        &mut self,
        fetches: Vec<NodeFetches>,
        nodes: &Elements<NodeAt>,
        points: &PassesPoints<'_>,
        graphs: GraphVersions<'_>,
    ) {
        for NodeFetches { node: new, first, count } in fetches {
            let versions = nodes.of_new(new);
            let keeps_operator =
                |old: &NodeAt| graphs.old[*old].node.operator == graphs.new[new].node.operator;
            let begin = match versions.old.filter(|_| versions.replaced).filter(keeps_operator) {
                Some(old) => points.delete.nodes[old].begin,
                None => points.create.nodes[new].begin,
            };
            (0..count).for_each(|number| self.graph.add_edge(first + number, begin));
        }
    }
}

fn is_fetched(graph: &FlatGraph<'_>, lifecycle: &Lifecycle, artifact: &Artifact) -> bool {
    let is_a = |wanted: &Arc<str>| {
        &**wanted == ANY_TYPE || graph.root.is_a(&artifact.artifact_type, wanted)
    };
    lifecycle.fetch.iter().any(is_a)
}
