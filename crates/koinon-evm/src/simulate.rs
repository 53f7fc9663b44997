//! Running calls on the state of a block, without keeping their effects.

use std::convert::Infallible;

use alloy::consensus::BlockHeader as _;
use alloy::consensus::Header;
use alloy::consensus::TxEnvelope;
use alloy::consensus::transaction::Recovered;
use alloy::rpc::types::BlockOverrides;
use alloy::rpc::types::state::StateOverride;
use alloy_evm::FromRecoveredTx;
use alloy_evm::overrides::apply_block_overrides;
use alloy_evm::overrides::apply_state_overrides;
use alloy_primitives::Address;
use alloy_primitives::B256;
use alloy_primitives::U256;
use parking_lot::RwLock;
use revm::Context;
use revm::DatabaseCommit;
use revm::DatabaseRef;
use revm::ExecuteEvm;
use revm::InspectEvm;
use revm::Inspector;
use revm::MainBuilder;
use revm::MainContext;
use revm::bytecode::Bytecode;
use revm::context::BlockEnv;
use revm::context::CfgEnv;
use revm::context::TxEnv;
use revm::context_interface::result::ExecutionResult;
use revm::context_interface::result::ResultAndState;
use revm::database::CacheDB;
use revm::database::WrapDatabaseRef;
use revm::handler::MainnetContext;
use revm::state::AccountInfo;

use crate::execute;
use crate::execute::ChainRules;
use crate::execute::RunError;
use crate::ledger::Ledger;

/// The context that an inspector of a simulation sees.
pub(crate) type SimulationContext<'s> = MainnetContext<WrapDatabaseRef<&'s SimulationState<'s>>>;
/// The state of a simulation: a block's, under what was supposed or run since.
pub(crate) type SimulationState<'a> = CacheDB<StateView<'a>>;

/// The state after a block and the block that calls see, with what the caller supposes of both.
pub(crate) struct Simulation<'a> {
    rules: ChainRules,
    pub(crate) block: BlockEnv,
    pub(crate) state: SimulationState<'a>,
}

impl<'a> Simulation<'a> {
    /// Calls in `block`, on the state after it.
    pub(crate) fn after(ledger: &'a RwLock<Ledger>, rules: ChainRules, block: &Header) -> Self {
        Self::at(ledger, rules, block, block.number())
    }

    /// Transactions of `block`, on the state before it.
    pub(crate) fn before(ledger: &'a RwLock<Ledger>, rules: ChainRules, block: &Header) -> Self {
        Self::at(ledger, rules, block, block.number().saturating_sub(1))
    }

    fn at(ledger: &'a RwLock<Ledger>, rules: ChainRules, block: &Header, at: u64) -> Self {
        let state = CacheDB::new(StateView { ledger, at });
        Self { rules, block: execute::block_env(block), state }
    }

    /// Supposes other values of accounts and of the block.
    ///
    /// # Errors
    /// Says which of them cannot be supposed.
    pub(crate) fn suppose(
        &mut self,
        accounts: StateOverride,
        block: Option<BlockOverrides>,
    ) -> Result<(), String> {
        if accounts.values().any(|account| account.move_precompile_to.is_some()) {
            return Err("moving a precompile is not supported".to_owned());
        }
        if let Some(block) = block {
            apply_block_overrides(block, &mut self.state, &mut self.block);
        }
        apply_state_overrides(accounts, &mut self.state).map_err(|error| error.to_string())
    }

    /// Runs a call. Fees, nonce and the sender being a contract are not checked, as for `eth_call`.
    pub(crate) fn run(&self, tx: TxEnv) -> Result<ExecutionResult, RunError> {
        let mut evm = Context::mainnet()
            .with_ref_db(&self.state)
            .with_block(self.block.clone())
            .with_cfg(self.lenient())
            .build_mainnet();
        evm.transact(tx).map(|outcome| outcome.result)
    }

    /// Runs a call as [`Self::run`] does, watched by an inspector.
    pub(crate) fn inspect<'s, I: Inspector<SimulationContext<'s>>>(
        &'s self,
        tx: TxEnv,
        inspector: I,
    ) -> Result<ResultAndState, RunError> {
        let mut evm = Context::mainnet()
            .with_ref_db(&self.state)
            .with_block(self.block.clone())
            .with_cfg(self.lenient())
            .build_mainnet_with_inspector(inspector);
        evm.inspect_tx(tx)
    }

    /// Runs a transaction of the block and keeps its effects for those that follow.
    pub(crate) fn replay(&mut self, tx: &Recovered<TxEnvelope>) -> Result<(), RunError> {
        let outcome = Context::mainnet()
            .with_ref_db(&self.state)
            .with_block(self.block.clone())
            .with_cfg(self.rules.cfg())
            .build_mainnet()
            .transact(TxEnv::from_recovered_tx(tx.inner(), tx.signer()))?;
        self.state.commit(outcome.state);
        Ok(())
    }

    /// The chain's rules without those that only transactions must keep.
    fn lenient(&self) -> CfgEnv {
        let mut cfg = self.rules.cfg();
        cfg.disable_nonce_check = true;
        cfg.disable_balance_check = true;
        cfg.disable_base_fee = true;
        cfg.disable_eip3607 = true;
        cfg.disable_block_gas_limit = true;
        cfg.tx_chain_id_check = false;
        cfg.tx_gas_limit_cap = Some(u64::MAX);
        cfg
    }
}

/// The state after a past or present block. Each read takes the lock by itself, so a long call
/// does not hold up the producer; the versions in the state keep the reads consistent.
#[derive(Debug)]
pub(crate) struct StateView<'a> {
    ledger: &'a RwLock<Ledger>,
    at: u64,
}

impl DatabaseRef for StateView<'_> {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.ledger.read().state.info(address, self.at))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, Infallible> {
        Ok(self.ledger.read().state.code(code_hash))
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Infallible> {
        Ok(self.ledger.read().state.slot(address, slot, self.at))
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Infallible> {
        Ok(self.ledger.read().hash(number).unwrap_or_default())
    }
}
