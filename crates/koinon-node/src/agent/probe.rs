//! Asks nodes how they are.

use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use http_body_util::Empty;
use hyper::Request;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Probes a node: GET of `path` must answer 200 within `patience`. Returns how long it took; `None` if it did not.
pub async fn probe_once(endpoint: &str, path: &str, patience: Duration) -> Option<Duration> {
    let address: SocketAddr = endpoint.parse().ok()?;
    let started = Instant::now();
    let answered = timeout(patience, get(address, path)).await;
    // A node that does not answer is an answer too: it is not running.
    let status = answered.ok()?.ok()?;
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
    let exchange = async {
        let response = sender.send_request(request).await?;
        Ok::<_, hyper::Error>(response.status())
    };
    tokio::select! {
        status = exchange => Ok(status?),
        ended = connection => {
            ended?;
            Err("the connection ended before the answer".into())
        }
    }
}
