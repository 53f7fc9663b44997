//! The evaluator of expressions.
#![no_main]

use koinon_fuzz::targets;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| targets::expression(bytes));
