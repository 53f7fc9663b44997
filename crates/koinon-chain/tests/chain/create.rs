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
use koinon_bindings::Core;
use koinon_bindings::Governance;
use koinon_bindings::Timelock;
use koinon_chain::ChainError;
use koinon_chain::CheckResult;
use koinon_chain::Contracts;
use koinon_chain::FoundService;
use koinon_chain::ModuleName;
use koinon_chain::ServiceContract;
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
    a_module_added_by_vote_is_found_by_its_name,
    services_share_a_chain,
);

/// The names of the checks that are not good.
async fn bad(contracts: &Contracts) -> Vec<String> {
    let checks = contracts.verify().await.unwrap();
    let wrong = checks.into_iter().filter(|check| check.verdict != CheckResult::Good);
    wrong.map(|check| check.what).collect()
}

async fn addresses_are_as_predicted(net: &TestNet) {
    let service = net.create("predicted").await.unwrap();
    let contracts = &service.contracts;
    let creator = service.founder.account();
    // Its nonces count from zero: it was never used before.
    let expected: Vec<Address> = (0..11).map(|nonce| creator.create(nonce)).collect();
    let deployed = [
        ServiceContract::Blobs,
        ServiceContract::Stake,
        ServiceContract::Timelock,
        ServiceContract::Governance,
        ServiceContract::Core,
        ServiceContract::Identity,
        ServiceContract::Artifacts,
        ServiceContract::Topology,
        ServiceContract::Templates,
        ServiceContract::Mapper,
        ServiceContract::Security,
    ];
    assert_eq!(deployed.map(|contract| contracts.address(contract)).as_slice(), expected);
    let opened = Contracts::open(net.chain(None), contracts.core).await.unwrap();
    for contract in ServiceContract::ALL {
        assert_eq!(opened.address(contract), contracts.address(contract), "{contract:?}");
    }
    assert_eq!(opened.now().name().await.unwrap(), "predicted");
    assert_eq!(opened.head().await.unwrap().revision.0, 0);
}

async fn nobody_keeps_a_power(net: &TestNet) {
    let service = net.create("verified").await.unwrap();
    let checks = service.contracts.verify().await.unwrap();
    let wrong: Vec<_> = checks.iter().filter(|check| check.verdict != CheckResult::Good).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    // At least code of 11, wiring of 4, roles of 5, permissions and commitments of 6 each.
    assert!(checks.len() >= 32, "{checks:#?}");
}

/// The contracts with one of them at another address.
fn bent(contracts: &Contracts, contract: ServiceContract, address: Address) -> Contracts {
    let mut bent = contracts.clone();
    match contract {
        ServiceContract::Blobs => bent.blobs = address,
        ServiceContract::Core => bent.core = address,
        module => bent.register(module.module_name(), address),
    }
    bent
}

async fn wrong_contracts_are_bad(net: &TestNet) {
    let ours = net.create("ours").await.unwrap().contracts;
    let theirs = net.create("theirs").await.unwrap().contracts;
    for contract in ServiceContract::ALL {
        let expected = match contract {
            ServiceContract::Blobs => vec!["blobs of Core"],
            // The answers of wrong code are not asked for.
            ServiceContract::Core => vec![
                "code of Identity",
                "code of Artifacts",
                "code of Topology",
                "code of Templates",
                "code of Mapper",
                "code of Security",
            ],
            ServiceContract::Governance => vec![
                "timelock of Governance",
                "votes of Governance",
                "proposer of Timelock",
                "canceller of Timelock",
            ],
            ServiceContract::Timelock => {
                vec!["timelock of Governance", "proposer of Timelock", "canceller of Timelock"]
            }
            ServiceContract::Stake => vec!["votes of Governance"],
            ServiceContract::Identity => vec!["code of Identity"],
            ServiceContract::Artifacts => vec!["code of Artifacts"],
            ServiceContract::Topology => vec!["code of Topology"],
            ServiceContract::Templates => vec!["code of Templates"],
            ServiceContract::Mapper => vec!["code of Mapper"],
            ServiceContract::Security => vec!["code of Security"],
        };
        // Another test checks how contracts were created.
        let mut found = bad(&bent(&ours, contract, theirs.address(contract))).await;
        found.retain(|what| !what.starts_with("creation of "));
        assert_eq!(found, expected, "{contract:?}");
    }
    // A contract of another kind, and an address without code.
    for stranger in [ours.blobs, Address::repeat_byte(7)] {
        let found = bad(&bent(&ours, ServiceContract::Mapper, stranger)).await;
        assert_eq!(found, ["code of Mapper"]);
    }
}

