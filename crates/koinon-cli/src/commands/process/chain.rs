//! `koinon chain`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use alloy::primitives::Address;
use alloy::primitives::U256;
use anyhow::Context;
use clap::Args;
use koinon_command::Outcome;
use koinon_command::Ui;
use koinon_command::start_log;
use koinon_evm::Config;
use koinon_evm::EmbeddedChain;
use tokio::net::TcpListener;

use super::take_lock;
use crate::duration::parse_duration;
use crate::program::stop_on_signal;

#[derive(Args, Debug)]
#[command(after_help = "Example:
  koinon chain --data ./chain --fund 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266=1000
  cast block-number --rpc-url http://127.0.0.1:8545

It is one process without consensus: for real use connect to a real network with --rpc-url.")]
pub(crate) struct ChainArgs {
    /// Directory of the chain; without it the chain is lost when it stops
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Address of the JSON-RPC server, over HTTP and WebSocket
    #[arg(long, default_value = "127.0.0.1:8545", value_name = "HOST:PORT")]
    listen: SocketAddr,

    /// Longest interval between blocks
    #[arg(long, value_parser = parse_duration, value_name = "DURATION")]
    block_interval: Option<Duration>,

    /// Make blocks only at the interval, not for each transaction
    #[arg(long, requires = "block_interval")]
    no_mine_on_demand: bool,

    /// Chain id
    #[arg(long, default_value_t = koinon_evm::DEFAULT_CHAIN_ID)]
    chain_id: u64,

    /// Give an account currency at the start of a new chain (in ether)
    #[arg(long, value_parser = parse_funding, value_name = "ADDRESS=AMOUNT")]
    fund: Vec<(Address, U256)>,

    /// A file that this process locks and writes its process id to
    #[arg(long, hide = true)]
    lock_file: Option<PathBuf>,
}

pub(crate) async fn run(ui: Ui, args: ChainArgs) -> Outcome {
    start_log();
    let _lock = take_lock(args.lock_file.as_deref())?;
    let stop = stop_on_signal()?;
    let config = Config {
        dir: args.data,
        chain_id: args.chain_id,
        accounts: args.fund.into_iter().collect::<BTreeMap<_, _>>(),
        block_interval: args.block_interval,
        mine_on_demand: !args.no_mine_on_demand,
        ..Config::default()
    };
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    let address = listener.local_addr().context("cannot listen")?;
    let chain = tokio::task::spawn_blocking(|| EmbeddedChain::open(config))
        .await
        .context("cannot open the chain")?
        .context("cannot open the chain")?;
    ui.say(&format!("listening on http://{address}, chain id {}", args.chain_id));
    let served = chain.serve(listener, stop).await;
    chain.close();
    Ok(served.context("the server failed")?)
}

fn parse_funding(text: &str) -> Result<(Address, U256), String> {
    let parse = || {
        let (account, ether) = text.split_once('=')?;
        let ether: u64 = ether.parse().ok()?;
        Some((account.parse().ok()?, U256::from(ether) * U256::from(10).pow(U256::from(18))))
    };
    parse().ok_or_else(|| format!("expected ADDRESS=AMOUNT, found {text}"))
}
