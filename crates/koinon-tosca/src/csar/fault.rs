//! What can be wrong with an archive.

use thiserror::Error;

/// Why an archive cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{archive}: {fault}")]
pub struct ArchiveError {
    /// The name the archive was opened under.
    pub archive: String,
    /// What is wrong with it.
    pub fault: ArchiveFault,
}

/// What is wrong with an archive. Members are named as the archive does, with what is no text escaped; places are bytes
/// from the start of the archive, of a compressed tar file from the start of what it unpacks to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ArchiveFault {
    /// It starts as no format does that csd07 17.1.1 names.
    #[error(
        "expected a zip file, a tar file or a tar file compressed with gzip, found none of them"
    )]
    UnknownFormat,
    /// It is larger than [`Budgets::archive_bytes`](crate::Budgets::archive_bytes).
    #[error("expected at most {limit} bytes of archive, found {found}")]
    TooManyBytes {
        /// Its bytes.
        found: usize,
        /// The budget.
        limit: usize,
    },
    /// It has more members than [`Budgets::members`](crate::Budgets::members).
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
    /// All is more than [`Budgets::unpacked_bytes`](crate::Budgets::unpacked_bytes).
    #[error("expected at most {limit} unpacked bytes in all, found more at `{member}`")]
    UnpackedTooLarge {
        /// The member at which it was, or the tar file that was compressed.
        member: String,
        /// The budget.
        limit: usize,
    },
    /// Something has more than [`Budgets::ratio`](crate::Budgets::ratio) times its packed size.
    #[error("expected at most {limit} times the {packed} packed bytes of `{member}`, found more")]
    RatioTooHigh {
        /// The member, or the tar file that was compressed.
        member: String,
        /// Its packed bytes.
        packed: usize,
        /// The budget.
        limit: u64,
    },
    /// It ends too early.
    #[error("expected {what} at byte {at}, found the end")]
    Truncated {
        /// What is missing.
        what: &'static str,
        /// Where it should be.
        at: usize,
    },
    /// Its structure is broken.
    #[error("expected {what} at byte {at}")]
    Malformed {
        /// What should be there.
        what: &'static str,
        /// Where.
        at: usize,
    },
    /// There are bytes that belong to nothing, in which another reader may find other members.
    #[error("expected {what} at byte {at}, found it at byte {found}")]
    Gap {
        /// What should be there.
        what: &'static str,
        /// Where.
        at: usize,
        /// Where it is.
        found: usize,
    },
    /// A member's data are not what its checksum and size say, or cannot be unpacked.
    #[error("expected {what} of `{member}`, found other data")]
    Corrupt {
        /// The member, or the tar file that was compressed.
        member: String,
        /// What the data should have.
        what: &'static str,
    },
    /// A member's name is refused.
    #[error("expected a relative path, found {fault} in the name `{member}`")]
    Name {
        /// The name.
        member: String,
        /// What is wrong with it.
        fault: NameFault,
    },
    /// Two members have one path.
    #[error("expected each path once, found `{member}` twice")]
    Duplicate {
        /// The path.
        member: String,
    },
    /// A path is that of a file and of a directory.
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
        /// What it is.
        kind: &'static str,
    },
    /// Two places of the archive say different things of a member, so that two readers would see two archives.
    #[error("expected one {field} of `{member}`, found two that differ")]
    Mismatch {
        /// The member.
        member: String,
        /// What differs.
        field: &'static str,
    },
    /// A member uses what ISO/IEC 21320-1 or UStar do not have, or what only archives beyond all budgets need.
    #[error("expected a plain member, found {feature} at `{member}`")]
    Unsupported {
        /// The member, or the archive.
        member: String,
        /// What it uses.
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
    /// There is a `TOSCA.meta` at the root and another in `TOSCA-Metadata` (csd07 17.1).
    #[error("expected one TOSCA.meta, found `TOSCA.meta` and `TOSCA-Metadata/TOSCA.meta`")]
    TwoMetas,
    /// `TOSCA.meta` is wrong (csd07 17.2).
    #[error("{path}:{line}: expected {expected}, found {found}")]
    Meta {
        /// Where the file is.
        path: &'static str,
        /// The line, from 1.
        line: usize,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A path in `TOSCA.meta` leads to no member.
    #[error("expected a file at `{path}`, which {key} names, found none")]
    NoDefinitions {
        /// The keyname.
        key: &'static str,
        /// The path.
        path: String,
    },
    /// Nothing says where to start: neither `Entry-Definitions`, nor one YAML file at the root (csd07 17.3).
    #[error(
        "expected Entry-Definitions or one YAML file at the root, found {}",
        if found.is_empty() { "neither".to_owned() } else { found.join(", ") }
    )]
    NoEntry {
        /// The YAML files at the root: none or several.
        found: Vec<String>,
    },
    /// The file an archive without `TOSCA.meta` starts with says no version, or one that has no archives (csd07 17.3).
    #[error("expected a tosca_definitions_version in `{path}`, found {found}")]
    NoVersion {
        /// The file.
        path: String,
        /// What is there instead.
        found: String,
    },
    /// The file an archive of TOSCA 1.x without `TOSCA.meta` starts with lacks metadata (TOSCA 1.3, 6.3).
    #[error("expected {key} in the metadata of `{path}`, found none")]
    NoMetadata {
        /// The file.
        path: String,
        /// The key.
        key: &'static str,
    },
}

/// Why a member's name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameFault {
    /// It starts at a file system's root, or at a drive.
    #[error("an absolute path")]
    Absolute,
    /// A part of it is `..`.
    #[error("`..`")]
    Parent,
    /// It has a backslash, which separates directories on some systems.
    #[error("a backslash")]
    Backslash,
    /// It has a control character, NUL among them.
    #[error("a control character")]
    Control,
    /// It is not UTF-8; or it is not ASCII, and nothing says that it is UTF-8 or comes from Unix.
    #[error("bytes that are not UTF-8, or not marked so")]
    Encoding,
    /// It has no part or an empty one; among files to be packed, also `.`.
    #[error("an empty part or `.`")]
    Empty,
    /// It has more than 4096 bytes.
    #[error("more than 4096 bytes")]
    TooLong,
}

/// Shows a name that may be hostile: escaped, and cut after 200 characters.
pub(super) fn shown(name: &[u8]) -> String {
    let start = &name[..name.len().min(800)];
    let text: String = String::from_utf8_lossy(start).chars().take(200).collect();
    text.escape_debug().to_string()
}
