//! `koinon agent`: an operator's agent.

use std::fs::File;
use std::net::IpAddr;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use clap::ValueEnum;
use koinon_node::Agent;
use koinon_node::AgentConfig;
use koinon_node::Processes;
use koinon_node::Store;

use super::duration;
use crate::error::CommandError;
use crate::error::Outcome;
use crate::network::NetworkArgs;
use crate::network::Signing;
use crate::program;
use crate::ui::Ui;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  koinon agent --as alice                                  in a local network
  koinon agent --rpc-url URL --service ADDRESS --keys ./alice --state ./agent --store ./store")]
pub(crate) struct AgentArgs {
    #[command(flatten)]
    network: NetworkArgs,

    /// Directory of the agent: its nodes and what it remembers
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,

    /// Directory of the artifact store
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,

    /// Address nodes listen on and are reached at
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,

    /// How often to look at the chain and the nodes
    #[arg(long, value_parser = duration, default_value = "1s", value_name = "DURATION")]
    poll: Duration,

    /// How often to probe a node that runs
    #[arg(long, value_parser = duration, default_value = "5s", value_name = "DURATION")]
    probe_every: Duration,

    /// What becomes of the nodes when the agent stops
    #[arg(long, value_enum, default_value_t = OnExit::Leave)]
    on_exit: OnExit,

    /// A file this process locks and writes its number to
    #[arg(long, hide = true)]
    lock_file: Option<PathBuf>,
}

/// What becomes of the nodes when the agent stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OnExit {
    /// They go on; a later agent finds them
    Leave,
    /// They are stopped
    Stop,
}

pub(crate) async fn run(ui: Ui, args: AgentArgs) -> Outcome {
    super::log();
    let _lock = take_lock(args.lock_file.as_deref())?;
    let stop = program::stop_on_signal()?;
    let local = args.network.local()?;
    let Some((name, keys)) = args.network.keys()? else {
        let error = CommandError::usage("an agent needs its operator's keys");
        return Err(error.hint("give --keys DIR; `koinon key new` makes one"));
    };
    let of_local = |dir: fn(&crate::local::Local, &str) -> PathBuf| {
        let (local, _) = local.as_ref()?;
        Some(dir(local, name.as_deref()?))
    };
    let state = args.state.or_else(|| of_local(|local, name| local.agent(name)));
    let store = args.store.or_else(|| of_local(|local, _| local.store()));
    let (Some(state), Some(store)) = (state, store) else {
        return Err(CommandError::usage(
            "an agent outside a local network needs --state and --store",
        ));
    };
    let state = std::path::absolute(&state).context("cannot find the working directory")?;
    let contracts = args.network.contracts(Signing::Yes).await?;
    let config = AgentConfig {
        processes: Processes {
            nodes: state.join("nodes"),
            logs: state.join("logs"),
            store: Store::open(&store)?,
            launcher: program::launcher()?,
            host: args.host,
        },
        dir: state,
        rules: super::plan::rules(&[])?,
        poll: args.poll,
        probe_every: args.probe_every,
        on_exit: match args.on_exit {
            OnExit::Leave => koinon_node::OnExit::Leave,
            OnExit::Stop => koinon_node::OnExit::Stop,
        },
    };
    let agent = Agent::open(config, contracts, keys.beacon()?)?;
    ui.say("the agent runs");
    Ok(agent.run(stop).await?)
}

/// Takes the lock that says that this process lives.
pub(super) fn take_lock(path: Option<&Path>) -> Outcome<Option<File>> {
    let Some(path) = path else { return Ok(None) };
    let held = koinon_node::hold(path).with_context(|| format!("cannot use {}", path.display()))?;
    match held {
        Some(file) => Ok(Some(file)),
        None => Err(CommandError::failed(format!("another process holds {}", path.display()))),
    }
}
