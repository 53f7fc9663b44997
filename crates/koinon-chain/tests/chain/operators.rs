//! Staking, joining, leaving: every rejection, with its arguments.

use alloy::primitives::Address;
use alloy::primitives::B256;
use alloy::primitives::U256;
use alloy::providers::Provider;
use koinon_bindings::Identity;
use koinon_bindings::Stake;
use koinon_chain::JoinApplication;
use koinon_chain::Revert;
use koinon_chain::ServiceContract;
use koinon_model::Ban;
use koinon_model::keccak256;
use koinon_testkit::Actor;
use koinon_testkit::TestNet;
use koinon_testkit::TestService;
use koinon_testkit::content;

use crate::name;
use crate::raw_revert;
use crate::revert;

on_both_chains!(
    stake_is_deposited_and_withdrawn,
    operators_join_leave_and_join_again,
    applications_that_break_a_rule_are_rejected,
    banned_operators_cannot_join,
    other_clients_calls_are_rejected_with_reasons,
);

fn number(value: u64) -> U256 {
    U256::from(value)
}

async fn stake_is_deposited_and_withdrawn(net: &TestNet) {
    let service = net.create("stake").await.unwrap();
    let alice = Actor::new("alice@net");
    service.stake(&[(&alice, 30)]).await.unwrap();
    let contracts = service.signed_by(&alice);
    let account = alice.account();
    let staked = async || contracts.now().stake_of(account).await.unwrap();
    assert_eq!(staked().await, 30);
    let denomination = TestService::DENOMINATION;
    assert_eq!(
        revert(contracts.deposit(0).await),
        reverts!(Stake, StakeInvalidValue { value: U256::ZERO, denomination: denomination })
    );
    assert_eq!(
        revert(contracts.request_withdrawal(0).await),
        reverts!(Stake, StakeInvalidAmount { stake: U256::ZERO, balance: number(30) })
    );
    assert_eq!(
        revert(contracts.request_withdrawal(31).await),
        reverts!(Stake, StakeInvalidAmount { stake: number(31), balance: number(30) })
    );
    let nothing_due = |available: u64| {
        reverts!(Stake, StakeNothingDue { account: account, availableAt: number(available) })
    };
    assert_eq!(revert(contracts.withdraw().await), nothing_due(0));
    contracts.request_withdrawal(10).await.unwrap();
    let requested = contracts.request_withdrawal(2).await.unwrap().block;
    assert_eq!(staked().await, 18);
    assert_eq!(revert(contracts.withdraw().await), nothing_due(requested + 5));
    net.pass_until(requested + 5).await.unwrap();
    let balance = async || contracts.chain().provider().get_balance(account).await.unwrap();
    let (before, price) = (balance().await, contracts.chain().provider());
    let sent = contracts.withdraw().await.unwrap();
    let receipt = price.get_transaction_receipt(sent.hash).await.unwrap().unwrap();
    let fee = U256::from(receipt.effective_gas_price) * number(sent.gas);
    assert_eq!(balance().await, before + denomination * number(12) - fee);
    assert_eq!(revert(contracts.withdraw().await), nothing_due(0));
    // Stake moves only in and out.
    let vault =
        Stake::new(contracts.address(ServiceContract::Stake), contracts.chain().provider().clone());
    assert_eq!(
        raw_revert(vault.transfer(contracts.core, U256::ONE)).await,
        reverts!(Stake, StakeNotTransferable {})
    );
    assert_eq!(
        raw_revert(vault.transferFrom(account, contracts.core, U256::ONE)).await,
        reverts!(Stake, StakeNotTransferable {})
    );
    assert_eq!(
        raw_revert(vault.delegate(contracts.core)).await,
        reverts!(Stake, StakeNotDelegable {})
    );
    assert_eq!(
        raw_revert(vault.deposit().from(account).value(denomination + U256::ONE)).await,
        reverts!(
            Stake,
            StakeInvalidValue { value: denomination + U256::ONE, denomination: denomination }
        )
    );
}

