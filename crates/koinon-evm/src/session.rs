//! One WebSocket connection: requests, answered concurrently, and subscriptions.

use std::collections::BTreeMap;
use std::time::Duration;

use alloy::rpc::types::Filter;
use alloy_primitives::U64;
use alloy_primitives::U256;
use axum::body::Bytes;
use axum::extract::ws::Message;
use axum::extract::ws::WebSocket;
use futures::SinkExt;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::stream::SplitSink;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::chain::EmbeddedChain;
use crate::rpc::RpcError;
use crate::rpc::filters;
use crate::rpc::params::Params;
use crate::rpc::raw;
use crate::rpc::wire;
use crate::rpc::wire::Request;
use crate::shared::ChainHead;
use crate::shared::SharedChain;

/// The most requests of one connection answered at once; beyond that its socket is not read.
const MAX_CONCURRENT: usize = 64;
/// The most subscriptions of one connection.
const MAX_SUBSCRIPTIONS: usize = 128;
/// A client that reads nothing for this long is cut off.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves a connection until either side closes it.
pub(crate) async fn run(socket: WebSocket, chain: EmbeddedChain, stop: CancellationToken) {
    let (sink, mut stream) = socket.split();
    let mut out = Outgoing { sink };
    let mut head = chain.shared().head.subscribe();
    let mut subscriptions = Subscriptions::default();
    let mut answers: FuturesUnordered<BoxFuture<'static, Vec<u8>>> = FuturesUnordered::new();
    loop {
        // Every arm is cancel safe: `next` and `changed` lose nothing when dropped.
        let sent = tokio::select! {
            () = stop.cancelled() => break,
            message = stream.next(), if answers.len() < MAX_CONCURRENT => {
                let text = match message {
                    Some(Ok(Message::Text(text))) => Bytes::from(text),
                    Some(Ok(Message::Binary(bytes))) => bytes,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                };
                if let Some(answer) = subscriptions.handle(chain.shared(), &text) {
                    out.send(answer).await
                } else if let Some(batch) = subscriptions.split(chain.shared(), &text) {
                    // Answered before anything else, so that no notice comes before its
                    // subscription's id.
                    out.send(respond_batch(&chain, batch).await).await
                } else {
                    let chain = chain.clone();
                    answers.push(Box::pin(async move { chain.respond_aside(text).await }));
                    Ok(())
                }
            }
            Some(answer) = answers.next() => out.send(answer).await,
            changed = head.changed() => {
                if changed.is_err() {
                    break;
                }
                let reached = *head.borrow_and_update();
                subscriptions.notify(chain.shared(), reached, &mut out).await
            }
        };
        if sent.is_err() {
            return;
        }
    }
    // The peer may be gone already.
    drop(out.sink.close().await);
}

struct Outgoing {
    sink: SplitSink<WebSocket, Message>,
}

/// The peer is gone, or reads nothing.
struct PeerGone;

impl Outgoing {
    async fn send(&mut self, bytes: Vec<u8>) -> Result<(), PeerGone> {
        if bytes.is_empty() {
            return Ok(());
        }
        let text = String::from_utf8(bytes).map_err(|_| PeerGone)?;
        match tokio::time::timeout(SEND_TIMEOUT, self.sink.send(Message::Text(text.into()))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(PeerGone),
        }
    }
}

/// The subscriptions of one connection, each with the next block or transaction to notify.
#[derive(Default)]
struct Subscriptions {
    open: BTreeMap<u64, Subscription>,
    count: u64,
}

enum Subscription {
    Heads(u64),
    Logs(Box<Filter>, u64),
    Pending(u64),
}

/// A request of a batch that subscribes.
enum BatchPart {
    /// The answer; empty to a notification.
    Answered(Vec<u8>),
    /// A request that is left to the chain.
    Open(Bytes),
}

async fn respond_batch(chain: &EmbeddedChain, parts: Vec<BatchPart>) -> Vec<u8> {
    let mut answers = Vec::with_capacity(parts.len());
    for part in parts {
        answers.push(match part {
            BatchPart::Answered(answer) => answer,
            BatchPart::Open(request) => chain.respond_aside(request).await,
        });
    }
    wire::join(answers)
}

#[derive(Serialize)]
struct Notice<'a, T> {
    jsonrpc: &'static str,
    method: &'static str,
    params: NoticeParams<'a, T>,
}

