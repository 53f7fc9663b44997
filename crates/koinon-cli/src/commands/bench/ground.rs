//! Where a benchmark runs: an embedded chain of its own, or any other chain, and the services it makes there.

use std::collections::BTreeMap;
use std::time::Instant;

use alloy::network::TransactionBuilder;
use alloy::primitives::Address;
use alloy::primitives::U256;
use alloy::providers::Provider;
use alloy::rpc::client::RpcClient;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use anyhow::Context;
use koinon_chain::Chain;
use koinon_chain::Contracts;
use koinon_chain::ProposalState;
use koinon_chain::Vote;
use koinon_model::Service;
use serde::Serialize;
use tempfile::TempDir;

use super::BenchArgs;
use super::batch::MOST;
use super::batch::Terms;
use super::batch::send;
use crate::change::Draft;
use crate::change::current;
use crate::commands::propose::propose;
use crate::commands::service::settings;
use crate::error::CommandError;
use crate::error::Outcome;
use crate::keys::open_keystore;

/// A chain to measure on, and the account that pays there.
#[derive(Debug)]
pub(super) struct Ground {
    link: Link,
    signer: PrivateKeySigner,
    /// The chain as the paying account signs to it.
    pub(super) chain: Chain,
}

#[derive(Debug)]
enum Link {
    /// In this process, over its transport, in a directory that goes with it.
    Embedded(koinon_evm::Chain, TempDir),
    /// Elsewhere.
    Remote(String),
}

/// What a chain is called in a report.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ChainInfo {
    pub(super) kind: &'static str,
    pub(super) chain_id: u64,
    /// Whether acknowledged transactions survive a loss of power; unknown of other chains.
    pub(super) durable: Option<bool>,
}

/// What a service's way through governance cost: everything but the publishing of its objects.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Governed {
    pub(super) seconds: f64,
    /// Of proposing, with the publishing of `objects` objects.
    pub(super) propose_gas: u64,
    pub(super) objects: usize,
    pub(super) vote_gas: u64,
    pub(super) queue_gas: u64,
    /// Of the execution, with the update itself.
    pub(super) execute_gas: u64,
}

impl Ground {
    /// Opens a chain on which these accounts can pay for `gas` each: an embedded one, unless another was asked for.
    pub(super) async fn open(args: &BenchArgs, accounts: &[Address], gas: u64) -> Outcome<Self> {
        let Some(url) = &args.rpc_url else { return Self::embedded(accounts).await };
        let (Some(keystore), Some(password)) = (&args.keystore, &args.password_file) else {
            return Err(CommandError::usage("--rpc-url needs --keystore and --password-file"));
        };
        let signer = open_keystore(keystore, password)?;
        let chain = Chain::connect(url, Some(signer.clone())).await?;
        let ground = Self { link: Link::Remote(url.clone()), signer, chain };
        ground.fund(accounts, gas).await?;
        Ok(ground)
    }

    async fn embedded(accounts: &[Address]) -> Outcome<Self> {
        let dir = TempDir::with_prefix("koinon-bench-").context("cannot make a directory")?;
        let signer = PrivateKeySigner::random();
        let coins = U256::from(10).pow(U256::from(24));
        let all = accounts.iter().copied().chain([signer.address()]);
        let config = koinon_evm::Config {
            dir: Some(dir.path().to_owned()),
            accounts: all.map(|account| (account, coins)).collect::<BTreeMap<_, _>>(),
            ..koinon_evm::Config::default()
        };
        let opened = tokio::task::spawn_blocking(|| koinon_evm::Chain::open(config)).await;
        let embedded = opened.context("cannot open the chain")??;
        let chain = over(&embedded, signer.clone());
        Ok(Self { link: Link::Embedded(embedded, dir), signer, chain })
    }

