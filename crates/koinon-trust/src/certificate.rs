//! X.509 certificates of operators: P-256 keys, self-signed, bound to an account by a signature of
//! both keys.

use std::str::FromStr;
use std::time::Duration;

use p256::ecdsa::DerSignature;
use p256::ecdsa::Signature;
use p256::ecdsa::SigningKey;
use p256::ecdsa::VerifyingKey;
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use p256::pkcs8::DecodePrivateKey;
use p256::pkcs8::DecodePublicKey;
use p256::pkcs8::EncodePrivateKey;
use p256::pkcs8::EncodePublicKey;
use p256::pkcs8::LineEnding;
use sha2::Digest;
use sha2::Sha256;
use thiserror::Error;
use x509_cert::builder::Builder;
use x509_cert::builder::CertificateBuilder;
use x509_cert::builder::Profile;
use x509_cert::der::Decode;
use x509_cert::der::DecodePem;
use x509_cert::der::Encode;
use x509_cert::der::EncodePem;
use x509_cert::der::asn1::UtcTime;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::spki::ObjectIdentifier;
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_cert::time::Time;
use x509_cert::time::Validity;
use zeroize::Zeroizing;

/// The DER of an uncompressed P-256 SubjectPublicKeyInfo before the point's coordinates (RFC 5480);
/// contracts find the key by it.
const SPKI_HEADER: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// ecdsa-with-SHA256 (RFC 5758 section 3.2).
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");

/// The secret P-256 key of a certificate.
pub struct CertificateKey(SigningKey);

/// An operator's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    common_name: String,
    not_after: Duration,
    key_offset: usize,
    key: VerifyingKey,
}

/// Why a certificate or its key is rejected.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// The bytes or the text do not have the expected form.
    #[error("cannot read the certificate or key")]
    Syntax(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The secret is zero or not below the order of P-256.
    #[error("a certificate's secret key must be at least 1 and less than the order of P-256")]
    InvalidSecret,
    /// The key is not on P-256, or is not uncompressed.
    #[error("the certificate's key is not an uncompressed P-256 key")]
    WrongKey,
    /// The certificate is not signed by its own key with ecdsa-with-SHA256.
    #[error("the certificate is not signed by its own key with ECDSA and SHA-256")]
    WrongSignature,
    /// The subject has no common name, or one that would need escapes.
    #[error(
        "the certificate's subject needs a common name of letters, digits and the characters @._-"
    )]
    InvalidName,
}

impl CertificateError {
    fn syntax(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Syntax(Box::new(error))
    }
}

impl std::fmt::Debug for CertificateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CertificateKey(secret)")
    }
}

impl CertificateKey {
    /// Makes a key from 32 secret bytes, big-endian.
    ///
    /// # Errors
    /// [`CertificateError::InvalidSecret`] if they are zero or not below the order of P-256.
    pub fn from_bytes(secret: &[u8; 32]) -> Result<Self, CertificateError> {
        SigningKey::from_bytes(secret.into()).map(Self).map_err(|_| CertificateError::InvalidSecret)
    }

    /// Reads a key in PKCS#8 PEM.
    ///
    /// # Errors
    /// [`CertificateError::Syntax`] if the text is not a P-256 key in PKCS#8 PEM.
    pub fn from_pem(pem: &str) -> Result<Self, CertificateError> {
        SigningKey::from_pkcs8_pem(pem).map(Self).map_err(CertificateError::syntax)
    }

    /// Returns the key in PKCS#8 PEM.
    pub fn to_pem(&self) -> Zeroizing<String> {
        self.0.to_pkcs8_pem(LineEnding::LF).expect("BUG: every P-256 key has a PKCS#8 form")
    }

    /// Issues a self-signed certificate for `common_name`, valid from `now` (since the Unix epoch)
    /// for `lifetime`.
    ///
    /// # Errors
    /// [`CertificateError::InvalidName`] if the name is empty or has characters that RFC 4514 would
    /// escape; [`CertificateError::Syntax`] for times beyond the year 2049.
    pub fn issue(
        &self,
        common_name: &str,
        now: Duration,
        lifetime: Duration,
    ) -> Result<Certificate, CertificateError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@._-".contains(&byte);
        if common_name.is_empty() || !common_name.bytes().all(is_plain) {
            return Err(CertificateError::InvalidName);
        }
        let subject =
            Name::from_str(&format!("CN={common_name}")).map_err(CertificateError::syntax)?;
        let time = |at| {
            UtcTime::from_unix_duration(at).map(Time::UtcTime).map_err(CertificateError::syntax)
        };
        let validity = Validity { not_before: time(now)?, not_after: time(now + lifetime)? };
        let spki = self.0.verifying_key().to_public_key_der().map_err(CertificateError::syntax)?;
        // The serial number is unique per key and time, and carries no information.
        let hash = Sha256::new()
            .chain_update(spki.as_bytes())
            .chain_update(now.as_nanos().to_be_bytes())
            .finalize();
        let serial = SerialNumber::new(&hash[..16]).map_err(CertificateError::syntax)?;
        let spki = SubjectPublicKeyInfoOwned::from_der(spki.as_bytes())
            .map_err(CertificateError::syntax)?;
        let builder =
            CertificateBuilder::new(Profile::Root, serial, validity, subject, spki, &self.0)
                .map_err(CertificateError::syntax)?;
        let certificate = builder.build::<DerSignature>().map_err(CertificateError::syntax)?;
        Certificate::from_der(&certificate.to_der().map_err(CertificateError::syntax)?)
    }

    /// Signs a SHA-256 digest; returns r and s, with s in the lower half, as contracts demand.
    pub fn sign_digest(&self, digest: &[u8; 32]) -> [[u8; 32]; 2] {
        let signature: Signature = self
            .0
            .sign_prehash(digest)
            .expect("BUG: a digest of 32 bytes can be signed with P-256");
        let signature = signature.normalize_s().unwrap_or(signature);
        let (r, s) = signature.split_bytes();
        [r.into(), s.into()]
    }
}

