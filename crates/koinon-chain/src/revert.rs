//! The reasons of contracts for rejecting a call, in words for people.

use std::fmt;

use alloy::primitives::B256;
use alloy::primitives::Bytes;
use alloy::sol_types::Panic;
use alloy::sol_types::Revert as Message;
use alloy::sol_types::SolError;
use alloy::sol_types::SolInterface;
use koinon_bindings::Blobs::BlobsErrors;
use koinon_bindings::Core::CoreErrors;
use koinon_bindings::Governance::GovernanceErrors;
use koinon_bindings::Identity::IdentityErrors;
use koinon_bindings::Mapper::MapperErrors;
use koinon_bindings::Security::SecurityErrors;
use koinon_bindings::Stake::StakeErrors;
use koinon_bindings::Templates::TemplatesErrors;
use koinon_bindings::Timelock::TimelockErrors;
use koinon_bindings::Topology::TopologyErrors;

use crate::text::printable;
use crate::text::short_number;
use crate::text::word_text;

/// The reason of a contract for rejecting a call, with its arguments. Match the error inside, as in
/// `Revert::Mapper(error)` with `MapperErrors::MapperTooEarly(early) = &**error`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revert {
    /// An error of Core, or one that all object modules share, such as `ModuleConflict`.
    Core(Box<CoreErrors>),
    /// An error of the list of operators.
    Identity(Box<IdentityErrors>),
    /// An error of epochs, deals and slots.
    Mapper(Box<MapperErrors>),
    /// An error of bans and permissions.
    Security(Box<SecurityErrors>),
    /// An error of the stake vault.
    Stake(Box<StakeErrors>),
    /// An error of reports.
    Templates(Box<TemplatesErrors>),
    /// An error of node sets.
    Topology(Box<TopologyErrors>),
    /// An error of the governor: proposals and votes.
    Governance(Box<GovernanceErrors>),
    /// An error of the timelock.
    Timelock(Box<TimelockErrors>),
    /// An error of the store of values.
    Blobs(Box<BlobsErrors>),
    /// `Error(string)`.
    Message(String),
    /// `Panic(uint256)`.
    Panic(Panic),
    /// Data that no contract of Koinon reverts with; empty if there was none.
    Unknown(Bytes),
}

impl Revert {
    /// Decodes revert data. An error that several contracts share is found under the first of them,
    /// in the order of the variants.
    pub fn decode(data: &[u8]) -> Self {
        fn of<E: SolInterface>(data: &[u8], wrap: fn(Box<E>) -> Revert) -> Option<Revert> {
            // Not an error of this contract: the next one is tried.
            E::abi_decode(data).ok().map(Box::new).map(wrap)
        }
        of(data, Self::Core)
            .or_else(|| of(data, Self::Identity))
            .or_else(|| of(data, Self::Mapper))
            .or_else(|| of(data, Self::Security))
            .or_else(|| of(data, Self::Stake))
            .or_else(|| of(data, Self::Templates))
            .or_else(|| of(data, Self::Topology))
            .or_else(|| of(data, Self::Governance))
            .or_else(|| of(data, Self::Timelock))
            .or_else(|| of(data, Self::Blobs))
            .or_else(|| Message::abi_decode(data).ok().map(|message| Self::Message(message.reason)))
            .or_else(|| Panic::abi_decode(data).ok().map(Self::Panic))
            .unwrap_or_else(|| Self::Unknown(Bytes::copy_from_slice(data)))
    }
}

impl fmt::Display for Revert {
    /// Writes the reason as a clause that can follow `cannot …: `.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Core(error) => core(f, error),
            Self::Identity(error) => identity(f, error),
            Self::Mapper(error) => mapper(f, error),
            Self::Security(error) => security(f, error),
            Self::Stake(error) => stake(f, error),
            Self::Templates(error) => templates(f, error),
            Self::Topology(error) => topology(f, error),
            Self::Governance(error) => governance(f, error),
            Self::Timelock(error) => timelock(f, error),
            Self::Blobs(error) => blobs(f, error),
            Self::Message(message) => f.write_str(&printable(message)),
            Self::Panic(panic) => write!(f, "{panic}"),
            Self::Unknown(data) if data.is_empty() => f.write_str("reverted without a reason"),
            Self::Unknown(data) => write!(f, "reverted with {data}"),
        }
    }
}

