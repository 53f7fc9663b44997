//! Frames of the log: entries in a payload, between a header and a check.

use alloy_primitives::B256;
use alloy_primitives::Keccak256;
use alloy_rlp::Decodable;
use alloy_rlp::Encodable;

use crate::block::Block;
use crate::block::decode_recovered;
use crate::block::encode_recovered;
use crate::state::StateDiff;

type RecoveredTx = alloy::consensus::transaction::Recovered<alloy::consensus::TxEnvelope>;

const MAGIC: [u8; 8] = *b"frame\x00\x00\x02";
pub(super) const HEADER_BYTES: usize = 8 + 4 + 8 + 8;
pub(super) const CHECK_BYTES: usize = 16;
/// Larger than any block of 60M gas; bounds the read that a damaged length can cause.
const MAX_PAYLOAD_BYTES: usize = 1 << 30;

/// The check of a frame, which covers that of the frame before.
pub(super) type Checksum = [u8; CHECK_BYTES];

/// The secret of a log, without which nobody can write a valid frame header: bytes that a stranger
/// put into a transaction never look like a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogKey(pub(super) B256);

/// One entry of the log.
#[derive(Debug)]
pub(crate) enum JournalEntry {
    /// A block and what it changed; the first one is genesis.
    Block(Box<(Block, StateDiff)>),
    /// A transaction that was accepted and waits for its block.
    Pooled(Box<RecoveredTx>),
    /// A waiting transaction was dropped, because it can no longer run.
    Dropped(B256),
}

const KIND_BLOCK: u8 = 1;
const KIND_POOLED: u8 = 2;
const KIND_DROPPED: u8 = 3;

/// Where the bytes of a block are in the log.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BlockLocation {
    pub(super) offset: u64,
    pub(super) len: usize,
}

impl BlockLocation {
    pub(crate) fn len(self) -> usize {
        self.len
    }
}

/// A frame in the making.
#[derive(Debug, Default)]
pub(crate) struct JournalFrame {
    pub(super) payload: Vec<u8>,
    /// Where the frame's block is within the payload.
    pub(super) block: Option<(usize, usize)>,
}

impl JournalFrame {
    pub(crate) fn add_block(&mut self, block: &Block, diff: &StateDiff) {
        let mut bytes = Vec::new();
        block.encode(&mut bytes);
        let block_len = bytes.len();
        diff.encode(&mut bytes);
        self.block = Some((self.payload.len() + 5, block_len));
        self.add(KIND_BLOCK, &bytes);
    }

    pub(crate) fn add_pooled(&mut self, tx: &RecoveredTx) {
        self.add(KIND_POOLED, &encode_recovered(tx));
    }

    pub(crate) fn add_dropped(&mut self, hash: B256) {
        self.add(KIND_DROPPED, hash.as_slice());
    }

    fn add(&mut self, kind: u8, bytes: &[u8]) {
        self.payload.push(kind);
        self.payload.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        self.payload.extend_from_slice(bytes);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.payload.is_empty()
    }

    /// Returns the length of the encoded block, for chains without a file.
    pub(crate) fn block_len(&self) -> usize {
        self.block.map_or(0, |(_, len)| len)
    }
}

pub(super) fn frame_header(key: &LogKey, len: usize, sequence: u64) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&(len as u32).to_be_bytes());
    header[12..20].copy_from_slice(&sequence.to_be_bytes());
    let check = hash(&[key.0.as_slice(), &header[..20]]);
    header[20..].copy_from_slice(&check[..8]);
    header
}

/// Returns the payload length and sequence number of a valid frame header.
pub(super) fn parse_header(key: &LogKey, header: &[u8]) -> Option<(usize, u64)> {
    if !header.starts_with(&MAGIC) {
        return None;
    }
    let len = u32::from_be_bytes(header.get(8..12)?.try_into().ok()?) as usize;
    let sequence = u64::from_be_bytes(header.get(12..20)?.try_into().ok()?);
    let valid = len <= MAX_PAYLOAD_BYTES && frame_header(key, len, sequence) == header;
    valid.then_some((len, sequence))
}

pub(super) fn payload_check(before: &Checksum, header: &[u8], payload: &[u8]) -> Checksum {
    short(hash(&[before, header, payload]))
}

pub(super) fn hash(parts: &[&[u8]]) -> B256 {
    let mut hasher = Keccak256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

pub(super) fn short(hash: B256) -> Checksum {
    let mut check = [0; CHECK_BYTES];
    check.copy_from_slice(&hash[..CHECK_BYTES]);
    check
}

/// Returns the entries of a payload, each with the offset and length of its block.
pub(super) fn entries(
    payload: &[u8],
) -> impl Iterator<Item = alloy_rlp::Result<(JournalEntry, usize, usize)>> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at >= payload.len() {
            return None;
        }
        let entry = entry(payload, &mut at);
        if entry.is_err() {
            at = payload.len();
        }
        Some(entry)
    })
}

fn entry(payload: &[u8], at: &mut usize) -> alloy_rlp::Result<(JournalEntry, usize, usize)> {
    let short = alloy_rlp::Error::InputTooShort;
    let head = payload.get(*at..*at + 5).ok_or(short)?;
    let len = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    let start = *at + 5;
    let mut bytes = payload.get(start..start + len).ok_or(short)?;
    *at = start + len;
    match head[0] {
        KIND_BLOCK => {
            let block = Block::decode(&mut bytes)?;
            let block_len = len - bytes.len();
            let diff = StateDiff::decode(&mut bytes)?;
            Ok((JournalEntry::Block(Box::new((block, diff))), start, block_len))
        }
        KIND_POOLED => {
            Ok((JournalEntry::Pooled(Box::new(decode_recovered(&mut bytes)?)), start, len))
        }
        KIND_DROPPED => {
            let hash = B256::try_from(bytes).map_err(|_| short)?;
            Ok((JournalEntry::Dropped(hash), start, len))
        }
        _ => Err(alloy_rlp::Error::Custom("unknown entry kind")),
    }
}
