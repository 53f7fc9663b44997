//! A document with everything resolved, and the values of its inputs.

use std::cell::Cell;
use std::collections::BTreeMap;

use koinon_model::Value;

use super::eval::Halt;
use super::eval::Own;
use super::eval::Scope;
use super::refine::narrowed;
use super::refine::operations;
use super::refine::properties;
use super::types::Base;
use super::types::Types;
use super::types::is_builtin;
use super::value::lift;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Span;
use crate::grammar::Document;
use crate::grammar::Property;
use crate::grammar::Schema;
use crate::grammar::Section;
use crate::grammar::TypeDef;
use crate::grammar::Word;

/// Most steps of evaluation in one run: seconds at worst, and far more than any service takes.
const MAX_STEPS: u64 = 20_000_000;

/// A document with everything resolved.
#[derive(Debug)]
pub(crate) struct Program<'a> {
    pub(crate) document: Document<'a>,
    pub(crate) types: Types<'a>,
    /// Values of inputs that have one.
    pub(crate) inputs: BTreeMap<&'a str, Value>,
    /// The group each worker's template belongs to.
    pub(crate) memberships: BTreeMap<&'a str, Membership<'a>>,
    pub(crate) faults: &'a Faults,
    pub(super) mode: Inputs,
    pub(super) steps: Cell<u64>,
}

/// Whether every required input must have a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inputs {
    Complete,
    Partial,
}

/// How the nodes of a template are grouped.
#[derive(Clone, Debug)]
pub(crate) struct Membership<'a> {
    /// The requirement that says so.
    pub(crate) requirement: &'a str,
    /// The group's node template.
    pub(crate) group: Word<'a>,
    /// The input that holds the number of groups, if the group's count is a plain input.
    pub(crate) groups: Option<String>,
    /// The input that holds the places per group, if the group's property is a plain input.
    pub(crate) size: Option<String>,
}

/// Resolves a document and binds its inputs; nothing if types derive from what is not there.
pub(crate) fn resolve<'a>(
    mut document: Document<'a>,
    (given, mode): (&BTreeMap<String, Value>, Inputs),
    faults: &'a Faults,
) -> Option<Program<'a>> {
    let defs = std::mem::take(&mut document.types);
    let types = Types::resolve(defs, faults)?;
    let (inputs, memberships, steps) = (BTreeMap::new(), BTreeMap::new(), Cell::new(MAX_STEPS));
    let mut program = Program { document, types, inputs, memberships, faults, mode, steps };
    program.complete_nodes();
    program.bind(given);
    program.memberships = program.find_memberships();
    program.check_types();
    Some(program)
}

impl<'a> Program<'a> {
    /// Gives capabilities and interfaces of node types what their own types define.
    fn complete_nodes(&mut self) {
        let types = &self.types;
        let mut completed = Vec::new();
        for def in types.iter() {
            if !matches!(def.section, Section::Node | Section::Relationship) {
                continue;
            }
            let mut def = def.clone();
            for capability in def.capabilities.values_mut() {
                self.complete_capability(capability);
            }
            for interface in def.interfaces.values_mut() {
                self.complete_interface(interface);
            }
            completed.push(def);
        }
        for def in completed {
            self.types.replace(def);
        }
    }

    fn complete_capability(&self, capability: &mut crate::grammar::Capability<'a>) {
        let (types, faults) = (&self.types, self.faults);
        let Some(name) = capability.capability_type else {
            let message = format!(
                "expected `type` in the definition of capability `{}`",
                capability.name.text
            );
            faults.push(Fault::new(Code::MissingKey, capability.name.span, message));
            return;
        };
        let Some(def) = faults.keep(types.find(Section::Capability, name)) else { return };
        for (known, own, what) in [
            (&def.properties, &mut capability.properties, "property"),
            (&def.attributes, &mut capability.attributes, "attribute"),
        ] {
            own.retain(|name, new| {
                if !known.contains_key(name) {
                    let message = format!("the capability's type has no {what} `{name}` to refine");
                    let fault = Fault::new(Code::Undeclared, new.name.span, message);
                    faults.push(fault.near(name, known.keys().copied()));
                }
                known.contains_key(name)
            });
            *own = properties(types, known, std::mem::take(own), faults);
        }
        for (key, own) in &capability.lists {
            if let Some(allowed) = def.lists.get(key) {
                narrowed(types, key, allowed, own, faults);
            }
        }
        for (key, inherited) in &def.lists {
            capability.lists.entry(key).or_insert_with(|| inherited.clone());
        }
    }

