//! The client on the embedded chain and on anvil: each case runs on both, and must end the same.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

/// Makes two tests of each case, one for each back-end.
macro_rules! on_both_chains {
    ($($case:ident),+ $(,)?) => {
        $(mod $case {
            use koinon_testkit::Backend;
            use koinon_testkit::TestNet;

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

/// Builds the revert with an error of a contract.
macro_rules! reverts {
    (Core, $error:ident { $($field:ident : $value:expr),* $(,)? }) => {
        koinon_chain::Revert::Core(Box::new(koinon_bindings::Core::CoreErrors::$error(
            koinon_bindings::Core::$error { $($field: $value),* },
        )))
    };
    (Identity, $error:ident { $($field:ident : $value:expr),* $(,)? }) => {
        koinon_chain::Revert::Identity(Box::new(koinon_bindings::Identity::IdentityErrors::$error(
            koinon_bindings::Identity::$error { $($field: $value),* },
        )))
    };
    (Stake, $error:ident { $($field:ident : $value:expr),* $(,)? }) => {
        koinon_chain::Revert::Stake(Box::new(koinon_bindings::Stake::StakeErrors::$error(
            koinon_bindings::Stake::$error { $($field: $value),* },
        )))
    };
    (Mapper, $error:ident { $($field:ident : $value:expr),* $(,)? }) => {
        koinon_chain::Revert::Mapper(Box::new(koinon_bindings::Mapper::MapperErrors::$error(
            koinon_bindings::Mapper::$error { $($field: $value),* },
        )))
    };
    (Templates, $error:ident { $($field:ident : $value:expr),* $(,)? }) => {
        koinon_chain::Revert::Templates(Box::new(koinon_bindings::Templates::TemplatesErrors::$error(
            koinon_bindings::Templates::$error { $($field: $value),* },
        )))
    };
    (Governance, $error:ident { $($field:ident : $value:expr),* $(,)? }) => {
        koinon_chain::Revert::Governance(Box::new(koinon_bindings::Governance::GovernanceErrors::$error(
            koinon_bindings::Governance::$error { $($field: $value),* },
        )))
    };
    (Timelock, $error:ident { $($field:ident : $value:expr),* $(,)? }) => {
        koinon_chain::Revert::Timelock(Box::new(koinon_bindings::Timelock::TimelockErrors::$error(
            koinon_bindings::Timelock::$error { $($field: $value),* },
        )))
    };
    (Blobs, $error:ident { $($field:ident : $value:expr),* $(,)? }) => {
        koinon_chain::Revert::Blobs(Box::new(koinon_bindings::Blobs::BlobsErrors::$error(
            koinon_bindings::Blobs::$error { $($field: $value),* },
        )))
    };
}

mod agreement;
mod content;
mod create;
mod dropping;
mod endpoints;
mod epochs;
mod errors;
mod govern;
mod hostile_node;
mod operators;
mod publish;
mod reports;
mod reverts;
mod scripted;
mod sending;
mod variants;

use std::fmt::Debug;

use alloy::contract::CallBuilder;
use alloy::contract::CallDecoder;
use alloy::primitives::B256;
use alloy::providers::Provider;
use koinon_chain::ChainError;
use koinon_chain::Revert;
use koinon_model::Name;

/// Returns the contract's reason for rejecting a request.
fn revert<T: Debug>(result: Result<T, ChainError>) -> Revert {
    match &result {
        Err(error) if error.revert().is_some() => error.revert().unwrap().clone(),
        _ => panic!("expected a revert, found {result:?}"),
    }
}

/// Returns the contract's reason for rejecting a call that the client does not make.
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
