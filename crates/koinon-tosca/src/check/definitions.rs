//! What types say of other types and of values.

use std::sync::Arc;

use super::eval::Scope;
use super::program::Program;
use super::refine::inputs;
use super::refine::interface;
use super::refine::lists;
use super::refine::operations;
use super::refine::properties;
use super::types::Base;
use super::types::Types;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::grammar::Artifact;
use crate::grammar::Capability;
use crate::grammar::Expr;
use crate::grammar::ExprKind;
use crate::grammar::Interface;
use crate::grammar::Properties;
use crate::grammar::Property;
use crate::grammar::RelationshipDef;
use crate::grammar::RequirementType;
use crate::grammar::Schema;
use crate::grammar::Section;
use crate::grammar::TypeDef;
use crate::grammar::Word;
use crate::keynames;
use crate::yaml::Scalar;

/// Gives capabilities, interfaces and relationships of node types what their own types define.
pub(crate) fn complete<'a>(types: &mut Types<'a>, faults: &Faults) {
    let mut completed = Vec::new();
    for (id, def) in types.iter() {
        if !matches!(def.section, Section::Node | Section::Relationship) {
            continue;
        }
        let mut def = def.clone();
        for capability in def.capabilities.values_mut() {
            if let Some(whole) = capability_of(types, capability, faults) {
                *capability = Arc::new(whole);
            }
        }
        for interface in def.interfaces.values_mut() {
            if let Some(whole) = interface_of(types, interface, faults) {
                *interface = Arc::new(whole);
            }
        }
        for requirement in &mut def.requirements {
            if let Some(relationship) = &requirement.relationship {
                let whole = relationship_of(types, relationship, faults);
                let mut own = (**requirement).clone();
                own.relationship = Some(Arc::new(whole));
                *requirement = Arc::new(own);
            }
        }
        completed.push((id, def));
    }
    for (id, def) in completed {
        types.replace(id, def);
    }
}

fn capability_of<'a>(
    types: &Types<'a>,
    capability: &Capability<'a>,
    faults: &Faults,
) -> Option<Capability<'a>> {
    let mut whole = capability.clone();
    let Some(name) = capability.capability_type else {
        faults.push(crate::grammar::missing("type", &keynames::CAPABILITY, capability.name.span));
        return None;
    };
    let def = types.def(faults.keep(types.find(Section::Capability, name))?);
    whole.properties = refined(types, &def.properties, whole.properties, "property", faults);
    whole.attributes = refined(types, &def.attributes, whole.attributes, "attribute", faults);
    whole.lists = lists(types, &def.lists, whole.lists, faults);
    Some(whole)
}

/// Merges refinements with what a type defines; they may add nothing.
fn refined<'a>(
    types: &Types<'a>,
    known: &Properties<'a>,
    mut own: Properties<'a>,
    what: &str,
    faults: &Faults,
) -> Properties<'a> {
    own.retain(|name, new| {
        // What an inherited definition refined already is the same thing.
        let has = known.contains_key(name);
        if !has {
            let message = format!("the type has no {what} `{name}` to refine");
            let fault = Fault::new(Code::Undeclared, new.name.span, message);
            faults.push(faults.near(fault, name, known.keys().copied()));
        }
        has
    });
    properties(types, known, own, &keynames::PROPERTY, faults)
}

fn interface_of<'a>(
    types: &Types<'a>,
    interface: &Interface<'a>,
    faults: &Faults,
) -> Option<Interface<'a>> {
    let mut whole = interface.clone();
    let Some(name) = interface.interface_type else {
        faults.push(crate::grammar::missing("type", &keynames::INTERFACE, interface.name.span));
        return None;
    };
    let def = types.def(faults.keep(types.find(Section::Interface, name))?);
    for (own, known, what) in [
        (&interface.operations, &def.operations, "operation"),
        (&interface.notifications, &def.notifications, "notification"),
    ] {
        for (name, operation) in own {
            if !known.contains_key(name) {
                let message = format!("the interface's type has no {what} `{name}`");
                let fault = Fault::new(Code::Undeclared, operation.name.span, message);
                faults.push(faults.near(fault, name, known.keys().copied()));
            }
        }
    }
    // New inputs may be added here (csd07 11.2).
    whole.inputs = inputs(types, &def.inputs, whole.inputs, faults);
    whole.operations = operations(types, &def.operations, whole.operations, faults);
    whole.notifications = operations(types, &def.notifications, whole.notifications, faults);
    Some(whole)
}

fn relationship_of<'a>(
    types: &Types<'a>,
    relationship: &RelationshipDef<'a>,
    faults: &Faults,
) -> RelationshipDef<'a> {
    let mut whole = relationship.clone();
    // An unknown type is told where requirements are checked.
    let def = whole.relationship_type.and_then(|name| types.get(Section::Relationship, name));
    let Some(def) = def else { return whole };
    if !whole.properties.is_empty() {
        whole.properties = refined(types, &def.properties, whole.properties, "property", faults);
    }
    if !whole.attributes.is_empty() {
        whole.attributes = refined(types, &def.attributes, whole.attributes, "attribute", faults);
    }
    for (name, own) in &mut whole.interfaces {
        match def.interfaces.get(name) {
            Some(known) => *own = Arc::new(interface(types, known, own, faults)),
            None => {
                let message = format!("the relationship's type has no interface `{name}`");
                let fault = Fault::new(Code::Undeclared, own.name.span, message);
                faults.push(faults.near(fault, name, def.interfaces.keys().copied()));
            }
        }
    }
    whole
}

