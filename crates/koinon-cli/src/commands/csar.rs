//! `koinon csar`: Cloud Service Archives, the files of a service in one.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use clap::Subcommand;
use clap::ValueEnum;
use koinon_tosca::Budgets;
use koinon_tosca::FileError;
use koinon_tosca::Files;
use koinon_tosca::csar;
use koinon_tosca::csar::Archive;
use koinon_tosca::csar::Meta;
use serde_json::json;

use crate::error::CommandError;
use crate::error::Outcome;
use crate::files::TemplateArgs;
use crate::files::open_archive;
use crate::ui::Ui;
use crate::ui::thousands;

#[derive(Subcommand, Debug)]
#[command(defer = true)]
pub(crate) enum CsarCommand {
    /// Pack a service; the same files give the same bytes
    Pack(PackArgs),
    /// Show what an archive holds
    Show(ShowArgs),
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  koinon csar pack examples/sharding-network -o network.csar
  koinon csar pack service.yaml -o service.tar.gz      the file, and what it imports")]
pub(crate) struct PackArgs {
    /// A directory, packed whole but for names with a dot before; or a TOSCA file, packed with what it imports
    source: PathBuf,

    /// The archive to write
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,

    /// Its format; without it by the name: tar.gz for .tar.gz and .tgz, else zip
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// The file to start with; without it template.yaml, or the only YAML file at the root
    #[arg(long, value_name = "PATH")]
    entry: Option<String>,

    /// A file with substitution templates
    #[arg(long, value_name = "PATH")]
    other: Vec<String>,

