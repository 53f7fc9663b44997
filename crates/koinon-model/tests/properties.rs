//! What holds for any deal and any value.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use alloy_primitives::Address;
use alloy_primitives::B256;
use koinon_model::Allocation;
use koinon_model::Limits;
use koinon_model::Member;
use koinon_model::NodeSet;
use koinon_model::Number;
use koinon_model::Value;
use proptest::prelude::*;

fn members() -> impl Strategy<Value = Vec<Member>> {
    let member = (0u32..30, prop::collection::btree_set(0u32..40, 0..4));
    prop::collection::btree_map(any::<[u8; 20]>(), member, 1..20).prop_map(|members| {
        let members = members.into_iter();
        members
            .map(|(account, (units, banned))| Member {
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
        prop_assert_eq!(&Value::from_json(json.as_bytes(), Limits::default()).unwrap(), &value);
        let other: serde_json::Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(serde_json::to_value(&value).unwrap().is_object(), other.is_object());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        if let Ok(value) = Value::from_json(&bytes, Limits::default()) {
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
            let json = value.to_json();
            prop_assert_eq!(Value::from_json(json.as_bytes(), Limits::default()).unwrap(), value);
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
