//! The next step to suggest for each error of the chain. Every hint for an error of a library is
//! here.

use koinon_chain::ChainError;
use koinon_chain::Revert;
use koinon_chain::bindings::Core::CoreErrors;
use koinon_chain::bindings::Governance::GovernanceErrors;
use koinon_chain::bindings::Identity::IdentityErrors;
use koinon_chain::bindings::Mapper::MapperErrors;
use koinon_chain::bindings::Stake::StakeErrors;
use koinon_chain::bindings::Timelock::TimelockErrors;

/// Returns the next step after an error of the chain, if there is a common one.
pub(crate) fn hint_for(error: &ChainError) -> Option<&'static str> {
    if error.is_unreachable() {
        return Some(
            "is the node running, and is --rpc-url right? `koinon chain` starts a local one",
        );
    }
    match error {
        ChainError::NoSigner { .. } => {
            Some("give --keystore and --password-file, or --as in a local network")
        }
        ChainError::TooLarge { .. } => Some("propose it in parts, one after the other"),
        ChainError::WrongChain { .. } => Some("is --chain-id right, and is it the right node?"),
        ChainError::NoService(_) => Some("`koinon service list` shows those of the chain"),
        _ => hint_for_revert(error.revert()?),
    }
}

/// Returns the next step after a revert. Errors that several contracts share are variants of the
/// first of them, as [`Revert::decode`] says.
fn hint_for_revert(revert: &Revert) -> Option<&'static str> {
    match revert {
        Revert::Core(error) => match **error {
            CoreErrors::CoreUnauthorized(_) => {
                Some("the account may not update this module; propose the change instead")
            }
            CoreErrors::CoreUnknownParameter(_) => {
                Some("nothing was voted through yet: `koinon propose`, vote and execute first")
            }
            CoreErrors::ModuleConflict(_) => {
                Some("the service changed since; run `koinon diff` and propose again")
            }
            _ => None,
        },
        Revert::Identity(error) => match **error {
            IdentityErrors::IdentityStakeTooLow(_) => {
                Some("stake more with `koinon operator join --stake N`")
            }
            IdentityErrors::IdentityNameTaken(_) => {
                Some("make keys with another name: `koinon key new DIR --name NAME`")
            }
            IdentityErrors::IdentityAlreadyJoined(_) => {
                Some("it is an operator already: see `koinon operator list`")
            }
            IdentityErrors::IdentityListFull(_) => {
                Some("the list is as long as max_operator_number allows; raising it takes a vote")
            }
            _ => None,
        },
        Revert::Mapper(error) => match **error {
            MapperErrors::MapperTooEarly(_) => {
                Some("see when it can open with `koinon epoch show`")
            }
            _ => None,
        },
        Revert::Stake(error) => match **error {
            StakeErrors::StakeNothingDue(_) => {
                Some("give up stake with `koinon operator leave`, and withdraw it once it is due")
            }
            _ => None,
        },
        Revert::Governance(error) => match **error {
            GovernanceErrors::GovernorNonexistentProposal(_) => {
                Some("`koinon proposal list` shows all")
            }
            GovernanceErrors::GovernorInsufficientProposerVotes(_) => {
                Some("proposing takes stake: `koinon operator join --stake N`")
            }
            GovernanceErrors::GovernorUnexpectedProposalState(_) => {
                Some("see where it stands with `koinon proposal show ID`")
            }
            _ => None,
        },
        Revert::Timelock(error) => match **error {
            TimelockErrors::TimelockUnexpectedOperationState(_) => {
                Some("its timelock has not passed; see `koinon proposal show ID`")
            }
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;
    use alloy::primitives::B256;
    use alloy::primitives::U256;
    use alloy::sol_types::SolError;
    use koinon_chain::bindings::Core;
    use koinon_chain::bindings::Governance;
    use koinon_chain::bindings::Identity;
    use koinon_chain::bindings::Mapper;
    use koinon_chain::bindings::Stake;
    use koinon_chain::bindings::Timelock;
    use koinon_chain::bindings::Topology;

    use super::*;

    #[test]
    fn every_known_revert_has_its_hint_after_decoding() {
        let (account, number, word) = (Address::ZERO, U256::from(1), B256::ZERO);
        let conflict =
            Topology::ModuleConflict { path: "x".to_owned(), expected: word, actual: word };
        let reverts = [
            (
                Core::CoreUnauthorized { caller: account, module: word }.abi_encode(),
                "propose the change",
            ),
            (Core::CoreUnknownParameter { name: word }.abi_encode(), "koinon propose"),
            (conflict.abi_encode(), "koinon diff"),
            (
                Identity::IdentityStakeTooLow {
                    operator: account,
                    stake: number,
                    threshold: number,
                }
                .abi_encode(),
                "--stake",
            ),
            (
                Identity::IdentityNameTaken { name: "x".to_owned(), holder: account }.abi_encode(),
                "--name",
            ),
            (Identity::IdentityAlreadyJoined { operator: account }.abi_encode(), "operator list"),
            (Identity::IdentityListFull { limit: number }.abi_encode(), "max_operator_number"),
            (
                Mapper::MapperTooEarly { blockNumber: number, opensAt: number }.abi_encode(),
                "epoch show",
            ),
            (
                Stake::StakeNothingDue { account, availableAt: number }.abi_encode(),
                "operator leave",
            ),
            (
                Governance::GovernorNonexistentProposal { proposalId: number }.abi_encode(),
                "proposal list",
            ),
            (
                Governance::GovernorInsufficientProposerVotes {
                    proposer: account,
                    votes: number,
                    threshold: number,
                }
                .abi_encode(),
                "--stake",
            ),
            (
                Governance::GovernorUnexpectedProposalState {
                    proposalId: number,
                    current: 1,
                    expectedStates: word,
                }
                .abi_encode(),
                "proposal show",
            ),
            (
                Timelock::TimelockUnexpectedOperationState {
                    operationId: word,
                    expectedStates: word,
                }
                .abi_encode(),
                "proposal show",
            ),
        ];
        for (data, expected) in reverts {
            let revert = Revert::decode(&data);
            let hint = hint_for_revert(&revert);
            assert!(hint.is_some_and(|hint| hint.contains(expected)), "{revert}: {hint:?}");
        }
    }
}
