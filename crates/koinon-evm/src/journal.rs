//! The chain's file: an append-only log of checksummed frames, one frame and one `fdatasync` per
//! commit.
//!
//! A frame is `magic, payload length, sequence, header check, payload, payload check`. The payload
//! check covers the check of the frame before, so frames cannot be lost, swapped or repeated
//! unnoticed. A crash can only tear the last frame, whose content was never acknowledged; it is
//! copied aside and cut off. Damage anywhere else refuses to open.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::fs::TryLockError;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use alloy_primitives::B256;
use alloy_primitives::keccak256;
use alloy_rlp::Decodable;
use alloy_rlp::Encodable;
use parking_lot::Mutex;

use crate::block::Block;
use crate::block::decode_recovered;
use crate::block::encode_recovered;
use crate::state::StateDiff;

type RecoveredTx = alloy::consensus::transaction::Recovered<alloy::consensus::TxEnvelope>;

const MAGIC: [u8; 8] = *b"koinon\x00\x01";
const HEADER_BYTES: usize = 8 + 4 + 8 + 8;
const CHECK_BYTES: usize = 16;
/// Larger than any block of 60M gas; bounds the read that a damaged length can cause.
const MAX_PAYLOAD_BYTES: usize = 1 << 30;
/// The file grows by this many zeros at a time: syncing bytes written over zeros is several times
/// faster than syncing a file that grew, because no metadata changes.
const GROWTH_BYTES: usize = 4 << 20;

/// Opening or reading the log failed.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process, or another handle of this one, has the directory open.
    #[error("{} is in use by another process", .0.display())]
    Locked(PathBuf),
    /// The operating system refused.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// The action that failed.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The error of the system call.
        #[source]
        source: io::Error,
    },
    /// Durable bytes differ from those written.
    #[error("{} is damaged at byte {offset}: {what}", .path.display())]
    Damaged {
        /// The log.
        path: PathBuf,
        /// Where the first damaged frame begins.
        offset: u64,
        /// The fault of that frame.
        what: &'static str,
    },
}

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
    offset: u64,
    len: usize,
}

impl BlockLocation {
    pub(crate) fn len(self) -> usize {
        self.len
    }
}

/// A frame in the making.
#[derive(Debug, Default)]
pub(crate) struct JournalFrame {
    payload: Vec<u8>,
    /// Where the frame's block is within the payload.
    block: Option<(usize, usize)>,
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

/// The open log, with the lock on its directory.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
    end: u64,
    /// Length of the file, zeros included; 0 until the log is loaded.
    allocated: u64,
    sequence: u64,
    last_check: [u8; CHECK_BYTES],
    _lock: File,
}

impl Journal {
    /// Opens or creates the log in `dir` and calls `each` with every entry and its location.
    pub(crate) fn open<E: From<JournalError>>(
        dir: &Path,
        mut each: impl FnMut(JournalEntry, BlockLocation) -> Result<(), E>,
    ) -> Result<Self, E> {
        fs::create_dir_all(dir).map_err(io_error("create", dir))?;
        let lock = lock(dir)?;
        let path = dir.join("chain.log");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(io_error("open", &path))?;
        let sync_dir = File::open(dir).and_then(|dir| dir.sync_all());
        sync_dir.map_err(io_error("sync", dir))?;
        let len = file.metadata().map_err(io_error("read", &path))?.len();
        let mut journal = Self {
            file,
            path,
            end: 0,
            allocated: 0,
            sequence: 0,
            last_check: [0; CHECK_BYTES],
            _lock: lock,
        };
        file = journal.file.try_clone().map_err(io_error("open", &journal.path))?;
        let mut reader = io::BufReader::with_capacity(1 << 20, file);
        while journal.end < len {
            let Some(payload) = journal.next_frame(&mut reader, len)? else {
                journal.set_tail_aside(len)?;
                break;
            };
            let start = journal.end + HEADER_BYTES as u64;
            journal.end = start + (payload.len() + CHECK_BYTES) as u64;
            journal.sequence += 1;
            for entry in entries(&payload) {
                let (entry, offset, len) =
                    entry.map_err(|_| journal.damaged(start, "an entry cannot be decoded"))?;
                each(entry, BlockLocation { offset: start + offset as u64, len })?;
            }
        }
        journal.allocated = journal.end;
        let end = journal.end;
        let seek = journal.file.seek(SeekFrom::Start(end));
        seek.map_err(io_error("seek in", &journal.path))?;
        Ok(journal)
    }

