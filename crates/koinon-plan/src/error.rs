//! The errors of planning.

use std::sync::Arc;

use koinon_model::representation::ElementId;
use thiserror::Error;

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// Nodes wait for each other.
    #[error("dependencies form a cycle: {0}")]
    Cycle(String),
    /// A mandatory requirement is not fulfilled.
    #[error("requirement `{requirement}` of {source_node} is not fulfilled: {reason}")]
    Unresolved {
        /// The requirement.
        requirement: Arc<str>,
        /// The node's id.
        source_node: ElementId,
        /// The resolver's reason.
        reason: String,
    },
    /// A relationship leads from or to a node that does not exist.
    #[error("relationship {0} leads to a node that is not there")]
    Dangling(ElementId),
}
