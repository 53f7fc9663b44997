//! Conversion between the model's types and those of the contracts.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use alloy::primitives::B256;
use alloy::primitives::I256;
use koinon_bindings::Core;
use koinon_bindings::Security;
use koinon_bindings::Templates;
use koinon_bindings::Topology;
use koinon_model::Ban;
use koinon_model::ContentChange;
use koinon_model::InvalidName;
use koinon_model::Module;
use koinon_model::Name;
use koinon_model::NodeState;
use koinon_model::ObjectEdit;
use koinon_model::Permission;
use koinon_model::Report;
use koinon_model::SetTemplate;
use koinon_model::UpdateMode;
use thiserror::Error;

use crate::text::printable;

/// Data of a contract that cannot become a value of the model.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WireError {
    /// A name breaks the rules for names.
    #[error("a name on chain is invalid")]
    Name(#[from] InvalidName),
    /// A parameter does not fit a TOSCA integer.
    #[error("the value of parameter {0} does not fit 64 bits")]
    Parameter(Name),
    /// A number has no meaning for this client.
    #[error("{what} {number} is unknown: this client may be older than the contracts")]
    Unknown {
        /// The kind of the number, such as `node state`.
        what: &'static str,
        /// The number.
        number: u8,
    },
    /// A module lists an object twice.
    #[error("object {module}/{} is listed twice", printable(path))]
    Duplicate {
        /// The module.
        module: Module,
        /// Its path.
        path: String,
    },
    /// A value differs from the hash it is stored under.
    #[error("the value stored as blob {0} has a different hash")]
    Blob(B256),
    /// The value of an object is JSON, but not in the canonical form.
    #[error("object {module}/{} is not in canonical form", printable(path))]
    NotCanonical {
        /// The module.
        module: Module,
        /// Its path.
        path: String,
    },
    /// A parameter that a node set names is missing or does not fit 32 bits.
    #[error("node set {0} has no usable size: its parameters are missing or out of range")]
    Set(Name),
    /// The order of the operators dealt differs from the order that the seed gives.
    #[error("epoch {0}: operators are not in the order that its seed gives")]
    Order(u64),
    /// A change sets a parameter, ban or permission twice, or lists node sets without replacing
    /// them.
    #[error(
        "the change contradicts itself: it sets a parameter, ban or permission twice, or lists \
         node sets without replacing them"
    )]
    Ambiguous,
    /// An answer has more or fewer entries than its request or its count says.
    #[error("the chain returned {got} entries, expected {expected}")]
    Short {
        /// The number of entries in the answer.
        got: usize,
        /// The number of entries that were expected.
        expected: usize,
    },
    /// An edit replaces a blob by itself, which contracts reject.
    #[error("the edit of {module}/{} changes nothing", printable(path))]
    NoChange {
        /// The module.
        module: Module,
        /// The object's path in it.
        path: String,
    },
    /// A proposal's calls are not a change of this service.
    #[error("the proposal is not one call of Core.update of this service (calls: {0})")]
    ForeignCalls(usize),
}

/// Encodes a change. The contracts write "no object" as a hash of zero.
pub(crate) fn encode_change(change: &ContentChange) -> Core::Change {
    let mut modules: BTreeMap<Module, Vec<Core::Edit>> = BTreeMap::new();
    for edit in &change.edits {
        modules.entry(edit.module).or_default().push(Core::Edit {
            path: edit.path.clone(),
            was: edit.was().unwrap_or_default(),
            blob: edit.blob().unwrap_or_default(),
        });
    }
    let parameters = change.parameters.iter();
    let bans = change.bans.iter();
    Core::Change {
        modules: modules
            .into_iter()
            .map(|(module, edits)| Core::ModuleEdits { module: module.to_word(), edits })
            .collect(),
        parameters: parameters
            .map(|(name, value)| Core::ParameterEdit {
                name: name.to_word(),
                // Core does not read the value of a parameter that is removed.
                value: value.map(encode_integer).unwrap_or_default(),
                present: value.is_some(),
            })
            .collect(),
        replaceSets: change.sets.is_some(),
        sets: change.sets.iter().flatten().map(encode_set).collect(),
        bans: bans.map(|(ban, banned)| encode_ban(ban, *banned)).collect(),
        permissions: change
            .permissions
            .iter()
            .map(|(module, permission)| encode_permission(*module, permission))
            .collect(),
    }
}

