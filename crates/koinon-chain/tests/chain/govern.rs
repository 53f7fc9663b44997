//! From a change to its execution.

use alloy::primitives::B256;
use alloy::primitives::Bytes;
use alloy::primitives::U256;
use alloy::sol_types::SolCall;
use koinon_bindings::Core;
use koinon_bindings::Governance;
use koinon_bindings::Timelock;
use koinon_chain::ChainError;
use koinon_chain::Contracts;
use koinon_chain::Proposal;
use koinon_chain::ProposalState;
use koinon_chain::ProposalVotes;
use koinon_chain::Revert;
use koinon_chain::ServiceContract;
use koinon_chain::Vote;
use koinon_chain::WireError;
use koinon_model::Ban;
use koinon_model::Content;
use koinon_model::ContentChange;
use koinon_model::Module;
use koinon_model::Object;
use koinon_model::Permission;
use koinon_model::Revision;
use koinon_model::UpdateMode;
use koinon_model::Value;
use koinon_model::keccak256;
use koinon_testkit::Actor;
use koinon_testkit::TestNet;
use koinon_testkit::TestService;
use koinon_testkit::content;

use crate::name;
use crate::revert;
use crate::word;

on_both_chains!(
    a_proposal_passes_and_is_executed,
    revisions_stay_readable,
    the_second_of_two_conflicting_changes_reverts,
    foreign_calls_are_not_a_change,
    admins_update_without_a_vote,
    votes_have_rules,
    a_change_too_large_to_execute_is_not_proposed,
);

/// A content with objects, parameters, sets, bans and permissions of every kind.
fn rich() -> Content {
    let mut rich = content(&[("workers", 4, 5), ("gateways", 1, 2)]);
    for number in 0..100 {
        let object = Object::new(Value::from([("number", number.into()), ("é", "ü".into())]));
        rich.objects.insert((Module::Templates, format!("node/{number}")), object);
    }
    rich.parameters.insert(name("least"), i64::MIN);
    rich.parameters.insert(name("most"), i64::MAX);
    let subject = keccak256(b"mallory@net");
    rich.bans = [
        Ban::Operator(subject),
        Ban::Node(subject, u32::MAX),
        Ban::Node(subject, 0),
        Ban::Credential(subject),
    ]
    .into();
    let admins = ["alice@net", "bob@net"].map(|name| Actor::new(name).account());
    let mode = UpdateMode::Admins(admins.into());
    rich.permissions = [(Module::Artifacts, Permission { mode })].into();
    rich
}

/// The timelock's reason for rejecting a proposal that is queued and not ready.
async fn not_ready(contracts: &Contracts, proposal: &Proposal) -> Revert {
    let change = proposal.change(contracts).unwrap();
    let Some(call) = contracts.update_request(&change).input.into_input() else { panic!() };
    let governance = contracts.address(ServiceContract::Governance);
    let timelock = Timelock::new(
        contracts.address(ServiceContract::Timelock),
        contracts.chain().provider().clone(),
    );
    // OpenZeppelin's salt: the governor's address, exclusive-or the hash of the description.
    let salt = B256::right_padding_from(governance.as_slice())
        ^ keccak256(proposal.description.as_bytes());
    let (targets, values, calls) = (vec![contracts.core], vec![U256::ZERO], vec![call]);
    let operation = timelock.hashOperationBatch(targets, values, calls, B256::ZERO, salt);
    reverts!(
        Timelock,
        TimelockUnexpectedOperationState {
            operationId: operation.call().await.unwrap(),
            // The bit of the state `Ready`.
            expectedStates: B256::with_last_byte(1 << 2),
        }
    )
}