fn core(f: &mut fmt::Formatter<'_>, error: &CoreErrors) -> fmt::Result {
    match error {
        CoreErrors::CoreUnauthorized(it) => {
            write!(f, "{} may not update module {}", it.caller, word_text(it.module))
        }
        CoreErrors::CoreEmptyChange(_) => f.write_str("the change is empty"),
        CoreErrors::CoreEmptyEdits(it) => {
            write!(f, "the change lists module `{}` without edits", word_text(it.module))
        }
        CoreErrors::CoreUnknownModule(it) => {
            write!(f, "there is no module `{}` that holds objects", word_text(it.name))
        }
        CoreErrors::CoreUnknownParameter(it) => {
            write!(f, "there is no parameter `{}`", word_text(it.name))
        }
        CoreErrors::CoreNegativeParameter(it) => {
            let name = word_text(it.name);
            write!(f, "parameter `{name}` must not be negative, found {}", it.value)
        }
        CoreErrors::CoreUnexpectedSets(it) => {
            write!(f, "the change lists {} node sets without replacing them", it.sets)
        }
        CoreErrors::CoreTooManyParameters(it) => {
            write!(f, "a service has at most {} parameters", it.limit)
        }
        CoreErrors::CoreTooManyModules(it) => {
            write!(f, "a service has at most {} modules", it.limit)
        }
        CoreErrors::CoreModulesMismatch(it) => {
            write!(f, "{} module names were given for {} addresses", it.names, it.addresses)
        }
        CoreErrors::CoreInvalidModule(it) => {
            write!(f, "{} cannot be the module `{}`", it.module, word_text(it.name))
        }
        CoreErrors::CoreMissingModule(it) => {
            write!(f, "a service must have the module `{}`", word_text(it.name))
        }
        CoreErrors::CoreTimelockLockedOut(it) => {
            write!(f, "the timelock {} could not update the service any more", it.timelock)
        }
        CoreErrors::ModuleUnauthorized(it) => {
            write!(f, "only Core may update a module, not {}", it.caller)
        }
        CoreErrors::ModuleInvalidPath(it) => {
            write!(f, "a path has 1 to {} bytes, found {}", it.limit, it.length)
        }
        CoreErrors::ModuleConflict(it) => {
            let path = printable(&it.path);
            let (actual, expected) = (blob_name(it.actual), blob_name(it.expected));
            write!(f, "object `{path}` changed meanwhile: it is {actual}, expected {expected}")
        }
        CoreErrors::ModuleNoChange(it) => {
            write!(f, "the edit of object `{}` changes nothing", printable(&it.path))
        }
        CoreErrors::ModuleUnknownBlob(it) => {
            write!(f, "object `{}` (blob {}) is not published", printable(&it.path), it.blob)
        }
        library => solidity_form(f, library),
    }
}

