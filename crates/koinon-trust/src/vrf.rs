//! ECVRF on secp256k1 (RFC 9381): the randomness of epochs.
//!
//! The form is ECVRF-…-SHA256-TAI of RFC 9381 section 5.5 with the curve secp256k1 and suite byte 0xFE, a convention
//! (the RFC names no suite for this curve): encode-to-curve is try-and-increment salted with the public key, the
//! challenge covers public key, H, Gamma, U and V, and the nonce is that of RFC 6979. The contracts' `ECVRF` library
//! verifies the same form.

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

const SUITE: u8 = 0xfe;
/// Length of the challenge: half the security level's group size (RFC 9381 section 5.5, cLen).
const CHALLENGE: usize = 16;

/// A beacon's secret key.
#[derive(Clone)]
pub struct BeaconKey {
    secret: k256::NonZeroScalar,
    public: BeaconPublicKey,
}

/// A beacon's public key: a point of secp256k1 that is not infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BeaconPublicKey(AffinePoint);

/// A proof, with the points that let a contract check it cheaply. Coordinates are big-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    gamma: AffinePoint,
    c: [u8; CHALLENGE],
    s: Scalar,
    /// U = s*B - c*Y.
    u: AffinePoint,
    /// s*H.
    s_h: AffinePoint,
    /// c*Gamma.
    c_gamma: AffinePoint,
}

/// Why a key or a proof is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VrfError {
    /// The secret is zero or not below the group order.
    #[error("a beacon's secret key must be between 1 and the order of secp256k1")]
    InvalidSecret,
    /// The coordinates are no point of the curve.
    #[error("the point is not on secp256k1")]
    InvalidPoint,
    /// The proof does not prove its output for this key and message.
    #[error("the proof does not hold for this key and message")]
    InvalidProof,
    /// No counter of 0..256 gave a point; happens for one message in 2^256.
    #[error("the message cannot be encoded to the curve")]
    NotEncodable,
}

impl std::fmt::Debug for BeaconKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BeaconKey").field("public", &self.public).finish_non_exhaustive()
    }
}

impl BeaconKey {
    /// Makes a key of 32 secret bytes, big-endian.
    ///
    /// # Errors
    /// [`VrfError::InvalidSecret`] unless they are between 1 and the order of the group.
    pub fn from_bytes(secret: &[u8; 32]) -> Result<Self, VrfError> {
        let secret = Option::from(k256::NonZeroScalar::from_repr((*secret).into()));
        let secret: k256::NonZeroScalar = secret.ok_or(VrfError::InvalidSecret)?;
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

    /// Proves the output for `alpha` (RFC 9381 section 5.1). The same key and message give the same proof.
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

    /// The nonce of RFC 9381 section 5.4.2.1: RFC 6979 with the encoded point as the message.
    fn nonce(&self, h: &[u8]) -> Zeroizing<Scalar> {
        let hash = <Scalar as Reduce<U256>>::reduce_bytes(&Sha256::digest(h));
        let order: FieldBytes = k256::Secp256k1::ORDER.to_be_byte_array();
        let secret = Zeroizing::new(<[u8; 32]>::from(self.secret.to_repr()));
        let mut bytes =
            rfc6979::generate_k::<Sha256, _>(&(*secret).into(), &order, &hash.to_repr(), &[]);
        let nonce = Option::from(Scalar::from_repr(bytes));
        zeroize::Zeroize::zeroize(bytes.as_mut_slice());
        Zeroizing::new(nonce.expect("RFC 6979 yields a scalar below the order"))
    }
}

impl BeaconPublicKey {
    /// Makes a key of its affine coordinates, big-endian.
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
    /// Makes a proof from what a contract takes: (gamma, u, sH, cGamma) as coordinates, c and s.
    ///
    /// # Errors
    /// [`VrfError::InvalidPoint`] for points off the curve, [`VrfError::InvalidProof`] for `c` over 128 bits or `s` not
    /// below the group order.
    pub fn from_words(
        points: [[[u8; 32]; 2]; 4],
        c: &[u8; 32],
        s: &[u8; 32],
    ) -> Result<Self, VrfError> {
        let [gamma, u, s_h, c_gamma] = points;
        let (high, low) = c.split_at(CHALLENGE);
        let s = Option::from(Scalar::from_repr((*s).into()));
        if high.iter().any(|byte| *byte != 0) {
            return Err(VrfError::InvalidProof);
        }
        Ok(Self {
            gamma: point(&gamma[0], &gamma[1])?,
            c: low.try_into().expect("half of 32 bytes"),
            s: s.ok_or(VrfError::InvalidProof)?,
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
        c[CHALLENGE..].copy_from_slice(&self.c);
        [c, self.s.to_repr().into()]
    }

    /// Returns the output (RFC 9381 section 5.2). It means something only after [`Proof::verify`].
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
    /// [`VrfError::InvalidProof`] if it does not hold, or if its additional points are not what they should be.
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
        let points = (self.u, self.s_h, self.c_gamma) == (u, s_h.to_affine(), c_gamma.to_affine());
        if expected == self.c && points { Ok(self.output()) } else { Err(VrfError::InvalidProof) }
    }
}

/// RFC 9381 section 5.4.1.1, with the public key as salt.
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

/// RFC 9381 section 5.4.3.
fn challenge(points: [&AffinePoint; 5]) -> [u8; CHALLENGE] {
    let mut hash = Sha256::new().chain_update([SUITE, 2]);
    for point in points {
        hash.update(compressed(point));
    }
    let digest = hash.chain_update([0]).finalize();
    digest[..CHALLENGE].try_into().expect("a digest is longer than a challenge")
}

fn challenge_scalar(c: &[u8; CHALLENGE]) -> Scalar {
    Scalar::from(u128::from_be_bytes(*c))
}

fn compressed(point: &AffinePoint) -> Vec<u8> {
    point.to_encoded_point(true).as_bytes().to_vec()
}

fn coordinates(point: &AffinePoint) -> [[u8; 32]; 2] {
    let encoded = point.to_encoded_point(false);
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
    fn secrets_out_of_range_are_refused() {
        assert_eq!(BeaconKey::from_bytes(&[0; 32]).unwrap_err(), VrfError::InvalidSecret);
        assert_eq!(BeaconKey::from_bytes(&[255; 32]).unwrap_err(), VrfError::InvalidSecret);
        assert_eq!(
            BeaconPublicKey::from_coordinates(&[1; 32], &[1; 32]).unwrap_err(),
            VrfError::InvalidPoint
        );
    }
}
