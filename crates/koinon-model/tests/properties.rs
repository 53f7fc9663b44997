//! Properties of deals, values, contents and changes.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use alloy_primitives::Address;
use alloy_primitives::B256;
use koinon_model::Allocation;
use koinon_model::Ban;
use koinon_model::Content;
use koinon_model::ContentChange;
use koinon_model::ContentError;
use koinon_model::DealError;
use koinon_model::DealMember;
use koinon_model::JsonLimits;
use koinon_model::Module;
use koinon_model::Name;
use koinon_model::NodeSet;
use koinon_model::Number;
use koinon_model::Object;
use koinon_model::ObjectEdit;
use koinon_model::Permission;
use koinon_model::SetTemplate;
use koinon_model::Slot;
use koinon_model::SlotAssignment;
use koinon_model::UpdateMode;
use koinon_model::Value;
use proptest::prelude::*;

fn members() -> impl Strategy<Value = Vec<DealMember>> {
    let member = (0u32..30, prop::collection::btree_set(0u32..40, 0..4));
    prop::collection::btree_map(any::<[u8; 20]>(), member, 1..20).prop_map(|members| {
        let members = members.into_iter();
        members
            .map(|(account, (units, banned))| DealMember {
                account: Address::from(account),
                units,
                banned,
            })
            .collect()
    })
}

fn sets() -> impl Strategy<Value = Vec<NodeSet>> {
    prop::collection::vec((0u32..9, 0u32..9), 1..4).prop_map(|sizes| {
        let sets = sizes.into_iter().enumerate();
        sets.map(|(index, (groups, size))| NodeSet {
            name: format!("set{index}").parse().unwrap(),
            groups,
            size,
        })
        .collect()
    })
}

proptest! {
    #[test]
    fn a_deal_is_complete_proportional_and_spread(
        seed: [u8; 32], members in members(), sets in sets()
    ) {
        let allocation = Allocation::deal(B256::from(seed), members.clone(), sets.clone()).unwrap();
        let units: u64 = members.iter().map(|member| u64::from(member.units)).sum();
        let count = allocation.slot_count();
        let mut backing = BTreeSet::new();
        let mut per_operator: BTreeMap<Address, u64> = BTreeMap::new();
        let mut per_group: BTreeMap<(Address, String, u32), u32> = BTreeMap::new();
        let mut vacant = 0;
        for (slot, filled) in allocation.slots() {
            let Some(filled) = filled else {
                vacant += 1;
                continue;
            };
            prop_assert!(backing.insert((filled.operator, filled.unit)), "a unit backs two nodes");
            let member = members.iter().find(|member| member.account == filled.operator).unwrap();
            prop_assert!(!member.banned.contains(&filled.unit), "a banned unit backs a node");
            *per_operator.entry(filled.operator).or_default() += 1;
            *per_group.entry((filled.operator, slot.set.to_string(), slot.group)).or_default() += 1;
        }
        prop_assert_eq!(vacant, count.saturating_sub(units));
        for member in &members {
            let nodes = per_operator.get(&member.account).copied().unwrap_or(0);
            let own = u64::from(member.units);
            prop_assert!(nodes <= own);
            if units >= count && units > 0 {
                let (low, high) = (own * count / units, (own * count).div_ceil(units));
                prop_assert!((low..=high).contains(&nodes), "{nodes} of {low}..={high}");
            }
            for set in &sets {
                let in_group = |group| {
                    let key = (member.account, set.name.to_string(), group);
                    per_group.get(&key).copied().unwrap_or(0)
                };
                let counts: Vec<u32> = (0..set.groups).map(in_group).collect();
                let (low, high) = (counts.iter().min(), counts.iter().max());
                prop_assert!(high.unwrap_or(&0) - low.unwrap_or(&0) <= 1, "{counts:?}");
            }
        }
    }

    #[test]
    fn canonical_json_is_read_back(value in values()) {
        let json = value.to_json();
        prop_assert_eq!(&Value::from_json(json.as_bytes(), JsonLimits::default()).unwrap(), &value);
        let other: serde_json::Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(serde_json::to_value(&value).unwrap().is_object(), other.is_object());
    }

    #[test]
    fn any_bytes_are_read_or_rejected(bytes: Vec<u8>) {
        if let Ok(value) = Value::from_json(&bytes, JsonLimits::default()) {
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
            let json = value.to_json();
            prop_assert_eq!(Value::from_json(json.as_bytes(), JsonLimits::default()).unwrap(), value);
        }
    }
}

fn values() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<i64>().prop_map(Number::from),
        "-?[1-9][0-9]{0,20}(\\.[0-9]{1,9})?(e-?[0-9]{1,2})?"
            .prop_map(|text| Number::parse(&text).unwrap()),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number.prop_map(Value::Number),
        any::<String>().prop_map(|text| Value::string(&text)),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let entry = (any::<String>(), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(Value::List),
            prop::collection::vec(entry, 0..6).prop_map(|entries| {
                let entries = entries.into_iter();
                let normal = |text: String| Value::string(&text).as_str().unwrap().to_owned();
                Value::Map(entries.map(|(key, value)| (normal(key), value)).collect())
            }),
        ]
    })
}