fn identity(f: &mut fmt::Formatter<'_>, error: &IdentityErrors) -> fmt::Result {
    match error {
        IdentityErrors::IdentityAlreadyJoined(it) => {
            write!(f, "{} is already an operator", it.operator)
        }
        IdentityErrors::IdentityNotJoined(it) => write!(f, "{} is not an operator", it.operator),
        IdentityErrors::IdentityInvalidName(it) => write!(
            f,
            "the name `{}` is invalid: expected 1 to 64 characters of A-Z a-z 0-9 @ . _ -",
            printable(&it.name)
        ),
        IdentityErrors::IdentityNameMismatch(it) => write!(
            f,
            "the account joined as `{}` before and cannot become `{}`",
            printable(&it.formerName),
            printable(&it.name)
        ),
        IdentityErrors::IdentityNameTaken(it) => {
            write!(f, "the name `{}` belongs to {}", printable(&it.name), it.holder)
        }
        IdentityErrors::IdentityCertificateTaken(it) => {
            write!(f, "the certificate {} belongs to {}", it.fingerprint, it.holder)
        }
        IdentityErrors::IdentityStakeTooLow(it) => {
            write!(f, "{} has a stake of {}, {} are needed", it.operator, it.stake, it.threshold)
        }
        IdentityErrors::IdentityStakeSufficient(it) => write!(
            f,
            "{} has a stake of {}, enough for the threshold of {}",
            it.operator, it.stake, it.threshold
        ),
        IdentityErrors::IdentityListFull(it) => {
            write!(f, "the list of operators is full: at most {}", it.limit)
        }
        IdentityErrors::IdentityCertificateKeyNotFound(it) => {
            write!(f, "certificate {} has no P-256 key at byte {}", it.certificate, it.keyOffset)
        }
        IdentityErrors::IdentityInvalidSignature(it) => {
            write!(f, "the certificate's key did not sign this application (digest {})", it.digest)
        }
        IdentityErrors::IdentityBanned(it) => {
            write!(f, "{} or its certificate is banned", it.operator)
        }
        IdentityErrors::IdentityInvalidBeaconKey(it) => {
            write!(
                f,
                "the beacon key ({:#x}, {:#x}) is not a usable point of secp256k1",
                it.x, it.y
            )
        }
        IdentityErrors::IdentityNoBeaconKey(it) => {
            write!(f, "{} had no beacon key at block {}", it.operator, it.blockNumber)
        }
        IdentityErrors::IdentityNotActiveAt(it) => {
            write!(f, "{} was not an active operator at block {}", it.operator, it.blockNumber)
        }
        IdentityErrors::IdentityFutureLookup(it) => {
            write!(f, "block {} is not over (now {})", it.blockNumber, it.current)
        }
        shared => solidity_form(f, shared),
    }
}

fn mapper(f: &mut fmt::Formatter<'_>, error: &MapperErrors) -> fmt::Result {
    match error {
        MapperErrors::MapperAlreadyBegun(_) => f.write_str("the epochs have already begun"),
        MapperErrors::MapperNotBegun(_) => f.write_str("the epochs have not begun"),
        MapperErrors::MapperNoOperators(_) => f.write_str("the service has no operators"),
        MapperErrors::MapperTooEarly(it) => {
            write!(f, "the epoch opens at block {} (now {})", it.opensAt, it.blockNumber)
        }
        MapperErrors::MapperDealUnfinished(it) => {
            write!(f, "the deal of epoch {} is not finished", it.epoch)
        }
        MapperErrors::MapperInvalidProof(it) => {
            write!(f, "the proof is not that of beacon {} for epoch {}", it.beacon, it.epoch)
        }
        MapperErrors::MapperWrongEpoch(it) => {
            write!(f, "the newest epoch is {}, not {}", it.latest, it.given)
        }
        MapperErrors::MapperAlreadyDealt(it) => write!(f, "epoch {} is already dealt", it.epoch),
        MapperErrors::MapperUnexpectedChunk(it) => write!(
            f,
            "the chunk from operator {} on does not hold operator {}, which is next",
            it.given, it.expected
        ),
        MapperErrors::MapperInvalidChunk(it) => {
            write!(f, "a chunk has 1 to {} operators, found {}", it.limit, it.operators)
        }
        MapperErrors::MapperNotAscending(it) => {
            write!(f, "operator {} is not in the order that the seed gives", it.operator)
        }
        MapperErrors::MapperTooManyOperators(it) => {
            write!(f, "the epoch has {} operators, found {}", it.snapshotOperators, it.given)
        }
        MapperErrors::MapperUnknownSlot(it) => {
            write!(f, "there is no slot {}/{}/{}", word_text(it.set), it.group, it.place)
        }
        library => solidity_form(f, library),
    }
}

