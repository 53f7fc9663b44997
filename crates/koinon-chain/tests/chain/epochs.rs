//! Epochs: the beacon's proof, the deal, and the allocation, which must be the contract's for every
//! slot.

use std::collections::BTreeSet;

use alloy::primitives::Address;
use alloy::primitives::U256;
use futures::future::try_join_all;
use koinon_bindings::Mapper;
use koinon_chain::Contracts;
use koinon_chain::OverdueEpoch;
use koinon_chain::Revert;
use koinon_chain::ServiceStatus;
use koinon_model::Allocation;
use koinon_model::Ban;
use koinon_model::Epoch;
use koinon_model::keccak256;
use koinon_testkit::Actor;
use koinon_testkit::TestNet;
use koinon_testkit::TestService;
use koinon_testkit::content;

use crate::revert;

on_both_chains!(
    epochs_open_one_after_the_other,
    slots_are_those_of_the_contract_with_4_operators,
    slots_are_those_of_the_contract_with_40_operators,
    a_deal_of_several_chunks_is_completed,
    bans_count_in_the_next_deal,
    an_operator_that_leaves_gets_no_slots,
    two_agents_may_deal_at_once,
);

/// Operators with stakes from one unit to three, some with a rest that makes no unit.
fn staked(operators: &[Actor]) -> Vec<(&Actor, u64)> {
    (0..)
        .zip(operators)
        .map(|(number, actor)| (actor, 10 * (1 + number % 3) + number % 7))
        .collect()
}

async fn with_operators<'net>(
    net: &'net TestNet,
    sets: &[(&str, i64, i64)],
    operators: &[Actor],
) -> TestService<'net> {
    let service = net.create("dealers").await.unwrap();
    service.revise(&content(sets)).await.unwrap();
    service.join(&staked(operators)).await.unwrap();
    service
}

/// Computes the allocation and compares every slot with the contract's answer.
async fn checked(contracts: &Contracts) -> Allocation {
    let view = contracts.now();
    let allocation = view.allocation().await.unwrap().unwrap();
    let slots = allocation.slots().map(async |(slot, filled)| {
        let found = view.operator_of(&slot).await?;
        let expected = filled.map_or((Address::ZERO, 0), |it| (it.operator, it.unit));
        assert_eq!(found, expected, "slot {slot}");
        Ok::<_, koinon_chain::ChainError>(())
    });
    try_join_all(slots).await.unwrap();
    allocation
}

