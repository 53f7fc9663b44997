//! The data types that TOSCA itself defines (csd07 9.1).

/// The kind of value a data type has, after all derivations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    String,
    Integer,
    Float,
    Boolean,
    Bytes,
    Nil,
    Timestamp,
    Scalar,
    Version,
    List,
    Map,
    /// A map with declared properties.
    Complex,
}

/// The data types of TOSCA itself; the index of each is its number.
pub(crate) const BUILTIN: [(&str, Base); 11] = [
    ("string", Base::String),
    ("integer", Base::Integer),
    ("float", Base::Float),
    ("boolean", Base::Boolean),
    ("bytes", Base::Bytes),
    ("nil", Base::Nil),
    ("timestamp", Base::Timestamp),
    ("scalar", Base::Scalar),
    ("version", Base::Version),
    ("list", Base::List),
    ("map", Base::Map),
];

/// Returns whether TOSCA itself defines this data type.
pub(crate) fn is_builtin(name: &str) -> bool {
    BUILTIN.iter().any(|(builtin, _)| *builtin == name)
}
