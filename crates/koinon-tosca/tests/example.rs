//! The example of the repository, from file to nodes.

mod common;

use std::collections::BTreeMap;

use alloy_primitives::Address;
use alloy_primitives::B256;
use koinon_model::Allocation;
use koinon_model::Epoch;
use koinon_model::Member;
use koinon_model::Revision;
use koinon_model::Service;
use koinon_model::Value;
use koinon_tosca::compile;
use koinon_tosca::compile_document;
use koinon_tosca::instantiate;
use koinon_tosca::join;
use koinon_tosca::read_inputs;
use koinon_tosca::split;
use koinon_tosca::to_json;
use koinon_tosca::to_yaml;
use koinon_tosca::validate;

const TEMPLATE: &str = include_str!("../../../examples/sharding-network/template.yaml");
const PAPER: &str = include_str!("../../../examples/sharding-network/paper.yaml");

fn files() -> BTreeMap<String, String> {
    BTreeMap::from([("template.yaml".to_owned(), TEMPLATE.to_owned())])
}

fn inputs(file: &str) -> BTreeMap<String, Value> {
    let mut inputs = match file {
        "" => BTreeMap::new(),
        text => read_inputs("paper.yaml", text.as_bytes()).unwrap(),
    };
    let names = ["alice", "bob", "carol", "dave"];
    let pem = |name: &str| format!("-----BEGIN CERTIFICATE-----\n{name}\n-----END CERTIFICATE-----\n");
    let certificates = names.map(|name| (name, Value::string(&pem(name))));
    inputs.insert("certificates".to_owned(), certificates.into());
    let cid = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";
    inputs.insert("worker_image".to_owned(), cid.into());
    inputs
}

fn service(file: &str) -> Service {
    match compile(&files(), "template.yaml", &inputs(file)) {
        Ok(service) => service,
        Err(diagnostics) => panic!("{diagnostics}"),
    }
}

fn allocation(service: &Service) -> (Allocation, BTreeMap<Address, String>) {
    let unit = service.parameters[&"stake_threshold".parse().unwrap()];
    let account = |index: usize| Address::with_last_byte(u8::try_from(index + 1).unwrap());
    let operators = service.operators.values().enumerate();
    let members = operators.clone().map(|(index, operator)| Member {
        account: account(index),
        units: u32::try_from(operator.stake / u64::try_from(unit).unwrap()).unwrap() * 200,
        banned: [].into(),
    });
    let sets = service.sets.iter().map(|set| set.resolve(&service.parameters).unwrap());
    let allocation = Allocation::deal(B256::repeat_byte(7), members.collect(), sets.collect()).unwrap();
    let names = operators.map(|(index, operator)| (account(index), operator.name.clone()));
    (allocation, names.collect())
}

#[test]
fn prints() {
    let service = service("");
    println!("{}", to_yaml(&service.document));
    let content = split(&service);
    for ((module, path), object) in &content.objects {
        println!("{module}/{path} {}", object.bytes().len());
    }
    println!("{:?} {:?}", service.governance, service.sets);
}
