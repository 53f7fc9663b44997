//! The codes of diagnostics. They are stable: the meaning of a code never changes.

use serde::Serialize;
use serde::Serializer;

/// The kind of a diagnostic, written `K0xxx`.
///
/// K00xx: bytes and YAML; K01xx: structure of TOSCA files; K02xx: types; K03xx: values and
/// functions; K04xx: templates; K05xx: rules of Koinon; K09xx: not supported yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// K0001: a file cannot be read.
    Unreadable,
    /// K0002: a file is not UTF-8.
    Encoding,
    /// K0003: the files have too many bytes.
    TooManyBytes,
    /// K0004: YAML syntax.
    Syntax,
    /// K0005: too many nested lists and maps.
    TooDeep,
    /// K0006: too many values.
    TooManyNodes,
    /// K0007: too many aliases, or aliases that stand for too much.
    TooManyAliases,
    /// K0008: an alias without anchor.
    UnknownAnchor,
    /// K0009: an alias inside the value it stands for.
    AliasInItself,
    /// K0010: a key stands twice in a map.
    DuplicateKey,
    /// K0011: `<<` merges something other than maps.
    Merge,
    /// K0012: a YAML tag.
    Tag,
    /// K0013: a second YAML document in a file.
    SecondDocument,
    /// K0014: an empty file.
    Empty,
    /// K0015: too many imported files.
    TooManyFiles,
    /// K0101: `tosca_definitions_version` is missing or not first.
    VersionFirst,
    /// K0102: an unknown version of TOSCA.
    UnknownVersion,
    /// K0103: an unknown keyname.
    UnknownKey,
    /// K0104: a mandatory keyname is missing.
    MissingKey,
    /// K0105: a YAML value of the wrong kind.
    WrongKind,
    /// K0106: an invalid name.
    InvalidName,
    /// K0107: an import that cannot be followed.
    Import,
    /// K0108: an unknown profile.
    UnknownProfile,
    /// K0109: a name is defined twice.
    DuplicateName,
    /// K0110: a keyname that is not allowed in this file.
    Misplaced,
    /// K0201: an unknown type.
    UnknownType,
    /// K0202: types derive from each other in a circle.
    TypeCycle,
    /// K0203: a derived type changes a definition in a way that is not allowed.
    Refinement,
    /// K0204: `entry_schema` or `key_schema` is missing or out of place.
    Schema,
    /// K0207: units of a scalar type that contradict each other.
    Scalar,
    /// K0205: a type that is not derived from the required type.
    NotDerived,
    /// K0206: a definition that contradicts itself.
    Definition,
    /// K0301: a value of the wrong type.
    Mismatch,
    /// K0302: a required value is missing.
    MissingValue,
    /// K0303: a value for a name that the type does not declare.
    Undeclared,
    /// K0304: a value does not pass its validation.
    Invalid,
    /// K0305: a value where the value is fixed.
    Fixed,
    /// K0306: an unknown function.
    UnknownFunction,
    /// K0307: a function call with wrong arguments.
    Arguments,
    /// K0308: an unknown input.
    UnknownInput,
    /// K0309: a path that leads nowhere.
    Path,
    /// K0310: an expression that has no value.
    Evaluation,
    /// K0311: evaluation needs too many steps.
    TooManySteps,
    /// K0312: a value that is known only at run time.
    RunTimeOnly,
    /// K0313: values that depend on each other in a circle.
    ValueCycle,
    /// K0314: a number that cannot be represented exactly.
    NoNumber,
    /// K0315: a required input has no value.
    MissingInput,
    /// K0401: an unknown template or group.
    UnknownTemplate,
    /// K0402: the target has no matching capability.
    Capability,
    /// K0403: a relationship that its types do not allow.
    Relationship,
    /// K0404: an allocation of a property that cannot be allocated.
    Allocation,
    /// K0405: a count out of its range.
    Count,
    /// K0406: a member or target whose type is not allowed.
    Member,
    /// K0407: a requirement that no node fulfills.
    Unfulfilled,
    /// K0408: nodes depend on each other in a circle.
    DependencyCycle,
    /// K0409: a node template that creates no node.
    Directive,
    /// K0410: too many services nested in each other.
    Nesting,
    /// K0411: a mapping that breaks the rules of substitution.
    Mapping,
    /// K0501: the service has no name.
    ServiceName,
    /// K0502: no governance policy, or several.
    Governance,
    /// K0503: a worker's groups cannot be counted by contracts.
    NodeSet,
    /// K0504: a worker's count is not groups times size.
    NodeSetCount,
    /// K0505: an integer input that contracts cannot store.
    Parameter,
    /// K0506: an invalid blacklist entry.
    Ban,
    /// K0507: a permission for something other than a module or account.
    Permission,
    /// K0508: two operators with one name.
    OperatorName,
    /// K0509: a worker without a program to run.
    Program,
    /// K0510: ports or a probe that cannot work.
    Port,
    /// K0511: an allocation that does not fit the service.
    Deal,
    /// K0901: not supported yet.
    NotSupported,
}

