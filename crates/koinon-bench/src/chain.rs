//! The chain of a benchmark, embedded or remote, and the services made on it.

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
use koinon_chain::Account;
use koinon_chain::Chain;
use koinon_chain::Contracts;
use koinon_chain::CreateSettings;
use koinon_chain::Draft;
use koinon_chain::Endpoints;
use koinon_chain::Head;
use koinon_chain::ProposalState;
use koinon_chain::Proposed;
use koinon_chain::Vote;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::open_keystore;
use koinon_model::Content;
use koinon_model::Service;
use serde::Serialize;
use tempfile::TempDir;

use crate::args::BenchArgs;
use crate::batch::MAX_BATCH;
use crate::batch::NonceAndGas;
use crate::batch::SigningTerms;
use crate::batch::send;

/// A chain to measure on, and the account that pays there.
#[derive(Debug)]
pub(crate) struct BenchChain {
    connection: Connection,
    signer: PrivateKeySigner,
    /// The chain as the paying account signs to it.
    pub(crate) chain: Chain,
}

#[derive(Debug)]
enum Connection {
    /// In this process, over its transport, in a directory that is removed with it.
    Embedded(koinon_evm::EmbeddedChain, TempDir),
    /// By this URL, with its id.
    Remote(Endpoints, u64),
}

/// The description of a chain in a report.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ChainInfo {
    pub(crate) kind: &'static str,
    pub(crate) chain_id: u64,
    /// Whether acknowledged transactions survive a loss of power; `None` of a remote chain.
    pub(crate) durable: Option<bool>,
}

/// The cost of a service's first revision by vote.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct GovernanceCost {
    pub(crate) seconds: f64,
    /// For proposing, and for publishing `objects` objects.
    pub(crate) propose_gas: u64,
    pub(crate) objects: usize,
    pub(crate) vote_gas: u64,
    pub(crate) queue_gas: u64,
    /// For the execution, which includes the update.
    pub(crate) execute_gas: u64,
}

impl BenchChain {
    /// Opens a chain on which each account can pay for `gas`: the remote one of the arguments, or
    /// an embedded one.
    pub(crate) async fn open(args: &BenchArgs, accounts: &[Address], gas: u64) -> Outcome<Self> {
        let Some(url) = &args.rpc_url else { return Self::embedded(accounts).await };
        let (Some(keystore), Some(password)) = (&args.keystore, &args.password_file) else {
            return Err(CommandError::usage("--rpc-url needs --keystore and --password-file"));
        };
        let Some(chain_id) = args.chain_id else {
            return Err(CommandError::usage("--rpc-url needs --chain-id"));
        };
        let signer = open_keystore(keystore, password)?;
        let endpoints = Endpoints { urls: vec![url.clone()], chain_id: Some(chain_id) };
        let account = Account::new(signer.clone(), chain_id);
        let chain = Chain::connect(&endpoints, Some(account)).await?;
        let bench = Self { connection: Connection::Remote(endpoints, chain_id), signer, chain };
        bench.fund(accounts, gas).await?;
        Ok(bench)
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
        let opened = tokio::task::spawn_blocking(|| koinon_evm::EmbeddedChain::open(config)).await;
        let embedded = opened.context("cannot open the chain")?.context("cannot open the chain")?;
        let chain = connect(&embedded, signer.clone());
        Ok(Self { connection: Connection::Embedded(embedded, dir), signer, chain })
    }

    /// Gives accounts on a remote chain the price of this much gas.
    async fn fund(&self, accounts: &[Address], gas: u64) -> Outcome {
        const TRANSFER: u64 = 21_000;
        let terms = SigningTerms::read(&self.chain).await?;
        let value = U256::from(u128::from(gas) * terms.max_gas_price());
        for some in accounts.chunks(MAX_BATCH) {
            let count = self.chain.provider().get_transaction_count(self.account()).pending();
            let nonce = count.await.context("cannot read the account's nonce")?;
            let signed = (nonce..).zip(some).map(|(nonce, account)| {
                let request = TransactionRequest::default().with_to(*account).with_value(value);
                terms.sign(&self.signer, request, NonceAndGas { nonce, gas_limit: TRANSFER })
            });
            send(&self.chain, &signed.collect::<Outcome<Vec<_>>>()?).await?;
        }
        Ok(())
    }

