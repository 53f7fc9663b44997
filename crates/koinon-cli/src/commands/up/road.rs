//! The main road, stage by stage. Each stage first looks at what is there, so that a road that was left is continued.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::time::Duration;

use alloy::network::TransactionBuilder;
use alloy::primitives::Address;
use alloy::primitives::U256;
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use anyhow::Context;
use futures::future::try_join_all;
use koinon_chain::Chain;
use koinon_chain::Contracts;
use koinon_chain::Joining;
use koinon_chain::ProposalState;
use koinon_chain::Vote;
use koinon_model::Epoch;
use koinon_model::Service;
use koinon_model::Value;
use koinon_node::Store;
use koinon_node::probe_once;

use super::UpArgs;
use super::processes::Children;
use super::processes::Recipe;
use crate::change::Draft;
use crate::change::current;
use crate::commands::execute::execute;
use crate::commands::propose::propose;
use crate::commands::service::DENOMINATION;
use crate::commands::service::settings;
use crate::commands::status::Snapshot;
use crate::error::CommandError;
use crate::error::Outcome;
use crate::files::LocalInput;
use crate::files::TemplateArgs;
use crate::files::local_inputs;
use crate::keys::Keys;
use crate::keys::open_keystore;
use crate::local::Local;
use crate::local::Record;
use crate::program;
use crate::ui::StageDone;
use crate::ui::Ui;

/// Ether each operator has on a new embedded chain.
const FUNDS: u64 = 1_000_000;
/// How often a stage looks whether what it waits for is there.
const LOOK: Duration = Duration::from_millis(20);

/// The road from a template to running nodes.
pub(super) struct Road {
    ui: Ui,
    local: Local,
    template: TemplateArgs,
    funder: Option<alloy::signers::local::PrivateKeySigner>,
    args: RemoteArgs,
    pub(super) record: Record,
    pub(super) children: Children,
    pub(super) stages: Vec<StageDone>,
}

#[derive(Clone, Debug, Default)]
struct RemoteArgs {
    rpc_url: Option<String>,
    keystore: Option<std::path::PathBuf>,
    password_file: Option<std::path::PathBuf>,
}

/// An operator of the network: its keys, and the contracts as it signs to them.
struct Actor {
    template: String,
    name: String,
    stake: u64,
    keys: Keys,
    account: Address,
    contracts: Contracts,
}

impl Road {
    pub(super) fn new(ui: Ui, local: Local, args: &UpArgs) -> Self {
        let remote = RemoteArgs {
            rpc_url: args.rpc_url.clone(),
            keystore: args.keystore.clone(),
            password_file: args.password_file.clone(),
        };
        Self {
            ui,
            local,
            template: args.template.clone(),
            funder: None,
            args: remote,
            record: Record::default(),
            children: Children::default(),
            stages: Vec::new(),
        }
    }

    /// Drives the road to its end: every slot that can be filled is running and has answered a probe.
    pub(super) async fn drive(&mut self) -> Outcome<(Contracts, Snapshot)> {
        self.record = self.local.record()?.unwrap_or_default();
        let service = self.compile()?;
        self.start_chain(&service).await?;
        let contracts = self.create(&service).await?;
        let actors = self.actors(&service, &contracts).await?;
        self.stake(&actors).await?;
        self.govern(&service, &actors).await?;
        self.join(&actors).await?;
        self.start_agents(&actors).await?;
        self.deal(&actors).await?;
        let snapshot = self.wait_for_nodes(&contracts).await?;
        Ok((contracts, snapshot))
    }

    /// Makes the operators' keys and the worker's artifact, and compiles the template with them.
    fn compile(&mut self) -> Outcome<Service> {
        let stage = self.ui.stage("compile");
        let preview = self.template.preview()?;
        if preview.operators.is_empty() {
            let error = CommandError::failed("the template declares no operators");
            return Err(error.hint("`up` needs node templates of a type derived from Operator"));
        }
        let mut certificates = BTreeMap::new();
        for (template, operator) in &preview.operators {
            let keys = self.local.keys(template);
            keys.ensure(&operator.name)?;
            certificates.insert(template.clone(), Value::string(&keys.certificate()?.to_pem()));
        }
        let mut values = BTreeMap::new();
        for (name, what) in local_inputs(&preview) {
            let value = match what {
                LocalInput::WorkerProgram => {
                    Value::string(&Store::open(&self.local.store())?.add(&program::path()?)?)
                }
                LocalInput::OperatorCertificates => Value::Map(certificates.clone()),
            };
            values.insert(name, value);
        }
        let service = self.template.compile(values)?;
        self.record.operators = service.operators.keys().cloned().collect();
        let what = format!(
            "{}: {} operators, {} sets",
            service.name,
            service.operators.len(),
            service.sets.len()
        );
        self.stages.push(stage.done(&what, None));
        Ok(service)
    }

