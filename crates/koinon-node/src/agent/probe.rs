//! Health probes over HTTP.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use std::time::Instant;

use http_body_util::Empty;
use hyper::Request;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Probes a node: a GET of `path` must be answered with 200 within `timeout`. Returns how long that
/// took; `None` if the node did not answer so.
pub async fn probe_once(endpoint: &str, path: &str, timeout: Duration) -> Option<Duration> {
    let address: SocketAddr = endpoint.parse().ok()?;
    let started = Instant::now();
    // Any error means that the node does not run; its kind makes no difference.
    let status = tokio::time::timeout(timeout, get(address, path)).await.ok()?.ok()?;
    (status == StatusCode::OK).then(|| started.elapsed())
}

async fn get(
    address: SocketAddr,
    path: &str,
) -> Result<StatusCode, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request =
        Request::get(path).header("host", address.to_string()).body(Empty::<Bytes>::new())?;
    let mut exchange = pin!(sender.send_request(request));
    // Neither future is polled again: the connection ends with this call. A node that closes right
    // after its answer may end the connection first; the answer is there all the same.
    let response = tokio::select! {
        response = &mut exchange => response?,
        ended = connection => {
            ended?;
            exchange.await?
        }
    };
    Ok(response.status())
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    /// Probes a server that sends `answer` and closes; returns whether it was answered, and the
    /// request.
    async fn probe(answer: &str) -> (bool, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = listener.local_addr().unwrap().to_string();
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(request).unwrap().replace(&endpoint, "ENDPOINT")
        };
        let (answered, request) =
            tokio::join!(probe_once(&endpoint, "/health", Duration::from_secs(60)), serve);
        (answered.is_some(), request)
    }

    #[tokio::test]
    async fn only_status_200_is_an_answer() {
        let cases = [
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", true),
            ("HTTP/1.1 204 No Content\r\n\r\n", false),
            ("HTTP/1.1 301 Moved\r\nlocation: /\r\ncontent-length: 0\r\n\r\n", false),
            ("HTTP/1.1 503 Unavailable\r\ncontent-length: 0\r\n\r\n", false),
            ("hello\r\n\r\n", false),
            ("", false),
        ];
        for (answer, expected) in cases {
            let request = "GET /health HTTP/1.1\r\nhost: ENDPOINT\r\n\r\n".to_owned();
            assert_eq!(probe(answer).await, (expected, request), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn a_probe_fails_without_a_listener_an_address_or_an_answer_in_time() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = listener.local_addr().unwrap().to_string();
        // It accepts the connection and never answers.
        assert_eq!(probe_once(&endpoint, "/", Duration::from_millis(1)).await, None);
        drop(listener);
        for endpoint in [&*endpoint, "localhost:80", "127.0.0.1", ""] {
            assert_eq!(probe_once(endpoint, "/", Duration::from_secs(60)).await, None);
        }
    }
}
