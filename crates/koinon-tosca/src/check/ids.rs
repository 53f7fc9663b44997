//! Ids of elements, and digests of what targets were chosen from: tens of thousands of small hashes of a large service, which
//! another thread makes while this one does what needs none of them.

use koinon_model::representation::Candidates;
use koinon_model::representation::ElementId;

use super::program::Program;

/// What ids are made of, and nothing else of a program.
#[derive(Debug)]
pub(super) struct Unnamed<'p> {
    service: &'p str,
    nodes: Vec<Name<'p>>,
    relationships: Vec<Link<'p>>,
    /// The nodes that were considered, those of one relationship side by side.
    considered: Vec<u32>,
}

/// A node's id, or what it is made of.
#[derive(Debug)]
enum Name<'p> {
    Known(ElementId),
    Of { template: &'p str, index: u32 },
}

/// What the id of a relationship is made of.
#[derive(Debug)]
struct Link<'p> {
    source: u32,
    requirement: &'p str,
    index: u32,
    /// Where what was considered for it ends.
    end: usize,
}

/// The ids of all nodes by number, and of all relationships in the order they were made, with their candidates.
#[derive(Debug)]
pub(super) struct Ids {
    pub(super) nodes: Vec<ElementId>,
    pub(super) relationships: Vec<(ElementId, Option<Candidates>)>,
}

impl<'p> Unnamed<'p> {
    /// Takes what the ids of a program's graph are made of.
    pub(super) fn of(program: &'p Program<'_>) -> Self {
        let number = |number| u32::try_from(number).unwrap_or(u32::MAX);
        let nodes = (0..program.graph.len()).map(|at| {
            let node = program.graph.node(at);
            match &node.elsewhere {
                Some(elsewhere) => Name::Known(elsewhere.node.id),
                None => Name::Of { template: node.template.name.text, index: number(node.index) },
            }
        });
        let all = program.graph.relationships();
        let mut considered = Vec::with_capacity(all.len());
        let relationships = all.iter().map(|one| {
            considered.extend_from_slice(&one.chosen.considered);
            Link {
                source: one.source,
                requirement: one.definition.name.text,
                index: number(one.index),
                end: considered.len(),
            }
        });
        let relationships = relationships.collect();
        Self { service: &program.name, nodes: nodes.collect(), relationships, considered }
    }

    /// Returns how many hashes there are to make.
    pub(super) fn len(&self) -> usize {
        self.nodes.len() + 2 * self.relationships.len()
    }

    /// Makes the ids.
    pub(super) fn name(&self) -> Ids {
        let nodes = self.nodes.iter().map(|name| match name {
            Name::Known(id) => *id,
            Name::Of { template, index } => ElementId::node(self.service, template, *index),
        });
        let nodes: Vec<ElementId> = nodes.collect();
        let mut start = 0;
        let relationships = self.relationships.iter().map(|link| {
            let source = nodes[link.source as usize];
            let considered = &self.considered[start..link.end];
            start = link.end;
            let candidates = Candidates::of(considered.iter().map(|at| nodes[*at as usize]));
            (ElementId::relationship(source, link.requirement, link.index), candidates)
        });
        let relationships = relationships.collect();
        Ids { nodes, relationships }
    }
}
