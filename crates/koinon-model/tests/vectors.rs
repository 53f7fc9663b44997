//! Deals and commitments are compared with `suite/vectors`, which an independent implementation
//! wrote. The tests of the contracts use the same files.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use alloy_primitives::Address;
use alloy_primitives::B256;
use alloy_primitives::keccak256;
use koinon_model::Allocation;
use koinon_model::DealMember;
use koinon_model::NodeSet;
use koinon_model::Slot;
use koinon_model::commitment;
use serde_json::Value;

fn vectors(name: &str) -> Value {
    let file = format!("{}/../../suite/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn number(value: &Value) -> u32 {
    value.as_u64().unwrap().try_into().unwrap()
}

fn member(account: Address, units: u32) -> DealMember {
    DealMember { account, units, banned: [].into() }
}

fn sets(case: &Value) -> Vec<NodeSet> {
    let sets = case["sets"].as_array().unwrap().iter();
    sets.map(|set| NodeSet {
        name: set["name"].as_str().unwrap().parse().unwrap(),
        groups: number(&set["groups"]),
        size: number(&set["size"]),
    })
    .collect()
}

fn deal(case: &Value, members: Vec<DealMember>) -> Allocation {
    let seed: B256 = case["seed"].as_str().unwrap().parse().unwrap();
    let allocation = Allocation::deal(seed, members, sets(case)).unwrap();
    assert_eq!(allocation.units(), case["U"].as_u64().unwrap());
    assert_eq!(allocation.slot_count(), case["N"].as_u64().unwrap());
    allocation
}

/// Returns Keccak-256 of the operator and unit of every slot; a vacant slot has zeros.
fn digest(allocation: &Allocation) -> B256 {
    let packed = allocation.slots().flat_map(|(_, filled)| {
        let (operator, unit) =
            filled.map_or((Address::ZERO, 0), |filled| (filled.operator, filled.unit));
        [&operator[..], &unit.to_be_bytes()].concat()
    });
    keccak256(packed.collect::<Vec<u8>>())
}

#[test]
fn deals_agree_with_the_reference() {
    let vectors = vectors("deal");
    let cases = vectors["cases"].as_array().unwrap();
    assert!(cases.len() >= 10);
    for case in cases {
        let members = case["operators"].as_array().unwrap().iter();
        let members = members.map(|each| {
            member(each["account"].as_str().unwrap().parse().unwrap(), number(&each["units"]))
        });
        let allocation = deal(case, members.collect());
        let order: Vec<Value> = allocation
            .order()
            .iter()
            .map(|member| format!("{:?}", member.account).into())
            .collect();
        assert_eq!(&Value::from(order), &case["order"], "{}", case["name"]);
        let sets = sets(case);
        let slots = case["slots"].as_array().unwrap();
        assert_eq!(slots.len() as u64, allocation.slot_count());
        for expected in slots {
            let set = sets[number(&expected[0]) as usize].name.clone();
            let slot = Slot { set, group: number(&expected[1]), place: number(&expected[2]) };
            let filled = allocation.filled(&slot);
            let operator: Option<Address> = expected[3].as_str().map(|text| text.parse().unwrap());
            assert_eq!(filled.map(|filled| filled.operator), operator, "{} {slot}", case["name"]);
            assert_eq!(filled.map_or(0, |filled| filled.unit), number(&expected[4]), "{slot}");
        }
        assert_eq!(format!("{:?}", digest(&allocation)), case["digest"].as_str().unwrap());
    }
}

#[test]
fn large_deals_agree_with_the_digests_of_the_reference() {
    let vectors = vectors("deal");
    for case in vectors["digests"].as_array().unwrap() {
        let count = case["count"].as_u64().unwrap();
        let members = (0..count).map(|index| {
            let hash = keccak256(format!("koinon operator thousand {index}"));
            member(Address::from_slice(&hash[12..]), 1 + u32::try_from(index * 7919 % 23).unwrap())
        });
        let allocation = deal(case, members.collect());
        assert_eq!(format!("{:?}", digest(&allocation)), case["digest"].as_str().unwrap());
    }
}

#[test]
fn commitments_agree_with_the_reference() {
    let vectors = vectors("commitment");
    for case in vectors["cases"].as_array().unwrap() {
        let entries = case["entries"].as_array().unwrap().iter();
        let entries = entries
            .map(|entry| (entry[0].as_str().unwrap(), entry[1].as_str().unwrap().parse().unwrap()));
        assert_eq!(format!("{:?}", commitment(entries)), case["commitment"].as_str().unwrap());
    }
}
