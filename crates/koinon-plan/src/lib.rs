//! Plans the steps that turn one representation of a service into another.
//!
//! [`Plan::between`] compares two representations: it classes elements as TOSCA 2.0 section 4.4
//! does, and makes a graph of steps in which nothing is left to choose. The operations that are
//! called, and their order, are data of a profile: [`Rules`]. The same inputs give the same bytes.
//!
//! In: two representations and rules. Out: a plan. Left out on purpose: IO, the clock, YAML.
//!
//! | phase | module | from | to |
//! |---|---|---|---|
//! | read rules | `rules` | the value of `weaving.yaml` | [`Rules`] |
//! | flatten | `flat` | a representation with those nested in it | lists of nodes and relationships |
//! | compare | `changes` | two versions of an element | [`ElementChange`]s |
//! | classify | `classify`, `class` | two flat graphs, rules | pairs of versions, each with its [`ElementClass`] |
//! | weave | `weave` | classed elements, rules | points with edges, and their steps |
//! | order | `graph` | points with edges | needs and levels of the points that act, or a cycle |
//! | plan | `planning`, `plan` | elements, ordered steps | [`Plan`] and its canonical JSON |
//! | resume | `progress` | a plan and the steps that were done | the representation to plan from |
//! | draw | `draw` | a plan | Graphviz, Mermaid |
//!
//! `index` has the types of places in all these lists, `error` the errors of planning.

mod changes;
mod class;
mod classify;
mod draw;
mod error;
mod flat;
mod graph;
mod index;
mod plan;
mod planning;
mod progress;
mod rules;
mod weave;

pub use changes::ElementChange;
pub use class::ElementClass;
pub use error::PlanError;
pub use plan::{
    Action, Call, Element, ElementPlace, Plan, PlanScope, PlannedFile, Step, StepId, StepReason,
};
pub use planning::PlanInput;
pub use rules::{CallTerms, OnFailure, Rules, RulesError};
