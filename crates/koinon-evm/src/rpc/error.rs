//! JSON-RPC errors with the codes and texts clients expect.

use std::borrow::Cow;

use alloy::sol_types::Panic;
use alloy::sol_types::PanicKind;
use alloy::sol_types::Revert;
use alloy::sol_types::SolError;
use alloy_primitives::Bytes;
use revm::context_interface::result::HaltReason;
use serde::Serialize;

use crate::journal::JournalError;
use crate::producer::SubmitError;

/// The error member of a JSON-RPC response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message} (code {code})")]
pub struct RpcError {
    /// The code of JSON-RPC 2.0 or EIP-1474; 3 for a revert.
    pub code: i64,
    /// The text, worded as geth's where clients match on it.
    pub message: Cow<'static, str>,
    /// The revert data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Bytes>,
}

impl RpcError {
    fn new(code: i64, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    pub(crate) fn parse(error: &serde_json::Error) -> Self {
        Self::new(-32700, format!("parse error: {error}"))
    }

    pub(crate) fn invalid_request(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32600, what)
    }

    pub(crate) fn method_not_found(method: &str) -> Self {
        let name: String = method.chars().take(64).collect();
        Self::new(-32601, format!("the method {name} does not exist/is not available"))
    }

    pub(crate) fn no_subscriptions() -> Self {
        Self::new(-32601, "notifications not supported: subscribe over WebSocket")
    }

    pub(crate) fn invalid_params(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32602, what)
    }

    pub(crate) fn internal(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32603, what)
    }

    /// The chain has no such block.
    pub(crate) fn no_block(id: impl std::fmt::Display) -> Self {
        Self::new(-32001, format!("block not found: {id}"))
    }

    pub(crate) fn no_filter() -> Self {
        Self::new(-32000, "filter not found")
    }

    pub(crate) fn limit(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32602, what)
    }

    /// A transaction or call that cannot be run at all.
    pub(crate) fn rejected(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32000, what)
    }

    /// A request or batch whose work took too long; code and text as geth's.
    pub(crate) fn timed_out() -> Self {
        Self::new(-32002, "request timed out")
    }

    /// A transaction that was accepted but not mined in time.
    pub(crate) fn not_mined(hash: alloy_primitives::B256) -> Self {
        let message = format!("the transaction {hash} was accepted but is not in a block yet");
        Self { code: 4, message: message.into(), data: Some(hash.into()) }
    }

    /// A run that ended in REVERT.
    pub(crate) fn reverted(data: Bytes) -> Self {
        let message = match revert_reason(&data) {
            Some(reason) => format!("execution reverted: {reason}").into(),
            None => Cow::Borrowed("execution reverted"),
        };
        Self { code: 3, message, data: Some(data) }
    }

    /// A run that ended in any other failure.
    pub(crate) fn halted(reason: &HaltReason) -> Self {
        let message: Cow<'static, str> = match reason {
            HaltReason::OutOfGas(_) => "out of gas".into(),
            HaltReason::InvalidFEOpcode => "invalid opcode: INVALID".into(),
            HaltReason::OpcodeNotFound | HaltReason::NotActivated => "invalid opcode".into(),
            HaltReason::InvalidJump => "invalid jump destination".into(),
            HaltReason::CreateContractSizeLimit => "max code size exceeded".into(),
            HaltReason::OutOfFunds => "insufficient balance for transfer".into(),
            other => other.to_string().into(),
        };
        Self::new(-32000, message)
    }
}

/// Returns the text of an `Error(string)` or the meaning of a `Panic(uint256)`.
fn revert_reason(data: &[u8]) -> Option<String> {
    if let Ok(revert) = Revert::abi_decode(data) {
        return Some(revert.reason);
    }
    let panic = Panic::abi_decode(data).ok()?;
    let kind = u32::try_from(panic.code).ok().and_then(PanicKind::from_number);
    Some(kind.map_or_else(|| format!("unknown panic code: {:#x}", panic.code), |k| k.to_string()))
}

impl From<SubmitError> for RpcError {
    fn from(error: SubmitError) -> Self {
        match &error {
            SubmitError::Tx(_) => Self::rejected(error.to_string()),
            SubmitError::Closed | SubmitError::Storage(_) => Self::internal(error.to_string()),
        }
    }
}

impl From<JournalError> for RpcError {
    fn from(error: JournalError) -> Self {
        Self::internal(error.to_string())
    }
}