    /// The person or organization that made it
    #[arg(long, value_name = "NAME", default_value = "")]
    created_by: String,
}

/// A format of archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A zip file
    Zip,
    /// A tar file compressed with gzip
    #[value(name = "tar.gz")]
    TarGz,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:\n  koinon csar show network.csar --json")]
pub(crate) struct ShowArgs {
    /// The archive
    file: PathBuf,
}

pub(crate) fn run(ui: Ui, command: CsarCommand) -> Outcome {
    match command {
        CsarCommand::Pack(args) => pack(ui, &args),
        CsarCommand::Show(args) => show(ui, &args),
    }
}

fn pack(ui: Ui, args: &PackArgs) -> Outcome {
    let (files, root) =
        if args.source.is_dir() { directory(args)? } else { imports(&args.source)? };
    let entry = match args.entry.clone().or(root) {
        Some(entry) => entry,
        None => only_yaml(&files)?,
    };
    let Some(text) = files.get(&entry) else {
        return Err(CommandError::usage(format!("no file {entry} to start with")));
    };
    let budgets = Budgets::default();
    let version = csar::version_for(&entry, text, &budgets).context("cannot pack")?;
    let (others, created_by) = (args.other.clone(), args.created_by.clone());
    let meta = Meta { version, created_by, entry, others };
    let bytes = csar::pack(&files, &meta, format(args)).context("cannot pack")?;
    // What others could not open is not written.
    let archive = Archive::open(&args.output.display().to_string(), &bytes, &budgets)?;
    let written = koinon_node::write_whole(&args.output, &bytes);
    written.with_context(|| format!("cannot write {}", args.output.display()))?;
    if ui.json {
        ui.json(
            &json!({ "file": args.output, "bytes": bytes.len(), "archive": described(&archive) }),
        );
    } else {
        let (files, size) = (archive.paths().count(), thousands(bytes.len() as u64));
        ui.say(&format!("{}: {files} files in {size} bytes", args.output.display()));
    }
    Ok(())
}

fn show(ui: Ui, args: &ShowArgs) -> Outcome {
    let file = &args.file;
    let Some(archive) = open_archive(file)? else {
        let error = CommandError::usage(format!("{} is no archive", file.display()));
        return Err(error.hint("give a zip, tar or tar.gz file; `koinon csar pack` makes one"));
    };
    if ui.json {
        ui.json(&described(&archive));
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
        let size = archive.get(path).unwrap_or_default().len();
        ui.line(&format!("{:>12}  {path}", thousands(size as u64)));
    }
    Ok(())
}

fn described(archive: &Archive) -> serde_json::Value {
    let files = archive
        .paths()
        .map(|path| json!({ "path": path, "bytes": archive.get(path).unwrap_or_default().len() }));
    json!({
        "version": archive.version().as_str(),
        "created_by": archive.created_by(),
        "entry": archive.entry(),
        "others": archive.others(),
        "files": files.collect::<Vec<_>>(),
    })
}

fn format(args: &PackArgs) -> csar::Format {
    let name = args.output.to_string_lossy();
    match args.format {
        Some(Format::Zip) => csar::Format::Zip,
        Some(Format::TarGz) => csar::Format::TarGz,
        None if name.ends_with(".tar.gz") || name.ends_with(".tgz") => csar::Format::TarGz,
        None => csar::Format::Zip,
    }
}

/// Files by path, and the path to start with if it is known.
type Found = (BTreeMap<String, Vec<u8>>, Option<String>);

/// Reads all files of a directory, but those hidden, a `TOSCA.meta` that will be written anew, and the archive itself.
fn directory(args: &PackArgs) -> Outcome<Found> {
    let mut files = BTreeMap::new();
    let output = fs::canonicalize(&args.output).ok();
    collect(&args.source, "", output.as_deref(), &mut files)?;
    for meta in ["TOSCA.meta", "TOSCA-Metadata/TOSCA.meta"] {
        files.remove(meta);
    }
    let root = "template.yaml".to_owned();
    let root = Some(root).filter(|root| files.contains_key(root));
    Ok((files, root))
}

fn collect(
    directory: &Path,
    prefix: &str,
    output: Option<&Path>,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Outcome {
    let read = |path: &Path| format!("cannot read {}", path.display());
    for entry in fs::read_dir(directory).with_context(|| read(directory))? {
        let entry = entry.with_context(|| read(directory))?;
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            return Err(CommandError::failed(format!("{} is not UTF-8", path.display())));
        };
        if name.starts_with('.') {
            continue;
        }
        let inside = format!("{prefix}{name}");
        let kind = entry.file_type().with_context(|| read(&path))?;
        if kind.is_dir() {
            collect(&path, &format!("{inside}/"), output, files)?;
        } else if !kind.is_file() {
            let error =
                format!("expected a file or a directory, found neither at {}", path.display());
            return Err(
                CommandError::failed(error).hint("archives hold no links: put a copy there")
            );
        } else if output.is_none() || fs::canonicalize(&path).ok().as_deref() != output {
            files.insert(inside, fs::read(&path).with_context(|| read(&path))?);
        }
    }
    Ok(())
}

/// Reads a file and what it imports, by compiling it.
fn imports(source: &Path) -> Outcome<Found> {
    let template = TemplateArgs::at(source.to_owned());
    let (files, root) = template.open()?;
    let recorder = Recorder { files: &files, read: RefCell::default() };
    koinon_tosca::validate(&recorder, &root, &BTreeMap::new())?;
    Ok((recorder.read.into_inner(), Some(root)))
}

/// Files that remember what was read of them.
struct Recorder<'a> {
    files: &'a dyn Files,
    read: RefCell<BTreeMap<String, Vec<u8>>>,
}

impl Files for Recorder<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        let bytes = self.files.read(path)?;
        self.read.borrow_mut().insert(path.to_owned(), bytes.clone());
        Ok(bytes)
    }
}

fn only_yaml(files: &BTreeMap<String, Vec<u8>>) -> Outcome<String> {
    let yaml =
        |path: &&String| !path.contains('/') && (path.ends_with(".yaml") || path.ends_with(".yml"));
    let found: Vec<&String> = files.keys().filter(yaml).collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        _ => Err(CommandError::usage(
            "no template.yaml to start with, and not one YAML file at the root",
        )
        .hint("say where to start with --entry PATH")),
    }
}
