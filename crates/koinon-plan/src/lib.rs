//! From what is and what should be to what to do.
//!
//! [`Plan::between`] compares two representations of a service: elements classed as TOSCA 2.0 section 4.4 does, and a
//! graph of steps in which nothing is left to choose. Which operations are called, and in which order, is data of a
//! profile: [`Rules`]. The same inputs give the same bytes. No IO, no clock.

mod changes;
mod circle;
mod class;
mod draw;
mod flat;
mod graph;
mod plan;
mod planning;
mod progress;
mod rules;
mod weave;

pub use changes::Change;
pub use class::Class;
pub use plan::{Action, Call, Element, File, Part, Place, Plan, Reason, Step, StepId};
pub use planning::{PlanError, Version};
pub use rules::{OnFailure, Rules, RulesError, Terms};
