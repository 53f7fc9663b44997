//! The client on our own chain and on anvil: each case runs on both, and must end the same.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

/// Makes a test of each case for each back-end.
macro_rules! on_both_chains {
    ($($case:ident),+ $(,)?) => {
        $(mod $case {
            use koinon_testkit::{Backend, TestNet};

            #[tokio::test]
            async fn embedded() {
                super::$case(&TestNet::start(Backend::Embedded)).await;
            }

            #[tokio::test]
            async fn anvil() {
                super::$case(&TestNet::start(Backend::Anvil)).await;
            }
        })+
    };
}

/// The revert with this error of a contract.
macro_rules! reverts {
    (Core, $error:ident { $($field:ident : $value:expr),* $(,)? }) => {
        koinon_chain::Revert::Core(Box::new(koinon_chain::contracts::Core::CoreErrors::$error(
            koinon_chain::contracts::Core::$error { $($field: $value),* },
        )))
    };
    (Identity, $error:ident { $($field:ident : $value:expr),* $(,)? }) => {
        koinon_chain::Revert::Identity(Box::new(koinon_chain::contracts::Identity::IdentityErrors::$error(
            koinon_chain::contracts::Identity::$error { $($field: $value),* },
        )))
    };
    (Stake, $error:ident { $($field:ident : $value:expr),* $(,)? }) => {
        koinon_chain::Revert::Stake(Box::new(koinon_chain::contracts::Stake::StakeErrors::$error(
            koinon_chain::contracts::Stake::$error { $($field: $value),* },
        )))
    };
    (Mapper, $error:ident { $($field:ident : $value:expr),* $(,)? }) => {
        koinon_chain::Revert::Mapper(Box::new(koinon_chain::contracts::Mapper::MapperErrors::$error(
            koinon_chain::contracts::Mapper::$error { $($field: $value),* },
        )))
    };
    (Templates, $error:ident { $($field:ident : $value:expr),* $(,)? }) => {
        koinon_chain::Revert::Templates(Box::new(koinon_chain::contracts::Templates::TemplatesErrors::$error(
            koinon_chain::contracts::Templates::$error { $($field: $value),* },
        )))
    };
    (Governance, $error:ident { $($field:ident : $value:expr),* $(,)? }) => {
        koinon_chain::Revert::Governance(Box::new(koinon_chain::contracts::Governance::GovernanceErrors::$error(
            koinon_chain::contracts::Governance::$error { $($field: $value),* },
        )))
    };
    (Timelock, $error:ident { $($field:ident : $value:expr),* $(,)? }) => {
        koinon_chain::Revert::Timelock(Box::new(koinon_chain::contracts::Timelock::TimelockErrors::$error(
            koinon_chain::contracts::Timelock::$error { $($field: $value),* },
        )))
    };
    (Blobs, $error:ident { $($field:ident : $value:expr),* $(,)? }) => {
        koinon_chain::Revert::Blobs(Box::new(koinon_chain::contracts::Blobs::BlobsErrors::$error(
            koinon_chain::contracts::Blobs::$error { $($field: $value),* },
        )))
    };
}

mod content;
mod create;
mod epochs;
mod errors;
mod govern;
mod operators;
mod publish;
mod reports;

use std::fmt::Debug;

use alloy::contract::CallBuilder;
use alloy::contract::CallDecoder;
use alloy::primitives::B256;
use alloy::providers::Provider;
use koinon_chain::ChainError;
use koinon_chain::Revert;
use koinon_model::Name;

/// The contract's reason for refusing.
fn revert<T: Debug>(result: Result<T, ChainError>) -> Revert {
    match result {
        Err(ChainError::Reverted { revert, .. }) => revert,
        other => panic!("expected a revert, found {other:?}"),
    }
}

/// The contract's reason for refusing a call the client does not make.
async fn raw_revert<P: Provider, D: CallDecoder>(call: CallBuilder<P, D>) -> Revert {
    let Err(error) = call.call().await else { panic!("expected a revert") };
    Revert::decode(&error.as_revert_data().unwrap_or_else(|| panic!("no revert: {error:?}")))
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn word(text: &str) -> B256 {
    B256::right_padding_from(text.as_bytes())
}
