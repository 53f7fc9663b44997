//! ECVRF on secp256k1 (RFC 9381): the randomness of epochs.
//!
//! The form is ECVRF-…-SHA256-TAI of RFC 9381 section 5.5 with the curve secp256k1 and suite byte
//! 0xFE, by convention (the RFC names no suite for this curve). Encode-to-curve is
//! try-and-increment salted with the public key; the challenge covers the public key, H, Gamma, U
//! and V; the nonce is that of RFC 6979. The contracts' `ECVRF` library verifies the same form.

use k256::AffinePoint;
use k256::EncodedPoint;
use k256::FieldBytes;
use k256::ProjectivePoint;
use k256::Scalar;
use k256::U256;
use k256::elliptic_curve::Curve;
use k256::elliptic_curve::Group;
use k256::elliptic_curve::PrimeField;
use k256::elliptic_curve::bigint::ArrayEncoding;
use k256::elliptic_curve::ops::Reduce;
use k256::elliptic_curve::sec1::FromEncodedPoint;
use k256::elliptic_curve::sec1::ToEncodedPoint;
use sha2::Digest;
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

/// The suite byte of all hashes.
const SUITE: u8 = 0xfe;
/// Bytes of a challenge: half of those of the group order (cLen of RFC 9381 section 5.5).
const CHALLENGE_LENGTH: usize = 16;

/// A beacon's secret key.
#[derive(Clone)]
pub struct BeaconKey {
    secret: k256::NonZeroScalar,
    public: BeaconPublicKey,
}

/// A beacon's public key: a point of secp256k1 that is not infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BeaconPublicKey(AffinePoint);

/// A proof, with the points that let a contract verify it cheaply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    gamma: AffinePoint,
    c: [u8; CHALLENGE_LENGTH],
    s: Scalar,
    /// U = s*B - c*Y.
    u: AffinePoint,
    /// s*H.
    s_h: AffinePoint,
    /// c*Gamma.
    c_gamma: AffinePoint,
}

/// Why a key or a proof is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VrfError {
    /// The secret is zero or not below the group order.
    #[error("a beacon's secret key must be at least 1 and less than the order of secp256k1")]
    InvalidSecret,
    /// The coordinates are not those of a point of the curve.
    #[error("the point is not on secp256k1")]
    InvalidPoint,
    /// The proof does not prove its output for this key and message.
    #[error("the proof does not hold for this key and message")]
    InvalidProof,
    /// None of the 256 counters gave a point, which happens to one message in 2^256.
    #[error("the message cannot be encoded to the curve")]
    NotEncodable,
}

impl std::fmt::Debug for BeaconKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BeaconKey").field("public", &self.public).finish_non_exhaustive()
    }
}

impl BeaconKey {
    /// Makes a key from 32 secret bytes, big-endian.
    ///
    /// # Errors
    /// [`VrfError::InvalidSecret`] if they are zero or not below the order of the group.
    pub fn from_bytes(secret: &[u8; 32]) -> Result<Self, VrfError> {
        let secret = k256::NonZeroScalar::from_repr((*secret).into())
            .into_option()
            .ok_or(VrfError::InvalidSecret)?;
        let public = (ProjectivePoint::GENERATOR * *secret).to_affine();
        Ok(Self { secret, public: BeaconPublicKey(public) })
    }

    /// Returns the secret bytes.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.secret.to_repr().into())
    }

    /// Returns the public key.
    pub fn public(&self) -> BeaconPublicKey {
        self.public
    }

    /// Proves the output for `alpha` (RFC 9381 section 5.1). The same key and message give the same
    /// proof.
    ///
    /// # Errors
    /// [`VrfError::NotEncodable`], practically never.
    pub fn prove(&self, alpha: &[u8]) -> Result<Proof, VrfError> {
        let h = encode_to_curve(&self.public.0, alpha)?;
        let gamma = (ProjectivePoint::from(h) * *self.secret).to_affine();
        let nonce = self.nonce(&compressed(&h));
        let u = (ProjectivePoint::GENERATOR * *nonce).to_affine();
        let v = (ProjectivePoint::from(h) * *nonce).to_affine();
        let c = challenge([&self.public.0, &h, &gamma, &u, &v]);
        let c_scalar = challenge_scalar(&c);
        let s = *nonce + c_scalar * *self.secret;
        let s_h = (ProjectivePoint::from(h) * s).to_affine();
        let c_gamma = (ProjectivePoint::from(gamma) * c_scalar).to_affine();
        Ok(Proof { gamma, c, s, u, s_h, c_gamma })
    }

    /// Returns the nonce of RFC 9381 section 5.4.2.1: RFC 6979 with the encoded point as message.
    fn nonce(&self, h: &[u8]) -> Zeroizing<Scalar> {
        let hash = <Scalar as Reduce<U256>>::reduce_bytes(&Sha256::digest(h));
        let order: FieldBytes = k256::Secp256k1::ORDER.to_be_byte_array();
        let secret = Zeroizing::new(<[u8; 32]>::from(self.secret.to_repr()));
        let mut bytes =
            rfc6979::generate_k::<Sha256, _>(&(*secret).into(), &order, &hash.to_repr(), &[]);
        let nonce = Option::from(Scalar::from_repr(bytes));
        zeroize::Zeroize::zeroize(bytes.as_mut_slice());
        Zeroizing::new(nonce.expect("BUG: RFC 6979 gives a scalar below the order"))
    }
}

