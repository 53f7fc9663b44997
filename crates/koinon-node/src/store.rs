//! The local artifact store: files by their IPFS CID.
//!
//! A CID names a UnixFS file of CID version 1 with raw leaves, SHA-256, chunks of 1 MiB and 1,024
//! links per node: the defaults of helia, and of kubo with `--chunker=size-1048576
//! --max-file-links=1024`. A file is checked against its CID each time it is used, so the store
//! need not be trusted.

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

/// Bytes per chunk of a file.
const CHUNK_SIZE: usize = 1 << 20;
/// Links per node of a file's tree.
const MAX_LINKS: usize = 1024;

/// A directory of files named by their CID.
#[derive(Clone, Debug)]
pub struct Store {
    dir: PathBuf,
}

/// Why an artifact cannot be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The text is not a CID version 1 of a SHA-256 UnixFS file.
    #[error("`{0}` is not a CID version 1 of a file (expected raw or dag-pb with SHA-256)")]
    Cid(String),
    /// The file is not in the store.
    #[error("artifact {cid} is not in the store {dir}: add it with `koinon artifact add FILE`")]
    Absent {
        /// The artifact.
        cid: String,
        /// The store.
        dir: PathBuf,
    },
    /// The file's content has another CID.
    #[error(
        "the file of artifact {cid} has CID {found}: it was altered, or its CID was made with \
         chunks of other than 1 MiB"
    )]
    Altered {
        /// The CID it was asked for by.
        cid: String,
        /// The CID of its content.
        found: String,
    },
    /// The file's size differs from the declared one.
    #[error("artifact {cid} has {found} bytes, but {declared} are declared")]
    Size {
        /// The artifact.
        cid: String,
        /// Its size in bytes.
        found: u64,
        /// The declared size in bytes.
        declared: u64,
    },
    /// A file cannot be read or written.
    #[error("cannot use {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system call.
        #[source]
        source: io::Error,
    },
}

impl Store {
    /// Opens a directory as a store, and creates it if it does not exist.
    ///
    /// # Errors
    /// [`StoreError::Io`] if it cannot be created.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(dir).map_err(io_error(dir))?;
        Ok(Self { dir: dir.to_owned() })
    }

    /// Copies a file into the store and returns its CID.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the file cannot be read or copied.
    pub fn add(&self, file: &Path) -> Result<String, StoreError> {
        let cid = compute_cid(file)?.to_string();
        let path = self.dir.join(&cid);
        if !path.exists() {
            let part = self.dir.join(format!("{cid}.{}.part", std::process::id()));
            std::fs::copy(file, &part).map_err(io_error(file))?;
            make_executable(&part).map_err(io_error(&part))?;
            std::fs::rename(&part, &path).map_err(io_error(&path))?;
        }
        Ok(cid)
    }

    /// Returns the path of an artifact's file, checked against its CID and declared size.
    ///
    /// # Errors
    /// [`StoreError::Cid`] if the text is not a CID, [`StoreError::Absent`] if the file is not in
    /// the store, [`StoreError::Size`] or [`StoreError::Altered`] if the file is a different one,
    /// [`StoreError::Io`].
    pub fn verified_path(&self, cid: &str, size: Option<u64>) -> Result<PathBuf, StoreError> {
        let (path, expected) = self.find(cid, size)?;
        check(&path, expected, cid)?;
        Ok(path)
    }

    /// Copies an artifact to a file that does not exist yet. The copy is checked, and shares
    /// nothing with the store's file: whoever alters one does not alter the other.
    ///
    /// # Errors
    /// As [`Store::verified_path`]; [`StoreError::Io`] if the file exists.
    pub(crate) fn place(&self, cid: &str, size: Option<u64>, to: &Path) -> Result<(), StoreError> {
        let (from, expected) = self.find(cid, size)?;
        let copy = || {
            // Made by nobody else.
            drop(File::create_new(to)?);
            // On file systems that can, the copy shares its blocks until one of the two changes.
            std::fs::copy(&from, to)
        };
        copy().map_err(io_error(to))?;
        check(to, expected, cid).inspect_err(|_| drop(std::fs::remove_file(to)))
    }

    /// Finds an artifact's file, whose content is not checked yet.
    fn find(&self, cid: &str, size: Option<u64>) -> Result<(PathBuf, Cid), StoreError> {
        let expected = parse_cid(cid)?;
        // The parsed form: text from a chain never becomes a path.
        let path = self.dir.join(expected.to_string());
        let found = match std::fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::Absent { cid: cid.to_owned(), dir: self.dir.clone() });
            }
            Err(source) => return Err(io_error(&path)(source)),
        };
        if let Some(declared) = size.filter(|declared| *declared != found) {
            return Err(StoreError::Size { cid: cid.to_owned(), found, declared });
        }
        Ok((path, expected))
    }
}

