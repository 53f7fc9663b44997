//! Every value of the graph, once its requirements are resolved.

use super::templates::InterfaceDefinitions;
use crate::builtin::Base;
use crate::code::Code;
use crate::diag::Fault;
use crate::evaluate::Scope;
use crate::evaluate::effective;
use crate::grammar::CapabilityDefinition;
use crate::grammar::Expr;
use crate::grammar::InterfaceAssignment;
use crate::grammar::NamedMap;
use crate::grammar::PropertyDefinitions;
use crate::grammar::Schema;
use crate::grammar::ValueAssignments;
use crate::program::NO_VALUES;
use crate::program::NodeNumber;
use crate::program::Program;
use crate::resolve::is_selected;

impl<'a> Program<'a> {
    /// Evaluates every value of the graph. Requirements must be resolved.
    pub(crate) fn check_graph(&self) {
        for at in self.graph.numbers() {
            self.evaluate_node(at);
        }
        for relationship in self.graph.relationships() {
            for name in relationship.properties.keys() {
                drop(self.relationship_property(&relationship, name));
            }
            if let Some(assignment) = relationship.assignment {
                let scope = Scope::relationship(&relationship, "relationship");
                self.evaluate_values(relationship.attributes, &assignment.attributes, scope);
                let known = &relationship.def.interfaces;
                self.evaluate_interfaces(known, &assignment.interfaces, scope);
            }
        }
        for (name, output) in &self.template.outputs {
            self.check_parameter(output);
            match &output.value {
                // An output may be known only at run time: that is not a fault.
                Some(value) => {
                    drop(self.typed(value, &output.schema, Scope::of(name)));
                }
                None => {
                    let message = format!("expected `value` in output `{name}`");
                    self.faults.push(Fault::new(Code::MissingKey, output.name.span, message));
                }
            }
        }
    }

    fn evaluate_node(&self, at: NodeNumber) {
        let node = self.graph.node(at);
        if node.referenced.is_some() || is_selected(node.template) {
            return;
        }
        // The values are kept for later use and not copied here.
        for name in node.def.properties.keys() {
            self.with_property(at, name, |_| ());
        }
        for capability in node.def.capabilities.values() {
            let values = node.template.capabilities.get(capability.name.text);
            let address = std::ptr::from_ref::<CapabilityDefinition<'a>>(capability).addr();
            let common = values.is_none().then(|| self.common.borrow().get(&address).copied());
            if common != Some(Some(true)) {
                let mut valid = true;
                for name in capability.properties.keys() {
                    valid &= self.with_capability_property(at, capability, name, Result::is_ok);
                }
                if common == Some(None) {
                    let common = valid && self.is_same_for_all_nodes(capability);
                    self.common.borrow_mut().insert(address, common);
                }
            }
            if let Some(values) = values {
                let scope = Scope::node(at, capability.name.text);
                self.evaluate_values(&capability.attributes, &values.attributes, scope);
            }
        }
        let scope = Scope::node(at, node.template.name.text);
        self.evaluate_values(&node.def.attributes, &node.template.attributes, scope);
        self.evaluate_interfaces(&node.def.interfaces, &node.template.interfaces, scope);
        for artifact in node.template.artifacts.values() {
            self.check_artifact(artifact, scope);
        }
    }

    /// Returns whether a capability's default values and their clauses are the same for every node.
    fn is_same_for_all_nodes(&self, capability: &CapabilityDefinition<'a>) -> bool {
        capability.properties.values().all(|property| {
            let expr = effective(property, &NO_VALUES);
            expr.is_none_or(|expr| self.is_same_everywhere(expr, &property.schema))
        })
    }

    /// Returns whether a value and its clauses are the same for every element.
    pub(crate) fn is_same_everywhere(&self, expr: &Expr<'a>, schema: &Schema<'a>) -> bool {
        // Values inside collections have other schemas.
        let simple = self.types.shape(schema).filter(|one| {
            !matches!(one.base, Base::List | Base::Map | Base::Complex | Base::Scalar)
        });
        let Some(shape) = simple.filter(|_| !expr.varies()) else { return false };
        let mut clauses = shape.def.schema.validation.iter().chain(&schema.validation);
        !clauses.any(|clause| clause.varies())
    }

    /// Evaluates attributes or inputs. An undeclared one has the type of its value.
    fn evaluate_values(
        &self,
        definitions: &PropertyDefinitions<'a>,
        values: &ValueAssignments<'a>,
        scope: Scope<'_, 'a>,
    ) {
        for (word, value) in values.iter() {
            // An attribute with the value null counts as not assigned.
            if matches!(value.kind, crate::grammar::ExprKind::Null) {
                continue;
            }
            let scope = Scope { what: word.text, ..scope };
            drop(match definitions.get(word.text) {
                Some(definition) => self.typed(value, &definition.schema, scope),
                None => self.eval(value, scope).map(|known| known.value),
            });
        }
    }

    fn evaluate_interfaces(
        &self,
        definitions: &InterfaceDefinitions<'a>,
        values: &NamedMap<'a, InterfaceAssignment<'a>>,
        scope: Scope<'_, 'a>,
    ) {
        for (word, values) in values.iter() {
            let Some(interface) = definitions.get(word.text) else { continue };
            self.evaluate_values(&interface.inputs, &values.inputs, scope);
            for (_, operation) in values.operations.iter().chain(values.notifications.iter()) {
                self.check_output_paths(operation, scope);
            }
            for (word, operation) in values.operations.iter() {
                let known = interface.operations.get(word.text);
                let inputs = known.map_or(&interface.inputs, |known| &known.inputs);
                for (name, value) in operation.inputs.iter() {
                    let scope = Scope { what: name.text, ..scope };
                    let definition =
                        inputs.get(name.text).or_else(|| interface.inputs.get(name.text));
                    drop(match definition {
                        Some(definition) => self.typed(value, &definition.schema, scope),
                        None => self.eval(value, scope).map(|known| known.value),
                    });
                }
            }
        }
    }
}
