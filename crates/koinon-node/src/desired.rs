//! From the chain to what should run: export, compile, allocate, instantiate.

use alloy_primitives::Address;
use koinon_chain::ChainError;
use koinon_chain::Contracts;
use koinon_chain::Head;
use koinon_model::Allocation;
use koinon_model::Content;
use koinon_model::Instance;
use koinon_model::Service;
use koinon_tosca::Diagnostics;
use koinon_tosca::JoinError;
use thiserror::Error;

/// What should run, as of one block.
#[derive(Clone, Debug)]
pub struct Desired {
    /// The block, with the revision and epoch at it.
    pub head: Head,
    /// The service.
    pub service: Service,
    /// Who has which slot; `None` before the first deal.
    pub allocation: Option<Allocation>,
    /// The nodes.
    pub instance: Instance,
}

/// Why what is on chain cannot be run.
#[derive(Debug, Error)]
pub enum DesiredError {
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The objects make no document.
    #[error("the service's objects make no document")]
    Join(#[from] JoinError),
    /// The document is no valid service.
    #[error("the service on chain does not compile")]
    Compile(#[from] Diagnostics),
    /// What contracts read does not follow from the document: a change was voted through that says one thing and does
    /// another.
    #[error("the service's {0} on chain are not those its document declares")]
    Inconsistent(&'static str),
}

/// Compiles what a service holds on chain, and checks that the facts contracts read follow from the document.
///
/// # Errors
/// [`DesiredError`].
pub fn service_of(content: &Content) -> Result<Service, DesiredError> {
    let document = koinon_tosca::join(content)?;
    let service = koinon_tosca::compile_document(&document)?;
    let derived = koinon_tosca::split(&service);
    let facts = [
        ("parameters", derived.parameters == content.parameters),
        ("node sets", derived.sets == content.sets),
        ("bans", derived.bans == content.bans),
        ("permissions", derived.permissions == content.permissions),
        ("objects", derived.objects == content.objects),
    ];
    match facts.into_iter().find(|(_, same)| !same) {
        Some((what, _)) => Err(DesiredError::Inconsistent(what)),
        None => Ok(service),
    }
}

/// Reads what should run, pinned at the block of `head`; `None` before the first revision.
///
/// # Errors
/// [`DesiredError`].
pub async fn desired(contracts: &Contracts, head: Head) -> Result<Option<Desired>, DesiredError> {
    if head.revision.0 == 0 {
        return Ok(None);
    }
    let view = contracts.at(head.block);
    let content = view.content().await?;
    let service = service_of(&content)?;
    let allocation = view.allocation().await?;
    let instance = match &allocation {
        Some(allocation) => {
            let accounts: Vec<Address> =
                allocation.order().iter().map(|member| member.account).collect();
            let names = view.names(&accounts).await?;
            koinon_tosca::instantiate(&service, allocation, &names, head.revision, head.epoch)?
        }
        None => Instance {
            service: service.name.clone(),
            revision: head.revision,
            ..Instance::default()
        },
    };
    Ok(Some(Desired { head, service, allocation, instance }))
}
