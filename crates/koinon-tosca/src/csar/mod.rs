//! Cloud Service Archives: all files of a service in one file (csd07 chapter 17; TOSCA 1.3,
//! chapter 6).
//!
//! An archive comes as bytes and is unpacked as a whole, in memory. The formats are zip files, tar
//! files, and tar files compressed with gzip; the first bytes show which. Archives inside of
//! archives are ordinary files and are not opened.
//!
//! Input is hostile. [`Budgets`] bound everything, and declared sizes are not trusted: data are
//! unpacked in pieces, and the budgets are checked after each piece. An archive that two readers
//! could understand differently is rejected: duplicate names, headers that disagree, bytes between
//! members, links.
//!
//! This module reads both containers itself, in 300 lines each, and does not use the crates `zip`
//! and `tar`, because they hide what is rejected above: `zip` silently keeps the last of two
//! members with one name (zip-rs/zip2 issue 841), and `tar` applies pax headers for its caller and
//! has had advisories for the way it did so (GHSA-3cv2-h65g-fgmm). DEFLATE comes from flate2 over
//! miniz_oxide: pure Rust, with the same bytes on every machine, which a system's C library would
//! not guarantee.

mod entry_file;
mod fault;
mod inflate;
mod members;
mod meta;
mod tar;
mod write;
mod zip;

pub use self::entry_file::version_for;
pub use self::fault::ArchiveError;
pub use self::fault::ArchiveFault;
pub use self::fault::NameFault;
pub use self::fault::PackError;
pub use self::meta::CsarMeta;
pub use self::meta::CsarVersion;
pub use self::write::ArchiveFormat;
pub use self::write::pack;

use self::inflate::CompressedData;
use self::members::Members;
use self::members::clean_file;
use crate::budget::Budgets;
use crate::files::FileError;
use crate::files::Files;

/// The name of the whole archive in errors.
const WHOLE_ARCHIVE: &str = ".";

/// An opened archive, with all its files in memory.
#[derive(Clone, Debug)]
pub struct Archive {
    members: Members,
    version: CsarVersion,
    created_by: Option<String>,
    entry: String,
    others: Vec<String>,
}

impl Archive {
    /// Unpacks an archive. `name` is its name in errors.
    ///
    /// # Errors
    /// [`ArchiveError`] if the bytes are not an archive, exceed a budget, are unsafe, or do not
    /// name the file to start with.
    pub fn open(name: &str, bytes: &[u8], budgets: &Budgets) -> Result<Self, ArchiveError> {
        let members = unpack(bytes, budgets);
        let archive = members.and_then(|members| Self::new(members, budgets));
        archive.map_err(|fault| ArchiveError { archive: name.to_owned(), fault })
    }

    /// Finds the file to start with.
    fn new(members: Members, budgets: &Budgets) -> Result<Self, ArchiveFault> {
        let [root, directory] = [meta::AT_ROOT, meta::IN_DIRECTORY]
            .map(|path| members.files.get(path).map(|range| (path, &members.bytes[range.clone()])));
        if root.is_some() && directory.is_some() {
            return Err(ArchiveFault::TwoMetas);
        }
        let Some((path, bytes)) = root.or(directory) else {
            let entry = only_yaml(&members)?;
            let range = members.files[&entry].clone();
            let version = entry_file::version(&entry, &members.bytes[range], budgets)?;
            return Ok(Self { members, version, created_by: None, entry, others: Vec::new() });
        };
        let parsed = meta::read(path, bytes)?;
        let entry = match parsed.entry {
            Some(entry) => existing(&members, meta::ENTRY, &entry)?,
            // csd07 17.1: naming the file is optional.
            None => only_yaml(&members)?,
        };
        let others = parsed.others.iter().map(|path| existing(&members, meta::OTHERS, path));
        let others = others.collect::<Result<_, _>>()?;
        let (version, created_by) = (parsed.version, parsed.created_by);
        Ok(Self { members, version, created_by, entry, others })
    }