impl BeaconPublicKey {
    /// Makes a key from its affine coordinates, big-endian.
    ///
    /// # Errors
    /// [`VrfError::InvalidPoint`] unless they are on the curve.
    pub fn from_coordinates(x: &[u8; 32], y: &[u8; 32]) -> Result<Self, VrfError> {
        point(x, y).map(Self)
    }

    /// Returns the affine coordinates, big-endian.
    pub fn coordinates(&self) -> [[u8; 32]; 2] {
        coordinates(&self.0)
    }
}

impl Proof {
    /// Makes a proof from the words a contract accepts: the coordinates of gamma, u, sH and cGamma,
    /// then c and s, all big-endian.
    ///
    /// # Errors
    /// [`VrfError::InvalidPoint`] for points off the curve, [`VrfError::InvalidProof`] for `c` over
    /// 128 bits or `s` not below the group order.
    pub fn from_words(
        points: [[[u8; 32]; 2]; 4],
        c: &[u8; 32],
        s: &[u8; 32],
    ) -> Result<Self, VrfError> {
        let [gamma, u, s_h, c_gamma] = points;
        let (high, low) = c.split_at(CHALLENGE_LENGTH);
        if high.iter().any(|byte| *byte != 0) {
            return Err(VrfError::InvalidProof);
        }
        Ok(Self {
            gamma: point(&gamma[0], &gamma[1])?,
            c: low.try_into().expect("BUG: a challenge is half of a word"),
            s: Scalar::from_repr((*s).into()).into_option().ok_or(VrfError::InvalidProof)?,
            u: point(&u[0], &u[1])?,
            s_h: point(&s_h[0], &s_h[1])?,
            c_gamma: point(&c_gamma[0], &c_gamma[1])?,
        })
    }

    /// Returns the points gamma, u, sH and cGamma as coordinates, big-endian.
    pub fn points(&self) -> [[[u8; 32]; 2]; 4] {
        [self.gamma, self.u, self.s_h, self.c_gamma].map(|point| coordinates(&point))
    }

    /// Returns c, left padded, and s, both big-endian.
    pub fn scalars(&self) -> [[u8; 32]; 2] {
        let mut c = [0; 32];
        c[CHALLENGE_LENGTH..].copy_from_slice(&self.c);
        [c, self.s.to_repr().into()]
    }

    /// Returns the output (RFC 9381 section 5.2). It has a meaning only after [`Proof::verify`].
    pub fn output(&self) -> [u8; 32] {
        let gamma = compressed(&self.gamma);
        Sha256::new()
            .chain_update([SUITE, 3])
            .chain_update(gamma)
            .chain_update([0])
            .finalize()
            .into()
    }

    /// Checks the proof (RFC 9381 section 5.3) and returns its output.
    ///
    /// # Errors
    /// [`VrfError::InvalidProof`] if it does not hold, or if its additional points differ from
    /// those it implies.
    pub fn verify(&self, key: &BeaconPublicKey, alpha: &[u8]) -> Result<[u8; 32], VrfError> {
        let h = ProjectivePoint::from(encode_to_curve(&key.0, alpha)?);
        let c = challenge_scalar(&self.c);
        let u = ProjectivePoint::GENERATOR * self.s - ProjectivePoint::from(key.0) * c;
        let s_h = h * self.s;
        let c_gamma = ProjectivePoint::from(self.gamma) * c;
        let v = s_h - c_gamma;
        if bool::from(u.is_identity()) || bool::from(v.is_identity()) {
            return Err(VrfError::InvalidProof);
        }
        let (u, v) = (u.to_affine(), v.to_affine());
        let expected = challenge([&key.0, &h.to_affine(), &self.gamma, &u, &v]);
        let points_match =
            (self.u, self.s_h, self.c_gamma) == (u, s_h.to_affine(), c_gamma.to_affine());
        if expected == self.c && points_match {
            Ok(self.output())
        } else {
            Err(VrfError::InvalidProof)
        }
    }
}

/// Returns the point of a message (RFC 9381 section 5.4.1.1), with the public key as salt.
fn encode_to_curve(public: &AffinePoint, alpha: &[u8]) -> Result<AffinePoint, VrfError> {
    let base = Sha256::new().chain_update([SUITE, 1]).chain_update(compressed(public));
    let base = base.chain_update(alpha);
    for counter in 0..=u8::MAX {
        let hash = base.clone().chain_update([counter, 0]).finalize();
        let mut encoded = [2; 33];
        encoded[1..].copy_from_slice(&hash);
        let candidate = EncodedPoint::from_bytes(encoded).map_err(|_| VrfError::NotEncodable)?;
        if let Some(point) = AffinePoint::from_encoded_point(&candidate).into_option() {
            return Ok(point);
        }
    }
    Err(VrfError::NotEncodable)
}

