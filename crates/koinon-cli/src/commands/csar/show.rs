//! `koinon csar show`.

use std::path::PathBuf;

use clap::Args;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Ui;
use koinon_command::open_archive;
use koinon_command::thousands;

use super::archive_to_json;

#[derive(Args, Debug)]
#[command(after_help = "Example:\n  koinon csar show network.csar --json")]
pub(crate) struct CsarShowArgs {
    /// The archive
    file: PathBuf,
}

pub(crate) fn run(ui: Ui, args: &CsarShowArgs) -> Outcome {
    let file = &args.file;
    let Some(archive) = open_archive(file)? else {
        let error = CommandError::usage(format!("{} is not an archive", file.display()));
        return Err(error.hint("give a zip, tar or tar.gz file; `koinon csar pack` makes one"));
    };
    if ui.json {
        ui.json(&archive_to_json(&archive));
        return Ok(());
    }
    ui.line(&format!("version     {}", archive.version()));
    if let Some(created_by) = archive.created_by() {
        ui.line(&format!("created by  {created_by}"));
    }
    ui.line(&format!("entry       {}", archive.entry()));
    for other in archive.others() {
        ui.line(&format!("other       {other}"));
    }
    for path in archive.paths() {
        let size = archive.get(path).expect("BUG: it is listed").len();
        ui.line(&format!("{:>12}  {path}", thousands(size as u64)));
    }
    Ok(())
}