/// The same code over forged storage: only its creation shows it.
async fn forged_storage_is_bad(net: &TestNet) {
    let ours = net.create("ours").await.unwrap().contracts;
    let chain = ours.chain();
    let code = chain.provider().get_code_at(ours.address(ServiceContract::Security)).await.unwrap();
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
    let found = bad(&bent(&ours, ServiceContract::Security, sender.create(nonce))).await;
    assert!(!found.contains(&"code of Security".to_owned()), "{found:?}");
    assert!(found.contains(&"creation of Security".to_owned()), "{found:?}");
    assert_eq!(bad(&ours).await, Vec::<String>::new());
}

/// Has the founder vote a call through.
async fn execute_by_vote(service: &TestService<'_>, target: Address, call: Vec<u8>) {
    let contracts = &service.contracts;
    let governance = contracts.address(ServiceContract::Governance);
    let governor = Governance::new(governance, contracts.chain().provider().clone());
    let values = vec![U256::ZERO];
    let call = governor.propose(vec![target], values, vec![call.into()], "a call".to_owned());
    contracts.chain().transfer(call.into_transaction_request()).await.unwrap();
    let proposal = contracts.proposals(0).await.unwrap().remove(0);
    service.pass_vote(&proposal).await.unwrap();
    service.net().pass_seconds(TestService::TIMELOCK).await.unwrap();
    contracts.execute(&proposal).await.unwrap();
}

/// A further system is a module that a vote adds to Core's registry.
async fn a_module_added_by_vote_is_found_by_its_name(net: &TestNet) {
    let service = net.create("parts").await.unwrap();
    let contracts = &service.contracts;
    let rounds: ModuleName = "rounds".parse().unwrap();
    let mapper = ServiceContract::Mapper.module_name();
    assert_eq!(contracts.address_of(&rounds).await.unwrap(), None);
    assert_eq!(
        contracts.address_of(&mapper).await.unwrap(),
        Some(contracts.address(ServiceContract::Mapper))
    );
    // Core accepts any contract for a name it does not know.
    let module = contracts.blobs;
    let call = Core::setModuleCall { moduleName: rounds.to_word(), newModule: module };
    execute_by_vote(&service, contracts.core, call.abi_encode()).await;
    assert_eq!(contracts.modules().get(&rounds), None);
    assert_eq!(contracts.address_of(&rounds).await.unwrap(), Some(module));
    let opened = Contracts::open(net.chain(None), contracts.core).await.unwrap();
    assert_eq!(opened.modules().get(&rounds), Some(module));
    assert_eq!(bad(&opened).await, [""; 0]);
}

/// Voters may give a role away; the checks must show it.
async fn a_role_given_away_is_bad(net: &TestNet) {
    let service = net.create("generous").await.unwrap();
    let contracts = &service.contracts;
    let friend = Actor::new("friend@net").account();
    let role = keccak256("PROPOSER_ROLE");
    let grant = Timelock::grantRoleCall { role, account: friend }.abi_encode();
    execute_by_vote(&service, contracts.address(ServiceContract::Timelock), grant).await;
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
    assert_eq!(second.contracts.address(ServiceContract::Stake), founder.account().create(0));
    assert_eq!(bad(&second.contracts).await, [""; 0]);

    // Init code that logs the event of a creation, from memory at 0, and deploys nothing.
    let event = Core::ServiceCreated { name: "forged".to_owned(), creator: founder.account() };
    let forge = async |data: Vec<u8>| {
        let mut code = vec![0x73];
        code.extend(founder.account());
        code.push(0x7f);
        code.extend(Core::ServiceCreated::SIGNATURE_HASH);
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
    // A contract that is not a Core.
    let blobs = first.contracts.blobs;
    let opened = Contracts::open(net.chain(None), blobs).await;
    assert!(matches!(opened, Err(ChainError::NoService(at)) if at == blobs), "{opened:?}");
}