async fn epochs_open_one_after_the_other(net: &TestNet) {
    let operators = Actor::operators(2);
    let service = net.create("turns").await.unwrap();
    let contracts = &service.contracts;
    assert_eq!(contracts.now().latest_epoch().await.unwrap(), None);
    assert_eq!(contracts.now().allocation().await.unwrap(), None);
    assert_eq!(contracts.deal().await.unwrap(), []);
    assert_eq!(revert(contracts.now().next_beacon().await), reverts!(Mapper, MapperNotBegun {}));
    service.revise(&content(&[("workers", 2, 2)])).await.unwrap();
    assert_eq!(revert(contracts.begin().await), reverts!(Mapper, MapperNoOperators {}));
    service.join(&staked(&operators)).await.unwrap();
    net.pass_blocks(1).await.unwrap();
    contracts.begin().await.unwrap();
    assert_eq!(revert(contracts.begin().await), reverts!(Mapper, MapperAlreadyBegun {}));
    assert_eq!(contracts.now().current_epoch().await.unwrap(), None);
    assert_eq!(contracts.head().await.unwrap().epoch, Epoch(0));

    // Only the beacon's key proves the seed; anyone may send the proof.
    let beacon = contracts.now().next_beacon().await.unwrap();
    let [drawn, other] = if operators[0].account() == beacon.operator { [0, 1] } else { [1, 0] };
    let (drawn, other) = (&operators[drawn], &operators[other]);
    assert_eq!((beacon.operator, beacon.key), (drawn.account(), drawn.beacon.public()));
    assert_eq!(
        revert(service.signed_by(other).open_epoch(&beacon, &other.beacon).await),
        reverts!(Mapper, MapperInvalidProof { epoch: 1, beacon: beacon.operator })
    );
    let mut forged = beacon.clone();
    forged.alpha = [beacon.alpha.as_ref(), &[0]].concat().into();
    assert_eq!(
        revert(service.signed_by(drawn).open_epoch(&forged, &drawn.beacon).await),
        reverts!(Mapper, MapperInvalidProof { epoch: 1, beacon: beacon.operator })
    );
    let opened = service.signed_by(other).open_epoch(&beacon, &drawn.beacon).await.unwrap();
    let epoch = contracts.now().latest_epoch().await.unwrap().unwrap();
    assert_eq!(
        (epoch.number, epoch.opened_at, epoch.beacon),
        (Epoch(1), opened.block, drawn.account())
    );
    assert_eq!((epoch.members, epoch.operators, epoch.dealt), (2, 0, false));
    assert_eq!(contracts.now().current_epoch().await.unwrap(), None);
    assert_eq!(
        revert(contracts.now().next_beacon().await),
        reverts!(Mapper, MapperDealUnfinished { epoch: 1 })
    );
    assert_eq!(contracts.deal().await.unwrap().len(), 1);
    assert_eq!(contracts.deal().await.unwrap(), []);
    assert_eq!(contracts.head().await.unwrap().epoch, Epoch(1));
    checked(contracts).await;

    // The next opens an interval after it.
    let beacon = contracts.now().next_beacon().await.unwrap();
    assert_eq!(beacon.opens_at, opened.block + 10);
    let drawn = operators.iter().find(|actor| actor.account() == beacon.operator).unwrap();
    let now = contracts.chain().block_number().await.unwrap();
    let early = revert(service.signed_by(drawn).open_epoch(&beacon, &drawn.beacon).await);
    let Revert::Mapper(early) = early else { panic!("{early:?}") };
    let Mapper::MapperErrors::MapperTooEarly(early) = *early else { panic!("{early:?}") };
    assert_eq!(early.opensAt, U256::from(beacon.opens_at));
    assert!([now, now + 1].map(U256::from).contains(&early.blockNumber), "{early:?}");
    service.deal_epoch(&operators).await.unwrap();
    let second = checked(contracts).await;
    assert_eq!(contracts.head().await.unwrap().epoch, Epoch(2));
    // The first stays readable, with the seed it had.
    let first = contracts.at(now).allocation().await.unwrap().unwrap();
    assert_ne!(first.seed(), second.seed());
    // A beacon that stays silent is named, once it had time.
    let next = contracts.now().next_beacon().await.unwrap();
    let silent = operators.iter().find(|actor| actor.account() == next.operator).unwrap();
    net.pass_until(next.opens_at + 12).await.unwrap();
    assert_eq!(ServiceStatus::read(contracts).await.unwrap().overdue, None);
    net.pass_blocks(1).await.unwrap();
    let overdue = OverdueEpoch { since: next.opens_at, waiting_for: silent.name.clone() };
    assert_eq!(ServiceStatus::read(contracts).await.unwrap().overdue, Some(overdue));
}

/// Deals to `count` operators, then changes the number of slots.
async fn deal_to(net: &TestNet, count: usize) -> TestService<'_> {
    let operators = Actor::operators(count);
    let sets = [("workers", 5, 3), ("gateways", 1, 2)];
    let service = with_operators(net, &sets, &operators).await;
    let sent = service.deal_epoch(&operators).await.unwrap();
    assert_eq!(sent.len(), count.div_ceil(Contracts::OPERATORS_PER_CHUNK));
    let epoch = service.contracts.now().current_epoch().await.unwrap().unwrap();
    assert_eq!((epoch.members as usize, epoch.operators as usize), (count, count));
    let stakes = staked(&operators);
    let units: u64 = stakes.iter().map(|(_, stake)| stake / 10).sum();
    let allocation = checked(&service.contracts).await;
    assert_eq!((allocation.units(), epoch.units), (units, units));
    assert_eq!(allocation.vacancies(), 17_u64.saturating_sub(units));
    // Other sizes need no new deal.
    service
        .revise(&content(&[("workers", 7, 4), ("gateways", 0, 2), ("last", 1, 1)]))
        .await
        .unwrap();
    let allocation = checked(&service.contracts).await;
    assert_eq!(allocation.slot_count(), 29);
    service
}

async fn slots_are_those_of_the_contract_with_4_operators(net: &TestNet) {
    deal_to(net, 4).await;
}

async fn slots_are_those_of_the_contract_with_40_operators(net: &TestNet) {
    deal_to(net, 40).await;
}

fn holders(allocation: &Allocation) -> BTreeSet<Address> {
    allocation.by_operator().into_keys().collect()
}

