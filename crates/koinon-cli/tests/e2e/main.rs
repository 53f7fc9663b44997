//! End to end: the real binary, from a template to processes, as people use it.
//!
//! Every test has a network in a directory of its own (`network`) and ends it, whatever happens. Processes are looked at
//! from outside, in `/proc` (`processes`), never through what the program says of itself.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "a test that fails shows its network's logs")]

mod network;
mod processes;

mod road;

mod reads;

mod change;

mod restart;

mod remote;

mod exchange;

mod errors;

mod suite;

mod operators;
