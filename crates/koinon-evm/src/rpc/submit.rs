//! Sending transactions.

use std::time::Duration;

use alloy_primitives::B256;
use alloy_primitives::Bytes;
use alloy_primitives::U64;
use rayon::prelude::*;
use serde_json::value::RawValue;

use super::Answer;
use super::RpcError;
use super::params::Params;
use super::raw;
use super::read;
use crate::chain::EmbeddedChain;
use crate::pool;
use crate::pool::TxError;
use crate::producer::SubmitError;

/// The longest wait of `eth_sendRawTransactionSync` for a block; a request may ask for less.
const SYNC_TIMEOUT: Duration = Duration::from_secs(20);

pub(super) async fn send_raw(chain: &EmbeddedChain, p: &Params<'_>) -> Answer {
    raw(&send(chain, p).await?)
}

async fn send(chain: &EmbeddedChain, p: &Params<'_>) -> Result<B256, RpcError> {
    let bytes: Bytes = p.get(0, "transaction")?;
    let tx = pool::recover(&bytes).map_err(SubmitError::Tx)?;
    let sent = chain.submit(vec![tx]).await.pop();
    Ok(sent.unwrap_or(Err(SubmitError::Closed))?)
}

/// Sends a transaction and answers with its receipt.
pub(super) async fn send_raw_sync(chain: &EmbeddedChain, p: &Params<'_>) -> Answer {
    let asked = p.opt::<U64>(1, "timeout in ms")?;
    let timeout = asked.map_or(SYNC_TIMEOUT, |ms| Duration::from_millis(ms.to()));
    let mut head = chain.shared().head.subscribe();
    let hash = send(chain, p).await?;
    let mined = async {
        while chain.shared().ledger.read().tx(hash).is_none() {
            if head.changed().await.is_err() {
                return;
            }
        }
    };
    if tokio::time::timeout(timeout.min(SYNC_TIMEOUT), mined).await.is_err() {
        return Err(RpcError::not_mined(hash));
    }
    read::receipt(chain.shared(), hash)
}

/// Sends several transactions at once: signatures are recovered in parallel, and the
/// transactions share a block where they can. Answers are in the order of the requests.
pub(super) async fn send_many(
    chain: &EmbeddedChain,
    requests: &[Option<&RawValue>],
) -> Vec<Answer> {
    let recovered: Vec<_> = requests
        .par_iter()
        .map(|params| {
            let bytes: Bytes = Params::parse(*params)?.get(0, "transaction")?;
            pool::recover(&bytes).map_err(|error: TxError| SubmitError::Tx(error).into())
        })
        .collect::<Vec<Result<_, RpcError>>>();
    let mut txs = Vec::new();
    let places: Vec<Result<(), RpcError>> =
        recovered.into_iter().map(|tx| tx.map(|tx| txs.push(tx))).collect();
    let mut sent = chain.submit(txs).await.into_iter();
    places
        .into_iter()
        .map(|place| {
            place?;
            raw(&sent.next().unwrap_or(Err(SubmitError::Closed))?)
        })
        .collect()
}
