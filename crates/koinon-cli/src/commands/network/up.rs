//! `koinon up`: a network on this machine, from a template to nodes that answer.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use koinon_command::Outcome;
use koinon_command::TemplateArgs;
use koinon_command::Ui;

use crate::bringup::BringupOptions;
use crate::bringup::Home;
use crate::bringup::RemoteChain;
use crate::bringup::bring_up;
use crate::duration::parse_duration;
use crate::local::Local;
use crate::program::stop_on_signal;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  koinon up examples/sharding-network                     Ctrl-C stops it; the same command continues it
  koinon up examples/sharding-network --check --json      until every node answers, then tear down
  koinon up examples/sharding-network -I shards=2         another size
  koinon up examples/sharding-network --rpc-url http://127.0.0.1:8545 --chain-id 31337 --keystore account.json --password-file pw")]
pub(crate) struct UpArgs {
    #[command(flatten)]
    template: TemplateArgs,

    /// Directory of the network; default: .koinon/NAME, or with --check a temporary one
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Use this chain instead of the embedded one
    // Not from the environment, which is meant for other commands: it spends money.
    #[arg(long, value_name = "URL", requires_all = ["keystore", "password_file", "chain_id"])]
    rpc_url: Option<String>,

    /// Id of that chain, which a node must not choose
    #[arg(long, value_name = "ID", requires = "rpc_url")]
    chain_id: Option<u64>,

    /// Encrypted keystore of the account that funds the operators on that chain
    #[arg(long, env = "KOINON_KEYSTORE", value_name = "FILE")]
    keystore: Option<PathBuf>,

    /// File that holds the keystore's password
    #[arg(long, env = "KOINON_PASSWORD_FILE", value_name = "FILE")]
    password_file: Option<PathBuf>,

    /// Stop everything and exit once every node answers, or with code 6 after the timeout
    #[arg(long)]
    check: bool,

    /// Time within which --check expects every node to answer
    #[arg(long, value_parser = parse_duration, default_value = "120s", value_name = "DURATION")]
    timeout: Duration,
}

pub(crate) async fn run(ui: Ui, args: UpArgs) -> Outcome {
    let stop = stop_on_signal()?;
    // A wrong path leaves no directory behind.
    args.template.open()?;
    let home = match (&args.dir, args.check) {
        (Some(dir), _) => Home::open(dir)?,
        // A check leaves nothing behind.
        (None, true) => Home::temporary()?,
        (None, false) => Home::open(&Local::for_template(&args.template.template).dir)?,
    };
    let remote = args.rpc_url.map(|url| RemoteChain {
        url,
        chain_id: args.chain_id.expect("BUG: clap requires it with --rpc-url"),
        keystore: args.keystore.expect("BUG: clap requires it with --rpc-url"),
        password_file: args.password_file.expect("BUG: clap requires it with --rpc-url"),
    });
    let options = BringupOptions {
        template: args.template,
        remote,
        check: args.check.then_some(args.timeout),
    };
    let outcome = bring_up(ui, &home.local, options, &stop).await;
    match home.tear_down(ui).await {
        Ok(()) => outcome,
        Err(error) => outcome.and(Err(error)),
    }
}
