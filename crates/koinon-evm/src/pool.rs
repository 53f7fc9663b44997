//! Transactions that were accepted and wait for their block.

use std::collections::BTreeMap;

use alloy::consensus::Transaction as _;
use alloy::consensus::TxEnvelope;
use alloy::consensus::TxType;
use alloy::consensus::transaction::Recovered;
use alloy::eips::eip2718::Decodable2718;
use alloy_evm::FromRecoveredTx;
use alloy_primitives::Address;
use alloy_primitives::B256;
use alloy_primitives::KECCAK256_EMPTY;
use alloy_primitives::U256;
use alloy_primitives::map::HashMap;
use revm::context::TxEnv;
use revm::context_interface::cfg::gas::calculate_initial_tx_gas_for_tx;
use revm::context_interface::result::InvalidTransaction;
use revm::primitives::eip3860::MAX_INITCODE_SIZE;

use crate::block::BASE_FEE;
use crate::execute::ChainRules;
use crate::execute::SPEC;
use crate::execute::TX_GAS_LIMIT;
use crate::state::State;

/// The most transactions in the pool.
const MAX_POOL: usize = 16_384;
/// The most transactions of one sender in the pool.
const MAX_PER_SENDER: usize = 1_024;

/// Why a transaction is rejected. The texts begin as geth's do, because clients match on them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TxError {
    /// The bytes are not a transaction.
    #[error("rlp: cannot decode the transaction: {0}")]
    Undecodable(String),
    /// The signature recovers to nobody.
    #[error("invalid sender: the signature is invalid")]
    BadSignature,
    /// Blob transactions need a consensus layer.
    #[error("transaction type not supported: this chain takes no blob transactions (EIP-4844)")]
    Blob,
    /// The transaction is for another chain.
    #[error("invalid chain id for signer: have {have} want {want}")]
    ChainId {
        /// The transaction's.
        have: u64,
        /// The chain's.
        want: u64,
    },
    /// The same transaction is waiting already.
    #[error("already known")]
    AlreadyKnown,
    /// A transaction with this nonce was executed.
    #[error("nonce too low: next nonce {next}, tx nonce {have}")]
    NonceTooLow {
        /// The sender's next nonce.
        next: u64,
        /// The transaction's nonce.
        have: u64,
    },
    /// The account can never send this nonce.
    #[error("nonce has max value: {0}")]
    NonceMax(u64),
    /// The sender cannot pay for the gas limit and the value.
    #[error("insufficient funds for gas * price + value: balance {have}, tx cost {want}")]
    InsufficientFunds {
        /// The sender's balance.
        have: U256,
        /// The most the transaction can cost.
        want: U256,
    },
    /// The gas limit does not cover the cost of starting the transaction.
    #[error("intrinsic gas too low: gas {have}, minimum needed {want}")]
    IntrinsicGas {
        /// The gas limit.
        have: u64,
        /// The least possible.
        want: u64,
    },
    /// The gas limit does not cover the floor price of the data (EIP-7623).
    #[error("insufficient gas for floor data gas cost: gas {have}, minimum needed {want}")]
    FloorGas {
        /// The gas limit.
        have: u64,
        /// The least possible.
        want: u64,
    },
    /// The gas limit exceeds a block.
    #[error("exceeds block gas limit: {have} is over {limit}")]
    BlockGas {
        /// The gas limit.
        have: u64,
        /// The block's.
        limit: u64,
    },
    /// The gas limit exceeds the cap of EIP-7825.
    #[error("transaction gas limit too high (cap: {TX_GAS_LIMIT}, tx: {0})")]
    TxGas(u64),
    /// The creation code exceeds the limit of EIP-3860.
    #[error("max initcode size exceeded: code size {0}, limit {MAX_INITCODE_SIZE}")]
    InitCode(usize),
    /// The tip exceeds the fee cap.
    #[error("max priority fee per gas higher than max fee per gas: {tip} over {fee}")]
    TipAboveFee {
        /// The tip.
        tip: u128,
        /// The fee cap.
        fee: u128,
    },
    /// The fee cap is below the base fee, which never falls.
    #[error("max fee per gas less than block base fee: maxFeePerGas: {0}, baseFee: {BASE_FEE}")]
    FeeTooLow(u128),
    /// A set-code transaction without authorizations.
    #[error("set code transaction with an empty authorization list")]
    NoAuthorizations,
    /// The sender is a contract (EIP-3607).
    #[error("sender not an eoa: {0}")]
    SenderIsContract(Address),
    /// Another transaction with this nonce waits and pays at least as much.
    #[error("replacement transaction underpriced")]
    Underpriced,
    /// A waiting transaction was replaced by another that pays more.
    #[error("transaction was replaced by one with a higher fee")]
    Replaced,
    /// The pool holds as many transactions as it may.
    #[error("txpool is full")]
    Full,
    /// Any other reason of the EVM.
    #[error("invalid transaction: {0}")]
    Other(InvalidTransaction),
}