impl Code {
    /// All codes.
    pub const ALL: [Self; 70] = [
        Self::Unreadable,
        Self::Encoding,
        Self::TooManyBytes,
        Self::Syntax,
        Self::TooDeep,
        Self::TooManyNodes,
        Self::TooManyAliases,
        Self::UnknownAnchor,
        Self::AliasInItself,
        Self::DuplicateKey,
        Self::Merge,
        Self::Tag,
        Self::SecondDocument,
        Self::Empty,
        Self::TooManyFiles,
        Self::VersionFirst,
        Self::UnknownVersion,
        Self::UnknownKey,
        Self::MissingKey,
        Self::WrongKind,
        Self::InvalidName,
        Self::Import,
        Self::UnknownProfile,
        Self::DuplicateName,
        Self::Misplaced,
        Self::UnknownType,
        Self::TypeCycle,
        Self::Refinement,
        Self::Schema,
        Self::NotDerived,
        Self::Definition,
        Self::Scalar,
        Self::Mismatch,
        Self::MissingValue,
        Self::Undeclared,
        Self::Invalid,
        Self::Fixed,
        Self::UnknownFunction,
        Self::Arguments,
        Self::UnknownInput,
        Self::Path,
        Self::Evaluation,
        Self::TooManySteps,
        Self::RunTimeOnly,
        Self::ValueCycle,
        Self::NoNumber,
        Self::MissingInput,
        Self::UnknownTemplate,
        Self::Capability,
        Self::Relationship,
        Self::Allocation,
        Self::Count,
        Self::Member,
        Self::Unfulfilled,
        Self::DependencyCycle,
        Self::Directive,
        Self::Nesting,
        Self::Mapping,
        Self::ServiceName,
        Self::Governance,
        Self::NodeSet,
        Self::NodeSetCount,
        Self::Parameter,
        Self::Ban,
        Self::Permission,
        Self::OperatorName,
        Self::Program,
        Self::Port,
        Self::Deal,
        Self::NotSupported,
    ];

    /// Returns whether the code is for an unknown name. Such a fault does not depend on what a type
    /// inherits.
    pub(crate) const fn is_unknown_name(self) -> bool {
        matches!(
            self,
            Self::UnknownType | Self::UnknownFunction | Self::UnknownInput | Self::UnknownTemplate
        )
    }

    /// Returns the code, such as `K0101`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "K0001",
            Self::Encoding => "K0002",
            Self::TooManyBytes => "K0003",
            Self::Syntax => "K0004",
            Self::TooDeep => "K0005",
            Self::TooManyNodes => "K0006",
            Self::TooManyAliases => "K0007",
            Self::UnknownAnchor => "K0008",
            Self::AliasInItself => "K0009",
            Self::DuplicateKey => "K0010",
            Self::Merge => "K0011",
            Self::Tag => "K0012",
            Self::SecondDocument => "K0013",
            Self::Empty => "K0014",
            Self::TooManyFiles => "K0015",
            Self::VersionFirst => "K0101",
            Self::UnknownVersion => "K0102",
            Self::UnknownKey => "K0103",
            Self::MissingKey => "K0104",
            Self::WrongKind => "K0105",
            Self::InvalidName => "K0106",
            Self::Import => "K0107",
            Self::UnknownProfile => "K0108",
            Self::DuplicateName => "K0109",
            Self::Misplaced => "K0110",
            Self::UnknownType => "K0201",
            Self::TypeCycle => "K0202",
            Self::Refinement => "K0203",
            Self::Schema => "K0204",
            Self::NotDerived => "K0205",
            Self::Definition => "K0206",
            Self::Scalar => "K0207",
            Self::Mismatch => "K0301",
            Self::MissingValue => "K0302",
            Self::Undeclared => "K0303",
            Self::Invalid => "K0304",
            Self::Fixed => "K0305",
            Self::UnknownFunction => "K0306",
            Self::Arguments => "K0307",
            Self::UnknownInput => "K0308",
            Self::Path => "K0309",
            Self::Evaluation => "K0310",
            Self::TooManySteps => "K0311",
            Self::RunTimeOnly => "K0312",
            Self::ValueCycle => "K0313",
            Self::NoNumber => "K0314",
            Self::MissingInput => "K0315",
            Self::UnknownTemplate => "K0401",
            Self::Capability => "K0402",
            Self::Relationship => "K0403",
            Self::Allocation => "K0404",
            Self::Count => "K0405",
            Self::Member => "K0406",
            Self::Unfulfilled => "K0407",
            Self::DependencyCycle => "K0408",
            Self::Directive => "K0409",
            Self::Nesting => "K0410",
            Self::Mapping => "K0411",
            Self::ServiceName => "K0501",
            Self::Governance => "K0502",
            Self::NodeSet => "K0503",
            Self::NodeSetCount => "K0504",
            Self::Parameter => "K0505",
            Self::Ban => "K0506",
            Self::Permission => "K0507",
            Self::OperatorName => "K0508",
            Self::Program => "K0509",
            Self::Port => "K0510",
            Self::Deal => "K0511",
            Self::NotSupported => "K0901",
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
