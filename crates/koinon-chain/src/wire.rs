//! The model's types as the contracts' and back.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use alloy::primitives::B256;
use alloy::primitives::I256;
use koinon_model::Ban;
use koinon_model::Change;
use koinon_model::Edit;
use koinon_model::InvalidName;
use koinon_model::Mode;
use koinon_model::Module;
use koinon_model::Name;
use koinon_model::NodeState;
use koinon_model::Permission;
use koinon_model::Report;
use koinon_model::SetTemplate;
use thiserror::Error;

use crate::contracts::Core;
use crate::contracts::Security;
use crate::contracts::Templates;
use crate::contracts::Topology;

/// Why a contract's data is not the model's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WireError {
    /// A name is none.
    #[error("a name on chain is not acceptable")]
    Name(#[from] InvalidName),
    /// A parameter does not fit a TOSCA integer.
    #[error("parameter {0} is beyond 64 bits")]
    Parameter(Name),
    /// A number stands for nothing.
    #[error("{what} {number} is unknown: this client may be older than the contracts")]
    Unknown {
        /// What it should be.
        what: &'static str,
        /// The number.
        number: u8,
    },
    /// An object stands twice.
    #[error("object {module}/{path} stands twice")]
    Duplicate {
        /// The module.
        module: Module,
        /// Its path.
        path: String,
    },
    /// A value is not what its hash says.
    #[error("the value of blob {0} has another hash")]
    Blob(B256),
    /// A value is JSON but not in the canonical form.
    #[error("object {module}/{path} is not in canonical form")]
    NotCanonical {
        /// The module.
        module: Module,
        /// Its path.
        path: String,
    },
    /// A parameter a node set names is missing or no number of 32 bits.
    #[error("node set {0} has no usable size: its parameters are missing or out of range")]
    Set(Name),
    /// A deal's order is not that of its seed.
    #[error("the order dealt in epoch {0} is not that of its seed")]
    Order(u64),
    /// A change says two things of one parameter, ban or permission, or brings node sets it does not set.
    #[error("the change contradicts itself")]
    Ambiguous,
    /// Fewer answers than questions.
    #[error("the chain answered with {got} entries where {expected} are due")]
    Short {
        /// What came.
        got: usize,
        /// What should have.
        expected: usize,
    },
    /// A proposal's calls are not a change of this service.
    #[error("the proposal does more than change this service: {0} calls, not one to Core.update")]
    ForeignCalls(usize),
}

/// The contracts' change.
pub(crate) fn encode_change(change: &Change) -> Core::Change {
    let mut modules: BTreeMap<Module, Vec<Core::Edit>> = BTreeMap::new();
    for edit in &change.edits {
        modules.entry(edit.module).or_default().push(Core::Edit {
            path: edit.path.clone(),
            was: edit.was.unwrap_or_default(),
            blob: edit.blob.unwrap_or_default(),
        });
    }
    let modules = modules.into_iter();
    let parameters = change.parameters.iter();
    let bans = change.bans.iter();
    Core::Change {
        modules: modules
            .map(|(module, edits)| Core::ModuleEdits { module: module.to_word(), edits })
            .collect(),
        parameters: parameters
            .map(|(name, value)| Core::ParameterEdit {
                name: name.to_word(),
                value: value.map(integer).unwrap_or_default(),
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

/// The model's change.
pub(crate) fn decode_change(change: &Core::Change) -> Result<Change, WireError> {
    let present = |word: B256| Some(word).filter(|word| !word.is_zero());
    let mut edits = Vec::new();
    for group in &change.modules {
        let module: Module = Name::from_word(group.module)?.as_str().parse()?;
        edits.extend(group.edits.iter().map(|edit| Edit {
            module,
            path: edit.path.clone(),
            was: present(edit.was),
            blob: present(edit.blob),
        }));
    }
    let mut parameters = BTreeMap::new();
    for edit in &change.parameters {
        let name = Name::from_word(edit.name)?;
        let value = if edit.present { Some(decode_integer(&name, edit.value)?) } else { None };
        parameters.insert(name, value);
    }
    let sets = change.sets.iter().map(|set| decode_set(set.name, set.groups, set.size));
    let sets = sets.collect::<Result<Vec<_>, _>>()?;
    let mut bans = BTreeMap::new();
    for ban in &change.bans {
        bans.insert(decode_ban(ban.kind, ban.subject, ban.unit)?, ban.banned);
    }
    let mut permissions = BTreeMap::new();
    for permission in &change.permissions {
        let module: Module = Name::from_word(permission.module)?.as_str().parse()?;
        permissions.insert(module, decode_permission(permission.mode, &permission.admins)?);
    }
    let said = (change.parameters.len(), change.bans.len(), change.permissions.len());
    let stray = !change.replaceSets && !sets.is_empty();
    if said != (parameters.len(), bans.len(), permissions.len()) || stray {
        return Err(WireError::Ambiguous);
    }
    Ok(Change { edits, parameters, sets: change.replaceSets.then_some(sets), bans, permissions })
}

fn integer(value: i64) -> I256 {
    I256::try_from(value).expect("256 bits hold any 64")
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
        Mode::Governance => (0, Vec::new()),
        Mode::Admins(admins) => (1, admins.iter().copied().collect()),
    };
    Core::Permission { module: module.to_word(), mode, admins }
}

pub(crate) fn decode_permission(mode: u8, admins: &[Address]) -> Result<Permission, WireError> {
    match mode {
        0 => Ok(Permission { mode: Mode::Governance }),
        1 => Ok(Permission { mode: Mode::Admins(admins.iter().copied().collect()) }),
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

    /// Hashes; zero stands for none and is no hash of anything.
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
            let mode = if admins.is_empty() { Mode::Governance } else { Mode::Admins(admins) };
            Permission { mode }
        })
    }

    prop_compose! {
        fn sets()(name in names(), groups in names(), size in names()) -> SetTemplate {
            SetTemplate { name, groups, size }
        }
    }

    prop_compose! {
        /// Changes as they are made: edits by module and path.
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
        ) -> Change {
            let edit = |((module, path), (was, blob))| Edit { module, path, was, blob };
            Change { edits: edits.into_iter().map(edit).collect(), parameters, sets, bans, permissions }
        }
    }

    proptest! {
        #[test]
        fn any_change_survives_the_wire(change in changes()) {
            let call = Core::updateCall { change: encode_change(&change) }.abi_encode();
            let decoded = Core::updateCall::abi_decode(&call).unwrap();
            prop_assert_eq!(decode_change(&decoded.change), Ok(change));
        }

        /// Whatever a proposal's call holds, reading it ends: with a change that means the same, or an error.
        #[test]
        fn a_damaged_call_is_no_other_change(
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
            prop_assert_eq!(decode_integer(&name, integer(low)), Ok(low));
            let beyond = integer(high) << 64;
            prop_assert_eq!(decode_integer(&name, beyond), Err(WireError::Parameter(name)));
        }
    }

    #[test]
    fn changes_survive_the_wire() {
        let name = |text: &str| text.parse::<Name>().unwrap();
        let edit =
            |module, path: &str, was, blob| Edit { module, path: path.to_owned(), was, blob };
        let hash = keccak256(b"x");
        let change = Change {
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
                (Module::Artifacts, Permission { mode: Mode::Admins([Address::ZERO].into()) }),
                (Module::Core, Permission { mode: Mode::Governance }),
            ]
            .into(),
        };
        assert_eq!(decode_change(&encode_change(&change)), Ok(change));
        assert!(decode_change(&encode_change(&Change::default())).unwrap().is_empty());
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