impl From<InvalidTransaction> for TxError {
    fn from(reason: InvalidTransaction) -> Self {
        match reason {
            InvalidTransaction::LackOfFundForMaxFee { fee, balance } => {
                Self::InsufficientFunds { have: *balance, want: *fee }
            }
            InvalidTransaction::NonceTooLow { tx, state } => {
                Self::NonceTooLow { next: state, have: tx }
            }
            InvalidTransaction::CallGasCostMoreThanGasLimit { initial_gas, gas_limit } => {
                Self::IntrinsicGas { have: gas_limit, want: initial_gas }
            }
            InvalidTransaction::GasFloorMoreThanGasLimit { gas_floor, gas_limit } => {
                Self::FloorGas { have: gas_limit, want: gas_floor }
            }
            other => Self::Other(other),
        }
    }
}

/// Decodes a raw transaction and recovers its sender: the checks that need no chain.
pub(crate) fn recover(raw: &[u8]) -> Result<Recovered<TxEnvelope>, TxError> {
    use alloy::consensus::transaction::SignerRecoverable as _;
    // A blob transaction's pooled form does not decode as a plain one; its first byte shows it.
    if raw.first() == Some(&u8::from(TxType::Eip4844)) {
        return Err(TxError::Blob);
    }
    let tx = TxEnvelope::decode_2718_exact(raw)
        .map_err(|error| TxError::Undecodable(error.to_string()))?;
    let signer = tx.recover_signer().map_err(|_| TxError::BadSignature)?;
    Ok(Recovered::new_unchecked(tx, signer))
}

/// Checks a transaction against the rules and the current state.
pub(crate) fn check(
    tx: &Recovered<TxEnvelope>,
    rules: &ChainRules,
    state: &State,
) -> Result<(), TxError> {
    let gas = tx.gas_limit();
    if tx.is_eip4844() {
        return Err(TxError::Blob);
    }
    if let Some(have) = tx.chain_id()
        && have != rules.chain_id
    {
        return Err(TxError::ChainId { have, want: rules.chain_id });
    }
    if gas > rules.block_gas_limit {
        return Err(TxError::BlockGas { have: gas, limit: rules.block_gas_limit });
    }
    if gas > TX_GAS_LIMIT {
        return Err(TxError::TxGas(gas));
    }
    if tx.is_create() && tx.input().len() > MAX_INITCODE_SIZE {
        return Err(TxError::InitCode(tx.input().len()));
    }
    let fee = tx.max_fee_per_gas();
    if fee < u128::from(BASE_FEE) {
        return Err(TxError::FeeTooLow(fee));
    }
    if let Some(tip) = tx.max_priority_fee_per_gas()
        && tip > fee
    {
        return Err(TxError::TipAboveFee { tip, fee });
    }
    if tx.authorization_list().is_some_and(<[_]>::is_empty) {
        return Err(TxError::NoAuthorizations);
    }
    check_gas(tx)?;
    check_sender(tx, state)
}

