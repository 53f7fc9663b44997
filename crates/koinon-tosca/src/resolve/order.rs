//! The order in which candidates are considered: that of their names, or one by chance.

use std::rc::Rc;

use alloy_primitives::B256;
use koinon_model::keccak256;
use koinon_model::representation::ElementId;

use super::items::RequirementItem;
use super::items::key_of;
use crate::keynames::TypeKind;
use crate::program::NodeNumber;
use crate::program::Program;

impl<'a> Program<'a> {
    /// Returns the templates whose requirements are fulfilled by chance: targets of a
    /// `RandomCandidates` policy.
    pub(super) fn templates_by_chance(&self) -> Vec<&'a str> {
        let Some(ancestor) = self.types.koinon(TypeKind::Policy, "RandomCandidates") else {
            return Vec::new();
        };
        let mut templates = Vec::new();
        for policy in self.template.policies.values() {
            let id = self.types.lookup(TypeKind::Policy, policy.policy_type);
            if id.is_some_and(|id| self.types.derives(id, ancestor)) {
                templates.extend(policy.targets.iter().map(|target| target.text));
            }
        }
        templates
    }

    /// Returns the position of the next candidate. `skips` is the key of the assignment whose
    /// skipped candidates are left out.
    pub(super) fn next_place(
        &self,
        search: &mut CandidateWalk,
        skips: Option<usize>,
    ) -> Option<usize> {
        loop {
            let place = match skips {
                Some(key) => match self.resolver.skips.borrow_mut().get_mut(&key) {
                    Some(skips) => skips.next_unskipped(search.place),
                    None => search.place,
                },
                None => search.place,
            };
            let end = if search.wrapped { search.start } else { search.count };
            if place < end {
                search.place = place + 1;
                return Some(place);
            }
            if search.wrapped || search.start == 0 {
                return None;
            }
            (search.wrapped, search.place) = (true, 0);
        }
    }

    pub(super) fn seed_for(&self, node: NodeNumber) -> Option<B256> {
        let seed = self.seed?;
        let name = self.graph.node(node).template.name.text;
        self.resolver.random.borrow().contains(&name).then_some(seed)
    }

    /// Returns candidates in an order by chance, and the position at which the relationship starts.
    /// The order is the same for all nodes of a template: by a hash of the seed, the requirement
    /// and the candidate. The start is a hash of the seed and the relationship's id.
    pub(super) fn order_by_chance(
        &self,
        all: &Rc<Vec<NodeNumber>>,
        seed: B256,
        item: &RequirementItem<'a>,
        index: u64,
    ) -> (Rc<Vec<NodeNumber>>, usize) {
        let name = item.definition.name.text;
        let key = key_of(item);
        let known = self.resolver.orders.borrow().get(&key).cloned();
        let order = known.unwrap_or_else(|| {
            let template = self.graph.node(item.node).template.name.text;
            let of = ElementId::node(&self.name, template, 0);
            let own = ElementId::relationship(of, name, 0);
            let mut all = all.to_vec();
            all.sort_by_cached_key(|node| {
                let candidate = self.element(*node);
                let parts = [seed.as_slice(), own.0.as_slice(), candidate.0.as_slice()];
                keccak256(&parts.concat())
            });
            let order = Rc::new(all);
            self.resolver.orders.borrow_mut().insert(key, order.clone());
            order
        });
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        let own = ElementId::relationship(self.element(item.node), name, number);
        let hash = keccak256(&[seed.as_slice(), own.0.as_slice()].concat());
        let mut first = [0; 8];
        first.copy_from_slice(&hash.as_slice()[..8]);
        let start = u64::from_be_bytes(first).checked_rem(order.len() as u64).unwrap_or(0);
        (order, usize::try_from(start).unwrap_or(0))
    }
}

/// A walk over candidates: from the start to the end, and then from the beginning up to the start
/// if chance decided the start.
pub(crate) struct CandidateWalk {
    pub(super) start: usize,
    pub(super) place: usize,
    pub(super) count: usize,
    pub(super) wrapped: bool,
}
