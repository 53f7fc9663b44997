//! Certificates from a chain: any bytes are read or rejected. The key of a certificate that is read
//! is at the offset it states.
#![no_main]

use koinon_trust::Certificate;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(certificate) = Certificate::from_der(bytes) {
        assert!(certificate.key_offset() + 91 <= bytes.len());
        let again = Certificate::from_pem(&certificate.to_pem()).expect("its PEM can be read");
        assert_eq!(again.fingerprint(), certificate.fingerprint());
    }
});