fn hashes() -> impl Strategy<Value = B256> {
    (0u8..3).prop_map(B256::repeat_byte)
}

fn names() -> impl Strategy<Value = Name> {
    "[a-c]".prop_map(|text| text.parse().unwrap())
}

fn modules() -> impl Strategy<Value = Module> {
    prop::sample::select(&Module::ALL)
}

fn contents() -> impl Strategy<Value = Content> {
    let objects = prop::collection::btree_map((modules(), "[a-c]"), 0i64..3, 0..6);
    let parameters = prop::collection::btree_map(names(), 0i64..3, 0..4);
    let set = (names(), names(), names());
    let set = set.prop_map(|(name, groups, size)| SetTemplate { name, groups, size });
    let ban = prop_oneof![
        hashes().prop_map(Ban::Operator),
        (hashes(), 0u32..2).prop_map(|(name, unit)| Ban::Node(name, unit)),
        hashes().prop_map(Ban::Credential),
    ];
    let admins = prop::collection::btree_set((0u8..3).prop_map(Address::repeat_byte), 1..3);
    // Governance updates a module without a permission, so no content lists `Governance`.
    let permission = admins.prop_map(|admins| Permission { mode: UpdateMode::Admins(admins) });
    let permissions = prop::collection::btree_map(modules(), permission, 0..4);
    let sets = prop::collection::vec(set, 0..3);
    let facts = (parameters, sets, prop::collection::btree_set(ban, 0..4), permissions);
    (objects, facts).prop_map(|(objects, (parameters, sets, bans, permissions))| Content {
        objects: objects.into_iter().map(|(key, value)| (key, Object::new(value.into()))).collect(),
        parameters,
        sets,
        bans,
        permissions,
    })
}

/// Applies a change to a content as the contracts do. `known` has all objects by blob.
fn apply(mut content: Content, change: &ContentChange, known: &BTreeMap<B256, Object>) -> Content {
    for edit in &change.edits {
        let key = (edit.module, edit.path.clone());
        assert_eq!(content.objects.get(&key).map(Object::blob), edit.was(), "a conflict");
        match edit.blob() {
            Some(blob) => drop(content.objects.insert(key, known[&blob].clone())),
            None => drop(content.objects.remove(&key)),
        }
    }
    for (name, value) in &change.parameters {
        match value {
            Some(value) => drop(content.parameters.insert(name.clone(), *value)),
            None => drop(content.parameters.remove(name)),
        }
    }
    content.sets = change.sets.clone().unwrap_or(content.sets);
    for (ban, banned) in &change.bans {
        let changed =
            if *banned { content.bans.insert(ban.clone()) } else { content.bans.remove(ban) };
        assert!(changed, "{ban:?} has no effect");
    }
    for (module, permission) in &change.permissions {
        match permission.mode {
            UpdateMode::Governance => drop(content.permissions.remove(module)),
            UpdateMode::Admins(_) => {
                content.permissions.insert(*module, permission.clone());
            }
        }
    }
    content
}

proptest! {
    #[test]
    fn a_change_turns_the_old_content_into_the_new(old in contents(), new in contents()) {
        let change = old.change_to(&new);
        let objects = new.objects.values();
        let known = objects.map(|object| (object.blob(), object.clone())).collect();
        prop_assert_eq!(change.is_empty(), old == new);
        prop_assert_eq!(change.modules().is_empty(), old == new);
        prop_assert_eq!(apply(old.clone(), &change, &known), new.clone());
        prop_assert!(old.change_to(&old).is_empty());
        for edit in &change.edits {
            prop_assert!(change.modules().contains(&edit.module));
        }
    }
}

#[test]
fn an_edit_between_equal_blobs_does_not_exist() {
    let blob = |byte| Some(B256::repeat_byte(byte));
    let edit = |was, blob| ObjectEdit::new(Module::Core, "a".to_owned(), was, blob);
    assert_eq!(edit(None, None), None);
    assert_eq!(edit(blob(1), blob(1)), None);
    for (was, new) in [(None, blob(1)), (blob(1), None), (blob(1), blob(2))] {
        let edit = edit(was, new).unwrap();
        assert_eq!((edit.was(), edit.blob()), (was, new));
    }
}

#[test]
fn a_change_names_the_modules_it_updates() {
    let set = |name: &str| {
        let [name, groups, size] = [name, "g", "s"].map(|text| text.parse().unwrap());
        SetTemplate { name, groups, size }
    };
    let nothing = Content::default();
    let cases = [
        (
            Content { parameters: [("n".parse().unwrap(), 1)].into(), ..nothing.clone() },
            Module::Core,
        ),
        (Content { sets: vec![set("a")], ..nothing.clone() }, Module::Topology),
        (Content { bans: [Ban::Operator(B256::ZERO)].into(), ..nothing.clone() }, Module::Security),
        (
            Content {
                permissions: [(
                    Module::Core,
                    Permission { mode: UpdateMode::Admins([Address::ZERO].into()) },
                )]
                .into(),
                ..nothing.clone()
            },
            Module::Security,
        ),
    ];
    for (new, module) in cases {
        assert_eq!(nothing.change_to(&new).modules(), [module].into());
    }
}