async fn bans_count_in_the_next_deal(net: &TestNet) {
    let operators = Actor::operators(5);
    let sets = [("workers", 3, 5)];
    let service = with_operators(net, &sets, &operators).await;
    let contracts = &service.contracts;
    service.deal_epoch(&operators).await.unwrap();
    let before = checked(contracts).await;
    // Units 1, 2, 3, 1, 2: fewer than slots, so every operator has a slot.
    assert_eq!((holders(&before).len(), before.vacancies()), (5, 6));

    let hash = |index: usize| keccak256(operators[index].name.as_bytes());
    let mut banning = content(&sets);
    banning.bans = [
        Ban::Operator(hash(0)),
        Ban::Node(hash(2), 0),
        Ban::Node(hash(2), 2),
        // There is no such unit.
        Ban::Node(hash(1), 9),
        Ban::Credential(operators[4].certificate.fingerprint().into()),
    ]
    .into();
    service.revise(&banning).await.unwrap();
    // Bans of nodes show in the unit numbers at once; operators keep their slots.
    let meanwhile = checked(contracts).await;
    assert_eq!(meanwhile.by_operator(), before.by_operator());
    service.deal_epoch(&operators).await.unwrap();
    let after = checked(contracts).await;
    let expected: BTreeSet<_> = [1, 2, 3].map(|index: usize| operators[index].account()).into();
    assert_eq!((holders(&after), after.units()), (expected, 4));
    let third = operators[2].account();
    let units = after.slots().filter_map(|(_, filled)| filled.filter(|it| it.operator == third));
    assert_eq!(units.map(|it| it.unit).collect::<Vec<_>>(), [1]);
    // Without the bans, all get slots again.
    service.revise(&content(&sets)).await.unwrap();
    checked(contracts).await;
    service.deal_epoch(&operators).await.unwrap();
    assert_eq!(checked(contracts).await.units(), 9);
}

async fn an_operator_that_leaves_gets_no_slots(net: &TestNet) {
    let operators = Actor::operators(4);
    let service = with_operators(net, &[("workers", 2, 3)], &operators).await;
    let contracts = &service.contracts;
    service.deal_epoch(&operators).await.unwrap();
    checked(contracts).await;
    let members = async || contracts.now().latest_epoch().await.unwrap().unwrap().members;
    // A member at the snapshot that left before the deal is in the order, without units.
    service.open_epoch(&operators).await.unwrap();
    service.signed_by(&operators[3]).leave().await.unwrap();
    contracts.deal().await.unwrap();
    let allocation = checked(contracts).await;
    assert_eq!(members().await, 4);
    assert!(!holders(&allocation).contains(&operators[3].account()));
    // The others' units are 1, 2 and 3.
    assert_eq!(allocation.units(), 6);
    // A snapshot after it left does not count it; a snapshot after it came back does.
    for joined in [false, true] {
        if joined {
            service.signed_by(&operators[3]).join(operators[3].application()).await.unwrap();
        }
        for _ in 0..2 {
            service.deal_epoch(&operators).await.unwrap();
            checked(contracts).await;
        }
        assert_eq!(members().await, if joined { 4 } else { 3 });
    }
}

async fn deal_at_once(net: &TestNet, count: usize) {
    let operators = Actor::operators(count);
    let service = with_operators(net, &[("workers", 2, 3)], &operators).await;
    service.open_epoch(&operators).await.unwrap();
    let racing = net.racing_chains([&operators[0], &operators[1]]);
    let racing = racing.map(|chain| service.contracts.with_chain(chain));
    let both = async { futures::join!(racing[0].deal(), racing[1].deal()) };
    let (first, second) = net.share_a_block(2, both).await;
    // A chunk that the other dealt first is not an error.
    let sent = first.unwrap().len() + second.unwrap().len();
    assert!((1..=2 * count.div_ceil(Contracts::OPERATORS_PER_CHUNK)).contains(&sent));
    let epoch = service.contracts.now().current_epoch().await.unwrap().unwrap();
    assert_eq!((epoch.dealt, epoch.operators as usize), (true, count));
    checked(&service.contracts).await;
}

async fn two_agents_may_deal_at_once(net: &TestNet) {
    deal_at_once(net, 4).await;
}

/// More than one chunk; both agents send both.
async fn a_deal_of_several_chunks_is_completed(net: &TestNet) {
    deal_at_once(net, 450).await;
}