fn check_gas(tx: &Recovered<TxEnvelope>) -> Result<(), TxError> {
    let have = tx.gas_limit();
    let env = TxEnv::from_recovered_tx(tx.inner(), tx.signer());
    let needed = calculate_initial_tx_gas_for_tx(&env, SPEC, None);
    if have < needed.initial_total_gas() {
        return Err(TxError::IntrinsicGas { have, want: needed.initial_total_gas() });
    }
    if have < needed.floor_gas {
        return Err(TxError::FloorGas { have, want: needed.floor_gas });
    }
    Ok(())
}

fn check_sender(tx: &Recovered<TxEnvelope>, state: &State) -> Result<(), TxError> {
    let account = state.account_now(tx.signer());
    let (nonce, balance, code_hash) =
        account.map_or((0, U256::ZERO, KECCAK256_EMPTY), |a| (a.nonce, a.balance, a.code_hash));
    if tx.nonce() < nonce {
        return Err(TxError::NonceTooLow { next: nonce, have: tx.nonce() });
    }
    if tx.nonce() == u64::MAX {
        return Err(TxError::NonceMax(tx.nonce()));
    }
    if code_hash != KECCAK256_EMPTY && !state.code(code_hash).is_eip7702() {
        return Err(TxError::SenderIsContract(tx.signer()));
    }
    let gas_cost = U256::from(tx.gas_limit()) * U256::from(tx.max_fee_per_gas());
    let want = gas_cost.saturating_add(tx.value());
    if balance < want {
        return Err(TxError::InsufficientFunds { have: balance, want });
    }
    Ok(())
}

/// A waiting transaction.
#[derive(Clone, Debug)]
pub(crate) struct WaitingTx {
    pub(crate) tx: Recovered<TxEnvelope>,
    /// Order of arrival, which is the order of execution among those that can run.
    order: u64,
}

/// The pool: per sender by nonce, and those that can run now by arrival.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    senders: HashMap<Address, BTreeMap<u64, WaitingTx>>,
    by_hash: HashMap<B256, (Address, u64)>,
    ready: BTreeMap<u64, (Address, u64)>,
    next_order: u64,
}

impl Pool {
    /// Adds a checked transaction and returns the hash of the one it replaces.
    pub(crate) fn add(
        &mut self,
        tx: Recovered<TxEnvelope>,
        next_nonce: u64,
    ) -> Result<Option<B256>, TxError> {
        let (hash, sender, nonce) = (*tx.tx_hash(), tx.signer(), tx.nonce());
        if self.by_hash.contains_key(&hash) {
            return Err(TxError::AlreadyKnown);
        }
        let queue = self.senders.get(&sender);
        let rival = queue.and_then(|queue| queue.get(&nonce));
        if let Some(rival) = rival {
            if !outbids(&tx, &rival.tx) {
                return Err(TxError::Underpriced);
            }
        } else if self.by_hash.len() >= MAX_POOL
            || queue.is_some_and(|queue| queue.len() >= MAX_PER_SENDER)
        {
            return Err(TxError::Full);
        }
        let order = self.next_order;
        self.next_order += 1;
        self.by_hash.insert(hash, (sender, nonce));
        let replaced =
            self.senders.entry(sender).or_default().insert(nonce, WaitingTx { tx, order });
        if let Some(replaced) = &replaced {
            self.by_hash.remove(replaced.tx.tx_hash());
            self.ready.remove(&replaced.order);
        }
        if nonce == next_nonce {
            self.ready.insert(order, (sender, nonce));
        }
        Ok(replaced.map(|replaced| *replaced.tx.tx_hash()))
    }

    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Returns sender and nonce of each sender's next transaction, by arrival.
    pub(crate) fn ready(&self) -> BTreeMap<u64, (Address, u64)> {
        self.ready.clone()
    }

