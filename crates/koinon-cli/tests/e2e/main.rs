//! End to end: the real binary, from a template to processes, used like people do.
//!
//! Every test has a network in its own directory (`network`) and always ends it. Processes are
//! observed from outside, in `/proc` (`processes`), never through the program's own reports.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "a test that fails shows its network's logs")]

mod network;
mod processes;

mod up;

mod reads;

mod change;

mod restart;

mod remote;

mod exchange;

mod errors;

mod suite;

mod operators;
