//! The chain's file: an append-only log of checksummed frames, one frame and one `fdatasync` per
//! commit.
//!
//! The file begins with `magic, key, check`. A frame is `magic, payload length, sequence, header
//! check, payload, payload check`. The header's check covers the key, so nothing that a transaction
//! carries looks like a frame. The payload's check covers the check of the frame before, so frames
//! cannot be lost, swapped or repeated unnoticed. A crash can only tear the last frame, whose
//! content was never acknowledged; it is copied aside and cut off. Damage anywhere else, or before
//! the end that was noted beside the log, refuses to open.

mod archive;
mod end;
mod error;
mod frame;

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
pub(crate) use archive::BlockArchive;
use end::EndMark;
pub use error::JournalError;
use error::io_error;
pub(crate) use frame::BlockLocation;
use frame::CHECK_BYTES;
use frame::Checksum;
use frame::HEADER_BYTES;
pub(crate) use frame::JournalEntry;
pub(crate) use frame::JournalFrame;
use frame::LogKey;
use frame::entries;
use frame::frame_header;
use frame::hash;
use frame::parse_header;
use frame::payload_check;
use frame::short;

const MAGIC: [u8; 8] = *b"koinon\x00\x02";
/// The magic number, the key and a checksum stand before the first frame.
const START_BYTES: usize = 8 + 32 + CHECK_BYTES;
/// The file grows by this many zeros at a time: syncing bytes written over zeros is several times
/// faster than syncing a file that grew, because no metadata changes.
const GROWTH_BYTES: usize = 4 << 20;

/// The open log, with the lock on its directory.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    dir: PathBuf,
    path: PathBuf,
    key: LogKey,
    end: u64,
    /// Length of the file, zeros included; 0 until the log is loaded.
    allocated: u64,
    sequence: u64,
    last_check: Checksum,
    /// The end that was noted when the log was closed.
    noted: Option<EndMark>,
    _lock: File,
}

