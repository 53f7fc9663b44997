//! `eth_call`, `eth_estimateGas` and `eth_createAccessList`.

use alloy::eips::BlockId;
use alloy::rpc::types::AccessListResult;
use alloy::rpc::types::BlockOverrides;
use alloy::rpc::types::TransactionRequest;
use alloy::rpc::types::state::StateOverride;
use alloy_primitives::TxKind;
use alloy_primitives::U64;
use alloy_primitives::U256;
use revm::DatabaseRef as _;
use revm::context::TxEnv;
use revm::context_interface::either::Either;
use revm::context_interface::result::ExecutionResult;
use revm::context_interface::result::HaltReason;
use revm::context_interface::transaction::TransactionType;
use revm::primitives::eip3860::MAX_INITCODE_SIZE;
use revm_inspectors::access_list::AccessListInspector;

use super::Answer;
use super::RpcError;
use super::params::Params;
use super::raw;
use super::read;
use crate::execute;
use crate::execute::RunError;
use crate::execute::TX_GAS_LIMIT;
use crate::pool::TxError;
use crate::shared::SharedChain;
use crate::simulate::Simulation;

/// How often an access list is made anew from what the transaction touches with the one before.
const MAX_LISTS: usize = 8;

pub(super) fn call(shared: &SharedChain, p: &Params<'_>) -> Answer {
    let request: TransactionRequest = p.get(0, "transaction")?;
    let simulation = simulation(shared, p)?;
    let gas = request.gas.unwrap_or(u64::MAX).min(shared.rules.block_gas_limit);
    let tx = tx_env(&simulation, request, gas)?;
    match run(&simulation, tx)? {
        ExecutionResult::Success { output, .. } => raw(output.data()),
        ExecutionResult::Revert { output, .. } => Err(RpcError::reverted(output)),
        ExecutionResult::Halt { reason, .. } => Err(RpcError::halted(&reason)),
    }
}

/// Returns the addresses and slots that a transaction touches besides its own, and the gas it uses
/// with them in its access list (EIP-2930).
pub(super) fn create_access_list(shared: &SharedChain, p: &Params<'_>) -> Answer {
    let request: TransactionRequest = p.get(0, "transaction")?;
    let simulation = simulation(shared, p)?;
    let gas = request.gas.unwrap_or(u64::MAX).min(shared.rules.block_gas_limit);
    let mut tx = tx_env(&simulation, request, gas)?;
    if tx.tx_type == TransactionType::Legacy as u8 {
        tx.tx_type = TransactionType::Eip2930 as u8;
    }
    for _ in 0..MAX_LISTS {
        let mut inspector = AccessListInspector::new(tx.access_list.clone());
        let outcome = simulation.inspect(tx.clone(), &mut inspector).map_err(cannot_run)?;
        let list = inspector.into_access_list();
        // With a list, gas is left that may lead elsewhere: until nothing changes.
        if list != tx.access_list {
            tx.access_list = list;
            continue;
        }
        let gas_used = U256::from(outcome.result.tx_gas_used());
        let error = match outcome.result {
            ExecutionResult::Success { .. } => None,
            ExecutionResult::Revert { output, .. } => Some(RpcError::reverted(output)),
            ExecutionResult::Halt { reason, .. } => Some(RpcError::halted(&reason)),
        };
        let error = error.map(|error| error.message.into_owned());
        return raw(&AccessListResult { access_list: list, gas_used, error });
    }
    Err(RpcError::rejected("the access list changes with every try"))
}

/// Returns the smallest gas limit with which a transaction succeeds, by bisection.
pub(super) fn estimate_gas(shared: &SharedChain, p: &Params<'_>) -> Answer {
    raw(&U64::from(estimated(shared, p)?))
}

pub(super) fn estimated(shared: &SharedChain, p: &Params<'_>) -> Result<u64, RpcError> {
    let request: TransactionRequest = p.get(0, "transaction")?;
    let simulation = simulation(shared, p)?;
    let cap = TX_GAS_LIMIT.min(shared.rules.block_gas_limit);
    let mut most = request.gas.unwrap_or(cap).min(cap);
    let tx = tx_env(&simulation, request, most)?;
    if let Some(affordable) = affordable(&simulation, &tx) {
        most = most.min(affordable);
    }
    let try_with = |gas_limit| run(&simulation, TxEnv { gas_limit, ..tx.clone() });
    let used = match try_with(most)? {
        ExecutionResult::Success { gas, .. } => gas,
        ExecutionResult::Revert { output, .. } => return Err(RpcError::reverted(output)),
        ExecutionResult::Halt { reason: HaltReason::OutOfGas(_), .. } => {
            return Err(RpcError::rejected(format!("gas required exceeds allowance ({most})")));
        }
        ExecutionResult::Halt { reason, .. } => return Err(RpcError::halted(&reason)),
    };
    let succeeds = |gas_limit| {
        // A limit below the intrinsic gas does not fail the request: it is only too low.
        try_with(gas_limit).is_ok_and(|result| result.is_success())
    };
    // Less gas than was used cannot suffice: refunds come only at the end.
    let mut too_low = used.tx_gas_used().saturating_sub(1);
    let mut enough = most;
    // Calls keep back a 64th of their gas (EIP-150), so a little more than was spent suffices.
    let guess = used.total_gas_spent().max(used.tx_gas_used());
    let guess = (guess + 2300).saturating_mul(64) / 63;
    if guess < enough {
        if succeeds(guess) { enough = guess } else { too_low = guess }
    }
    if too_low + 1 < enough && succeeds(too_low + 1) {
        enough = too_low + 1;
    }
    while too_low + 1 < enough {
        let middle = too_low + (enough - too_low) / 2;
        if succeeds(middle) { enough = middle } else { too_low = middle }
    }
    Ok(enough)
}

