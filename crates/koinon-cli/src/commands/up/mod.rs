//! `koinon up`: a whole network on this machine, from a template to running, checked nodes.

mod processes;
mod road;

use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::duration;
use super::status::Snapshot;
use crate::error::CommandError;
use crate::error::Kind;
use crate::error::Outcome;
use crate::files::TemplateArgs;
use crate::local::Local;
use crate::program::stop_on_signal;
use crate::ui::StageDone;
use crate::ui::Tone;
use crate::ui::Ui;
use crate::ui::paint;
use crate::ui::seconds;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  koinon up examples/sharding-network                     Ctrl-C stops it; the same command continues it
  koinon up examples/sharding-network --check --json      until every node answers, then tear down
  koinon up examples/sharding-network -I shards=2         another size
  koinon up examples/sharding-network --rpc-url http://127.0.0.1:8545 --keystore account.json --password-file pw")]
pub(crate) struct UpArgs {
    #[command(flatten)]
    template: TemplateArgs,

    /// Directory of the network; without it .koinon/NAME, or with --check a temporary one
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Use this chain instead of the embedded one
    #[arg(long, env = "KOINON_RPC_URL", value_name = "URL", requires = "keystore")]
    rpc_url: Option<String>,

    /// Encrypted keystore of the account that funds the operators on that chain
    #[arg(long, env = "KOINON_KEYSTORE", value_name = "FILE", requires = "password_file")]
    keystore: Option<PathBuf>,

    /// File that holds the keystore's password
    #[arg(long, env = "KOINON_PASSWORD_FILE", value_name = "FILE")]
    password_file: Option<PathBuf>,

    /// Exit once every node answers, or with code 6 if that takes too long, and stop everything
    #[arg(long)]
    check: bool,

    /// How long --check waits
    #[arg(long, value_parser = duration, default_value = "120s", value_name = "DURATION")]
    timeout: Duration,
}

/// What `up` reports.
#[derive(Debug, Serialize)]
struct Report {
    healthy: bool,
    #[serde(flatten)]
    snapshot: Snapshot,
    dir: PathBuf,
    rpc_url: String,
    stages: Vec<StageDone>,
    milliseconds: u64,
}

pub(crate) async fn run(ui: Ui, args: UpArgs) -> Outcome {
    let started = Instant::now();
    let stop = stop_on_signal()?;
    // A check leaves nothing behind.
    let temporary = match (&args.dir, args.check) {
        (None, true) => Some(tempfile::tempdir().context("cannot make a temporary directory")?),
        (Some(_), _) | (None, false) => None,
    };
    let dir = match (&args.dir, &temporary) {
        (Some(dir), _) => dir.clone(),
        (None, Some(temporary)) => temporary.path().to_owned(),
        (None, None) => Local::for_template(&args.template.template).dir,
    };
    let local =
        Local { dir: std::path::absolute(&dir).context("cannot find the working directory")? };
    local.make()?;
    let Some(_lock) = koinon_node::hold(&local.run("up")).context("cannot lock the network")?
    else {
        let error = CommandError::failed(format!("{} is up already", local.dir.display()));
        return Err(error.hint("see it with `koinon status`, end it with `koinon down`"));
    };

    let mut road = road::Road::new(ui, local.clone(), &args);
    // Cancel safe: whatever the road had started is ended below, and what it had done is on the chain.
    let outcome = tokio::select! {
        outcome = road.drive() => outcome,
        () = stop.cancelled() => Err(CommandError::new(Kind::Interrupted, "interrupted")),
        () = tokio::time::sleep(args.timeout), if args.check => {
            let waited = seconds(args.timeout);
            Err(CommandError::new(Kind::Unhealthy, format!("not every node answered within {waited}")))
        }
    };
    let outcome = match outcome {
        Ok((contracts, snapshot)) => {
            let vacancies = snapshot.vacancies;
            let report = Report {
                healthy: vacancies == 0,
                snapshot,
                dir: local.dir.clone(),
                rpc_url: road.record.rpc_url.clone(),
                stages: std::mem::take(&mut road.stages),
                milliseconds: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            };
            show(ui, &report, args.check);
            if !args.check {
                // Until then children that end are started again.
                stop.cancelled().await;
            }
            drop(contracts);
            if args.check && vacancies > 0 {
                let message =
                    format!("{vacancies} slots are vacant: the operators have too few units");
                Err(CommandError::new(Kind::Unhealthy, message))
            } else {
                Ok(())
            }
        }
        Err(error) => {
            if args.check && ui.json {
                ui.json(&serde_json::json!({
                    "healthy": false,
                    "error": error.render(),
                    "dir": local.dir,
                    "stages": road.stages,
                }));
            }
            Err(error)
        }
    };
    road.children.stop_supervising().await;
    let stage = ui.stage("stop");
    match super::down::end_all(&local, "none").await {
        Ok(ended) => {
            stage.done(&format!("{ended} processes"), None);
        }
        Err(error) => {
            // What is left must be found again: its directory stays.
            let kept = temporary.map(tempfile::TempDir::keep);
            let hint =
                format!("`koinon down --dir {}` tries again", kept.unwrap_or(local.dir).display());
            return outcome.and(Err(error.hint(hint)));
        }
    }
    outcome
}

fn show(ui: Ui, report: &Report, check: bool) {
    if ui.json {
        ui.json(report);
    } else {
        report.snapshot.show(ui);
    }
    let count = report.snapshot.nodes.iter().filter(|node| node.operator.is_some()).count();
    ui.say(&format!(
        "{} {count} nodes answer, {:.2} s after the start",
        paint(Tone::Good, "✔"),
        report.milliseconds as f64 / 1000.0
    ));
    if !check {
        let dir = report.dir.display();
        ui.say(&format!(
            "look further: koinon status --watch --dir {dir}\n              \
             koinon allocation explain worker/0/0 --dir {dir}\n              \
             koinon service verify --dir {dir}\n\
             JSON-RPC at {}; Ctrl-C stops everything, the same command continues it",
            report.rpc_url
        ));
    }
}
