//! Running transactions and calls on revm.

use std::collections::BTreeMap;
use std::convert::Infallible;

use alloy::consensus::Header;
use alloy::consensus::Transaction as _;
use alloy::consensus::TxEnvelope;
use alloy::consensus::transaction::Recovered;
use alloy::eips::eip7825::MAX_TX_GAS_LIMIT_OSAKA;
use alloy_evm::FromRecoveredTx;
use alloy_primitives::Address;
use alloy_primitives::B256;
use alloy_primitives::Bytes;
use alloy_primitives::KECCAK256_EMPTY;
use alloy_primitives::U256;
use alloy_primitives::address;
use alloy_primitives::hex;
use alloy_primitives::map::AddressMap;
use revm::Context;
use revm::Database;
use revm::DatabaseCommit;
use revm::ExecuteCommitEvm;
use revm::MainBuilder;
use revm::MainContext;
use revm::bytecode::Bytecode;
use revm::context::BlockEnv;
use revm::context::CfgEnv;
use revm::context::TxEnv;
use revm::context_interface::result::EVMError;
use revm::context_interface::result::InvalidTransaction;
use revm::primitives::hardfork::SpecId;
use revm::state::Account as EvmAccount;
use revm::state::AccountInfo;

use crate::block::BASE_FEE;
use crate::block::Block;
use crate::block::HeaderParts;
use crate::block::Receipt;
use crate::block::prevrandao;
use crate::ledger::Ledger;
use crate::state::AccountState;
use crate::state::State;
use crate::state::StateDiff;
use crate::trie::StateTries;

/// The hard fork whose rules every chain of this crate follows.
pub(crate) const SPEC: SpecId = SpecId::OSAKA;

/// Gas a transaction may use, by EIP-7825.
pub(crate) const TX_GAS_LIMIT: u64 = MAX_TX_GAS_LIMIT_OSAKA;

/// Where every chain has the deployer of github.com/Arachnid/deterministic-deployment-proxy.
const CREATE2_DEPLOYER: Address = address!("4e59b44847b379578588920cA78FbF26c0B4956C");
const CREATE2_DEPLOYER_CODE: &[u8] = &hex!(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
);

/// An error of the transaction; the database is memory and does not fail.
pub(crate) type RunError = EVMError<Infallible>;

/// The settings that do not change while a chain is open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChainRules {
    pub(crate) chain_id: u64,
    pub(crate) block_gas_limit: u64,
    pub(crate) beneficiary: Address,
}

impl ChainRules {
    pub(crate) fn cfg(&self) -> CfgEnv {
        let mut cfg = CfgEnv::new_with_spec(SPEC);
        cfg.chain_id = self.chain_id;
        cfg
    }
}

/// Returns the block as the EVM's opcodes see it.
pub(crate) fn block_env(header: &Header) -> BlockEnv {
    BlockEnv {
        number: U256::from(header.number),
        beneficiary: header.beneficiary,
        timestamp: U256::from(header.timestamp),
        gas_limit: header.gas_limit,
        basefee: header.base_fee_per_gas.unwrap_or_default(),
        difficulty: U256::ZERO,
        prevrandao: Some(header.mix_hash),
        ..BlockEnv::default()
    }
}

/// A block being filled, transaction by transaction, on top of the published ledger.
pub(crate) struct BlockBuilder<'a> {
    evm: Evm<'a>,
    ledger: &'a Ledger,
    rules: ChainRules,
    header: Header,
    gas_used: u64,
    txs: Vec<Recovered<TxEnvelope>>,
    receipts: Vec<Receipt>,
}

type Evm<'a> = revm::handler::MainnetEvm<revm::handler::MainnetContext<BlockOverlay<'a>>>;

impl<'a> BlockBuilder<'a> {
    pub(crate) fn new(ledger: &'a Ledger, rules: ChainRules, timestamp: u64) -> Self {
        let parent = ledger.head();
        let number = parent.number() + 1;
        let header = Header {
            parent_hash: parent.hash(),
            number,
            timestamp: timestamp.max(parent.header.timestamp),
            gas_limit: rules.block_gas_limit,
            beneficiary: rules.beneficiary,
            mix_hash: prevrandao(parent.hash(), number),
            base_fee_per_gas: Some(BASE_FEE),
            ..Header::default()
        };
        let evm = Context::mainnet()
            .with_db(BlockOverlay::new(ledger))
            .with_block(block_env(&header))
            .with_cfg(rules.cfg())
            .build_mainnet();
        Self { evm, ledger, rules, header, gas_used: 0, txs: Vec::new(), receipts: Vec::new() }
    }

    pub(crate) fn has_room_for(&self, gas_limit: u64) -> bool {
        gas_limit <= self.rules.block_gas_limit - self.gas_used
    }

    /// Runs a transaction and keeps its effects, or returns why it cannot be in the block.
    pub(crate) fn push(&mut self, tx: &Recovered<TxEnvelope>) -> Result<(), RunError> {
        let env = TxEnv::from_recovered_tx(tx.inner(), tx.signer());
        let result = self.evm.transact_commit(env)?;
        let created = if result.is_success() && tx.is_create() {
            result.created_address()
        } else {
            // As geth, give the address of a creation that failed too: clients expect it.
            tx.is_create().then(|| tx.signer().create(tx.nonce()))
        };
        let gas_used = result.tx_gas_used();
        self.gas_used += gas_used;
        let success = result.is_success();
        let logs = if success { result.into_logs() } else { Vec::new() };
        self.receipts.push(Receipt::new(success, gas_used, created, logs));
        self.txs.push(tx.clone());
        Ok(())
    }

