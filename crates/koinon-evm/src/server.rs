//! The chain over HTTP and WebSocket, on one port.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::extract::State;
use axum::extract::WebSocketUpgrade;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::Uri;
use axum::http::header::CONTENT_TYPE;
use axum::http::header::ORIGIN;
use axum::middleware;
use axum::middleware::Next;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower_http::cors::AllowOrigin;
use tower_http::cors::Any;
use tower_http::cors::CorsLayer;

use crate::chain::EmbeddedChain;
use crate::session;

/// The longest request, and WebSocket message.
const MAX_REQUEST_BYTES: usize = 8 << 20;
/// The most open connections; more wait to be accepted.
const MAX_CONNECTIONS: usize = 4096;
/// The most open WebSocket connections; more are refused.
const MAX_SESSIONS: usize = 1024;
/// How long a client may take to send a request's head, and as long again for its body. A
/// connection that asks nothing for this long is closed.
const READ_TIMEOUT: Duration = Duration::from_secs(15);
/// How long to wait after the system refused a connection, as it does without free descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long open connections may take to finish after the server is told to stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// The web pages that may talk to the chain, by their origins. Other clients send none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Any page.
    Any,
    /// Pages of this machine (`localhost` and loopback addresses, on any port), and those of these
    /// origins, such as `https://app.example`.
    Listed(Vec<String>),
}

impl Default for Origins {
    /// Pages of this machine.
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

impl From<Vec<String>> for Origins {
    /// `*` among them means any page, as in the header of the same name.
    fn from(listed: Vec<String>) -> Self {
        if listed.iter().any(|origin| origin == "*") { Self::Any } else { Self::Listed(listed) }
    }
}

impl Origins {
    fn allow(&self, origin: &HeaderValue) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(listed) => is_loopback(origin) || listed.iter().any(|one| one == origin),
        }
    }

    fn cors(&self) -> CorsLayer {
        let cors = CorsLayer::new().allow_methods(Any).allow_headers(Any);
        // Browsers ask for it before a page from elsewhere reaches this machine.
        let cors = cors.allow_private_network(true);
        match self {
            Self::Any => cors.allow_origin(Any),
            Self::Listed(_) => {
                let origins = self.clone();
                cors.allow_origin(AllowOrigin::predicate(move |origin, _| origins.allow(origin)))
            }
        }
    }
}

/// Returns whether an origin is of this machine.
fn is_loopback(origin: &HeaderValue) -> bool {
    let uri = origin.to_str().ok().and_then(|text| text.parse::<Uri>().ok());
    let Some(host) = uri.as_ref().and_then(Uri::host) else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[derive(Clone)]
struct ServerState {
    chain: EmbeddedChain,
    origins: Arc<Origins>,
    sessions: Arc<Semaphore>,
    stop: CancellationToken,
}

impl EmbeddedChain {
    /// Serves JSON-RPC on a listener until `stop` is cancelled: `POST /` for HTTP, and WebSocket,
    /// with `eth_subscribe`, on the same path. There is no authentication and no TLS; web pages of
    /// other origins than the given ones are refused.
    pub async fn serve(
        &self,
        listener: TcpListener,
        origins: Origins,
        stop: CancellationToken,
    ) -> io::Result<()> {
        let cors = origins.cors();
        let server = ServerState {
            chain: self.clone(),
            origins: origins.into(),
            sessions: Semaphore::new(MAX_SESSIONS).into(),
            stop: stop.clone(),
        };
        let app = Router::new()
            .route("/", get(websocket).post(http))
            .layer(middleware::from_fn_with_state(server.clone(), refuse_other_origins))
            .layer(cors)
            .with_state(server);
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            let place = Arc::clone(&places).acquire_owned();
            // Every arm may be dropped: a connection that was not accepted waits for the next turn.
            tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = connections.join_next() => {}
                accepted = async { (place.await, listener.accept().await) } => match accepted {
                    (Ok(place), Ok((stream, _))) => {
                        connections.spawn(serve_connection(stream, app.clone(), stop.clone(), place));
                    }
                    (_, Err(error)) => {
                        tracing::debug!(%error, "a connection was not accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                    (Err(_), _) => break,
                },
            }
        }
        drop(listener);
        let finish = async { while connections.join_next().await.is_some() {} };
        // Connections that are still open then are dropped, and end with that.
        drop(tokio::time::timeout(SHUTDOWN_TIMEOUT, finish).await);
        Ok(())
    }
}

/// Serves one connection until its client leaves or is too slow, or the server stops.
async fn serve_connection(
    stream: TcpStream,
    app: Router,
    stop: CancellationToken,
    _place: OwnedSemaphorePermit,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(READ_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let mut stopping = false;
    loop {
        tokio::select! {
            served = connection.as_mut() => {
                if let Err(error) = served {
                    tracing::debug!(%error, "a connection ended");
                }
                return;
            }
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Refuses web pages of other origins: not only may they not read the answer (CORS sees to that),
/// their requests have no effect.
async fn refuse_other_origins(
    State(server): State<ServerState>,
    request: Request,
    next: Next,
) -> Response {
    match request.headers().get(ORIGIN) {
        Some(origin) if !server.origins.allow(origin) => {
            let text = "this origin is not allowed: start the chain with --cors-origin\n";
            (StatusCode::FORBIDDEN, text).into_response()
        }
        Some(_) | None => next.run(request).await,
    }
}

async fn http(State(server): State<ServerState>, headers: HeaderMap, body: Body) -> Response {
    // Browsers send requests of other types across origins without a preflight.
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !content_type.is_some_and(|value| value.starts_with("application/json")) {
        let text = "the content type must be application/json\n";
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, text).into_response();
    }
    let body = match tokio::time::timeout(READ_TIMEOUT, to_bytes(body, MAX_REQUEST_BYTES)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let answer = server.chain.respond_aside(body).await;
    if answer.is_empty() {
        return StatusCode::NO_CONTENT.into_response();
    }
    ([(CONTENT_TYPE, "application/json")], answer).into_response()
}

async fn websocket(State(server): State<ServerState>, upgrade: WebSocketUpgrade) -> Response {
    let Ok(place) = server.sessions.try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many connections\n").into_response();
    };
    upgrade.max_message_size(MAX_REQUEST_BYTES).max_frame_size(MAX_REQUEST_BYTES).on_upgrade(
        async move |socket| {
            session::run(socket, server.chain, server.stop).await;
            drop(place);
        },
    )
}
