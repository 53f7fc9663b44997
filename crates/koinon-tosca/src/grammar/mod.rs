//! TOSCA's grammar: trees to typed definitions and templates. Nothing is resolved here; every key that is in no table
//! of [`crate::keynames`] is a fault.

mod copy;
mod document;
mod expr;
mod fields;
mod schema;
mod substitution;
mod template;
mod types;
mod workflow;

pub(crate) use document::{Definitions, Template, read_files};
pub(crate) use expr::{Expr, ExprKind, Function, Gives, paper_input};
pub(crate) use fields::{Named, Word, fields, missing, text_of, wrong_kind};
pub(crate) use schema::{Properties, Property, Schema, untyped};
pub(crate) use substitution::{Assignments, Index, MappedRequirement, MappedTo, MappedValue};
pub(crate) use substitution::{RequirementMapping, Substitution};
pub(crate) use template::{
    Artifact, ArtifactRef, Assigned, Directive, Group, Implementation, InterfaceValues,
    NodeTemplate, OperationValues, Policy, Requirement, Target,
};
pub(crate) use types::{
    Capability, FunctionDef, Interface, Operation, RelationshipDef, RequirementType, Section,
    Signature, TypeDef, TypeId,
};
pub(crate) use workflow::{Activity, Step, Trigger, Workflow};
