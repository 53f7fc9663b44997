//! A representation with those nested in it, as two lists.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::hash::Hasher;

use koinon_model::representation::ElementId;
use koinon_model::representation::Interfaces;
use koinon_model::representation::Node;
use koinon_model::representation::Relationship;
use koinon_model::representation::Representation;

/// Looks elements up; its order is never seen.
pub(crate) type ById = HashMap<ElementId, u32, BuildHasherDefault<IdHasher>>;

/// Takes eight bytes of an id, which is a hash already.
#[derive(Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 ^= u64::from_le_bytes(*first);
        }
    }

    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A representation with those nested in it.
#[derive(Debug)]
pub(crate) struct Flat<'a> {
    pub(crate) root: &'a Representation,
    pub(crate) nodes: Vec<FlatNode<'a>>,
    pub(crate) relationships: Vec<FlatRelationship<'a>>,
    pub(crate) node_by_id: ById,
    pub(crate) relationship_by_id: ById,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct FlatNode<'a> {
    pub(crate) node: &'a Node,
    pub(crate) graph: &'a Representation,
    /// The node that the service of this one stands for.
    pub(crate) outer: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct FlatRelationship<'a> {
    pub(crate) relationship: &'a Relationship,
    pub(crate) graph: &'a Representation,
    pub(crate) source: u32,
    pub(crate) target: u32,
}

impl<'a> Flat<'a> {
    /// Lists everything; fails with the relationship that leads to no node.
    pub(crate) fn new(root: &'a Representation) -> Result<Self, &'a Relationship> {
        let mut flat = Self {
            root,
            nodes: Vec::with_capacity(root.nodes.len()),
            relationships: Vec::with_capacity(root.relationships.len()),
            node_by_id: ById::with_capacity_and_hasher(root.nodes.len(), Default::default()),
            relationship_by_id: ById::with_capacity_and_hasher(
                root.relationships.len(),
                Default::default(),
            ),
        };
        flat.add_nodes(root, None);
        flat.add_relationships(root)?;
        Ok(flat)
    }

    fn add_nodes(&mut self, graph: &'a Representation, outer: Option<u32>) {
        for node in &graph.nodes {
            self.node_by_id.insert(node.id, self.nodes.len() as u32);
            self.nodes.push(FlatNode { node, graph, outer });
        }
        for (id, inner) in &graph.substitutions {
            let outer = self.node_by_id.get(id).copied();
            self.add_nodes(inner, outer);
        }
    }

    fn add_relationships(&mut self, graph: &'a Representation) -> Result<(), &'a Relationship> {
        for relationship in &graph.relationships {
            let find = |id: &ElementId| self.node_by_id.get(id).copied().ok_or(relationship);
            let (source, target) = (find(&relationship.source)?, find(&relationship.target)?);
            self.relationship_by_id.insert(relationship.id, self.relationships.len() as u32);
            self.relationships.push(FlatRelationship { relationship, graph, source, target });
        }
        graph.substitutions.values().try_for_each(|inner| self.add_relationships(inner))
    }

    /// How people call a node: its template, with its index where there are several.
    pub(crate) fn name(&self, node: u32) -> String {
        let FlatNode { node, graph, .. } = self.nodes[node as usize];
        if node.index > 0 || graph.node(&node.template, 1).is_some() {
            format!("{}[{}]", node.template, node.index)
        } else {
            node.template.to_string()
        }
    }
}

/// What nodes and relationships have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Common<'a> {
    pub(crate) id: ElementId,
    pub(crate) graph: &'a Representation,
    pub(crate) interfaces: &'a Interfaces,
}

impl<'a> FlatNode<'a> {
    pub(crate) fn common(&self) -> Common<'a> {
        Common { id: self.node.id, graph: self.graph, interfaces: &self.node.interfaces }
    }
}

impl<'a> FlatRelationship<'a> {
    pub(crate) fn common(&self) -> Common<'a> {
        Common {
            id: self.relationship.id,
            graph: self.graph,
            interfaces: &self.relationship.interfaces,
        }
    }
}
