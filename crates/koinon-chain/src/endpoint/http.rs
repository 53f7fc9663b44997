//! JSON-RPC over HTTP with a limit on the answer.

use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use alloy::rpc::json_rpc::RequestPacket;
use alloy::rpc::json_rpc::ResponsePacket;
use alloy::transports::TransportError;
use alloy::transports::TransportErrorKind;
use alloy::transports::TransportFut;
use alloy::transports::http::reqwest::Client;
use alloy::transports::http::reqwest::Response;
use alloy::transports::http::reqwest::Url;
use alloy::transports::http::reqwest::header::RETRY_AFTER;
use alloy::transports::http::reqwest::redirect::Policy;
use tower::Service;

use crate::text::excerpt;

/// The time for a whole answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The most bytes of an answer: as much as a WebSocket's message.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// One node.
#[derive(Clone, Debug)]
pub(super) struct BoundedHttp {
    client: Client,
    url: Url,
}

impl BoundedHttp {
    /// Returns `None` where the system has no room for a client.
    pub(super) fn new(url: Url) -> Option<Self> {
        // A node that redirects would choose whom else to ask.
        let client = Client::builder().timeout(REQUEST_TIMEOUT).redirect(Policy::none()).build();
        Some(Self { client: client.ok()?, url })
    }

    async fn ask(self, request: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let sent = self.client.post(self.url.clone()).json(&request).headers(request.headers());
        let response = sent.send().await.map_err(TransportErrorKind::custom)?;
        let status = response.status();
        let pause = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let pause = pause.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        let body = read_bounded(response).await?;
        if let Ok(packet) = serde_json::from_slice(&body)
            && (status.is_success() || is_refusal(&packet))
        {
            return Ok(packet);
        }
        let text = excerpt(&String::from_utf8_lossy(&body[..body.len().min(4_096)]));
        if !status.is_success() {
            let status = status.as_u16();
            return Err(TransportErrorKind::http_error_with_retry_after(status, text, pause));
        }
        Err(TransportErrorKind::custom_str(&format!("the node's answer is no JSON-RPC: {text}")))
    }
}

/// Some nodes send their JSON-RPC errors with a status of HTTP that says so too.
fn is_refusal(packet: &ResponsePacket) -> bool {
    packet.responses().iter().all(|response| response.is_error())
}

/// Reads an answer, and no more of it than an answer may have.
async fn read_bounded(mut response: Response) -> Result<Vec<u8>, TransportError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(TransportErrorKind::custom)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            let limit = MAX_ANSWER_BYTES >> 20;
            let text = format!("the node's answer is longer than {limit} MiB");
            return Err(TransportErrorKind::non_retryable_str(&text));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

impl Service<RequestPacket> for BoundedHttp {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: RequestPacket) -> Self::Future {
        Box::pin(self.clone().ask(request))
    }
}
