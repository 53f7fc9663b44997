//! The Merkle-Patricia tries of the state (Yellow Paper, appendix D): the root that a header
//! carries, and the proofs of `eth_getProof`.
//!
//! The tries of the newest state are kept and changed block by block, for the root. Proofs are
//! rare and may be of any block, so they come from tries made for each of them.

use std::sync::Arc;

use alloy_primitives::Address;
use alloy_primitives::B256;
use alloy_primitives::Bytes;
use alloy_primitives::U256;
use alloy_primitives::keccak256;
use alloy_primitives::map::HashMap;
use alloy_trie::EMPTY_ROOT_HASH;
use alloy_trie::HashBuilder;
use alloy_trie::Nibbles;
use alloy_trie::TrieAccount;
use alloy_trie::proof::ProofRetainer;
use eth_trie::EthTrie;
use eth_trie::MemoryDB;
use eth_trie::Trie as _;

use crate::state::AccountState;
use crate::state::State;
use crate::state::StateDiff;

/// The tries of the newest state.
pub(crate) struct StateTries {
    accounts: EthTrie<MemoryDB>,
    /// The storage of each account that has some.
    slots: HashMap<Address, StorageTrie>,
}

struct StorageTrie {
    trie: EthTrie<MemoryDB>,
    root: B256,
}

impl Default for StateTries {
    fn default() -> Self {
        Self { accounts: empty(), slots: HashMap::default() }
    }
}

impl std::fmt::Debug for StateTries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StateTries").field("contracts", &self.slots.len()).finish_non_exhaustive()
    }
}

/// Tries in memory have every node they refer to.
const WHOLE: &str = "BUG: a trie in memory misses a node";

impl StateTries {
    /// Applies the changes of a block and returns the state root after them. `before` is the state
    /// that the changes were made to.
    pub(crate) fn apply(&mut self, before: &State, diff: &StateDiff) -> B256 {
        let mut touched: Vec<Address> = Vec::new();
        for changes in diff.slots.chunk_by(|a, b| a.address == b.address) {
            let address = changes[0].address;
            let storage = self
                .slots
                .entry(address)
                .or_insert_with(|| StorageTrie { trie: empty(), root: EMPTY_ROOT_HASH });
            for change in changes {
                set_slot(&mut storage.trie, change.slot, change.value);
            }
            storage.root = storage.trie.root_hash().expect(WHOLE);
            if storage.root == EMPTY_ROOT_HASH {
                self.slots.remove(&address);
            }
            touched.push(address);
        }
        for change in &diff.accounts {
            self.set_account(change.address, change.account());
        }
        // An account whose slots changed, and nothing else, has another leaf too.
        for address in touched {
            if diff.accounts.binary_search_by_key(&address, |change| change.address).is_err() {
                self.set_account(address, before.account_now(address));
            }
        }
        self.accounts.root_hash().expect(WHOLE)
    }

    fn set_account(&mut self, address: Address, account: Option<AccountState>) {
        let key = keccak256(address);
        let Some(account) = account else {
            self.accounts.remove(key.as_slice()).expect(WHOLE);
            return;
        };
        let root = self.slots.get(&address).map_or(EMPTY_ROOT_HASH, |storage| storage.root);
        let leaf = alloy_rlp::encode(leaf(account, root));
        self.accounts.insert(key.as_slice(), &leaf).expect(WHOLE);
    }
}

/// A trie that keeps only the nodes of its newest root.
fn empty() -> EthTrie<MemoryDB> {
    EthTrie::new(Arc::new(MemoryDB::new(true)))
}

fn set_slot(trie: &mut EthTrie<MemoryDB>, slot: U256, value: U256) {
    let key = keccak256(slot.to_be_bytes::<32>());
    if value.is_zero() {
        trie.remove(key.as_slice()).expect(WHOLE);
    } else {
        trie.insert(key.as_slice(), &alloy_rlp::encode(value)).expect(WHOLE);
    }
}

