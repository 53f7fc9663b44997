//! Errors of reading and packing archives.

use thiserror::Error;

/// An archive that cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{archive}: {fault}")]
pub struct ArchiveError {
    /// The name the archive was opened under.
    pub archive: String,
    /// The fault in the archive.
    pub fault: ArchiveFault,
}

/// A fault in an archive. Members have the names of the archive, escaped where they are not text.
/// Positions are bytes from the start of the archive, or of the unpacked tar file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ArchiveFault {
    /// The bytes start like none of the formats that csd07 17.1.1 names.
    #[error(
        "expected a zip file, a tar file or a tar file compressed with gzip, found none of them"
    )]
    UnknownFormat,
    /// The archive is larger than [`Budgets::archive_bytes`](crate::Budgets::archive_bytes).
    #[error("expected at most {limit} bytes of archive, found {found}")]
    TooManyBytes {
        /// The size of the archive.
        found: usize,
        /// The budget.
        limit: usize,
    },
    /// The archive has more members than [`Budgets::members`](crate::Budgets::members).
    #[error("expected at most {limit} members, found more")]
    TooManyMembers {
        /// The budget.
        limit: usize,
    },
    /// A member is larger than [`Budgets::member_bytes`](crate::Budgets::member_bytes).
    #[error("expected at most {limit} bytes in a member, found more in `{member}`")]
    MemberTooLarge {
        /// The member.
        member: String,
        /// The budget.
        limit: usize,
    },
    /// All members together exceed [`Budgets::unpacked_bytes`](crate::Budgets::unpacked_bytes).
    #[error("expected at most {limit} unpacked bytes in all, found more at `{member}`")]
    UnpackedTooLarge {
        /// The member that exceeds the budget, or the compressed tar file.
        member: String,
        /// The budget.
        limit: usize,
    },
    /// Unpacked data exceed [`Budgets::ratio`](crate::Budgets::ratio) times their packed size.
    #[error("expected at most {limit} times the {packed} packed bytes of `{member}`, found more")]
    RatioTooHigh {
        /// The member, or the compressed tar file.
        member: String,
        /// The packed size in bytes.
        packed: usize,
        /// The budget.
        limit: u64,
    },
    /// The archive ends too early.
    #[error("expected {what} at byte {at}, found the end")]
    Truncated {
        /// The missing element.
        what: &'static str,
        /// Its expected position.
        at: usize,
    },
    /// The structure of the archive is broken.
    #[error("expected {what} at byte {at}")]
    Malformed {
        /// The expected element.
        what: &'static str,
        /// Where.
        at: usize,
    },
    /// The archive has bytes outside of its members, where another reader may find other members.
    #[error("expected {what} at byte {at}, found it at byte {found}")]
    Gap {
        /// The expected element.
        what: &'static str,
        /// Where.
        at: usize,
        /// Where it is.
        found: usize,
    },
    /// A member's data differ from its checksum or size, or cannot be unpacked.
    #[error("expected {what} of `{member}`, found other data")]
    Corrupt {
        /// The member, or the compressed tar file.
        member: String,
        /// The property that the data should have.
        what: &'static str,
    },
    /// A member's name is rejected.
    #[error("expected a relative path, found {fault} in the name `{member}`")]
    Name {
        /// The name.
        member: String,
        /// The fault in the archive.
        fault: NameFault,
    },
    /// Two members have the same path.
    #[error("expected each path once, found `{member}` twice")]
    Duplicate {
        /// The path.
        member: String,
    },
    /// A path belongs to a file and to a directory.
    #[error("expected a file or a directory at `{member}`, found both")]
    FileAndDirectory {
        /// The path.
        member: String,
    },
    /// A member is neither a file nor a directory.
    #[error("expected a file or a directory, found {kind} at `{member}`")]
    Kind {
        /// The member.
        member: String,
        /// The kind found.
        kind: &'static str,
    },
    /// Two headers of a member disagree, so that two readers could see different archives.
    #[error("expected one {field} of `{member}`, found two that differ")]
    Mismatch {
        /// The member.
        member: String,
        /// The property that differs.
        field: &'static str,
    },
    /// A member uses a feature outside of ISO/IEC 21320-1 or UStar, or one that only archives
    /// beyond all budgets need.
    #[error("expected a plain member, found {feature} at `{member}`")]
    Unsupported {
        /// The member, or the archive.
        member: String,
        /// The feature.
        feature: &'static str,
    },
    /// A zip member is compressed by something other than DEFLATE.
    #[error("expected method 0 (stored) or 8 (DEFLATE), found {method} at `{member}`")]
    Compression {
        /// The member.
        member: String,
        /// The method's number.
        method: u16,
    },
    /// The archive has a `TOSCA.meta` at the root and a second in `TOSCA-Metadata` (csd07 17.1).
    #[error("expected one TOSCA.meta, found `TOSCA.meta` and `TOSCA-Metadata/TOSCA.meta`")]
    TwoMetas,
    /// `TOSCA.meta` is invalid (csd07 17.2).
    #[error("{path}:{line}: expected {expected}, found {found}")]
    Meta {
        /// The path of `TOSCA.meta`.
        path: &'static str,
        /// The line, from 1.
        line: usize,
        /// The expected content.
        expected: &'static str,
        /// The content found.
        found: String,
    },
    /// A path in `TOSCA.meta` names no file of the archive.
    #[error("expected a file at `{path}`, which {key} names, found none")]
    NoDefinitions {
        /// The keyname.
        key: &'static str,
        /// The path.
        path: String,
    },
    /// The archive has neither `Entry-Definitions` nor exactly one YAML file at the root, so that
    /// the file to start with is unknown (csd07 17.3).
    #[error(
        "expected Entry-Definitions or one YAML file at the root, found {}",
        if found.is_empty() { "neither".to_owned() } else { found.join(", ") }
    )]
    NoEntry {
        /// The YAML files at the root: none or several.
        found: Vec<String>,
    },
    /// The file to start with, in an archive without `TOSCA.meta`, has no version, or a version
    /// without archives (csd07 17.3).
    #[error("expected a tosca_definitions_version in `{path}`, found {found}")]
    NoVersion {
        /// The file.
        path: String,
        /// The version found, or `none`.
        found: String,
    },
    /// The file to start with, in an archive of TOSCA 1.x without `TOSCA.meta`, lacks metadata
    /// (TOSCA 1.3, 6.3).
    #[error("expected {key} in the metadata of `{path}`, found none")]
    NoMetadata {
        /// The file.
        path: String,
        /// The key.
        key: &'static str,
    },
}

