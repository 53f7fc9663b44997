//! The versions of TOSCA, and the profiles built into the compiler.

/// The name of Koinon's own profile.
pub(crate) const KOINON_PROFILE: &str = "org.koinon:1.0";

/// The Simple Profile of TOSCA 2.0, as csd07 6.8.3 calls it.
const SIMPLE_PROFILE_ALIAS: &str = "org.oasis-open.tosca.simple:2.0";

/// The Simple Profile of TOSCA 2.0, as spans of types name it.
pub(crate) const SIMPLE_PROFILE: &str = "org.oasis-open.simple:2.0";

/// The profile of the data types that are built into TOSCA 1.x.
pub(crate) const PRELUDE: &str = "tosca.prelude:1";

/// The key of a file's metadata that names the built-in profile with the same types. Processors
/// that do not know the profile by name read the file.
pub(crate) const PROFILE_METADATA: &str = "koinon.profile";

/// The values of `tosca_definitions_version`.
pub(crate) const TOSCA_VERSIONS: [&str; 5] = [
    "tosca_2_0",
    "tosca_simple_yaml_1_3",
    "tosca_simple_yaml_1_2",
    "tosca_simple_yaml_1_1",
    "tosca_simple_yaml_1_0",
];

/// A profile built into the compiler.
pub(crate) struct BuiltinProfile {
    pub(crate) name: &'static str,
    /// The version of TOSCA 1.x whose Simple Profile it is.
    pub(crate) version: Option<ToscaVersion>,
    pub(crate) text: &'static str,
}

/// The profiles of TOSCA 1.x, and the Simple Profile of 2.0.
pub(crate) static TOSCA_PROFILES: [BuiltinProfile; 6] = [
    BuiltinProfile {
        name: PRELUDE,
        version: None,
        text: include_str!("../../../profiles/tosca/prelude-1x.yaml"),
    },
    BuiltinProfile {
        name: ToscaVersion::V1_0.profile(),
        version: Some(ToscaVersion::V1_0),
        text: include_str!("../../../profiles/tosca/simple/1.0/profile.yaml"),
    },
    BuiltinProfile {
        name: ToscaVersion::V1_1.profile(),
        version: Some(ToscaVersion::V1_1),
        text: include_str!("../../../profiles/tosca/simple/1.1/profile.yaml"),
    },
    BuiltinProfile {
        name: ToscaVersion::V1_2.profile(),
        version: Some(ToscaVersion::V1_2),
        text: include_str!("../../../profiles/tosca/simple/1.2/profile.yaml"),
    },
    BuiltinProfile {
        name: ToscaVersion::V1_3.profile(),
        version: Some(ToscaVersion::V1_3),
        text: include_str!("../../../profiles/tosca/simple/1.3/profile.yaml"),
    },
    BuiltinProfile {
        name: SIMPLE_PROFILE,
        version: None,
        text: include_str!("../../../profiles/tosca/simple/2.0/profile.yaml"),
    },
];

static KOINON: BuiltinProfile = BuiltinProfile {
    name: KOINON_PROFILE,
    version: None,
    text: include_str!("../../../profiles/koinon/1.0/profile.yaml"),
};

/// Returns the built-in profile with this name.
pub(crate) fn builtin_profile(name: &str) -> Option<&'static BuiltinProfile> {
    let name = if name == SIMPLE_PROFILE_ALIAS { SIMPLE_PROFILE } else { name };
    std::iter::once(&KOINON).chain(&TOSCA_PROFILES).find(|profile| profile.name == name)
}

/// Returns the names by which files import built-in profiles.
pub(crate) fn builtin_profile_names() -> impl Iterator<Item = &'static str> {
    let names = TOSCA_PROFILES.iter().map(|profile| profile.name);
    [KOINON_PROFILE, SIMPLE_PROFILE_ALIAS].into_iter().chain(names)
}

/// A version of TOSCA Simple Profile in YAML.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ToscaVersion {
    /// TOSCA 1.0.
    V1_0,
    /// TOSCA 1.1.
    V1_1,
    /// TOSCA 1.2.
    V1_2,
    /// TOSCA 1.3.
    V1_3,
}

impl ToscaVersion {
    /// Returns the version a file's `tosca_definitions_version` stands for, if it is one of 1.x.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "tosca_simple_yaml_1_0" => Some(Self::V1_0),
            "tosca_simple_yaml_1_1" => Some(Self::V1_1),
            "tosca_simple_yaml_1_2" => Some(Self::V1_2),
            "tosca_simple_yaml_1_3" => Some(Self::V1_3),
            _ => None,
        }
    }

    /// Returns the name of the profile that files of this version import without saying so.
    pub(crate) const fn profile(self) -> &'static str {
        match self {
            Self::V1_0 => "tosca.simple:1.0",
            Self::V1_1 => "tosca.simple:1.1",
            Self::V1_2 => "tosca.simple:1.2",
            Self::V1_3 => "tosca.simple:1.3",
        }
    }

    /// Returns its number for people.
    pub(crate) const fn number(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        }
    }
}
