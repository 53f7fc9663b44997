//! The chain of the network: the embedded one, or the remote one with funded operators.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::time::Duration;
use std::time::Instant;

use alloy::network::TransactionBuilder;
use alloy::primitives::U256;
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use anyhow::Context;
use koinon_chain::Chain;
use koinon_chain::CreateSettings;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Stage;
use koinon_command::open_keystore;
use koinon_model::Service;

use super::Bringup;
use super::POLL_INTERVAL;
use super::RemoteChain;
use super::processes::ChildProcess;

/// The time within which a chain makes a block.
const BLOCK_TIMEOUT: Duration = Duration::from_secs(30);
/// Ether of each operator on a new embedded chain.
const OPERATOR_FUNDS: u64 = 1_000_000;

impl Bringup {
    /// Starts the embedded chain, or funds the operators on the one given.
    pub(super) async fn start_chain(&mut self, service: &Service) -> Outcome {
        match self.remote.clone() {
            Some(remote) => self.use_remote_chain(remote, service).await,
            None => self.start_embedded_chain(service).await,
        }
    }

    async fn use_remote_chain(&mut self, remote: RemoteChain, service: &Service) -> Outcome {
        let stage = self.ui.stage("chain");
        let RemoteChain { url, chain_id, keystore, password_file } = remote;
        let funder = open_keystore(&keystore, &password_file)?;
        self.record.rpc_url.clone_from(&url);
        self.record.remote = true;
        self.record.chain_id = Some(chain_id);
        self.local.write(&self.record)?;
        let gas = self.fund(funder, service).await?;
        self.wait_for_a_block(&stage).await?;
        self.stages.push(stage.done(&format!("{url}, operators funded"), Some(gas)));
        Ok(())
    }

    async fn start_embedded_chain(&mut self, service: &Service) -> Outcome {
        let stage = self.ui.stage("chain");
        let lock = self.local.run("chain");
        let lives = koinon_node::lock_holder(&lock).context("cannot look for the chain")?.is_some();
        let address = match self.last_address() {
            Some(address) if lives => address,
            _ => self.free_address()?,
        };
        self.record.rpc_url = format!("http://{address}");
        self.record.chain_id = self.record.chain_id();
        self.local.write(&self.record)?;
        let arguments = self.chain_arguments(address, service)?;
        let process = ChildProcess { name: "chain".to_owned(), arguments };
        self.children.ensure(self.ui, &self.local, process).await?;
        let chain = Chain::connect(&self.record.rpc_url.as_str().into(), None).await?;
        let block = loop {
            match chain.block_number().await {
                Ok(block) => break block,
                Err(error) if error.is_unreachable() => tokio::time::sleep(POLL_INTERVAL).await,
                Err(error) => return Err(error.into()),
            }
        };
        self.fund_newcomers(&chain).await?;
        self.stages.push(stage.done(&format!("{} at block {block}", self.record.rpc_url), None));
        Ok(())
    }

    /// Gives operators that came after the chain began what the others have left to give.
    async fn fund_newcomers(&self, chain: &Chain) -> Outcome {
        let mut balances = Vec::new();
        for template in &self.record.operators {
            let key = self.local.keys(template).signer()?;
            let balance = chain.provider().get_balance(key.address()).await;
            balances.push((balance.context("cannot read a balance")?, key));
        }
        let Some((most, richest)) = balances.iter().max_by_key(|(balance, _)| *balance) else {
            return Ok(());
        };
        let account = self.record.account(richest.clone())?;
        let payer = Chain::connect(&self.record.endpoints(), Some(account)).await?;
        let newcomers = balances.iter().filter(|(balance, _)| balance.is_zero());
        for (_, key) in newcomers {
            let share = *most / U256::from(balances.len() + 1);
            let request = TransactionRequest::default().with_to(key.address()).with_value(share);
            payer.transfer(request).await?;
        }
        Ok(())
    }

    /// Waits until a remote chain makes a block by itself: votes and epochs are counted in blocks.
    async fn wait_for_a_block(&self, stage: &Stage) -> Outcome {
        let chain = Chain::connect(&self.record.endpoints(), None).await?;
        let (first, started) = (chain.block_number().await?, Instant::now());
        while chain.block_number().await? == first {
            if started.elapsed() > BLOCK_TIMEOUT {
                let seconds = BLOCK_TIMEOUT.as_secs();
                let text = format!("the chain makes no blocks: {seconds} s after block {first}");
                return Err(CommandError::failed(text).hint(
                    "votes and epochs are counted in blocks; anvil makes them when it is given a block time",
                ));
            }
            stage.note("waiting for a block");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// Returns the arguments of the chain, which gives every operator its funds.
    fn chain_arguments(&self, address: SocketAddr, service: &Service) -> Outcome<Vec<OsString>> {
        let mut arguments: Vec<OsString> = vec![
            "chain".into(),
            "--data".into(),
            self.local.chain().into(),
            "--listen".into(),
            address.to_string().into(),
            "--block-interval".into(),
            block_interval(service)?.into(),
        ];
        // A chain that exists has its balances.
        let funded = if self.local.has_chain() { &[][..] } else { &self.record.operators[..] };
        for template in funded {
            let account = self.local.keys(template).signer()?.address();
            arguments.extend(["--fund".into(), format!("{account}={OPERATOR_FUNDS}").into()]);
        }
        Ok(arguments)
    }

    fn last_address(&self) -> Option<SocketAddr> {
        self.record.rpc_url.strip_prefix("http://").and_then(|address| address.parse().ok())
    }

    /// Returns the last address of the chain if it is free, else a free one.
    fn free_address(&self) -> Outcome<SocketAddr> {
        let before = self.last_address();
        let any_free = SocketAddr::from(([127, 0, 0, 1], 0));
        // An address in use cannot be bound: try the next.
        let mut candidates = before.into_iter().chain([any_free]);
        let listener = candidates
            .find_map(|address| TcpListener::bind(address).ok())
            .context("no free port on 127.0.0.1")?;
        Ok(listener.local_addr().context("no free port on 127.0.0.1")?)
    }

    /// Sends every operator the price of its stake and its transactions.
    async fn fund(&self, funder: PrivateKeySigner, service: &Service) -> Outcome<u64> {
        let chain =
            Chain::connect(&self.record.endpoints(), Some(self.record.account(funder)?)).await?;
        let mut gas = 0;
        for (template, operator) in &service.operators {
            let account = self.local.keys(template).signer()?.address();
            // Twice the stake and a coin, for gas.
            let coin = U256::from(10).pow(U256::from(18));
            let target =
                CreateSettings::DENOMINATION * U256::from(operator.stake) * U256::from(2) + coin;
            let has =
                chain.provider().get_balance(account).await.context("cannot read a balance")?;
            if self.record.service.is_some() || has >= target {
                continue;
            }
            let request = TransactionRequest::default().with_to(account).with_value(target - has);
            gas += chain.transfer(request).await?.gas;
        }
        Ok(gas)
    }
}

/// Returns the block interval of the service, in the form that `koinon chain` accepts.
fn block_interval(service: &Service) -> Outcome<String> {
    let Some(interval) = service.inputs.get("block_interval") else { return Ok("1s".to_owned()) };
    let text = interval.as_str().map(|text| text.replace(' ', ""));
    text.ok_or_else(|| {
        let found = interval.to_json();
        CommandError::failed(format!(
            "expected a time such as `250 ms` for `block_interval`, found `{found}`"
        ))
    })
}
