//! The nodes that a client asks: what one of them may answer, and what several must agree on.
//!
//! Everything that arrives is hostile: answers are bounded, an answer that is no JSON-RPC is the
//! node's fault and is asked for again, and of several nodes most must say the same.

mod agree;
mod http;
mod retry;

use agree::Agreement;
use agree::AskedNode;
use alloy::providers::WsConnect;
use alloy::pubsub::PubSubConnect;
use alloy::rpc::client::RpcClient;
use alloy::transports::BoxTransport;
use alloy::transports::TransportError;
use alloy::transports::http::reqwest::Url;
use http::BoundedHttp;
use retry::Retrying;

use crate::error::ChainError;

/// Connects to the nodes of one chain: to one as it is, or to several that must agree.
pub(crate) async fn connect(urls: &[String]) -> Result<RpcClient, ChainError> {
    let unreachable = |error| ChainError::rpc("connect", error);
    if let [url] = urls
        && is_websocket(url)
    {
        // The client of a socket has subscriptions, which no other transport has.
        return RpcClient::builder().pubsub(WsConnect::new(url)).await.map_err(unreachable);
    }
    let mut nodes = Vec::new();
    for url in urls {
        nodes.push(AskedNode { url: url.clone(), transport: open(url).await? });
    }
    let transport = match <[AskedNode; 1]>::try_from(nodes) {
        Ok([node]) => node.transport,
        Err(nodes) if nodes.is_empty() => return Err(ChainError::Url { url: String::new() }),
        Err(nodes) => BoxTransport::new(Agreement::of(nodes)),
    };
    // Marked as local so that alloy does not poll: whoever waits here does it itself.
    Ok(RpcClient::new(transport, true))
}

async fn open(url: &str) -> Result<BoxTransport, ChainError> {
    let unusable = || ChainError::Url { url: url.to_owned() };
    if is_websocket(url) {
        let opened: Result<_, TransportError> = WsConnect::new(url).into_service().await;
        let socket = opened.map_err(|error| ChainError::rpc("connect", error))?;
        return Ok(BoxTransport::new(Retrying::of(BoxTransport::new(socket))));
    }
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(unusable());
    }
    let parsed: Url = url.parse().map_err(|_| unusable())?;
    let http = BoundedHttp::new(parsed).ok_or_else(unusable)?;
    Ok(BoxTransport::new(Retrying::of(BoxTransport::new(http))))
}

fn is_websocket(url: &str) -> bool {
    url.starts_with("ws://") || url.starts_with("wss://")
}