/// The fault in a rejected name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameFault {
    /// The name starts at the root of a file system or at a drive.
    #[error("an absolute path")]
    Absolute,
    /// A part of the name is `..`.
    #[error("`..`")]
    Parent,
    /// The name has a backslash, which separates directories on some systems.
    #[error("a backslash")]
    Backslash,
    /// The name has a control character, such as NUL.
    #[error("a control character")]
    Control,
    /// The name is not UTF-8; or it is not ASCII and neither marked as UTF-8 nor written on Unix.
    #[error("bytes that are not UTF-8 or not marked as UTF-8")]
    Encoding,
    /// The name is empty or has an empty part; in files to pack, also a part `.`.
    #[error("an empty part or `.`")]
    Empty,
    /// The name has more than 4096 bytes.
    #[error("more than 4096 bytes")]
    TooLong,
}

/// Files that cannot be packed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PackError {
    /// A path is invalid in an archive, or conflicts with another.
    #[error(transparent)]
    Path(ArchiveFault),
    /// A file has the path of `TOSCA.meta`, which packing writes.
    #[error("expected no `{0}` among the files, because packing writes it")]
    Meta(String),
    /// A path of the metadata names no file.
    #[error("expected a file at `{path}`, which {key} names, found none")]
    NoDefinitions {
        /// The keyname.
        key: &'static str,
        /// The path.
        path: String,
    },
    /// A value does not fit on a line.
    #[error("expected a value of {key} that fits a line of TOSCA.meta, found {value:?}")]
    Value {
        /// The keyname.
        key: &'static str,
        /// The value.
        value: String,
    },
    /// The files exceed a limit of the format.
    #[error("expected {limit}, found more at `{path}`")]
    TooLarge {
        /// The path.
        path: String,
        /// The limit.
        limit: &'static str,
    },
}

/// Returns a name that may be hostile in a form to show: escaped, and cut after 200 characters.
pub(super) fn shown(name: &[u8]) -> String {
    let start = &name[..name.len().min(800)];
    let text: String = String::from_utf8_lossy(start).chars().take(200).collect();
    text.escape_debug().to_string()
}