    /// Connects as another account.
    pub(crate) async fn chain_of(&self, signer: PrivateKeySigner) -> Outcome<Chain> {
        match &self.connection {
            Connection::Embedded(chain, _) => Ok(connect(chain, signer)),
            Connection::Remote(endpoints, chain_id) => {
                Ok(Chain::connect(endpoints, Some(Account::new(signer, *chain_id))).await?)
            }
        }
    }

    pub(crate) fn account(&self) -> Address {
        self.signer.address()
    }

    pub(crate) async fn info(&self) -> Outcome<ChainInfo> {
        let provider = self.chain.provider();
        let chain_id = provider.get_chain_id().await.context("cannot read the chain's id")?;
        Ok(match &self.connection {
            Connection::Embedded(_, dir) => {
                let durable = Some(!in_memory(dir.path())?);
                ChainInfo { kind: "embedded", chain_id, durable }
            }
            Connection::Remote(..) => ChainInfo { kind: "rpc", chain_id, durable: None },
        })
    }

    /// Deploys a service's contracts and votes its content through, all from the paying account.
    pub(crate) async fn serve(&self, service: &Service) -> Outcome<(Contracts, GovernanceCost)> {
        // One wei a stake: a benchmark never withdraws it.
        let settings = CreateSettings::for_service(service, U256::from(1), None);
        let contracts = Contracts::create(self.chain.clone(), &settings).await?.contracts;
        contracts.deposit(1_000_000).await?;
        self.next_block().await?;
        let governed = self.govern(&contracts, service).await?;
        Ok((contracts, governed))
    }

    async fn govern(&self, contracts: &Contracts, service: &Service) -> Outcome<GovernanceCost> {
        let started = Instant::now();
        let (head, content) = read_service(contracts).await?;
        let draft = Draft::new(head, content, koinon_tosca::split(service))?;
        let Proposed { proposal, gas: propose_gas } =
            contracts.propose_change(&draft, "benchmark").await?;
        self.until(contracts, proposal.id, ProposalState::Active).await?;
        let vote_gas = contracts.vote(proposal.id, Vote::For).await?.gas;
        self.until(contracts, proposal.id, ProposalState::Succeeded).await?;
        let queue_gas = contracts.queue(&proposal).await?.gas;
        self.next_block().await?;
        let execute_gas = contracts.execute(&proposal).await?.gas;
        Ok(GovernanceCost {
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
                return Err(CommandError::failed(format!("the proposal is {state}")));
            }
            self.next_block().await?;
        }
    }

    /// Sends a transaction for the sake of its block: a chain that mines on demand makes no others.
    pub(crate) async fn next_block(&self) -> Outcome {
        self.chain.transfer(TransactionRequest::default().with_to(self.account())).await?;
        Ok(())
    }
}

/// Reads a service as `koinon import` does: a usable one is also opened, for its time counts.
pub(crate) async fn read_service(contracts: &Contracts) -> Outcome<(Head, Content)> {
    let head = contracts.head().await?;
    let content = contracts.at(head.block).content().await?;
    if head.revision.0 > 0 {
        koinon_tosca::open(&content)?;
    }
    Ok((head, content))
}

fn connect(chain: &koinon_evm::EmbeddedChain, signer: PrivateKeySigner) -> Chain {
    Chain::from_client(
        RpcClient::new(chain.transport(), true),
        Some(Account::new(signer, chain.chain_id())),
    )
}

/// Returns whether a directory is in memory, where a sync costs nothing.
fn in_memory(dir: &std::path::Path) -> Outcome<bool> {
    const TMPFS: i64 = 0x0102_1994;
    let stat = rustix::fs::statfs(dir).context("cannot read the type of the file system")?;
    Ok(stat.f_type as i64 == TMPFS)
}