impl Journal {
    /// Opens the log in `dir`, or begins a new one, and calls `each` with every entry and its
    /// location. A new log gets its name with its first frame, so a log without one is damaged.
    pub(crate) fn open<E: From<JournalError>>(
        dir: &Path,
        each: impl FnMut(JournalEntry, BlockLocation) -> Result<(), E>,
    ) -> Result<Self, E> {
        fs::create_dir_all(dir).map_err(io_error("create", dir))?;
        let lock = lock(dir)?;
        let path = dir.join("chain.log");
        let noted = EndMark::read(dir)?;
        let mut options = OpenOptions::new();
        let file = match options.read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && noted.is_none() => {
                return Ok(Self::begin(dir, lock)?);
            }
            Err(error) => return Err(io_error("open", &path)(error).into()),
        };
        let len = file.metadata().map_err(io_error("read", &path))?.len();
        let mut reader = file.try_clone().map_err(io_error("open", &path))?;
        let (key, last_check) = read_start(&mut reader, &path)?;
        let mut journal = Self {
            file,
            dir: dir.to_owned(),
            path,
            key,
            end: START_BYTES as u64,
            allocated: 0,
            sequence: 0,
            last_check,
            noted,
            _lock: lock,
        };
        journal.load(reader, len, each)?;
        Ok(journal)
    }

    /// Begins a new log under another name.
    fn begin(dir: &Path, lock: File) -> Result<Self, JournalError> {
        let path = dir.join("chain.log.new");
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(io_error("create", &path))?;
        let key = LogKey(B256::random());
        let start = start(&key);
        file.write_all(&start).map_err(io_error("write", &path))?;
        Ok(Self {
            file,
            dir: dir.to_owned(),
            path,
            key,
            end: START_BYTES as u64,
            allocated: START_BYTES as u64,
            sequence: 0,
            last_check: first_check(&start),
            noted: None,
            _lock: lock,
        })
    }

    fn load<E: From<JournalError>>(
        &mut self,
        file: File,
        len: u64,
        mut each: impl FnMut(JournalEntry, BlockLocation) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut reader = io::BufReader::with_capacity(1 << 20, file);
        while self.end < len {
            let Some(payload) = self.next_frame(&mut reader, len)? else { break };
            let start = self.end + HEADER_BYTES as u64;
            self.end = start + (payload.len() + CHECK_BYTES) as u64;
            self.sequence += 1;
            self.check_against_noted()?;
            for entry in entries(&payload) {
                let (entry, offset, len) =
                    entry.map_err(|_| self.damaged(start, "an entry cannot be decoded"))?;
                each(entry, BlockLocation { offset: start + offset as u64, len })?;
            }
        }
        if self.sequence == 0 {
            return Err(self.damaged(self.end, "the first frame is missing").into());
        }
        if self.noted.is_some_and(|noted| self.sequence < noted.frames) {
            return Err(self
                .damaged(self.end, "frames that were closed properly are missing")
                .into());
        }
        if self.end < len {
            self.set_tail_aside(len)?;
        }
        self.allocated = self.end;
        let seek = self.file.seek(SeekFrom::Start(self.end));
        seek.map_err(io_error("seek in", &self.path))?;
        Ok(())
    }

    /// Where the log was closed, it must look as it did then.
    fn check_against_noted(&self) -> Result<(), JournalError> {
        match self.noted {
            Some(noted) if noted.frames == self.sequence && noted != self.mark() => {
                Err(self.damaged(self.end, "it differs from the log that was closed here"))
            }
            _ => Ok(()),
        }
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
        let Some((size, sequence)) = parse_header(&self.key, &header) else {
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
        let follows = rest.windows(HEADER_BYTES).any(|bytes| {
            parse_header(&self.key, bytes).is_some_and(|(_, sequence)| sequence > self.sequence)
        });
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
        let header = frame_header(&self.key, payload.len(), self.sequence);
        let check = payload_check(&self.last_check, &header, payload);
        let mut bytes = Vec::with_capacity(HEADER_BYTES + payload.len() + CHECK_BYTES);
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(payload);
        bytes.extend_from_slice(&check);
        self.make_room(bytes.len() as u64)?;
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        written.map_err(io_error("append to", &self.path))?;
        if self.sequence == 0 {
            self.get_name()?;
        }
        let start = self.end + HEADER_BYTES as u64;
        self.end += bytes.len() as u64;
        self.sequence += 1;
        self.last_check = check;
        let (offset, len) = frame.block.unwrap_or_default();
        Ok(BlockLocation { offset: start + offset as u64, len })
    }

    /// Gives a new log its name, now that its first frame is on disk.
    fn get_name(&mut self) -> Result<(), JournalError> {
        let path = self.dir.join("chain.log");
        let named = fs::rename(&self.path, &path)
            .and_then(|()| File::open(&self.dir))
            .and_then(|dir| dir.sync_all());
        named.map_err(io_error("name", &path))?;
        self.path = path;
        Ok(())
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
        // The log is whole up to here, so a later loss can be told from an unfinished write.
        if self.sequence > 0 { self.mark().write(&self.dir) } else { Ok(()) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn mark(&self) -> EndMark {
        EndMark { offset: self.end, frames: self.sequence, check: self.last_check }
    }

    fn damaged(&self, offset: u64, what: &'static str) -> JournalError {
        JournalError::Damaged { path: self.path.clone(), offset, what }
    }
}

impl Drop for Journal {
    /// Cuts off the zeros, and notes the end. Zeros that stay do no harm.
    fn drop(&mut self) {
        // A log that failed to open must stay unchanged.
        if self.allocated == 0 || self.sequence == 0 {
            return;
        }
        let trimmed = self.file.set_len(self.end).and_then(|()| self.file.sync_all());
        let trimmed = trimmed.map_err(io_error("truncate", &self.path));
        if let Err(error) = trimmed.and_then(|()| self.mark().write(&self.dir)) {
            tracing::warn!(%error, "the end of the log was not noted");
        }
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

/// Returns what stands before the first frame.
fn start(key: &LogKey) -> [u8; START_BYTES] {
    let mut start = [0; START_BYTES];
    start[..8].copy_from_slice(&MAGIC);
    start[8..40].copy_from_slice(key.0.as_slice());
    let check = short(hash(&[&start[..40]]));
    start[40..].copy_from_slice(&check);
    start
}

/// Returns what the check of the first frame covers in place of a frame before.
fn first_check(start: &[u8; START_BYTES]) -> Checksum {
    short(hash(&[start]))
}

fn read_start(reader: &mut File, path: &Path) -> Result<(LogKey, Checksum), JournalError> {
    let damaged = |what| JournalError::Damaged { path: path.to_owned(), offset: 0, what };
    let mut bytes = [0; START_BYTES];
    match reader.read_exact(&mut bytes) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Err(damaged("it is shorter than any log"));
        }
        Err(error) => return Err(io_error("read", path)(error)),
    }
    let key = LogKey(B256::from_slice(&bytes[8..40]));
    if start(&key) != bytes {
        return Err(damaged("it does not begin as a log of this version of Koinon"));
    }
    Ok((key, first_check(&bytes)))
}

#[cfg(test)]
mod tests {
    use alloy::consensus::Header;
    use alloy::consensus::Sealed;
    use alloy_rlp::Encodable as _;

    use super::*;
    use crate::block::Block;
    use crate::state::StateDiff;

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
            // Entries before a block in its frame move it.
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

    /// An unfinished write may lack its first bytes, and so its header, while bytes that a
    /// transaction carried stand in the middle of it.
    #[test]
    fn what_a_transaction_carries_never_looks_like_a_frame() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = opened(dir.path());
        let mut frame = JournalFrame::default();
        frame.add_block(&block(0, 3), &StateDiff::default());
        journal.append(&frame).unwrap();
        let end = journal.end as usize;
        let log = dir.path().join("chain.log");
        // A crash notes no end.
        let crash = |journal| {
            drop::<Journal>(journal);
            fs::remove_file(dir.path().join("chain.end")).unwrap();
        };
        crash(journal);
        let mut bytes = fs::read(&log).unwrap();
        let whole = bytes.clone();
        for key in [B256::ZERO, B256::repeat_byte(0xff)] {
            for sequence in [1, 2, 1000, u64::MAX] {
                bytes.truncate(end);
                bytes.extend([0; 500]);
                bytes.extend(frame_header(&LogKey(key), 40, sequence));
                bytes.extend([7; 100]);
                fs::write(&log, &bytes).unwrap();
                let (reopened, read) = opened(dir.path());
                assert_eq!((reopened.end as usize, read.len()), (end, 1));
                crash(reopened);
                assert_eq!(fs::read(&log).unwrap(), whole);
            }
        }
    }
}