    fn complete_interface(&self, interface: &mut crate::grammar::Interface<'a>) {
        let (types, faults) = (&self.types, self.faults);
        let Some(name) = interface.interface_type else {
            let message =
                format!("expected `type` in the definition of interface `{}`", interface.name.text);
            faults.push(Fault::new(Code::MissingKey, interface.name.span, message));
            return;
        };
        let Some(def) = faults.keep(types.find(Section::Interface, name)) else { return };
        for (name, operation) in &interface.operations {
            if !def.operations.contains_key(name) {
                let message = format!("the interface's type has no operation `{name}`");
                let fault = Fault::new(Code::Undeclared, operation.name.span, message);
                faults.push(fault.near(name, def.operations.keys().copied()));
            }
        }
        interface.inputs =
            properties(types, &def.inputs, std::mem::take(&mut interface.inputs), faults);
        interface.operations =
            operations(types, &def.operations, std::mem::take(&mut interface.operations), faults);
    }

    /// Gives every input its value: the one given, or its default.
    fn bind(&mut self, given: &BTreeMap<String, Value>) {
        for name in given.keys().filter(|name| !self.document.inputs.contains_key(name.as_str())) {
            let message = format!("the service has no input `{name}`");
            let fault = Fault::new(Code::UnknownInput, self.document.span, message);
            self.faults.push(fault.near(name, self.document.inputs.keys().copied()));
        }
        let mut values = BTreeMap::new();
        for (name, input) in &self.document.inputs {
            self.check_schema(&input.schema, input.name);
            if input.schema.data_type.is_none() {
                let message = format!("expected `type` in the definition of input `{name}`");
                self.faults.push(Fault::new(Code::MissingKey, input.name.span, message));
            }
            let scope = Scope::of(name);
            let value = match (given.get(*name), &input.default) {
                (Some(value), default) => {
                    if let Some(default) = default {
                        self.checked_default(default, input);
                    }
                    self.typed(&lift(value.clone(), input.name.span), &input.schema, scope).ok()
                }
                (None, Some(default)) => self.checked_default(default, input),
                (None, None) => None,
            };
            values.extend(value.map(|value| (*name, value)));
        }
        self.inputs = values;
    }

    fn checked_default(
        &self,
        default: &crate::grammar::Expr,
        input: &Property<'a>,
    ) -> Option<Value> {
        match self.typed(default, &input.schema, Scope::of(input.name.text)) {
            Ok(value) => Some(value),
            Err(Halt::Reported) => None,
            Err(Halt::Input | Halt::RunTime(_)) => {
                let message = "the default of an input cannot depend on other values";
                self.faults.push(Fault::new(Code::Definition, default.span, message));
                None
            }
        }
    }

    /// Returns whether whatever is not known by now never will be.
    pub(crate) fn is_complete(&self) -> bool {
        self.mode == Inputs::Complete
    }

    /// Makes a fault for every required input without value, unless that may be.
    pub(crate) fn check_complete(&self, given: &BTreeMap<String, Value>) {
        if !self.is_complete() {
            return;
        }
        for (name, input) in &self.document.inputs {
            let has = input.default.is_some() || given.contains_key(*name);
            if !has && input.is_required() {
                let message = format!("input `{name}` has no value");
                let fault = Fault::new(Code::MissingInput, input.name.span, message);
                let hint = format!(
                    "give it with `--input {name}=VALUE`, or in a file with `--inputs FILE`"
                );
                self.faults.push(fault.hint(hint));
            }
        }
    }

    /// Returns whether a type is, or derives from, one of Koinon's profile.
    pub(crate) fn is_koinon(&self, section: Section, name: &str, ancestor: &str) -> bool {
        self.types.derives(section, name, ancestor)
            && self
                .types
                .get(section, ancestor)
                .is_some_and(|def| def.profile == Some(crate::load::KOINON))
    }

    fn find_memberships(&self) -> BTreeMap<&'a str, Membership<'a>> {
        let mut memberships = BTreeMap::new();
        for (name, node) in &self.document.nodes {
            if !self.is_koinon(Section::Node, node.node_type.text, "Worker") {
                continue;
            }
            for requirement in &node.requirements {
                let Some(target) = &requirement.node else { continue };
                let Some(group) = self.document.nodes.get(target.name.text) else { continue };
                if self.is_koinon(Section::Node, group.node_type.text, "Group") {
                    let plain = |expr: Option<&crate::grammar::Expr>| {
                        expr.and_then(crate::grammar::Expr::plain_input).map(str::to_owned)
                    };
                    memberships.insert(
                        *name,
                        Membership {
                            requirement: requirement.name.text,
                            group: target.name,
                            groups: plain(group.count.as_ref()),
                            size: plain(group.properties.get("workers").map(|(_, expr)| expr)),
                        },
                    );
                }
            }
        }
        memberships
    }

