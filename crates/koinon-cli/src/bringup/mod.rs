//! The bring-up of a network on this machine, from a template to nodes that answer.
//!
//! A file per stage. Each stage first reads what exists, so that an interrupted bring-up continues.

mod agents;
mod chain;
mod compile;
mod contracts;
mod epoch;
mod governance;
mod membership;
mod nodes;

mod home;
mod processes;
mod session;
mod teardown;

pub(crate) use self::home::Home;
pub(crate) use self::session::BringupOptions;
pub(crate) use self::session::bring_up;
pub(crate) use self::teardown::end_processes;

use std::path::PathBuf;
use std::time::Duration;

use alloy::primitives::Address;
use koinon_chain::Contracts;
use koinon_chain::ServiceStatus;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::StageDone;
use koinon_command::TemplateArgs;
use koinon_command::Ui;

use self::processes::Children;
use crate::keys::Keys;
use crate::local::Local;
use crate::local::NetworkRecord;

/// Pause between two reads of a condition that a stage waits for.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The bring-up of a network.
struct Bringup {
    ui: Ui,
    local: Local,
    template: TemplateArgs,
    remote: Option<RemoteChain>,
    record: NetworkRecord,
    children: Children,
    stages: Vec<StageDone>,
}

/// A chain that runs elsewhere, with an account that pays for the operators.
#[derive(Clone, Debug)]
pub(crate) struct RemoteChain {
    pub(crate) url: String,
    pub(crate) chain_id: u64,
    pub(crate) keystore: PathBuf,
    pub(crate) password_file: PathBuf,
}

/// An operator of the network: its keys, and the contracts with its signer.
struct LocalOperator {
    template: String,
    name: String,
    stake: u64,
    keys: Keys,
    account: Address,
    contracts: Contracts,
}

impl Bringup {
    /// Prepares a bring-up; without a remote chain, it starts an embedded one.
    fn new(ui: Ui, local: Local, template: TemplateArgs, remote: Option<RemoteChain>) -> Self {
        Self {
            ui,
            local,
            template,
            remote,
            record: NetworkRecord::default(),
            children: Children::default(),
            stages: Vec::new(),
        }
    }

    /// Runs all stages, until every slot that can be filled has a node that answered a probe.
    async fn run_stages(&mut self) -> Outcome<ServiceStatus> {
        // A new network has an empty record.
        let record = self.local.record()?;
        if record.is_none() && self.local.has_chain() {
            let dir = self.local.dir.display();
            let error = CommandError::failed(format!("{dir} has a chain, but no network.json"));
            return Err(error.hint(
                "put network.json back, which names the chain's service, or begin in another --dir",
            ));
        }
        self.record = record.unwrap_or_default();
        let service = self.compile()?;
        self.start_chain(&service).await?;
        let contracts = self.create(&service).await?;
        let operators = self.operators(&service, &contracts).await?;
        self.stake(&operators).await?;
        self.govern(&service, &operators).await?;
        self.join(&operators).await?;
        self.start_agents(&operators).await?;
        self.deal(&operators).await?;
        self.wait_for_nodes(&contracts).await
    }
}
