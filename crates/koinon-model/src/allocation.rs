//! The deal: slots to operators, by seed and stake. The rules are those of `IMapper`; this is where they are computed,
//! the contract is where they are verified.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use alloy_primitives::Address;
use alloy_primitives::B256;
use alloy_primitives::U256;
use alloy_primitives::keccak256;
use serde::Serialize;
use thiserror::Error;

use crate::id::Name;
use crate::id::Slot;

/// An operator in a deal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Its account.
    pub account: Address,
    /// Units it takes part with (banned ones are not among them).
    pub units: u32,
    /// Numbers of its banned units.
    pub banned: BTreeSet<u32>,
}

/// A node set in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeSet {
    /// Its name.
    pub name: Name,
    /// Number of groups.
    pub groups: u32,
    /// Places per group.
    pub size: u32,
}

/// Who fills a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Filled {
    /// The operator.
    pub operator: Address,
    /// The number of its unit that backs the node.
    pub unit: u32,
}

/// The allocation of one epoch: slot -> operator, computed on demand in O(log operators).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    seed: B256,
    order: Vec<Member>,
    /// `prefix[i]` units stand before `order[i]`.
    prefix: Vec<u64>,
    units: u64,
    offset: u64,
    sets: Vec<DealtSet>,
    slots: u64,
}

/// How a slot came to its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// The turn of the slot's group after the shuffle: the j with sigma(j) = group.
    pub turn: u32,
    /// The slot's pick k.
    pub pick: u64,
    /// The offset r.
    pub offset: u64,
    /// The unit drawn; `None` if none is left.
    pub unit: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct DealtSet {
    set: NodeSet,
    /// Number of the set's first pick.
    first: u64,
    /// `turn[group]` is the j with sigma(j) = group.
    turn: Vec<u32>,
}

/// Why members and sets make no deal.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DealError {
    /// The operator stands twice.
    #[error("operator {0} stands twice in the deal")]
    DuplicateOperator(Address),
    /// The set stands twice.
    #[error("node set {0} stands twice in the deal")]
    DuplicateSet(Name),
    /// More slots than a deal may have.
    #[error("{0} slots in the deal, at most {max} are possible", max = Allocation::MAX_SLOTS)]
    TooManySlots(u128),
}

impl Allocation {
    /// Most slots of one deal: a million, so that listing them stays possible.
    pub const MAX_SLOTS: u64 = 1 << 20;

    /// Deals the sets' slots to the members.
    ///
    /// # Errors
    /// [`DealError`] for an operator or a set that stands twice, and for more than [`Self::MAX_SLOTS`] slots.
    pub fn deal(
        seed: B256,
        mut members: Vec<Member>,
        sets: Vec<NodeSet>,
    ) -> Result<Self, DealError> {
        members.sort_by_cached_key(|member| rank(seed, member.account));
        if let Some(pair) = members.windows(2).find(|pair| pair[0].account == pair[1].account) {
            return Err(DealError::DuplicateOperator(pair[0].account));
        }
        let total = sets.iter().map(|set| u128::from(set.groups) * u128::from(set.size)).sum();
        if total > u128::from(Self::MAX_SLOTS) {
            return Err(DealError::TooManySlots(total));
        }
        let mut units = 0;
        let mut prefix = Vec::with_capacity(members.len());
        for member in &members {
            prefix.push(units);
            units += u64::from(member.units);
        }
        let mut names = BTreeSet::new();
        let mut slots = 0;
        let mut dealt = Vec::with_capacity(sets.len());
        for set in sets {
            if !names.insert(set.name.clone()) {
                return Err(DealError::DuplicateSet(set.name));
            }
            let size = u64::from(set.groups) * u64::from(set.size);
            let turn = if size == 0 { Vec::new() } else { inverse(&shuffle(seed, &set)) };
            dealt.push(DealtSet { set, first: slots, turn });
            slots += size;
        }
        let offset = match units {
            0 => 0,
            units => {
                let hash = U256::from_be_bytes(keccak256([&seed[..], b"offset"].concat()).0);
                (hash % U256::from(units)).to::<u64>()
            }
        };
        Ok(Self { seed, order: members, prefix, units, offset, sets: dealt, slots })
    }

    /// Returns the seed.
    pub fn seed(&self) -> B256 {
        self.seed
    }

    /// Returns the operators in the order of the deal.
    pub fn order(&self) -> &[Member] {
        &self.order
    }

    /// Returns the node sets.
    pub fn sets(&self) -> impl Iterator<Item = &NodeSet> {
        self.sets.iter().map(|dealt| &dealt.set)
    }

