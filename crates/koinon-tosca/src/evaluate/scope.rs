//! The place of an expression: what `SELF` is, and which values are not there yet.

use koinon_model::Value;

use crate::builtin::Base;
use crate::grammar::TypeId;
use crate::program::GraphRelationship;
use crate::program::NodeNumber;
use crate::types::ScalarUnits;

/// A value with its data type, if that is known. Numbers with units need it.
#[derive(Clone, Debug)]
pub(crate) struct TypedValue {
    pub(crate) value: Value,
    pub(crate) of: Option<TypeId>,
}

impl From<Value> for TypedValue {
    fn from(value: Value) -> Self {
        Self { value, of: None }
    }
}

/// The element that `SELF` means.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum SelfElement<'s, 'a> {
    #[default]
    Nothing,
    /// A node.
    Node(NodeNumber),
    Relationship(&'s GraphRelationship<'a>),
}

/// The place of an expression, and what is known there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scope<'s, 'a> {
    /// The element it belongs to.
    pub(crate) own: SelfElement<'s, 'a>,
    /// The value under validation, for `$value`.
    pub(crate) tested: Option<TestedValue<'s>>,
    /// The index of the relationship, before that exists.
    pub(crate) relationship_index: Option<u64>,
    /// Whether it stands in a type, so that nodes do not exist yet.
    pub(crate) open: bool,
    /// Whether it is a validation clause that is checked before there are values.
    pub(crate) clause: bool,
    /// Inputs of its workflow, which are known only at run time.
    pub(crate) workflow: Option<&'s crate::grammar::PropertyDefinitions<'a>>,
    /// The name of the value in messages.
    pub(crate) what: &'s str,
    pub(crate) depth: u32,
}

/// A value under validation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TestedValue<'s> {
    pub(crate) value: &'s Value,
    pub(crate) base: Base,
    pub(crate) of: TypeId,
    pub(crate) units: Option<&'s ScalarUnits>,
}

impl<'s, 'a> Scope<'s, 'a> {
    /// Returns the scope of a value of the service.
    pub(crate) fn of(what: &'s str) -> Self {
        Self { what, ..Self::default() }
    }

    /// Returns the scope of a value in a type.
    pub(crate) fn in_type(what: &'s str) -> Self {
        Self { what, open: true, ..Self::default() }
    }

    /// Returns the scope of a node's value.
    pub(crate) fn node(node: NodeNumber, what: &'s str) -> Self {
        Self { own: SelfElement::Node(node), what, ..Self::default() }
    }

    /// Returns the scope of a relationship's value.
    pub(crate) fn relationship(relationship: &'s GraphRelationship<'a>, what: &'s str) -> Self {
        Self { own: SelfElement::Relationship(relationship), what, ..Self::default() }
    }
}
