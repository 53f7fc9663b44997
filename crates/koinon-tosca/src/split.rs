//! Service to objects and back: a bijection between places of the canonical document and (module, path).

use koinon_model::Content;
use koinon_model::Module;
use koinon_model::Service;
use koinon_model::Value;
use thiserror::Error;

/// Why objects make no document.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JoinError {
    /// No place of a document has this path.
    #[error("object {module}/{path} has no place in a service")]
    UnknownPath {
        /// The module.
        module: Module,
        /// The path.
        path: String,
    },
}

/// Splits a service into the objects its modules hold, and the facts contracts read.
pub fn split(_service: &Service) -> Content {
    Content::default()
}

/// Joins objects into the canonical document. Objects come from a chain: nothing about them is taken for granted.
///
/// # Errors
/// [`JoinError`] if an object has no place, or two claim one.
pub fn join(_content: &Content) -> Result<Value, JoinError> {
    Ok(Value::Null)
}