    /// Returns how many nodes a template stands for.
    pub(crate) fn count(&self, template: &str) -> Result<u64, Halt> {
        let Some(node) = self.document.nodes.get(template) else { return Err(Halt::Reported) };
        let Some(count) = &node.count else { return Ok(1) };
        // The count belongs to the template, not to one of its nodes.
        let value = self.eval(count, Scope::of("count"))?;
        value.as_u64().ok_or_else(|| {
            let message =
                format!("expected a natural number for `count`, found {}", value.to_json());
            self.halt(Fault::new(Code::Count, count.span, message))
        })
    }

    /// Checks everything types say of other types and of values.
    fn check_types(&self) {
        for def in self.types.iter() {
            // Data types: validation, schemas and properties; the built-in ones they derive from have neither.
            if def.section == Section::Data {
                self.check_data_type(def);
            }
            let capabilities =
                def.capabilities.values().flat_map(|one| [&one.properties, &one.attributes]);
            let interfaces = def.interfaces.values().flat_map(|one| {
                one.operations.values().map(|operation| &operation.inputs).chain([&one.inputs])
            });
            let operations = def.operations.values().map(|operation| &operation.inputs);
            let all = [&def.properties, &def.attributes, &def.inputs].into_iter();
            for definitions in all.chain(capabilities).chain(interfaces).chain(operations) {
                for property in definitions.values() {
                    self.check_definition(property);
                }
            }
            for (key, words) in &def.lists {
                self.check_list(key, words);
            }
            for requirement in def.requirements.values() {
                self.check_requirement_type(requirement);
            }
            for artifact in def.artifacts.values() {
                self.check_artifact(artifact, Scope::in_type("artifact"));
            }
        }
    }

    fn check_data_type(&self, def: &TypeDef<'a>) {
        let builtin = def.chain.last().is_some_and(|root| is_builtin(root));
        if builtin && let Some(property) = def.properties.values().next() {
            let message = format!(
                "`{}` derives from a built-in type and cannot have properties",
                def.name.text
            );
            self.faults.push(Fault::new(Code::Definition, property.name.span, message));
        }
        let schema = Schema { data_type: Some(def.name), ..Schema::default() };
        if let Some(shape) = self.types.shape(&schema) {
            self.check_entries(&def.schema, shape.base, def.name);
            if shape.base != Base::Scalar
                && let Some((key, yaml)) = def.units.iter().next()
            {
                let message = format!("`{key}` belongs to types derived from scalar");
                self.faults.push(Fault::new(Code::Definition, yaml.span(), message));
            }
        }
        for part in [&def.schema.key, &def.schema.entry].into_iter().flatten() {
            self.check_schema(part, def.name);
        }
    }

    fn check_definition(&self, property: &Property<'a>) {
        self.check_schema(&property.schema, property.name);
        // Values that differ between nodes are checked on nodes.
        for expr in [&property.default, &property.value].into_iter().flatten() {
            if !expr.varies() {
                drop(self.typed(expr, &property.schema, Scope::in_type(property.name.text)));
            }
        }
    }

    /// Checks a schema: its type exists, and collections have an entry schema, others none.
    pub(super) fn check_schema(&self, schema: &Schema<'a>, of: Word<'a>) {
        let Some(name) = schema.data_type else { return };
        let Some(shape) = self.types.shape(schema) else {
            self.faults.push(self.types.unknown(Section::Data, name));
            return;
        };
        if name.text == "scalar" {
            let message = "`scalar` is abstract: derive a type with units from it";
            self.faults.push(Fault::new(Code::Schema, name.span, message));
        }
        if (shape.base == Base::List || shape.base == Base::Map) && shape.entry.is_none() {
            let message = format!("expected `entry_schema` for `{}`, a {}", of.text, shape.name);
            self.faults.push(Fault::new(Code::Schema, name.span, message));
        }
        self.check_entries(schema, shape.base, of);
        for part in [&schema.key, &schema.entry].into_iter().flatten() {
            self.check_schema(part, of);
        }
    }

