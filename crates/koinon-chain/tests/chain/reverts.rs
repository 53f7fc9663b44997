//! The reasons of contracts, decoded and put into words.

use alloy::json_abi::JsonAbi;
use alloy::primitives::Address;
use alloy::primitives::B256;
use alloy::primitives::Bytes;
use alloy::primitives::U256;
use alloy::sol_types::Panic;
use alloy::sol_types::SolError;
use koinon_bindings::Core::CoreErrors;
use koinon_bindings::Identity::IdentityErrors;
use koinon_chain::Revert;
use koinon_chain::ServiceContract;

use crate::word;

/// Reads the contract's ABI from its committed artifact.
fn abi(contract: ServiceContract) -> JsonAbi {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../contracts/artifacts");
    let path = format!("{folder}/{}.json", contract.solidity_name());
    let artifact: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    serde_json::from_value(artifact["abi"].clone()).unwrap()
}

/// Returns whether the error is one of a library, which voters and operators do not see: its text
/// is the Solidity form.
fn is_of_a_library(error: &str) -> bool {
    const PREFIXES: [&str; 10] = [
        "AccessControlBad",
        "Checkpoint",
        "ERC",
        "EnumerableMap",
        "Failed",
        "Governor",
        "Invalid",
        "SafeCast",
        "StringTooLong",
        "VotesExpired",
    ];
    let timelock = ["TimelockInvalidOperationLength", "TimelockUnexecutedPredecessor"];
    PREFIXES.iter().any(|prefix| error.starts_with(prefix)) || timelock.contains(&error)
}

#[test]
fn every_error_of_our_contracts_has_a_sentence() {
    let mut sentences = 0;
    for contract in ServiceContract::ALL {
        for error in abi(contract).errors() {
            // Zeros are valid arguments of all types our errors have.
            let data = [&error.selector()[..], &[0; 10 * 32]].concat();
            let text = Revert::decode(&data).to_string();
            assert!(!text.starts_with("reverted"), "{} is not decoded: {text}", error.name);
            if !is_of_a_library(&error.name) {
                assert!(!text.contains(&error.name), "{} has no sentence: {text}", error.name);
                assert!(text.contains(' '), "{}: {text}", error.name);
                sentences += 1;
            }
        }
    }
    // 5 errors that 6 modules share count 6 times.
    assert!(sentences > 80, "{sentences}");
}

#[test]
fn reverts_without_an_error_of_ours_are_shown() {
    assert_eq!(Revert::decode(&[]), Revert::Unknown(Bytes::new()));
    assert_eq!(Revert::decode(&[]).to_string(), "reverted without a reason");
    assert_eq!(Revert::decode(&[1, 2, 3]).to_string(), "reverted with 0x010203");
    let message = alloy::sol_types::Revert { reason: "so\u{1b}[2J".to_owned() };
    let decoded = Revert::decode(&message.abi_encode());
    assert_eq!(decoded, Revert::Message("so\u{1b}[2J".to_owned()));
    assert_eq!(decoded.to_string(), "so?[2J");
    let panic = Panic { code: U256::from(0x11) };
    let decoded = Revert::decode(&panic.abi_encode());
    assert_eq!(decoded, Revert::Panic(panic));
    assert_eq!(decoded.to_string(), "panic: arithmetic underflow or overflow (0x11)");
}

#[test]
fn errors_are_put_into_words() {
    let account = Address::repeat_byte(0x11);
    let shown = "0x1111111111111111111111111111111111111111";
    let other = Address::repeat_byte(0x22);
    let number = U256::from;
    let cases = [
        (
            reverts!(Mapper, MapperTooEarly { blockNumber: number(3), opensAt: number(5) }),
            "the epoch opens at block 5 (now 3)".to_owned(),
        ),
        (reverts!(Mapper, MapperAlreadyBegun {}), "the epochs have already begun".to_owned()),
        (
            reverts!(Mapper, MapperUnknownSlot { set: word("workers"), group: 1, place: 2 }),
            "there is no slot workers/1/2".to_owned(),
        ),
        (
            reverts!(
                Core,
                ModuleConflict {
                    path: "a\u{1b}".to_owned(),
                    expected: B256::ZERO,
                    actual: B256::with_last_byte(1),
                }
            ),
            format!(
                "object `a?` changed meanwhile: it is blob {}, expected absent",
                B256::with_last_byte(1)
            ),
        ),
        (
            reverts!(Core, CoreUnauthorized { caller: account, module: word("topology") }),
            format!("{shown} may not update module topology"),
        ),
        (
            reverts!(Stake, StakeNothingDue { account: account, availableAt: U256::ZERO }),
            format!("{shown} has requested no withdrawal"),
        ),
        (
            reverts!(Stake, StakeNothingDue { account: account, availableAt: number(9) }),
            format!("the stake of {shown} is due at block 9"),
        ),
        (
            reverts!(
                Identity,
                IdentityStakeTooLow { operator: account, stake: number(9), threshold: number(10) }
            ),
            format!("{shown} has a stake of 9, 10 are needed"),
        ),
        (
            reverts!(
                Templates,
                TemplatesNotOperator {
                    set: word("workers"),
                    group: 0,
                    place: 2,
                    caller: account,
                    operator: other
                }
            ),
            format!("slot workers/0/2 belongs to {other}, not to {shown}"),
        ),
        (
            reverts!(
                Templates,
                TemplatesNotOperator {
                    set: word("workers"),
                    group: 0,
                    place: 2,
                    caller: account,
                    operator: Address::ZERO
                }
            ),
            "slot workers/0/2 belongs to no operator".to_owned(),
        ),
        (
            reverts!(Governance, GovernorNonexistentProposal { proposalId: U256::MAX }),
            "there is no proposal 1157…35".to_owned(),
        ),
        (
            reverts!(
                Governance,
                GovernorUnexpectedProposalState {
                    proposalId: number(5),
                    current: 3,
                    expectedStates: B256::with_last_byte(0b11_0000),
                }
            ),
            "proposal 5 is defeated, expected succeeded or queued".to_owned(),
        ),
        (
            reverts!(
                Governance,
                GovernorUnexpectedProposalState {
                    proposalId: number(5),
                    current: 0,
                    expectedStates: B256::ZERO,
                }
            ),
            "the same proposal exists: 5, which is pending".to_owned(),
        ),
        (
            reverts!(
                Timelock,
                TimelockUnexpectedOperationState {
                    operationId: B256::ZERO,
                    expectedStates: B256::with_last_byte(4),
                }
            ),
            "its timelock has not passed, or it is not queued".to_owned(),
        ),
        (reverts!(Governance, GovernorInvalidVoteType {}), "GovernorInvalidVoteType".to_owned()),
        (
            reverts!(Governance, GovernorInvalidSignature { voter: account }),
            format!("GovernorInvalidSignature {{ voter: {shown} }}"),
        ),
    ];
    for (revert, text) in cases {
        assert_eq!(revert.to_string(), text);
    }
}

#[test]
fn shared_errors_are_found_under_core() {
    let error = koinon_bindings::Identity::ModuleUnauthorized { caller: Address::ZERO };
    let decoded = Revert::decode(&error.abi_encode());
    let same = koinon_bindings::Core::ModuleUnauthorized { caller: Address::ZERO };
    assert_eq!(decoded, Revert::Core(Box::new(CoreErrors::ModuleUnauthorized(same))));
    let own = koinon_bindings::Identity::IdentityNotJoined { operator: Address::ZERO };
    let decoded = Revert::decode(&own.abi_encode());
    assert_eq!(decoded, Revert::Identity(Box::new(IdentityErrors::IdentityNotJoined(own))));
}