async fn a_proposal_passes_and_is_executed(net: &TestNet) {
    let service = net.create("passes").await.unwrap();
    let contracts = &service.contracts;
    let wanted = content(&[("workers", 4, 5)]);
    contracts.publish(wanted.objects.values()).await.unwrap();
    let change = Content::default().change_to(&wanted);
    let (proposal, sent) = contracts.propose(&change, "the first\nrevision").await.unwrap();
    let state = async || contracts.proposal_state(proposal.id).await.unwrap();
    assert_eq!(state().await, ProposalState::Pending);
    assert_eq!(proposal.proposer, service.founder.account());
    assert_eq!(
        (proposal.description.as_str(), proposal.block),
        ("the first\nrevision", sent.block)
    );
    assert_eq!((proposal.vote_start, proposal.vote_end), (sent.block + 1, sent.block + 7));
    assert_eq!(contracts.proposals(0).await.unwrap(), std::slice::from_ref(&proposal));
    net.pass_blocks(1).await.unwrap();
    assert_eq!(contracts.proposals(sent.block + 1).await.unwrap(), []);
    assert_eq!(proposal.change(contracts), Ok(change));

    net.pass_until(proposal.vote_start + 1).await.unwrap();
    assert_eq!(state().await, ProposalState::Active);
    let founder = service.founder.account();
    assert!(!contracts.has_voted(proposal.id, founder).await.unwrap());
    contracts.vote(proposal.id, Vote::For).await.unwrap();
    assert!(contracts.has_voted(proposal.id, founder).await.unwrap());
    let votes = contracts.proposal_votes(proposal.id).await.unwrap();
    let in_favor = U256::from(1_000_000);
    assert_eq!(votes, ProposalVotes { against: U256::ZERO, in_favor, abstain: U256::ZERO });
    assert_eq!(
        revert(contracts.vote(proposal.id, Vote::Against).await),
        reverts!(Governance, GovernorAlreadyCastVote { voter: founder })
    );
    net.pass_until(proposal.vote_end + 1).await.unwrap();
    assert_eq!(state().await, ProposalState::Succeeded);
    assert_eq!(contracts.proposal_eta(proposal.id).await.unwrap(), 0);
    contracts.queue(&proposal).await.unwrap();
    assert_eq!(state().await, ProposalState::Queued);
    assert!(contracts.proposal_eta(proposal.id).await.unwrap() > 1_000_000_000);
    assert_eq!(revert(contracts.execute(&proposal).await), not_ready(contracts, &proposal).await);
    net.pass_seconds(TestService::TIMELOCK).await.unwrap();
    let executed = contracts.execute(&proposal).await.unwrap();
    assert_eq!(state().await, ProposalState::Executed);
    let head = contracts.head().await.unwrap();
    assert_eq!((head.revision, head.block), (Revision(1), executed.block));
    assert_eq!(contracts.at(executed.block).content().await.unwrap(), wanted);
    assert_eq!(contracts.at(executed.block - 1).content().await.unwrap(), Content::default());
}

async fn revisions_stay_readable(net: &TestNet) {
    let service = net.create("revisions").await.unwrap();
    let contracts = &service.contracts;
    let first = rich();
    let block = service.revise(&first).await.unwrap().block;
    assert_eq!(contracts.now().content().await.unwrap(), first);
    // Remove, replace and add some of everything.
    let mut second = first.clone();
    second.objects.retain(|(module, path), _| *module != Module::Templates || path.ends_with('7'));
    second.objects.insert((Module::Core, "core/first".to_owned()), Object::new(Value::Null));
    second.objects.insert((Module::Topology, "ÿ/\u{1f600}".to_owned()), Object::new(true.into()));
    second.parameters.remove(&name("least"));
    second.parameters.insert(name("most"), -1);
    second.sets.reverse();
    second.bans.retain(|ban| !matches!(ban, Ban::Node(_, 0)));
    second.bans.insert(Ban::Node(keccak256(b"x"), 3));
    second.permissions.clear();
    service.revise(&second).await.unwrap();
    assert_eq!(contracts.now().content().await.unwrap(), second);
    assert_eq!(contracts.at(block).content().await.unwrap(), first);
    let checks = contracts.verify().await.unwrap();
    let good = |check: &koinon_chain::Check| check.verdict == koinon_chain::CheckResult::Good;
    assert!(checks.iter().all(good), "{checks:?}");
    // And back again, to a content without anything.
    service.revise(&Content::default()).await.unwrap();
    assert_eq!(contracts.now().content().await.unwrap(), Content::default());
    assert_eq!(contracts.at(block).content().await.unwrap(), first);
}

async fn the_second_of_two_conflicting_changes_reverts(net: &TestNet) {
    let service = net.create("conflict").await.unwrap();
    let contracts = &service.contracts;
    let old = content(&[]);
    service.revise(&old).await.unwrap();
    let key = (Module::Core, "core/first".to_owned());
    let mut wins = old.clone();
    wins.objects.insert(key.clone(), Object::new(1.into()));
    let mut loses = old.clone();
    loses.objects.insert(key.clone(), Object::new(2.into()));
    contracts.publish(wins.objects.values().chain(loses.objects.values())).await.unwrap();
    let winner = service.pass_proposal(&old.change_to(&wins), "wins").await.unwrap();
    let loser = service.pass_proposal(&old.change_to(&loses), "loses").await.unwrap();
    contracts.execute(&winner).await.unwrap();
    assert_eq!(
        revert(contracts.execute(&loser).await),
        reverts!(
            Core,
            ModuleConflict {
                path: key.1.clone(),
                expected: old.objects[&key].blob(),
                actual: wins.objects[&key].blob(),
            }
        )
    );
    assert_eq!(contracts.now().content().await.unwrap(), wins);
    assert_eq!(contracts.proposal_state(loser.id).await.unwrap(), ProposalState::Queued);
}