    /// Reads the frame at `self.end`; `None` if only a torn tail is left.
    fn next_frame(
        &mut self,
        reader: &mut (impl Read + Seek),
        len: u64,
    ) -> Result<Option<Vec<u8>>, JournalError> {
        let left = len - self.end;
        let mut header = [0; HEADER_BYTES];
        if left < HEADER_BYTES as u64 {
            return Ok(None);
        }
        reader.read_exact(&mut header).map_err(io_error("read", &self.path))?;
        let Some((size, sequence)) = parse_header(&header) else {
            return self.torn_unless_more_follows(self.end + 1, len, "the frame header is invalid");
        };
        if sequence != self.sequence {
            return Err(self.damaged(self.end, "the frame is out of sequence"));
        }
        let whole = (HEADER_BYTES + size + CHECK_BYTES) as u64;
        if whole > left {
            return Ok(None);
        }
        let mut payload = vec![0; size];
        let mut check = [0; CHECK_BYTES];
        reader.read_exact(&mut payload).map_err(io_error("read", &self.path))?;
        reader.read_exact(&mut check).map_err(io_error("read", &self.path))?;
        if check != payload_check(&self.last_check, &header, &payload) {
            let what = "the frame's checksum does not match";
            return self.torn_unless_more_follows(self.end + whole, len, what);
        }
        self.last_check = check;
        Ok(Some(payload))
    }

    /// Only the last frame can be torn: a later valid header proves that this frame was synced.
    fn torn_unless_more_follows(
        &self,
        from: u64,
        len: u64,
        what: &'static str,
    ) -> Result<Option<Vec<u8>>, JournalError> {
        let rest = self.read_range(from, len).map_err(io_error("read", &self.path))?;
        let follows = rest
            .windows(HEADER_BYTES)
            .any(|bytes| parse_header(bytes).is_some_and(|(_, sequence)| sequence > self.sequence));
        if follows { Err(self.damaged(self.end, what)) } else { Ok(None) }
    }

    /// Cuts off the bytes after the last frame, and copies them to a separate file unless all are
    /// zero.
    fn set_tail_aside(&mut self, len: u64) -> Result<(), JournalError> {
        let bytes = self.read_range(self.end, len).map_err(io_error("read", &self.path))?;
        if bytes.iter().any(|byte| *byte != 0) {
            self.keep_torn(&bytes)?;
        }
        self.allocated = self.end;
        let cut = self.file.set_len(self.end).and_then(|()| self.file.sync_all());
        cut.map_err(io_error("truncate", &self.path))
    }

    fn keep_torn(&self, bytes: &[u8]) -> Result<(), JournalError> {
        let aside = self.path.with_file_name(format!("torn-{}.bin", self.end));
        let cut = bytes.len();
        tracing::warn!(bytes = cut, kept = %aside.display(), "cut off an unfinished write");
        fs::write(&aside, bytes).map_err(io_error("write", &aside))
    }