    pub(crate) fn get(&self, sender: Address, nonce: u64) -> Option<&WaitingTx> {
        self.senders.get(&sender)?.get(&nonce)
    }

    pub(crate) fn by_hash(&self, hash: B256) -> Option<&WaitingTx> {
        let (sender, nonce) = self.by_hash.get(&hash)?;
        self.get(*sender, *nonce)
    }

    /// Returns the nonce after the unbroken run of nonces that starts at `next`.
    pub(crate) fn nonce_after(&self, sender: Address, next: u64) -> u64 {
        let Some(queue) = self.senders.get(&sender) else { return next };
        let mut nonce = next;
        while queue.contains_key(&nonce) {
            nonce += 1;
        }
        nonce
    }

    /// Returns whether the next block tries this transaction: its sender's next transaction can
    /// run, and every nonce from there on is in the pool.
    pub(crate) fn can_run(&self, sender: Address, next: u64, nonce: u64) -> bool {
        self.get(sender, next).is_some_and(|first| self.ready.contains_key(&first.order))
            && nonce < self.nonce_after(sender, next)
    }

    /// Returns the same sender's transactions with higher nonces.
    pub(crate) fn behind(
        &self,
        hash: B256,
    ) -> impl Iterator<Item = &Recovered<TxEnvelope>> + use<'_> {
        let place = self.by_hash.get(&hash).copied();
        let queue = place.and_then(|(sender, nonce)| Some((self.senders.get(&sender)?, nonce)));
        queue
            .into_iter()
            .flat_map(|(queue, nonce)| queue.range(nonce.saturating_add(1)..))
            .map(|(_, waiting)| &waiting.tx)
    }

    /// Removes a transaction that can no longer run.
    pub(crate) fn remove(&mut self, hash: B256) {
        let Some((sender, nonce)) = self.by_hash.remove(&hash) else { return };
        let Some(queue) = self.senders.get_mut(&sender) else { return };
        if let Some(removed) = queue.remove(&nonce) {
            self.ready.remove(&removed.order);
        }
        if queue.is_empty() {
            self.senders.remove(&sender);
        }
    }

    /// Keeps a transaction waiting until its sender's account changes.
    pub(crate) fn park(&mut self, hash: B256) {
        if let Some(order) = self.by_hash(hash).map(|waiting| waiting.order) {
            self.ready.remove(&order);
        }
    }

    /// Follows a change of a sender's account: drops executed transactions, marks the next one
    /// ready.
    pub(crate) fn settle(&mut self, sender: Address, next_nonce: u64) {
        let Some(queue) = self.senders.get_mut(&sender) else { return };
        let later = queue.split_off(&next_nonce);
        let done = std::mem::replace(queue, later);
        for waiting in done.values() {
            self.by_hash.remove(waiting.tx.tx_hash());
            self.ready.remove(&waiting.order);
        }
        if let Some(next) = queue.get(&next_nonce) {
            self.ready.insert(next.order, (sender, next_nonce));
        }
        if queue.is_empty() {
            self.senders.remove(&sender);
        }
    }
}

impl WaitingTx {
    pub(crate) fn order(&self) -> u64 {
        self.order
    }
}

/// A replacement must raise both the fee cap and the tip.
fn outbids(new: &TxEnvelope, old: &TxEnvelope) -> bool {
    let tip = |tx: &TxEnvelope| tx.max_priority_fee_per_gas().unwrap_or(tx.max_fee_per_gas());
    new.max_fee_per_gas() > old.max_fee_per_gas() && tip(new) > tip(old)
}

#[cfg(test)]
mod tests {
    use alloy::consensus::SignableTransaction as _;
    use alloy::consensus::TxEip1559;
    use alloy_primitives::Signature;
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum PoolOp {
        /// Offers the transaction so many nonces after the sender's next.
        Add {
            sender: u8,
            ahead: u64,
            fee: u8,
            tip: u8,
        },
        /// The sender's account moves on by so many nonces.
        Settle {
            sender: u8,
            by: u64,
        },
        Park(prop::sample::Index),
        Remove(prop::sample::Index),
    }

