//! Objects from a chain: any bytes are refused or read; what is read has one canonical form.
#![no_main]

use koinon_model::Limits;
use koinon_model::Value;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(value) = Value::from_json(bytes, Limits::default()) {
        let json = value.to_json();
        let again = Value::from_json(json.as_bytes(), Limits::default()).expect("canonical JSON is JSON");
        assert_eq!(again, value);
    }
});
