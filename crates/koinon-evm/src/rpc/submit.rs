//! Sending transactions.

use std::time::Duration;

use alloy_primitives::{B256, Bytes, U64};
use rayon::prelude::*;
use serde_json::value::RawValue;

use super::{Answer, RpcError, params::Params, raw, read};
use crate::{
    chain::Chain,
    pool::{self, TxError},
    producer::SubmitError,
};

/// How long `eth_sendRawTransactionSync` waits for a block, unless asked for less.
const SYNC_TIMEOUT: Duration = Duration::from_secs(20);

pub(super) async fn send_raw(chain: &Chain, p: &Params<'_>) -> Answer {
    raw(&send(chain, p).await?)
}

async fn send(chain: &Chain, p: &Params<'_>) -> Result<B256, RpcError> {
    let bytes: Bytes = p.get(0, "transaction")?;
    let tx = pool::recover(&bytes).map_err(SubmitError::Tx)?;
    let sent = chain.submit(vec![tx]).await.pop();
    Ok(sent.unwrap_or(Err(SubmitError::Closed))?)
}

/// Sends a transaction and answers with its receipt.
pub(super) async fn send_raw_sync(chain: &Chain, p: &Params<'_>) -> Answer {
    let timeout = p.opt::<U64>(1, "timeout in ms")?;
    let timeout = timeout.map_or(SYNC_TIMEOUT, |ms| Duration::from_millis(ms.to()));
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
pub(super) async fn send_many(chain: &Chain, requests: &[Option<&RawValue>]) -> Vec<Answer> {
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
