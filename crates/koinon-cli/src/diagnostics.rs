//! Diagnostics of the compiler in the format a command asks for.

use clap::ValueEnum;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Ui;
use koinon_tosca::Diagnostics;
use koinon_tosca::Severity;
use serde_json::json;

/// A format of diagnostics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiagnosticsFormat {
    /// For people, with excerpts, on stderr
    Text,
    /// A JSON object on stdout
    Json,
    /// A SARIF 2.1.0 log on stdout, for code hosts and editors
    Sarif,
}

impl DiagnosticsFormat {
    /// Returns JSON instead of text if `--json` is given, else the format itself.
    pub(crate) fn or_json(self, ui: Ui) -> Self {
        if ui.json && self == Self::Text { Self::Json } else { self }
    }

    /// Prints diagnostics as data; as text they are part of the error.
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

    /// Prints the diagnostics of a failed outcome as data, and replaces them by their number.
    pub(crate) fn print_failure<T>(self, ui: Ui, outcome: Outcome<T>) -> Outcome<T> {
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
