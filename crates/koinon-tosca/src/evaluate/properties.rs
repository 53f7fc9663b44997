//! Values of properties: evaluated once, and kept where they belong.

use std::collections::HashSet;
use std::sync::Arc;

use koinon_model::representation as model;
use koinon_model::representation::Term;

use super::scope::Scope;
use super::scope::SelfElement;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Span;
use crate::grammar::CapabilityDefinition;
use crate::grammar::Expr;
use crate::grammar::PropertyDefinition;
use crate::grammar::ValueAssignments;
use crate::program::DeferredProperty;
use crate::program::Evaluated;
use crate::program::GraphRelationship;
use crate::program::Halt;
use crate::program::KeptValue;
use crate::program::NO_VALUES;
use crate::program::NodeNumber;
use crate::program::Program;
use crate::program::ValueMemo;

/// Returns the value of a node of another service, if it is known.
fn value_of_reference(properties: Option<&model::Properties>, name: &str, span: Span) -> KeptValue {
    match properties.and_then(|properties| properties.get(name)).map(|one| &one.value) {
        Some(Term::Known(value)) => Ok(Some(Arc::clone(value))),
        Some(Term::Pending(_)) => Err(Halt::RunTime(span)),
        None => Ok(None),
    }
}

/// Returns a copy of a kept value.
pub(crate) fn copied(kept: &KeptValue) -> Evaluated {
    Ok(kept.as_ref().map_err(|halt| *halt)?.as_deref().cloned())
}

/// The most properties evaluated within each other on the stack.
const MAX_WAITING: u32 = 64;

impl<'a> Program<'a> {
    /// Evaluates a property of a node; `None` if it has no value.
    pub(crate) fn property(&self, at: NodeNumber, name: &str) -> Evaluated {
        self.with_property(at, name, copied)
    }

    /// Evaluates a property of a node and passes the kept value to `look`, without a copy.
    pub(crate) fn with_property<T>(
        &self,
        at: NodeNumber,
        name: &str,
        look: impl Fn(&KeptValue) -> T,
    ) -> T {
        let node = self.graph.node(at);
        let Some((name, property)) = node.def.properties.get_key_value(name) else {
            return look(&Err(Halt::Reported));
        };
        if let Some(referenced) = &node.referenced {
            return look(&value_of_reference(
                Some(&referenced.node.properties),
                name,
                property.name.span,
            ));
        }
        let values = &node.template.properties;
        self.keep_value(&node.memo, (None, name), property, values, SelfElement::Node(at), look)
    }

    /// Evaluates a property of a capability.
    pub(crate) fn capability_property(
        &self,
        at: NodeNumber,
        capability: &'a CapabilityDefinition<'a>,
        name: &str,
    ) -> Evaluated {
        self.with_capability_property(at, capability, name, copied)
    }

    /// Evaluates a property of a capability and passes the kept value to `look`, without a copy.
    pub(crate) fn with_capability_property<T>(
        &self,
        at: NodeNumber,
        capability: &'a CapabilityDefinition<'a>,
        name: &str,
        look: impl Fn(&KeptValue) -> T,
    ) -> T {
        let node = self.graph.node(at);
        let Some((name, property)) = capability.properties.get_key_value(name) else {
            return look(&Err(Halt::Reported));
        };
        if let Some(referenced) = &node.referenced {
            let of = referenced.capability(capability.name.text);
            return look(&value_of_reference(
                of.map(|of| &of.properties),
                name,
                property.name.span,
            ));
        }
        let values = node.template.capabilities.get(capability.name.text);
        let values = values.map_or(&NO_VALUES, |values| &values.properties);
        let key = (Some(capability.name.text), *name);
        self.keep_value(&node.memo, key, property, values, SelfElement::Node(at), look)
    }

    /// Evaluates a property of a relationship.
    pub(crate) fn relationship_property(
        &self,
        relationship: &GraphRelationship<'a>,
        name: &str,
    ) -> Evaluated {
        self.with_relationship_property(relationship, name, copied)
    }

    /// Evaluates a property of a relationship and passes the kept value to `look`, without a copy.
    pub(crate) fn with_relationship_property<T>(
        &self,
        relationship: &GraphRelationship<'a>,
        name: &str,
        look: impl Fn(&KeptValue) -> T,
    ) -> T {
        let Some((name, property)) = relationship.properties.get_key_value(name) else {
            return look(&Err(Halt::Reported));
        };
        let own = SelfElement::Relationship(relationship);
        let key = (None, *name);
        let (memo, values) = (&relationship.memo, relationship.values);
        self.keep_value(memo, key, property, values, own, look)
    }

