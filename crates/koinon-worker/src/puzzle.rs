//! The puzzle: to find a nonce whose hash with a challenge starts with enough zero bits.

use alloy_primitives::B256;
use sha2::Digest;
use sha2::Sha256;
use thiserror::Error;

/// Most zero bits of a puzzle: about a minute of work on one core.
pub const MAX_BITS: u32 = 28;

/// Nonces tried between two checks for cancellation: about a millisecond of work.
const NONCES_PER_CHECK: usize = 4096;

/// The error of a puzzle with more than [`MAX_BITS`] zero bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a puzzle of {0} bits is over the limit of {MAX_BITS}")]
pub struct TooManyBits(pub u32);

/// Returns SHA-256("koinon puzzle" ‖ challenge ‖ nonce), the nonce as 8 bytes, big-endian.
pub fn hash(challenge: B256, nonce: u64) -> B256 {
    let hash = Sha256::new().chain_update(b"koinon puzzle").chain_update(challenge);
    B256::from_slice(&hash.chain_update(nonce.to_be_bytes()).finalize())
}

/// Returns whether the nonce solves the puzzle: its hash starts with `bits` zero bits.
pub fn solves(challenge: B256, bits: u32, nonce: u64) -> bool {
    leading_zeros(hash(challenge, nonce)) >= bits
}

/// Finds the smallest nonce that solves the puzzle; `None` if `is_cancelled` returns true before.
///
/// # Errors
/// [`TooManyBits`] for more than [`MAX_BITS`] bits.
pub fn solve(
    challenge: B256,
    bits: u32,
    is_cancelled: impl Fn() -> bool,
) -> Result<Option<u64>, TooManyBits> {
    if bits > MAX_BITS {
        return Err(TooManyBits(bits));
    }
    for start in (0..u64::MAX).step_by(NONCES_PER_CHECK) {
        if is_cancelled() {
            return Ok(None);
        }
        let nonces = start..start.saturating_add(NONCES_PER_CHECK as u64);
        if let Some(nonce) = nonces.into_iter().find(|nonce| solves(challenge, bits, *nonce)) {
            return Ok(Some(nonce));
        }
    }
    Ok(None)
}

fn leading_zeros(hash: B256) -> u32 {
    let zeros = alloy_primitives::U256::from_be_bytes(hash.0).leading_zeros();
    u32::try_from(zeros).expect("BUG: a hash has 256 bits")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_hash_is_sha256_of_the_documented_bytes() {
        // printf 'koinon puzzle' + 32 zero bytes + 8 bytes of nonce 1 | sha256sum
        let expected = "0xfe242e89a96e5ff14a28ad926e0263ac399af02a3b3e435b35d6414943b6ded0";
        assert_eq!(hash(B256::ZERO, 1).to_string(), expected);
    }

    #[test]
    fn puzzles_over_the_limit_are_rejected() {
        assert_eq!(solve(B256::ZERO, 29, || false), Err(TooManyBits(29)));
        assert_eq!(solve(B256::ZERO, 28, || true), Ok(None));
    }

    #[test]
    fn zero_bits_are_counted_over_bytes() {
        let one = alloy_primitives::U256::from(1);
        for bits in 0..256u32 {
            let number: alloy_primitives::U256 = one << (255 - bits);
            assert_eq!(leading_zeros(B256::from(number)), bits);
        }
        assert_eq!(leading_zeros(B256::ZERO), 256);
    }

    proptest! {
        #[test]
        fn a_solution_solves_its_puzzle_and_is_the_smallest(challenge: [u8; 32], bits in 0u32..11) {
            let challenge = B256::from(challenge);
            let nonce = solve(challenge, bits, || false).unwrap().unwrap();
            prop_assert!(solves(challenge, bits, nonce));
            prop_assert!((0..nonce).all(|nonce| !solves(challenge, bits, nonce)));
            let number = alloy_primitives::U256::from_be_bytes(hash(challenge, nonce).0);
            prop_assert_eq!(number >> (256 - bits), alloy_primitives::U256::ZERO);
        }
    }
}