/// Checks a schema: its type exists, and collections have an entry schema, others none.
pub(crate) fn check_schema<'a>(
    types: &Types<'a>,
    schema: &Schema<'a>,
    of: Word<'a>,
    faults: &Faults,
) {
    for part in [&schema.key, &schema.entry].into_iter().flatten() {
        if part.data_type.is_none() {
            let message = format!("expected `type` in a schema of `{}`", of.text);
            faults.push(Fault::new(Code::MissingKey, of.span, message));
        }
    }
    let Some(name) = schema.data_type else { return };
    if let Err(fault) = types.find(Section::Data, name) {
        faults.push(fault);
        return;
    }
    let Some(shape) = types.shape(schema) else { return };
    if name.text == "scalar" {
        let message = "`scalar` is abstract: derive a type with units from it";
        faults.push(Fault::new(Code::Schema, name.span, message));
    }
    if (shape.base == Base::List || shape.base == Base::Map) && shape.entry.is_none() {
        let message = format!("expected `entry_schema` for `{}`, a {}", of.text, shape.name);
        faults.push(Fault::new(Code::Schema, name.span, message).warning());
    }
    check_entries(types, schema, shape.base, of, faults);
    for part in [&schema.key, &schema.entry].into_iter().flatten() {
        check_schema(types, part, of, faults);
    }
}

fn check_entries<'a>(
    types: &Types<'a>,
    schema: &Schema<'a>,
    base: Base,
    of: Word<'a>,
    faults: &Faults,
) {
    let part = |part: &Option<Arc<Schema<'a>>>| part.as_ref().and_then(|one| one.data_type);
    let collection = base == Base::List || base == Base::Map;
    if let Some(entry) = part(&schema.entry).filter(|_| !collection) {
        let message = format!("`entry_schema` of `{}`, which is no list or map", of.text);
        faults.push(Fault::new(Code::Schema, entry.span, message));
    }
    let Some(key) = part(&schema.key) else { return };
    if base != Base::Map {
        let message = format!("`key_schema` of `{}`, which is no map", of.text);
        faults.push(Fault::new(Code::Schema, key.span, message));
    } else if let Some(id) = types.lookup(Section::Data, key)
        && types.base(id) != Base::String
    {
        let message = format!("keys are strings, and `{}` is not derived from string", key.text);
        faults.push(Fault::new(Code::Schema, key.span, message));
    }
}

impl<'a> Program<'a> {
    /// Checks everything types say of other types and of values.
    pub(crate) fn check_types(&self) {
        for (_, def) in self.types.iter() {
            // Data types: validation, schemas and properties; the built-in ones they derive from have neither.
            if def.section == Section::Data {
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
                    // What is inherited was checked where it is defined.
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

    fn check_data_type(&self, def: &TypeDef<'a>) {
        // csd07 9.2: either a parent, or properties of its own. The profiles of 1.x have a type with neither, the root of
        // all.
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
            let message = format!("`{key}` belongs to types derived from scalar");
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

    fn check_definition(&self, property: &Property<'a>) {
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
            "valid_capability_types" => Section::Capability,
            "valid_relationship_types" => Section::Relationship,
            _ => Section::Node,
        };
        for word in words {
            let group = key == "targets" && self.types.lookup(Section::Group, *word).is_some();
            if !group {
                self.faults.keep(self.types.find(section, *word));
            }
        }
    }

    fn check_requirement_type(&self, requirement: &RequirementType<'a>) {
        for filter in &requirement.filters {
            self.check_condition(filter, Scope::in_type("node_filter"));
        }
        let node = requirement
            .node
            .and_then(|node| self.faults.keep(self.types.find(Section::Node, node)))
            .map(|id| self.types.def(id));
        match requirement.capability {
            Some(name) if node.is_some_and(|node| node.capabilities.contains_key(name.text)) => {}
            Some(name) => {
                let found = self.faults.keep(self.types.find(Section::Capability, name));
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
                    self.faults.keep(self.types.find(Section::Relationship, name));
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

    fn matching_type(&self, requirement: &RequirementType<'a>, node: &TypeDef<'a>) -> Option<()> {
        let wanted = self.types.lookup(Section::Capability, requirement.capability?)?;
        let fits = |one: &Arc<Capability<'a>>| {
            let own = one.capability_type;
            let own = own.and_then(|word| self.types.lookup(Section::Capability, word));
            own.is_some_and(|own| self.types.derives(own, wanted))
        };
        node.capabilities.values().any(fits).then_some(())
    }

    /// Checks an artifact against its type.
    pub(super) fn check_artifact(&self, artifact: &Artifact<'a>, scope: Scope<'_, 'a>) {
        if let Some(file) = &artifact.file {
            let schema = Schema {
                data_type: Some(Word { text: "string", span: file.span }),
                ..Schema::default()
            };
            drop(self.typed(file, &schema, Scope { what: "file", ..scope }));
        }
        self.check_repository(artifact);
        let Some(name) = artifact.artifact_type else { return };
        let Some(id) = self.faults.keep(self.types.find(Section::Artifact, name)) else { return };
        let def = self.types.def(id);
        // A type that declares nothing says nothing of what an artifact's processor may take (csd07 12.1).
        if def.properties.is_empty() {
            return;
        }
        let of = (name.text, artifact.name.span);
        self.check_values(&def.properties, &artifact.properties, of, scope);
    }
}
