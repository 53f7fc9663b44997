//! `koinon worker`.

use std::net::IpAddr;
use std::net::SocketAddr;

use anyhow::Context;
use clap::Args;
use koinon_command::Outcome;
use koinon_worker::Identity;

use crate::program::stop_on_signal;

#[derive(Args, Debug)]
pub(crate) struct WorkerArgs {
    /// Address to listen on
    #[arg(long, env = "HOST", default_value = "127.0.0.1")]
    host: IpAddr,

    /// Port to listen on
    #[arg(long, env = "PORT")]
    port: u16,

    /// Name of its shard
    #[arg(long, env = "SHARD", default_value = "")]
    shard: String,

    /// Its number
    #[arg(long, env = "WORKER", default_value = "")]
    worker: String,
}

pub(crate) fn run(args: &WorkerArgs) -> Outcome {
    // There are many workers: one thread each is enough.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let identity = Identity { shard: args.shard.clone(), worker: args.worker.clone() };
    let address = SocketAddr::new(args.host, args.port);
    runtime.block_on(async {
        let stop = stop_on_signal()?;
        Ok(koinon_worker::serve(identity, address, stop).await.context("the worker failed")?)
    })
}
