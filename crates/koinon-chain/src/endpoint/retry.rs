//! Asking again: nodes that are busy, and answers that are broken.

use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use alloy::rpc::json_rpc::RequestPacket;
use alloy::rpc::json_rpc::ResponsePacket;
use alloy::transports::BoxTransport;
use alloy::transports::TransportError;
use alloy::transports::TransportErrorKind;
use alloy::transports::TransportFut;
use tower::Service;

/// The most times that one request is asked again.
const MAX_RETRIES: u32 = 5;
/// The pause before the first of them; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause, whatever a node asks for.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// A node that is asked again where its answer says that another try may do.
///
/// A node that does not answer at all is not asked again here: agents and commands have their own
/// ways to wait. Transactions may be sent twice: they have nonces.
#[derive(Clone, Debug)]
pub(super) struct Retrying(BoxTransport);

impl Retrying {
    pub(super) fn of(node: BoxTransport) -> Self {
        Self(node)
    }

    async fn ask(mut self, request: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let mut pause = FIRST_PAUSE;
        let mut retries = 0;
        loop {
            let answer = self.0.call(request.clone()).await;
            let Some(asked_for) = pause_of(&answer) else { return answer };
            if retries == MAX_RETRIES {
                return answer;
            }
            retries += 1;
            tokio::time::sleep(asked_for.unwrap_or(pause).min(MAX_PAUSE)).await;
            pause *= 2;
        }
    }
}

/// Returns whether another try may do, with the pause that the node asks for, if it names one.
fn pause_of(answer: &Result<ResponsePacket, TransportError>) -> Option<Option<Duration>> {
    match answer {
        Ok(packet) => {
            let mut errors = packet.responses().iter().filter_map(|one| one.payload.as_error());
            errors.any(|error| is_busy(error.code, &error.message)).then_some(None)
        }
        Err(TransportError::Transport(kind)) => match kind {
            TransportErrorKind::HttpErrorWithRetryAfter { error, retry_after } => {
                is_busy_status(error.status).then_some(Some(*retry_after))
            }
            TransportErrorKind::HttpError(error) => is_busy_status(error.status).then_some(None),
            _ => None,
        },
        Err(_) => None,
    }
}

/// `Too Many Requests`, and gateways whose node is away for a moment.
fn is_busy_status(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504)
}

/// JSON-RPC has no code for it: these are those of large providers. A limit on the length of an
/// answer has the same code with some of them, and asking again does not help there.
fn is_busy(code: i64, message: &str) -> bool {
    let message = message.to_lowercase();
    let says = ["rate limit", "too many requests", "request limit", "request rate", "throughput"];
    code == 429
        || (code == -32_005 || code == -32_007 || code == -32_029 || code == -32_016)
            && says.iter().any(|says| message.contains(says))
}

impl Service<RequestPacket> for Retrying {
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
