//! What does operations: artifacts, by name or in place, and the repositories they are in.

use super::eval::Scope;
use super::program::Program;
use super::types::INTEGER;
use crate::code::Code;
use crate::diag::Fault;
use crate::grammar::Artifact;
use crate::grammar::ArtifactRef;
use crate::grammar::Expr;
use crate::grammar::ExprKind;
use crate::grammar::Function;
use crate::grammar::Implementation;
use crate::grammar::OperationValues;
use crate::grammar::Schema;
use crate::grammar::TypeDef;
use crate::grammar::Word;

impl<'a> Program<'a> {
    /// Checks the implementations a type gives to its operations and notifications.
    pub(super) fn check_type_implementations(&self, def: &TypeDef<'a>) {
        let artifacts: Vec<&str> = def.artifacts.keys().copied().collect();
        for interface in def.interfaces.values() {
            let all = interface.operations.values().chain(interface.notifications.values());
            for operation in all.filter(|one| one.name.span.file == def.name.span.file) {
                if let Some(implementation) = &operation.implementation {
                    let scope = Scope::in_type(operation.name.text);
                    self.check_implementation(implementation, &artifacts, scope);
                }
            }
        }
    }

    /// Checks an implementation (csd07 11.6): its artifacts against their types, and its timeout.
    pub(super) fn check_implementation(
        &self,
        implementation: &Implementation<'a>,
        artifacts: &[&str],
        scope: Scope<'_, 'a>,
    ) {
        for one in implementation.primary.iter().chain(&implementation.dependencies) {
            match one {
                ArtifactRef::Inline(artifact) => self.check_artifact(artifact, scope),
                ArtifactRef::Named(word) => self.check_artifact_name(*word, artifacts),
            }
        }
        if let Some(timeout) = &implementation.timeout {
            let name = self.types.def(INTEGER).name.text;
            let word = Word { text: name, span: timeout.span };
            let schema = Schema { data_type: Some(word), ..Schema::default() };
            drop(self.typed(timeout, &schema, Scope { what: "timeout", ..scope }));
        }
    }

    /// An artifact's name or a file's path (csd07 11.6): what looks like no path may well be a name that is misspelled.
    fn check_artifact_name(&self, word: Word<'a>, artifacts: &[&str]) {
        let is_path = word.text.contains(['.', '/', ':']);
        if !is_path && !artifacts.contains(&word.text) {
            let message =
                format!("there is no artifact `{}`, so this is taken for a file", word.text);
            let fault = Fault::new(Code::UnknownTemplate, word.span, message);
            let fault = self.faults.near(fault, word.text, artifacts.iter().copied());
            self.faults.push(fault.warning());
        }
    }

    /// Checks that the repository of an artifact is one its file sees.
    pub(super) fn check_repository(&self, artifact: &Artifact<'a>) {
        let Some(word) = artifact.repository else { return };
        let known = self.types.repositories_in(word.span.file);
        if !known.iter().any(|name| name == word.text) {
            let message = format!("unknown repository `{}`", word.text);
            let fault = Fault::new(Code::UnknownTemplate, word.span, message);
            self.faults.push(self.faults.near(fault, word.text, known.iter().map(String::as_str)));
        }
    }

    /// Checks that the outputs of an operation lead to attributes (csd07 9.9).
    pub(super) fn check_output_paths(&self, values: &OperationValues<'a>, scope: Scope<'_, 'a>) {
        for (word, value) in values.outputs.iter() {
            if let ExprKind::List(path) = &value.kind {
                self.check_attribute_path(path, value, Scope { what: word.text, ..scope });
            }
        }
    }

    /// Checks that a path leads to an attribute, as far as what it leads over is there.
    pub(super) fn check_attribute_path(
        &self,
        path: &[Expr<'a>],
        value: &Expr<'a>,
        scope: Scope<'_, 'a>,
    ) {
        let function = match self.types.is_lowered(value.span.file) {
            true => Function::GetAttribute1x,
            false => Function::GetAttribute,
        };
        self.check_attribute(function, path, value.span, scope).unwrap_or(());
    }
}