fn security(f: &mut fmt::Formatter<'_>, error: &SecurityErrors) -> fmt::Result {
    match error {
        SecurityErrors::SecurityInvalidBan(it) => {
            write!(f, "the ban of {} names a unit, which its kind does not have", it.ban.subject)
        }
        SecurityErrors::SecurityBanUnchanged(it) => {
            let state = if it.ban.banned { "in force" } else { "lifted" };
            write!(f, "the ban of {} is already {state}", it.ban.subject)
        }
        SecurityErrors::SecurityTooManyBans(it) => {
            write!(f, "a service has at most {} bans", it.limit)
        }
        SecurityErrors::SecurityTooManyNodeBans(it) => {
            write!(f, "operator {} has at most {} banned nodes", it.operator, it.limit)
        }
        SecurityErrors::SecurityInvalidPermission(it) => {
            let module = word_text(it.module);
            let mode = if it.mode == 0 { "governance" } else { "admins" };
            write!(f, "the mode `{mode}` of module `{module}` does not fit {} admins", it.admins)
        }
        SecurityErrors::SecurityInvalidAdmin(it) => {
            let module = word_text(it.module);
            write!(f, "{} is zero, or listed twice as an admin of module `{module}`", it.admin)
        }
        SecurityErrors::SecurityTooManyAdmins(it) => {
            let module = word_text(it.module);
            write!(f, "module `{module}` has at most {} admins, found {}", it.limit, it.admins)
        }
        SecurityErrors::SecurityUnknownModule(it) => {
            write!(f, "there is no module `{}` with permissions", word_text(it.module))
        }
        shared => solidity_form(f, shared),
    }
}

fn stake(f: &mut fmt::Formatter<'_>, error: &StakeErrors) -> fmt::Result {
    match error {
        StakeErrors::StakeInvalidValue(it) => write!(
            f,
            "expected a multiple of {} wei, which is one stake, found {} wei",
            it.denomination, it.value
        ),
        StakeErrors::StakeInvalidAmount(it) => {
            write!(f, "cannot give up a stake of {}, the account has {}", it.stake, it.balance)
        }
        StakeErrors::StakeInvalidDenomination(_) => f.write_str("one stake must not be 0 wei"),
        StakeErrors::StakeNotTransferable(_) => f.write_str("stake cannot be transferred"),
        StakeErrors::StakeNotDelegable(_) => f.write_str("votes cannot be delegated"),
        StakeErrors::StakeNothingDue(it) if it.availableAt.is_zero() => {
            write!(f, "{} has requested no withdrawal", it.account)
        }
        StakeErrors::StakeNothingDue(it) => {
            write!(f, "the stake of {} is due at block {}", it.account, it.availableAt)
        }
        StakeErrors::StakePayoutFailed(it) => {
            write!(f, "{} did not accept {} wei", it.account, it.value)
        }
        library => solidity_form(f, library),
    }
}

fn templates(f: &mut fmt::Formatter<'_>, error: &TemplatesErrors) -> fmt::Result {
    match error {
        TemplatesErrors::TemplatesNotOperator(it) => {
            let set = word_text(it.set);
            write!(f, "slot {set}/{}/{} belongs to ", it.group, it.place)?;
            if it.operator.is_zero() {
                return f.write_str("no operator");
            }
            write!(f, "{}, not to {}", it.operator, it.caller)
        }
        TemplatesErrors::TemplatesUnknownRevision(it) => {
            write!(f, "the service is at revision {}, before {}", it.current, it.given)
        }
        TemplatesErrors::TemplatesUnknownState(it) => {
            let set = word_text(it.set);
            write!(f, "the report on slot {set}/{}/{} has no state", it.group, it.place)
        }
        TemplatesErrors::TemplatesEndpointTooLong(it) => {
            let (set, limit) = (word_text(it.set), it.limit);
            write!(
                f,
                "the endpoint of slot {set}/{}/{} has {} bytes, ",
                it.group, it.place, it.length
            )?;
            write!(f, "over the limit of {limit}")
        }
        shared => solidity_form(f, shared),
    }
}

fn topology(f: &mut fmt::Formatter<'_>, error: &TopologyErrors) -> fmt::Result {
    match error {
        TopologyErrors::TopologyInvalidSet(it) => {
            write!(f, "node set `{}` has no name or is listed twice", word_text(it.name))
        }
        TopologyErrors::TopologyTooManySets(it) => {
            write!(f, "a service has at most {} node sets, found {}", it.limit, it.sets)
        }
        shared => solidity_form(f, shared),
    }
}