impl Certificate {
    /// Reads a DER certificate and checks that its own P-256 key signed it.
    ///
    /// # Errors
    /// [`CertificateError::Syntax`], [`CertificateError::WrongKey`],
    /// [`CertificateError::WrongSignature`], [`CertificateError::InvalidName`].
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let certificate =
            x509_cert::Certificate::from_der(der).map_err(CertificateError::syntax)?;
        let tbs = &certificate.tbs_certificate;
        // RFC 5280 section 4.1.1.2: both places must name the same algorithm.
        let algorithm = AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA256, parameters: None };
        if tbs.signature != algorithm || certificate.signature_algorithm != algorithm {
            return Err(CertificateError::WrongSignature);
        }
        let spki = tbs.subject_public_key_info.to_der().map_err(CertificateError::syntax)?;
        let key =
            VerifyingKey::from_public_key_der(&spki).map_err(|_| CertificateError::WrongKey)?;
        // Contracts find the key by its uncompressed DER form.
        if !spki.starts_with(&SPKI_HEADER) {
            return Err(CertificateError::WrongKey);
        }
        let key_offset = der.windows(spki.len()).position(|window| window == spki);
        let signature = certificate
            .signature
            .as_bytes()
            .and_then(|bytes| DerSignature::from_bytes(bytes).ok())
            .ok_or(CertificateError::WrongSignature)?;
        let signed = tbs.to_der().map_err(CertificateError::syntax)?;
        key.verify(&signed, &signature).map_err(|_| CertificateError::WrongSignature)?;
        let names = tbs.subject.0.iter().flat_map(|set| set.0.iter());
        let common_name = names.map(ToString::to_string).find_map(|name| {
            name.strip_prefix("CN=").filter(|name| !name.is_empty()).map(ToOwned::to_owned)
        });
        Ok(Self {
            der: der.to_vec(),
            common_name: common_name.ok_or(CertificateError::InvalidName)?,
            not_after: tbs.validity.not_after.to_unix_duration(),
            key_offset: key_offset.ok_or(CertificateError::WrongKey)?,
            key,
        })
    }

    /// Reads a PEM certificate; see [`Certificate::from_der`].
    ///
    /// # Errors
    /// The same as [`Certificate::from_der`].
    pub fn from_pem(pem: &str) -> Result<Self, CertificateError> {
        let certificate =
            x509_cert::Certificate::from_pem(pem).map_err(CertificateError::syntax)?;
        Self::from_der(&certificate.to_der().map_err(CertificateError::syntax)?)
    }

    /// Returns the certificate in PEM.
    pub fn to_pem(&self) -> String {
        let certificate = x509_cert::Certificate::from_der(&self.der)
            .expect("BUG: the certificate was read from this DER");
        certificate.to_pem(LineEnding::LF).expect("BUG: every certificate has a PEM form")
    }

    /// Returns the DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns the SHA-256 of the DER.
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(&self.der).into()
    }

    /// Returns the subject's common name.
    pub fn common_name(&self) -> &str {
        &self.common_name
    }

    /// Returns the end of its validity, since the Unix epoch.
    pub fn not_after(&self) -> Duration {
        self.not_after
    }

    /// Returns the offset of the SubjectPublicKeyInfo in the DER, in bytes.
    pub fn key_offset(&self) -> usize {
        self.key_offset
    }

    /// Returns whether `key` is the key of this certificate.
    pub fn has_key(&self, key: &CertificateKey) -> bool {
        self.key == *key.0.verifying_key()
    }
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::signature::hazmat::PrehashVerifier;

    use super::*;

    fn certificate() -> (CertificateKey, Certificate) {
        let key = CertificateKey::from_bytes(&[7; 32]).unwrap();
        let day = Duration::from_secs(86_400);
        let certificate = key.issue("alice@myDapp", day * 20_000, day * 365).unwrap();
        (key, certificate)
    }

    #[test]
    fn a_certificate_is_read_as_issued() {
        let (key, certificate) = certificate();
        assert_eq!(certificate.common_name(), "alice@myDapp");
        assert_eq!(certificate.not_after(), Duration::from_secs(86_400 * 20_365));
        assert!(certificate.has_key(&key));
        assert_eq!(Certificate::from_pem(&certificate.to_pem()).unwrap(), certificate);
        let spki = &certificate.der()[certificate.key_offset()..][..91];
        assert_eq!(spki[..26], SPKI_HEADER);
        assert_eq!(VerifyingKey::from_public_key_der(spki).unwrap(), *key.0.verifying_key());
        let key = CertificateKey::from_pem(&key.to_pem()).unwrap();
        assert!(certificate.has_key(&key));
    }

    #[test]
    fn an_altered_byte_makes_a_certificate_invalid() {
        let (_, certificate) = certificate();
        for index in 0..certificate.der().len() {
            let mut der = certificate.der().to_vec();
            der[index] ^= 1;
            let read = Certificate::from_der(&der);
            assert!(read.is_err(), "byte {index} is not covered: {read:?}");
        }
    }

    #[test]
    fn the_s_of_a_signature_is_in_the_lower_half() {
        let (key, _) = certificate();
        for number in 0..32 {
            let digest = [number; 32];
            let [r, s] = key.sign_digest(&digest);
            assert!(s[0] < 0x80);
            let signature = Signature::from_scalars(r, s).unwrap();
            key.0.verifying_key().verify_prehash(&digest, &signature).unwrap();
        }
    }

    #[test]
    fn names_that_need_escapes_are_rejected() {
        let key = CertificateKey::from_bytes(&[7; 32]).unwrap();
        for name in ["", "a,b", "a=b", "a b", "ü"] {
            let issued = key.issue(name, Duration::ZERO, Duration::from_secs(1));
            assert!(matches!(issued, Err(CertificateError::InvalidName)), "{name}");
        }
    }

    /// Signs with the values of RFC 6979 appendix A.2.5 (P-256 with SHA-256): the key, and r and s
    /// for two messages. The first s is the RFC's subtracted from the order of the group.
    #[test]
    fn signatures_are_those_of_rfc_6979() {
        let word = |text: &str| -> [u8; 32] { hex::decode(text).unwrap().try_into().unwrap() };
        let secret = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
        let key = CertificateKey::from_bytes(&word(secret)).unwrap();
        let cases = [
            (
                "sample",
                "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
                "0834e36ad29a83bf2bc9385e491d6099c8fdf9d1ed67aa7ea5f51f93782857a9",
            ),
            (
                "test",
                "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
                "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
            ),
        ];
        for (message, r, s) in cases {
            let digest = Sha256::digest(message).into();
            assert_eq!(key.sign_digest(&digest), [word(r), word(s)], "{message}");
        }
    }

    #[test]
    fn certificates_of_one_second_differ_and_are_valid_from_it() {
        let key = CertificateKey::from_bytes(&[7; 32]).unwrap();
        let second = Duration::from_secs(86_400 * 20_000);
        let issue = |now| key.issue("alice", now, Duration::from_secs(60)).unwrap();
        let [first, next] = [issue(second), issue(second + Duration::from_nanos(1))];
        assert_ne!(first, next);
        assert_eq!(first, issue(second));
        assert_eq!(first.not_after(), next.not_after());
        let read = x509_cert::Certificate::from_der(first.der()).unwrap();
        assert_eq!(read.tbs_certificate.validity.not_before.to_unix_duration(), second);
    }

    #[test]
    fn both_names_of_the_signature_algorithm_must_be_ecdsa_with_sha256() {
        use p256::ecdsa::signature::Signer;

        let (key, certificate) = certificate();
        let with_sha384 = AlgorithmIdentifierOwned {
            oid: ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3"),
            parameters: None,
        };
        // The signature is valid in both cases.
        let mut inner = x509_cert::Certificate::from_der(certificate.der()).unwrap();
        let mut outer = inner.clone();
        inner.tbs_certificate.signature = with_sha384.clone();
        outer.signature_algorithm = with_sha384;
        for mut changed in [inner, outer] {
            let signed = changed.tbs_certificate.to_der().unwrap();
            let signature: DerSignature = key.0.sign(&signed);
            changed.signature =
                x509_cert::der::asn1::BitString::from_bytes(signature.as_bytes()).unwrap();
            let read = Certificate::from_der(&changed.to_der().unwrap());
            assert!(matches!(read, Err(CertificateError::WrongSignature)), "{read:?}");
        }
    }

    #[test]
    fn a_secret_is_at_least_1_and_less_than_the_order() {
        let order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
        let order: [u8; 32] = hex::decode(order).unwrap().try_into().unwrap();
        let [mut one, mut last] = [[0; 32], order];
        one[31] = 1;
        last[31] -= 1;
        for secret in [one, last] {
            let key = CertificateKey::from_bytes(&secret).unwrap();
            assert_eq!(format!("{key:?}"), "CertificateKey(secret)");
        }
        for secret in [[0; 32], order, [255; 32]] {
            let error = CertificateKey::from_bytes(&secret).unwrap_err();
            assert!(matches!(error, CertificateError::InvalidSecret), "{error:?}");
        }
    }
}
