//! Two senders at once: the gas of both transactions is estimated before either is sent.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::task::Poll;

use alloy::rpc::client::RpcClient;
use alloy::rpc::json_rpc::RequestPacket;
use alloy::rpc::json_rpc::ResponsePacket;
use alloy::transports::BoxTransport;
use alloy::transports::TransportError;
use alloy::transports::TransportFut;
use koinon_chain::Account;
use koinon_chain::Chain;
use serde_json::json;
use tokio::sync::Barrier;
use tower::Service;

use crate::actor::Actor;
use crate::net::Backend;
use crate::net::TestNet;

/// A transport that holds its first transaction back until the other sender has one too.
#[derive(Clone)]
struct HoldingTransport {
    inner: BoxTransport,
    /// Passed when both senders have a transaction.
    both_ready: Arc<Barrier>,
    first_was_sent: Arc<AtomicBool>,
}

impl TestNet {
    /// Returns a connection for each of two actors. The first transaction of each waits until the
    /// other's is ready too, so neither estimate knows of the other; anvil puts the two in one
    /// block.
    pub fn racing_chains(&self, actors: [&Actor; 2]) -> [Chain; 2] {
        let both_ready = Arc::new(Barrier::new(2));
        actors.map(|actor| {
            let holding = HoldingTransport {
                inner: self.transport(),
                both_ready: Arc::clone(&both_ready),
                first_was_sent: Arc::new(AtomicBool::new(false)),
            };
            let client = RpcClient::new(BoxTransport::new(holding), true);
            Chain::from_client(client, Some(Account::new(actor.signer.clone(), Self::CHAIN_ID)))
        })
    }

    /// Keeps anvil from making blocks until `sent` transactions wait, then makes one block of them.
    /// The embedded chain decides by itself which transactions share a block.
    pub async fn share_a_block<T>(&self, sent: u64, actions: impl Future<Output = T>) -> T {
        if self.backend() == Backend::Embedded {
            return actions.await;
        }
        let sent_text = format!("{sent:#x}");
        self.ask_anvil("evm_setAutomine", json!([false])).await;
        let mine = async {
            while self.ask_anvil("txpool_status", json!([])).await["pending"] != json!(sent_text) {
                tokio::task::yield_now().await;
            }
            self.ask_anvil("evm_mine", json!([])).await;
            self.ask_anvil("evm_setAutomine", json!([true])).await;
        };
        futures::join!(actions, mine).0
    }
}

impl Service<RequestPacket> for HoldingTransport {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        let sends = match &packet {
            RequestPacket::Single(request) => request.method() == "eth_sendRawTransaction",
            RequestPacket::Batch(_) => false,
        };
        if !sends || self.first_was_sent.swap(true, Ordering::Relaxed) {
            return self.inner.call(packet);
        }
        let (mut inner, both_ready) = (self.inner.clone(), Arc::clone(&self.both_ready));
        Box::pin(async move {
            both_ready.wait().await;
            inner.call(packet).await
        })
    }
}