#[test]
fn contents_that_contracts_reject_have_an_error() {
    let content = |path: &str, value: Value| Content {
        objects: [((Module::Topology, path.to_owned()), Object::new(value))].into(),
        ..Content::default()
    };
    let long = |length: usize| "p".repeat(length);
    let module = Module::Topology;
    assert_eq!(content(&long(255), Value::Null).check(), Ok(()));
    for path in [String::new(), long(256)] {
        let bytes = path.len();
        let error = ContentError::PathTooLong { module, path: path.clone(), bytes };
        assert_eq!(content(&path, Value::Null).check(), Err(error));
    }
    // A string of n characters has n + 2 bytes of JSON.
    let text = |bytes: usize| Value::string(&"x".repeat(bytes - 2));
    assert_eq!(content("a", text(24_575)).check(), Ok(()));
    let error = ContentError::TooLarge { module, path: "a".to_owned(), bytes: 24_576 };
    assert_eq!(content("a", text(24_576)).check(), Err(error));
    let blob = B256::repeat_byte(7);
    let placeholder = Object::unreadable(blob);
    assert_eq!(placeholder.blob(), blob);
    assert_eq!((placeholder.value(), placeholder.bytes()), (&Value::Null, ""));
}

#[test]
fn deals_that_contracts_reject_have_an_error() {
    let member =
        |byte| DealMember { account: Address::repeat_byte(byte), units: 1, banned: [].into() };
    let set = |name: &str, groups, size| NodeSet { name: name.parse().unwrap(), groups, size };
    let deal = |members, sets| Allocation::deal(B256::ZERO, members, sets);
    let twice = deal(vec![member(1), member(2), member(1)], vec![]);
    assert_eq!(twice, Err(DealError::DuplicateOperator(Address::repeat_byte(1))));
    let twice = deal(vec![], vec![set("a", 1, 1), set("b", 1, 1), set("a", 1, 1)]);
    assert_eq!(twice, Err(DealError::DuplicateSet("a".parse().unwrap())));
    let many = deal(vec![], vec![set("a", 1 << 10, 1 << 10), set("b", 1, 1)]);
    assert_eq!(many, Err(DealError::TooManySlots((1 << 20) + 1)));
    let huge = deal(vec![], vec![set("a", u32::MAX, u32::MAX)]);
    assert_eq!(huge, Err(DealError::TooManySlots(u128::from(u32::MAX).pow(2))));
    assert_eq!(deal(vec![], vec![set("a", 1 << 10, 1 << 10)]).unwrap().slot_count(), 1 << 20);
}

#[test]
fn a_deal_explains_its_slots() {
    let member = DealMember { account: Address::repeat_byte(1), units: 2, banned: [1].into() };
    let name: Name = "a".parse().unwrap();
    let sets = vec![NodeSet { name: name.clone(), groups: 1, size: 3 }];
    let allocation = Allocation::deal(B256::repeat_byte(9), vec![member], sets).unwrap();
    let slot = |group, place| Slot { set: name.clone(), group, place };
    assert_eq!((allocation.seed(), allocation.vacancies()), (B256::repeat_byte(9), 1));
    // Two units for three slots: the pick is the unit. The turn of the only group is 0.
    for (place, unit, number) in [(0, Some(0), Some(0)), (1, Some(1), Some(2)), (2, None, None)] {
        let trace = allocation.explain(&slot(0, place)).unwrap();
        assert_eq!((trace.turn, trace.pick, trace.unit), (0, u64::from(place), unit));
        let operator = Address::repeat_byte(1);
        let filled = number.map(|unit| SlotAssignment { operator, unit });
        assert_eq!(allocation.filled(&slot(0, place)), filled);
        assert!(allocation.contains(&slot(0, place)));
    }
    for other in [slot(1, 0), slot(0, 3), Slot { set: "b".parse().unwrap(), group: 0, place: 0 }] {
        assert!(!allocation.contains(&other));
        assert_eq!((allocation.explain(&other), allocation.filled(&other)), (None, None));
    }
    let slots = allocation.by_operator();
    assert_eq!(slots, [(Address::repeat_byte(1), vec![slot(0, 0), slot(0, 1)])].into());
}

#[test]
fn a_set_has_numbers_if_its_parameters_are_natural_numbers() {
    let name = |text: &str| text.parse::<Name>().unwrap();
    let set = SetTemplate { name: name("a"), groups: name("g"), size: name("s") };
    let resolve =
        |groups: i64, size: i64| set.resolve(&[(name("g"), groups), (name("s"), size)].into());
    let numbers = NodeSet { name: name("a"), groups: 0, size: u32::MAX };
    assert_eq!(resolve(0, u32::MAX.into()), Some(numbers));
    assert_eq!((resolve(-1, 1), resolve(1, 1 << 32)), (None, None));
    assert_eq!(set.resolve(&[(name("g"), 1)].into()), None);
}