#[derive(Serialize)]
struct NoticeParams<'a, T> {
    subscription: U64,
    result: &'a T,
}

fn notice<T: Serialize>(id: u64, result: &T) -> Vec<u8> {
    let params = NoticeParams { subscription: U64::from(id), result };
    let notice = Notice { jsonrpc: "2.0", method: "eth_subscription", params };
    serde_json::to_vec(&notice).expect("BUG: chain objects encode as JSON")
}

impl Subscriptions {
    /// Answers `eth_subscribe` and `eth_unsubscribe`; leaves everything else.
    fn handle(&mut self, shared: &SharedChain, text: &[u8]) -> Option<Vec<u8>> {
        let text = std::str::from_utf8(text).ok()?;
        let request = Request::parse(text).ok()?;
        let params = Params::parse(request.params);
        let answer = match request.method.as_ref() {
            "eth_subscribe" => params.and_then(|params| {
                let id = self.open(shared, &params)?;
                raw(&U64::from(id))
            }),
            "eth_unsubscribe" => params.and_then(|params| {
                let id: U256 = params.get(0, "subscription id")?;
                let open = u64::try_from(id).ok().and_then(|id| self.open.remove(&id));
                raw(&open.is_some())
            }),
            _ => return None,
        };
        Some(request.respond(answer).unwrap_or_default())
    }

    /// Answers what a batch has of `eth_subscribe` and `eth_unsubscribe`; `None` if it has none.
    fn split(&mut self, shared: &SharedChain, text: &[u8]) -> Option<Vec<BatchPart>> {
        let text = std::str::from_utf8(text).ok()?;
        // Most batches need no second parse.
        if !text.contains("subscribe") {
            return None;
        }
        let requests = wire::batch(text)?.ok()?;
        let parts: Vec<BatchPart> = requests
            .into_iter()
            .map(|request| match self.handle(shared, request.get().as_bytes()) {
                Some(answer) => BatchPart::Answered(answer),
                None => BatchPart::Open(Bytes::copy_from_slice(request.get().as_bytes())),
            })
            .collect();
        parts.iter().any(|part| matches!(part, BatchPart::Answered(_))).then_some(parts)
    }

    fn open(&mut self, shared: &SharedChain, params: &Params<'_>) -> Result<u64, RpcError> {
        if self.open.len() >= MAX_SUBSCRIPTIONS {
            return Err(RpcError::rejected("too many subscriptions on this connection"));
        }
        let kind: String = params.get(0, "subscription")?;
        let ChainHead { block, announced } = *shared.head.borrow();
        let subscription = match kind.as_str() {
            "newHeads" => Subscription::Heads(block + 1),
            "logs" => {
                let filter: Filter = params.opt(1, "filter")?.unwrap_or_default();
                filters::check(&filter)?;
                Subscription::Logs(Box::new(filter), block + 1)
            }
            "newPendingTransactions" => Subscription::Pending(announced),
            _ => {
                let name: String = kind.chars().take(64).collect();
                return Err(RpcError::invalid_params(format!("no {name} subscription")));
            }
        };
        self.count += 1;
        self.open.insert(self.count, subscription);
        Ok(self.count)
    }

    /// Sends every subscription its news up to `reached`.
    async fn notify(
        &mut self,
        shared: &SharedChain,
        reached: ChainHead,
        out: &mut Outgoing,
    ) -> Result<(), PeerGone> {
        for (&id, subscription) in &mut self.open {
            match subscription {
                Subscription::Heads(next) => {
                    while *next <= reached.block {
                        let block = shared.block(*next).map_err(|_| PeerGone)?.ok_or(PeerGone)?;
                        *next += 1;
                        out.send(notice(id, &block.rpc_header())).await?;
                    }
                }
                Subscription::Logs(filter, next) => {
                    while *next <= reached.block {
                        let logs = filters::logs_between(shared, filter, *next, *next);
                        *next += 1;
                        for log in logs.map_err(|_| PeerGone)? {
                            out.send(notice(id, &log)).await?;
                        }
                    }
                }
                Subscription::Pending(next) => {
                    let hashes = shared.ledger.read().announced_since(*next);
                    *next = reached.announced.max(*next + hashes.len() as u64);
                    for hash in hashes {
                        out.send(notice(id, &hash)).await?;
                    }
                }
            }
        }
        Ok(())
    }
}
