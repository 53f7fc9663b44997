//! Values that the tests of several modules use.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use alloy::providers::mock::Asserter;
use alloy::rpc::client::RpcClient;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolValue;
use alloy_primitives::Address;
use alloy_primitives::B256;
use alloy_primitives::hex;
use koinon_chain::Account;
use koinon_chain::Chain;
use koinon_chain::Contracts;
use koinon_chain::Head;
use koinon_chain::ServiceContract;
use koinon_model::AssignedNode;
use koinon_model::Epoch;
use koinon_model::Instance;
use koinon_model::Probe;
use koinon_model::RestartPolicy;
use koinon_model::Revision;
use koinon_model::Slot;
use koinon_model::Value;
use koinon_model::representation;
use koinon_model::representation::Artifact;
use koinon_model::representation::ElementId;
use koinon_model::representation::Entries;
use koinon_model::representation::Interfaces;
use koinon_model::representation::Properties;
use koinon_model::representation::Property;
use koinon_model::representation::Representation;
use koinon_model::representation::Term;
use koinon_plan::Rules;

use crate::driver::ProcessDriver;
use crate::store::Store;

pub(crate) const OTHER: Address = Address::repeat_byte(2);
pub(crate) const SERVICE: Address = Address::repeat_byte(0xcc);
const WEAVING: &str = include_str!("../../../profiles/koinon/1.0/weaving.yaml");

/// Returns an error's message and those of its causes.
pub(crate) fn messages(error: &(dyn Error + 'static)) -> Vec<String> {
    std::iter::successors(Some(error), |error| (*error).source()).map(ToString::to_string).collect()
}

pub(crate) fn slot(group: u32, place: u32) -> Slot {
    Slot { set: "worker".parse().unwrap(), group, place }
}

pub(crate) fn rules() -> Rules {
    let rules = koinon_tosca::read_inputs("weaving.yaml", WEAVING.as_bytes()).unwrap();
    Rules::from_value(&rules.into_iter().collect()).unwrap()
}

/// Returns a driver of the directories `nodes`, `logs` and `store` of `dir`, all of which exist but
/// `logs`. Its launcher does not exist.
pub(crate) fn driver(dir: &Path) -> ProcessDriver {
    std::fs::create_dir_all(dir.join("nodes")).unwrap();
    ProcessDriver {
        nodes_dir: dir.join("nodes"),
        logs_dir: dir.join("logs"),
        store: Store::open(&dir.join("store")).unwrap(),
        launcher: vec![OsString::from("/nonexistent/launcher")],
        host: Ipv4Addr::LOCALHOST.into(),
    }
}

/// Returns the operator's key.
pub(crate) fn signer() -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(1)).unwrap()
}

/// Returns the operator.
pub(crate) fn operator() -> Address {
    signer().address()
}

/// Returns the contracts of [`SERVICE`] on a chain whose further answers are those of `asserter`.
pub(crate) async fn contracts(asserter: &Asserter, signer: Option<PrivateKeySigner>) -> Contracts {
    answer_open(asserter);
    let chain = Chain::from_client(
        RpcClient::mocked(asserter.clone()),
        signer.map(|key| Account::new(key, 1337)),
    );
    Contracts::open(chain, SERVICE).await.unwrap()
}

/// Answers the requests of `Contracts::open`: the service's code, its store of values, its modules.
pub(crate) fn answer_open(asserter: &Asserter) {
    asserter.push_success(&"0x00");
    asserter.push_success(&Address::repeat_byte(1).into_word());
    let names = ServiceContract::MODULES.map(|module| module.module_name().to_word());
    let addresses = [Address::repeat_byte(2); ServiceContract::MODULES.len()];
    let modules = (names.to_vec(), addresses.to_vec()).abi_encode_params();
    asserter.push_success(&hex::encode_prefixed(modules));
}

/// Answers the requests of `Contracts::head` before the first deal.
pub(crate) fn answer_head(asserter: &Asserter, block: u64, revision: u64) {
    asserter.push_success(&format!("{block:#x}"));
    asserter.push_success(&B256::left_padding_from(&revision.to_be_bytes()));
    // `Mapper.currentEpoch`: nine words.
    asserter.push_success(&format!("0x{}", "00".repeat(9 * 32)));
}

pub(crate) fn head(revision: u64, epoch: u64) -> Head {
    Head { block: 1, revision: Revision(revision), epoch: Epoch(epoch) }
}

/// Returns a node without program, ports and probe.
pub(crate) fn assigned_node(index: u64, operator: Address, element: ElementId) -> AssignedNode {
    AssignedNode {
        element,
        template: "worker".to_owned(),
        node_type: "org.koinon:1.0:Worker".to_owned(),
        index,
        operator,
        operator_name: String::new(),
        properties: BTreeMap::new(),
        environment: BTreeMap::new(),
        arguments: Vec::new(),
        artifacts: BTreeMap::new(),
        program: String::new(),
        ports: Vec::new(),
        probe: Probe { port: String::new(), path: String::new(), timeout: 0 },
        restart: RestartPolicy::Always,
    }
}

/// Returns a service of workers in groups of `size`, each given by its operator and the CID of its
/// program.
pub(crate) fn instance(size: u32, workers: &[(Address, &str)]) -> Instance {
    let mut instance = Instance {
        sizes: [("worker".to_owned(), size)].into(),
        representation: Representation {
            service: "dapp".into(),
            types: [
                ("org.koinon:1.0:Worker".into(), Vec::new()),
                ("org.koinon:1.0:Image".into(), Vec::new()),
            ]
            .into(),
            ..Representation::default()
        },
        ..Instance::default()
    };
    for (index, (operator, cid)) in (0..).zip(workers) {
        let slot = slot(index / size, index % size);
        let element = instance.element(&slot);
        let image = Artifact {
            artifact_type: "org.koinon:1.0:Image".into(),
            file: format!("ipfs://{cid}").into(),
            repository: None,
            version: None,
            checksum: None,
            properties: [("cid".into(), Term::Known(Arc::new(Value::string(cid))))].into(),
        };
        instance.representation.nodes.push(representation::Node {
            id: element,
            template: "worker".into(),
            index,
            node_type: "org.koinon:1.0:Worker".into(),
            directives: Vec::new(),
            properties: [("program".into(), Property::known("image".into()))].into(),
            attributes: Arc::<Properties>::default(),
            capabilities: Entries::new(),
            artifacts: [("image".into(), Arc::new(image))].into(),
            interfaces: Interfaces::new(),
            operator: Some(operator.to_string().into()),
        });
        let node = assigned_node(index.into(), *operator, element);
        instance.nodes.insert(slot, node);
    }
    instance
}