fn governance(f: &mut fmt::Formatter<'_>, error: &GovernanceErrors) -> fmt::Result {
    match error {
        GovernanceErrors::GovernorAlreadyCastVote(it) => {
            write!(f, "{} has already voted on this proposal", it.voter)
        }
        GovernanceErrors::GovernorNonexistentProposal(it) => {
            write!(f, "there is no proposal {}", short_number(it.proposalId))
        }
        GovernanceErrors::GovernorUnexpectedProposalState(it) => {
            let (id, current) = (short_number(it.proposalId), proposal_state(it.current));
            if it.expectedStates.is_zero() {
                return write!(f, "the same proposal exists: {id}, which is {current}");
            }
            let expected: Vec<&str> = states(it.expectedStates).map(proposal_state).collect();
            write!(f, "proposal {id} is {current}, expected {}", expected.join(" or "))
        }
        GovernanceErrors::GovernorInsufficientProposerVotes(it) => {
            let (votes, threshold) = (it.votes, it.threshold);
            write!(f, "{} has {votes} votes, {threshold} are needed", it.proposer)
        }
        GovernanceErrors::GovernorRestrictedProposer(it) => {
            write!(f, "{} may not propose this: its text names another proposer", it.proposer)
        }
        GovernanceErrors::GovernorUnableToCancel(it) => {
            let id = short_number(it.proposalId);
            write!(f, "{} may not cancel proposal {id} now", it.account)
        }
        GovernanceErrors::GovernorOnlyExecutor(it) => {
            write!(f, "only a passed vote may do this, not {}", it.account)
        }
        library => solidity_form(f, library),
    }
}

fn timelock(f: &mut fmt::Formatter<'_>, error: &TimelockErrors) -> fmt::Result {
    match error {
        TimelockErrors::TimelockUnexpectedOperationState(it) => {
            if it.expectedStates == B256::with_last_byte(1 << TIMELOCK_READY) {
                return f.write_str("its timelock has not passed, or it is not queued");
            }
            write!(f, "the timelock's operation {} is in another state", it.operationId)
        }
        TimelockErrors::TimelockInsufficientDelay(it) => {
            write!(f, "the timelock waits for at least {} s, found {}", it.minDelay, it.delay)
        }
        TimelockErrors::TimelockUnauthorizedCaller(it) => {
            write!(f, "only the timelock itself may do this, not {}", it.caller)
        }
        TimelockErrors::AccessControlUnauthorizedAccount(it) => {
            write!(f, "{} does not have the role {} of the timelock", it.account, it.neededRole)
        }
        library => solidity_form(f, library),
    }
}

fn blobs(f: &mut fmt::Formatter<'_>, error: &BlobsErrors) -> fmt::Result {
    match error {
        BlobsErrors::BlobsTooLarge(it) => {
            write!(f, "a value of {} bytes is over the limit of {}", it.size, it.limit)
        }
        BlobsErrors::BlobsUnknown(it) => write!(f, "the value of blob {} is not stored", it.hash),
        library => solidity_form(f, library),
    }
}

/// The state `Ready` of OpenZeppelin's timelock controller.
const TIMELOCK_READY: u8 = 2;

/// Names a state of OpenZeppelin's governor.
fn proposal_state(state: u8) -> &'static str {
    match state {
        0 => "pending",
        1 => "active",
        2 => "canceled",
        3 => "defeated",
        4 => "succeeded",
        5 => "queued",
        6 => "expired",
        7 => "executed",
        _ => "in an unknown state",
    }
}

/// Returns the states whose bits are set, from the lowest.
fn states(bitmap: B256) -> impl Iterator<Item = u8> {
    let bits = bitmap[31];
    (0..8).filter(move |state| bits & (1 << state) != 0)
}

/// Names the blob of an object; zero means that there is no object.
fn blob_name(blob: B256) -> String {
    if blob.is_zero() { "absent".to_owned() } else { format!("blob {blob}") }
}

/// Shows an error of a library in Solidity's form: its name and arguments. Calls of this client do
/// not cause these errors.
fn solidity_form(f: &mut fmt::Formatter<'_>, error: &impl fmt::Debug) -> fmt::Result {
    let shown = printable(&format!("{error:?}"));
    // `Name(Name { argument: value })` reads as `Name { argument: value }`.
    let inner = shown.split_once('(').map(|(_, rest)| rest.strip_suffix(')').unwrap_or(rest));
    f.write_str(inner.unwrap_or(&shown))
}