    /// Seals the block, and makes its changes to the tries.
    pub(crate) fn finish(self, tries: &mut StateTries) -> (Block, StateDiff) {
        let overlay = self.evm.ctx.journaled_state.database;
        let diff = overlay.diff();
        let parts = HeaderParts {
            parent_hash: self.header.parent_hash,
            number: self.header.number,
            timestamp: self.header.timestamp,
            gas_limit: self.header.gas_limit,
            beneficiary: self.header.beneficiary,
            state_root: tries.apply(&self.ledger.state, &diff),
            extra_data: Bytes::new(),
        };
        (Block::seal(parts, self.txs, self.receipts), diff)
    }
}

/// Returns the first block of a chain.
pub(crate) fn genesis(
    rules: ChainRules,
    timestamp: u64,
    balances: &BTreeMap<Address, U256>,
    tries: &mut StateTries,
) -> (Block, StateDiff) {
    let diff = genesis_diff(balances);
    let parts = HeaderParts {
        parent_hash: B256::ZERO,
        number: 0,
        timestamp,
        gas_limit: rules.block_gas_limit,
        beneficiary: rules.beneficiary,
        state_root: tries.apply(&State::default(), &diff),
        extra_data: genesis_mark(rules.chain_id),
    };
    (Block::seal(parts, Vec::new(), Vec::new()), diff)
}

/// Returns what genesis puts into the empty state: balances, and the deployer of contracts at
/// addresses known beforehand (CREATE2) that Foundry and others expect on every chain.
pub(crate) fn genesis_diff(balances: &BTreeMap<Address, U256>) -> StateDiff {
    StateDiff::genesis(balances, &[(CREATE2_DEPLOYER, Bytes::from_static(CREATE2_DEPLOYER_CODE))])
}

/// Returns the extra data of a genesis block, from which an opened chain reads its id.
pub(crate) fn genesis_mark(chain_id: u64) -> Bytes {
    let mut mark = b"koinon chain ".to_vec();
    mark.extend_from_slice(&chain_id.to_be_bytes());
    mark.into()
}

/// The changes of a block in the making, over the published state.
struct BlockOverlay<'a> {
    ledger: &'a Ledger,
    accounts: BTreeMap<Address, Option<AccountState>>,
    slots: BTreeMap<(Address, U256), U256>,
    codes: BTreeMap<B256, Bytecode>,
}

impl<'a> BlockOverlay<'a> {
    fn new(ledger: &'a Ledger) -> Self {
        let (accounts, slots, codes) = Default::default();
        Self { ledger, accounts, slots, codes }
    }

    fn state(&self) -> &'a State {
        &self.ledger.state
    }

    fn diff(&self) -> StateDiff {
        StateDiff::between(self.state(), &self.accounts, &self.slots, &self.codes)
    }
}

impl Database for BlockOverlay<'_> {
    type Error = Infallible;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        let Some(changed) = self.accounts.get(&address) else {
            return Ok(self.state().info(address, u64::MAX));
        };
        let Some(account) = *changed else { return Ok(None) };
        let code = self.code_by_hash(account.code_hash)?;
        Ok(Some(AccountInfo::new(account.balance, account.nonce, account.code_hash, code)))
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, Infallible> {
        if code_hash == KECCAK256_EMPTY {
            return Ok(Bytecode::default());
        }
        Ok(match self.codes.get(&code_hash) {
            Some(code) => code.clone(),
            None => self.state().code(code_hash),
        })
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Infallible> {
        Ok(match self.slots.get(&(address, slot)) {
            Some(value) => *value,
            None => self.state().slot(address, slot, u64::MAX),
        })
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Infallible> {
        Ok(self.ledger.hash(number).unwrap_or_default())
    }
}

impl DatabaseCommit for BlockOverlay<'_> {
    #[expect(
        clippy::iter_over_hash_type,
        reason = "each address is written once, into sorted maps"
    )]
    fn commit(&mut self, changes: AddressMap<EvmAccount>) {
        for (address, account) in changes {
            if !account.is_touched() {
                continue;
            }
            // Since EIP-6780 only an account made in the same transaction is destroyed, so it has
            // no stored slots; an empty account that was touched ceases to exist (EIP-161).
            if account.is_selfdestructed() || account.is_empty() {
                self.accounts.insert(address, None);
                continue;
            }
            for (slot, value) in account.changed_storage_slots() {
                self.slots.insert((address, *slot), value.present_value);
            }
            let AccountInfo { balance, nonce, code_hash, code, .. } = account.info;
            if let Some(code) = code
                && code_hash != KECCAK256_EMPTY
                && !self.state().has_code(code_hash)
            {
                self.codes.insert(code_hash, code);
            }
            self.accounts.insert(address, Some(AccountState { nonce, balance, code_hash }));
        }
    }
}

/// Returns the transaction's fault in a failed run.
pub(crate) fn invalid(error: RunError) -> InvalidTransaction {
    match error {
        EVMError::Transaction(invalid) => invalid,
        EVMError::Header(header) => InvalidTransaction::Str(format!("{header}").into()),
        EVMError::Database(never) => match never {},
        EVMError::Custom(text) => InvalidTransaction::Str(text.into()),
        EVMError::CustomAny(error) => InvalidTransaction::Str(format!("{error}").into()),
    }
}
