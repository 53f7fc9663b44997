//! Creating, finding and verifying services.

use alloy::network::TransactionBuilder;
use alloy::primitives::Address;
use alloy::primitives::Bytes;
use alloy::primitives::U256;
use alloy::primitives::keccak256;
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use alloy::sol_types::SolEvent;
use koinon_chain::ChainError;
use koinon_chain::Contracts;
use koinon_chain::FoundService;
use koinon_chain::Verdict;
use koinon_chain::contracts::Core;
use koinon_chain::contracts::Governance;
use koinon_chain::contracts::Timelock;
use koinon_chain::find_services;
use koinon_testkit::Actor;
use koinon_testkit::TestNet;
use koinon_testkit::TestService;

on_both_chains!(
    addresses_are_as_predicted,
    nobody_keeps_a_power,
    wrong_contracts_are_bad,
    forged_storage_is_bad,
    a_role_given_away_is_bad,
    services_share_a_chain,
);

fn addresses(contracts: &Contracts) -> [Address; 11] {
    [
        contracts.blobs,
        contracts.stake,
        contracts.timelock,
        contracts.governance,
        contracts.core,
        contracts.identity,
        contracts.artifacts,
        contracts.topology,
        contracts.templates,
        contracts.mapper,
        contracts.security,
    ]
}

/// What is not good, by name.
async fn bad(contracts: &Contracts) -> Vec<String> {
    let checks = contracts.verify().await.unwrap();
    let wrong = checks.into_iter().filter(|check| check.verdict != Verdict::Good);
    wrong.map(|check| check.what).collect()
}

async fn addresses_are_as_predicted(net: &TestNet) {
    let service = net.create("predicted").await.unwrap();
    let contracts = &service.contracts;
    let creator = service.founder.account();
    // Its nonces count from zero: it was never used before.
    let expected: Vec<Address> = (0..11).map(|nonce| creator.create(nonce)).collect();
    assert_eq!(addresses(contracts).as_slice(), expected);
    let opened = Contracts::open(net.chain(None), contracts.core).await.unwrap();
    assert_eq!(addresses(&opened), addresses(contracts));
    assert_eq!(opened.now().name().await.unwrap(), "predicted");
    assert_eq!(opened.head().await.unwrap().revision.0, 0);
}

async fn nobody_keeps_a_power(net: &TestNet) {
    let service = net.create("verified").await.unwrap();
    let checks = service.contracts.verify().await.unwrap();
    let wrong: Vec<_> = checks.iter().filter(|check| check.verdict != Verdict::Good).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    // At least code of 11, wiring of 4, roles of 5, permissions and commitments of 6 each.
    assert!(checks.len() >= 32, "{checks:#?}");
}

/// A pointer of `Contracts`, to be bent.
type Pointer = fn(&mut Contracts) -> &mut Address;

async fn wrong_contracts_are_bad(net: &TestNet) {
    let ours = net.create("ours").await.unwrap().contracts;
    let theirs = net.create("theirs").await.unwrap().contracts;
    let code = |part: &str| format!("code of {part}");
    let wiring = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
    let modules = ["Identity", "Artifacts", "Topology", "Templates", "Mapper", "Security"];
    let cases: [(Pointer, Vec<String>); 11] = [
        (|it| &mut it.blobs, wiring(&["blobs of Core"])),
        // Where code is not what it should be, what it answers is not asked.
        (|it| &mut it.core, modules.map(code).to_vec()),
        (
            |it| &mut it.governance,
            wiring(&[
                "timelock of Governance",
                "votes of Governance",
                "proposer of Timelock",
                "canceller of Timelock",
            ]),
        ),
        (
            |it| &mut it.timelock,
            wiring(&["timelock of Governance", "proposer of Timelock", "canceller of Timelock"]),
        ),
        (|it| &mut it.stake, wiring(&["votes of Governance"])),
        (|it| &mut it.identity, vec![code("Identity")]),
        (|it| &mut it.artifacts, vec![code("Artifacts")]),
        (|it| &mut it.topology, vec![code("Topology")]),
        (|it| &mut it.templates, vec![code("Templates")]),
        (|it| &mut it.mapper, vec![code("Mapper")]),
        (|it| &mut it.security, vec![code("Security")]),
    ];
    for (pointer, expected) in cases {
        let mut bent = ours.clone();
        *pointer(&mut bent) = *pointer(&mut theirs.clone());
        // Who made a contract, and how, is another question.
        let mut found = bad(&bent).await;
        found.retain(|what| !what.starts_with("creation of "));
        assert_eq!(found, expected);
    }
    // A contract of another kind, and none at all.
    for stranger in [ours.blobs, Address::repeat_byte(7)] {
        let mut bent = ours.clone();
        bent.mapper = stranger;
        assert!(bad(&bent).await.contains(&code("Mapper")));
    }
}

