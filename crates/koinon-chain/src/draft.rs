//! Drafts: the change from the content on chain to another content, before it is proposed.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use koinon_model::Allocation;
use koinon_model::Content;
use koinon_model::ContentChange;
use koinon_model::ContentError;
use koinon_model::NodeSet;
use koinon_model::Object;
use koinon_model::UpdateMode;
use serde::Serialize;

use crate::content::Head;
use crate::contracts::Contracts;
use crate::error::ChainError;
use crate::proposal::Proposal;
use crate::wire::WireError;

/// The change from one content of a service to another.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The block and revision of the old content.
    pub head: Head,
    /// The content on chain.
    pub old: Content,
    /// The content after the change.
    pub new: Content,
    /// The change.
    pub change: ContentChange,
}

/// A proposal just made.
#[derive(Clone, Debug)]
pub struct Proposed {
    /// The proposal.
    pub proposal: Proposal,
    /// The gas of publishing and proposing.
    pub gas: u64,
}

/// The effect of a change on the allocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moves {
    /// Slots.
    pub slots: Shift,
    /// Slots without an operator.
    pub vacancies: Shift,
    /// Each operator's nodes, by name.
    pub operators: BTreeMap<String, Shift>,
    /// Slots that stay with their operator.
    pub unmoved: usize,
    /// Whether bans change, which takes effect with the next deal.
    pub next_deal: bool,
}

/// A number before and after a change; `[before, after]` in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "[u64; 2]")]
pub struct Shift {
    /// Before the change.
    pub before: u64,
    /// After the change.
    pub after: u64,
}

impl From<Shift> for [u64; 2] {
    fn from(Shift { before, after }: Shift) -> Self {
        [before, after]
    }
}

impl Draft {
    /// Compares the content on chain at `head` with a new one.
    ///
    /// # Errors
    /// [`ContentError`] if contracts would reject the new content.
    pub fn new(head: Head, old: Content, new: Content) -> Result<Self, ContentError> {
        new.check()?;
        let change = old.change_to(&new);
        Ok(Self { head, old, new, change })
    }

    /// Returns the objects that must be published before the change is applied.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        let edited = self.change.edits.iter();
        edited.filter_map(|edit| self.new.objects.get(&(edit.module, edit.path.clone())))
    }

    /// Returns whether the account may apply the change without a vote: it is an admin of every
    /// module touched, and no permission changes.
    pub fn may_be_applied_by(&self, account: Address) -> bool {
        let is_admin = |mode: &UpdateMode| match mode {
            UpdateMode::Governance => false,
            UpdateMode::Admins(admins) => admins.contains(&account),
        };
        self.change.permissions.is_empty()
            && self.change.modules().iter().all(|module| {
                let permission = self.old.permissions.get(module);
                permission.is_some_and(|permission| is_admin(&permission.mode))
            })
    }

    /// Computes the effect on the allocation; `None` before the first deal.
    ///
    /// # Errors
    /// [`ChainError::Wire`] with [`WireError::Set`] if a node set of the new content has no size.
    pub async fn moves(&self, contracts: &Contracts) -> Result<Option<Moves>, ChainError> {
        let view = contracts.at(self.head.block);
        let Some(before) = view.allocation().await? else { return Ok(None) };
        let Some(after) = view.allocation_of(self.new_sets()?).await? else { return Ok(None) };
        let next_deal = !self.change.bans.is_empty();
        let moves = Moves::between(&before, &after, &view.names(&before).await?);
        Ok(Some(Moves { next_deal, ..moves }))
    }

    fn new_sets(&self) -> Result<Vec<NodeSet>, WireError> {
        let resolve = |set: &koinon_model::SetTemplate| {
            set.resolve(&self.new.parameters).ok_or_else(|| WireError::Set(set.name.clone()))
        };
        self.new.sets.iter().map(resolve).collect()
    }
}

impl Moves {
    /// Compares two allocations of one service; `names` are those of its operators.
    pub fn between(
        before: &Allocation,
        after: &Allocation,
        names: &BTreeMap<Address, String>,
    ) -> Self {
        let (old, new) = (before.by_operator(), after.by_operator());
        let operators = names.iter().map(|(account, name)| {
            let before = old.get(account).map_or(0, Vec::len) as u64;
            let after = new.get(account).map_or(0, Vec::len) as u64;
            (name.clone(), Shift { before, after })
        });
        let unmoved = before.slots().filter(|(slot, filled)| {
            let still = after.filled(slot).map(|filled| filled.operator);
            filled.is_some_and(|filled| still == Some(filled.operator))
        });
        Self {
            slots: Shift { before: before.slot_count(), after: after.slot_count() },
            vacancies: Shift { before: before.vacancies(), after: after.vacancies() },
            operators: operators.collect(),
            unmoved: unmoved.count(),
            next_deal: false,
        }
    }
}