    fn op() -> impl Strategy<Value = PoolOp> {
        prop_oneof![
            6 => (0..3u8, 0..4u64, 1..4u8, 0..4u8)
                .prop_map(|(sender, ahead, fee, tip)| PoolOp::Add { sender, ahead, fee, tip }),
            2 => (0..3u8, 0..3u64).prop_map(|(sender, by)| PoolOp::Settle { sender, by }),
            1 => any::<prop::sample::Index>().prop_map(PoolOp::Park),
            1 => any::<prop::sample::Index>().prop_map(PoolOp::Remove),
        ]
    }

    fn tx(sender: u8, nonce: u64, fee: u8, tip: u8) -> Recovered<TxEnvelope> {
        let tx = TxEip1559 {
            nonce,
            max_fee_per_gas: fee.into(),
            max_priority_fee_per_gas: tip.into(),
            // The test's signatures are all the same, so the sender has to make hashes differ.
            to: Address::repeat_byte(sender).into(),
            ..TxEip1559::default()
        };
        let signed = tx.into_signed(Signature::test_signature());
        Recovered::new_unchecked(TxEnvelope::from(signed), Address::repeat_byte(sender))
    }

    /// The transactions that the pool should hold, as a list.
    #[derive(Default)]
    struct ModelPool {
        waiting: Vec<ModelTx>,
        next: [u64; 3],
        accepted: u64,
    }

    #[derive(Clone)]
    struct ModelTx {
        sender: u8,
        tx: Recovered<TxEnvelope>,
        order: u64,
        ready: bool,
    }

    impl ModelPool {
        fn at(&self, sender: u8, nonce: u64) -> Option<usize> {
            self.waiting.iter().position(|w| w.sender == sender && w.tx.nonce() == nonce)
        }

        fn add(&mut self, sender: u8, tx: Recovered<TxEnvelope>) -> Result<Option<B256>, TxError> {
            let fees = |tx: &TxEnvelope| (tx.max_fee_per_gas(), tx.max_priority_fee_per_gas());
            let rival = self.at(sender, tx.nonce());
            if let Some(rival) = rival.map(|at| &self.waiting[at]) {
                let ((new_fee, new_tip), (fee, tip)) = (fees(&tx), fees(&rival.tx));
                if (new_fee, new_tip) == (fee, tip) {
                    return Err(TxError::AlreadyKnown);
                }
                if new_fee <= fee || new_tip <= tip {
                    return Err(TxError::Underpriced);
                }
            }
            let replaced = rival.map(|at| *self.waiting.remove(at).tx.tx_hash());
            let ready = tx.nonce() == self.next[usize::from(sender)];
            self.waiting.push(ModelTx { sender, tx, order: self.accepted, ready });
            self.accepted += 1;
            Ok(replaced)
        }

        fn settle(&mut self, sender: u8, by: u64) -> u64 {
            let next = &mut self.next[usize::from(sender)];
            *next += by;
            let next = *next;
            self.waiting.retain(|w| w.sender != sender || w.tx.nonce() >= next);
            if let Some(at) = self.at(sender, next) {
                self.waiting[at].ready = true;
            }
            next
        }

        fn can_run(&self, sender: u8, nonce: u64) -> bool {
            let next = self.next[usize::from(sender)];
            let first = self.at(sender, next).is_some_and(|at| self.waiting[at].ready);
            first && nonce >= next && (next..=nonce).all(|nonce| self.at(sender, nonce).is_some())
        }

