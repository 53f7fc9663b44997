//! TOSCA paths (csd07 10.3): from a node to a property of it, of a capability, or of a node it requires.

use koinon_model::Value;

use super::eval::Halt;
use super::eval::Own;
use super::eval::Scope;
use super::program::Program;
use super::value::effective;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Span;
use crate::grammar::Assigned;
use crate::grammar::Expr;
use crate::grammar::ExprKind;
use crate::grammar::NodeTemplate;
use crate::grammar::Property;
use crate::grammar::Section;
use crate::grammar::TypeDef;

/// A node on the way.
#[derive(Clone, Copy)]
struct At<'p, 'a> {
    template: &'p NodeTemplate<'a>,
    def: &'p TypeDef<'a>,
    index: u64,
}

/// Where a path ends: definitions and values of a node or of one of its capabilities, and what of the path is left.
struct End<'p, 'a> {
    at: At<'p, 'a>,
    properties: &'p std::collections::BTreeMap<&'a str, Property<'a>>,
    attributes: &'p std::collections::BTreeMap<&'a str, Property<'a>>,
    values: Option<&'p Assigned<'a>>,
    name: &'p Expr,
    rest: &'p [Expr],
}

impl<'a> Program<'a> {
    pub(super) fn get_property(
        &self,
        path: &[Expr],
        span: Span,
        scope: Scope<'_>,
    ) -> Result<Value, Halt> {
        let end = self.walk(path, span, scope)?;
        let Some(name) = end.name.as_str() else {
            return Err(self.path_fault(end.name.span, "expected the name of a property"));
        };
        let Some(property) = end.properties.get(name) else {
            let message = format!("there is no property `{name}` here");
            let fault = Fault::new(Code::Path, end.name.span, message);
            return Err(self.halt(fault.near(name, end.properties.keys().copied())));
        };
        let empty = Assigned::new();
        let Some(expr) = effective(property, end.values.unwrap_or(&empty)) else {
            let message = format!("property `{name}` has no value");
            return Err(self.path_fault(end.name.span, message));
        };
        let own = Own { template: end.at.template.name.text, index: end.at.index };
        let inner = Scope { own: Some(own), tested: None, what: name, ..scope };
        let value = self.typed(expr, &property.schema, inner)?;
        self.nested(value, end.rest, span, scope)
    }

    /// Checks that a path leads to an attribute. Every property is one as well (csd07 9.5).
    pub(super) fn check_attribute(
        &self,
        path: &[Expr],
        span: Span,
        scope: Scope<'_>,
    ) -> Result<(), Halt> {
        let end = self.walk(path, span, scope)?;
        let known =
            |name: &&str| end.attributes.contains_key(name) || end.properties.contains_key(name);
        if end.name.as_str().filter(known).is_some() {
            return Ok(());
        }
        let shown = end.name.as_str().unwrap_or_default();
        let fault =
            Fault::new(Code::Path, end.name.span, format!("there is no attribute `{shown}` here"));
        let names = end.attributes.keys().chain(end.properties.keys()).copied();
        Err(self.halt(fault.near(shown, names)))
    }

    fn path_fault(&self, span: Span, message: impl Into<String>) -> Halt {
        self.halt(Fault::new(Code::Path, span, message))
    }

