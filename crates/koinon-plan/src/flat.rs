//! A representation with those nested in it, as two lists.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::hash::Hasher;
use std::ops::Index;

use koinon_model::representation::ElementId;
use koinon_model::representation::Interfaces;
use koinon_model::representation::Node;
use koinon_model::representation::Relationship;
use koinon_model::representation::Representation;

use crate::index::NodeAt;
use crate::index::RelationshipAt;

/// Finds elements by id; it is never iterated.
pub(crate) type ById<At> = HashMap<ElementId, At, BuildHasherDefault<IdHasher>>;

/// Uses eight bytes of an id as its hash: an id is a hash already.
#[derive(Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The old and the new graph of a plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GraphVersions<'a> {
    pub(crate) old: &'a FlatGraph<'a>,
    pub(crate) new: &'a FlatGraph<'a>,
}

/// A representation with those nested in it.
#[derive(Debug)]
pub(crate) struct FlatGraph<'a> {
    pub(crate) root: &'a Representation,
    pub(crate) nodes: Vec<FlatNode<'a>>,
    pub(crate) relationships: Vec<FlatRelationship<'a>>,
    pub(crate) node_by_id: ById<NodeAt>,
    pub(crate) relationship_by_id: ById<RelationshipAt>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct FlatNode<'a> {
    pub(crate) node: &'a Node,
    pub(crate) graph: &'a Representation,
    /// The node that the service of this one substitutes.
    pub(crate) outer: Option<NodeAt>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct FlatRelationship<'a> {
    pub(crate) relationship: &'a Relationship,
    pub(crate) graph: &'a Representation,
    pub(crate) source: NodeAt,
    pub(crate) target: NodeAt,
}

impl<'a> FlatGraph<'a> {
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

    fn add_nodes(&mut self, graph: &'a Representation, outer: Option<NodeAt>) {
        for node in &graph.nodes {
            self.node_by_id.insert(node.id, NodeAt::from(self.nodes.len()));
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
            let at = RelationshipAt::from(self.relationships.len());
            self.relationship_by_id.insert(relationship.id, at);
            self.relationships.push(FlatRelationship { relationship, graph, source, target });
        }
        graph.substitutions.values().try_for_each(|inner| self.add_relationships(inner))
    }

    /// Returns a node's name for people: its template, with its index where there are several.
    pub(crate) fn name(&self, node: NodeAt) -> String {
        let FlatNode { node, graph, .. } = self[node];
        if node.index > 0 || graph.node(&node.template, 1).is_some() {
            format!("{}[{}]", node.template, node.index)
        } else {
            node.template.to_string()
        }
    }
}

impl<'a> Index<NodeAt> for FlatGraph<'a> {
    type Output = FlatNode<'a>;

    fn index(&self, at: NodeAt) -> &FlatNode<'a> {
        &self.nodes[at]
    }
}

impl<'a> Index<RelationshipAt> for FlatGraph<'a> {
    type Output = FlatRelationship<'a>;

    fn index(&self, at: RelationshipAt) -> &FlatRelationship<'a> {
        &self.relationships[at]
    }
}

/// The common fields of nodes and relationships.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlatElement<'a> {
    pub(crate) id: ElementId,
    pub(crate) graph: &'a Representation,
    pub(crate) interfaces: &'a Interfaces,
}

impl<'a> FlatNode<'a> {
    pub(crate) fn element(&self) -> FlatElement<'a> {
        FlatElement { id: self.node.id, graph: self.graph, interfaces: &self.node.interfaces }
    }
}

impl<'a> FlatRelationship<'a> {
    pub(crate) fn element(&self) -> FlatElement<'a> {
        FlatElement {
            id: self.relationship.id,
            graph: self.graph,
            interfaces: &self.relationship.interfaces,
        }
    }
}
