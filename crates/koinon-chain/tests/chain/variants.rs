//! Every variant of the errors is reached, with the value and the text it must have.

use std::collections::BTreeSet;
use std::error::Error;

use alloy::consensus::SignableTransaction;
use alloy::network::TransactionBuilder;
use alloy::network::TxSigner;
use alloy::primitives::Address;
use alloy::primitives::B256;
use alloy::primitives::Bytes;
use alloy::primitives::I256;
use alloy::primitives::Signature;
use alloy::primitives::U256;
use alloy::rpc::json_rpc::ErrorPayload;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolError;
use koinon_bindings::Artifacts;
use koinon_bindings::Blobs;
use koinon_bindings::Core;
use koinon_bindings::Governance;
use koinon_bindings::Mapper;
use koinon_bindings::Security;
use koinon_bindings::Topology;
use koinon_chain::Account;
use koinon_chain::Chain;
use koinon_chain::ChainError;
use koinon_chain::Contracts;
use koinon_chain::Vote;
use koinon_chain::WireError;
use koinon_model::ContentChange;
use koinon_model::DealError;
use koinon_model::Epoch;
use koinon_model::JsonError;
use koinon_model::Module;
use koinon_model::keccak256;
use koinon_testkit::Actor;
use koinon_trust::VrfError;
use serde_json::json;

use crate::hostile_node::HostileNode;
use crate::hostile_node::Reply;
use crate::name;
use crate::scripted::ScriptedNode;
use crate::scripted::reverted;
use crate::word;

/// Names the variant. A new variant does not compile before it has a name here; the tests below
/// fail before it has a case.
fn chain_variant(error: &ChainError) -> &'static str {
    match error {
        ChainError::Url { .. } => "Url",
        ChainError::Rpc { .. } => "Rpc",
        ChainError::Reverted { .. } => "Reverted",
        ChainError::NotOpen { .. } => "NotOpen",
        ChainError::Answer { .. } => "Answer",
        ChainError::NotMined { .. } => "NotMined",
        ChainError::Unanswered { .. } => "Unanswered",
        ChainError::WrongChain { .. } => "WrongChain",
        ChainError::TooLarge { .. } => "TooLarge",
        ChainError::Signer { .. } => "Signer",
        ChainError::Timeout { .. } => "Timeout",
        ChainError::NoSigner { .. } => "NoSigner",
        ChainError::NoService(_) => "NoService",
        ChainError::Wire(_) => "Wire",
        ChainError::Object { .. } => "Object",
        ChainError::Deal(_) => "Deal",
        ChainError::Vrf(_) => "Vrf",
    }
}

/// The number of names in [`chain_variant`].
const CHAIN_VARIANTS: usize = 17;

/// As [`chain_variant`].
fn wire_variant(error: &WireError) -> &'static str {
    match error {
        WireError::Name(_) => "Name",
        WireError::Parameter(_) => "Parameter",
        WireError::Unknown { .. } => "Unknown",
        WireError::Duplicate { .. } => "Duplicate",
        WireError::Blob(_) => "Blob",
        WireError::NotCanonical { .. } => "NotCanonical",
        WireError::Set(_) => "Set",
        WireError::Order(_) => "Order",
        WireError::Ambiguous => "Ambiguous",
        WireError::Short { .. } => "Short",
        WireError::NoChange { .. } => "NoChange",
        WireError::ForeignCalls(_) => "ForeignCalls",
    }
}

/// The number of names in [`wire_variant`].
const WIRE_VARIANTS: usize = 12;

fn key() -> Option<PrivateKeySigner> {
    Some(Actor::new("alice@net").signer)
}

fn unsupported() -> ErrorPayload {
    ErrorPayload { code: -32601, message: "method not found".into(), data: None }
}

