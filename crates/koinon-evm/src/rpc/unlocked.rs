//! Methods that sign with the accounts whose keys the chain was given.

use alloy::consensus::SignableTransaction as _;
use alloy::consensus::TxEnvelope;
use alloy::consensus::transaction::Recovered;
use alloy::network::NetworkTransactionBuilder as _;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::Address;
use alloy_primitives::Bytes;
use alloy_primitives::TxKind;
use serde_json::value::to_raw_value;

use super::Answer;
use super::RpcError;
use super::call;
use super::params::Params;
use super::raw;
use crate::block::BASE_FEE;
use crate::chain::EmbeddedChain;
use crate::producer::SubmitError;
use crate::shared::SharedChain;

pub(super) fn accounts(shared: &SharedChain) -> Answer {
    raw(&shared.unlocked.iter().map(PrivateKeySigner::address).collect::<Vec<_>>())
}

/// Signs a text as a message of EIP-191, so that it can never be a transaction.
pub(super) fn sign(shared: &SharedChain, account: Address, message: &Bytes) -> Answer {
    let signature = signer(shared, account)?.sign_message_sync(message).map_err(cannot_sign)?;
    raw(&Bytes::from(signature.as_bytes()))
}

/// Fills in what a request leaves open, signs it and sends it.
pub(super) async fn send(chain: &EmbeddedChain, p: &Params<'_>) -> Answer {
    let request: TransactionRequest = p.get(0, "transaction")?;
    let shared = chain.shared();
    let from = request.from.ok_or_else(|| RpcError::invalid_params("missing from"))?;
    let signer = signer(shared, from)?;
    // Two requests at once must not get the same nonce.
    let _turn = shared.sending.lock().await;
    let tx = fill(shared, from, request)?
        .build_unsigned()
        .map_err(|error| RpcError::invalid_params(error.to_string()))?;
    let signature = signer.sign_hash_sync(&tx.signature_hash()).map_err(cannot_sign)?;
    let tx = Recovered::new_unchecked(TxEnvelope::from(tx.into_signed(signature)), from);
    let sent = chain.submit(vec![tx]).await.pop();
    raw(&sent.unwrap_or(Err(SubmitError::Closed))?)
}

fn fill(
    shared: &SharedChain,
    from: Address,
    mut request: TransactionRequest,
) -> Result<TransactionRequest, RpcError> {
    if request.nonce.is_none() {
        let ledger = shared.ledger.read();
        let next = ledger.state.account_now(from).map_or(0, |account| account.nonce);
        request.nonce = Some(shared.pool.read().nonce_after(from, next));
    }
    if request.gas_price.is_none() {
        let tip = *request.max_priority_fee_per_gas.get_or_insert(0);
        request.max_fee_per_gas.get_or_insert(u128::from(2 * BASE_FEE) + tip);
    }
    if request.gas.is_none() {
        let asked =
            to_raw_value(&[&request]).map_err(|error| RpcError::internal(error.to_string()))?;
        request.gas = Some(call::estimated(shared, &Params::parse(Some(&asked))?)?);
    }
    request.to.get_or_insert(TxKind::Create);
    request.chain_id = Some(shared.rules.chain_id);
    Ok(request)
}

fn signer(shared: &SharedChain, account: Address) -> Result<&PrivateKeySigner, RpcError> {
    let signer = shared.unlocked.iter().find(|signer| signer.address() == account);
    signer.ok_or_else(|| {
        RpcError::rejected(format!("unknown account: the chain has no key of {account}"))
    })
}

fn cannot_sign(error: alloy::signers::Error) -> RpcError {
    RpcError::internal(error.to_string())
}
