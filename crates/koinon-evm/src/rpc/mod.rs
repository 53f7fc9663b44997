//! The JSON-RPC methods, by name. Every other method is answered with "method not found".

mod call;
mod error;
pub(crate) mod filters;
pub(crate) mod params;
mod read;
mod submit;
mod trace;
mod unlocked;
pub(crate) mod wire;

use alloy::eips::BlockId;
use alloy_primitives::B256;
use alloy_primitives::Bytes;
use alloy_primitives::U64;
use alloy_primitives::U256;
use alloy_primitives::hex;
use alloy_primitives::keccak256;
pub use error::RpcError;
use params::Params;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::block::BASE_FEE;
use crate::chain::EmbeddedChain;
use crate::shared::SharedChain;

type Answer = Result<Box<RawValue>, RpcError>;

impl EmbeddedChain {
    /// Answers one JSON-RPC request, given its method and its `params` value.
    ///
    /// `eth_sendRawTransaction` answers when the transaction is durable: with its block, or, if it
    /// must wait, as a waiting transaction in the log.
    pub async fn handle(&self, method: &str, params: Option<&RawValue>) -> Answer {
        match method {
            "eth_sendRawTransaction" => submit::send_raw(self, &Params::parse(params)?).await,
            "eth_sendRawTransactionSync" => {
                submit::send_raw_sync(self, &Params::parse(params)?).await
            }
            "eth_sendTransaction" => unlocked::send(self, &Params::parse(params)?).await,
            _ => answer(self.shared(), method, params),
        }
    }
}

/// Returns whether a method may take more than a few microseconds.
fn is_heavy(method: &str) -> bool {
    matches!(
        method,
        "debug_traceBlockByHash"
            | "debug_traceBlockByNumber"
            | "debug_traceCall"
            | "debug_traceTransaction"
            | "eth_call"
            | "eth_createAccessList"
            | "eth_estimateGas"
            | "eth_feeHistory"
            | "eth_getBlockReceipts"
            | "eth_getFilterChanges"
            | "eth_getFilterLogs"
            | "eth_getLogs"
            | "eth_getProof"
            | "eth_sendTransaction"
    )
}

/// Answers every method that does not wait.
fn answer(shared: &SharedChain, method: &str, params: Option<&RawValue>) -> Answer {
    let p = &Params::parse(params)?;
    match method {
        "eth_chainId" => raw(&U64::from(shared.rules.chain_id)),
        "net_version" => raw(&shared.rules.chain_id.to_string()),
        "web3_clientVersion" => raw(concat!("koinon-evm/", env!("CARGO_PKG_VERSION"))),
        "web3_sha3" => raw(&keccak256(p.get::<Bytes>(0, "data")?)),
        "eth_syncing" => raw(&false),
        "eth_accounts" | "eth_requestAccounts" => unlocked::accounts(shared),
        "eth_sign" => unlocked::sign(shared, p.get(0, "account")?, &p.get(1, "message")?),
        "personal_sign" => unlocked::sign(shared, p.get(1, "account")?, &p.get(0, "message")?),
        "net_listening" => raw(&true),
        "net_peerCount" => raw(&U64::ZERO),
        "eth_gasPrice" => raw(&U64::from(BASE_FEE)),
        "eth_maxPriorityFeePerGas" => raw(&U64::ZERO),
        "eth_blobBaseFee" => raw(&U64::ONE),
        "eth_blockNumber" => raw(&U64::from(shared.ledger.read().head_number())),
        "eth_feeHistory" => read::fee_history(shared, p),
        "eth_getBalance" => read::balance(shared, p),
        "eth_getCode" => read::code(shared, p),
        "eth_getStorageAt" => read::storage_at(shared, p),
        "eth_getProof" => read::proof(shared, p),
        "eth_getTransactionCount" => read::transaction_count(shared, p),
        "eth_call" => call::call(shared, p),
        "eth_estimateGas" => call::estimate_gas(shared, p),
        "eth_createAccessList" => call::create_access_list(shared, p),
        "debug_traceCall" => trace::call(shared, p),
        "debug_traceTransaction" => trace::transaction(shared, p),
        "debug_traceBlockByNumber" | "debug_traceBlockByHash" => {
            trace::block(shared, by(method, p)?, p)
        }
        "eth_getBlockByNumber" | "eth_getBlockByHash" => {
            read::block(shared, by(method, p)?, p.opt(1, "full")?.unwrap_or(false))
        }
        "eth_getBlockTransactionCountByNumber" | "eth_getBlockTransactionCountByHash" => {
            read::block_transaction_count(shared, by(method, p)?)
        }
        "eth_getTransactionByBlockNumberAndIndex" | "eth_getTransactionByBlockHashAndIndex" => {
            read::transaction_by_index(shared, by(method, p)?, p.get(1, "index")?)
        }
        "eth_getRawTransactionByBlockNumberAndIndex"
        | "eth_getRawTransactionByBlockHashAndIndex" => {
            read::raw_transaction_by_index(shared, by(method, p)?, p.get(1, "index")?)
        }
        "eth_getRawTransactionByHash" => read::raw_transaction(shared, p.get(0, "hash")?),
        "eth_getUncleCountByBlockNumber" | "eth_getUncleCountByBlockHash" => {
            read::uncle_count(shared, by(method, p)?)
        }
        "eth_getBlockReceipts" => read::block_receipts(shared, p.get(0, "block")?),
        "eth_getTransactionByHash" => read::transaction(shared, p.get(0, "hash")?),
        "eth_getTransactionReceipt" => read::receipt(shared, p.get(0, "hash")?),
        "eth_getLogs" => filters::get_logs(shared, &p.get(0, "filter")?),
        "eth_newFilter" => filters::new_log_filter(shared, p.get(0, "filter")?),
        "eth_newBlockFilter" => filters::new_block_filter(shared),
        "eth_newPendingTransactionFilter" => filters::new_pending_filter(shared),
        "eth_getFilterChanges" => filters::changes(shared, p.get(0, "filter id")?),
        "eth_getFilterLogs" => filters::logs(shared, p.get(0, "filter id")?),
        "eth_uninstallFilter" => filters::uninstall(shared, p.get(0, "filter id")?),
        "eth_subscribe" | "eth_unsubscribe" => Err(RpcError::no_subscriptions()),
        _ => Err(RpcError::method_not_found(method)),
    }
}

/// Returns the block that a `...ByNumber` or `...ByHash` method names.
fn by(method: &str, p: &Params<'_>) -> Result<BlockId, RpcError> {
    if method.contains("ByNumber") || method.contains("ByBlockNumber") {
        return Ok(BlockId::Number(p.get(0, "block number")?));
    }
    Ok(BlockId::Hash(p.get::<B256>(0, "block hash")?.into()))
}

/// Encodes a result.
pub(crate) fn raw<T: Serialize + ?Sized>(value: &T) -> Answer {
    serde_json::value::to_raw_value(value)
        .map_err(|error| RpcError::internal(format!("cannot encode the answer: {error}")))
}

/// Returns 32 bytes of storage in `0x` form.
fn word(value: U256) -> String {
    hex::encode_prefixed(value.to_be_bytes::<32>())
}