/// Returns the block that the second parameter names, with what the third and fourth suppose.
fn simulation<'a>(shared: &'a SharedChain, p: &Params<'_>) -> Result<Simulation<'a>, RpcError> {
    let id: BlockId = p.opt(1, "block")?.unwrap_or_default();
    let accounts: Option<StateOverride> = p.opt(2, "state overrides")?;
    let header: Option<BlockOverrides> = p.opt(3, "block overrides")?;
    let block = read::state_block(shared, id)?;
    let mut simulation = Simulation::after(&shared.ledger, shared.rules, block.header.inner());
    if accounts.is_some() || header.is_some() {
        let supposed = simulation.suppose(accounts.unwrap_or_default(), header);
        supposed.map_err(RpcError::invalid_params)?;
    }
    Ok(simulation)
}

fn run(simulation: &Simulation<'_>, tx: TxEnv) -> Result<ExecutionResult, RpcError> {
    simulation.run(tx).map_err(cannot_run)
}

/// The answer where a call could not even begin.
pub(super) fn cannot_run(error: RunError) -> RpcError {
    RpcError::rejected(TxError::from(execute::invalid(error)).to_string())
}

/// Returns the gas that the sender can pay for, if the request offers a price.
fn affordable(simulation: &Simulation<'_>, tx: &TxEnv) -> Option<u64> {
    if tx.gas_price == 0 {
        return None;
    }
    let Ok(account) = simulation.state.basic_ref(tx.caller);
    let balance = account.map_or(U256::ZERO, |account| account.balance);
    let gas = balance.saturating_sub(tx.value) / U256::from(tx.gas_price);
    Some(u64::try_from(gas).unwrap_or(u64::MAX))
}

/// Returns a request as the EVM runs it.
pub(super) fn tx_env(
    simulation: &Simulation<'_>,
    request: TransactionRequest,
    gas_limit: u64,
) -> Result<TxEnv, RpcError> {
    if request.blob_versioned_hashes.is_some() || request.sidecar.is_some() {
        return Err(RpcError::rejected("blob transactions are not supported"));
    }
    if request.gas_price.is_some()
        && (request.max_fee_per_gas.is_some() || request.max_priority_fee_per_gas.is_some())
    {
        return Err(RpcError::invalid_params(
            "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified",
        ));
    }
    let caller = request.from.unwrap_or_default();
    let value = request.value.unwrap_or_default();
    let Ok(account) = simulation.state.basic_ref(caller);
    if value > account.as_ref().map_or(U256::ZERO, |account| account.balance) {
        return Err(RpcError::rejected(format!(
            "insufficient funds for gas * price + value: address {caller}"
        )));
    }
    let data = request.input.try_into_unique_input();
    let data = data.map_err(|error| RpcError::invalid_params(error.to_string()))?;
    let kind = request.to.unwrap_or(TxKind::Create);
    let data = data.unwrap_or_default();
    if kind.is_create() && data.len() > MAX_INITCODE_SIZE {
        return Err(RpcError::rejected(format!(
            "max initcode size exceeded: code size {}, limit {MAX_INITCODE_SIZE}",
            data.len()
        )));
    }
    let authorizations = request.authorization_list.unwrap_or_default();
    let tx_type = if !authorizations.is_empty() {
        TransactionType::Eip7702
    } else if request.max_fee_per_gas.or(request.max_priority_fee_per_gas).is_some() {
        // So GASPRICE is what a transaction with this offer would pay.
        TransactionType::Eip1559
    } else if request.access_list.is_some() {
        TransactionType::Eip2930
    } else {
        TransactionType::Legacy
    };
    let offers_tip = matches!(tx_type, TransactionType::Eip1559 | TransactionType::Eip7702);
    Ok(TxEnv {
        tx_type: tx_type as u8,
        caller,
        gas_limit,
        gas_price: request.gas_price.or(request.max_fee_per_gas).unwrap_or(0),
        kind,
        value,
        data,
        nonce: account.map_or(0, |account| account.nonce),
        access_list: request.access_list.unwrap_or_default(),
        gas_priority_fee: offers_tip.then(|| request.max_priority_fee_per_gas.unwrap_or(0)),
        authorization_list: authorizations.into_iter().map(Either::Left).collect(),
        ..TxEnv::default()
    })
}
