//! The puzzle: find a nonce whose hash, bound to a challenge, starts with enough zero bits.

use alloy_primitives::B256;
use sha2::Digest;
use sha2::Sha256;
use thiserror::Error;

/// Most zero bits a worker is asked for: about a minute of work on one core.
pub const MAX_BITS: u32 = 28;

/// The puzzle asks for more than [`MAX_BITS`] zero bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a puzzle of {0} bits is over the limit of {MAX_BITS}")]
pub struct TooHard(pub u32);

/// Returns SHA-256("koinon puzzle" ‖ challenge ‖ nonce), the nonce as 8 bytes, big-endian.
pub fn hash(challenge: B256, nonce: u64) -> B256 {
    let hash = Sha256::new().chain_update(b"koinon puzzle").chain_update(challenge);
    B256::from_slice(&hash.chain_update(nonce.to_be_bytes()).finalize())
}

/// Returns whether the nonce solves the puzzle: its hash starts with `bits` zero bits.
pub fn solves(challenge: B256, bits: u32, nonce: u64) -> bool {
    leading_zeros(hash(challenge, nonce)) >= bits
}

/// Finds the smallest nonce that solves the puzzle; `None` if `stop` says so before.
///
/// # Errors
/// [`TooHard`] for more than [`MAX_BITS`] bits.
pub fn solve(challenge: B256, bits: u32, stop: impl Fn() -> bool) -> Result<Option<u64>, TooHard> {
    if bits > MAX_BITS {
        return Err(TooHard(bits));
    }
    // Asking 1,000 times a second is enough, and costs nothing.
    let batch = 4096;
    for start in (0..u64::MAX).step_by(batch) {
        if stop() {
            return Ok(None);
        }
        let nonces = start..start.saturating_add(batch as u64);
        if let Some(nonce) = nonces.into_iter().find(|nonce| solves(challenge, bits, *nonce)) {
            return Ok(Some(nonce));
        }
    }
    Ok(None)
}

fn leading_zeros(hash: B256) -> u32 {
    let full = hash.iter().take_while(|byte| **byte == 0).count();
    let rest = hash.get(full).map_or(0, |byte| byte.leading_zeros());
    u32::try_from(full * 8).unwrap_or(u32::MAX) + rest
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
    fn too_hard_puzzles_are_refused() {
        assert_eq!(solve(B256::ZERO, 29, || false), Err(TooHard(29)));
        assert_eq!(solve(B256::ZERO, 28, || true), Ok(None));
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