    /// Starts the embedded chain, or funds the operators on the one given.
    async fn start_chain(&mut self, service: &Service) -> Outcome {
        let stage = self.ui.stage("chain");
        if let Some(url) = &self.args.rpc_url {
            let (keystore, password) =
                (self.args.keystore.as_ref(), self.args.password_file.as_ref());
            let (Some(keystore), Some(password)) = (keystore, password) else {
                return Err(CommandError::usage(
                    "a remote chain needs --keystore and --password-file",
                ));
            };
            self.funder = Some(open_keystore(keystore, password)?);
            (self.record.rpc_url, self.record.remote) = (url.clone(), true);
            self.local.write(&self.record)?;
            let gas = self.fund(service).await?;
            self.stages.push(stage.done(&format!("{url}, operators funded"), Some(gas)));
            return Ok(());
        }
        if koinon_node::holder(&self.local.run("chain"))
            .context("cannot look for the chain")?
            .is_none()
        {
            let address = self.free_address()?;
            self.record.rpc_url = format!("http://{address}");
            self.local.write(&self.record)?;
            let mut arguments: Vec<std::ffi::OsString> = vec![
                "chain".into(),
                "--data".into(),
                self.local.chain().into(),
                "--listen".into(),
                address.to_string().into(),
                "--block-interval".into(),
                block_interval(service)?.into(),
            ];
            for template in &self.record.operators {
                let account = self.local.keys(template).signer()?.address();
                arguments.extend(["--fund".into(), format!("{account}={FUNDS}").into()]);
            }
            let recipe = Recipe { name: "chain".to_owned(), arguments };
            self.children.ensure(self.ui, &self.local, recipe).await?;
        }
        let chain = Chain::connect(&self.record.rpc_url, None).await?;
        let block = loop {
            match chain.block_number().await {
                Ok(block) => break block,
                Err(error) if error.is_unreachable() => tokio::time::sleep(LOOK).await,
                Err(error) => return Err(error.into()),
            }
        };
        self.stages.push(stage.done(&format!("{} at block {block}", self.record.rpc_url), None));
        Ok(())
    }