/// A module that lists these objects, and a store with these values.
fn objects(entries: &[(&str, B256, &[u8])]) -> ScriptedNode {
    let listed = entries.iter().map(|(path, blob, _)| Artifacts::Entry {
        path: (*path).to_owned(),
        blob: *blob,
        revision: 1,
    });
    let values = entries.iter().map(|(_, _, value)| Bytes::copy_from_slice(value));
    ScriptedNode::with_service()
        .returns::<Artifacts::countCall>(&U256::from(entries.len()))
        .returns::<Artifacts::pageCall>(&listed.collect())
        .returns::<Blobs::getManyCall>(&values.collect())
}

async fn topology(node: ScriptedNode) -> ChainError {
    node.open().await.now().objects(Module::Topology).await.unwrap_err()
}

/// An epoch in force with these operators in its order, and these node sets.
fn dealt(operators: &[Address], sets: Vec<Topology::NodeSet>) -> ScriptedNode {
    let count = u32::try_from(operators.len()).unwrap();
    let epoch = Mapper::Epoch {
        number: 3,
        openedAt: 20,
        snapshot: 10,
        snapshotOperators: count,
        dealtOperators: count,
        dealtUnits: count.into(),
        dealt: true,
        beacon: operators[0],
        seed: B256::repeat_byte(7),
    };
    ScriptedNode::with_service()
        .returns::<Mapper::currentEpochCall>(&epoch)
        .returns::<Mapper::currentOrderCall>(&Mapper::currentOrderReturn {
            operators: operators.to_vec(),
            units: vec![1; operators.len()],
        })
        .returns::<Security::bansCall>(&vec![])
        .returns::<Topology::nodeSetsCall>(&sets)
        .returns::<Core::parametersCall>(&Core::parametersReturn {
            names: vec![word("n")],
            values: vec![I256::ONE],
        })
}

async fn allocation(node: ScriptedNode) -> ChainError {
    node.open().await.now().allocation().await.unwrap_err()
}

fn set(set: &str, groups: &str) -> Topology::NodeSet {
    Topology::NodeSet { name: word(set), groups: word(groups), size: word("n") }
}

/// A proposal that the node shows, with these calls of Core.
async fn proposed(calls: Vec<Bytes>) -> WireError {
    let event = Governance::ProposalCreated {
        proposalId: U256::ONE,
        proposer: Address::ZERO,
        targets: vec![ScriptedNode::CORE; calls.len()],
        values: vec![U256::ZERO; calls.len()],
        signatures: vec![String::new(); calls.len()],
        calldatas: calls,
        voteStart: U256::ONE,
        voteEnd: U256::ONE,
        description: String::new(),
    };
    let log = alloy::sol_types::SolEvent::encode_log_data(&event);
    let log = json!({
        "address": Address::ZERO,
        "topics": log.topics(),
        "data": log.data,
        "blockHash": null,
        "blockNumber": "0x1",
        "blockTimestamp": null,
        "transactionHash": null,
        "transactionIndex": null,
        "logIndex": null,
        "removed": false,
    });
    let node = ScriptedNode::with_service().answer("eth_getLogs", json!([log]));
    let node = node.answer("eth_blockNumber", json!("0x1"));
    let contracts = node.open().await;
    let proposal = contracts.proposals(0).await.unwrap().remove(0);
    proposal.change(&contracts).unwrap_err()
}

fn update(change: Core::Change) -> Bytes {
    alloy::sol_types::SolCall::abi_encode(&Core::updateCall { change }).into()
}

fn nothing() -> Core::Change {
    Core::Change {
        modules: vec![],
        parameters: vec![],
        replaceSets: false,
        sets: vec![],
        bans: vec![],
        permissions: vec![],
    }
}

/// A vote on proposal 5, which is open in the blocks 2 to 9, when the newest block is `now`.
async fn vote_at(now: u64, state: u8) -> ChainError {
    vote(governor(state).answer("eth_blockNumber", json!(format!("{now:#x}")))).await
}

async fn vote(node: ScriptedNode) -> ChainError {
    let contracts = Contracts::open(node.signed_by(key()), ScriptedNode::CORE).await.unwrap();
    contracts.vote(U256::from(5), Vote::For).await.unwrap_err()
}

