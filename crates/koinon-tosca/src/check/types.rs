//! Type definitions: the types they name, and the values in them.

use std::sync::Arc;

use crate::builtin::Base;
use crate::code::Code;
use crate::diag::Fault;
use crate::evaluate::Scope;
use crate::grammar::CapabilityDefinition;
use crate::grammar::Expr;
use crate::grammar::ExprKind;
use crate::grammar::PropertyDefinition;
use crate::grammar::RequirementDefinition;
use crate::grammar::Schema;
use crate::grammar::TypeDefinition;
use crate::grammar::Word;
use crate::keynames;
use crate::keynames::TypeKind;
use crate::program::Program;
use crate::types::check_entries;
use crate::types::check_schema;
use crate::yaml::Scalar;

impl<'a> Program<'a> {
    /// Checks all type definitions: the types they name, and the values in them.
    pub(crate) fn check_types(&self) {
        for (_, def) in self.types.iter() {
            // Data types have validation, schemas and properties; built-in types have none.
            if def.section == TypeKind::Data {
                self.check_data_type(def);
            }
            let capabilities =
                def.capabilities.values().flat_map(|one| [&one.properties, &one.attributes]);
            let interfaces = def.interfaces.values().flat_map(|one| {
                let all = one.operations.values().chain(one.notifications.values());
                all.flat_map(|operation| [&operation.inputs, &operation.outputs])
                    .chain([&one.inputs])
            });
            let own = def.operations.values().chain(def.notifications.values());
            let own = own.flat_map(|operation| [&operation.inputs, &operation.outputs]);
            let all = [&def.properties, &def.attributes, &def.inputs].into_iter();
            for definitions in all.chain(capabilities).chain(interfaces).chain(own) {
                for property in definitions.values() {
                    // Inherited definitions are checked where they are written.
                    if property.name.span.file == def.name.span.file {
                        self.check_definition(property);
                    }
                }
            }
            for (key, words) in &def.lists {
                self.check_list(key, words);
            }
            for requirement in &def.requirements {
                self.check_requirement_type(requirement);
            }
            for artifact in def.artifacts.values() {
                self.check_artifact(artifact, Scope::in_type("artifact"));
            }
            for trigger in def.triggers.values() {
                if let Some(condition) = &trigger.condition {
                    self.check_condition(condition, Scope::in_type("condition"));
                }
            }
            self.check_type_implementations(def);
            self.check_reads(def);
        }
        for function in self.types.functions() {
            for signature in &function.signatures {
                let all = signature.arguments.iter().chain(&signature.optional);
                for schema in all.chain(&signature.result) {
                    check_schema(self.types, schema, function.name, self.faults);
                    self.check_clauses(schema);
                }
            }
        }
    }

    fn check_data_type(&self, def: &TypeDefinition<'a>) {
        // csd07 9.2: a data type has a parent or properties. The root of all data types in the
        // profiles of 1.x has neither.
        let root = def.profile.is_some() && self.types.is_lowered(def.name.span.file);
        if def.parent.is_none() && def.properties.is_empty() && !root {
            let message = "expected `derived_from`, or one or more `properties`, in a data type";
            self.faults.push(Fault::new(Code::MissingKey, def.name.span, message));
        }
        self.check_clauses(&def.schema);
        let Some(id) = def.chain.first().copied() else { return };
        let base = self.types.base(id);
        if base != Base::Complex
            && let Some(property) = def.properties.values().next()
        {
            let message = format!(
                "`{}` derives from a built-in type and cannot have properties",
                def.name.text
            );
            self.faults.push(Fault::new(Code::Definition, property.name.span, message));
        }
        check_entries(self.types, &def.schema, base, def.name, self.faults);
        if base != Base::Scalar
            && let Some((key, yaml)) = def.units.iter().next()
        {
            let message = format!("only a type derived from scalar can have `{key}`");
            self.faults.push(Fault::new(Code::Definition, yaml.span(), message));
        }
        // Multipliers are values of the number's type (csd07 9.1.2.2).
        if let Some(units) = self.types.units(id) {
            let number = self.types.def(units.number);
            let schema = Schema { data_type: Some(number.name), ..Schema::default() };
            for key in ["units", "prefixes"] {
                let entries = def.units.get(key).and_then(|yaml| yaml.map());
                for (_, value) in entries.into_iter().flatten() {
                    if let Some(Scalar::Number(multiplier)) = value.scalar() {
                        let kind = ExprKind::Number(multiplier);
                        let expr = Expr { span: value.span(), kind };
                        drop(self.typed(&expr, &schema, Scope::in_type("multiplier")));
                    }
                }
            }
        }
        for part in [&def.schema.key, &def.schema.entry].into_iter().flatten() {
            check_schema(self.types, part, def.name, self.faults);
        }
    }