/// The same code over storage of somebody's making: only how it was created tells.
async fn forged_storage_is_bad(net: &TestNet) {
    let ours = net.create("ours").await.unwrap().contracts;
    let chain = ours.chain();
    let code = chain.provider().get_code_at(ours.security).await.unwrap();
    let length = u16::try_from(code.len()).unwrap().to_be_bytes();
    // Stores 1 in slot 0, then returns the code behind these 17 bytes.
    let mut creation =
        vec![0x60, 1, 0x60, 0, 0x55, 0x61, length[0], length[1], 0x80, 0x60, 17, 0x60, 0, 0x39];
    creation.extend([0x60, 0, 0xf3]);
    creation.extend(code);
    let sender = chain.sender().unwrap();
    let nonce = chain.provider().get_transaction_count(sender).await.unwrap();
    let request = TransactionRequest::default().with_deploy_code(creation);
    chain.transfer(request).await.unwrap();
    let mut bent = ours.clone();
    bent.security = sender.create(nonce);
    let found = bad(&bent).await;
    assert!(!found.contains(&"code of Security".to_owned()), "{found:?}");
    assert!(found.contains(&"creation of Security".to_owned()), "{found:?}");
    assert_eq!(bad(&ours).await, Vec::<String>::new());
}

/// The voters themselves may give a role away; whoever looks must see it.
async fn a_role_given_away_is_bad(net: &TestNet) {
    let service = net.create("generous").await.unwrap();
    let contracts = &service.contracts;
    let friend = Actor::new("friend@net").account();
    let role = keccak256("PROPOSER_ROLE");
    let grant = Timelock::grantRoleCall { role, account: friend }.abi_encode();
    let (targets, values) = (vec![contracts.timelock], vec![U256::ZERO]);
    let governor = Governance::new(contracts.governance, contracts.chain().provider().clone());
    let call = governor.propose(targets, values, vec![grant.into()], "a friend".to_owned());
    call.send().await.unwrap().get_receipt().await.unwrap();
    let proposal = contracts.proposals(0).await.unwrap().remove(0);
    service.win(&proposal).await.unwrap();
    net.pass_seconds(TestService::TIMELOCK).await.unwrap();
    contracts.execute(&proposal).await.unwrap();
    assert_eq!(bad(contracts).await, ["proposer of Timelock"]);
}

async fn services_share_a_chain(net: &TestNet) {
    let first = net.create("first").await.unwrap();
    let founder = Actor::new("second@net");
    net.fund(founder.account(), 10).await.unwrap();
    let chain = net.chain(Some(founder.signer.clone()));
    let mut settings = net.settings("second");
    settings.blobs = Some(first.contracts.blobs);
    let second = Contracts::create(chain.clone(), &settings).await.unwrap();
    assert_eq!(second.contracts.blobs, first.contracts.blobs);
    assert_eq!(second.contracts.stake, founder.account().create(0));
    assert_eq!(bad(&second.contracts).await, [""; 0]);

    // Init code that logs the event of a creation, from memory at 0, and deploys nothing.
    let event = Core::Created { name: "forged".to_owned(), creator: founder.account() };
    let forge = async |data: Vec<u8>| {
        let mut code = vec![0x73];
        code.extend(founder.account());
        code.push(0x7f);
        code.extend(Core::Created::SIGNATURE_HASH);
        // PUSH2 size, PUSH1 offset of the data, PUSH1 0, CODECOPY, PUSH2 size, PUSH1 0, LOG2, STOP.
        let size = u16::try_from(data.len()).unwrap().to_be_bytes();
        let offset = u8::try_from(code.len() + 13).unwrap();
        code.extend([0x61, size[0], size[1], 0x60, offset, 0x5f, 0x39]);
        code.extend([0x61, size[0], size[1], 0x5f, 0xa2, 0x00]);
        code.extend(data);
        let request = TransactionRequest::default().with_deploy_code(Bytes::from(code));
        chain.transfer(request).await.unwrap();
    };
    let nonce = chain.provider().get_transaction_count(founder.account()).await.unwrap();
    forge(event.encode_data()).await;
    forge(vec![0xff; 7]).await;
    forge(vec![0xff; 96]).await;

    let found = find_services(&net.chain(None), 0).await.unwrap();
    let summary = |found: &FoundService| (found.name.clone(), found.address, found.creator);
    let forged = founder.account().create(nonce);
    assert_eq!(
        found.iter().map(summary).collect::<Vec<_>>(),
        [
            ("first".to_owned(), first.contracts.core, first.founder.account()),
            ("second".to_owned(), second.contracts.core, founder.account()),
            ("forged".to_owned(), forged, founder.account()),
        ]
    );
    let later = find_services(&net.chain(None), found[1].block).await.unwrap();
    assert_eq!(later, found[1..]);
    let opened = Contracts::open(net.chain(None), forged).await;
    assert!(matches!(opened, Err(ChainError::NoService(at)) if at == forged), "{opened:?}");
    // A contract, but no Core.
    let blobs = first.contracts.blobs;
    let opened = Contracts::open(net.chain(None), blobs).await;
    assert!(matches!(opened, Err(ChainError::NoService(at)) if at == blobs), "{opened:?}");
}