    /// Returns the path of the file to start with: `Entry-Definitions`, or the one YAML file at the
    /// root. The file exists.
    pub fn entry(&self) -> &str {
        &self.entry
    }

    /// Returns the paths of files with substitution templates, in the order of `Other-Definitions`.
    /// The files exist.
    pub fn others(&self) -> &[String] {
        &self.others
    }

    /// Returns the version of the archive's format. Without `TOSCA.meta` it follows from the
    /// version of TOSCA.
    pub fn version(&self) -> CsarVersion {
        self.version
    }

    /// Returns `Created-By`: the person or organization that made the archive.
    pub fn created_by(&self) -> Option<&str> {
        self.created_by.as_deref()
    }

    /// Returns the sorted paths of all files, including `TOSCA.meta`.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.members.files.keys().map(String::as_str)
    }

    /// Returns the bytes of the file at a path, if there is one.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.members.files.get(path).map(|range| &self.members.bytes[range.clone()])
    }
}

impl Files for Archive {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.get(path).map(<[u8]>::to_vec).ok_or(FileError::NotFound)
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let inside = |path: &&str| match path.rsplit_once('/') {
            Some((parent, _)) => parent == folder,
            None => folder.is_empty(),
        };
        self.paths().filter(inside).map(str::to_owned).collect()
    }
}

/// Returns whether bytes start like a format that [`Archive::open`] reads. The first 512 bytes are
/// enough.
pub fn is_archive(bytes: &[u8]) -> bool {
    ContainerFormat::of(bytes).is_some()
}

/// The container that holds an archive's files.
#[derive(Clone, Copy)]
enum ContainerFormat {
    Zip,
    Tar,
    Gzip,
}

impl ContainerFormat {
    fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(zip::LOCAL_SIGNATURE) || bytes.starts_with(zip::END_SIGNATURE) {
            Some(Self::Zip)
        } else if bytes.starts_with(&[0x1f, 0x8b]) {
            Some(Self::Gzip)
        } else if tar::is_tar(bytes) {
            Some(Self::Tar)
        } else {
            None
        }
    }
}

fn unpack(bytes: &[u8], budgets: &Budgets) -> Result<Members, ArchiveFault> {
    if bytes.len() > budgets.archive_bytes {
        let (found, limit) = (bytes.len(), budgets.archive_bytes);
        return Err(ArchiveFault::TooManyBytes { found, limit });
    }
    match ContainerFormat::of(bytes).ok_or(ArchiveFault::UnknownFormat)? {
        ContainerFormat::Zip => zip::read(bytes, budgets),
        ContainerFormat::Tar => tar::read(bytes.to_vec(), budgets),
        ContainerFormat::Gzip => {
            let whole = CompressedData { member: WHOLE_ARCHIVE, at: 0, bytes };
            let unpacked = whole.gunzip(budgets)?;
            if tar::is_tar(&unpacked) {
                tar::read(unpacked, budgets)
            } else {
                Err(ArchiveFault::UnknownFormat)
            }
        }
    }
}

/// Returns the one YAML file at the root (csd07 17.3).
fn only_yaml(members: &Members) -> Result<String, ArchiveFault> {
    let yaml =
        |path: &&String| !path.contains('/') && (path.ends_with(".yaml") || path.ends_with(".yml"));
    let found: Vec<String> = members.files.keys().filter(yaml).cloned().collect();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        _ => Err(ArchiveFault::NoEntry { found }),
    }
}

/// Returns the clean form of a path in `TOSCA.meta`, if the archive has that file.
fn existing(members: &Members, key: &'static str, path: &str) -> Result<String, ArchiveFault> {
    let clean = clean_file(path.as_bytes())?;
    if members.files.contains_key(&clean) {
        Ok(clean)
    } else {
        Err(ArchiveFault::NoDefinitions { key, path: clean })
    }
}