fn leaf(account: AccountState, storage_root: B256) -> TrieAccount {
    let AccountState { nonce, balance, code_hash } = account;
    TrieAccount { nonce, balance, storage_root, code_hash }
}

/// The proof of an account, and of slots of it, at one block.
pub(crate) struct AccountProof {
    pub(crate) account: TrieAccount,
    /// The nodes from the state root to the account, or to where it would be.
    pub(crate) nodes: Vec<Bytes>,
    /// For each slot asked for, the nodes from the storage root.
    pub(crate) slots: Vec<Vec<Bytes>>,
}

impl AccountProof {
    /// Makes the tries of the state after a block and takes the proof from them.
    pub(crate) fn of(state: &State, at: u64, address: Address, slots: &[U256]) -> Self {
        let mut storage: HashMap<Address, Vec<(B256, U256)>> = HashMap::default();
        for (owner, slot, value) in state.slots_at(at) {
            let key = keccak256(slot.to_be_bytes::<32>());
            storage.entry(owner).or_default().push((key, value));
        }
        let keys: Vec<B256> =
            slots.iter().map(|slot| keccak256(slot.to_be_bytes::<32>())).collect();
        let mut leaves: Vec<(B256, TrieAccount)> = Vec::new();
        let mut proved = (TrieAccount::default(), vec![Vec::new(); keys.len()]);
        for (owner, account) in state.accounts_at(at) {
            let values = storage.remove(&owner).unwrap_or_default();
            let values = values.into_iter().map(|(key, value)| (key, alloy_rlp::encode(value)));
            let wanted: &[B256] = if owner == address { &keys } else { &[] };
            let (root, nodes) = prove(values.collect(), wanted);
            let leaf = leaf(account, root);
            if owner == address {
                proved = (leaf, nodes);
            }
            leaves.push((keccak256(owner), leaf));
        }
        let leaves = leaves.into_iter().map(|(key, leaf)| (key, alloy_rlp::encode(leaf)));
        let (_, mut nodes) = prove(leaves.collect(), &[keccak256(address)]);
        let (account, slots) = proved;
        Self { account, nodes: nodes.pop().unwrap_or_default(), slots }
    }
}

