//! Accounts, storage and code, each with its past values, all in memory.
//!
//! Every value keeps the list of `(block, value before that block)`, so reading at any past block
//! is one binary search and never disturbs the writer.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use alloy_primitives::B256;
use alloy_primitives::Bytes;
use alloy_primitives::KECCAK256_EMPTY;
use alloy_primitives::U256;
use alloy_primitives::keccak256;
use alloy_primitives::map::HashMap;
use alloy_rlp::RlpDecodable;
use alloy_rlp::RlpEncodable;
use revm::bytecode::Bytecode;
use revm::state::AccountInfo;

/// An account without its code and storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AccountState {
    pub(crate) nonce: u64,
    pub(crate) balance: U256,
    pub(crate) code_hash: B256,
}

/// Every account, slot and code the chain has ever had.
#[derive(Debug, Default)]
pub(crate) struct State {
    accounts: HashMap<Address, Versioned<Option<AccountState>>>,
    slots: HashMap<(Address, U256), Versioned<U256>>,
    codes: HashMap<B256, Bytecode>,
}

impl State {
    pub(crate) fn account(&self, address: Address, at: u64) -> Option<AccountState> {
        self.accounts.get(&address).and_then(|versions| *versions.at(at))
    }

    pub(crate) fn account_now(&self, address: Address) -> Option<AccountState> {
        self.accounts.get(&address).and_then(|versions| versions.now)
    }

    pub(crate) fn slot(&self, address: Address, slot: U256, at: u64) -> U256 {
        self.slots.get(&(address, slot)).map_or(U256::ZERO, |versions| *versions.at(at))
    }

    /// Returns every account there is after a block, in no order.
    pub(crate) fn accounts_at(
        &self,
        at: u64,
    ) -> impl Iterator<Item = (Address, AccountState)> + '_ {
        self.accounts
            .iter()
            .filter_map(move |(address, versions)| Some((*address, (*versions.at(at))?)))
    }

    /// Returns every slot that is not zero after a block, in no order.
    pub(crate) fn slots_at(&self, at: u64) -> impl Iterator<Item = (Address, U256, U256)> + '_ {
        let slots = self
            .slots
            .iter()
            .map(move |((address, slot), versions)| (*address, *slot, *versions.at(at)));
        slots.filter(|(_, _, value)| !value.is_zero())
    }

    pub(crate) fn code(&self, hash: B256) -> Bytecode {
        self.codes.get(&hash).cloned().unwrap_or_default()
    }

    pub(crate) fn has_code(&self, hash: B256) -> bool {
        self.codes.contains_key(&hash)
    }

    /// Returns an account in the form the EVM reads, with its code.
    pub(crate) fn info(&self, address: Address, at: u64) -> Option<AccountInfo> {
        let account = self.account(address, at)?;
        let code = match account.code_hash {
            KECCAK256_EMPTY => Bytecode::default(),
            hash => self.code(hash),
        };
        Some(AccountInfo::new(account.balance, account.nonce, account.code_hash, code))
    }

    /// Applies the changes of one block, keeping the values they replace.
    pub(crate) fn apply(&mut self, block: u64, diff: &StateDiff) -> Result<(), BadCode> {
        for raw in &diff.codes {
            let code = Bytecode::new_raw_checked(raw.clone()).map_err(|_| BadCode)?;
            self.codes.insert(keccak256(raw), code);
        }
        for change in &diff.accounts {
            self.accounts.entry(change.address).or_default().set(block, change.account());
        }
        for change in &diff.slots {
            self.slots.entry((change.address, change.slot)).or_default().set(block, change.value);
        }
        Ok(())
    }
}

/// A record holds code that no block could have stored.
#[derive(Debug, thiserror::Error)]
#[error("a code record is not valid bytecode")]
pub(crate) struct BadCode;

/// A value, and its value before each block that changed it.
#[derive(Debug, Default)]
struct Versioned<T> {
    now: T,
    past: Vec<(u64, T)>,
}

impl<T> Versioned<T> {
    fn at(&self, block: u64) -> &T {
        let later = self.past.partition_point(|(changed, _)| *changed <= block);
        self.past.get(later).map_or(&self.now, |(_, before)| before)
    }

