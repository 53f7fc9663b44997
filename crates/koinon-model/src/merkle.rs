//! The commitment to a module's content, as `IModule.commitment` documents it.

use alloy_primitives::B256;
use alloy_primitives::keccak256;

use crate::id::Digest;

/// Computes a module's commitment from the path and blob of its entries, in index order.
pub fn commitment<'a>(entries: impl IntoIterator<Item = (&'a str, Digest)>) -> Digest {
    let pair = |left: B256, right: B256| keccak256([left.0, right.0].concat());
    let leaf = |(path, blob): (&str, Digest)| pair(keccak256(path.as_bytes()), blob);
    let mut nodes: Vec<B256> = entries.into_iter().map(leaf).collect();
    let count = nodes.len() as u64;
    while nodes.len() > 1 {
        nodes = nodes
            .chunks(2)
            .map(|sides| pair(sides[0], sides.get(1).copied().unwrap_or_default()))
            .collect();
    }
    let root = nodes.first().copied().unwrap_or_default();
    pair(B256::left_padding_from(&count.to_be_bytes()), root)
}
