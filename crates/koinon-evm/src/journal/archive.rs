//! Blocks of the log, read back by location.

use std::fs::File;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::path::Path;
use std::path::PathBuf;

use alloy_rlp::Decodable as _;
use parking_lot::Mutex;

use super::error::JournalError;
use super::error::io_error;
use super::frame::BlockLocation;
use crate::block::Block;

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