    fn set(&mut self, block: u64, value: T) {
        let before = std::mem::replace(&mut self.now, value);
        // Nothing can be read before genesis.
        if block > 0 {
            self.past.push((block, before));
        }
    }
}

/// The changes of one block, sorted by address and slot.
#[derive(Clone, Debug, Default, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub(crate) struct StateDiff {
    pub(crate) accounts: Vec<AccountChange>,
    pub(crate) slots: Vec<SlotChange>,
    codes: Vec<Bytes>,
}

/// The new value of an account.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub(crate) struct AccountChange {
    pub(crate) address: Address,
    exists: bool,
    pub(crate) nonce: u64,
    balance: U256,
    code_hash: B256,
}

impl AccountChange {
    pub(crate) fn account(&self) -> Option<AccountState> {
        let Self { nonce, balance, code_hash, .. } = *self;
        self.exists.then_some(AccountState { nonce, balance, code_hash })
    }
}

/// The new value of a slot.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub(crate) struct SlotChange {
    pub(crate) address: Address,
    pub(crate) slot: U256,
    pub(crate) value: U256,
}

impl StateDiff {
    /// Returns the values that differ from `base`, the state before the block.
    pub(crate) fn between(
        base: &State,
        accounts: &BTreeMap<Address, Option<AccountState>>,
        slots: &BTreeMap<(Address, U256), U256>,
        codes: &BTreeMap<B256, Bytecode>,
    ) -> Self {
        let accounts = accounts
            .iter()
            .filter(|(address, account)| base.account_now(**address) != **account)
            .map(|(address, account)| account_change(*address, *account))
            .collect();
        let slots = slots
            .iter()
            .filter(|((address, slot), value)| base.slot(*address, *slot, u64::MAX) != **value)
            .map(|(&(address, slot), &value)| SlotChange { address, slot, value })
            .collect();
        let codes = codes
            .iter()
            .filter(|(hash, _)| !base.has_code(**hash))
            .map(|(_, code)| code.original_bytes())
            .collect();
        Self { accounts, slots, codes }
    }

    /// Returns the changes that genesis makes to an empty state: balances, and contracts that are
    /// there from the start.
    pub(crate) fn genesis(
        balances: &BTreeMap<Address, U256>,
        contracts: &[(Address, Bytes)],
    ) -> Self {
        let mut accounts: BTreeMap<Address, AccountState> = balances
            .iter()
            .map(|(&address, &balance)| {
                (address, AccountState { nonce: 0, balance, code_hash: KECCAK256_EMPTY })
            })
            .collect();
        for (address, code) in contracts {
            let balance = balances.get(address).copied().unwrap_or_default();
            // As EIP-161 has it for created contracts.
            let account = AccountState { nonce: 1, balance, code_hash: keccak256(code) };
            accounts.insert(*address, account);
        }
        let accounts =
            accounts.into_iter().map(|(address, account)| account_change(address, Some(account)));
        let codes = contracts.iter().map(|(_, code)| code.clone());
        Self { accounts: accounts.collect(), codes: codes.collect(), ..Self::default() }
    }
}

fn account_change(address: Address, account: Option<AccountState>) -> AccountChange {
    let AccountState { nonce, balance, code_hash } =
        account.unwrap_or(AccountState { nonce: 0, balance: U256::ZERO, code_hash: B256::ZERO });
    AccountChange { address, exists: account.is_some(), nonce, balance, code_hash }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Reading any past block gives what was current then.
        #[test]
        fn history_equals_replayed_prefix(writes in proptest::collection::vec((1u64..40, any::<u8>()), 0..60)) {
            let mut ordered: BTreeMap<u64, u8> = BTreeMap::new();
            for (block, value) in writes {
                ordered.insert(block, value);
            }
            let mut versions = Versioned::default();
            for (&block, &value) in &ordered {
                versions.set(block, value);
            }
            for at in 0..45 {
                let expected = ordered.range(..=at).next_back().map_or(0, |(_, value)| *value);
                prop_assert_eq!(*versions.at(at), expected);
            }
        }
    }
}