    fn read_range(&self, from: u64, to: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(to.saturating_sub(from)).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Appends a frame and returns once it is on disk, with the place of its block.
    pub(crate) fn append(&mut self, frame: &JournalFrame) -> Result<BlockLocation, JournalError> {
        let payload = &frame.payload;
        let header = frame_header(payload.len(), self.sequence);
        let check = payload_check(&self.last_check, &header, payload);
        let mut bytes = Vec::with_capacity(HEADER_BYTES + payload.len() + CHECK_BYTES);
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(payload);
        bytes.extend_from_slice(&check);
        self.make_room(bytes.len() as u64)?;
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        written.map_err(io_error("append to", &self.path))?;
        let start = self.end + HEADER_BYTES as u64;
        self.end += bytes.len() as u64;
        self.sequence += 1;
        self.last_check = check;
        let (offset, len) = frame.block.unwrap_or_default();
        Ok(BlockLocation { offset: start + offset as u64, len })
    }

    /// Ensures that the next bytes overwrite zeros that are already on disk.
    fn make_room(&mut self, len: u64) -> Result<(), JournalError> {
        if self.end + len <= self.allocated {
            return Ok(());
        }
        let zeros = vec![0; GROWTH_BYTES + len as usize];
        let grown = self
            .file
            .write_all(&zeros)
            .and_then(|()| self.file.sync_all())
            .and_then(|()| self.file.seek(SeekFrom::Start(self.end)));
        grown.map_err(io_error("extend", &self.path))?;
        self.allocated = self.end + zeros.len() as u64;
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn damaged(&self, offset: u64, what: &'static str) -> JournalError {
        JournalError::Damaged { path: self.path.clone(), offset, what }
    }
}

impl Drop for Journal {
    /// Cuts off the zeros. Zeros that stay do no harm.
    fn drop(&mut self) {
        // A log that failed to open must stay unchanged.
        if self.allocated <= self.end {
            return;
        }
        if let Err(error) = self.file.set_len(self.end) {
            tracing::debug!(%error, "cannot trim the log");
        }
    }
}

/// Reads blocks from the log by location.
#[derive(Debug)]
pub(crate) struct BlockArchive {
    file: Mutex<File>,
    path: PathBuf,
}

impl BlockArchive {
    pub(crate) fn open(path: &Path) -> Result<Self, JournalError> {
        let file = File::open(path).map_err(io_error("open", path))?;
        Ok(Self { file: Mutex::new(file), path: path.to_owned() })
    }

    pub(crate) fn read(&self, place: BlockLocation) -> Result<Block, JournalError> {
        let mut bytes = vec![0; place.len];
        {
            let mut file = self.file.lock();
            file.seek(SeekFrom::Start(place.offset)).map_err(io_error("seek in", &self.path))?;
            file.read_exact(&mut bytes).map_err(io_error("read", &self.path))?;
        }
        Block::decode(&mut bytes.as_slice()).map_err(|_| JournalError::Damaged {
            path: self.path.clone(),
            offset: place.offset,
            what: "the block cannot be decoded",
        })
    }
}

fn lock(dir: &Path) -> Result<File, JournalError> {
    let path = dir.join("lock");
    let mut options = OpenOptions::new();
    let lock = options.write(true).create(true).truncate(false).open(&path);
    let lock = lock.map_err(io_error("open", &path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(JournalError::Locked(dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(io_error("lock", &path)(source)),
    }
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError::Io { action, path, source }
}

fn frame_header(len: usize, sequence: u64) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&(len as u32).to_be_bytes());
    header[12..20].copy_from_slice(&sequence.to_be_bytes());
    let check: B256 = keccak256(&header[..20]);
    header[20..].copy_from_slice(&check[..8]);
    header
}

/// Returns the payload length and sequence number of a valid frame header.
fn parse_header(header: &[u8]) -> Option<(usize, u64)> {
    if !header.starts_with(&MAGIC) {
        return None;
    }
    let len = u32::from_be_bytes(header.get(8..12)?.try_into().ok()?) as usize;
    let sequence = u64::from_be_bytes(header.get(12..20)?.try_into().ok()?);
    (len <= MAX_PAYLOAD_BYTES && frame_header(len, sequence) == header).then_some((len, sequence))
}

fn payload_check(before: &[u8; CHECK_BYTES], header: &[u8], payload: &[u8]) -> [u8; CHECK_BYTES] {
    let mut hasher = alloy_primitives::Keccak256::new();
    hasher.update(before);
    hasher.update(header);
    hasher.update(payload);
    let mut check = [0; CHECK_BYTES];
    check.copy_from_slice(&hasher.finalize()[..CHECK_BYTES]);
    check
}

/// Returns the entries of a payload, each with the offset and length of its block.
fn entries(
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

#[cfg(test)]
mod tests {
    use alloy::consensus::Header;
    use alloy::consensus::Sealed;

    use super::*;

    fn block(number: u64, extra: usize) -> Block {
        let header = Header { number, extra_data: vec![7; extra].into(), ..Header::default() };
        Block { header: Sealed::new(header), txs: Vec::new(), receipts: Vec::new() }
    }

    /// Opens the log and returns its blocks with their places.
    fn opened(dir: &Path) -> (Journal, Vec<(Block, BlockLocation)>) {
        let mut blocks = Vec::new();
        let journal = Journal::open(dir, |entry, place| {
            if let JournalEntry::Block(entry) = entry {
                blocks.push((entry.0, place));
            }
            Ok::<(), JournalError>(())
        });
        (journal.unwrap(), blocks)
    }

    #[test]
    fn blocks_are_read_back_from_where_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = opened(dir.path());
        let mut written = Vec::new();
        for (number, extra) in [(0, 0), (1, 300), (2, 70_000), (3, 1)] {
            let mut frame = JournalFrame::default();
            // What stands before a block in its frame moves it.
            for waiting in 0..number {
                frame.add_dropped(B256::repeat_byte(waiting as u8));
            }
            let block = block(number, extra);
            frame.add_block(&block, &StateDiff::default());
            let place = journal.append(&frame).unwrap();
            assert_eq!(place.len(), frame.block_len());
            written.push((block, place));
        }
        drop(journal);
        let (journal, read) = opened(dir.path());
        let archive = BlockArchive::open(journal.path()).unwrap();
        assert_eq!(read.len(), written.len());
        for ((block, place), (read, read_place)) in written.iter().zip(&read) {
            assert_eq!(block, read);
            let mut bytes = Vec::new();
            block.encode(&mut bytes);
            assert_eq!((place.len(), read_place.len()), (bytes.len(), bytes.len()));
            assert_eq!(archive.read(*place).unwrap(), *block);
            assert_eq!(archive.read(*read_place).unwrap(), *block);
        }
    }
}
