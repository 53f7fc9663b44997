//! JSON-RPC 2.0 framing: hostile bytes in, bytes out.

use std::borrow::Cow;
use std::time::Duration;

use axum::body::Bytes;
use serde::Deserialize;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::Answer;
use super::RpcError;
use super::submit;
use crate::chain::EmbeddedChain;

/// The most requests in one batch.
const MAX_BATCH: usize = 1_000;
/// The most bytes of results for one batch; the rest of its requests get an error.
const MAX_BATCH_ANSWER_BYTES: usize = 64 << 20;

/// The longest work on one request or batch that runs code or searches.
const MAX_TIME: Duration = Duration::from_secs(30);

/// One request. Members that JSON-RPC does not know are ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct Request<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) method: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) params: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Response<'a> {
    jsonrpc: &'static str,
    id: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a RpcError>,
}

impl<'a> Request<'a> {
    pub(crate) fn parse(bytes: &'a str) -> Result<Self, RpcError> {
        let invalid = |_| RpcError::invalid_request("the request is not a JSON-RPC 2.0 object");
        let request: Self = serde_json::from_str(bytes).map_err(invalid)?;
        let first = request.id.and_then(|id| id.get().bytes().next());
        if matches!(first, Some(b'{' | b'[' | b't' | b'f')) {
            return Err(RpcError::invalid_request("the id must be a string, a number or null"));
        }
        Ok(request)
    }

    /// The response, or nothing to a notification.
    pub(crate) fn respond(&self, answer: Answer) -> Option<Vec<u8>> {
        self.id.map(|id| response(Some(id), answer))
    }
}

impl EmbeddedChain {
    /// Answers a JSON-RPC request, or batch of requests, given as bytes; empty if there is
    /// nothing to answer, as for a notification. Any bytes are allowed.
    pub async fn respond(&self, body: &[u8]) -> Vec<u8> {
        let body: &RawValue = match serde_json::from_slice(body) {
            Ok(body) => body,
            Err(error) => return response(None, Err(RpcError::parse(&error))),
        };
        let body = body.get();
        let Some(batch) = batch(body) else {
            let request = match Request::parse(body) {
                Ok(request) => request,
                Err(error) => return response(None, Err(error)),
            };
            let answer = self.handle(&request.method, request.params).await;
            return request.respond(answer).unwrap_or_default();
        };
        match batch {
            Ok(requests) => self.respond_batch(&requests).await,
            Err(error) => response(None, Err(error)),
        }
    }

    /// Answers a request of a server, away from the threads that serve sockets if it may take
    /// long, and no longer than [`MAX_TIME`]. Work ends between two requests of a batch where
    /// nobody waits for the answer any more.
    pub(crate) async fn respond_aside(&self, body: Bytes) -> Vec<u8> {
        if !is_heavy(&body) {
            return self.respond(&body).await;
        }
        let (chain, handle) = (self.clone(), Handle::current());
        let asked = CancellationToken::new();
        let gone = asked.clone();
        // Cancels when this future is dropped, as it is when the client leaves.
        let _asker = asked.drop_guard();
        let answer = tokio::task::spawn_blocking(move || {
            handle.block_on(async {
                // Every arm may be dropped: transactions on their way are mined all the same.
                tokio::select! {
                    answer = chain.respond(&body) => answer,
                    () = gone.cancelled() => Vec::new(),
                    () = tokio::time::sleep(MAX_TIME) => response(None, Err(RpcError::timed_out())),
                }
            })
        });
        // The task ends without an answer only when the runtime shuts down.
        answer.await.unwrap_or_default()
    }

    async fn respond_batch(&self, requests: &[&RawValue]) -> Vec<u8> {
        let parsed: Vec<_> = requests.iter().map(|request| Request::parse(request.get())).collect();
        let calls: Vec<(&str, Option<&RawValue>)> =
            parsed.iter().flatten().map(|r| (r.method.as_ref(), r.params)).collect();
        let mut answers = self.handle_batch(&calls).await.into_iter();
        let responses: Vec<Vec<u8>> = parsed
            .iter()
            .filter_map(|request| match request {
                Ok(request) => request.respond(answers.next()?),
                Err(error) => Some(response(None, Err(error.clone()))),
            })
            .collect();
        join(responses)
    }

    /// Answers requests in order; neighbouring transactions are sent together.
    pub(crate) async fn handle_batch(&self, calls: &[(&str, Option<&RawValue>)]) -> Vec<Answer> {
        let is_send = |(method, _): &(&str, _)| *method == "eth_sendRawTransaction";
        let mut answers: Vec<Answer> = Vec::with_capacity(calls.len());
        let mut size = 0;
        for run in calls.chunk_by(|a, b| is_send(a) && is_send(b)) {
            if size > MAX_BATCH_ANSWER_BYTES {
                answers.extend(run.iter().map(|_| Err(RpcError::limit("response too large"))));
                continue;
            }
            // Lets an asker that left, or its time, end the batch here.
            tokio::task::yield_now().await;
            let from = answers.len();
            if run.len() > 1 {
                let params: Vec<_> = run.iter().map(|(_, params)| *params).collect();
                answers.extend(submit::send_many(self, &params).await);
            } else {
                for (method, params) in run {
                    answers.push(self.handle(method, *params).await);
                }
            }
            size += answers[from..].iter().flatten().map(|a| a.get().len()).sum::<usize>();
        }
        answers
    }
}

/// Returns the requests of a batch; `None` if the text is none.
pub(crate) fn batch(text: &str) -> Option<Result<Vec<&RawValue>, RpcError>> {
    if !text.trim_start().starts_with('[') {
        return None;
    }
    let requests: Vec<&RawValue> = match serde_json::from_str(text) {
        Ok(requests) => requests,
        Err(error) => return Some(Err(RpcError::parse(&error))),
    };
    Some(match requests.len() {
        0 => Err(RpcError::invalid_request("empty batch")),
        1..=MAX_BATCH => Ok(requests),
        _ => Err(RpcError::invalid_request(format!("a batch holds at most {MAX_BATCH}"))),
    })
}

/// Puts responses into one batch; nothing if all are empty, as to notifications.
pub(crate) fn join(mut responses: Vec<Vec<u8>>) -> Vec<u8> {
    responses.retain(|response| !response.is_empty());
    if responses.is_empty() {
        return Vec::new();
    }
    let mut out = b"[".to_vec();
    out.extend_from_slice(&responses.join(&b','));
    out.push(b']');
    out
}

/// Returns whether an answer may take so long that a server should not compute it on the threads
/// that serve its sockets: a batch, or a method that runs code or searches.
fn is_heavy(body: &[u8]) -> bool {
    match serde_json::from_slice::<Request<'_>>(body) {
        Ok(request) => super::is_heavy(&request.method),
        Err(_) => body.trim_ascii_start().starts_with(b"["),
    }
}

/// Encodes a response.
pub(crate) fn response(id: Option<&RawValue>, answer: Answer) -> Vec<u8> {
    let (result, error) = match &answer {
        Ok(result) => (Some(&**result), None),
        Err(error) => (None, Some(error)),
    };
    let response = Response { jsonrpc: "2.0", id, result, error };
    serde_json::to_vec(&response).expect("BUG: a struct of JSON values encodes")
}