/// Decodes a change.
pub(crate) fn decode_change(change: &Core::Change) -> Result<ContentChange, WireError> {
    let present = |word: B256| Some(word).filter(|word| !word.is_zero());
    let mut edits = Vec::new();
    for group in &change.modules {
        let module: Module = Name::from_word(group.module)?.as_str().parse()?;
        for edit in &group.edits {
            let (was, blob) = (present(edit.was), present(edit.blob));
            let edit = ObjectEdit::new(module, edit.path.clone(), was, blob)
                .ok_or_else(|| WireError::NoChange { module, path: edit.path.clone() })?;
            edits.push(edit);
        }
    }
    let mut parameters = BTreeMap::new();
    for edit in &change.parameters {
        let name = Name::from_word(edit.name)?;
        let value = if edit.present { Some(decode_integer(&name, edit.value)?) } else { None };
        parameters.insert(name, value);
    }
    let sets: Vec<SetTemplate> = change
        .sets
        .iter()
        .map(|set| decode_set(set.name, set.groups, set.size))
        .collect::<Result<_, _>>()?;
    let mut bans = BTreeMap::new();
    for ban in &change.bans {
        bans.insert(decode_ban(ban.kind, ban.subject, ban.unit)?, ban.banned);
    }
    let mut permissions = BTreeMap::new();
    for permission in &change.permissions {
        let module: Module = Name::from_word(permission.module)?.as_str().parse()?;
        permissions.insert(module, decode_permission(permission.mode, &permission.admins)?);
    }
    let given = (change.parameters.len(), change.bans.len(), change.permissions.len());
    let stray = !change.replaceSets && !sets.is_empty();
    if given != (parameters.len(), bans.len(), permissions.len()) || stray {
        return Err(WireError::Ambiguous);
    }
    Ok(ContentChange {
        edits,
        parameters,
        sets: change.replaceSets.then_some(sets),
        bans,
        permissions,
    })
}

fn encode_integer(value: i64) -> I256 {
    I256::try_from(value).expect("BUG: 256 bits hold any 64")
}

pub(crate) fn decode_integer(name: &Name, value: I256) -> Result<i64, WireError> {
    i64::try_from(value).map_err(|_| WireError::Parameter(name.clone()))
}

fn encode_set(set: &SetTemplate) -> Core::NodeSet {
    Core::NodeSet {
        name: set.name.to_word(),
        groups: set.groups.to_word(),
        size: set.size.to_word(),
    }
}

pub(crate) fn decode_set(name: B256, groups: B256, size: B256) -> Result<SetTemplate, WireError> {
    let [name, groups, size] = [name, groups, size].map(Name::from_word);
    Ok(SetTemplate { name: name?, groups: groups?, size: size? })
}

pub(crate) fn decode_sets(sets: &[Topology::NodeSet]) -> Result<Vec<SetTemplate>, WireError> {
    sets.iter().map(|set| decode_set(set.name, set.groups, set.size)).collect()
}

fn encode_ban(ban: &Ban, banned: bool) -> Core::Ban {
    let (kind, subject, unit) = match ban {
        Ban::Operator(name) => (0, *name, 0),
        Ban::Node(name, unit) => (1, *name, *unit),
        Ban::Credential(fingerprint) => (2, *fingerprint, 0),
    };
    Core::Ban { kind, subject, unit, banned }
}

pub(crate) fn decode_ban(kind: u8, subject: B256, unit: u32) -> Result<Ban, WireError> {
    match kind {
        0 => Ok(Ban::Operator(subject)),
        1 => Ok(Ban::Node(subject, unit)),
        2 => Ok(Ban::Credential(subject)),
        number => Err(WireError::Unknown { what: "ban kind", number }),
    }
}

pub(crate) fn decode_bans(bans: &[Security::Ban]) -> Result<Vec<Ban>, WireError> {
    bans.iter().map(|ban| decode_ban(ban.kind, ban.subject, ban.unit)).collect()
}