/// A governor that rejects a vote on proposal 5 for its state.
fn governor(state: u8) -> ScriptedNode {
    let reason = Governance::GovernorUnexpectedProposalState {
        proposalId: U256::from(5),
        current: state,
        expectedStates: B256::with_last_byte(2),
    };
    ScriptedNode::with_service()
        .fail("eth_estimateGas", reverted(reason.abi_encode()))
        .returns::<Governance::proposalSnapshotCall>(&U256::from(1))
        .returns::<Governance::proposalDeadlineCall>(&U256::from(9))
}

/// A transfer that the node accepts and answers for its receipt with this.
async fn transfer(receipt: serde_json::Value) -> ChainError {
    let node = ScriptedNode::default().accepting().answer("eth_getTransactionReceipt", receipt);
    let request = TransactionRequest::default().with_to(Address::ZERO);
    node.signed_by(key()).transfer(request).await.unwrap_err()
}

/// A change that would use all the gas that a transaction has.
async fn too_large() -> ChainError {
    let node = ScriptedNode::with_service().accepting();
    let node = node.answer("eth_estimateGas", json!("0xffffff"));
    let contracts = Contracts::open(node.signed_by(key()), ScriptedNode::CORE).await.unwrap();
    contracts.propose(&ContentChange::default(), "").await.unwrap_err()
}

/// A transfer to a node that breaks off whatever it is asked from then on.
async fn unanswered() -> ChainError {
    let node = ScriptedNode::default().accepting();
    let node = node.breaks("eth_sendRawTransaction").breaks("eth_getTransactionByHash");
    let request = TransactionRequest::default().with_to(Address::ZERO);
    node.signed_by(key()).transfer(request).await.unwrap_err()
}

/// A connection to a node that names another chain than the account signs for.
async fn wrong_chain() -> ChainError {
    let node = HostileNode::start(|_| Reply::Result(json!("0x1"))).await;
    let account = Account::new(Actor::new("alice@net").signer, 1337);
    Chain::connect(&node.url().into(), Some(account)).await.unwrap_err()
}

/// The receipt of a transaction that waits still: some nodes show one without a block.
fn waiting_receipt() -> serde_json::Value {
    json!({
        "type": "0x2",
        "transactionHash": ScriptedNode::hash(),
        "transactionIndex": null,
        "blockHash": null,
        "blockNumber": null,
        "from": Address::ZERO,
        "to": Address::ZERO,
        "cumulativeGasUsed": "0x1",
        "gasUsed": "0x1",
        "effectiveGasPrice": "0x1",
        "contractAddress": null,
        "logs": [],
        "logsBloom": format!("0x{}", "00".repeat(256)),
        "status": "0x1",
    })
}

/// Puts `HASH` for the hash of a transaction that the client signed.
fn without_hash(text: &str) -> String {
    let Some((before, after)) = text.split_once("transaction 0x") else { return text.to_owned() };
    assert!(after[..64].chars().all(|digit| digit.is_ascii_hexdigit()));
    format!("{before}transaction HASH{}", &after[64..])
}

/// A device that is not there.
struct NoSigner;

#[async_trait::async_trait]
impl TxSigner<Signature> for NoSigner {
    fn address(&self) -> Address {
        Address::ZERO
    }

    async fn sign_transaction(
        &self,
        _: &mut dyn SignableTransaction<Signature>,
    ) -> alloy::signers::Result<Signature> {
        Err(alloy::signers::Error::other("unplugged"))
    }
}