async fn foreign_calls_are_not_a_change(net: &TestNet) {
    let service = net.create("foreign").await.unwrap();
    let contracts = &service.contracts;
    let other = net.create("other").await.unwrap().contracts;
    let governor = Governance::new(
        contracts.address(ServiceContract::Governance),
        contracts.chain().provider().clone(),
    );
    let change =
        ContentChange { parameters: [(name("x"), Some(1))].into(), ..ContentChange::default() };
    let (proposal, _) = contracts.propose(&change, "ours").await.unwrap();
    assert_eq!(proposal.change(contracts), Ok(change));
    let none = Core::Change {
        modules: vec![],
        parameters: vec![],
        replaceSets: false,
        sets: vec![],
        bans: vec![],
        permissions: vec![],
    };
    let update: Bytes = Core::updateCall { change: none.clone() }.abi_encode().into();
    let odd = Core::ModuleEdits { module: word("mapper"), edits: vec![] };
    let odd = Core::Change { modules: vec![odd], ..none };
    let odd: Bytes = Core::updateCall { change: odd }.abi_encode().into();
    let set_module: Bytes =
        Core::setModuleCall { moduleName: word("security"), newModule: contracts.core }
            .abi_encode()
            .into();
    let core = contracts.core;
    let cases = [
        (vec![core, core], vec![update.clone(), update.clone()], Err(WireError::ForeignCalls(2))),
        (vec![core], vec![set_module], Err(WireError::ForeignCalls(1))),
        (vec![core], vec![Bytes::new()], Err(WireError::ForeignCalls(1))),
        (vec![core], vec![update.slice(..update.len() - 1)], Err(WireError::ForeignCalls(1))),
        (vec![other.core], vec![update.clone()], Err(WireError::ForeignCalls(1))),
        (vec![core], vec![update], Ok(ContentChange::default())),
        (vec![core], vec![odd], Err(WireError::Name("mapper".parse::<Module>().unwrap_err()))),
    ];
    for (number, (targets, calls, expected)) in cases.into_iter().enumerate() {
        let values = vec![U256::ZERO; targets.len()];
        let call = governor.propose(targets, values, calls, format!("case {number}"));
        contracts.chain().transfer(call.into_transaction_request()).await.unwrap();
        let proposal = contracts.proposals(0).await.unwrap().pop().unwrap();
        assert_eq!(proposal.description, format!("case {number}"));
        assert_eq!(proposal.change(contracts), expected, "case {number}");
    }
}

/// A change of one parameter; they are Core's.
fn parameter(value: i64) -> ContentChange {
    ContentChange { parameters: [(name("x"), Some(value))].into(), ..ContentChange::default() }
}

