//! TOSCA's grammar: trees to typed definitions and templates. Nothing is resolved here; every key that is not in the
//! grammar is a fault, and so is everything of TOSCA 2.0 that is not supported yet.

mod document;
mod expr;
mod fields;
mod schema;
mod template;
mod types;

pub(crate) use document::{Document, read_document};
pub(crate) use expr::{Expr, ExprKind, Function, Gives, paper_input};
pub(crate) use fields::{Word, fields, text_of, wrong_kind};
pub(crate) use schema::{Property, Schema};
pub(crate) use template::{
    Artifact, Assigned, Group, InterfaceValues, NodeTemplate, Policy, Requirement, Target,
};
pub(crate) use types::{Capability, Interface, Operation, RequirementType, Section, TypeDef};