    fn check_entries(&self, schema: &Schema<'a>, base: Base, of: Word<'a>) {
        let part = |part: &Option<Box<Schema<'a>>>| part.as_ref().and_then(|one| one.data_type);
        let collection = base == Base::List || base == Base::Map;
        if let Some(entry) = part(&schema.entry).filter(|_| !collection) {
            let message = format!("`entry_schema` of `{}`, which is no list or map", of.text);
            self.faults.push(Fault::new(Code::Schema, entry.span, message));
        }
        let Some(key) = part(&schema.key) else { return };
        if base != Base::Map {
            let message = format!("`key_schema` of `{}`, which is no map", of.text);
            self.faults.push(Fault::new(Code::Schema, key.span, message));
        } else if !self.types.derives(Section::Data, key.text, "string")
            && (is_builtin(key.text) || self.types.get(Section::Data, key.text).is_some())
        {
            let message =
                format!("keys are strings, and `{}` is not derived from string", key.text);
            self.faults.push(Fault::new(Code::Schema, key.span, message));
        }
    }

    fn check_list(&self, key: &str, words: &[Word<'a>]) {
        let section = match key {
            "valid_capability_types" => Section::Capability,
            "valid_relationship_types" => Section::Relationship,
            _ => Section::Node,
        };
        for word in words {
            let group = key == "targets" && self.types.get(Section::Group, word.text).is_some();
            if !group {
                self.faults.keep(self.types.find(section, *word));
            }
        }
    }

    fn check_requirement_type(&self, requirement: &crate::grammar::RequirementType<'a>) {
        let missing = |key: &str| {
            let message = format!(
                "expected `{key}` in the definition of requirement `{}`",
                requirement.name.text
            );
            self.faults.push(Fault::new(Code::MissingKey, requirement.name.span, message));
        };
        let node = requirement
            .node
            .and_then(|node| self.faults.keep(self.types.find(Section::Node, node)));
        match requirement.capability {
            Some(name) if node.is_some_and(|node| node.capabilities.contains_key(name.text)) => {}
            Some(name) => {
                self.faults.keep(self.types.find(Section::Capability, name));
            }
            None => missing("capability"),
        }
        match requirement.relationship {
            Some(name) => {
                self.faults.keep(self.types.find(Section::Relationship, name));
            }
            None => missing("relationship"),
        }
    }

    /// Checks an artifact against its type.
    pub(super) fn check_artifact(&self, artifact: &crate::grammar::Artifact<'a>, scope: Scope<'_>) {
        let Some(def) =
            self.faults.keep(self.types.find(Section::Artifact, artifact.artifact_type))
        else {
            return;
        };
        let name = Word { text: "string", span: artifact.file.span };
        let string = Schema { data_type: Some(name), ..Schema::default() };
        drop(self.typed(&artifact.file, &string, Scope { what: "file", ..scope }));
        let of = (artifact.artifact_type.text, artifact.name.span);
        self.check_values(&def.properties, &artifact.properties, of, scope);
    }

    /// Evaluates a property of a node; nothing if it has no value.
    pub(crate) fn property(&self, own: Own<'_>, name: &str) -> Result<Option<Value>, Halt> {
        let node = self.document.nodes.get(own.template).ok_or(Halt::Reported)?;
        let def = self.types.get(Section::Node, node.node_type.text).ok_or(Halt::Reported)?;
        let property = def.properties.get(name).ok_or(Halt::Reported)?;
        match super::value::effective(property, &node.properties) {
            Some(expr) => {
                let scope = Scope::node(own, property.name.text);
                self.typed(expr, &property.schema, scope).map(Some)
            }
            None => Ok(None),
        }
    }

    /// Returns whether the template gives a property its value.
    pub(crate) fn has_value(&self, template: &str, name: &str) -> bool {
        self.document.nodes.get(template).is_some_and(|node| node.properties.contains_key(name))
    }

    /// Allows more steps of evaluation, for work whose size is known and bounded.
    pub(crate) fn allow(&self, steps: u64) {
        self.steps.set(self.steps.get().saturating_add(steps));
    }

    /// Returns where a node's property is given its value, or where the node is named.
    pub(crate) fn property_span(&self, template: &str, name: &str) -> Span {
        let Some(node) = self.document.nodes.get(template) else { return self.document.span };
        node.properties.get(name).map_or(node.name.span, |(_, expr)| expr.span)
    }
}
