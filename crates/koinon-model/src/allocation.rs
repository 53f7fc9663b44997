//! The deal: slots to operators, by seed and stake, with the rules of `IMapper`. A deal is computed
//! here and verified by the contract.

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
pub struct DealMember {
    /// The account it joined with.
    pub account: Address,
    /// The number of its units, without banned ones.
    pub units: u32,
    /// The numbers of its banned units.
    pub banned: BTreeSet<u32>,
}

/// A node set with the numbers its parameters have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeSet {
    /// Its name.
    pub name: Name,
    /// Number of groups.
    pub groups: u32,
    /// Places per group.
    pub size: u32,
}

/// A node set: the node template that fills it, and the inputs that say how many there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SetTemplate {
    /// Name of the node template.
    pub name: Name,
    /// The parameter that holds the number of groups.
    pub groups: Name,
    /// The parameter that holds the places per group.
    pub size: Name,
}

impl SetTemplate {
    /// Returns the set in numbers; `None` if a parameter is missing or is not a natural number of
    /// 32 bits.
    pub fn resolve(&self, parameters: &BTreeMap<Name, i64>) -> Option<NodeSet> {
        let number =
            |name: &Name| parameters.get(name).and_then(|value| u32::try_from(*value).ok());
        Some(NodeSet {
            name: self.name.clone(),
            groups: number(&self.groups)?,
            size: number(&self.size)?,
        })
    }
}

/// The operator and the unit that fill a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SlotAssignment {
    /// The operator.
    pub operator: Address,
    /// The number of the operator's unit that backs the node.
    pub unit: u32,
}

/// The allocation of one epoch: slot -> operator, computed on demand in O(log operators).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    seed: B256,
    order: Vec<DealMember>,
    /// The operators before `order[i]` have `prefix[i]` units together.
    prefix: Vec<u64>,
    units: u64,
    offset: u64,
    sets: Vec<DealtSet>,
    slots: u64,
}

/// The steps by which a slot got its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DealTrace {
    /// The turn of the slot's group after the shuffle: the j with sigma(j) = group.
    pub turn: u32,
    /// The slot's pick k.
    pub pick: u64,
    /// The offset r.
    pub offset: u64,
    /// The unit drawn; `None` if no unit is left.
    pub unit: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct DealtSet {
    set: NodeSet,
    /// The set's first pick.
    first: u64,
    /// `turn[group]` is the j with sigma(j) = group.
    turn: Vec<u32>,
}

/// Why members and sets cannot be dealt.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DealError {
    /// An operator is listed twice.
    #[error("operator {0} is in the deal twice")]
    DuplicateOperator(Address),
    /// A node set is listed twice.
    #[error("node set {0} is in the deal twice")]
    DuplicateSet(Name),
    /// There are more slots than a deal may have.
    #[error("the deal has {0} slots, at most {max} are allowed", max = Allocation::MAX_SLOTS)]
    TooManySlots(u128),
}

impl Allocation {
    /// Most slots of one deal: a million, so that listing them stays possible.
    pub const MAX_SLOTS: u64 = 1 << 20;

    /// Deals the sets' slots to the members.
    ///
    /// # Errors
    /// [`DealError::DuplicateOperator`] and [`DealError::DuplicateSet`] if an operator or a set is
    /// listed twice, [`DealError::TooManySlots`] for more than [`Self::MAX_SLOTS`].
    pub fn deal(
        seed: B256,
        mut members: Vec<DealMember>,
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
    pub fn order(&self) -> &[DealMember] {
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

    /// Returns whether the slot exists.
    pub fn contains(&self, slot: &Slot) -> bool {
        self.set(slot).is_some()
    }

    /// Returns the operator and unit of a slot; `None` if it is vacant or does not exist.
    pub fn filled(&self, slot: &Slot) -> Option<SlotAssignment> {
        let unit = self.explain(slot)?.unit?;
        let index = self.prefix.partition_point(|before| *before <= unit) - 1;
        let member = &self.order[index];
        let nth = u32::try_from(unit - self.prefix[index])
            .expect("BUG: an operator has at most 2^32 units");
        Some(SlotAssignment { operator: member.account, unit: skip_banned(nth, &member.banned) })
    }

    /// Returns the steps by which the slot got its unit; `None` if it does not exist.
    pub fn explain(&self, slot: &Slot) -> Option<DealTrace> {
        let dealt = self.set(slot)?;
        let turn = dealt.turn[slot.group as usize];
        let pick =
            dealt.first + u64::from(slot.place) * u64::from(dealt.set.groups) + u64::from(turn);
        Some(DealTrace { turn, pick, offset: self.offset, unit: self.unit_of(pick) })
    }

    /// Returns every slot with its operator and unit, by set, group and place.
    pub fn slots(&self) -> impl Iterator<Item = (Slot, Option<SlotAssignment>)> {
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

    /// Returns the unit of a pick k: floor((k*U + r) / N), or unit k if there are fewer units than
    /// slots.
    fn unit_of(&self, pick: u64) -> Option<u64> {
        if self.units < self.slots {
            return (pick < self.units).then_some(pick);
        }
        let product = u128::from(pick) * u128::from(self.units) + u128::from(self.offset);
        Some(
            u64::try_from(product / u128::from(self.slots))
                .expect("BUG: k < N and r < U, so the unit is below U"),
        )
    }
}

/// Returns the hash that orders operators in a deal.
fn rank(seed: B256, account: Address) -> B256 {
    keccak256([&seed[..], &account[..]].concat())
}

/// Returns the seeded Fisher-Yates shuffle of the groups: element j is sigma(j).
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

/// Returns the number of an operator's `nth` unit that is not banned.
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
