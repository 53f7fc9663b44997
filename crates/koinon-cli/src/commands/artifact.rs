//! `koinon artifact`.

use std::path::PathBuf;

use clap::Subcommand;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Ui;
use koinon_node::Store;
use serde_json::json;

use crate::local::Local;

#[derive(Subcommand, Debug)]
#[command(defer = true)]
pub(crate) enum ArtifactCommand {
    /// Add a file and print its CID
    Add {
        /// The file
        file: PathBuf,

        /// The store; default: that of the local network
        #[arg(long, value_name = "DIR")]
        store: Option<PathBuf>,
    },
}

pub(crate) fn run(ui: Ui, command: ArtifactCommand) -> Outcome {
    let ArtifactCommand::Add { file, store } = command;
    let dir = match store {
        Some(dir) => dir,
        None => match Local::find(None)? {
            Some(local) => local.store(),
            None => return Err(CommandError::usage("no store").hint("give --store DIR")),
        },
    };
    let cid = Store::open(&dir)?.add(&file)?;
    if ui.json {
        ui.json(&json!({ "cid": cid, "file": file, "store": dir }));
    } else {
        ui.line(&cid);
    }
    Ok(())
}
