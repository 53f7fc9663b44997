//! The classes of elements.

/// The class of an element in a change of the service (TOSCA 2.0 section 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ElementClass {
    /// It does not exist yet.
    Novel,
    /// It exists and differs.
    Modified,
    /// It exists and should not.
    Obsolete,
    /// It exists as it should.
    Unchanged,
}

impl ElementClass {
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
