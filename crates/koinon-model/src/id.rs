//! Ids and names.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::B256;
use serde::Serialize;
use sha2::Digest as _;
use sha2::Sha256;
use thiserror::Error;

/// A hash that names canonical bytes: Keccak-256 where contracts compute it, SHA-256 for documents.
pub type Digest = B256;

/// Hashes bytes with Keccak-256, as contracts do.
pub fn keccak256(bytes: &[u8]) -> Digest {
    alloy_primitives::keccak256(bytes)
}

/// Hashes a document with SHA-256 (FIPS 180-4), so that `sha256sum` of its file prints the same.
pub fn sha256(bytes: &[u8]) -> Digest {
    let mut hasher = DocumentHasher::default();
    hasher.update(bytes);
    hasher.finish()
}

/// Hashes a document as [`sha256`] does, piece by piece.
#[derive(Clone, Debug, Default)]
pub(crate) struct DocumentHasher(Sha256);

impl DocumentHasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Digest {
        B256::new(self.0.finalize().into())
    }
}

/// The number a service has after a change; 0 before the first. It never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Revision(pub u64);

/// The number of a span of blocks with one seed; 0 before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Epoch(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A name that contracts store: 1 to 32 bytes of `[A-Za-z0-9_.-]`, left aligned in a bytes32 on
/// chain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Name(String);

/// The text is not a [`Name`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected 1 to 32 characters of A-Z a-z 0-9 _ . -, found `{0}`")]
pub struct InvalidName(pub String);

impl Name {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name as contracts store it.
    pub fn to_word(&self) -> B256 {
        B256::right_padding_from(self.0.as_bytes())
    }

    /// Reads a name as contracts store it.
    ///
    /// # Errors
    /// [`InvalidName`] if the bytes are not a name followed by zeros.
    pub fn from_word(word: B256) -> Result<Self, InvalidName> {
        let end = word.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        String::from_utf8_lossy(&word[..end]).parse()
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if (1..=32).contains(&text.len()) && text.bytes().all(valid) {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidName(text.chars().take(64).collect()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A module that holds objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Module {
    /// Metadata, inputs and outputs of the service template.
    Core,
    /// Operators.
    Identity,
    /// Artifacts of node templates.
    Artifacts,
    /// Types, groups and policies.
    Topology,
    /// All other templates.
    Templates,
    /// Policies on who may do what.
    Security,
}

impl Module {
    /// All modules, in the order of their names in documents.
    pub const ALL: [Self; 6] = [
        Self::Core,
        Self::Identity,
        Self::Artifacts,
        Self::Topology,
        Self::Templates,
        Self::Security,
    ];

    /// Returns the name in Core's registry.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Identity => "identity",
            Self::Artifacts => "artifacts",
            Self::Topology => "topology",
            Self::Templates => "templates",
            Self::Security => "security",
        }
    }

    /// Returns the name as contracts store it.
    pub fn to_word(self) -> B256 {
        B256::right_padding_from(self.as_str().as_bytes())
    }
}

impl FromStr for Module {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let found = Self::ALL.into_iter().find(|module| module.as_str() == text);
        found.ok_or_else(|| InvalidName(text.chars().take(64).collect()))
    }
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A place in a group of a node set, written `set/group/place`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// The node set: the name of the node template that fills it.
    pub set: Name,
    /// The group, from 0.
    pub group: u32,
    /// The place in the group, from 0.
    pub place: u32,
}

impl FromStr for Slot {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let parse = || {
            let mut parts = text.split('/');
            let slot = Self {
                set: parts.next()?.parse().ok()?,
                group: parts.next()?.parse().ok()?,
                place: parts.next()?.parse().ok()?,
            };
            parts.next().is_none().then_some(slot)
        };
        parse().ok_or_else(|| InvalidName(text.chars().take(64).collect()))
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.set, self.group, self.place)
    }
}

impl Serialize for Slot {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256_gives_the_example_of_the_standard() {
        // FIPS 180-4, the example of one block.
        let expected = "0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc").to_string(), expected);
    }

    #[test]
    fn names_are_read_back_from_their_word() {
        for text in ["a", "stake_threshold", "abcdefghijklmnopqrstuvwxyz012345"] {
            let name: Name = text.parse().unwrap();
            assert_eq!(Name::from_word(name.to_word()), Ok(name));
        }
        for text in ["", "a b", "ü", "abcdefghijklmnopqrstuvwxyz0123456"] {
            assert_eq!(text.parse::<Name>(), Err(InvalidName(text.to_owned())));
        }
        let inner_zero = B256::right_padding_from(b"a\0b");
        assert_eq!(Name::from_word(inner_zero), Err(InvalidName("a\0b".to_owned())));
    }

    #[test]
    fn slots_are_read_as_written() {
        let slot: Slot = "worker/3/14".parse().unwrap();
        assert_eq!((slot.set.as_str(), slot.group, slot.place), ("worker", 3, 14));
        assert_eq!(slot.to_string(), "worker/3/14");
        for text in ["worker", "worker/1", "worker/1/2/3", "worker/-1/2", "/1/2"] {
            assert!(text.parse::<Slot>().is_err(), "{text}");
        }
    }
}
