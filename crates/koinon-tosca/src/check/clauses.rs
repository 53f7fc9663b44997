//! Clauses that must return booleans, and paths in expressions of types.

use crate::code::Code;
use crate::diag::Fault;
use crate::evaluate::Scope;
use crate::grammar::Expr;
use crate::grammar::ExprKind;
use crate::grammar::Function;
use crate::grammar::InterfaceDefinition;
use crate::grammar::PropertyDefinitions;
use crate::grammar::Schema;
use crate::grammar::TypeDefinition;
use crate::grammar::Word;
use crate::keynames::TypeKind;
use crate::program::Program;

impl<'a> Program<'a> {
    /// Checks that an expression returns a boolean, as far as that is known.
    pub(super) fn check_condition(&self, expr: &Expr<'a>, scope: Scope<'_, 'a>) {
        let word = Word { text: "boolean", span: expr.span };
        let schema = Schema { data_type: Some(word), ..Schema::default() };
        drop(self.typed(expr, &schema, scope));
    }

    /// Checks the validation clauses of a schema and its parts, before there are values.
    pub(super) fn check_clauses(&self, schema: &Schema<'a>) {
        for clause in &schema.validation {
            let scope = Scope { clause: true, ..Scope::in_type("validation") };
            self.check_condition(clause, scope);
        }
        for part in [&schema.key, &schema.entry].into_iter().flatten() {
            self.check_clauses(part);
        }
    }

    /// Checks the paths in definitions of node and relationship types, and that interface types,
    /// which know no node, have none (csd07 11.4).
    pub(super) fn check_reads(&self, def: &TypeDefinition<'a>) {
        // TOSCA 1.x has other paths and no such rules.
        if self.types.is_lowered(def.name.span.file) {
            return;
        }
        match def.section {
            TypeKind::Interface => {
                let all = def.operations.values().chain(def.notifications.values());
                let all = all.map(|operation| &operation.inputs).chain([&def.inputs]);
                for expr in all.flat_map(assigned_values) {
                    self.check_no_reads(expr);
                }
            }
            TypeKind::Node | TypeKind::Relationship => {
                for expr in assigned_values(&def.properties).chain(assigned_values(&def.attributes))
                {
                    self.check_own(def, expr, OtherPaths::Ignore);
                }
                for interface in def.interfaces.values() {
                    self.check_interface_reads(def, interface);
                }
            }
            TypeKind::Artifact
            | TypeKind::Data
            | TypeKind::Capability
            | TypeKind::Group
            | TypeKind::Policy => {}
        }
    }

    fn check_interface_reads(&self, def: &TypeDefinition<'a>, interface: &InterfaceDefinition<'a>) {
        for expr in assigned_values(&interface.inputs) {
            self.check_own(def, expr, OtherPaths::Reject);
        }
        for operation in interface.operations.values().chain(interface.notifications.values()) {
            for expr in assigned_values(&operation.inputs) {
                self.check_own(def, expr, OtherPaths::Reject);
            }
            for mapping in operation.outputs.values().filter_map(|one| one.mapping.as_ref()) {
                match &mapping.kind {
                    ExprKind::List(path) => {
                        self.check_own_path(def, Function::GetAttribute, path, OtherPaths::Reject);
                    }
                    ExprKind::Faulty => {}
                    _ => {
                        let message = "expected a path to an attribute, such as [SELF, address]";
                        self.faults.push(Fault::new(Code::Path, mapping.span, message));
                    }
                }
            }
        }
    }

    fn check_no_reads(&self, expr: &Expr<'a>) {
        if let ExprKind::Call(
            function @ (Function::GetProperty | Function::GetAttribute | Function::GetArtifact),
            _,
        ) = &expr.kind
        {
            let message =
                format!("`${}` reads a node, but an interface type has none", function.name());
            let fault = Fault::new(Code::Definition, expr.span, message);
            let hint = "give the value in a node type, relationship type or template";
            self.faults.push(fault.hint(hint));
            return;
        }
        expr.parts().for_each(|part| self.check_no_reads(part));
    }

    /// Checks the paths in an expression of a type that begin at `SELF`.
    fn check_own(&self, def: &TypeDefinition<'a>, expr: &Expr<'a>, others: OtherPaths) {
        if let ExprKind::Call(function @ (Function::GetProperty | Function::GetAttribute), path) =
            &expr.kind
        {
            self.check_own_path(def, *function, path, others);
        }
        expr.parts().for_each(|part| self.check_own(def, part, others));
    }

    fn check_own_path(
        &self,
        def: &TypeDefinition<'a>,
        function: Function,
        path: &[Expr<'a>],
        others: OtherPaths,
    ) {
        let [first, rest @ ..] = path else { return };
        // Inherited definitions are checked where they are written.
        if first.span.file != def.name.span.file {
            return;
        }
        match first.as_str() {
            Some("SELF") => {}
            Some(name) if others == OtherPaths::Reject => {
                let message = format!("expected `SELF` in a type, found node template `{name}`");
                self.faults.push(Fault::new(Code::Path, first.span, message));
                return;
            }
            _ => return,
        }
        let Some((name, rest)) = rest.split_first() else { return };
        let has = |text: &str| {
            def.properties.contains_key(text)
                || (function == Function::GetAttribute && def.attributes.contains_key(text))
        };
        let (what, known, text, span) = match (name.as_str(), rest.first()) {
            (Some("CAPABILITY"), Some(one)) if def.section == TypeKind::Node => {
                let Some(text) = one.as_str() else { return };
                ("capability", def.capabilities.contains_key(text), text, one.span)
            }
            (Some("RELATIONSHIP"), Some(one)) if def.section == TypeKind::Node => {
                let Some(text) = one.as_str() else { return };
                ("requirement", def.requirement(text).is_some(), text, one.span)
            }
            (Some("CAPABILITY" | "RELATIONSHIP" | "SOURCE" | "TARGET"), _) | (None, _) => return,
            (Some(text), _) if function == Function::GetAttribute => {
                ("attribute", has(text), text, name.span)
            }
            (Some(text), _) => ("property", has(text), text, name.span),
        };
        if !known {
            let message = format!("`{}` has no {what} `{text}`", def.name.text);
            let names: Vec<&str> = match what {
                "capability" => def.capabilities.keys().copied().collect(),
                "requirement" => def.requirements.iter().map(|one| one.name.text).collect(),
                "attribute" => {
                    def.attributes.keys().chain(def.properties.keys()).copied().collect()
                }
                _ => def.properties.keys().copied().collect(),
            };
            let fault = Fault::new(Code::Path, span, message);
            self.faults.push(self.faults.near(fault, text, names));
        }
    }
}

/// The treatment of paths that do not begin at `SELF`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OtherPaths {
    Ignore,
    Reject,
}

/// Returns the defaults and fixed values of definitions.
fn assigned_values<'t, 'a>(
    definitions: &'t PropertyDefinitions<'a>,
) -> impl Iterator<Item = &'t Expr<'a>> {
    definitions.values().flat_map(|one| [&one.default, &one.value]).flatten()
}
