//! Representations from files and from other nodes: any bytes are read or rejected. A representation
//! that is read has one canonical form.
#![no_main]

use koinon_fuzz::targets;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| targets::representation(bytes));
