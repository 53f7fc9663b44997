//! The plan of an agent's own driver: processes that run, and the instance that should.
//!
//! In: the nodes that run ([`Running`], from an older instance or from what an agent observes) and the new
//! [`Instance`](koinon_model::Instance). Out: a [`Plan`] of actions the driver knows.

mod plan;
mod planning;

pub use plan::{Action, Element, Plan, Step, StepId};
pub use planning::{Running, plan, running};
