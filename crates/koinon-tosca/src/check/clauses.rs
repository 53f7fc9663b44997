//! Clauses that must give booleans, and what expressions of types may read.

use super::eval::Scope;
use super::program::Program;
use crate::code::Code;
use crate::diag::Fault;
use crate::grammar::Expr;
use crate::grammar::ExprKind;
use crate::grammar::Function;
use crate::grammar::Interface;
use crate::grammar::Properties;
use crate::grammar::Schema;
use crate::grammar::Section;
use crate::grammar::TypeDef;
use crate::grammar::Word;

impl<'a> Program<'a> {
    /// Checks that an expression gives a boolean, as far as that is known.
    pub(super) fn check_condition(&self, expr: &Expr<'a>, scope: Scope<'_, 'a>) {
        let word = Word { text: "boolean", span: expr.span };
        let schema = Schema { data_type: Some(word), ..Schema::default() };
        drop(self.typed(expr, &schema, scope));
    }

    /// Checks the validation clauses of a schema and its parts, whose values are not there yet.
    pub(super) fn check_clauses(&self, schema: &Schema<'a>) {
        for clause in &schema.validation {
            let scope = Scope { clause: true, ..Scope::in_type("validation") };
            self.check_condition(clause, scope);
        }
        for part in [&schema.key, &schema.entry].into_iter().flatten() {
            self.check_clauses(part);
        }
    }

    /// Checks what the definitions of a node or relationship type read of its own nodes or relationships, and that an
    /// interface type, which knows none, reads nothing (csd07 11.4).
    pub(super) fn check_reads(&self, def: &TypeDef<'a>) {
        // TOSCA 1.x has no such rules, and paths of its own.
        if self.types.is_lowered(def.name.span.file) {
            return;
        }
        match def.section {
            Section::Interface => {
                let all = def.operations.values().chain(def.notifications.values());
                let all = all.map(|operation| &operation.inputs).chain([&def.inputs]);
                for expr in all.flat_map(given) {
                    self.check_no_reads(expr);
                }
            }
            Section::Node | Section::Relationship => {
                for expr in given(&def.properties).chain(given(&def.attributes)) {
                    self.check_own(def, expr, false);
                }
                for interface in def.interfaces.values() {
                    self.check_interface_reads(def, interface);
                }
            }
            Section::Artifact
            | Section::Data
            | Section::Capability
            | Section::Group
            | Section::Policy => {}
        }
    }

    fn check_interface_reads(&self, def: &TypeDef<'a>, interface: &Interface<'a>) {
        for expr in given(&interface.inputs) {
            self.check_own(def, expr, true);
        }
        for operation in interface.operations.values().chain(interface.notifications.values()) {
            for expr in given(&operation.inputs) {
                self.check_own(def, expr, true);
            }
            for mapping in operation.outputs.values().filter_map(|one| one.mapping.as_ref()) {
                match &mapping.kind {
                    ExprKind::List(path) => {
                        self.check_own_path(def, Function::GetAttribute, path, true);
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
                format!("`${}` in an interface type, which knows no node", function.name());
            let fault = Fault::new(Code::Definition, expr.span, message);
            let hint = "give the value in a node type, relationship type or template";
            self.faults.push(fault.hint(hint));
            return;
        }
        expr.parts().for_each(|part| self.check_no_reads(part));
    }

    /// Checks the paths in an expression of a type. `only_own`: they may begin at `SELF` only.
    fn check_own(&self, def: &TypeDef<'a>, expr: &Expr<'a>, only_own: bool) {
        if let ExprKind::Call(function @ (Function::GetProperty | Function::GetAttribute), path) =
            &expr.kind
        {
            self.check_own_path(def, *function, path, only_own);
        }
        expr.parts().for_each(|part| self.check_own(def, part, only_own));
    }

    fn check_own_path(
        &self,
        def: &TypeDef<'a>,
        function: Function,
        path: &[Expr<'a>],
        only_own: bool,
    ) {
        let [first, rest @ ..] = path else { return };
        // What is inherited was checked where it is defined.
        if first.span.file != def.name.span.file {
            return;
        }
        match first.as_str() {
            Some("SELF") => {}
            Some(name) if only_own => {
                let message = format!("a type knows no node template `{name}`, only `SELF`");
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
            (Some("CAPABILITY"), Some(one)) if def.section == Section::Node => {
                let Some(text) = one.as_str() else { return };
                ("capability", def.capabilities.contains_key(text), text, one.span)
            }
            (Some("RELATIONSHIP"), Some(one)) if def.section == Section::Node => {
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

/// Returns the values definitions give: defaults and fixed ones.
fn given<'t, 'a>(definitions: &'t Properties<'a>) -> impl Iterator<Item = &'t Expr<'a>> {
    definitions.values().flat_map(|one| [&one.default, &one.value]).flatten()
}