fn encode_permission(module: Module, permission: &Permission) -> Core::Permission {
    let (mode, admins) = match &permission.mode {
        UpdateMode::Governance => (0, Vec::new()),
        UpdateMode::Admins(admins) => (1, admins.iter().copied().collect()),
    };
    Core::Permission { module: module.to_word(), mode, admins }
}

pub(crate) fn decode_permission(mode: u8, admins: &[Address]) -> Result<Permission, WireError> {
    match mode {
        0 => Ok(Permission { mode: UpdateMode::Governance }),
        1 => Ok(Permission { mode: UpdateMode::Admins(admins.iter().copied().collect()) }),
        number => Err(WireError::Unknown { what: "update mode", number }),
    }
}

pub(crate) fn encode_report(report: &Report) -> Templates::Report {
    let state = match report.state {
        NodeState::Unknown => 0,
        NodeState::Starting => 1,
        NodeState::Running => 2,
        NodeState::Stopped => 3,
        NodeState::Failed => 4,
    };
    Templates::Report {
        set: report.slot.set.to_word(),
        group: report.slot.group,
        place: report.slot.place,
        revision: report.revision.0,
        state,
        milliseconds: report.milliseconds,
        reason: B256::right_padding_from(report.reason.as_str().as_bytes()),
        endpoint: report.endpoint.clone(),
    }
}

pub(crate) fn decode_state(state: u8) -> Result<NodeState, WireError> {
    match state {
        0 => Ok(NodeState::Unknown),
        1 => Ok(NodeState::Starting),
        2 => Ok(NodeState::Running),
        3 => Ok(NodeState::Stopped),
        4 => Ok(NodeState::Failed),
        number => Err(WireError::Unknown { what: "node state", number }),
    }
}

#[cfg(test)]
mod tests {
    use alloy::sol_types::SolCall;
    use koinon_model::keccak256;
    use proptest::collection::btree_map;
    use proptest::collection::btree_set;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn names() -> impl Strategy<Value = Name> {
        "[A-Za-z0-9_.-]{1,32}".prop_map(|text| text.parse().unwrap())
    }

    fn modules() -> impl Strategy<Value = Module> {
        prop::sample::select(Module::ALL.to_vec())
    }

    /// Hashes except zero, which means "no object".
    fn hashes() -> impl Strategy<Value = B256> {
        any::<[u8; 32]>().prop_map(|mut bytes| {
            bytes[31] |= 1;
            bytes.into()
        })
    }

    fn bans() -> impl Strategy<Value = Ban> {
        (0..3, hashes(), any::<u32>()).prop_map(|(kind, subject, unit)| match kind {
            0 => Ban::Operator(subject),
            1 => Ban::Node(subject, unit),
            _ => Ban::Credential(subject),
        })
    }

    fn permissions() -> impl Strategy<Value = Permission> {
        btree_set(any::<[u8; 20]>(), 0..4).prop_map(|admins| {
            let admins: std::collections::BTreeSet<_> =
                admins.into_iter().map(Address::from).collect();
            let mode =
                if admins.is_empty() { UpdateMode::Governance } else { UpdateMode::Admins(admins) };
            Permission { mode }
        })
    }

    prop_compose! {
        fn sets()(name in names(), groups in names(), size in names()) -> SetTemplate {
            SetTemplate { name, groups, size }
        }
    }

    prop_compose! {
        /// Changes with their edits by module and path, as `Content::change_to` makes them.
        fn changes()(
            edits in btree_map(
                (modules(), ".{1,20}"),
                (prop::option::of(hashes()), prop::option::of(hashes())),
                0..8,
            ),
            parameters in btree_map(names(), any::<Option<i64>>(), 0..8),
            sets in prop::option::of(vec(sets(), 0..4)),
            bans in btree_map(bans(), any::<bool>(), 0..8),
            permissions in btree_map(modules(), permissions(), 0..4),
        ) -> ContentChange {
            let edit = |((module, path), (was, blob))| ObjectEdit::new(module, path, was, blob);
            ContentChange { edits: edits.into_iter().filter_map(edit).collect(), parameters, sets, bans, permissions }
        }
    }

