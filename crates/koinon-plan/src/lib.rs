//! From what runs and what should run to what to do.
//!
//! In: the nodes that run ([`Running`], from an older instance or from what an agent observes) and the new
//! [`Instance`](koinon_model::Instance). Out: a [`Plan`], in which nothing is left to choose: elements classed as TOSCA
//! 2.0 section 4.4 does, and a graph of steps. The same inputs give the same bytes. No IO, no clock.

mod plan;
mod planning;

pub use plan::{Action, Class, Element, Plan, Step, StepId};
pub use planning::{Running, plan, running};
