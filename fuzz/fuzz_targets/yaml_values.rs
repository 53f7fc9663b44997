//! Any bytes as a file of inputs: no panic, and what is read is written so that it reads the same.
#![no_main]

use koinon_model::Value;
use koinon_tosca::read_inputs;
use koinon_tosca::to_yaml;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(inputs) = read_inputs("fuzz.yaml", bytes) {
        let text = to_yaml(&Value::Map(inputs.clone()));
        let again = read_inputs("again.yaml", text.as_bytes());
        assert_eq!(again.ok(), Some(inputs), "{text}");
    }
});
