//! Cloud Service Archives: the files of a service in one (csd07 chapter 17; TOSCA 1.3, chapter 6).
//!
//! An archive comes as bytes and is unpacked as a whole, in memory: zip files, tar files, and tar files compressed with
//! gzip, told apart by what they hold. Archives within archives are files like any other, and are not opened.
//!
//! Input is hostile. Everything is bounded by [`Budgets`], and no declared size is believed: data are unpacked piece by
//! piece, and the budgets looked at after each. What two readers could understand as two archives is refused: names that
//! are twice there, headers that disagree, bytes between members, links.
//!
//! Both containers are read here, by 300 lines each, and not by the crates `zip` and `tar`. What is refused above is what
//! those make invisible: `zip` keeps the last of two members of one name and tells nobody (zip-rs/zip2 issue 841), `tar`
//! applies pax headers for its caller, and has had advisories for how (GHSA-3cv2-h65g-fgmm). DEFLATE is flate2's, with
//! miniz_oxide below it: Rust alone, and the same bytes on every machine, which a C library found there would not give.

mod fault;
mod head;
mod inflate;
mod members;
mod meta;
mod tar;
mod write;
mod zip;

use self::inflate::Packed;
use self::members::Members;
use self::members::clean_file;
use crate::budget::Budgets;
use crate::files::FileError;
use crate::files::Files;

pub use self::fault::ArchiveError;
pub use self::fault::ArchiveFault;
pub use self::fault::NameFault;
pub use self::head::version_for;
pub use self::meta::CsarVersion;
pub use self::meta::Meta;
pub use self::write::Format;
pub use self::write::PackError;
pub use self::write::pack;

/// What a tar file is called in errors that are about all of it.
const ALL: &str = ".";

/// An archive that was opened: all its files, in memory.
#[derive(Clone, Debug)]
pub struct Archive {
    members: Members,
    version: CsarVersion,
    created_by: Option<String>,
    entry: String,
    others: Vec<String>,
}

impl Archive {
    /// Unpacks an archive; `name` is what errors call it.
    ///
    /// # Errors
    /// [`ArchiveError`] if it is none, is beyond a budget or unsafe, or does not say where to start.
    pub fn open(name: &str, bytes: &[u8], budgets: &Budgets) -> Result<Self, ArchiveError> {
        let members = unpack(bytes, budgets);
        let archive = members.and_then(|members| Self::new(members, budgets));
        archive.map_err(|fault| ArchiveError { archive: name.to_owned(), fault })
    }

    /// Finds out where the archive starts.
    fn new(members: Members, budgets: &Budgets) -> Result<Self, ArchiveFault> {
        let [root, directory] = [meta::AT_ROOT, meta::IN_DIRECTORY]
            .map(|path| members.files.get(path).map(|range| (path, &members.bytes[range.clone()])));
        if root.is_some() && directory.is_some() {
            return Err(ArchiveFault::TwoMetas);
        }
        let Some((path, bytes)) = root.or(directory) else {
            let entry = only_yaml(&members)?;
            let range = members.files[&entry].clone();
            let version = head::version(&entry, &members.bytes[range], budgets)?;
            return Ok(Self { members, version, created_by: None, entry, others: Vec::new() });
        };
        let written = meta::read(path, bytes)?;
        let entry = match written.entry {
            Some(entry) => existing(&members, meta::ENTRY, &entry)?,
            // csd07 17.1: it may name the file.
            None => only_yaml(&members)?,
        };
        let others = written.others.iter().map(|path| existing(&members, meta::OTHERS, path));
        let others = others.collect::<Result<_, _>>()?;
        let (version, created_by) = (written.version, written.created_by);
        Ok(Self { members, version, created_by, entry, others })
    }

    /// Returns the path of the file to start with, which exists: `Entry-Definitions`, or the one YAML file at the root.
    pub fn entry(&self) -> &str {
        &self.entry
    }

    /// Returns the paths of files with substitution templates, which exist, in the order of `Other-Definitions`.
    pub fn others(&self) -> &[String] {
        &self.others
    }

    /// Returns the version of the archive's format; without `TOSCA.meta` that which goes with the version of TOSCA.
    pub fn version(&self) -> CsarVersion {
        self.version
    }

    /// Returns the person or organization that made it, if it says so.
    pub fn created_by(&self) -> Option<&str> {
        self.created_by.as_deref()
    }

    /// Returns the paths of all files, `TOSCA.meta` among them, sorted.
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

/// Whether bytes start as a format does that [`Archive::open`] reads; the first 512 are enough to know.
pub fn is_archive(bytes: &[u8]) -> bool {
    Container::of(bytes).is_some()
}

/// How files are put together.
#[derive(Clone, Copy)]
enum Container {
    Zip,
    Tar,
    Gzip,
}

impl Container {
    fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(zip::LOCAL) || bytes.starts_with(zip::END) {
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
    match Container::of(bytes).ok_or(ArchiveFault::UnknownFormat)? {
        Container::Zip => zip::read(bytes, budgets),
        Container::Tar => tar::read(bytes.to_vec(), budgets),
        Container::Gzip => {
            let tar = Packed { member: ALL, at: 0, bytes }.gunzip(budgets)?;
            if tar::is_tar(&tar) {
                tar::read(tar, budgets)
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

/// Returns the path a keyname's value means, at which there is a file.
fn existing(members: &Members, key: &'static str, path: &str) -> Result<String, ArchiveFault> {
    let clean = clean_file(path.as_bytes())?;
    if members.files.contains_key(&clean) {
        Ok(clean)
    } else {
        Err(ArchiveFault::NoDefinitions { key, path: clean })
    }
}
