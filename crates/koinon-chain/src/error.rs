//! What can go wrong between us and the contracts.

use std::fmt;

use alloy::primitives::B256;
use alloy::primitives::Bytes;
use alloy::sol_types::Panic;
use alloy::sol_types::Revert as Message;
use alloy::sol_types::SolError;
use alloy::sol_types::SolInterface;
use alloy::transports::RpcError;
use alloy::transports::TransportErrorKind;
use koinon_model::ContentError;
use koinon_model::DealError;
use koinon_model::JsonError;
use koinon_trust::CertificateError;
use koinon_trust::VrfError;
use thiserror::Error;

use crate::contracts::Blobs::BlobsErrors;
use crate::contracts::Core::CoreErrors;
use crate::contracts::Governance::GovernanceErrors;
use crate::contracts::Identity::IdentityErrors;
use crate::contracts::Mapper::MapperErrors;
use crate::contracts::Security::SecurityErrors;
use crate::contracts::Stake::StakeErrors;
use crate::contracts::Templates::TemplatesErrors;
use crate::contracts::Timelock::TimelockErrors;
use crate::contracts::Topology::TopologyErrors;
use crate::wire::WireError;

/// Why something asked of a chain did not happen.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ChainError {
    /// The address of the chain is no URL we can use.
    #[error("cannot use the RPC URL {url}: expected http://, https://, ws:// or wss://")]
    Url {
        /// What was given.
        url: String,
    },
    /// The node did not answer, or refused.
    #[error("cannot {action}")]
    Rpc {
        /// What was attempted.
        action: String,
        /// Why.
        #[source]
        source: RpcError<TransportErrorKind>,
    },
    /// The contract refused.
    #[error("cannot {action}: {revert}")]
    Reverted {
        /// What was attempted.
        action: String,
        /// The contract's reason.
        revert: Revert,
    },
    /// The node's answer is none of our contracts'.
    #[error("cannot {action}: the answer is not that of a Koinon contract")]
    Answer {
        /// What was attempted.
        action: String,
        /// Why.
        #[source]
        source: Box<alloy::contract::Error>,
    },
    /// No receipt came in time.
    #[error("cannot {action}: transaction {hash} was not mined within {seconds} s")]
    NotMined {
        /// What was attempted.
        action: String,
        /// The transaction.
        hash: B256,
        /// How long was waited.
        seconds: u64,
    },
    /// No answer came in time.
    #[error("cannot {action}: the chain does not answer in time")]
    Timeout {
        /// What was attempted.
        action: String,
    },
    /// Something was to be sent, but there is no key to sign it with.
    #[error("cannot {action}: no key to sign with")]
    NoSigner {
        /// What was attempted.
        action: String,
    },
    /// There is no service at the address.
    #[error("no Koinon service at {0}")]
    NoService(alloy::primitives::Address),
    /// What was read is not what a contract may hold.
    #[error("the chain's content is not acceptable")]
    Wire(#[from] WireError),
    /// An object's blob is no canonical value.
    #[error("object {path} of module {module} is not acceptable JSON")]
    Object {
        /// The module.
        module: koinon_model::Module,
        /// The path.
        path: String,
        /// Why.
        #[source]
        source: JsonError,
    },
    /// The content cannot go on chain.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// What was dealt makes no allocation.
    #[error("the chain's deal is not acceptable")]
    Deal(#[from] DealError),
    /// The VRF refused.
    #[error("the epoch's proof cannot be made")]
    Vrf(#[from] VrfError),
    /// A certificate was refused.
    #[error("the certificate is not acceptable")]
    Certificate(#[from] CertificateError),
}

/// A contract's reason for refusing, with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the contract it is named after")]
pub enum Revert {
    Core(Box<CoreErrors>),
    Identity(Box<IdentityErrors>),
    Mapper(Box<MapperErrors>),
    Security(Box<SecurityErrors>),
    Stake(Box<StakeErrors>),
    Templates(Box<TemplatesErrors>),
    Topology(Box<TopologyErrors>),
    Governance(Box<GovernanceErrors>),
    Timelock(Box<TimelockErrors>),
    Blobs(Box<BlobsErrors>),
    /// `Error(string)`.
    Message(String),
    /// `Panic(uint256)`.
    Panic(Panic),
    /// Anything else.
    Unknown(Bytes),
}

impl Revert {
    /// Decodes revert data. Errors that several contracts share are found under the first of them.
    pub fn decode(data: &[u8]) -> Self {
        fn of<E: SolInterface>(data: &[u8], wrap: fn(Box<E>) -> Revert) -> Option<Revert> {
            E::abi_decode(data).ok().map(Box::new).map(wrap)
        }
        of(data, Self::Core)
            .or_else(|| of(data, Self::Identity))
            .or_else(|| of(data, Self::Mapper))
            .or_else(|| of(data, Self::Security))
            .or_else(|| of(data, Self::Stake))
            .or_else(|| of(data, Self::Templates))
            .or_else(|| of(data, Self::Topology))
            .or_else(|| of(data, Self::Governance))
            .or_else(|| of(data, Self::Timelock))
            .or_else(|| of(data, Self::Blobs))
            .or_else(|| Message::abi_decode(data).ok().map(|message| Self::Message(message.reason)))
            .or_else(|| Panic::abi_decode(data).ok().map(Self::Panic))
            .unwrap_or_else(|| Self::Unknown(Bytes::copy_from_slice(data)))
    }
}

impl fmt::Display for Revert {
    /// Shows the error as Solidity would: its name and arguments.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = match self {
            Self::Core(error) => format!("{error:?}"),
            Self::Identity(error) => format!("{error:?}"),
            Self::Mapper(error) => format!("{error:?}"),
            Self::Security(error) => format!("{error:?}"),
            Self::Stake(error) => format!("{error:?}"),
            Self::Templates(error) => format!("{error:?}"),
            Self::Topology(error) => format!("{error:?}"),
            Self::Governance(error) => format!("{error:?}"),
            Self::Timelock(error) => format!("{error:?}"),
            Self::Blobs(error) => format!("{error:?}"),
            Self::Message(message) => return f.write_str(message),
            Self::Panic(panic) => return write!(f, "{panic}"),
            Self::Unknown(data) if data.is_empty() => {
                return f.write_str("reverted without a reason");
            }
            Self::Unknown(data) => return write!(f, "reverted with {data}"),
        };
        // `Name(Name { argument: value })` reads as `Name { argument: value }`.
        let inner = shown.split_once('(').map(|(_, rest)| rest.strip_suffix(')').unwrap_or(rest));
        f.write_str(inner.unwrap_or(&shown))
    }
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
            None => Self::Rpc { action, source },
        }
    }

    /// Returns the contract's reason, if it refused.
    pub fn revert(&self) -> Option<&Revert> {
        if let Self::Reverted { revert, .. } = self { Some(revert) } else { None }
    }

    /// Returns whether the same may succeed later: the node did not answer.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Rpc { source, .. } => source.is_transport_error(),
            Self::NotMined { .. } | Self::Timeout { .. } => true,
            _ => false,
        }
    }
}
