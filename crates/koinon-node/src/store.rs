//! The local artifact store: files by their IPFS CID.
//!
//! A CID names a UnixFS file of version 1 with raw leaves, SHA-256, chunks of 1 MiB and 1,024 links a node: what helia
//! makes by default, and kubo with `--chunker=size-1048576 --max-file-links=1024`. Files are checked against their CID
//! whenever they are taken out, so the store need not be trusted.

use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use cid::Cid;
use rust_unixfs::file::adder::BalancedCollector;
use rust_unixfs::file::adder::Chunker;
use rust_unixfs::file::adder::FileAdder;
use thiserror::Error;

/// A directory of files named by their CID.
#[derive(Clone, Debug)]
pub struct Store {
    dir: PathBuf,
}

/// Why an artifact cannot be had.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The text is no CID, or names something else than a SHA-256 UnixFS file of version 1.
    #[error("`{0}` is no CID of version 1 of a file (raw or dag-pb, SHA-256)")]
    Cid(String),
    /// The file is not in the store.
    #[error("artifact {cid} is not in the store {dir}: add it with `koinon artifact add FILE`")]
    Absent {
        /// The artifact.
        cid: String,
        /// The store.
        dir: PathBuf,
    },
    /// The file is not what its CID says.
    #[error(
        "the file of artifact {cid} has CID {found}: it was altered, or made with other chunks than 1 MiB"
    )]
    Altered {
        /// What it should be.
        cid: String,
        /// What it is.
        found: String,
    },
    /// The file has another size than declared.
    #[error("artifact {cid} has {found} bytes, not the {declared} declared")]
    Size {
        /// The artifact.
        cid: String,
        /// Its size.
        found: u64,
        /// What was declared.
        declared: u64,
    },
    /// The file cannot be read or written.
    #[error("cannot use {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Store {
    /// Uses a directory, made if absent.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(dir).map_err(|source| failed(dir, source))?;
        Ok(Self { dir: dir.to_owned() })
    }

    /// Copies a file into the store and returns its CID.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn add(&self, file: &Path) -> Result<String, StoreError> {
        let cid = cid_of(file)?.to_string();
        let path = self.dir.join(&cid);
        if !path.exists() {
            let part = self.dir.join(format!("{cid}.{}.part", std::process::id()));
            std::fs::copy(file, &part).map_err(|source| failed(file, source))?;
            make_executable(&part).map_err(|source| failed(&part, source))?;
            std::fs::rename(&part, &path).map_err(|source| failed(&path, source))?;
        }
        Ok(cid)
    }

    /// Returns the path of an artifact's file, checked against its CID and declared size.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn take(&self, cid: &str, size: Option<u64>) -> Result<PathBuf, StoreError> {
        let wanted = parse(cid)?;
        // The parsed form: text from a chain never becomes a path.
        let path = self.dir.join(wanted.to_string());
        let found = match std::fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::Absent { cid: cid.to_owned(), dir: self.dir.clone() });
            }
            Err(source) => return Err(failed(&path, source)),
        };
        if let Some(declared) = size.filter(|declared| *declared != found) {
            return Err(StoreError::Size { cid: cid.to_owned(), found, declared });
        }
        let computed = cid_of(&path)?;
        if computed == wanted {
            return Ok(path);
        }
        Err(StoreError::Altered { cid: cid.to_owned(), found: computed.to_string() })
    }
}

/// Computes the CID of a file.
fn cid_of(path: &Path) -> Result<Cid, StoreError> {
    let mut adder = FileAdder::builder()
        .with_chunker(Chunker::Size(1 << 20))
        .with_collector(BalancedCollector::with_branching_factor(1024))
        .with_cid_version(cid::Version::V1)
        .with_raw_leaves(true)
        .build();
    let mut file = File::open(path).map_err(|source| failed(path, source))?;
    let mut buffer = vec![0; 1 << 20];
    let mut last = None;
    loop {
        let read = file.read(&mut buffer).map_err(|source| failed(path, source))?;
        if read == 0 {
            break;
        }
        let mut rest = &buffer[..read];
        while !rest.is_empty() {
            let (blocks, consumed) = adder.push(rest);
            last = blocks.last().map(|(cid, _)| cid).or(last);
            rest = &rest[consumed..];
        }
    }
    let root = adder.finish().last().map(|(cid, _)| cid).or(last);
    Ok(root.expect("even an empty file has a block"))
}

fn parse(text: &str) -> Result<Cid, StoreError> {
    const SHA2_256: u64 = 0x12;
    const RAW: u64 = 0x55;
    const DAG_PB: u64 = 0x70;
    let cid = Cid::try_from(text).map_err(|_| StoreError::Cid(text.to_owned()))?;
    let usable = cid.version() == cid::Version::V1
        && [RAW, DAG_PB].contains(&cid.codec())
        && cid.hash().code() == SHA2_256;
    if usable { Ok(cid) } else { Err(StoreError::Cid(text.to_owned())) }
}

fn make_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o555))
}

fn failed(path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use sha2::Digest;

    use super::*;

    /// The concatenated SHA-256 of 0, 1, … as 64-bit big-endian numbers.
    fn vector(hashes: u64) -> Vec<u8> {
        (0..hashes).flat_map(|number| sha2::Sha256::digest(number.to_be_bytes())).collect()
    }

    #[test]
    fn cids_are_those_of_helia() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, b"hello world").unwrap();
        // Version 1, raw, SHA-256 of "hello world", in base32.
        let hello = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
        assert_eq!(cid_of(&file).unwrap().to_string(), hello);
        std::fs::write(&file, vector(163_840)).unwrap();
        // The CID helia gives the file with its default parameters.
        let large = "bafybeigzmd5s67yiswpspdo7hkdm6duw77iz2bvhqay72vje7oa7aup44m";
        assert_eq!(cid_of(&file).unwrap().to_string(), large);
    }

    #[test]
    fn what_is_taken_is_what_was_added() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, b"program").unwrap();
        let store = Store::open(&dir.path().join("store")).unwrap();
        let cid = store.add(&file).unwrap();
        assert_eq!(store.add(&file).unwrap(), cid);
        let path = store.take(&cid, Some(7)).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"program");
        let size = store.take(&cid, Some(8)).unwrap_err();
        assert!(matches!(size, StoreError::Size { found: 7, declared: 8, .. }), "{size}");
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(store.take(&cid, None).unwrap_err(), StoreError::Absent { .. }));
        std::fs::write(&path, b"altered").unwrap();
        assert!(matches!(store.take(&cid, None).unwrap_err(), StoreError::Altered { .. }));
    }

    #[test]
    fn text_that_is_no_cid_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        for text in
            ["", "../../etc/passwd", "QmcjgCQqPVJsYsCTAPA9cB7MT25NJjk8sKJqUvCZKQds1A", "bafy"]
        {
            assert!(matches!(store.take(text, None).unwrap_err(), StoreError::Cid(_)), "{text}");
        }
    }
}
