//! A node that acknowledges the first transaction and forgets it.

use std::sync::Arc;
use std::sync::Mutex;
use std::task::Context;
use std::task::Poll;

use alloy::consensus::Transaction;
use alloy::consensus::TxEnvelope;
use alloy::eips::eip2718::Decodable2718;
use alloy::primitives::Bytes;
use alloy::rpc::client::RpcClient;
use alloy::rpc::json_rpc::RequestPacket;
use alloy::rpc::json_rpc::Response;
use alloy::rpc::json_rpc::ResponsePacket;
use alloy::rpc::json_rpc::ResponsePayload;
use alloy::transports::BoxTransport;
use alloy::transports::TransportError;
use alloy::transports::TransportFut;
use koinon_evm::EmbeddedChain;
use tower::Service;

/// The terms of a transaction that was offered.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) nonce: u64,
    pub(crate) max_fee_per_gas: u128,
    pub(crate) max_priority_fee_per_gas: u128,
}

#[derive(Clone)]
pub(crate) struct Dropping {
    inner: BoxTransport,
    offered: Arc<Mutex<Vec<Offer>>>,
}

impl Dropping {
    pub(crate) fn new(chain: EmbeddedChain) -> Self {
        Self { inner: BoxTransport::new(chain.transport()), offered: Arc::default() }
    }

    pub(crate) fn offered(&self) -> Arc<Mutex<Vec<Offer>>> {
        Arc::clone(&self.offered)
    }

    pub(crate) fn client(self) -> RpcClient {
        RpcClient::new(BoxTransport::new(self), true)
    }
}

impl Service<RequestPacket> for Dropping {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        if let RequestPacket::Single(request) = &packet
            && request.method() == "eth_sendRawTransaction"
        {
            let params: [Bytes; 1] = serde_json::from_str(request.params().unwrap().get()).unwrap();
            let transaction = TxEnvelope::decode_2718(&mut &params[0][..]).unwrap();
            let mut offered = self.offered.lock().unwrap();
            offered.push(Offer {
                nonce: transaction.nonce(),
                max_fee_per_gas: transaction.max_fee_per_gas(),
                max_priority_fee_per_gas: transaction.max_priority_fee_per_gas().unwrap(),
            });
            if offered.len() == 1 {
                let hash = serde_json::value::to_raw_value(transaction.tx_hash()).unwrap();
                let payload = ResponsePayload::Success(hash);
                let response = Response { id: request.id().clone(), payload };
                return Box::pin(std::future::ready(Ok(ResponsePacket::Single(response))));
            }
        }
        self.inner.call(packet)
    }
}