fn check(path: &Path, expected: Cid, cid: &str) -> Result<(), StoreError> {
    let found = compute_cid(path)?;
    if found == expected {
        return Ok(());
    }
    Err(StoreError::Altered { cid: cid.to_owned(), found: found.to_string() })
}

/// Computes the CID of a file.
fn compute_cid(path: &Path) -> Result<Cid, StoreError> {
    let mut adder = FileAdder::builder()
        .with_chunker(Chunker::Size(CHUNK_SIZE))
        .with_collector(BalancedCollector::with_branching_factor(MAX_LINKS))
        .with_cid_version(cid::Version::V1)
        .with_raw_leaves(true)
        .build();
    let mut file = File::open(path).map_err(io_error(path))?;
    let mut buffer = vec![0; CHUNK_SIZE];
    let mut last = None;
    loop {
        let read = file.read(&mut buffer).map_err(io_error(path))?;
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
    Ok(root.expect("BUG: even an empty file has a block"))
}

/// Parses the CID of a file that [`compute_cid`] could return.
fn parse_cid(text: &str) -> Result<Cid, StoreError> {
    const SHA2_256: u64 = 0x12;
    const RAW: u64 = 0x55;
    const DAG_PB: u64 = 0x70;
    let not_a_cid = || StoreError::Cid(text.to_owned());
    let cid = Cid::try_from(text).map_err(|_| not_a_cid())?;
    let is_file = cid.version() == cid::Version::V1
        && [RAW, DAG_PB].contains(&cid.codec())
        && cid.hash().code() == SHA2_256;
    if is_file { Ok(cid) } else { Err(not_a_cid()) }
}

fn make_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o555))
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> StoreError + use<> {
    let path = path.to_owned();
    move |source| StoreError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use sha2::Digest;

    use super::*;
    use crate::fixtures::messages;

    // CIDs computed from the specifications of CID, dag-pb and UnixFS by a separate program,
    // which also gives helia's CID for the large file below.
    const PROGRAM: &str = "bafkreiatcdfczcjs3pirqzul3f2eevmkhypvi226cxdjngo7xvqcj5ki3a";
    const PROGRAM_IN_BASE_16: &str =
        "f015512201310ca2c8932dbd118668bd97442558a3e1f546b5e15c69699dfbd6024f548d8";
    const ALTERED: &str = "bafkreickuaerknsjuct4cqstq7z5vhdsgmfna2pkt5u44fsavpsg7evihm";

    /// The concatenated SHA-256 of 0, 1, … as 64-bit big-endian numbers.
    fn hashes(count: u64) -> Vec<u8> {
        (0..count).flat_map(|number| sha2::Sha256::digest(number.to_be_bytes())).collect()
    }

    /// A node owns its copy, and may write whatever it likes into it.
    #[test]
    fn a_node_that_alters_its_program_does_not_alter_the_store() {
        use std::io::Write;
        use std::os::unix::fs::MetadataExt;
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store")).unwrap();
        let file = dir.path().join("run");
        std::fs::write(&file, "#!/bin/sh\n").unwrap();
        let cid = store.add(&file).unwrap();
        let placed = dir.path().join("placed");
        store.place(&cid, Some(10), &placed).unwrap();
        assert_eq!(std::fs::metadata(&placed).unwrap().nlink(), 1);
        assert_eq!(std::fs::metadata(&placed).unwrap().permissions().mode() & 0o777, 0o555);
        std::fs::set_permissions(&placed, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut program = std::fs::OpenOptions::new().append(true).open(&placed).unwrap();
        program.write_all(b"altered").unwrap();
        let whole = store.verified_path(&cid, None).unwrap();
        assert_eq!(std::fs::read(&whole).unwrap(), b"#!/bin/sh\n");
        // A copy of a file that was altered is not left behind.
        std::fs::set_permissions(&whole, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(&whole, "#!/bin/zz\n").unwrap();
        let other = dir.path().join("other");
        let error = store.place(&cid, None, &other).unwrap_err();
        assert!(matches!(error, StoreError::Altered { .. }), "{error:?}");
        assert!(!other.exists());
        assert!(matches!(store.place(&cid, None, &placed), Err(StoreError::Io { .. })));
    }

    #[test]
    fn cids_are_those_of_helia() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        let cases = [
            (
                b"hello world".to_vec(),
                "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
            ),
            (b"program".to_vec(), PROGRAM),
            (Vec::new(), "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"),
            (vec![0; 1 << 20], "bafkreibq4fevl27rgurgnxbp7adh42aqiyd6ouflxhj3gzmcxcxzbh6lla"),
            (vec![0; (1 << 20) + 1], "bafybeihd4yzq7n5umhjngdum4r6k2to7egxfkf2jz6thvwzf6djus22cmq"),
            // The CID that helia gives with its default parameters.
            (hashes(163_840), "bafybeigzmd5s67yiswpspdo7hkdm6duw77iz2bvhqay72vje7oa7aup44m"),
        ];
        for (content, cid) in cases {
            std::fs::write(&file, content).unwrap();
            assert_eq!(compute_cid(&file).unwrap().to_string(), cid);
        }
    }

    #[test]
    fn an_added_file_is_found_by_its_cid_in_any_base_and_can_be_executed() {
        use std::os::unix::fs::PermissionsExt;

        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "program").unwrap();
        let store = Store::open(&dir.path().join("store")).unwrap();
        for _ in 0..2 {
            assert_eq!(store.add(&file).unwrap(), PROGRAM);
        }
        for cid in [PROGRAM, PROGRAM_IN_BASE_16] {
            let path = store.verified_path(cid, Some(7)).unwrap();
            assert_eq!(path, dir.path().join("store").join(PROGRAM));
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "program");
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o555);
        }
        assert_eq!(std::fs::read_dir(dir.path().join("store")).unwrap().count(), 1);
    }

    #[test]
    fn only_a_cid_of_a_file_is_accepted() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let rejected = [
            "",
            "bafy",
            "../../etc/passwd",
            // Version 0; dag-cbor; SHA-512.
            "QmcjgCQqPVJsYsCTAPA9cB7MT25NJjk8sKJqUvCZKQds1A",
            "bafyreiatcdfczcjs3pirqzul3f2eevmkhypvi226cxdjngo7xvqcj5ki3a",
            "bafkrgqafp6uxpluzixnfll72hme6wklerbkdnfpls3xk6rc5n2j7yf7h5fqoi4snofuvtv3mjn7xcrsvdypk\
             gdo47wjbnl54frm4s3ojs5vue",
        ];
        for text in rejected {
            let error = store.verified_path(text, None).unwrap_err();
            assert!(matches!(&error, StoreError::Cid(cid) if cid == text), "{error:?}");
        }
    }

    /// Lists the variants: a new one does not compile until it has a name here, and a case below.
    fn variant(error: &StoreError) -> &'static str {
        match error {
            StoreError::Cid(_) => "Cid",
            StoreError::Absent { .. } => "Absent",
            StoreError::Altered { .. } => "Altered",
            StoreError::Size { .. } => "Size",
            StoreError::Io { .. } => "Io",
        }
    }

    #[test]
    fn every_store_error_is_reached() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let store = Store::open(dir).unwrap();
        let check = |error: StoreError, name: &str, expected: &[String]| {
            assert_eq!(variant(&error), name);
            assert_eq!(messages(&error), expected, "{error:?}");
        };
        let text = "`x` is not a CID version 1 of a file (expected raw or dag-pb with SHA-256)";
        check(store.verified_path("x", None).unwrap_err(), "Cid", &[text.to_owned()]);

        let text = format!(
            "artifact {PROGRAM} is not in the store {}: add it with `koinon artifact add FILE`",
            dir.display()
        );
        check(store.verified_path(PROGRAM, None).unwrap_err(), "Absent", &[text]);

        std::fs::write(dir.join(PROGRAM), "altered").unwrap();
        let text = format!(
            "the file of artifact {PROGRAM} has CID {ALTERED}: it was altered, or its CID was made \
             with chunks of other than 1 MiB"
        );
        check(store.verified_path(PROGRAM, Some(7)).unwrap_err(), "Altered", &[text]);

        let text = format!("artifact {PROGRAM} has 7 bytes, but 8 are declared");
        check(store.verified_path(PROGRAM, Some(8)).unwrap_err(), "Size", &[text]);

        let missing = "No such file or directory (os error 2)".to_owned();
        let text = format!("cannot use {}/none", dir.display());
        check(store.add(&dir.join("none")).unwrap_err(), "Io", &[text, missing]);

        let directory = "Is a directory (os error 21)".to_owned();
        std::fs::create_dir(dir.join(ALTERED)).unwrap();
        let text = format!("cannot use {}/{ALTERED}", dir.display());
        check(store.verified_path(ALTERED, None).unwrap_err(), "Io", &[text, directory]);
    }
}
