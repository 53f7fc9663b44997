//! Ids of elements, and digests of candidates. A large service has tens of thousands of these small
//! hashes; a second thread computes them while the first does work that needs none of them.

use koinon_model::representation::Candidates;
use koinon_model::representation::ElementId;

use crate::program::NodeNumber;
use crate::program::Program;

/// The data that ids are made of, without the rest of a program: other threads may read it.
#[derive(Debug)]
pub(crate) struct UnnamedElements<'p> {
    service: &'p str,
    nodes: Vec<NodeKey<'p>>,
    relationships: Vec<RelationshipKey<'p>>,
    /// The candidates of all relationships, one after the other.
    considered: Vec<NodeNumber>,
}

/// A node's id, or the names it is made of.
#[derive(Debug)]
enum NodeKey<'p> {
    Known(ElementId),
    Of { template: &'p str, index: u32 },
}

/// The data that the id of a relationship is made of.
#[derive(Debug)]
struct RelationshipKey<'p> {
    source: NodeNumber,
    requirement: &'p str,
    index: u32,
    /// The end of its candidates in `considered`.
    end: usize,
}

/// The ids of all nodes by number, and of all relationships in the graph's order, with their
/// candidates.
#[derive(Debug)]
pub(crate) struct ElementIds {
    pub(crate) nodes: Vec<ElementId>,
    pub(crate) relationships: Vec<(ElementId, Option<Candidates>)>,
}

impl<'p> UnnamedElements<'p> {
    /// Collects the data for the ids of a program's graph.
    pub(crate) fn of(program: &'p Program<'_>) -> Self {
        let number = |number| u32::try_from(number).unwrap_or(u32::MAX);
        let nodes = (program.graph.numbers()).map(|at| {
            let node = program.graph.node(at);
            match &node.referenced {
                Some(referenced) => NodeKey::Known(referenced.node.id),
                None => {
                    NodeKey::Of { template: node.template.name.text, index: number(node.index) }
                }
            }
        });
        let all = program.graph.relationships();
        let mut considered = Vec::with_capacity(all.len());
        let relationships = all.iter().map(|one| {
            considered.extend_from_slice(&one.chosen.considered);
            RelationshipKey {
                source: one.source,
                requirement: one.definition.name.text,
                index: number(one.index),
                end: considered.len(),
            }
        });
        let relationships = relationships.collect();
        Self { service: &program.name, nodes: nodes.collect(), relationships, considered }
    }

    /// Returns the number of hashes to compute.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len() + 2 * self.relationships.len()
    }

    /// Computes the ids.
    pub(crate) fn name(&self) -> ElementIds {
        let nodes = self.nodes.iter().map(|name| match name {
            NodeKey::Known(id) => *id,
            NodeKey::Of { template, index } => ElementId::node(self.service, template, *index),
        });
        let nodes: Vec<ElementId> = nodes.collect();
        let mut start = 0;
        let relationships = self.relationships.iter().map(|link| {
            let source = nodes[link.source.position()];
            let considered = &self.considered[start..link.end];
            start = link.end;
            let candidates = Candidates::of(considered.iter().map(|at| nodes[at.position()]));
            (ElementId::relationship(source, link.requirement, link.index), candidates)
        });
        let relationships = relationships.collect();
        ElementIds { nodes, relationships }
    }
}
