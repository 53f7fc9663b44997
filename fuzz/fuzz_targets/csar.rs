//! Archives: reading and packing.
#![no_main]

use koinon_fuzz::mutate;
use koinon_fuzz::targets;
use libfuzzer_sys::fuzz_mutator;
use libfuzzer_sys::fuzz_target;

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::archive(data, size, max_size, seed)
});

fuzz_target!(|bytes: &[u8]| targets::csar(bytes));