impl Contracts {
    /// Publishes the objects of a draft and proposes its change.
    ///
    /// # Errors
    /// [`ChainError::NoSigner`] without a signer; [`ChainError::Reverted`] if the signer has too
    /// little stake to propose.
    pub async fn propose_change(
        &self,
        draft: &Draft,
        description: &str,
    ) -> Result<Proposed, ChainError> {
        let Some(proposer) = self.chain().sender() else {
            return Err(ChainError::NoSigner { action: "propose".to_owned() });
        };
        let mut pipeline = self.chain().pipeline();
        self.publish_in(&mut pipeline, draft.objects()).await?;
        let text = proposal_text(description, draft.head, proposer);
        self.propose_in(&mut pipeline, &draft.change, &text).await?;
        let sent = pipeline.finish().await?;
        let gas = sent.iter().map(|(sent, _)| sent.gas).sum();
        let (proposal, _) = self.proposed(sent)?;
        Ok(Proposed { proposal, gas })
    }
}

/// Returns the text of a proposal.
///
/// A proposal's id is a hash of its calls and its text. The revision and the block make a repeated
/// change a new proposal. The suffix `#proposer=` stops others from submitting the proposal first
/// and then cancelling it (OpenZeppelin's Governor, `_isValidDescriptionForProposer`).
fn proposal_text(description: &str, head: Head, proposer: Address) -> String {
    let description = if description.is_empty() { "Change" } else { description };
    let Head { revision, block, .. } = head;
    format!("{description} (of revision {revision} at block {block}) #proposer={proposer:#x}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use alloy::primitives::B256;
    use koinon_model::DealMember;
    use koinon_model::Epoch;
    use koinon_model::Module;
    use koinon_model::ObjectEdit;
    use koinon_model::Permission;
    use koinon_model::Revision;

    use super::*;

    const HEAD: Head = Head { block: 17, revision: Revision(3), epoch: Epoch(1) };

    fn allocation(groups: u32) -> Allocation {
        let member = |byte: u8| DealMember {
            account: Address::repeat_byte(byte),
            units: 4,
            banned: BTreeSet::new(),
        };
        let set = NodeSet { name: "worker".parse().unwrap(), groups, size: 2 };
        Allocation::deal(B256::repeat_byte(9), vec![member(1), member(2)], vec![set]).unwrap()
    }

    #[test]
    fn moves_count_slots_before_and_after() {
        let names = [(1, "alice"), (2, "bob"), (3, "carol")];
        let names = names.map(|(byte, name)| (Address::repeat_byte(byte), name.to_owned())).into();
        let (before, after) = (allocation(2), allocation(5));
        let moves = Moves::between(&before, &after, &names);
        assert_eq!(moves.slots, Shift { before: 4, after: 10 });
        assert_eq!(moves.vacancies, Shift { before: 0, after: 2 });
        assert_eq!(moves.operators["carol"], Shift { before: 0, after: 0 });
        let total = |count: fn(&Shift) -> u64| moves.operators.values().map(count).sum::<u64>();
        assert_eq!((total(|shift| shift.before), total(|shift| shift.after)), (4, 8));
        let same = Moves::between(&before, &before, &names);
        assert_eq!((same.unmoved, same.slots), (4, Shift { before: 4, after: 4 }));
        let json = serde_json::to_value(&same).unwrap();
        assert_eq!(json["slots"], serde_json::json!([4, 4]));
    }

    #[test]
    fn the_text_of_a_proposal_names_its_proposer_at_its_end() {
        let proposer = Address::repeat_byte(0xab);
        let address = "0xabababababababababababababababababababab";
        assert_eq!(
            proposal_text("", HEAD, proposer),
            format!("Change (of revision 3 at block 17) #proposer={address}")
        );
        assert_eq!(
            proposal_text("A fifth shard", HEAD, proposer),
            format!("A fifth shard (of revision 3 at block 17) #proposer={address}")
        );
    }

    #[test]
    fn only_admins_of_every_touched_module_apply_a_change_directly() {
        let (admin, other) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let admins = || Permission { mode: UpdateMode::Admins(BTreeSet::from([admin])) };
        let mut old = Content::default();
        old.permissions.insert(Module::Topology, admins());
        let edit = |module| {
            let blob = Some(B256::repeat_byte(1));
            ObjectEdit::new(module, "x".to_owned(), None, blob).unwrap()
        };
        let draft = |edits, old: &Content| Draft {
            head: HEAD,
            old: old.clone(),
            new: Content::default(),
            change: ContentChange { edits, ..ContentChange::default() },
        };
        let topology = draft(vec![edit(Module::Topology)], &old);
        assert!(topology.may_be_applied_by(admin));
        assert!(!topology.may_be_applied_by(other));
        let both = draft(vec![edit(Module::Topology), edit(Module::Templates)], &old);
        assert!(!both.may_be_applied_by(admin));
        let mut permissions = draft(vec![edit(Module::Topology)], &old);
        permissions.change.permissions.insert(Module::Topology, admins());
        assert!(!permissions.may_be_applied_by(admin));
    }
}