/// Returns the root of a trie and, for each wanted key, the nodes on the way to it.
fn prove(mut leaves: Vec<(B256, Vec<u8>)>, wanted: &[B256]) -> (B256, Vec<Vec<Bytes>>) {
    leaves.sort_unstable_by_key(|(key, _)| *key);
    let targets: Vec<Nibbles> = wanted.iter().map(|key| Nibbles::unpack(*key)).collect();
    let retainer = ProofRetainer::new(targets.clone());
    let mut builder = HashBuilder::default().with_proof_retainer(retainer);
    for (key, value) in &leaves {
        builder.add_leaf(Nibbles::unpack(*key), value);
    }
    let root = builder.root();
    let nodes = builder.take_proof_nodes();
    let path = |target: &Nibbles| {
        // An empty trie proves absence without any node, as in geth.
        let sorted = nodes.matching_nodes_sorted(target).into_iter();
        if leaves.is_empty() { Vec::new() } else { sorted.map(|(_, node)| node).collect() }
    };
    (root, targets.iter().map(path).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use alloy_primitives::KECCAK256_EMPTY;
    use alloy_trie::proof::verify_proof;
    use alloy_trie::root::state_root_unhashed;
    use alloy_trie::root::storage_root_unhashed;
    use proptest::prelude::*;

    use super::*;

    type Storage = BTreeMap<(Address, U256), U256>;

    #[derive(Clone, Debug)]
    enum Change {
        Account { who: u8, balance: u8 },
        Gone { who: u8 },
        Slot { who: u8, slot: u8, value: u8 },
    }

    fn change() -> impl Strategy<Value = Change> {
        prop_oneof![
            (0..6u8, any::<u8>()).prop_map(|(who, balance)| Change::Account { who, balance }),
            (6..8u8).prop_map(|who| Change::Gone { who }),
            (6..8u8, any::<u8>()).prop_map(|(who, balance)| Change::Account { who, balance }),
            // A small number of values, so that slots are often set to 0.
            (0..4u8, 0..20u8, 0..3u8).prop_map(|(who, slot, value)| Change::Slot {
                who,
                slot,
                value
            }),
        ]
    }

    /// The root by another way: all leaves of all tries at once.
    fn root_of(accounts: &BTreeMap<Address, Option<AccountState>>, slots: &Storage) -> B256 {
        let leaves = accounts.iter().filter_map(|(address, account)| {
            let AccountState { nonce, balance, code_hash } = (*account)?;
            let own =
                slots.iter().filter(|((owner, _), value)| owner == address && !value.is_zero());
            let own = own.map(|((_, slot), value)| (B256::from(*slot), *value));
            let storage_root = storage_root_unhashed(own);
            Some((*address, TrieAccount { nonce, balance, storage_root, code_hash }))
        });
        state_root_unhashed(leaves)
    }

    proptest! {
        #[test]
        fn roots_and_proofs_are_those_of_the_whole_state(
            blocks in prop::collection::vec(prop::collection::vec(change(), 0..12), 1..8)
        ) {
            let (mut tries, mut state) = (StateTries::default(), State::default());
            let mut accounts: BTreeMap<Address, Option<AccountState>> = BTreeMap::new();
            let mut slots = Storage::new();
            let mut roots = Vec::new();
            for (number, changes) in blocks.into_iter().enumerate() {
                for change in changes {
                    match change {
                        Change::Account { who, balance } => {
                            let balance = U256::from(balance);
                            let account = AccountState { nonce: 1, balance, code_hash: KECCAK256_EMPTY };
                            accounts.insert(Address::repeat_byte(who), Some(account));
                        }
                        Change::Gone { who } => {
                            accounts.insert(Address::repeat_byte(who), None);
                        }
                        Change::Slot { who, slot, value } => {
                            // Only accounts that exist have storage.
                            let address = Address::repeat_byte(who);
                            if accounts.get(&address).is_some_and(Option::is_some) {
                                slots.insert((address, U256::from(slot)), U256::from(value));
                            }
                        }
                    }
                }
                let diff = StateDiff::between(&state, &accounts, &slots, &BTreeMap::new());
                let root = tries.apply(&state, &diff);
                state.apply(number as u64, &diff).unwrap();
                prop_assert_eq!(root, root_of(&accounts, &slots));
                roots.push(root);
            }
            // Each block's state is proved, of accounts and slots that are there or not.
            let wanted = [0_u64, 3, 99].map(U256::from);
            for (number, root) in roots.into_iter().enumerate() {
                for who in [0_u8, 3, 6, 9] {
                    let address = Address::repeat_byte(who);
                    let proof = AccountProof::of(&state, number as u64, address, &wanted);
                    let exists = state.account(address, number as u64).is_some();
                    let expected = exists.then(|| alloy_rlp::encode(proof.account));
                    let key = Nibbles::unpack(keccak256(address));
                    prop_assert!(verify_proof(root, key, expected, &proof.nodes).is_ok());
                    for (slot, nodes) in wanted.iter().zip(&proof.slots) {
                        let value = state.slot(address, *slot, number as u64);
                        let expected = (!value.is_zero()).then(|| alloy_rlp::encode(value));
                        let key = Nibbles::unpack(keccak256(slot.to_be_bytes::<32>()));
                        let storage_root = if exists { proof.account.storage_root } else { EMPTY_ROOT_HASH };
                        prop_assert!(verify_proof(storage_root, key, expected, nodes).is_ok());
                    }
                }
            }
        }
    }
}