    fn walk<'p>(
        &'p self,
        path: &'p [Expr],
        span: Span,
        scope: Scope<'_>,
    ) -> Result<End<'p, 'a>, Halt> {
        let Some((first, mut rest)) = path.split_first() else { return Err(Halt::Reported) };
        let mut at = match first.as_str() {
            Some("SELF") => {
                let own = scope.node_or(self, "SELF", first.span)?;
                self.node(own.template, own.index, first)?
            }
            Some(name) => {
                let mut index = 0;
                if let Some((next, after)) = rest.split_first()
                    && let ExprKind::Value(Value::Number(number)) = &next.kind
                {
                    index = number
                        .as_i64()
                        .and_then(|number| u64::try_from(number).ok())
                        .ok_or_else(|| self.path_fault(next.span, "expected an index from 0"))?;
                    rest = after;
                }
                self.node(name, index, first)?
            }
            None => {
                return Err(
                    self.path_fault(first.span, "expected `SELF` or the name of a node template")
                );
            }
        };
        loop {
            let Some((step, after)) = rest.split_first() else {
                return Err(self.path_fault(span, "the path ends before the name of a property"));
            };
            match step.as_str() {
                Some("RELATIONSHIP") => (at, rest) = self.target(at, step, after, scope)?,
                Some("CAPABILITY") => return self.capability(at, step, after),
                Some("SOURCE" | "TARGET" | "ALL") => {
                    let message = "this step of a TOSCA path is not supported yet";
                    return Err(self.halt(Fault::new(Code::NotSupported, step.span, message)));
                }
                _ => {
                    return Ok(End {
                        at,
                        properties: &at.def.properties,
                        attributes: &at.def.attributes,
                        values: Some(&at.template.properties),
                        name: step,
                        rest: after,
                    });
                }
            }
        }
    }

    fn node<'p>(&'p self, name: &str, index: u64, expr: &Expr) -> Result<At<'p, 'a>, Halt> {
        let Some(template) = self.document.nodes.get(name) else {
            let fault =
                Fault::new(Code::Path, expr.span, format!("there is no node template `{name}`"));
            return Err(self.halt(fault.near(name, self.document.nodes.keys().copied())));
        };
        // Its type, if unknown, was reported where it is written.
        let def = self.types.get(Section::Node, template.node_type.text).ok_or(Halt::Reported)?;
        Ok(At { template, def, index })
    }

    fn capability<'p>(
        &'p self,
        at: At<'p, 'a>,
        step: &'p Expr,
        rest: &'p [Expr],
    ) -> Result<End<'p, 'a>, Halt> {
        let [capability, name, rest @ ..] = rest else {
            return Err(self
                .path_fault(step.span, "expected a capability and a property after `CAPABILITY`"));
        };
        let text = capability.as_str().unwrap_or_default();
        let Some(def) = at.def.capabilities.get(text) else {
            let fault = Fault::new(
                Code::Path,
                capability.span,
                format!("there is no capability `{text}` here"),
            );
            return Err(self.halt(fault.near(text, at.def.capabilities.keys().copied())));
        };
        let values = at.template.capabilities.get(text).map(|values| &values.properties);
        let (properties, attributes) = (&def.properties, &def.attributes);
        Ok(End { at, properties, attributes, values, name, rest })
    }

    /// Follows `RELATIONSHIP, <requirement>, [index], TARGET`.
    fn target<'p>(
        &'p self,
        at: At<'p, 'a>,
        step: &'p Expr,
        rest: &'p [Expr],
        scope: Scope<'_>,
    ) -> Result<(At<'p, 'a>, &'p [Expr]), Halt> {
        let Some((requirement, mut rest)) = rest.split_first() else {
            return Err(self.path_fault(step.span, "expected a requirement after `RELATIONSHIP`"));
        };
        let name = requirement.as_str().unwrap_or_default();
        if !at.def.requirements.contains_key(name) {
            let fault = Fault::new(
                Code::Path,
                requirement.span,
                format!("there is no requirement `{name}` here"),
            );
            return Err(self.halt(fault.near(name, at.def.requirements.keys().copied())));
        }
        let mut nth = 0;
        if let Some((next, after)) = rest.split_first()
            && let ExprKind::Value(Value::Number(number)) = &next.kind
        {
            nth = number.as_i64().and_then(|nth| usize::try_from(nth).ok()).unwrap_or(usize::MAX);
            rest = after;
        }
        let Some((target, rest)) =
            rest.split_first().filter(|(next, _)| next.as_str() == Some("TARGET"))
        else {
            let message = "a path that does not go on to `TARGET` is not supported yet";
            return Err(self.halt(Fault::new(Code::NotSupported, requirement.span, message)));
        };
        let mut assigned = at.template.requirements.iter().filter(|one| one.name.text == name);
        let node = assigned.nth(nth).and_then(|one| one.node.as_ref());
        let Some(node) = node.filter(|node| self.document.nodes.contains_key(node.name.text))
        else {
            let message = format!("the target of `{name}` is not a template of this service");
            let fault = Fault::new(Code::NotSupported, target.span, message);
            return Err(
                self.halt(fault.hint("only properties of nodes named in the template can be read"))
            );
        };
        let own = Own { template: at.template.name.text, index: at.index };
        let index = match &node.index {
            Some(index) => {
                let value = self.eval(index, Scope { own: Some(own), tested: None, ..scope })?;
                value
                    .as_u64()
                    .ok_or_else(|| self.path_fault(index.span, "expected an index from 0"))?
            }
            None => self.only_target(own, name, node.name.text, requirement)?,
        };
        Ok((self.node(node.name.text, index, target)?, rest))
    }

    /// Returns the index of the node a requirement leads to, where the template names no index: the group of a member,
    /// or the only node there is.
    fn only_target(
        &self,
        own: Own<'_>,
        requirement: &str,
        target: &str,
        expr: &Expr,
    ) -> Result<u64, Halt> {
        if let Some(membership) = self.memberships.get(own.template)
            && membership.requirement == requirement
        {
            let size = membership.size.as_deref().ok_or(Halt::Reported)?;
            let size = self.inputs.get(size).ok_or(Halt::Input)?.as_u64().unwrap_or(0);
            return Ok(own.index.checked_div(size).unwrap_or(0));
        }
        if self.count(target)? == 1 {
            return Ok(0);
        }
        let message = format!("`{target}` has several nodes: which one is meant?");
        let fault = Fault::new(Code::Path, expr.span, message);
        Err(self.halt(fault.hint("name the target in the requirement as [template, index]")))
    }
}
