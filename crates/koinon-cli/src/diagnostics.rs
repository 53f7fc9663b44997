//! Diagnostics of the compiler as a command was asked to show them.

use clap::ValueEnum;
use koinon_tosca::Diagnostics;
use koinon_tosca::Severity;
use serde_json::json;

use crate::error::CommandError;
use crate::error::Outcome;
use crate::ui::Ui;

/// A format of diagnostics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people, with excerpts, on stderr
    Text,
    /// A JSON object on stdout
    Json,
    /// A SARIF 2.1.0 log on stdout, for code hosts and editors
    Sarif,
}

impl Format {
    /// Returns this one, or JSON where `--json` asks for it and nothing else was asked for.
    pub(crate) fn or_json(self, ui: Ui) -> Self {
        if ui.json && self == Self::Text { Self::Json } else { self }
    }

    /// Writes diagnostics as data; as text they are what an error says.
    pub(crate) fn write(self, ui: Ui, diagnostics: &Diagnostics) {
        match self {
            Self::Text => {}
            Self::Json => {
                let error = |one: &koinon_tosca::Diagnostic| one.severity == Severity::Error;
                let valid = !diagnostics.iter().any(error);
                ui.json(&json!({ "valid": valid, "diagnostics": diagnostics }));
            }
            Self::Sarif => {
                ui.raw(&format!("{}\n", diagnostics.to_sarif(env!("CARGO_PKG_VERSION"))));
            }
        }
    }

    /// Passes an outcome on. If it is diagnostics, they are written as data, and what is left is to say so.
    pub(crate) fn shown<T>(self, ui: Ui, outcome: Outcome<T>) -> Outcome<T> {
        outcome.map_err(|error| {
            let Some(diagnostics) = error.error.downcast_ref::<Diagnostics>() else { return error };
            if self == Self::Text {
                return error;
            }
            self.write(ui, diagnostics);
            let is_error = |one: &&koinon_tosca::Diagnostic| one.severity == Severity::Error;
            let errors = diagnostics.iter().filter(is_error).count();
            let plural = if errors == 1 { "" } else { "s" };
            CommandError::new(error.kind, format!("the template has {errors} error{plural}"))
        })
    }
}