    /// Returns the units of all operators together.
    pub fn units(&self) -> u64 {
        self.units
    }

    /// Returns the number of slots.
    pub fn slot_count(&self) -> u64 {
        self.slots
    }

    /// Returns the number of slots no unit is left for.
    pub fn vacancies(&self) -> u64 {
        self.slots.saturating_sub(self.units)
    }

    /// Returns whether there is such a slot.
    pub fn contains(&self, slot: &Slot) -> bool {
        self.set(slot).is_some()
    }

    /// Returns who fills the slot; `None` if it is vacant or there is no such slot.
    pub fn filled(&self, slot: &Slot) -> Option<Filled> {
        let unit = self.explain(slot)?.unit?;
        let index = self.prefix.partition_point(|before| *before <= unit) - 1;
        let member = &self.order[index];
        let nth = u32::try_from(unit - self.prefix[index]).expect("an operator's units are a u32");
        Some(Filled { operator: member.account, unit: skip_banned(nth, &member.banned) })
    }

    /// Returns how the slot came to its unit; `None` if there is no such slot.
    pub fn explain(&self, slot: &Slot) -> Option<Trace> {
        let dealt = self.set(slot)?;
        let turn = dealt.turn[slot.group as usize];
        let pick =
            dealt.first + u64::from(slot.place) * u64::from(dealt.set.groups) + u64::from(turn);
        Some(Trace { turn, pick, offset: self.offset, unit: self.unit_of(pick) })
    }

    /// Returns every slot with who fills it, by set, group and place.
    pub fn slots(&self) -> impl Iterator<Item = (Slot, Option<Filled>)> {
        let places = self.sets().filter(|set| set.size > 0).flat_map(|set| {
            (0..set.groups)
                .flat_map(move |group| (0..set.size).map(move |place| (set, group, place)))
        });
        places.map(|(set, group, place)| {
            let slot = Slot { set: set.name.clone(), group, place };
            let filled = self.filled(&slot);
            (slot, filled)
        })
    }

    /// Returns each operator's slots.
    pub fn by_operator(&self) -> BTreeMap<Address, Vec<Slot>> {
        let mut operators: BTreeMap<Address, Vec<Slot>> = BTreeMap::new();
        for (slot, filled) in self.slots() {
            if let Some(filled) = filled {
                operators.entry(filled.operator).or_default().push(slot);
            }
        }
        operators
    }

    fn set(&self, slot: &Slot) -> Option<&DealtSet> {
        let dealt = self.sets.iter().find(|dealt| dealt.set.name == slot.set)?;
        (slot.group < dealt.set.groups && slot.place < dealt.set.size).then_some(dealt)
    }

    /// The unit that pick `pick` takes: floor((k*U + r) / N), or its own if units are short.
    fn unit_of(&self, pick: u64) -> Option<u64> {
        if self.units < self.slots {
            return (pick < self.units).then_some(pick);
        }
        let product = u128::from(pick) * u128::from(self.units) + u128::from(self.offset);
        Some(
            u64::try_from(product / u128::from(self.slots))
                .expect("k < N and r < U, so it is under U"),
        )
    }
}

/// What orders operators in a deal.
fn rank(seed: B256, account: Address) -> B256 {
    keccak256([&seed[..], &account[..]].concat())
}

/// The seeded Fisher-Yates shuffle of the groups: element j is sigma(j).
fn shuffle(seed: B256, set: &NodeSet) -> Vec<u32> {
    let mut groups: Vec<u32> = (0..set.groups).collect();
    let name = set.name.to_word();
    for i in (1..set.groups).rev() {
        let hash = keccak256([&seed[..], &name[..], &i.to_be_bytes()].concat());
        let j = U256::from_be_bytes(hash.0) % U256::from(i + 1);
        groups.swap(i as usize, j.to::<usize>());
    }
    groups
}

fn inverse(permutation: &[u32]) -> Vec<u32> {
    let mut inverse = vec![0; permutation.len()];
    for (j, group) in (0..).zip(permutation) {
        inverse[*group as usize] = j;
    }
    inverse
}

/// The number of an operator's `nth` unit, counting only those not banned.
fn skip_banned(nth: u32, banned: &BTreeSet<u32>) -> u32 {
    banned.iter().fold(nth, |unit, banned| if *banned <= unit { unit + 1 } else { unit })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banned_units_are_skipped() {
        let banned = [0, 2, 3, 9].into();
        let numbers: Vec<u32> = (0..6).map(|nth| skip_banned(nth, &banned)).collect();
        assert_eq!(numbers, [1, 4, 5, 6, 7, 8]);
        assert_eq!(skip_banned(6, &banned), 10);
    }
}
