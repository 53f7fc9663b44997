//! The TOSCA compiler.

mod code;
mod diag;
mod files;
mod split;

use std::collections::BTreeMap;

use alloy_primitives::Address;
use koinon_model::{Allocation, Epoch, Instance, Revision, Service, Value};

pub use code::Code;
pub use diag::{Diagnostic, Diagnostics, Place, Related, Style};
pub use files::{FileError, Files};
pub use split::{JoinError, join, split};

/// Compiles the service whose root file is `root`, with these input values.
///
/// # Errors
/// [`Diagnostics`]: everything that is wrong, among it every required input without a value.
pub fn compile(
    _files: &dyn Files,
    _root: &str,
    _inputs: &BTreeMap<String, Value>,
) -> Result<Service, Diagnostics> {
    unimplemented!("the API only, for the crates above")
}

/// Checks what [`compile`] checks, but inputs may lack values.
///
/// # Errors
/// [`Diagnostics`]: everything that is wrong.
pub fn validate(
    _files: &dyn Files,
    _root: &str,
    _inputs: &BTreeMap<String, Value>,
) -> Result<(), Diagnostics> {
    unimplemented!("the API only, for the crates above")
}

/// Compiles a canonical document, such as [`join`] gives, whose inputs have their values already.
///
/// # Errors
/// [`Diagnostics`] with positions in the document's canonical YAML.
pub fn compile_document(_document: &Value) -> Result<Service, Diagnostics> {
    unimplemented!("the API only, for the crates above")
}

/// Reads an inputs file, YAML or JSON: a map from input names to values.
///
/// # Errors
/// [`Diagnostics`] if it is no such map.
pub fn read_inputs(_file: &str, _text: &[u8]) -> Result<BTreeMap<String, Value>, Diagnostics> {
    unimplemented!("the API only, for the crates above")
}

/// Fills every slot of a service: one node per allocated slot, everything in it evaluated.
///
/// # Errors
/// [`Diagnostics`] with positions in the canonical YAML of the service's document.
pub fn instantiate(
    _service: &Service,
    _allocation: &Allocation,
    _operators: &BTreeMap<Address, String>,
    _revision: Revision,
    _epoch: Epoch,
) -> Result<Instance, Diagnostics> {
    unimplemented!("the API only, for the crates above")
}

/// Writes a value as canonical YAML: block style, keys sorted, but a root's `tosca_definitions_version` first.
pub fn to_yaml(_value: &Value) -> String {
    unimplemented!("the API only, for the crates above")
}

/// Writes a document as canonical JSON, but a root's `tosca_definitions_version` first, as TOSCA demands.
pub fn to_json(_value: &Value) -> String {
    unimplemented!("the API only, for the crates above")
}
