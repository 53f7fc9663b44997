//! The chain over HTTP and WebSocket, on one port.

use std::{io, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State, WebSocketUpgrade},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
    serve::ListenerExt,
};
use tokio::{net::TcpListener, runtime::Handle};
use tokio_util::sync::CancellationToken;

use crate::{chain::Chain, rpc, session};

/// Bytes of a request, or of a WebSocket message, at most.
pub(crate) const MAX_REQUEST: usize = 8 << 20;

/// How long open connections may take to finish when the server stops.
const GRACE: Duration = Duration::from_secs(5);

#[derive(Clone)]
struct Server {
    chain: Chain,
    stop: CancellationToken,
}

impl Chain {
    /// Serves JSON-RPC on a listener until `stop` is cancelled: `POST /` for HTTP, and WebSocket,
    /// with `eth_subscribe`, on the same path. There is no authentication and no TLS.
    pub async fn serve(&self, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
        let server = Server { chain: self.clone(), stop: stop.clone() };
        let app = Router::new()
            .route("/", get(websocket).post(http))
            .layer(DefaultBodyLimit::max(MAX_REQUEST))
            .with_state(server);
        let listener = listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "cannot set TCP_NODELAY");
            }
        });
        let serving =
            axum::serve(listener, app).with_graceful_shutdown(stop.clone().cancelled_owned());
        let late = async {
            stop.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        // Both arms may be dropped at any point: the connections end with them.
        tokio::select! {
            result = serving => result,
            () = late => Ok(()),
        }
    }
}

async fn http(State(server): State<Server>, headers: HeaderMap, body: Bytes) -> Response {
    // Browsers send other types across origins without asking first.
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !content_type.is_some_and(|value| value.starts_with("application/json")) {
        let text = "the content type must be application/json\n";
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, text).into_response();
    }
    let answer = respond(server.chain, body).await;
    if answer.is_empty() {
        return StatusCode::NO_CONTENT.into_response();
    }
    ([(CONTENT_TYPE, "application/json")], answer).into_response()
}

async fn websocket(State(server): State<Server>, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .max_message_size(MAX_REQUEST)
        .max_frame_size(MAX_REQUEST)
        .on_upgrade(move |socket| session::run(socket, server.chain, server.stop))
}

/// Answers a request, away from the threads that serve sockets if it may take long.
pub(crate) async fn respond(chain: Chain, body: Bytes) -> Vec<u8> {
    if !rpc::wire::is_heavy(&body) {
        return chain.respond(&body).await;
    }
    let handle = Handle::current();
    let answer = tokio::task::spawn_blocking(move || handle.block_on(chain.respond(&body))).await;
    // The task ends without an answer only when the runtime is shutting down.
    answer.unwrap_or_default()
}