async fn operators_join_leave_and_join_again(net: &TestNet) {
    let service = net.create("list").await.unwrap();
    service.revise(&content(&[])).await.unwrap();
    let operators = Actor::operators(3);
    service.join(&operators.each_ref_of()).await.unwrap();
    let view = service.contracts.now();
    let mut listed = view.operators().await.unwrap();
    listed.sort_by(|one, other| one.name.cmp(&other.name));
    for (actor, found) in operators.iter().zip(&listed) {
        assert_eq!((found.account, &found.name), (actor.account(), &actor.name));
        assert_eq!(found.fingerprint, B256::from(actor.certificate.fingerprint()));
        assert_eq!(found.certificate, keccak256(actor.certificate.der()));
        assert_eq!((found.active, found.stake), (true, 25));
    }
    let leaver = service.signed_by(&operators[1]);
    let before = service.contracts.chain().block_number().await.unwrap();
    leaver.leave().await.unwrap();
    assert_eq!(
        revert(leaver.leave().await),
        reverts!(Identity, IdentityNotJoined { operator: operators[1].account() })
    );
    assert_eq!(view.operators().await.unwrap().len(), 2);
    assert_eq!(service.contracts.at(before).operators().await.unwrap().len(), 3);
    let left = view.operator(operators[1].account()).await.unwrap();
    assert_eq!((left.active, left.name.as_str()), (false, "operator1@net"));
    assert_eq!(view.operator(Address::ZERO).await.unwrap().account, Address::ZERO);
    // It joins again under its name.
    leaver.join(operators[1].application()).await.unwrap();
    assert!(view.operator(operators[1].account()).await.unwrap().active);
    assert_eq!(view.operators().await.unwrap().len(), 3);
}

/// Actors with the stake of two units and a half.
trait Staked {
    fn each_ref_of(&self) -> Vec<(&Actor, u64)>;
}

impl Staked for Vec<Actor> {
    fn each_ref_of(&self) -> Vec<(&Actor, u64)> {
        self.iter().map(|actor| (actor, 25)).collect()
    }
}

async fn applications_that_break_a_rule_are_rejected(net: &TestNet) {
    let service = net.create("rules").await.unwrap();
    let mut rules = content(&[]);
    rules.parameters.insert(name("max_operator_number"), 1);
    let [alice, bob] = [Actor::new("alice@net"), Actor::new("bob@net")];
    service.stake(&[(&alice, 9), (&bob, 10)]).await.unwrap();
    let (by_alice, by_bob) = (service.signed_by(&alice), service.signed_by(&bob));
    // Before the first revision there is no threshold.
    let unset = revert(by_bob.join(bob.application()).await);
    let threshold = crate::word("stake_threshold");
    assert_eq!(unset, reverts!(Core, CoreUnknownParameter { name: threshold }));
    service.revise(&rules).await.unwrap();
    assert_eq!(
        revert(by_alice.join(alice.application()).await),
        reverts!(
            Identity,
            IdentityStakeTooLow {
                operator: alice.account(),
                stake: number(9),
                threshold: number(10)
            }
        )
    );
    by_alice.deposit(1).await.unwrap();
    for bad in ["", "alice net", "älice", "alice/net", &"a".repeat(65)] {
        let joining = JoinApplication { name: bad, ..alice.application() };
        assert_eq!(
            revert(by_alice.join(joining).await),
            reverts!(Identity, IdentityInvalidName { name: bad.to_owned() })
        );
    }
    let stolen = JoinApplication { key: &bob.certificate_key, ..alice.application() };
    let refused = revert(by_alice.join(stolen).await);
    let digest = {
        let [x, y] = alice.beacon.public().coordinates().map(U256::from_be_bytes);
        let identity = Identity::new(
            service.contracts.address(ServiceContract::Identity),
            net.chain(None).provider().clone(),
        );
        let certificate = keccak256(alice.certificate.der());
        identity
            .joinDigest(alice.account(), alice.name.clone(), certificate, x, y)
            .call()
            .await
            .unwrap()
    };
    assert_eq!(refused, reverts!(Identity, IdentityInvalidSignature { digest: digest }));
    by_alice.join(alice.application()).await.unwrap();
    assert_eq!(
        revert(by_alice.join(alice.application()).await),
        reverts!(Identity, IdentityAlreadyJoined { operator: alice.account() })
    );
    let named = JoinApplication { name: &alice.name, ..bob.application() };
    assert_eq!(
        revert(by_bob.join(named).await),
        reverts!(Identity, IdentityNameTaken { name: alice.name.clone(), holder: alice.account() })
    );
    let masked = JoinApplication {
        certificate: &alice.certificate,
        key: &alice.certificate_key,
        ..bob.application()
    };
    assert_eq!(
        revert(by_bob.join(masked).await),
        reverts!(
            Identity,
            IdentityCertificateTaken {
                fingerprint: alice.certificate.fingerprint().into(),
                holder: alice.account()
            }
        )
    );
    assert_eq!(
        revert(by_bob.join(bob.application()).await),
        reverts!(Identity, IdentityListFull { limit: U256::ONE })
    );
    // Names stay with their accounts.
    by_alice.leave().await.unwrap();
    let renamed = JoinApplication { name: "carol@net", ..alice.application() };
    assert_eq!(
        revert(by_alice.join(renamed).await),
        reverts!(
            Identity,
            IdentityNameMismatch {
                name: "carol@net".to_owned(),
                formerName: "alice@net".to_owned()
            }
        )
    );
    let named = JoinApplication { name: &alice.name, ..bob.application() };
    assert!(matches!(revert(by_bob.join(named).await), Revert::Identity(_)));
}