    /// Gives accounts on another chain what this much gas may cost.
    async fn fund(&self, accounts: &[Address], gas: u64) -> Outcome {
        const TRANSFER: u64 = 21_000;
        let terms = Terms::of(&self.chain).await?;
        let value = U256::from(u128::from(gas) * terms.price());
        for some in accounts.chunks(MOST) {
            let nonce = self.chain.provider().get_transaction_count(self.account()).pending().await;
            let nonce = nonce.context("cannot read the account's nonce")?;
            let signed = (nonce..).zip(some).map(|(nonce, account)| {
                let request = TransactionRequest::default().with_to(*account).with_value(value);
                terms.sign(&self.signer, request, (nonce, TRANSFER))
            });
            send(&self.chain, &signed.collect::<Outcome<Vec<_>>>()?).await?;
        }
        Ok(())
    }

    /// Connects as another account.
    pub(super) async fn chain_of(&self, signer: PrivateKeySigner) -> Outcome<Chain> {
        match &self.link {
            Link::Embedded(chain, _) => Ok(over(chain, signer)),
            Link::Remote(url) => Ok(Chain::connect(url, Some(signer)).await?),
        }
    }

    pub(super) fn account(&self) -> Address {
        self.signer.address()
    }

    pub(super) async fn info(&self) -> Outcome<ChainInfo> {
        let chain_id = self.chain.provider().get_chain_id().await;
        let chain_id = chain_id.context("cannot read the chain's id")?;
        Ok(match &self.link {
            Link::Embedded(_, dir) => {
                let durable = Some(!in_memory(dir.path())?);
                ChainInfo { kind: "embedded", chain_id, durable }
            }
            Link::Remote(_) => ChainInfo { kind: "rpc", chain_id, durable: None },
        })
    }

    /// Deploys a service's contracts and votes its content through, all from the paying account.
    pub(super) async fn serve(&self, service: &Service) -> Outcome<(Contracts, Governed)> {
        // One wei a stake: what is staked for a benchmark is not taken back.
        let settings = settings(service, U256::from(1), None);
        let contracts = Contracts::create(self.chain.clone(), &settings).await?.contracts;
        contracts.deposit(1_000_000).await?;
        self.next_block().await?;
        let governed = self.govern(&contracts, service).await?;
        Ok((contracts, governed))
    }

    async fn govern(&self, contracts: &Contracts, service: &Service) -> Outcome<Governed> {
        let started = Instant::now();
        let (head, content, _) = current(contracts).await?;
        let draft = Draft::new(head, content, service)?;
        let (proposal, propose_gas) = propose(contracts, &draft, "benchmark").await?;
        self.until(contracts, proposal.id, ProposalState::Active).await?;
        let vote_gas = contracts.vote(proposal.id, Vote::For).await?.gas;
        self.until(contracts, proposal.id, ProposalState::Succeeded).await?;
        let queue_gas = contracts.queue(&proposal).await?.gas;
        self.next_block().await?;
        let execute_gas = contracts.execute(&proposal).await?.gas;
        Ok(Governed {
            seconds: started.elapsed().as_secs_f64(),
            propose_gas,
            objects: draft.change.edits.len(),
            vote_gas,
            queue_gas,
            execute_gas,
        })
    }

    async fn until(&self, contracts: &Contracts, id: U256, wanted: ProposalState) -> Outcome {
        loop {
            let state = contracts.proposal_state(id).await?;
            if state == wanted {
                return Ok(());
            }
            if !matches!(state, ProposalState::Pending | ProposalState::Active) {
                return Err(CommandError::failed(format!("the proposal is {state:?}")));
            }
            self.next_block().await?;
        }
    }

    /// Has a block made: a chain that mines on demand makes none by itself.
    pub(super) async fn next_block(&self) -> Outcome {
        self.chain.transfer(TransactionRequest::default().with_to(self.account())).await?;
        Ok(())
    }
}

fn over(chain: &koinon_evm::Chain, signer: PrivateKeySigner) -> Chain {
    Chain::over(RpcClient::new(chain.transport(), true), Some(signer))
}

/// Whether a directory is in memory, where a sync costs nothing.
fn in_memory(dir: &std::path::Path) -> Outcome<bool> {
    const TMPFS: i64 = 0x0102_1994;
    let stat = rustix::fs::statfs(dir).context("cannot ask for the file system")?;
    Ok(stat.f_type as i64 == TMPFS)
}
