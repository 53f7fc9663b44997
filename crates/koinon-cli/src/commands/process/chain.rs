//! `koinon chain`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use alloy::primitives::Address;
use alloy::primitives::U256;
use anyhow::Context;
use anyhow::anyhow;
use clap::Args;
use koinon_command::Outcome;
use koinon_command::Ui;
use koinon_command::start_log;
use koinon_evm::EmbeddedChain;
use koinon_evm::Origins;
use tokio::net::TcpListener;

use super::take_lock;
use crate::duration::parse_duration;
use crate::genesis;
use crate::program::stop_on_signal;

#[derive(Args, Debug)]
#[command(after_help = "Example:
  koinon chain --data ./chain --fund 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266=1000
  cast block-number --rpc-url http://127.0.0.1:8545
  koinon chain --dev    # a chain of your own, with the accounts of anvil and hardhat

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

    /// Chain id; 1337 unless given
    #[arg(long)]
    chain_id: Option<u64>,

    /// Give an account currency at the start of a new chain (in ether)
    #[arg(long, value_parser = genesis::parse_funding, value_name = "ADDRESS=AMOUNT")]
    fund: Vec<(Address, U256)>,

    /// Web pages that may talk to the chain besides those of this machine; `*` for any
    #[arg(long, value_name = "ORIGIN")]
    cors_origin: Vec<String>,

    /// Fund the accounts that anvil and hardhat have, whose keys everybody knows, and sign for
    /// them; their chain id, 31337, unless another is given
    #[arg(long)]
    dev: bool,

    /// A file that this process locks and writes its process id to
    #[arg(long, hide = true)]
    lock_file: Option<PathBuf>,
}

pub(crate) async fn run(ui: Ui, args: ChainArgs) -> Outcome {
    start_log();
    let _lock = take_lock(args.lock_file.as_deref())?;
    let stop = stop_on_signal()?;
    let mut config = genesis::chain_config(args.dev, args.chain_id, args.fund);
    config.dir = args.data;
    config.block_interval = args.block_interval;
    config.mine_on_demand = !args.no_mine_on_demand;
    let unlocked = config.unlocked.clone();
    let origins = Origins::from(args.cors_origin);
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    let address = listener.local_addr().context("cannot listen")?;
    let chain = tokio::task::spawn_blocking(|| EmbeddedChain::open(config))
        .await
        .context("cannot open the chain")?
        .context("cannot open the chain")?;
    for account in &unlocked {
        ui.say(&genesis::funded_line(account));
    }
    ui.say(&format!("listening on http://{address}, chain id {}", chain.chain_id()));
    // Both arms may be dropped at any point: what was acknowledged is on disk.
    let served = tokio::select! {
        served = chain.serve(listener, origins, stop) => served.context("the server failed"),
        failure = chain.failure() => Err(anyhow!("{failure}; free space, then start the chain again")),
    };
    chain.close();
    Ok(served?)
}
