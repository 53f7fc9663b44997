//! States of a service: representations that exist, and those that templates compile to.

use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::REPRESENTATION_LIMITS;
use koinon_command::ResolveArgs;
use koinon_command::TemplateArgs;
use koinon_command::read_representation;
use koinon_model::representation::Representation;

/// The arguments that templates are compiled with.
#[derive(Debug)]
pub(crate) struct StateSource<'a> {
    pub(crate) inputs: &'a [PathBuf],
    pub(crate) input: &'a [String],
    pub(crate) resolve: &'a ResolveArgs,
}

impl StateSource<'_> {
    /// Reads a representation, or compiles a template to one; `None` for `none`.
    pub(crate) fn read(&self, from: &str) -> Outcome<Option<Representation>> {
        if from != "none" && from != "-" && !from.ends_with(".json") {
            let template = TemplateArgs {
                template: PathBuf::from(from),
                inputs: self.inputs.to_vec(),
                input: self.input.to_vec(),
                mirror: Vec::new(),
            };
            let made = template.represent(self.resolve, None)?;
            return Ok(Some(made.representation));
        }
        let bytes = match from {
            "none" => return Ok(None),
            "-" => {
                let mut bytes = Vec::new();
                let limit = REPRESENTATION_LIMITS.bytes as u64 + 1;
                let read = std::io::stdin().lock().take(limit).read_to_end(&mut bytes);
                read.context("cannot read standard input")?;
                bytes
            }
            path => std::fs::read(path).map_err(|error| {
                CommandError::usage(format!("cannot read {path}")).because(error)
            })?,
        };
        read_representation(from, &bytes).map(Some)
    }
}
