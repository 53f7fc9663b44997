//! Any text as a TOSCA file: no panic, and a service that compiles survives the chain.
#![no_main]

use std::collections::BTreeMap;

use koinon_tosca::compile;
use koinon_tosca::open;
use koinon_tosca::split;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: String| {
    let files = BTreeMap::from([("fuzz.yaml".to_owned(), text)]);
    match compile(&files, "fuzz.yaml", &BTreeMap::new()) {
        Ok(service) => assert_eq!(open(&split(&service)).ok(), Some(service)),
        Err(diagnostics) => assert!(!diagnostics.to_string().is_empty()),
    }
});
