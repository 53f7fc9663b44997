//! Documents as output, and output to files.

use std::path::Path;

use anyhow::Context;
use clap::ValueEnum;
use koinon_command::Outcome;
use koinon_command::Ui;
use koinon_model::Value;
use koinon_tosca::Dialect;
use koinon_tosca::Exported;

/// A format of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DocumentFormat {
    /// Canonical YAML
    Yaml,
    /// Canonical JSON
    Json,
}

impl DocumentFormat {
    /// Returns the document as text in this format.
    pub(crate) fn write(self, document: &Value) -> String {
        match self {
            Self::Yaml => koinon_tosca::to_yaml(document),
            Self::Json => format!("{}\n", koinon_tosca::to_json(document)),
        }
    }
}

/// Writes text to a file, or prints it.
pub(crate) fn write_output(ui: Ui, text: &str, file: Option<&Path>) -> Outcome {
    match file {
        Some(file) => {
            let written = koinon_node::write_atomically(file, text.as_bytes());
            Ok(written.with_context(|| format!("cannot write {}", file.display()))?)
        }
        None => {
            ui.raw(text);
            Ok(())
        }
    }
}

/// Writes the files of a document in a version of TOSCA into a directory. Without a directory,
/// prints the first file.
pub(crate) fn write_tosca(
    ui: Ui,
    document: &Value,
    version: Dialect,
    directory: Option<&Path>,
) -> Outcome {
    let exported = koinon_tosca::export(document, version)?;
    for (path, text) in &exported.files {
        match directory {
            Some(directory) => {
                let file = directory.join(path);
                if let Some(parent) = file.parent() {
                    std::fs::create_dir_all(parent)
                        .with_context(|| format!("cannot create {}", parent.display()))?;
                }
                write_output(ui, text, Some(&file))?;
            }
            None if path == Exported::ROOT => ui.raw(text),
            None => ui.say(&format!("it imports {path}, which `--output DIRECTORY` writes")),
        }
    }
    for warning in &exported.warnings {
        ui.say(&format!("warning: {}: {}", warning.path, warning.message));
    }
    Ok(())
}
