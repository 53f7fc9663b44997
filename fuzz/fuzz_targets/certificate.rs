//! Certificates from a chain: any bytes are refused or read; what is read has its key where it says.
#![no_main]

use koinon_trust::Certificate;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(certificate) = Certificate::from_der(bytes) {
        assert!(certificate.key_offset() + 91 <= bytes.len());
        let again = Certificate::from_pem(&certificate.to_pem()).expect("its PEM is a certificate");
        assert_eq!(again.fingerprint(), certificate.fingerprint());
    }
});
