//! The end of a log, in a file beside it: how far the log reached at least.
//!
//! Without it a log that lost its last frames looks like one that never had them. It is written
//! when the log is closed, and now and then while it grows; a frame before this end that is not
//! whole is damage, not an unfinished write.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;

use super::error::JournalError;
use super::error::io_error;
use super::frame::CHECK_BYTES;
use super::frame::Checksum;
use super::frame::hash;
use super::frame::short;

const FILE: &str = "chain.end";
const MAGIC: [u8; 8] = *b"end\x00\x00\x00\x00\x01";
const MARK_BYTES: usize = 8 + 8 + 8 + CHECK_BYTES;

/// How far a log reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EndMark {
    /// Where the last frame ends, in bytes from the log's start.
    pub(super) offset: u64,
    /// The number of frames.
    pub(super) frames: u64,
    /// The check of the last frame.
    pub(super) check: Checksum,
}

impl EndMark {
    /// Reads the mark of the log in a directory; `None` if there is none.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, JournalError> {
        let path = dir.join(FILE);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error("open", &path)(error)),
        };
        let mut bytes = Vec::new();
        // One byte more than a mark has, so that a longer file is seen to be none.
        let read = file.take((MARK_BYTES + CHECK_BYTES + 1) as u64).read_to_end(&mut bytes);
        read.map_err(io_error("read", &path))?;
        let what = "it is no mark of a log's end (without this file, the log is opened as far as it is whole)";
        Self::decode(&bytes).map(Some).ok_or(JournalError::Damaged { path, offset: 0, what })
    }

    /// Writes the mark in place of the one before.
    pub(super) fn write(&self, dir: &Path) -> Result<(), JournalError> {
        let (path, new) = (dir.join(FILE), dir.join("chain.end.new"));
        let written = File::create(&new)
            .and_then(|mut file| file.write_all(&self.encode()).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&new, &path));
        written.map_err(io_error("write", &path))
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&self.offset.to_be_bytes());
        bytes.extend_from_slice(&self.frames.to_be_bytes());
        bytes.extend_from_slice(&self.check);
        let check = short(hash(&[&bytes]));
        bytes.extend_from_slice(&check);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (mark, check) = bytes.split_at_checked(MARK_BYTES)?;
        if !mark.starts_with(&MAGIC) || short(hash(&[mark])) != *check {
            return None;
        }
        Some(Self {
            offset: u64::from_be_bytes(mark[8..16].try_into().ok()?),
            frames: u64::from_be_bytes(mark[16..24].try_into().ok()?),
            check: mark[24..].try_into().ok()?,
        })
    }
}
