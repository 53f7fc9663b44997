//! Nodes of other services, as a representation refers to them.

use std::sync::Arc;

use koinon_model::representation as model;
use koinon_model::representation::Entries;

use super::builder::RepresentationBuilder;
use crate::grammar::PropertyDefinitions;
use crate::grammar::TypeId;
use crate::keynames::TypeKind;
use crate::program::NodeNumber;
use crate::program::ReferencedNode;

impl<'a> RepresentationBuilder<'_, 'a> {
    /// Returns a reference to a node of another service.
    pub(crate) fn reference(
        &self,
        at: NodeNumber,
        referenced: &ReferencedNode<'a>,
        used: &mut Vec<TypeId>,
    ) -> model::Node {
        let program = self.program;
        let node = program.graph.node(at);
        used.push(node.id);
        let known = |all: &model::Properties, names: &PropertyDefinitions<'a>| {
            let own = all.iter().filter(|(name, _)| names.contains_key(&***name));
            own.map(|(name, one)| {
                (name.clone(), model::Property { value: one.value.clone(), origin: None })
            })
            .collect()
        };
        let mut capabilities = Entries::new();
        for capability in node.def.capabilities.values() {
            let name = capability.name.text;
            let id = capability.capability_type;
            let id = id.and_then(|word| program.types.lookup(TypeKind::Capability, word));
            let (Some(found), Some(id)) = (referenced.node.capabilities.get(name), id) else {
                continue;
            };
            used.push(id);
            let mut remaining = found.remaining.clone();
            for name in capability.properties.keys() {
                let left = program.remaining_value(at, capability, name);
                remaining.extend(left.map(|left| (self.name(name), left)));
            }
            let own = model::Capability {
                capability_type: self.type_name(id),
                properties: known(&found.properties, &capability.properties),
                attributes: known(&found.attributes, &capability.attributes),
                remaining,
                inner: None,
            };
            capabilities.insert(self.name(name), Arc::new(own));
        }
        let (template, index) = self.sort_key(at);
        model::Node {
            id: referenced.node.id,
            template: self.name(template),
            index,
            node_type: self.type_name(node.id),
            directives: vec!["select".into()],
            properties: known(&referenced.node.properties, &node.def.properties),
            attributes: Arc::new(known(&referenced.node.attributes, &node.def.attributes)),
            capabilities,
            artifacts: Entries::new(),
            interfaces: model::Interfaces::new(),
            operator: referenced.node.operator.clone(),
        }
    }
}