    fn keep_value<T>(
        &self,
        memo: &ValueMemo<'a>,
        key: (Option<&'a str>, &'a str),
        property: &'a PropertyDefinition<'a>,
        values: &'a ValueAssignments<'a>,
        own: SelfElement<'_, 'a>,
        look: impl Fn(&KeptValue) -> T,
    ) -> T {
        if let Some((_, value)) = memo.borrow().iter().find(|(known, _)| *known == key) {
            return look(value);
        }
        let Some(expr) = effective(property, values) else { return look(&Ok(None)) };
        let mut value = self.evaluate_property(expr, property, (own, key));
        // The outermost call evaluates properties that were too deep first, and then starts again.
        // So the result does not depend on which of the values comes first.
        while matches!(value, Err(Halt::Deep)) && self.depth.get() == 0 && !self.deep.draining.get()
        {
            value = match self.evaluate_deferred() {
                Ok(()) => self.evaluate_property(expr, property, (own, key)),
                Err(halt) => Err(halt),
            };
        }
        // A value that waits for a relationship may be known next time.
        let passing = match value {
            Err(Halt::Later) => !self.graph.settled.get(),
            Err(Halt::Deep) => true,
            _ => false,
        };
        let seen = look(&value);
        if !passing {
            memo.borrow_mut().push((key, value));
        }
        seen
    }

    /// Evaluates the property that was too deep, and before it those that are too deep from there.
    /// Halts if one waits for a relationship: then all of them do.
    fn evaluate_deferred(&self) -> Result<(), Halt> {
        self.deep.draining.set(true);
        let result = self.evaluate_waiting();
        self.deep.draining.set(false);
        result
    }

    fn evaluate_waiting(&self) -> Result<(), Halt> {
        let mut waiting: Vec<DeferredProperty<'a>> = self.deep.next.take().into_iter().collect();
        let mut known: HashSet<DeferredProperty<'a>> = waiting.iter().copied().collect();
        while let Some(last) = waiting.last() {
            let value = match last {
                DeferredProperty::Node(at, None, name) => self.property(*at, name),
                DeferredProperty::Node(at, Some(capability), name) => {
                    let capability = self.graph.node(*at).def.capabilities.get(capability);
                    capability.map_or(Ok(None), |of| self.capability_property(*at, of, name))
                }
                DeferredProperty::Relationship(source, requirement, index, name) => {
                    let mut all = self.graph.outgoing(*source, requirement).into_iter();
                    let found = all.find(|one| one.index == *index);
                    found.map_or(Ok(None), |one| self.relationship_property(&one, name))
                }
            };
            match (value, self.deep.next.take()) {
                (Err(Halt::Deep), Some(next)) if known.insert(next) => waiting.push(next),
                // The value needs itself: from now on a value that is too deep is a fault.
                (Err(Halt::Deep), _) => self.deep.circle.set(true),
                (Err(Halt::Later), _) if !self.graph.settled.get() => return Err(Halt::Later),
                _ => drop(waiting.pop()),
            }
        }
        Ok(())
    }

    fn evaluate_property(
        &self,
        expr: &Expr<'a>,
        property: &'a PropertyDefinition<'a>,
        (own, (capability, name)): (SelfElement<'_, 'a>, (Option<&'a str>, &'a str)),
    ) -> KeptValue {
        let depth = self.depth.get();
        if depth >= MAX_WAITING {
            let deferred = match own {
                SelfElement::Node(at) => Some(DeferredProperty::Node(at, capability, name)),
                // A relationship under consideration cannot be found in the graph later.
                SelfElement::Relationship(one) => {
                    let requirement = one.definition.name.text;
                    let known = self.graph.outgoing(one.source, requirement);
                    known.iter().any(|other| other.index == one.index).then_some(
                        DeferredProperty::Relationship(one.source, requirement, one.index, name),
                    )
                }
                SelfElement::Nothing => None,
            };
            let Some(deferred) = deferred.filter(|_| !self.deep.circle.get()) else {
                let message = "values depend on each other in a circle";
                return Err(self.halt(Fault::new(Code::ValueCycle, expr.span, message)));
            };
            self.deep.next.set(Some(deferred));
            return Err(Halt::Deep);
        }
        self.depth.set(depth + 1);
        let scope = Scope { own, ..Scope::of(name) };
        let value = self.typed(expr, &property.schema, scope);
        self.depth.set(depth);
        value.map(Arc::new).map(Some)
    }
}

/// Returns the expression of a property's value. Defaults count only for required properties (csd07
/// 9.4).
pub(crate) fn effective<'v, 'a>(
    property: &'v PropertyDefinition<'a>,
    values: &'v ValueAssignments<'a>,
) -> Option<&'v Expr<'a>> {
    property
        .value
        .as_ref()
        .or_else(|| values.get(property.name.text))
        .or_else(|| property.default.as_ref().filter(|_| property.is_required()))
}
