//! The worker's HTTP server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Instant;

use alloy_primitives::B256;
use axum::Json;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::routing::post;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::puzzle;

/// The identity of a worker, from its environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// The name of its shard.
    pub shard: String,
    /// Its number among all workers.
    pub worker: String,
}

/// Why the worker cannot run.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The address is in use or does not exist.
    #[error("cannot listen on {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// The server cannot accept connections.
    #[error("the HTTP server failed")]
    Serve(#[source] std::io::Error),
}

#[derive(Clone)]
struct Worker {
    identity: Identity,
    /// One permit: puzzles are solved one after the other, because a validator times them.
    solver: Arc<Semaphore>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PuzzleRequest {
    challenge: B256,
    bits: u32,
}

/// Serves on `address` until `stop` is cancelled.
///
/// # Errors
/// [`ServeError::Listen`] if the address cannot be used.
pub async fn serve(
    identity: Identity,
    address: SocketAddr,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let listener =
        TcpListener::bind(address).await.map_err(|error| ServeError::Listen(address, error))?;
    let served =
        axum::serve(listener, router(identity)).with_graceful_shutdown(stop.cancelled_owned());
    served.await.map_err(ServeError::Serve)
}

/// Returns the worker's routes.
pub fn router(identity: Identity) -> Router {
    let worker = Worker { identity, solver: Arc::new(Semaphore::new(1)) };
    Router::new()
        .route("/health", get(health))
        .route("/puzzle", post(solve))
        .layer(DefaultBodyLimit::max(1024))
        .with_state(worker)
}

async fn health(State(worker): State<Worker>) -> Json<Value> {
    Json(
        json!({ "status": "ok", "shard": worker.identity.shard, "worker": worker.identity.worker }),
    )
}

async fn solve(
    State(worker): State<Worker>,
    Json(request): Json<PuzzleRequest>,
) -> Result<Json<Value>, (StatusCode, Json<Value>)> {
    let failed = |status, message: String| (status, Json(json!({ "error": message })));
    let Ok(_permit) = worker.solver.acquire().await else {
        return Err(failed(StatusCode::SERVICE_UNAVAILABLE, "the worker is stopping".to_owned()));
    };
    let started = Instant::now();
    let cancel = CancelOnDrop(Arc::default());
    let cancelled = Arc::clone(&cancel.0);
    let search = move || {
        puzzle::solve(request.challenge, request.bits, || cancelled.load(Ordering::Relaxed))
    };
    let solved = tokio::task::spawn_blocking(search)
        .await
        .map_err(|error| failed(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    match solved {
        Ok(Some(nonce)) => Ok(Json(json!({
            "challenge": request.challenge,
            "bits": request.bits,
            "nonce": nonce,
            "hash": puzzle::hash(request.challenge, nonce),
            "milliseconds": started.elapsed().as_millis(),
        }))),
        Ok(None) => Err(failed(StatusCode::SERVICE_UNAVAILABLE, "no nonce was found".to_owned())),
        Err(error) => Err(failed(StatusCode::BAD_REQUEST, error.to_string())),
    }
}

/// Cancels the search when the client has closed its connection.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn ask(method: &str, path: &str, body: &str) -> (StatusCode, Value) {
        let identity = Identity { shard: "shard1".to_owned(), worker: "7".to_owned() };
        let request = Request::builder().method(method).uri(path);
        let request =
            request.header("content-type", "application/json").body(Body::from(body.to_owned()));
        let response = router(identity).oneshot(request.unwrap()).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    #[tokio::test]
    async fn health_is_ok_with_the_identity() {
        let expected = json!({ "status": "ok", "shard": "shard1", "worker": "7" });
        assert_eq!(ask("GET", "/health", "").await, (StatusCode::OK, expected));
    }

    #[tokio::test]
    async fn a_puzzle_is_answered_with_a_solution() {
        let challenge = B256::repeat_byte(3);
        let body = json!({ "challenge": challenge, "bits": 10 }).to_string();
        let (status, answer) = ask("POST", "/puzzle", &body).await;
        assert_eq!(status, StatusCode::OK);
        let nonce = answer["nonce"].as_u64().unwrap();
        assert!(puzzle::solves(challenge, 10, nonce));
        assert_eq!(answer["hash"], json!(puzzle::hash(challenge, nonce)));
    }

    #[tokio::test]
    async fn invalid_puzzles_are_rejected() {
        let hard = json!({ "challenge": B256::ZERO, "bits": 200 }).to_string();
        let error = json!({ "error": "a puzzle of 200 bits is over the limit of 28" });
        assert_eq!(ask("POST", "/puzzle", &hard).await, (StatusCode::BAD_REQUEST, error));
        assert_eq!(ask("POST", "/puzzle", "{}").await.0, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(
            ask("POST", "/puzzle", &"x".repeat(2000)).await.0,
            StatusCode::PAYLOAD_TOO_LARGE
        );
    }

    /// Lists the variants: a new one does not compile until it has a name here, and a case below.
    fn variant(error: &ServeError) -> &'static str {
        match error {
            ServeError::Listen(..) => "Listen",
            ServeError::Serve(_) => "Serve",
        }
    }

    #[tokio::test]
    async fn an_address_in_use_is_an_error() {
        use std::error::Error;

        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        let identity = Identity { shard: String::new(), worker: String::new() };
        let error = serve(identity, address, CancellationToken::new()).await.unwrap_err();
        assert_eq!(variant(&error), "Listen");
        assert_eq!(error.to_string(), format!("cannot listen on {address}"));
        assert_eq!(error.source().unwrap().to_string(), "Address already in use (os error 98)");
        // No request makes axum's server end with an error: only its text can be shown.
        let error = ServeError::Serve(std::io::ErrorKind::Other.into());
        assert_eq!((variant(&error), error.to_string().as_str()), {
            ("Serve", "the HTTP server failed")
        });
    }
}
