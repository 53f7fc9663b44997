//! From the chain to what should run: export, compile, allocate, instantiate.

use koinon_chain::ChainError;
use koinon_chain::Contracts;
use koinon_chain::Head;
use koinon_model::Allocation;
use koinon_model::Instance;
use koinon_model::Service;
use koinon_tosca::Diagnostics;
use koinon_tosca::OpenError;
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
    /// The objects make no valid service, or contracts read what does not follow from them.
    #[error("the service on chain cannot be run")]
    Open(#[from] OpenError),
    /// Its nodes cannot be filled in.
    #[error("the service's nodes cannot be filled in")]
    Instantiate(#[from] Diagnostics),
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
    let service = koinon_tosca::open(&content)?;
    let allocation = view.allocation().await?;
    let instance = match &allocation {
        Some(allocation) => {
            let names = view.names().await?;
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
