//! `koinon csar pack`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Ui;
use koinon_command::thousands;
use koinon_tosca::Budgets;
use koinon_tosca::csar;
use koinon_tosca::csar::Archive;
use koinon_tosca::csar::CsarMeta;
use serde_json::json;

use super::archive_to_json;
use crate::archive::ArchiveFormatArg;
use crate::archive::PackedFiles;
use crate::archive::only_yaml;
use crate::archive::read_directory;
use crate::archive::read_with_imports;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  koinon csar pack examples/sharding-network -o network.csar
  koinon csar pack service.yaml -o service.tar.gz      the file and its imports")]
pub(crate) struct CsarPackArgs {
    /// A directory, packed without its hidden files; or a TOSCA file, packed with its imports
    source: PathBuf,

    /// The archive to write
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,

    /// Its format; default: by the name, tar.gz for .tar.gz and .tgz, else zip
    #[arg(long, value_enum)]
    format: Option<ArchiveFormatArg>,

    /// The file to start with; default: template.yaml, or the only YAML file at the root
    #[arg(long, value_name = "PATH")]
    entry: Option<String>,

    /// A file with substitution templates
    #[arg(long, value_name = "PATH")]
    other: Vec<String>,

    /// The person or organization that made it
    #[arg(long, value_name = "NAME", default_value = "")]
    created_by: String,
}

pub(crate) fn run(ui: Ui, args: &CsarPackArgs) -> Outcome {
    let PackedFiles { files, entry } = if args.source.is_dir() {
        read_directory(&args.source, &args.output)?
    } else {
        read_with_imports(&args.source)?
    };
    let entry = match args.entry.clone().or(entry) {
        Some(entry) => entry,
        None => only_yaml(&files)?,
    };
    let Some(text) = files.get(&entry) else {
        return Err(CommandError::usage(format!("no file {entry} to start with")));
    };
    let budgets = Budgets::default();
    let version = csar::version_for(&entry, text, &budgets).context("cannot pack")?;
    let (others, created_by) = (args.other.clone(), args.created_by.clone());
    let meta = CsarMeta { version, created_by, entry, others };
    let format = args.format.unwrap_or_else(|| ArchiveFormatArg::of_name(&args.output));
    let bytes = csar::pack(&files, &meta, format.into()).context("cannot pack")?;
    // Read it back: an archive that others could not open must not be written.
    let archive = Archive::open(&args.output.display().to_string(), &bytes, &budgets)?;
    koinon_node::write_atomically(&args.output, &bytes)
        .with_context(|| format!("cannot write {}", args.output.display()))?;
    if ui.json {
        ui.json(
            &json!({ "file": args.output, "bytes": bytes.len(), "archive": archive_to_json(&archive) }),
        );
    } else {
        let (files, size) = (archive.paths().count(), thousands(bytes.len() as u64));
        ui.say(&format!("{}: {files} files in {size} bytes", args.output.display()));
    }
    Ok(())
}