        fn check(&self, pool: &Pool) {
            let ready = self.waiting.iter().filter(|w| w.ready);
            let ready: BTreeMap<_, _> =
                ready.map(|w| (w.order, (w.tx.signer(), w.tx.nonce()))).collect();
            assert_eq!(pool.ready(), ready);
            assert_eq!(pool.has_ready(), !ready.is_empty());
            assert_eq!(pool.by_hash.len(), self.waiting.len());
            for sender in 0..3_u8 {
                let (address, next) =
                    (Address::repeat_byte(sender), self.next[usize::from(sender)]);
                let gap = (next..).find(|nonce| self.at(sender, *nonce).is_none());
                assert_eq!(Some(pool.nonce_after(address, next)), gap);
                for nonce in next..next + 8 {
                    let waiting = self.at(sender, nonce).map(|at| &self.waiting[at]);
                    let held = pool.get(address, nonce).map(|held| (&held.tx, held.order()));
                    assert_eq!(held, waiting.map(|w| (&w.tx, w.order)));
                    assert_eq!(pool.can_run(address, next, nonce), self.can_run(sender, nonce));
                    let Some(waiting) = waiting else { continue };
                    let hash = *waiting.tx.tx_hash();
                    assert_eq!(pool.by_hash(hash).map(WaitingTx::order), Some(waiting.order));
                    let mut behind: Vec<_> = self.waiting.iter().collect();
                    behind.retain(|w| w.sender == sender && w.tx.nonce() > nonce);
                    behind.sort_by_key(|w| w.tx.nonce());
                    let behind = behind.into_iter().map(|w| &w.tx);
                    assert!(pool.behind(hash).eq(behind), "behind {sender}:{nonce}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn the_pool_holds_what_a_list_would_hold(ops in prop::collection::vec(op(), 0..40)) {
            let (mut pool, mut model) = (Pool::default(), ModelPool::default());
            for op in ops {
                match op {
                    PoolOp::Add { sender, ahead, fee, tip } => {
                        let next = model.next[usize::from(sender)];
                        let tx = tx(sender, next + ahead, fee, tip);
                        prop_assert_eq!(pool.add(tx.clone(), next), model.add(sender, tx));
                    }
                    PoolOp::Settle { sender, by } => {
                        let next = model.settle(sender, by);
                        pool.settle(Address::repeat_byte(sender), next);
                    }
                    PoolOp::Park(pick) if !model.waiting.is_empty() => {
                        let picked = pick.index(model.waiting.len());
                        let waiting = &mut model.waiting[picked];
                        waiting.ready = false;
                        pool.park(*waiting.tx.tx_hash());
                    }
                    PoolOp::Remove(pick) if !model.waiting.is_empty() => {
                        let removed = model.waiting.remove(pick.index(model.waiting.len()));
                        pool.remove(*removed.tx.tx_hash());
                    }
                    PoolOp::Park(_) | PoolOp::Remove(_) => {}
                }
                model.check(&pool);
            }
        }
    }

    #[test]
    fn no_sender_and_no_number_of_senders_fills_the_memory() {
        let mut pool = Pool::default();
        for nonce in 0..MAX_PER_SENDER as u64 {
            assert_eq!(pool.add(tx(0, nonce, 1, 0), 0), Ok(None));
        }
        let over = MAX_PER_SENDER as u64;
        assert_eq!(pool.add(tx(0, over, 1, 0), 0), Err(TxError::Full));
        // One that replaces another takes no more room.
        let replaced = *tx(0, 5, 1, 0).tx_hash();
        assert_eq!(pool.add(tx(0, 5, 2, 1), 0), Ok(Some(replaced)));
        let senders = (MAX_POOL / MAX_PER_SENDER) as u8;
        for sender in 1..senders {
            for nonce in 0..MAX_PER_SENDER as u64 {
                assert_eq!(pool.add(tx(sender, nonce, 1, 0), 0), Ok(None));
            }
        }
        assert_eq!(pool.add(tx(senders, 0, 1, 0), 0), Err(TxError::Full));
    }
}
