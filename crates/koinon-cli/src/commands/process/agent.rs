//! `koinon agent`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Ui;
use koinon_command::start_log;
use koinon_command::weaving_rules;
use koinon_node::Agent;
use koinon_node::AgentConfig;
use koinon_node::ProcessDriver;
use koinon_node::Store;

use super::OnExitArg;
use super::take_lock;
use crate::duration::parse_duration;
use crate::local::AgentDirs;
use crate::network::NetworkArgs;
use crate::network::Signing;
use crate::program;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  koinon agent --as alice                                  in a local network
  koinon agent --rpc-url URL --service ADDRESS --keys ./alice --state ./agent --store ./store")]
pub(crate) struct AgentArgs {
    #[command(flatten)]
    network: NetworkArgs,

    /// Directory of the agent: its nodes and its records
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,

    /// Directory of the artifact store
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,

    /// Address that nodes listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,

    /// Interval at which to read the chain and observe the nodes
    #[arg(long, value_parser = parse_duration, default_value = "1s", value_name = "DURATION")]
    poll: Duration,

    /// Interval at which to probe a running node
    #[arg(long, value_parser = parse_duration, default_value = "5s", value_name = "DURATION")]
    probe_every: Duration,

    /// Whether nodes go on when the agent stops
    #[arg(long, value_enum, default_value_t = OnExitArg::Leave)]
    on_exit: OnExitArg,

    /// A file that this process locks and writes its process id to
    #[arg(long, hide = true)]
    lock_file: Option<PathBuf>,
}

pub(crate) async fn run(ui: Ui, args: AgentArgs) -> Outcome {
    start_log();
    let _lock = take_lock(args.lock_file.as_deref())?;
    let stop = program::stop_on_signal()?;
    let local = args.network.local()?;
    let Some((name, keys)) = args.network.keys()? else {
        let error = CommandError::usage("an agent needs its operator's keys");
        return Err(error.hint("give --keys DIR; `koinon key new` makes one"));
    };
    // In a local network, the operator has a name and the directories are known.
    let known = local.zip(name).map(|((local, _), name)| AgentDirs::in_network(&local, &name));
    let AgentDirs { state, store } = AgentDirs::choose(args.state, args.store, known)?;
    let contracts = args.network.contracts(Signing::Yes).await?;
    let config = AgentConfig {
        driver: ProcessDriver {
            nodes_dir: state.join("nodes"),
            logs_dir: state.join("logs"),
            store: Store::open(&store)?,
            launcher: program::launcher()?,
            host: args.host,
        },
        dir: state,
        rules: weaving_rules(&[])?,
        poll: args.poll,
        probe_every: args.probe_every,
        on_exit: args.on_exit.into(),
    };
    let agent = Agent::open(config, contracts, keys.beacon()?)?;
    ui.say("the agent runs");
    Ok(agent.run(stop).await?)
}
