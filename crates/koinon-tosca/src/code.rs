//! The codes of diagnostics. They are stable: a code is never given another meaning.

use serde::Serialize;
use serde::Serializer;

/// The kind of a diagnostic, written `K0xxx`.
///
/// K00xx reading bytes and YAML, K01xx the structure of TOSCA files, K02xx types, K03xx values and functions, K04xx
/// templates, K05xx what Koinon itself asks for, K09xx what is not supported yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A file cannot be read.
    Unreadable,
}

impl Code {
    /// Returns the code, such as `K0101`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "K0001",
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