    /// The address the chain had, if it is free, else a free one.
    fn free_address(&self) -> Outcome<SocketAddr> {
        let before =
            self.record.rpc_url.strip_prefix("http://").and_then(|address| address.parse().ok());
        let wanted: [SocketAddr; 2] = [
            before.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0))),
            SocketAddr::from(([127, 0, 0, 1], 0)),
        ];
        let listener = wanted.into_iter().find_map(|address| TcpListener::bind(address).ok());
        let listener = listener.context("no free port on 127.0.0.1")?;
        Ok(listener.local_addr().context("no free port on 127.0.0.1")?)
    }

    /// Gives every operator what its stake and its transactions cost.
    async fn fund(&self, service: &Service) -> Outcome<u64> {
        let chain = Chain::connect(&self.record.rpc_url, self.funder.clone()).await?;
        let mut gas = 0;
        for (template, operator) in &service.operators {
            let account = self.local.keys(template).signer()?.address();
            let denomination: U256 =
                DENOMINATION.parse().context("the denomination is a number")?;
            // As much again, and a coin, for gas.
            let coin = U256::from(10).pow(U256::from(18));
            let wanted = denomination * U256::from(operator.stake) * U256::from(2) + coin;
            let has = chain.provider().get_balance(account).await;
            let has = has.context("cannot read a balance")?;
            if self.record.service.is_some() || has >= wanted {
                continue;
            }
            let request = TransactionRequest::default().with_to(account).with_value(wanted - has);
            gas += chain.transfer(request).await?.gas;
        }
        Ok(gas)
    }

    async fn create(&mut self, service: &Service) -> Outcome<Contracts> {
        if let Some(core) = self.record.service {
            let chain = Chain::connect(&self.record.rpc_url, None).await?;
            return Ok(Contracts::open(chain, core).await?);
        }
        let stage = self.ui.stage("contracts");
        let first = self.record.operators.first().cloned().unwrap_or_default();
        let signer = self.local.keys(&first).signer()?;
        let chain = Chain::connect(&self.record.rpc_url, Some(signer)).await?;
        let denomination = DENOMINATION.parse().context("the denomination is a number")?;
        let created = Contracts::create(chain, &settings(service, denomination, None)).await?;
        self.record.service = Some(created.contracts.core);
        self.local.write(&self.record)?;
        self.stages
            .push(stage.done(&format!("service {}", created.contracts.core), Some(created.gas)));
        Ok(created.contracts)
    }

    async fn actors(&self, service: &Service, contracts: &Contracts) -> Outcome<Vec<Actor>> {
        let mut actors = Vec::new();
        for (template, operator) in &service.operators {
            let keys = self.local.keys(template);
            let signer = keys.signer()?;
            let account = signer.address();
            let chain = Chain::connect(&self.record.rpc_url, Some(signer)).await?;
            actors.push(Actor {
                template: template.clone(),
                name: operator.name.clone(),
                stake: operator.stake,
                keys,
                account,
                contracts: contracts.over(chain),
            });
        }
        Ok(actors)
    }

    async fn stake(&mut self, actors: &[Actor]) -> Outcome {
        let stage = self.ui.stage("stake");
        let staked = try_join_all(actors.iter().map(async |actor| {
            let has = actor.contracts.now().stake_of(actor.account).await?;
            if has > 0 {
                return Ok::<_, CommandError>(0);
            }
            Ok(actor.contracts.deposit(actor.stake).await?.gas)
        }));
        let gas: u64 = staked.await?.into_iter().sum();
        if gas > 0 {
            let total: u64 = actors.iter().map(|actor| actor.stake).sum();
            self.stages
                .push(stage.done(&format!("{total} by {} operators", actors.len()), Some(gas)));
        }
        Ok(())
    }

    /// Proposes the service's first revision, votes for it and executes it.
    async fn govern(&mut self, service: &Service, actors: &[Actor]) -> Outcome {
        let contracts = &actors[0].contracts;
        let (head, content, on_chain) = current(contracts).await?;
        let draft = Draft::new(head, content, service)?;
        if on_chain.is_some() {
            if !draft.change.is_empty() {
                self.ui.say(&format!(
                    "the template differs from revision {}, which runs: see `koinon diff`, then `koinon propose`",
                    head.revision
                ));
            }
            return Ok(());
        }
        let stage = self.ui.stage("propose");
        let mut open = None;
        for proposal in contracts.proposals(0).await? {
            let state = contracts.proposal_state(proposal.id).await?;
            let dead = matches!(
                state,
                ProposalState::Canceled
                    | ProposalState::Defeated
                    | ProposalState::Expired
                    | ProposalState::Executed
            );
            // Others' proposals are not ours to vote through.
            let ours = proposal.change(contracts).is_ok_and(|change| change == draft.change);
            open = if dead || !ours { open } else { Some(proposal) };
        }
        let (proposal, gas) = match open {
            Some(proposal) => (proposal, 0),
            None => propose(contracts, &draft, "").await?,
        };
        let objects = draft.change.edits.len();
        let parameters = draft.change.parameters.len();
        self.stages
            .push(stage.done(&format!("{objects} objects, {parameters} parameters"), Some(gas)));

        let stage = self.ui.stage("vote");
        while contracts.proposal_state(proposal.id).await? == ProposalState::Pending {
            tokio::time::sleep(LOOK).await;
        }
        let votes = try_join_all(actors.iter().map(async |actor| {
            let active = contracts.proposal_state(proposal.id).await? == ProposalState::Active;
            if !active || contracts.has_voted(proposal.id, actor.account).await? {
                return Ok::<_, CommandError>(0);
            }
            Ok(actor.contracts.vote(proposal.id, Vote::For).await?.gas)
        }));
        let gas: u64 = votes.await?.into_iter().sum();
        while contracts.proposal_state(proposal.id).await? == ProposalState::Active {
            tokio::time::sleep(LOOK).await;
        }
        let [_, favour, _] = contracts.proposal_votes(proposal.id).await?;
        self.stages.push(stage.done(&format!("{favour} stake for it"), Some(gas)));

        let stage = self.ui.stage("execute");
        let gas = execute(contracts, &proposal).await?;
        let revision = contracts.now().revision().await?;
        self.stages.push(stage.done(&format!("timelock passed, revision {revision}"), Some(gas)));
        Ok(())
    }

    async fn join(&mut self, actors: &[Actor]) -> Outcome {
        let stage = self.ui.stage("join");
        let joined = try_join_all(actors.iter().map(async |actor| {
            let known = actor.contracts.now().operator(actor.account).await?;
            // Who left on purpose stays away.
            if !known.account.is_zero() {
                return Ok::<_, CommandError>(0);
            }
            let (certificate, key) = (actor.keys.certificate()?, actor.keys.certificate_key()?);
            let joining = Joining {
                name: &actor.name,
                certificate: &certificate,
                key: &key,
                beacon: actor.keys.beacon()?.public(),
            };
            Ok(actor.contracts.join(joining).await?.gas)
        }));
        let gas: u64 = joined.await?.into_iter().sum();
        if gas > 0 {
            let names: Vec<&str> = actors.iter().map(|actor| actor.name.as_str()).collect();
            self.stages.push(stage.done(&names.join(", "), Some(gas)));
        }
        Ok(())
    }

    async fn start_agents(&mut self, actors: &[Actor]) -> Outcome {
        let stage = self.ui.stage("agents");
        for actor in actors {
            let mut arguments: Vec<std::ffi::OsString> = vec!["agent".into(), "--dir".into()];
            arguments.push(self.local.dir.clone().into());
            arguments.extend(
                ["--as", &actor.template, "--poll", "200ms", "--on-exit", "stop"].map(Into::into),
            );
            let recipe = Recipe { name: format!("agent-{}", actor.template), arguments };
            self.children.ensure(self.ui, &self.local, recipe).await?;
        }
        self.stages.push(stage.done(&format!("{} processes", actors.len()), None));
        Ok(())
    }

    /// Begins the epochs; agents then open and deal them.
    async fn deal(&mut self, actors: &[Actor]) -> Outcome {
        let stage = self.ui.stage("epoch");
        let contracts = &actors[0].contracts;
        let mut gas = 0;
        if contracts.now().latest_epoch().await?.is_none() {
            // Who is drawn must have joined before the block of the draw.
            let joined = contracts.chain().block_number().await?;
            while contracts.chain().block_number().await? <= joined {
                tokio::time::sleep(LOOK).await;
            }
            gas += contracts.begin().await?.gas;
        }
        let epoch = loop {
            match contracts.now().current_epoch().await? {
                Some(epoch) if epoch.number > Epoch(0) => break epoch,
                Some(_) | None => tokio::time::sleep(LOOK).await,
            }
        };
        let beacon = actors.iter().find(|actor| actor.account == epoch.beacon);
        let what = format!(
            "{} proved by {}, {} units dealt",
            epoch.number,
            beacon.map_or("another operator", |actor| &actor.name),
            epoch.units
        );
        self.stages.push(stage.done(&what, Some(gas).filter(|gas| *gas > 0)));
        Ok(())
    }

    /// Waits until every node is reported running, and answers a probe of ours.
    async fn wait_for_nodes(&mut self, contracts: &Contracts) -> Outcome<Snapshot> {
        let stage = self.ui.stage("nodes");
        let snapshot = loop {
            let snapshot = Snapshot::read(contracts).await?;
            if snapshot.is_running() && self.all_answer(contracts, &snapshot).await? {
                break snapshot;
            }
            tokio::time::sleep(LOOK * 5).await;
        };
        let count = snapshot.nodes.iter().filter(|node| node.operator.is_some()).count();
        let what = format!("{count} running, {} slots vacant", snapshot.vacancies);
        self.stages.push(stage.done(&what, None));
        Ok(snapshot)
    }

    /// Probes every node as its template says.
    async fn all_answer(&self, contracts: &Contracts, snapshot: &Snapshot) -> Outcome<bool> {
        let Some(desired) = koinon_node::desired(contracts, snapshot.head).await? else {
            return Ok(false);
        };
        let probes = snapshot.nodes.iter().filter_map(|row| {
            let probe = &desired.instance.nodes.get(&row.slot)?.probe;
            let patience = Duration::from_millis(probe.timeout);
            Some(probe_once(&row.endpoint, &probe.path, patience))
        });
        Ok(futures::future::join_all(probes).await.iter().all(Option::is_some))
    }
}

/// The block interval the service asks for, as `koinon chain` takes it.
fn block_interval(service: &Service) -> Outcome<String> {
    let Some(interval) = service.inputs.get("block_interval") else { return Ok("1s".to_owned()) };
    let text = interval.as_str().map(|text| text.replace(' ', ""));
    text.ok_or_else(|| CommandError::failed("block_interval is no time such as 250 ms"))
}