fn cause(error: &ChainError) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn every_chain_error_is_reached() {
    let service = ScriptedNode::with_service;
    let blob = keccak256(b" ");
    let begun = Mapper::MapperAlreadyBegun {}.abi_encode();
    let json = JsonError { what: "expected a value, found the end", at: 1 }.to_string();
    let deal = DealError::DuplicateSet(name("s")).to_string();
    let point = VrfError::InvalidPoint.to_string();
    let cases = [
        (
            Chain::connect(&"ftp://node".into(), None).await.unwrap_err(),
            "cannot use the RPC URL ftp://node: expected http://, https://, ws:// or wss://",
            "",
        ),
        (
            ScriptedNode::default()
                .fail("eth_blockNumber", unsupported())
                .chain()
                .block_number()
                .await
                .unwrap_err(),
            "cannot read the block number",
            "server returned an error response: error code -32601: method not found",
        ),
        (
            Contracts::open(
                service().fail("eth_estimateGas", reverted(begun)).signed_by(key()),
                ScriptedNode::CORE,
            )
            .await
            .unwrap()
            .begin()
            .await
            .unwrap_err(),
            "cannot begin the epochs: the epochs have already begun",
            "",
        ),
        (vote_at(1, 0).await, "cannot vote: proposal 5 opens after block 1 (now 1)", ""),
        (vote_at(10, 3).await, "cannot vote: proposal 5 closed at block 9 (now 10)", ""),
        // Canceled, before the vote opens or while it is open: the governor's reason is shown.
        (vote_at(1, 2).await, "cannot vote: proposal 5 is canceled, expected active", ""),
        (vote_at(9, 2).await, "cannot vote: proposal 5 is canceled, expected active", ""),
        // The times cannot be read: the governor's reason is shown.
        (
            vote(governor(3).reverts::<Governance::proposalDeadlineCall>(vec![])).await,
            "cannot vote: proposal 5 is defeated, expected active",
            "",
        ),
        (
            service()
                .returns_nothing::<Core::revisionCall>()
                .open()
                .await
                .now()
                .revision()
                .await
                .unwrap_err(),
            "cannot read the revision: the answer is not that of a Koinon contract",
            "contract call to `revision` returned no data (\"0x\"); the called address might not \
             be a contract",
        ),
        (
            transfer(json!(null)).await,
            "cannot transfer: transaction HASH was not mined within 180 s",
            "",
        ),
        (
            transfer(waiting_receipt()).await,
            "cannot transfer: transaction HASH was not mined within 180 s",
            "",
        ),
        (
            unanswered().await,
            "cannot transfer: no node said whether it took transaction HASH; look for it before \
             you try again",
            "",
        ),
        (wrong_chain().await, "the node is of chain 1, not of chain 1337", ""),
        (
            ScriptedNode::default()
                .accepting()
                .signed_with(Some(Account::new(NoSigner, 1)))
                .transfer(TransactionRequest::default().with_to(Address::ZERO))
                .await
                .unwrap_err(),
            "cannot transfer: the signer did not sign: unplugged",
            "",
        ),
        (
            too_large().await,
            "the change has 0 objects, too many for one transaction, which has 16777216 gas",
            "",
        ),
        // Only callers that have a deadline make it.
        (
            ChainError::Timeout { action: "look at the service".to_owned() },
            "cannot look at the service: the chain did not answer in time",
            "",
        ),
        (
            service().open().await.begin().await.unwrap_err(),
            "cannot begin the epochs: no key to sign with",
            "",
        ),
        (
            Contracts::open(
                service().answer("eth_getCode", json!("0x")).chain(),
                ScriptedNode::CORE,
            )
            .await
            .unwrap_err(),
            "no Koinon service at 0xC0C0c0c0C0C0c0c0c0C0c0C0C0C0C0C0C0C0c0c0",
            "",
        ),
        (
            topology(objects(&[("a", blob, b"1")])).await,
            "the service's data on chain is invalid",
            "the value stored as blob \
             0x681afa780d17da29203322b473d3f210a7d621259a4e6ce9e403f5a266ff719a has a different \
             hash",
        ),
        (
            topology(objects(&[("a\u{1b}", blob, b" ")])).await,
            "object topology/a? is not valid JSON",
            &json,
        ),
        (
            allocation(dealt(&[Address::ZERO], vec![set("s", "n"), set("s", "n")])).await,
            "the deal on chain gives no allocation",
            &deal,
        ),
        (
            service()
                .returns::<Mapper::nextBeaconCall>(&Mapper::nextBeaconReturn {
                    beacon: Address::ZERO,
                    x: U256::ONE,
                    y: U256::ONE,
                })
                .returns::<Mapper::alphaCall>(&Bytes::new())
                .returns::<Mapper::opensAtCall>(&U256::ZERO)
                .open()
                .await
                .now()
                .next_beacon()
                .await
                .unwrap_err(),
            "the beacon's key or message is invalid",
            &point,
        ),
    ];
    let mut reached = BTreeSet::new();
    for (error, text, source) in &cases {
        let said = without_hash(&error.to_string());
        assert_eq!((said.as_str(), cause(error).as_str()), (*text, *source));
        reached.insert(chain_variant(error));
    }
    assert_eq!(reached.len(), CHAIN_VARIANTS, "{reached:?}");
    let unreachable = |(error, ..): &&(ChainError, &str, &str)| error.is_unreachable();
    let unreachable: BTreeSet<&str> =
        cases.iter().filter(unreachable).map(|(error, ..)| chain_variant(error)).collect();
    assert_eq!(unreachable, ["NotMined", "Timeout", "Unanswered"].into());
}

