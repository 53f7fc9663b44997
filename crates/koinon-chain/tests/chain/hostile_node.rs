//! A node that answers over HTTP as a test tells it to, out of a real chain or against it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::http::header::RETRY_AFTER;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::post;
use koinon_evm::EmbeddedChain;
use serde_json::Value;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A request as the node sees it: the method and its parameters.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) params: Value,
}

/// The answer of the node.
pub(crate) enum Reply {
    /// As a real node on this chain.
    Truth(EmbeddedChain),
    /// As a real node on this chain, but to another request.
    TruthOf(EmbeddedChain, Asked),
    /// A result.
    Result(Value),
    /// A refusal.
    Refusal(i64, &'static str),
    /// These bytes, whatever they are.
    Raw(Vec<u8>),
    /// The beginning of an answer, and then more and more.
    Endless,
    /// A status of HTTP, with the seconds to wait.
    Busy(u16, u64),
    /// Another place to ask.
    Elsewhere(String),
    /// Does what was asked, and breaks the connection instead of saying so.
    TruthUnsaid(EmbeddedChain),
}

type Script = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// The running node; it ends when dropped.
pub(crate) struct HostileNode {
    url: String,
    server: JoinHandle<()>,
}

impl HostileNode {
    pub(crate) async fn start(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script: Script = Arc::new(script);
        let app = Router::new().route("/", post(respond)).with_state(script);
        let server = tokio::spawn(async { axum::serve(listener, app).await.unwrap() });
        Self { url, server }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for HostileNode {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn truth(chain: &EmbeddedChain, asked: &Asked, id: &Value) -> Response {
    let params = serde_json::value::to_raw_value(&asked.params).unwrap();
    let answer = match chain.handle(&asked.method, Some(&params)).await {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(error) => json!({ "jsonrpc": "2.0", "id": id, "error": error }),
    };
    axum::Json(answer).into_response()
}

async fn respond(State(script): State<Script>, body: Bytes) -> Response {
    let request: Value = serde_json::from_slice(&body).unwrap();
    let id = request["id"].clone();
    let method = request["method"].as_str().unwrap().to_owned();
    let asked = Asked { method, params: request["params"].clone() };
    match script(&asked) {
        Reply::Truth(chain) => truth(&chain, &asked, &id).await,
        Reply::TruthOf(chain, other) => truth(&chain, &other, &id).await,
        Reply::Result(result) => {
            axum::Json(json!({ "jsonrpc": "2.0", "id": id, "result": result })).into_response()
        }
        Reply::Refusal(code, message) => {
            let error = json!({ "code": code, "message": message });
            axum::Json(json!({ "jsonrpc": "2.0", "id": id, "error": error })).into_response()
        }
        Reply::Raw(bytes) => bytes.into_response(),
        Reply::Endless => {
            let more = futures::stream::repeat_with(|| {
                Ok::<_, std::convert::Infallible>(Bytes::from_static(&[b'0'; 1 << 16]))
            });
            Body::from_stream(more).into_response()
        }
        Reply::Busy(status, seconds) => {
            let status = StatusCode::from_u16(status).unwrap();
            (status, [(RETRY_AFTER, seconds.to_string())], "slow down").into_response()
        }
        Reply::Elsewhere(url) => {
            (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, url)]).into_response()
        }
        Reply::TruthUnsaid(chain) => {
            drop(truth(&chain, &asked, &id).await);
            broken()
        }
    }
}

/// An answer whose body ends before its length.
fn broken() -> Response {
    let end = futures::stream::once(async { Err::<Bytes, _>(std::io::Error::other("broken")) });
    Body::from_stream(end).into_response()
}

/// A test that waits for longer than this waits for ever.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
