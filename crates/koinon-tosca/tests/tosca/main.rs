//! The language: YAML, TOSCA, archives, diagnostics, exports, and the editor's functions.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conformance;
mod csar;
mod determinism;
mod diagnostics;
mod editor;
mod example;
mod export;
mod folder;
mod limits;
mod lower;
mod oasis;
mod properties;
mod reference;
mod rendering;
mod represent;
mod suite;
