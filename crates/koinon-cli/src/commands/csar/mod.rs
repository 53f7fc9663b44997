//! `koinon csar`: Cloud Service Archives.

mod pack;
mod show;

use clap::Subcommand;
use koinon_command::Outcome;
use koinon_command::Ui;
use koinon_tosca::csar::Archive;
use serde_json::json;

#[derive(Subcommand, Debug)]
#[command(defer = true)]
pub(crate) enum CsarCommand {
    /// Pack a service; the same files give the same bytes
    Pack(pack::CsarPackArgs),
    /// Show the contents of an archive
    Show(show::CsarShowArgs),
}

pub(crate) fn run(ui: Ui, command: CsarCommand) -> Outcome {
    match command {
        CsarCommand::Pack(args) => pack::run(ui, &args),
        CsarCommand::Show(args) => show::run(ui, &args),
    }
}

/// Returns the entries of an archive as JSON.
fn archive_to_json(archive: &Archive) -> serde_json::Value {
    let files = archive.paths().map(|path| {
        let bytes = archive.get(path).expect("BUG: it is listed").len();
        json!({ "path": path, "bytes": bytes })
    });
    json!({
        "version": archive.version().as_str(),
        "created_by": archive.created_by(),
        "entry": archive.entry(),
        "others": archive.others(),
        "files": files.collect::<Vec<_>>(),
    })
}
