//! The chain over HTTP and WebSocket, on one port.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::extract::State;
use axum::extract::WebSocketUpgrade;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::chain::EmbeddedChain;
use crate::session;

/// The longest request, and WebSocket message.
const MAX_REQUEST_BYTES: usize = 8 << 20;

/// How long open connections may take to finish after the server is told to stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Clone)]
struct ServerState {
    chain: EmbeddedChain,
    stop: CancellationToken,
}

impl EmbeddedChain {
    /// Serves JSON-RPC on a listener until `stop` is cancelled: `POST /` for HTTP, and WebSocket,
    /// with `eth_subscribe`, on the same path. There is no authentication and no TLS.
    pub async fn serve(&self, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
        let server = ServerState { chain: self.clone(), stop: stop.clone() };
        let app = Router::new()
            .route("/", get(websocket).post(http))
            .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
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
            tokio::time::sleep(SHUTDOWN_TIMEOUT).await;
        };
        // Both arms may be dropped at any point: the connections end with them.
        tokio::select! {
            result = serving => result,
            () = late => Ok(()),
        }
    }
}

async fn http(State(server): State<ServerState>, headers: HeaderMap, body: Bytes) -> Response {
    // Browsers send requests of other types across origins without a preflight.
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !content_type.is_some_and(|value| value.starts_with("application/json")) {
        let text = "the content type must be application/json\n";
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, text).into_response();
    }
    let answer = server.chain.respond_aside(body).await;
    if answer.is_empty() {
        return StatusCode::NO_CONTENT.into_response();
    }
    ([(CONTENT_TYPE, "application/json")], answer).into_response()
}

async fn websocket(State(server): State<ServerState>, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .max_message_size(MAX_REQUEST_BYTES)
        .max_frame_size(MAX_REQUEST_BYTES)
        .on_upgrade(move |socket| session::run(socket, server.chain, server.stop))
}
