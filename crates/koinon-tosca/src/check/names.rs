//! Assigned values against their definitions: declared, not fixed, and none missing.

use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Span;
use crate::evaluate::Scope;
use crate::evaluate::effective;
use crate::evaluate::fixed_value;
use crate::evaluate::undeclared;
use crate::grammar::NodeTemplate;
use crate::grammar::PropertyDefinitions;
use crate::grammar::TypeDefinition;
use crate::grammar::ValueAssignments;
use crate::grammar::Word;
use crate::program::NO_VALUES;
use crate::program::Program;

impl<'a> Program<'a> {
    /// Checks that values are declared and not fixed, and that none is missing.
    pub(super) fn check_names(
        &self,
        definitions: &PropertyDefinitions<'a>,
        values: &ValueAssignments<'a>,
        of: (&str, Span),
    ) {
        for (word, _) in values.iter() {
            match definitions.get(word.text) {
                None => {
                    let known = definitions.keys().copied();
                    let fault = undeclared(word.text, of.0, word.span);
                    self.faults.push(self.faults.near(fault, word.text, known));
                }
                Some(property) => {
                    if let Some(fixed) = &property.value {
                        self.faults.push(fixed_value(word.text, word.span, fixed.span));
                    }
                }
            }
        }
        for (name, property) in definitions {
            if property.is_required() && effective(property, values).is_none() {
                let message = format!("expected a value for `{name}`, which {} requires", of.0);
                let fault = Fault::new(Code::MissingValue, of.1, message);
                self.faults.push(fault.related(property.name.span, "required here"));
            }
        }
    }

    /// Checks values against definitions: declared, not fixed, of the right type, none missing.
    pub(super) fn check_values(
        &self,
        definitions: &PropertyDefinitions<'a>,
        values: &ValueAssignments<'a>,
        of: (&str, Span),
        scope: Scope<'_, 'a>,
    ) {
        self.check_names(definitions, values, of);
        for (name, property) in definitions {
            if let Some(expr) = effective(property, values) {
                // A value that is not known yet is not a fault here.
                drop(self.typed(expr, &property.schema, Scope { what: name, ..scope }));
            }
        }
    }

    /// Checks assignments of attributes. Every property is an attribute too (csd07 9.5).
    pub(super) fn check_attributes(
        &self,
        attributes: &PropertyDefinitions<'a>,
        properties: &PropertyDefinitions<'a>,
        values: &ValueAssignments<'a>,
        of: &str,
    ) {
        for (word, _) in values.iter() {
            if !attributes.contains_key(word.text) && !properties.contains_key(word.text) {
                self.undeclared("attribute", *word, of, attributes.keys().copied());
            }
        }
    }

    pub(crate) fn undeclared<'n>(
        &self,
        what: &str,
        word: Word<'_>,
        of: &str,
        known: impl Iterator<Item = &'n str>,
    ) {
        let message = format!("{what} `{}` is not declared by {of}", word.text);
        let fault = Fault::new(Code::Undeclared, word.span, message);
        self.faults.push(self.faults.near(fault, word.text, known));
    }

    pub(super) fn check_capabilities(&self, node: &NodeTemplate<'a>, def: &TypeDefinition<'a>) {
        for (word, _) in node.capabilities.iter() {
            if !def.capabilities.contains_key(word.text) {
                let known = def.capabilities.keys().copied();
                self.undeclared("capability", *word, def.name.text, known);
            }
        }
        for (name, capability) in &def.capabilities {
            let values = node.capabilities.entry(name);
            let of = (*name, values.map_or(node.name.span, |(word, _)| word.span));
            let assigned = values.map_or(&NO_VALUES, |(_, values)| &values.properties);
            self.check_names(&capability.properties, assigned, of);
            let assigned = values.map_or(&NO_VALUES, |(_, values)| &values.attributes);
            self.check_attributes(&capability.attributes, &capability.properties, assigned, name);
        }
    }

    /// Checks that no parameter is assigned whose value is fixed (csd07 9.8).
    pub(super) fn check_fixed(
        &self,
        definitions: &PropertyDefinitions<'a>,
        values: &ValueAssignments<'a>,
    ) {
        for (word, _) in values.iter() {
            let fixed = definitions.get(word.text).and_then(|one| one.value.as_ref());
            if let Some(fixed) = fixed {
                let message = format!("the value of `{}` is fixed by its type", word.text);
                let fault = Fault::new(Code::Fixed, word.span, message);
                self.faults.push(fault.related(fixed.span, "fixed here"));
            }
        }
    }
}
