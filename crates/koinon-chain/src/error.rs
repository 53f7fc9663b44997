//! Failures of requests to a chain.

use alloy::primitives::Address;
use alloy::primitives::B256;
use alloy::primitives::U256;
use alloy::transports::RpcError;
use alloy::transports::TransportErrorKind;
use koinon_model::DealError;
use koinon_model::JsonError;
use koinon_model::Module;
use koinon_trust::VrfError;
use thiserror::Error;

use crate::revert::Revert;
use crate::text::excerpt;
use crate::text::printable;
use crate::text::short_number;
use crate::wire::WireError;

/// The failure of a request to a chain. `action` is the attempt, as in `cannot {action}`.
#[derive(Debug, Error)]
pub enum ChainError {
    /// The URL of the node cannot be used.
    #[error("cannot use the RPC URL {url}: expected http://, https://, ws:// or wss://")]
    Url {
        /// As it was given.
        url: String,
    },
    /// The node did not answer, or answered with an error that is not a revert.
    #[error("cannot {action}")]
    Rpc {
        /// The attempt, such as `read the block number`.
        action: String,
        /// The error of the transport, or the node's.
        #[source]
        source: RpcError<TransportErrorKind>,
    },
    /// A contract rejected the call.
    #[error("cannot {action}: {revert}")]
    Reverted {
        /// The attempt, such as `read the block number`.
        action: String,
        /// The contract's reason.
        revert: Revert,
    },
    /// The governor rejected a vote before the proposal opened or after it closed.
    #[error("cannot vote: proposal {} {}", short_number(*id), voting_time(*opens, *closes, *now))]
    NotOpen {
        /// The proposal.
        id: U256,
        /// The block after which votes count.
        opens: u64,
        /// The last block to vote in.
        closes: u64,
        /// The newest block.
        now: u64,
        /// The governor's reason.
        revert: Revert,
    },
    /// A contract's answer does not decode as the answer of a Koinon contract.
    #[error("cannot {action}: the answer is not that of a Koinon contract")]
    Answer {
        /// The attempt, such as `read the block number`.
        action: String,
        /// The error of the decoder.
        #[source]
        source: Box<alloy::contract::Error>,
    },
    /// A transaction was sent, and its receipt did not come in time. It may be mined later.
    #[error("cannot {action}: transaction {hash} was not mined within {seconds} s")]
    NotMined {
        /// The attempt, such as `read the block number`.
        action: String,
        /// The transaction.
        hash: B256,
        /// The time waited, in seconds.
        seconds: u64,
    },
    /// A node may have taken a transaction, and did not say so. It may be mined later.
    #[error(
        "cannot {action}: no node said whether it took transaction {hash}; look for it before you \
         try again"
    )]
    Unanswered {
        /// The attempt, such as `read the block number`.
        action: String,
        /// The transaction.
        hash: B256,
    },
    /// A change needs more gas than a transaction has, so it could be voted through and never be
    /// executed.
    #[error(
        "the change has {objects} objects, too many for one transaction, which has {limit} gas"
    )]
    TooLarge {
        /// The objects it writes or deletes.
        objects: usize,
        /// The most gas of one transaction (EIP-7825).
        limit: u64,
    },
    /// The nodes are of another chain than the one expected.
    #[error("the node is of chain {found}, not of chain {expected}")]
    WrongChain {
        /// The chain's id that was expected.
        expected: u64,
        /// The id that the node names.
        found: u64,
    },
    /// The key, or whatever holds it, did not sign.
    #[error("cannot {action}: the signer did not sign: {reason}")]
    Signer {
        /// The attempt, such as `read the block number`.
        action: String,
        /// Its reason.
        reason: String,
    },
    /// The chain did not answer before the caller's deadline.
    #[error("cannot {action}: the chain did not answer in time")]
    Timeout {
        /// The attempt, such as `read the block number`.
        action: String,
    },
    /// A transaction needs a key, and the connection has none.
    #[error("cannot {action}: no key to sign with")]
    NoSigner {
        /// The attempt, such as `read the block number`.
        action: String,
    },
    /// The address holds no Core with all modules of a service.
    #[error("no Koinon service at {0}")]
    NoService(Address),
    /// Data on chain breaks a rule that the contracts do not check.
    #[error("the service's data on chain is invalid")]
    Wire(#[from] WireError),
    /// The value of an object is not valid JSON.
    #[error("object {module}/{} is not valid JSON", printable(path))]
    Object {
        /// The module.
        module: Module,
        /// The path in the module.
        path: String,
        /// The first fault.
        #[source]
        source: JsonError,
    },
    /// The operators and node sets on chain do not give an allocation.
    #[error("the deal on chain gives no allocation")]
    Deal(#[from] DealError),
    /// The beacon's key on chain is not a point of the curve, or the message cannot be proved.
    #[error("the beacon's key or message is invalid")]
    Vrf(#[from] VrfError),
}

impl ChainError {
    /// Makes the error of a call or a transaction that failed.
    pub(crate) fn call(action: &str, error: alloy::contract::Error) -> Self {
        let action = action.to_owned();
        if let Some(data) = error.as_revert_data() {
            return Self::Reverted { action, revert: Revert::decode(&data) };
        }
        match error {
            alloy::contract::Error::TransportError(source) => Self::rpc(&action, source),
            other => Self::Answer { action, source: Box::new(other) },
        }
    }

    /// Makes the error of a request that failed.
    pub(crate) fn rpc(action: &str, source: RpcError<TransportErrorKind>) -> Self {
        let action = action.to_owned();
        let data = source.as_error_resp().and_then(|error| error.as_revert_data());
        match data {
            Some(data) => Self::Reverted { action, revert: Revert::decode(&data) },
            None => Self::Rpc { action, source: shortened(source) },
        }
    }

    /// Returns the reason of the contract that rejected the call; `None` if none did.
    pub fn revert(&self) -> Option<&Revert> {
        match self {
            Self::Reverted { revert, .. } | Self::NotOpen { revert, .. } => Some(revert),
            _ => None,
        }
    }

    /// Returns whether the same request may succeed later, because the node did not answer it.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Rpc { source, .. } => source.is_transport_error(),
            Self::NotMined { .. } | Self::Timeout { .. } | Self::Unanswered { .. } => true,
            _ => false,
        }
    }
}

/// Cuts what the node said to what one reads: it is the node that chose its length.
fn shortened(source: RpcError<TransportErrorKind>) -> RpcError<TransportErrorKind> {
    match source {
        RpcError::ErrorResp(mut error) => {
            error.message = excerpt(&error.message).into();
            error.data = error.data.filter(|data| data.get().len() <= 1_000);
            RpcError::ErrorResp(error)
        }
        // An answer that cannot be decoded is the node's fault, as none is.
        RpcError::DeserError { err, text } => TransportErrorKind::custom_str(&format!(
            "the node's answer is not what was asked for: {}: {}",
            excerpt(&err.to_string()),
            excerpt(&text)
        )),
        other => other,
    }
}

/// Says when a vote was possible or will be.
fn voting_time(opens: u64, closes: u64, now: u64) -> String {
    if now <= opens {
        format!("opens after block {opens} (now {now})")
    } else {
        format!("closed at block {closes} (now {now})")
    }
}
