//! Implementations of operations: artifacts by name or in place, and their repositories.

use crate::code::Code;
use crate::diag::Fault;
use crate::evaluate::Scope;
use crate::grammar::ArtifactDefinition;
use crate::grammar::ArtifactReference;
use crate::grammar::Expr;
use crate::grammar::ExprKind;
use crate::grammar::Function;
use crate::grammar::ImplementationDefinition;
use crate::grammar::OperationAssignment;
use crate::grammar::Schema;
use crate::grammar::TypeDefinition;
use crate::grammar::Word;
use crate::keynames::TypeKind;
use crate::program::Program;
use crate::types::INTEGER;

impl<'a> Program<'a> {
    /// Checks the implementations of a type's operations and notifications.
    pub(super) fn check_type_implementations(&self, def: &TypeDefinition<'a>) {
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
        implementation: &ImplementationDefinition<'a>,
        artifacts: &[&str],
        scope: Scope<'_, 'a>,
    ) {
        for one in implementation.primary.iter().chain(&implementation.dependencies) {
            match one {
                ArtifactReference::Inline(artifact) => self.check_artifact(artifact, scope),
                ArtifactReference::Named(word) => self.check_artifact_name(*word, artifacts),
            }
        }
        if let Some(timeout) = &implementation.timeout {
            let name = self.types.def(INTEGER).name.text;
            let word = Word { text: name, span: timeout.span };
            let schema = Schema { data_type: Some(word), ..Schema::default() };
            drop(self.typed(timeout, &schema, Scope { what: "timeout", ..scope }));
        }
    }

    /// Warns of a word that is neither an artifact's name nor looks like a path (csd07 11.6): it
    /// may be a misspelled name.
    fn check_artifact_name(&self, word: Word<'a>, artifacts: &[&str]) {
        let is_path = word.text.contains(['.', '/', ':']);
        if !is_path && !artifacts.contains(&word.text) {
            let message = format!(
                "there is no artifact `{}`, so this is read as the path of a file",
                word.text
            );
            let fault = Fault::new(Code::UnknownTemplate, word.span, message);
            let fault = self.faults.near(fault, word.text, artifacts.iter().copied());
            self.faults.push(fault.warning());
        }
    }

    /// Checks that the repository of an artifact is visible in its file.
    fn check_repository(&self, artifact: &ArtifactDefinition<'a>) {
        let Some(word) = artifact.repository else { return };
        let known = self.types.repositories_in(word.span.file);
        if !known.iter().any(|name| name == word.text) {
            let message = format!("unknown repository `{}`", word.text);
            let fault = Fault::new(Code::UnknownTemplate, word.span, message);
            self.faults.push(self.faults.near(fault, word.text, known.iter().map(String::as_str)));
        }
    }

    /// Checks that the outputs of an operation lead to attributes (csd07 9.9).
    pub(super) fn check_output_paths(
        &self,
        values: &OperationAssignment<'a>,
        scope: Scope<'_, 'a>,
    ) {
        for (word, value) in values.outputs.iter() {
            if let ExprKind::List(path) = &value.kind {
                self.check_attribute_path(path, value, Scope { what: word.text, ..scope });
            }
        }
    }

    /// Checks that a path leads to an attribute, as far as its relationships exist.
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

    /// Checks an artifact against its type.
    pub(super) fn check_artifact(&self, artifact: &ArtifactDefinition<'a>, scope: Scope<'_, 'a>) {
        if let Some(file) = &artifact.file {
            let schema = Schema {
                data_type: Some(Word { text: "string", span: file.span }),
                ..Schema::default()
            };
            drop(self.typed(file, &schema, Scope { what: "file", ..scope }));
        }
        self.check_repository(artifact);
        let Some(name) = artifact.artifact_type else { return };
        let Some(id) = self.faults.keep(self.types.find(TypeKind::Artifact, name)) else { return };
        let def = self.types.def(id);
        // A type without properties does not restrict the properties an artifact's processor
        // accepts (csd07 12.1).
        if def.properties.is_empty() {
            return;
        }
        let of = (name.text, artifact.name.span);
        self.check_values(&def.properties, &artifact.properties, of, scope);
    }
}
