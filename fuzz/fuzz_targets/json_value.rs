//! Objects from a chain: any bytes are read or rejected. A value that is read has one canonical
//! form.
#![no_main]

use koinon_model::JsonLimits;
use koinon_model::Value;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(value) = Value::from_json(bytes, JsonLimits::default()) {
        let json = value.to_json();
        let again = Value::from_json(json.as_bytes(), JsonLimits::default())
            .expect("canonical JSON is JSON");
        assert_eq!(again, value);
    }
});
