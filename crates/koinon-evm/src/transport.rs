//! The chain as an alloy transport: no sockets, no server, the same handler.

use std::task::Context;
use std::task::Poll;

use alloy::rpc::json_rpc::ErrorPayload;
use alloy::rpc::json_rpc::RequestPacket;
use alloy::rpc::json_rpc::Response;
use alloy::rpc::json_rpc::ResponsePacket;
use alloy::rpc::json_rpc::ResponsePayload;
use alloy::rpc::json_rpc::SerializedRequest;
use alloy::transports::TransportError;
use alloy::transports::TransportErrorKind;
use alloy::transports::TransportFut;
use serde_json::value::RawValue;
use tower::Service;

use crate::chain::EmbeddedChain;
use crate::rpc::RpcError;
use crate::rpc::wire::Request;

/// Carries alloy's requests into an [`EmbeddedChain`] of the same process.
///
/// Answers are computed on the calling task. Subscriptions are not available: poll, or connect to
/// [`EmbeddedChain::serve`] by WebSocket.
#[derive(Clone, Debug)]
pub struct EmbeddedTransport {
    chain: EmbeddedChain,
}

impl EmbeddedChain {
    /// Returns this chain as an alloy transport.
    pub fn transport(&self) -> EmbeddedTransport {
        EmbeddedTransport { chain: self.clone() }
    }
}

impl Service<RequestPacket> for EmbeddedTransport {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        let chain = self.chain.clone();
        Box::pin(async move {
            match packet {
                RequestPacket::Single(request) => {
                    let params = params(&request)?;
                    let answer = chain.handle(request.method(), params).await;
                    Ok(ResponsePacket::Single(response(&request, answer)))
                }
                RequestPacket::Batch(requests) => {
                    let calls = requests
                        .iter()
                        .map(|request| Ok((request.method(), params(request)?)))
                        .collect::<Result<Vec<_>, TransportError>>()?;
                    let answers = chain.handle_batch(&calls).await;
                    let responses = requests.iter().zip(answers);
                    Ok(ResponsePacket::Batch(responses.map(|(r, a)| response(r, a)).collect()))
                }
            }
        })
    }
}

fn params(request: &SerializedRequest) -> Result<Option<&RawValue>, TransportError> {
    let parsed = Request::parse(request.serialized().get()).map_err(TransportErrorKind::custom)?;
    Ok(parsed.params)
}

fn response(request: &SerializedRequest, answer: Result<Box<RawValue>, RpcError>) -> Response {
    let payload = match answer {
        Ok(result) => ResponsePayload::Success(result),
        Err(RpcError { code, message, data }) => {
            let data = data.and_then(|data| serde_json::value::to_raw_value(&data).ok());
            ResponsePayload::Failure(ErrorPayload { code, message, data })
        }
    };
    Response { id: request.id().clone(), payload }
}