async fn admins_update_without_a_vote(net: &TestNet) {
    let service = net.create("admins").await.unwrap();
    let contracts = &service.contracts;
    let [alice, bob] = [Actor::new("alice@net"), Actor::new("bob@net")];
    for actor in [&alice, &bob] {
        net.fund(actor.account(), 10).await.unwrap();
    }
    let unauthorized = |actor: &Actor, module: &str| {
        reverts!(Core, CoreUnauthorized { caller: actor.account(), module: word(module) })
    };
    let by_alice = service.signed_by(&alice);
    assert_eq!(revert(by_alice.update(&parameter(1)).await), unauthorized(&alice, "core"));
    let mut governed = content(&[]);
    let mode = UpdateMode::Admins([alice.account()].into());
    governed.permissions.insert(Module::Core, Permission { mode });
    service.revise(&governed).await.unwrap();
    by_alice.update(&parameter(2)).await.unwrap();
    governed.parameters.insert(name("x"), 2);
    assert_eq!(contracts.now().content().await.unwrap(), governed);
    let by_bob = service.signed_by(&bob);
    assert_eq!(revert(by_bob.update(&parameter(3)).await), unauthorized(&bob, "core"));
    // A permission for Core does not permit updates of other modules.
    let sets = ContentChange { sets: Some(vec![]), ..parameter(4) };
    assert_eq!(revert(by_alice.update(&sets).await), unauthorized(&alice, "topology"));
    let mode = UpdateMode::Admins([bob.account()].into());
    let permissions = [(Module::Core, Permission { mode })].into();
    let permissions = ContentChange { permissions, ..ContentChange::default() };
    assert_eq!(revert(by_alice.update(&permissions).await), unauthorized(&alice, "security"));
    assert_eq!(
        revert(by_alice.update(&ContentChange::default()).await),
        reverts!(Core, CoreEmptyChange {})
    );
    let unknown =
        ContentChange { parameters: [(name("y"), None)].into(), ..ContentChange::default() };
    assert_eq!(
        revert(by_alice.update(&unknown).await),
        reverts!(Core, CoreUnknownParameter { name: word("y") })
    );
    let lost = Object::new(77.into());
    let key = (Module::Core, "lost".to_owned());
    let mut with_lost = governed.clone();
    with_lost.objects.insert(key.clone(), lost.clone());
    assert_eq!(
        revert(by_alice.update(&governed.change_to(&with_lost)).await),
        reverts!(Core, ModuleUnknownBlob { path: key.1, blob: lost.blob() })
    );
    // The update does not wait for what it needs: both are in one block.
    let change = governed.change_to(&with_lost);
    let both = net.share_a_block(2, by_alice.publish_and_update([&lost], &change)).await.unwrap();
    let [published, updated] = &both[..] else { panic!("{both:?}") };
    assert_eq!(contracts.now().content().await.unwrap(), with_lost);
    if net.backend() == koinon_testkit::Backend::Anvil {
        assert_eq!(published.block, updated.block);
    }
    // The checks show the power.
    let known = contracts.verify().await.unwrap().into_iter();
    let known: Vec<_> =
        known.filter(|check| check.verdict != koinon_chain::CheckResult::Good).collect();
    let also = format!("also by {{{:?}}}", alice.account());
    assert_eq!(known.len(), 1, "{known:?}");
    assert_eq!(known[0].verdict, koinon_chain::CheckResult::Known(also));
}

/// A change that one transaction cannot hold is refused before the vote, not after it.
async fn a_change_too_large_to_execute_is_not_proposed(net: &TestNet) {
    let service = net.create("large").await.unwrap();
    let contracts = &service.contracts;
    let with = |count: usize| {
        let mut content = content(&[]);
        for number in 0..count {
            let key = (Module::Core, format!("object-{number}"));
            content.objects.insert(key, Object::new(number.to_string().as_str().into()));
        }
        content
    };
    let (small, large) = (with(20), with(200));
    contracts.publish(large.objects.values()).await.unwrap();
    let empty = content(&[]);
    let error = contracts.propose(&empty.change_to(&large), "large").await.unwrap_err();
    let ChainError::TooLarge { objects, limit } = error else { panic!("{error:?}") };
    assert_eq!((objects, limit), (200, 16_777_216));
    contracts.propose(&empty.change_to(&small), "small").await.unwrap();
}

async fn votes_have_rules(net: &TestNet) {
    let service = net.create("rules").await.unwrap();
    let contracts = &service.contracts;
    let stranger = Actor::new("stranger@net");
    net.fund(stranger.account(), 10).await.unwrap();
    let by_stranger: Contracts = service.signed_by(&stranger);
    assert_eq!(
        revert(by_stranger.propose(&parameter(1), "mine").await),
        reverts!(
            Governance,
            GovernorInsufficientProposerVotes {
                proposer: stranger.account(),
                votes: U256::ZERO,
                threshold: U256::ONE,
            }
        )
    );
    let unknown = U256::from(5);
    assert_eq!(
        revert(contracts.vote(unknown, Vote::For).await),
        reverts!(Governance, GovernorNonexistentProposal { proposalId: unknown })
    );
    assert_eq!(
        revert(contracts.proposal_state(unknown).await),
        reverts!(Governance, GovernorNonexistentProposal { proposalId: unknown })
    );
    // Nobody votes: the proposal misses the quorum and cannot be queued.
    let (proposal, _) = contracts.propose(&parameter(1), "alone").await.unwrap();
    let early = revert(contracts.vote(proposal.id, Vote::For).await);
    let unexpected = |current: u8, expected: u8| {
        let expected = U256::ONE << usize::from(expected);
        reverts!(
            Governance,
            GovernorUnexpectedProposalState {
                proposalId: proposal.id,
                current: current,
                expectedStates: B256::from(expected),
            }
        )
    };
    assert_eq!(early, unexpected(0, 1));
    net.pass_until(proposal.vote_end + 1).await.unwrap();
    assert_eq!(contracts.proposal_state(proposal.id).await.unwrap(), ProposalState::Defeated);
    assert_eq!(revert(contracts.queue(&proposal).await), unexpected(3, 4));
    let again = revert(contracts.propose(&parameter(1), "alone").await);
    assert!(matches!(again, Revert::Governance(_)), "{again:?}");
}