    proptest! {
        #[test]
        fn any_change_survives_the_wire(change in changes()) {
            let call = Core::updateCall { change: encode_change(&change) }.abi_encode();
            let decoded = Core::updateCall::abi_decode(&call).unwrap();
            prop_assert_eq!(decode_change(&decoded.change), Ok(change));
        }

        /// Decoding any call of a proposal gives an error, or a change that encodes to the same.
        #[test]
        fn a_damaged_call_decodes_to_itself_or_an_error(
            change in changes(), at: prop::sample::Index, byte: u8, cut: prop::sample::Index
        ) {
            let mut call = Core::updateCall { change: encode_change(&change) }.abi_encode();
            let place = at.index(call.len());
            call[place] = byte;
            call.truncate(call.len() - cut.index(call.len()) % 40);
            let decoded = Core::updateCall::abi_decode(&call);
            let read = decoded.map(|call| decode_change(&call.change));
            if let Ok(Ok(mut read)) = read {
                // Encoding sorts by module; the order within one is kept.
                read.edits.sort_by_key(|edit| edit.module);
                prop_assert_eq!(decode_change(&encode_change(&read)), Ok(read));
            }
        }

        #[test]
        fn integers_beyond_64_bits_are_named(low: i64, high in 1_i64..) {
            let name: Name = "n".parse().unwrap();
            prop_assert_eq!(decode_integer(&name, encode_integer(low)), Ok(low));
            let beyond = encode_integer(high) << 64;
            prop_assert_eq!(decode_integer(&name, beyond), Err(WireError::Parameter(name)));
        }
    }

    #[test]
    fn an_edit_that_changes_nothing_is_rejected() {
        let (module, path) = (Module::Core, "inputs/a".to_owned());
        for blob in [B256::ZERO, B256::repeat_byte(1)] {
            let edits = vec![Core::Edit { path: path.clone(), was: blob, blob }];
            let change = Core::Change {
                modules: vec![Core::ModuleEdits { module: module.to_word(), edits }],
                ..encode_change(&ContentChange::default())
            };
            let rejected = WireError::NoChange { module, path: path.clone() };
            assert_eq!(decode_change(&change), Err(rejected));
        }
    }

    #[test]
    fn a_change_of_every_kind_survives_the_wire() {
        let name = |text: &str| text.parse::<Name>().unwrap();
        let edit = |module, path: &str, was, blob| {
            ObjectEdit::new(module, path.to_owned(), was, blob).unwrap()
        };
        let hash = keccak256(b"x");
        let change = ContentChange {
            edits: vec![
                edit(Module::Core, "inputs/a", None, Some(hash)),
                edit(Module::Topology, "node_types/b", Some(hash), None),
            ],
            parameters: [(name("n"), Some(-5)), (name("m"), None)].into(),
            sets: Some(vec![SetTemplate { name: name("w"), groups: name("g"), size: name("s") }]),
            bans: [
                (Ban::Operator(hash), true),
                (Ban::Node(hash, 3), false),
                (Ban::Credential(hash), true),
            ]
            .into(),
            permissions: [
                (
                    Module::Artifacts,
                    Permission { mode: UpdateMode::Admins([Address::ZERO].into()) },
                ),
                (Module::Core, Permission { mode: UpdateMode::Governance }),
            ]
            .into(),
        };
        assert_eq!(decode_change(&encode_change(&change)), Ok(change));
        assert!(decode_change(&encode_change(&ContentChange::default())).unwrap().is_empty());
    }

    #[test]
    fn unknown_numbers_are_named() {
        assert_eq!(decode_state(9), Err(WireError::Unknown { what: "node state", number: 9 }));
        assert_eq!(
            decode_permission(7, &[]),
            Err(WireError::Unknown { what: "update mode", number: 7 })
        );
        assert_eq!(
            decode_ban(3, B256::ZERO, 0),
            Err(WireError::Unknown { what: "ban kind", number: 3 })
        );
        let name: Name = "n".parse().unwrap();
        assert_eq!(decode_integer(&name, I256::MAX), Err(WireError::Parameter(name)));
    }
}