/// Returns the challenge of RFC 9381 section 5.4.3.
fn challenge(points: [&AffinePoint; 5]) -> [u8; CHALLENGE_LENGTH] {
    let mut hash = Sha256::new().chain_update([SUITE, 2]);
    for point in points {
        hash.update(compressed(point));
    }
    let digest = hash.chain_update([0]).finalize();
    digest[..CHALLENGE_LENGTH].try_into().expect("BUG: a digest is longer than a challenge")
}

fn challenge_scalar(c: &[u8; CHALLENGE_LENGTH]) -> Scalar {
    Scalar::from(u128::from_be_bytes(*c))
}

fn compressed(point: &AffinePoint) -> Vec<u8> {
    point.to_encoded_point(true).as_bytes().to_vec()
}

fn coordinates(point: &AffinePoint) -> [[u8; 32]; 2] {
    let encoded = point.to_encoded_point(false);
    // Only infinity has no coordinates, and contracts write it as (0, 0).
    let [x, y] = [encoded.x(), encoded.y()].map(|part| part.copied().unwrap_or_default());
    [x.into(), y.into()]
}

fn point(x: &[u8; 32], y: &[u8; 32]) -> Result<AffinePoint, VrfError> {
    let encoded = EncodedPoint::from_affine_coordinates(x.into(), y.into(), false);
    AffinePoint::from_encoded_point(&encoded).into_option().ok_or(VrfError::InvalidPoint)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn only_the_proven_message_and_key_verify(
            secret in 1u64.., other in 1u64.., alpha: Vec<u8>, beta: Vec<u8>
        ) {
            let key = |secret: u64| {
                let mut bytes = [0; 32];
                bytes[24..].copy_from_slice(&secret.to_be_bytes());
                BeaconKey::from_bytes(&bytes).unwrap()
            };
            let proof = key(secret).prove(&alpha).unwrap();
            prop_assert_eq!(proof.verify(&key(secret).public(), &alpha), Ok(proof.output()));
            if alpha != beta {
                prop_assert_eq!(proof.verify(&key(secret).public(), &beta), Err(VrfError::InvalidProof));
            }
            if secret != other {
                prop_assert_eq!(proof.verify(&key(other).public(), &alpha), Err(VrfError::InvalidProof));
            }
            let [c, s] = proof.scalars();
            prop_assert_eq!(&Proof::from_words(proof.points(), &c, &s).unwrap(), &proof);
        }
    }

    #[test]
    fn a_secret_is_at_least_1_and_less_than_the_order() {
        // The order of secp256k1 (SEC 2 section 2.4.1).
        let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
        let order: [u8; 32] = hex::decode(order).unwrap().try_into().unwrap();
        let [mut one, mut last] = [[0; 32], order];
        one[31] = 1;
        last[31] -= 1;
        for secret in [one, last] {
            let key = BeaconKey::from_bytes(&secret).unwrap();
            assert_eq!(*key.to_bytes(), secret);
            let shown = format!("BeaconKey {{ public: {:?}, .. }}", key.public());
            assert_eq!(format!("{key:?}"), shown);
        }
        for secret in [[0; 32], order, [255; 32]] {
            assert_eq!(BeaconKey::from_bytes(&secret).unwrap_err(), VrfError::InvalidSecret);
        }
    }

    #[test]
    fn the_keys_of_1_and_of_the_order_less_1_are_the_generator_and_its_negation() {
        let word = |text: &str| -> [u8; 32] { hex::decode(text).unwrap().try_into().unwrap() };
        // G and the negated y of G (SEC 2 section 2.4.1).
        let x = word("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
        let y = word("483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8");
        let negated = word("b7c52588d95c3b9aa25b0403f1eef75702e84bb7597aabe663b82f6f04ef2777");
        let mut one = [0; 32];
        one[31] = 1;
        let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140";
        for (secret, expected) in [(one, [x, y]), (word(order), [x, negated])] {
            let key = BeaconKey::from_bytes(&secret).unwrap().public();
            assert_eq!(key.coordinates(), expected);
            assert_eq!(BeaconPublicKey::from_coordinates(&x, &expected[1]), Ok(key));
        }
    }

    /// Lists the variants: a new one does not compile until it has a message here, and a test that
    /// reaches it.
    fn message(error: VrfError) -> &'static str {
        match error {
            // The test above.
            VrfError::InvalidSecret => {
                "a beacon's secret key must be at least 1 and less than the order of secp256k1"
            }
            // The reference's failures in `tests/trust/vectors.rs`.
            VrfError::InvalidPoint => "the point is not on secp256k1",
            VrfError::InvalidProof => "the proof does not hold for this key and message",
            // No message that reaches it can be found.
            VrfError::NotEncodable => "the message cannot be encoded to the curve",
        }
    }

    #[test]
    fn every_error_has_its_message() {
        for error in [
            VrfError::InvalidSecret,
            VrfError::InvalidPoint,
            VrfError::InvalidProof,
            VrfError::NotEncodable,
        ] {
            assert_eq!(error.to_string(), message(error));
        }
    }
}