async fn banned_operators_cannot_join(net: &TestNet) {
    let service = net.create("bans").await.unwrap();
    let [alice, bob] = [Actor::new("alice@net"), Actor::new("bob@net")];
    let mut banning = content(&[]);
    banning.bans = [
        Ban::Operator(keccak256(alice.name.as_bytes())),
        Ban::Credential(bob.certificate.fingerprint().into()),
    ]
    .into();
    service.revise(&banning).await.unwrap();
    service.stake(&[(&alice, 10), (&bob, 10)]).await.unwrap();
    for actor in [&alice, &bob] {
        assert_eq!(
            revert(service.signed_by(actor).join(actor.application()).await),
            reverts!(Identity, IdentityBanned { operator: actor.account() })
        );
    }
    banning.bans.clear();
    service.revise(&banning).await.unwrap();
    for actor in [&alice, &bob] {
        service.signed_by(actor).join(actor.application()).await.unwrap();
    }
}

/// Calls that other clients can make and this one does not.
async fn other_clients_calls_are_rejected_with_reasons(net: &TestNet) {
    let service = net.create("members").await.unwrap();
    service.revise(&content(&[])).await.unwrap();
    let [alice, bob] = [Actor::new("alice@net"), Actor::new("bob@net")];
    service.join(&[(&alice, 10)]).await.unwrap();
    let provider = net.chain(None).provider().clone();
    let identity = Identity::new(service.contracts.address(ServiceContract::Identity), provider);
    let now = service.contracts.chain().block_number().await.unwrap();
    let not_active = |account| {
        reverts!(Identity, IdentityNotActiveAt { operator: account, blockNumber: number(now - 1) })
    };
    let (known, unknown) = (alice.account(), bob.account());
    assert_eq!(
        raw_revert(identity.unitsAt(vec![unknown], number(now - 1))).await,
        not_active(unknown)
    );
    let future = raw_revert(identity.unitsAt(vec![known], number(now + 9))).await;
    let Revert::Identity(future) = future else { panic!("{future:?}") };
    let Identity::IdentityErrors::IdentityFutureLookup(future) = *future else {
        panic!("{future:?}")
    };
    assert_eq!(future.blockNumber, number(now + 9));
    assert!([now, now + 1].map(number).contains(&future.current), "{future:?}");
    assert_eq!(
        raw_revert(identity.beaconKeyAt(unknown, number(now - 1))).await,
        reverts!(Identity, IdentityNoBeaconKey { operator: unknown, blockNumber: number(now - 1) })
    );
    assert_eq!(
        raw_revert(identity.prune(known)).await,
        reverts!(
            Identity,
            IdentityStakeSufficient { operator: known, stake: number(10), threshold: number(10) }
        )
    );
    assert_eq!(
        raw_revert(identity.registerBeaconKey(U256::ONE, U256::ONE).from(known)).await,
        reverts!(Identity, IdentityInvalidBeaconKey { x: U256::ONE, y: U256::ONE })
    );
    assert_eq!(
        raw_revert(identity.registerBeaconKey(U256::ONE, U256::ONE).from(unknown)).await,
        reverts!(Identity, IdentityNotJoined { operator: unknown })
    );
    let [x, y] = bob.beacon.public().coordinates().map(U256::from_be_bytes);
    let certificate = keccak256(alice.certificate.der());
    let application = |certificate, offset: u64| Identity::Application {
        name: bob.name.clone(),
        certificate,
        keyOffset: number(offset),
        r: B256::ZERO,
        s: B256::ZERO,
        beaconX: x,
        beaconY: y,
    };
    assert_eq!(
        raw_revert(identity.join(application(B256::ZERO, 0)).from(unknown)).await,
        reverts!(Blobs, BlobsUnknown { hash: B256::ZERO })
    );
    // Only Alice's certificate is on chain: its holder is checked before its key.
    assert_eq!(
        raw_revert(identity.join(application(certificate, 0)).from(unknown)).await,
        reverts!(
            Identity,
            IdentityCertificateTaken {
                fingerprint: alice.certificate.fingerprint().into(),
                holder: known
            }
        )
    );
    let requests = service.contracts.join_requests(unknown, bob.application()).await.unwrap();
    service.contracts.chain().transfer(requests.certificate).await.unwrap();
    let certificate = keccak256(bob.certificate.der());
    for offset in [0, 1_000_000] {
        assert_eq!(
            raw_revert(identity.join(application(certificate, offset)).from(unknown)).await,
            reverts!(
                Identity,
                IdentityCertificateKeyNotFound {
                    certificate: certificate,
                    keyOffset: number(offset)
                }
            )
        );
    }
}