#[tokio::test]
async fn causes_are_kept_as_values() {
    let deal = allocation(dealt(&[Address::ZERO], vec![set("s", "n"), set("s", "n")])).await;
    let ChainError::Deal(deal) = deal else { panic!("{deal:?}") };
    assert_eq!(deal, DealError::DuplicateSet(name("s")));
    let beacon = Mapper::nextBeaconReturn { beacon: Address::ZERO, x: U256::MAX, y: U256::ONE };
    let node = ScriptedNode::with_service()
        .returns::<Mapper::nextBeaconCall>(&beacon)
        .returns::<Mapper::alphaCall>(&Bytes::new())
        .returns::<Mapper::opensAtCall>(&U256::ZERO);
    let vrf = node.open().await.now().next_beacon().await.unwrap_err();
    let ChainError::Vrf(vrf) = vrf else { panic!("{vrf:?}") };
    assert_eq!(vrf, VrfError::InvalidPoint);
    let json = topology(objects(&[("a", keccak256(b"[1,"), b"[1,")])).await;
    let ChainError::Object { module, path, source } = json else { panic!("{json:?}") };
    assert_eq!((module, path.as_str()), (Module::Topology, "a"));
    assert_eq!(source, JsonError { what: "expected a value, found the end", at: 3 });
}

/// Reads the data error that was met.
fn wire(error: ChainError) -> WireError {
    match error {
        ChainError::Wire(error) => error,
        other => panic!("expected invalid data, found {other:?}"),
    }
}

