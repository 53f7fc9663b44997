//! Errors as people see them: what failed, the cause, and the next step.

use std::fmt;
use std::process::ExitCode;

use koinon_chain::ChainError;
use koinon_model::ContentError;
use koinon_node::AgentError;
use koinon_node::ServiceAtBlockError;
use koinon_node::StoreError;
use koinon_tosca::Diagnostics;
use koinon_tosca::ServiceOpenError;
use koinon_tosca::Style;
use koinon_tosca::csar::ArchiveError;
use serde_json::Value;
use serde_json::json;

use crate::hints::hint_for;

/// The kinds of failure, each with its exit code; `koinon --help` documents them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The request cannot be carried out as things are: 1.
    Failed,
    /// The command line is wrong: 2, as clap has it.
    Usage,
    /// A template does not compile: 3.
    Template,
    /// The chain or a service on it did not answer: 4.
    Unreachable,
    /// A contract refused: 5.
    Refused,
    /// A check found a fault: 6.
    Unhealthy,
    /// A signal stopped the command: 130.
    Interrupted,
}

/// The failure of a command.
#[derive(Debug)]
pub struct CommandError {
    /// The kind, which sets the exit code.
    pub kind: FailureKind,
    /// The error with its causes.
    pub error: anyhow::Error,
    /// Next steps to suggest.
    pub hints: Vec<String>,
}

/// The result of a command.
pub type Outcome<T = ()> = Result<T, CommandError>;

impl FailureKind {
    /// Returns the exit code.
    pub fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Template => 3,
            Self::Unreachable => 4,
            Self::Refused => 5,
            Self::Unhealthy => 6,
            Self::Interrupted => 130,
        })
    }
}

impl FailureKind {
    /// Returns the name of the kind in JSON.
    fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Template => "template",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Unhealthy => "unhealthy",
            Self::Interrupted => "interrupted",
        }
    }
}

impl CommandError {
    /// Makes an error of any kind.
    pub fn new(kind: FailureKind, message: impl fmt::Display) -> Self {
        Self { kind, error: anyhow::anyhow!("{message}"), hints: Vec::new() }
    }

    /// Makes an error of kind [`FailureKind::Failed`].
    pub fn failed(message: impl fmt::Display) -> Self {
        Self::new(FailureKind::Failed, message)
    }

    /// Makes an error of kind [`FailureKind::Usage`].
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::new(FailureKind::Usage, message)
    }

    /// Gives the error its cause, in place of one it had.
    #[must_use]
    pub fn because(self, cause: impl Into<anyhow::Error>) -> Self {
        let message = self.error.to_string();
        Self { error: cause.into().context(message), ..self }
    }

    /// Adds a next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Returns the error with its causes and hints as text.
    pub fn render(&self) -> String {
        if let Some(diagnostics) = self.error.downcast_ref::<Diagnostics>() {
            return format!("{}\n", diagnostics.render(Style::Colored));
        }
        let mut text = format!("error: {}\n", self.error);
        for cause in self.causes() {
            text.push_str(&format!("  because: {cause}\n"));
        }
        for hint in &self.hints {
            text.push_str(&format!("  hint: {hint}\n"));
        }
        text
    }

    /// Returns the error as JSON: `error`, its `code`, which is the name of its exit code, and,
    /// where there are some, `because` and `hints`, as in the text.
    pub fn to_json(&self) -> Value {
        if let Some(diagnostics) = self.error.downcast_ref::<Diagnostics>() {
            let text = diagnostics.render(Style::Plain);
            return json!({ "error": text.trim_end(), "code": self.kind.name() });
        }
        let mut object = json!({ "error": self.error.to_string(), "code": self.kind.name() });
        let because = self.causes();
        if !because.is_empty() {
            object["because"] = json!(because);
        }
        if !self.hints.is_empty() {
            object["hints"] = json!(self.hints);
        }
        object
    }

    /// Returns the causes worth printing, the nearest first.
    fn causes(&self) -> Vec<String> {
        let mut causes: Vec<String> = Vec::new();
        let mut printed = self.error.to_string();
        for cause in self.error.chain().skip(1).map(ToString::to_string) {
            // Libraries repeat the text of a cause in the error above it.
            if !printed.contains(&cause) {
                causes.push(cause.clone());
                printed = cause;
            }
        }
        // Between the request and the system call that failed are layers of the HTTP client, which
        // say no more than these two.
        if self.kind == FailureKind::Unreachable && causes.len() > 2 {
            causes.drain(1..causes.len() - 1);
        }
        causes
    }
}

impl From<anyhow::Error> for CommandError {
    fn from(error: anyhow::Error) -> Self {
        Self { kind: FailureKind::Failed, error, hints: Vec::new() }
    }
}

impl From<ChainError> for CommandError {
    fn from(error: ChainError) -> Self {
        let kind = if error.is_unreachable() {
            FailureKind::Unreachable
        } else if error.revert().is_some() {
            FailureKind::Refused
        } else if matches!(error, ChainError::Url { .. }) {
            FailureKind::Usage
        } else {
            FailureKind::Failed
        };
        let hints = hint_for(&error).map(ToOwned::to_owned).into_iter().collect();
        Self { kind, error: error.into(), hints }
    }
}

impl From<ContentError> for CommandError {
    fn from(error: ContentError) -> Self {
        anyhow::Error::from(error).into()
    }
}

impl From<Diagnostics> for CommandError {
    fn from(diagnostics: Diagnostics) -> Self {
        Self { kind: FailureKind::Template, error: diagnostics.into(), hints: Vec::new() }
    }
}

impl From<ArchiveError> for CommandError {
    fn from(error: ArchiveError) -> Self {
        Self { kind: FailureKind::Template, error: error.into(), hints: Vec::new() }
    }
}

impl From<ServiceAtBlockError> for CommandError {
    fn from(error: ServiceAtBlockError) -> Self {
        match error {
            ServiceAtBlockError::Chain(error) => error.into(),
            other => anyhow::Error::from(other).into(),
        }
    }
}

impl From<ServiceOpenError> for CommandError {
    fn from(error: ServiceOpenError) -> Self {
        anyhow::Error::from(error).context("the service on chain cannot be used").into()
    }
}

impl From<AgentError> for CommandError {
    fn from(error: AgentError) -> Self {
        anyhow::Error::from(error).into()
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        anyhow::Error::from(error).into()
    }
}
