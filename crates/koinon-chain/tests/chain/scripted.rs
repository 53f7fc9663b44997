//! A node whose answers are given by the test, as a hostile or broken node could give them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;

use alloy::primitives::Address;
use alloy::primitives::Bytes;
use alloy::rpc::client::RpcClient;
use alloy::rpc::json_rpc::ErrorPayload;
use alloy::rpc::json_rpc::RequestPacket;
use alloy::rpc::json_rpc::Response;
use alloy::rpc::json_rpc::ResponsePacket;
use alloy::rpc::json_rpc::ResponsePayload;
use alloy::rpc::json_rpc::SerializedRequest;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use alloy::transports::BoxTransport;
use alloy::transports::TransportError;
use alloy::transports::TransportErrorKind;
use alloy::transports::TransportFut;
use koinon_bindings::Core;
use koinon_chain::Account;
use koinon_chain::Chain;
use koinon_chain::Contracts;
use koinon_chain::ServiceContract;
use serde_json::Value;
use serde_json::json;
use tower::Service;

/// The answers of a node: to methods, and to calls of any contract by function.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScriptedNode {
    answers: BTreeMap<String, Result<Value, ErrorPayload>>,
    /// Methods that get no answer.
    broken: BTreeSet<String>,
}

impl ScriptedNode {
    pub(crate) const CORE: Address = Address::repeat_byte(0xc0);

    /// A node with a service whose modules are all registered.
    pub(crate) fn with_service() -> Self {
        let names = ServiceContract::MODULES.map(|module| module.module_name().to_word());
        let addresses = [Address::repeat_byte(0xaa); 9];
        Self::default()
            .answer("eth_getCode", json!("0x01"))
            .returns::<Core::blobsCall>(&Address::repeat_byte(0xbb))
            .returns::<Core::modulesCall>(&Core::modulesReturn {
                names: names.to_vec(),
                addresses: addresses.to_vec(),
            })
    }

    /// A node that prices and accepts transactions.
    pub(crate) fn accepting(self) -> Self {
        self.answer("eth_chainId", json!("0x539"))
            .answer("eth_estimateGas", json!("0x5208"))
            .answer("eth_getTransactionCount", json!("0x0"))
            .answer("eth_gasPrice", json!("0x1"))
            .answer("eth_maxPriorityFeePerGas", json!("0x1"))
            .answer(
                "eth_feeHistory",
                json!({
                    "oldestBlock": "0x1",
                    "baseFeePerGas": ["0x1", "0x1"],
                    "gasUsedRatio": [0.5],
                    "reward": [["0x1"]],
                }),
            )
            .answer("eth_sendRawTransaction", json!(Self::hash()))
    }

    /// The hash of every transaction.
    pub(crate) fn hash() -> String {
        format!("0x{}", "11".repeat(32))
    }

    /// Answers a method.
    pub(crate) fn answer(mut self, method: &str, value: Value) -> Self {
        self.answers.insert(method.to_owned(), Ok(value));
        self
    }

    /// Answers a method with an error.
    pub(crate) fn fail(mut self, method: &str, error: ErrorPayload) -> Self {
        self.answers.insert(method.to_owned(), Err(error));
        self
    }

    /// Breaks the connection instead of answering a method.
    pub(crate) fn breaks(mut self, method: &str) -> Self {
        self.broken.insert(method.to_owned());
        self
    }

    /// Has every contract return `value` from a function.
    pub(crate) fn returns<C: SolCall>(self, value: &C::Return) -> Self {
        let answer = Bytes::from(C::abi_encode_returns(value));
        self.answer(&function(&C::SELECTOR), json!(answer))
    }

    /// Has every contract revert in a function.
    pub(crate) fn reverts<C: SolCall>(self, data: Vec<u8>) -> Self {
        self.fail(&function(&C::SELECTOR), reverted(data))
    }

    /// Has every contract return no data from a function, as an address without code does.
    pub(crate) fn returns_nothing<C: SolCall>(self) -> Self {
        self.answer(&function(&C::SELECTOR), json!("0x"))
    }

    /// Returns a connection that reads.
    pub(crate) fn chain(self) -> Chain {
        self.signed_by(None)
    }

    /// Returns a connection that signs, if there is a key.
    pub(crate) fn signed_by(self, signer: Option<PrivateKeySigner>) -> Chain {
        self.signed_with(signer.map(|key| Account::new(key, 1337)))
    }

    /// Returns a connection that signs with an account, if there is one.
    pub(crate) fn signed_with(self, account: Option<Account>) -> Chain {
        let transport = BoxTransport::new(ScriptedTransport(Arc::new(self)));
        Chain::from_client(RpcClient::new(transport, true), account)
    }

    /// Opens the service of [`ScriptedNode::with_service`].
    pub(crate) async fn open(self) -> Contracts {
        Contracts::open(self.chain(), Self::CORE).await.unwrap()
    }

    fn respond(&self, request: &SerializedRequest) -> Response {
        let call = || -> Option<String> {
            let parameters: Value = serde_json::from_str(request.params()?.get()).ok()?;
            let input: Bytes = serde_json::from_value(parameters[0]["input"].clone()).ok()?;
            Some(function(input.get(..4)?))
        };
        let key = match request.method() {
            "eth_call" => call().unwrap_or_else(|| "eth_call".to_owned()),
            method => method.to_owned(),
        };
        let payload = match self.answers.get(&key) {
            Some(Ok(value)) => {
                ResponsePayload::Success(serde_json::value::to_raw_value(value).unwrap())
            }
            Some(Err(error)) => ResponsePayload::Failure(error.clone()),
            None => panic!("no answer to {key} in the script"),
        };
        Response { id: request.id().clone(), payload }
    }
}

fn function(selector: &[u8]) -> String {
    format!("eth_call {}", alloy::primitives::hex::encode(selector))
}

/// An error that a node gives with the data of a revert.
pub(crate) fn reverted(data: Vec<u8>) -> ErrorPayload {
    ErrorPayload {
        code: 3,
        message: "execution reverted".into(),
        data: Some(serde_json::value::to_raw_value(&Bytes::from(data)).unwrap()),
    }
}

#[derive(Clone)]
struct ScriptedTransport(Arc<ScriptedNode>);

impl Service<RequestPacket> for ScriptedTransport {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        let answer = match &packet {
            RequestPacket::Single(request) if self.0.broken.contains(request.method()) => {
                Err(TransportErrorKind::custom_str("the connection broke"))
            }
            RequestPacket::Single(request) => Ok(ResponsePacket::Single(self.0.respond(request))),
            RequestPacket::Batch(_) => Err(TransportErrorKind::custom_str("no batches")),
        };
        Box::pin(std::future::ready(answer))
    }
}