#[tokio::test]
async fn every_wire_error_is_reached() {
    let hash = keccak256(b"1");
    let (module, topology_set) = (Module::Topology, || vec![set("s", "n")]);
    let parameter = |name: B256, value: I256| {
        ScriptedNode::with_service().returns::<Core::parametersCall>(&Core::parametersReturn {
            names: vec![name],
            values: vec![value],
        })
    };
    let parameters =
        async |node: ScriptedNode| wire(node.open().await.now().parameters().await.unwrap_err());
    let twice = || Core::ParameterEdit { name: word("n"), value: I256::ONE, present: true };
    let same = || Core::Edit { path: "a".to_owned(), was: hash, blob: hash };
    let state = ScriptedNode::with_service().returns::<Governance::stateCall>(&9);
    let huge = I256::ONE << 64;
    // The order that the seed gives to the two is the other one.
    let (first, second) = in_order(B256::repeat_byte(7));
    let cases = [
        (
            parameters(parameter(word("o dd"), I256::ONE)).await,
            WireError::Name("o dd".parse::<koinon_model::Name>().unwrap_err()),
            "a name on chain is invalid",
        ),
        (
            parameters(parameter(word("n"), huge)).await,
            WireError::Parameter(name("n")),
            "the value of parameter n does not fit 64 bits",
        ),
        (
            wire(state.open().await.proposal_state(U256::ONE).await.unwrap_err()),
            WireError::Unknown { what: "proposal state", number: 9 },
            "proposal state 9 is unknown: this client may be older than the contracts",
        ),
        (
            wire(topology(objects(&[("a", hash, b"1"), ("a", hash, b"1")])).await),
            WireError::Duplicate { module, path: "a".to_owned() },
            "object topology/a is listed twice",
        ),
        (
            wire(topology(objects(&[("a", hash, b"2")])).await),
            WireError::Blob(hash),
            "the value stored as blob \
             0xc89efdaa54c0f20c7adf612882df0950f5a951637e0307cdcb4c672f298b8bc6 has a different \
             hash",
        ),
        (
            wire(topology(objects(&[("a", keccak256(b" 1"), b" 1")])).await),
            WireError::NotCanonical { module, path: "a".to_owned() },
            "object topology/a is not in canonical form",
        ),
        (
            wire(allocation(dealt(&[first], vec![set("s", "missing")])).await),
            WireError::Set(name("s")),
            "node set s has no usable size: its parameters are missing or out of range",
        ),
        (
            wire(allocation(dealt(&[second, first], topology_set())).await),
            WireError::Order(3),
            "epoch 3: operators are not in the order that its seed gives",
        ),
        (
            proposed(vec![update(Core::Change {
                parameters: vec![twice(), twice()],
                ..nothing()
            })])
            .await,
            WireError::Ambiguous,
            "the change contradicts itself: it sets a parameter, ban or permission twice, or lists \
             node sets without replacing them",
        ),
        (
            proposed(vec![update(Core::Change {
                sets: vec![Core::NodeSet { name: word("s"), groups: word("n"), size: word("n") }],
                ..nothing()
            })])
            .await,
            WireError::Ambiguous,
            "the change contradicts itself: it sets a parameter, ban or permission twice, or lists \
             node sets without replacing them",
        ),
        (
            wire(topology(objects(&[]).returns::<Artifacts::countCall>(&U256::from(2))).await),
            WireError::Short { got: 0, expected: 2 },
            "the chain returned 0 entries, expected 2",
        ),
        (
            wire(
                topology(objects(&[("a", hash, b"1")]).returns::<Blobs::getManyCall>(&vec![]))
                    .await,
            ),
            WireError::Short { got: 0, expected: 1 },
            "the chain returned 0 entries, expected 1",
        ),
        (
            proposed(vec![update(Core::Change {
                modules: vec![Core::ModuleEdits { module: module.to_word(), edits: vec![same()] }],
                ..nothing()
            })])
            .await,
            WireError::NoChange { module, path: "a".to_owned() },
            "the edit of topology/a changes nothing",
        ),
        (
            proposed(vec![update(nothing()), update(nothing())]).await,
            WireError::ForeignCalls(2),
            "the proposal is not one call of Core.update of this service (calls: 2)",
        ),
    ];
    let mut reached = BTreeSet::new();
    for (error, expected, text) in &cases {
        assert_eq!((error, error.to_string().as_str()), (expected, *text));
        reached.insert(wire_variant(error));
    }
    assert_eq!(reached.len(), WIRE_VARIANTS, "{reached:?}");
}

/// Two operators in the order that the seed gives.
fn in_order(seed: B256) -> (Address, Address) {
    let accounts = [Address::repeat_byte(1), Address::repeat_byte(2)];
    // IMapper: hashes of seed and operator, strictly ascending.
    let hash = |account: &Address| keccak256(&[seed.as_slice(), account.as_slice()].concat());
    if hash(&accounts[0]) < hash(&accounts[1]) {
        (accounts[0], accounts[1])
    } else {
        (accounts[1], accounts[0])
    }
}

#[tokio::test]
async fn the_right_order_is_accepted() {
    let (first, second) = in_order(B256::repeat_byte(7));
    let contracts = dealt(&[first, second], vec![set("s", "n")]).open().await;
    let allocation = contracts.now().allocation().await.unwrap().unwrap();
    assert_eq!(allocation.units(), 2);
    assert_eq!(contracts.now().current_epoch().await.unwrap().unwrap().number, Epoch(3));
}
