//! The unpacked members of an archive, with checked names.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ops::Range;

use super::fault::ArchiveFault;
use super::fault::NameFault;
use super::fault::shown;
use crate::budget::Budgets;

/// The most bytes of a name: the limit of Linux for a path.
const MAX_NAME_BYTES: usize = 4096;

/// The unpacked members: the bytes of all, and the range of each file.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    pub(super) bytes: Vec<u8>,
    pub(super) files: BTreeMap<String, Range<usize>>,
    directories: BTreeSet<String>,
}

impl Members {
    /// Rejects a further member after `count` others if that exceeds the budget.
    pub(super) fn check_count(count: usize, budgets: &Budgets) -> Result<(), ArchiveFault> {
        let limit = budgets.members;
        if count < limit { Ok(()) } else { Err(ArchiveFault::TooManyMembers { limit }) }
    }

    /// Adds a file whose bytes are already in `bytes`.
    pub(super) fn file(&mut self, path: String, bytes: Range<usize>) -> Result<(), ArchiveFault> {
        if self.directories.contains(&path) {
            return Err(ArchiveFault::FileAndDirectory { member: path });
        }
        if self.files.contains_key(&path) {
            return Err(ArchiveFault::Duplicate { member: path });
        }
        self.files.insert(path, bytes);
        Ok(())
    }

    /// Adds a directory. The root, which an archive may name as `./`, is not counted.
    pub(super) fn directory(&mut self, path: String) -> Result<(), ArchiveFault> {
        if self.files.contains_key(&path) {
            return Err(ArchiveFault::FileAndDirectory { member: path });
        }
        if !path.is_empty() && !self.directories.insert(path.clone()) {
            return Err(ArchiveFault::Duplicate { member: path });
        }
        Ok(())
    }

    /// Checks that no member lies below a file.
    pub(super) fn finish(self) -> Result<Self, ArchiveFault> {
        for path in self.files.keys().chain(&self.directories) {
            let parents = path.match_indices('/').map(|(at, _)| &path[..at]);
            if let Some(parent) = parents.into_iter().find(|at| self.files.contains_key(*at)) {
                return Err(ArchiveFault::FileAndDirectory { member: parent.to_owned() });
            }
        }
        Ok(self)
    }
}

/// Returns the path for a member's name: relative, separated by `/`, without `.` parts, without the
/// slash at the end of a directory's name. Only the root's path is empty.
pub(super) fn clean(name: &[u8]) -> Result<String, ArchiveFault> {
    let refuse = |fault| Err(ArchiveFault::Name { member: shown(name), fault });
    if name.len() > MAX_NAME_BYTES {
        return refuse(NameFault::TooLong);
    }
    let Ok(text) = std::str::from_utf8(name) else { return refuse(NameFault::Encoding) };
    if text.chars().any(char::is_control) {
        return refuse(NameFault::Control);
    }
    if text.contains('\\') {
        return refuse(NameFault::Backslash);
    }
    let drive = text.as_bytes().get(1) == Some(&b':') && text.as_bytes()[0].is_ascii_alphabetic();
    if text.starts_with('/') || drive {
        return refuse(NameFault::Absolute);
    }
    let parts: Vec<&str> = text.strip_suffix('/').unwrap_or(text).split('/').collect();
    if parts.contains(&"..") {
        return refuse(NameFault::Parent);
    }
    if parts.contains(&"") {
        return refuse(NameFault::Empty);
    }
    let parts: Vec<&str> = parts.into_iter().filter(|part| *part != ".").collect();
    Ok(parts.join("/"))
}

/// Returns the path for a file's name.
pub(super) fn clean_file(name: &[u8]) -> Result<String, ArchiveFault> {
    let path = clean(name)?;
    if path.is_empty() || name.ends_with(b"/") {
        return Err(ArchiveFault::Name { member: shown(name), fault: NameFault::Empty });
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_paths_inside_the_archive() {
        for (name, path) in [
            ("a.yaml", "a.yaml"),
            ("./a.yaml", "a.yaml"),
            ("a/./b.yaml", "a/b.yaml"),
            ("a/b/", "a/b"),
            ("./", ""),
            (".", ""),
            ("...", "..."),
            ("grün.yaml", "grün.yaml"),
        ] {
            assert_eq!(clean(name.as_bytes()), Ok(path.to_owned()));
        }
        for (name, fault) in [
            (&b"/etc/passwd"[..], NameFault::Absolute),
            (b"C:evil", NameFault::Absolute),
            (b"../evil", NameFault::Parent),
            (b"a/../../evil", NameFault::Parent),
            (b"a/..", NameFault::Parent),
            (b"a\\..\\evil", NameFault::Backslash),
            (b"a\0.yaml", NameFault::Control),
            (b"a\n.yaml", NameFault::Control),
            (b"a\xff", NameFault::Encoding),
            (b"a//b", NameFault::Empty),
            (b"", NameFault::Empty),
            (b"a//", NameFault::Empty),
            (&[b'a'; 4097], NameFault::TooLong),
        ] {
            assert_eq!(clean(name), Err(ArchiveFault::Name { member: shown(name), fault }));
        }
        assert!(clean_file(b"a/").is_err());
        assert!(clean_file(b"./").is_err());
    }

    #[test]
    fn members_below_a_file_are_rejected() {
        let mut members = Members::default();
        members.file("a/b".to_owned(), 0..0).unwrap();
        members.directory("a/c/d".to_owned()).unwrap();
        assert_eq!(members.clone().finish().map(|members| members.files.len()), Ok(1));
        members.file("a".to_owned(), 0..0).unwrap();
        let fault = ArchiveFault::FileAndDirectory { member: "a".to_owned() };
        assert_eq!(members.finish().map(|_| ()), Err(fault));
    }
}