    fn check_definition(&self, property: &PropertyDefinition<'a>) {
        check_schema(self.types, &property.schema, property.name, self.faults);
        self.check_clauses(&property.schema);
        // Values that differ between nodes are checked on nodes.
        for expr in [&property.default, &property.value].into_iter().flatten() {
            if !expr.varies() {
                drop(self.typed(expr, &property.schema, Scope::in_type(property.name.text)));
            }
        }
    }

    fn check_list(&self, key: &str, words: &[Word<'a>]) {
        let section = match key {
            "valid_capability_types" => TypeKind::Capability,
            "valid_relationship_types" => TypeKind::Relationship,
            _ => TypeKind::Node,
        };
        for word in words {
            let group = key == "targets" && self.types.lookup(TypeKind::Group, *word).is_some();
            if !group {
                self.faults.keep(self.types.find(section, *word));
            }
        }
    }

    fn check_requirement_type(&self, requirement: &RequirementDefinition<'a>) {
        for filter in &requirement.filters {
            self.check_condition(filter, Scope::in_type("node_filter"));
        }
        let node = requirement
            .node
            .and_then(|node| self.faults.keep(self.types.find(TypeKind::Node, node)))
            .map(|id| self.types.def(id));
        match requirement.capability {
            Some(name) if node.is_some_and(|node| node.capabilities.contains_key(name.text)) => {}
            Some(name) => {
                let found = self.faults.keep(self.types.find(TypeKind::Capability, name));
                if let (Some(_), Some(node)) = (found, node)
                    && self.matching_type(requirement, node).is_none()
                {
                    let message =
                        format!("`{}` has no capability of type `{}`", node.name.text, name.text);
                    let fault = Fault::new(Code::Capability, name.span, message);
                    self.faults.push(fault.warning());
                }
            }
            None => {
                let entity = &keynames::REQUIREMENT;
                self.faults.push(crate::grammar::missing(
                    "capability",
                    entity,
                    requirement.name.span,
                ));
            }
        }
        if let Some(relationship) = &requirement.relationship {
            match relationship.relationship_type {
                Some(name) => {
                    self.faults.keep(self.types.find(TypeKind::Relationship, name));
                }
                None => {
                    let entity = &keynames::RELATIONSHIP;
                    self.faults.push(crate::grammar::missing(
                        "type",
                        entity,
                        requirement.name.span,
                    ));
                }
            }
            for property in relationship.properties.values().chain(relationship.attributes.values())
            {
                check_schema(self.types, &property.schema, property.name, self.faults);
            }
        }
    }

    fn matching_type(
        &self,
        requirement: &RequirementDefinition<'a>,
        node: &TypeDefinition<'a>,
    ) -> Option<()> {
        let wanted = self.types.lookup(TypeKind::Capability, requirement.capability?)?;
        let fits = |one: &Arc<CapabilityDefinition<'a>>| {
            let own = one.capability_type;
            let own = own.and_then(|word| self.types.lookup(TypeKind::Capability, word));
            own.is_some_and(|own| self.types.derives(own, wanted))
        };
        node.capabilities.values().any(fits).then_some(())
    }
}
