//! Errors as people meet them: what failed, why, and what to do next.

use std::fmt;
use std::process::ExitCode;

use koinon_chain::ChainError;
use koinon_node::AgentError;
use koinon_node::DesiredError;
use koinon_tosca::Diagnostics;
use koinon_tosca::Style;

/// The exit codes of `koinon`, as `koinon --help` documents them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Something asked for cannot be done as things are: 1.
    Failed,
    /// The command line is wrong: 2 (clap's own).
    Usage,
    /// A template does not compile: 3.
    Template,
    /// The chain or a service on it did not answer: 4.
    Unreachable,
    /// A contract refused: 5.
    Refused,
    /// A check found something wrong: 6.
    Unhealthy,
    /// Stopped by a signal: 130.
    Interrupted,
}

/// A command's failure.
#[derive(Debug)]
pub(crate) struct CommandError {
    pub(crate) kind: Kind,
    pub(crate) error: anyhow::Error,
    pub(crate) hints: Vec<String>,
}

/// What a command returns.
pub(crate) type Outcome<T = ()> = Result<T, CommandError>;

impl Kind {
    pub(crate) fn exit_code(self) -> ExitCode {
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

impl CommandError {
    pub(crate) fn new(kind: Kind, message: impl fmt::Display) -> Self {
        Self { kind, error: anyhow::anyhow!("{message}"), hints: Vec::new() }
    }

    pub(crate) fn failed(message: impl fmt::Display) -> Self {
        Self::new(Kind::Failed, message)
    }

    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(Kind::Usage, message)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Shows the error with its causes and hints.
    pub(crate) fn render(&self) -> String {
        if let Some(diagnostics) = self.error.downcast_ref::<Diagnostics>() {
            return format!("{}\n", diagnostics.render(Style::Colored));
        }
        let mut text = String::new();
        let mut said = String::new();
        for (depth, cause) in self.error.chain().enumerate() {
            // Libraries repeat the text of a cause in that of what it caused.
            let cause = cause.to_string();
            if depth > 0 && said.contains(&cause) {
                continue;
            }
            let label = if depth == 0 { "error" } else { "  because" };
            text.push_str(&format!("{label}: {cause}\n"));
            said = cause;
        }
        for hint in &self.hints {
            text.push_str(&format!("  hint: {hint}\n"));
        }
        text
    }
}

impl From<anyhow::Error> for CommandError {
    fn from(error: anyhow::Error) -> Self {
        Self { kind: Kind::Failed, error, hints: Vec::new() }
    }
}

impl From<ChainError> for CommandError {
    fn from(error: ChainError) -> Self {
        let kind = if error.is_unreachable() {
            Kind::Unreachable
        } else if error.revert().is_some() {
            Kind::Refused
        } else if matches!(error, ChainError::Url { .. }) {
            Kind::Usage
        } else {
            Kind::Failed
        };
        let hints = hints_for(&error);
        Self { kind, error: error.into(), hints }
    }
}

impl From<Diagnostics> for CommandError {
    fn from(diagnostics: Diagnostics) -> Self {
        Self { kind: Kind::Template, error: diagnostics.into(), hints: Vec::new() }
    }
}

impl From<koinon_tosca::csar::ArchiveError> for CommandError {
    fn from(error: koinon_tosca::csar::ArchiveError) -> Self {
        Self { kind: Kind::Template, error: error.into(), hints: Vec::new() }
    }
}

impl From<DesiredError> for CommandError {
    fn from(error: DesiredError) -> Self {
        match error {
            DesiredError::Chain(error) => error.into(),
            other => Self { kind: Kind::Failed, error: other.into(), hints: Vec::new() },
        }
    }
}

impl From<koinon_tosca::OpenError> for CommandError {
    fn from(error: koinon_tosca::OpenError) -> Self {
        anyhow::Error::from(error).context("the service on chain cannot be used").into()
    }
}

impl From<AgentError> for CommandError {
    fn from(error: AgentError) -> Self {
        Self { kind: Kind::Failed, error: error.into(), hints: Vec::new() }
    }
}

impl From<koinon_node::StoreError> for CommandError {
    fn from(error: koinon_node::StoreError) -> Self {
        anyhow::Error::from(error).into()
    }
}

/// What to do next about what contracts refuse most often.
fn hints_for(error: &ChainError) -> Vec<String> {
    if error.is_unreachable() {
        return vec![
            "is the node running, and is --rpc-url right? `koinon chain` starts a local one"
                .to_owned(),
        ];
    }
    if matches!(error, ChainError::NoSigner { .. }) {
        return vec![
            "give --keystore and --password-file, or --operator in a local network".to_owned(),
        ];
    }
    if matches!(error, ChainError::NoService(_)) {
        return vec!["`koinon service list` shows those of the chain".to_owned()];
    }
    let Some(revert) = error.revert() else { return Vec::new() };
    let shown = revert.to_string();
    let known = [
        ("IdentityStakeTooLow", "stake more with `koinon operator join --stake N`"),
        ("IdentityNameTaken", "choose another --name"),
        ("IdentityAlreadyJoined", "it is an operator already: see `koinon operator list`"),
        (
            "StakeNothingDue",
            "give up stake with `koinon operator leave`, and withdraw it once it is due",
        ),
        ("GovernorNonexistentProposal", "`koinon proposal list` shows all"),
        (
            "IdentityListFull",
            "the list is as long as max_operator_number allows; raising it takes a vote",
        ),
        (
            "GovernorInsufficientProposerVotes",
            "proposing takes stake: `koinon operator join --stake N`",
        ),
        ("GovernorUnexpectedProposalState", "see where it stands with `koinon proposal show ID`"),
        (
            "TimelockUnexpectedOperationState",
            "its timelock has not passed; see `koinon proposal show ID`",
        ),
        ("ModuleConflict", "the service changed since; run `koinon diff` and propose again"),
        ("MapperTooEarly", "see when it can open with `koinon epoch show`"),
        ("CoreUnauthorized", "the account may not update this module; propose the change instead"),
        (
            "CoreUnknownParameter",
            "nothing was voted through yet: `koinon propose`, vote and execute first",
        ),
    ];
    let hints = known.iter().filter(|(name, _)| shown.starts_with(name));
    hints.map(|(_, hint)| (*hint).to_owned()).collect()
}
