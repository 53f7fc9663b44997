//! Nodes that a service refers to: of other services, and of the service it is nested in.

use std::collections::BTreeMap;

use koinon_model::representation as model;
use koinon_model::representation::Representation;

use super::graph::NodeNumber;
use crate::diag::Span;
use crate::grammar::NodeTemplate;
use crate::grammar::TypeId;
use crate::grammar::Word;
use crate::keynames::TypeKind;
use crate::types::Types;

/// Nodes of other services, in the order they are considered.
#[derive(Debug, Default)]
pub(crate) struct OtherNodes<'a> {
    pub(crate) templates: Vec<NodeTemplate<'a>>,
    pub(crate) nodes: Vec<OtherNode<'a>>,
}

/// A node of another service.
#[derive(Debug)]
pub(crate) struct OtherNode<'a> {
    /// The position of its template among the templates of other services.
    pub(crate) template: usize,
    /// Its type, or the nearest ancestor this service knows.
    pub(crate) id: TypeId,
    pub(crate) node: &'a model::Node,
}

/// Returns the names of other services' node templates, `SERVICE/TEMPLATE`, each once and in order.
pub(crate) fn other_template_names(selectable: &[Representation]) -> Vec<String> {
    let mut names = Vec::new();
    for service in selectable {
        for nodes in service.nodes.chunk_by(|one, next| one.template == next.template) {
            names
                .extend(nodes.first().map(|node| format!("{}/{}", service.service, node.template)));
        }
    }
    names
}

impl<'a> OtherNodes<'a> {
    /// Collects the nodes of other services whose types are known. `names` are those of
    /// [`other_template_names`].
    pub(crate) fn new(
        selectable: &'a [Representation],
        names: &'a [String],
        types: &Types<'a>,
    ) -> Self {
        let mut others = Self::default();
        if selectable.is_empty() {
            return others;
        }
        let known: BTreeMap<&str, TypeId> = types
            .iter()
            .filter(|(_, def)| def.section == TypeKind::Node)
            .map(|(id, _)| (types.full_name(id), id))
            .collect();
        let mut names = names.iter();
        for service in selectable {
            for nodes in service.nodes.chunk_by(|one, next| one.template == next.template) {
                let name = names.next().map_or("", String::as_str);
                let word = Word { text: name, span: Span::default() };
                let template = others.templates.len();
                others.templates.push(NodeTemplate::reference(word));
                for node in nodes {
                    let ancestors = service.types.get(&node.node_type).into_iter().flatten();
                    let mut chain = std::iter::once(&node.node_type).chain(ancestors);
                    let id = chain.find_map(|name| known.get(&**name).copied());
                    others.nodes.extend(id.map(|id| OtherNode { template, id, node }));
                }
            }
        }
        others
    }
}

/// The targets that requirement mappings forward to a substituting service.
#[derive(Debug, Default)]
pub(crate) struct MappedTargets<'a> {
    pub(crate) nodes: Vec<OuterNode<'a>>,
    /// Positions in `nodes` by inner node template and requirement, in the order of use.
    pub(crate) requirements: BTreeMap<(&'a str, &'a str), Vec<usize>>,
    /// Positions in `nodes` by the node template that selects them.
    pub(crate) selected: BTreeMap<&'a str, usize>,
}

/// A node of the outer service.
#[derive(Debug)]
pub(crate) struct OuterNode<'a> {
    pub(crate) template: &'a NodeTemplate<'a>,
    pub(crate) id: TypeId,
    /// Its number in the outer graph.
    pub(crate) number: NodeNumber,
    pub(crate) node: model::Node,
}
