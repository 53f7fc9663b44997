//! `koinon proposal`, `propose`, `vote` and `execute`: proposals from their making to their
//! execution.

mod list;
mod show;

pub(crate) mod execute;
pub(crate) mod propose;
pub(crate) mod vote;

use std::str::FromStr;

use alloy::primitives::U256;
use clap::Subcommand;
use koinon_chain::Contracts;
use koinon_chain::Proposal;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Ui;

#[derive(Subcommand, Debug)]
#[command(defer = true)]
pub(crate) enum ProposalCommand {
    /// List the proposals of a service
    List(list::ProposalListArgs),
    /// Show a proposal: where it stands, its votes, and what it changes
    Show(show::ProposalShowArgs),
}

pub(crate) async fn run(ui: Ui, command: ProposalCommand) -> Outcome {
    match command {
        ProposalCommand::List(args) => list::run(ui, args).await,
        ProposalCommand::Show(args) => show::run(ui, args).await,
    }
}

/// A proposal as people name it: `latest`, its number, or enough of the number's first digits, as
/// in `2741` or `2741…93`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum ProposalName {
    Latest,
    /// The first digits, and the last.
    Digits(String, String),
}

impl FromStr for ProposalName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        let (first, last) = text.split_once('…').unwrap_or((text, ""));
        if first.is_empty() || !(first.to_owned() + last).bytes().all(|one| one.is_ascii_digit()) {
            return Err(format!("expected a proposal's number or `latest`, found {text}"));
        }
        Ok(Self::Digits(first.to_owned(), last.to_owned()))
    }
}

impl ProposalName {
    fn names(&self, id: U256) -> bool {
        let id = id.to_string();
        match self {
            Self::Latest => true,
            Self::Digits(first, last) => id.starts_with(first) && id.ends_with(last),
        }
    }
}

/// Finds the proposal that is meant.
async fn find_proposal(contracts: &Contracts, name: &ProposalName) -> Outcome<Proposal> {
    let mut proposals = contracts.proposals(0).await?;
    proposals.retain(|proposal| name.names(proposal.id));
    let exact = |digits: &String| proposals.iter().position(|one| one.id.to_string() == *digits);
    let found = match name {
        ProposalName::Latest => proposals.len().checked_sub(1),
        ProposalName::Digits(digits, _) => match proposals.len() {
            0 | 1 => proposals.len().checked_sub(1),
            // One number may begin with all of another.
            several => match exact(digits) {
                Some(exact) => Some(exact),
                None => {
                    let text = format!("{several} proposals begin with {digits}");
                    return Err(CommandError::failed(text).hint("give more of its digits"));
                }
            },
        },
    };
    found.map(|found| proposals.swap_remove(found)).ok_or_else(|| {
        let text = match name {
            ProposalName::Latest => "no proposal was made yet".to_owned(),
            ProposalName::Digits(digits, _) => format!("no proposal {digits}"),
        };
        CommandError::failed(text).hint("`koinon proposal list` shows all")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proposals_have_short_names() {
        let id = U256::from(274_100_093_u64);
        for (text, names) in [
            ("latest", true),
            ("2", true),
            ("274100093", true),
            ("2741…93", true),
            ("2741…92", false),
            ("3", false),
        ] {
            assert_eq!(text.parse::<ProposalName>().unwrap().names(id), names, "{text}");
        }
        for text in ["", "…", "last", "-1", "0x2", "2741...93"] {
            assert!(text.parse::<ProposalName>().is_err(), "{text}");
        }
    }
}
