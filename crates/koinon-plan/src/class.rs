//! What becomes of an element.

/// What becomes of an element (TOSCA 2.0 section 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// It is not there yet.
    Novel,
    /// It is there as something else.
    Modified,
    /// It should no longer be there.
    Obsolete,
    /// It is there as it should be.
    Unchanged,
}

impl Class {
    /// Returns the word used in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Novel => "novel",
            Self::Modified => "modified",
            Self::Obsolete => "obsolete",
            Self::Unchanged => "unchanged",
        }
    }
}
