//! The service on chain, as a document is compared with it.

use anyhow::Context;
use koinon_chain::Contracts;
use koinon_chain::Draft;
use koinon_chain::Head;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Tone;
use koinon_command::Ui;
use koinon_command::paint;
use koinon_model::Content;
use koinon_model::Module;
use koinon_model::Service;
use koinon_model::Value;

/// A service on chain.
#[derive(Debug)]
pub(crate) struct ServiceOnChain {
    /// The block read, with revision and epoch.
    pub(crate) head: Head,
    pub(crate) content: Content,
    /// The opened content; `None` before the first revision, or if the content is not usable.
    pub(crate) service: Option<Service>,
}

/// Reads the service on chain. Prints a warning if it is not usable: it can still be replaced.
pub(crate) async fn read_service_on_chain(
    ui: Ui,
    contracts: &Contracts,
) -> Outcome<ServiceOnChain> {
    let head = contracts.head().await?;
    let view = contracts.at(head.block);
    let content = match view.content().await {
        Err(error) if !error.is_unreachable() => view.content_lenient().await?,
        read => read?,
    };
    if head.revision.0 == 0 {
        return Ok(ServiceOnChain { head, content, service: None });
    }
    let service = match koinon_tosca::open(&content) {
        Ok(service) => Some(service),
        Err(error) => {
            let warning = format!("no agent can run revision {}:", head.revision);
            ui.say(&paint(Tone::Bad, &warning));
            ui.say(CommandError::from(error).render().trim_end());
            None
        }
    };
    Ok(ServiceOnChain { head, content, service })
}

impl ServiceOnChain {
    /// Compares the service on chain with a compiled one.
    pub(crate) fn draft(self, new: &Service) -> Outcome<Draft> {
        Ok(Draft::new(self.head, self.content, koinon_tosca::split(new))?)
    }
}

/// Reads the document at a block, by default the newest, or the objects of one module by path.
pub(crate) async fn read_document(
    contracts: &Contracts,
    block: Option<u64>,
    module: Option<Module>,
) -> Outcome<Value> {
    let block = match block {
        Some(block) => block,
        None => contracts.chain().block_number().await?,
    };
    let view = contracts.at(block);
    if let Some(module) = module {
        let objects = view.objects(module).await?.into_iter();
        return Ok(objects.map(|((_, path), object)| (path, object.value().clone())).collect());
    }
    let revision = view.revision().await.map_err(|error| {
        CommandError::from(error).hint(format!(
            "did the service exist at block {block}, and does the node keep its state?"
        ))
    })?;
    if revision.0 == 0 {
        let message = format!("the service has no revision at block {block}");
        return Err(CommandError::failed(message));
    }
    let content = view.content().await?;
    Ok(koinon_tosca::join(&content).context("the service's objects do not form a document")?)
}
