//! Certificates made by OpenSSL 3.0 with `openssl req -x509` and `openssl x509 -req`: one that is
//! accepted, and one for each reason to reject. The expected values are those OpenSSL shows.

use std::error::Error;
use std::time::Duration;

use koinon_trust::Certificate;
use koinon_trust::CertificateError;
use koinon_trust::CertificateKey;

fn pem(name: &str) -> String {
    let file =
        format!("{}/tests/trust/certificates_by_openssl/{name}.pem", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(file).unwrap()
}

#[test]
fn a_certificate_of_openssl_is_read() {
    let text = pem("valid");
    let certificate = Certificate::from_pem(&text).unwrap();
    assert_eq!(certificate.common_name(), "alice@myDapp");
    assert_eq!(certificate.not_after(), Duration::from_secs(2_111_434_867));
    assert_eq!(certificate.key_offset(), 163);
    let fingerprint = "60f64995bb725d92408b63023cca8ede67aecaffc5fa4b1ac38ad67778fbbbdb";
    assert_eq!(hex::encode(certificate.fingerprint()), fingerprint);
    assert_eq!(certificate.to_pem(), text);
    assert_eq!(Certificate::from_der(certificate.der()).unwrap(), certificate);
    assert!(!certificate.has_key(&CertificateKey::from_bytes(&[7; 32]).unwrap()));
}

#[test]
fn the_first_common_name_counts() {
    assert_eq!(Certificate::from_pem(&pem("two-names")).unwrap().common_name(), "first");
}

/// Lists the variants: a new one does not compile until it has a name here, and a case below.
fn variant(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::Syntax(_) => "Syntax",
        CertificateError::InvalidSecret => "InvalidSecret",
        CertificateError::WrongKey => "WrongKey",
        CertificateError::WrongSignature => "WrongSignature",
        CertificateError::InvalidName => "InvalidName",
    }
}

#[test]
fn every_certificate_error_is_reached() {
    let key = "the certificate's key is not an uncompressed P-256 key";
    let signature = "the certificate is not signed by its own key with ECDSA and SHA-256";
    let name =
        "the certificate's subject needs a common name of letters, digits and the characters @._-";
    let cases = [
        ("p384", "WrongKey", key),
        ("compressed", "WrongKey", key),
        ("rsa", "WrongSignature", signature),
        ("sha384", "WrongSignature", signature),
        ("issued-by-another", "WrongSignature", signature),
        ("no-common-name", "InvalidName", name),
    ];
    let check = |error: CertificateError, expected: &str, message: &str| {
        assert_eq!((variant(&error), error.to_string().as_str()), (expected, message));
    };
    for (file, expected, message) in cases {
        check(Certificate::from_pem(&pem(file)).unwrap_err(), expected, message);
    }
    let secret = "a certificate's secret key must be at least 1 and less than the order of P-256";
    check(CertificateKey::from_bytes(&[0; 32]).unwrap_err(), "InvalidSecret", secret);

    let syntax = "cannot read the certificate or key";
    // The first second of 2050, which a UTCTime cannot hold (RFC 5280 section 4.1.2.5.1).
    let year_2050 = Duration::from_secs(2_524_608_000);
    let second = Duration::from_secs(1);
    let key = CertificateKey::from_bytes(&[7; 32]).unwrap();
    let last = key.issue("alice", year_2050 - second, Duration::ZERO).unwrap();
    assert_eq!(last.not_after(), year_2050 - second);
    let errors = [
        Certificate::from_der(&[]).unwrap_err(),
        Certificate::from_pem("").unwrap_err(),
        Certificate::from_pem(&key.to_pem()).unwrap_err(),
        CertificateKey::from_pem(&pem("valid")).unwrap_err(),
        key.issue("alice", year_2050 - second, second).unwrap_err(),
        key.issue("alice", year_2050, Duration::ZERO).unwrap_err(),
    ];
    for error in errors {
        assert!(error.source().is_some(), "{error:?}");
        check(error, "Syntax", syntax);
    }
}
