//! The documents of the services a benchmark makes.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use koinon_command::Outcome;
use koinon_model::Service;
use koinon_model::Value;
use koinon_tosca::compile;
use koinon_tosca::compile_document;

/// The head of every document: a vote short enough to wait for on any chain.
const HEAD: &str = "
tosca_definitions_version: tosca_2_0
metadata: { template_name: bench }
imports: [ { profile: org.koinon:1.0 } ]
service_template:
  policies:
  - governance:
      type: Governance
      properties:
        voting_delay: 0
        voting_period: 8
        timelock: 0
        quorum: 50
        proposal_threshold: 0
        unbonding: 1
";

/// The node templates before a benchmark adds others: a service template must have some.
const FIRST: &str = "
  node_templates:
    first: { type: First }
node_types:
  First: {}
";

/// The slots of the deal: 20 groups of 250, as in the paper.
const DEAL: &str = "
  inputs:
    stake_threshold: { type: integer, default: 100 }
    max_operator_number: { type: integer, default: 5000 }
    epoch_interval: { type: integer, default: 1 }
    shards: { type: integer, default: 20 }
    workers_per_shard: { type: integer, default: 250 }
  node_templates:
    shard:
      type: Group
      count: { $get_input: shards }
      properties:
        name: { $concat: [ shard, { $sum: [ $node_index, 1 ] } ] }
        workers: { $get_input: workers_per_shard }
        epoch_interval: { $get_input: epoch_interval }
      capabilities:
        members: { properties: { places: { $get_input: workers_per_shard } } }
      requirements: [ { composed_of: worker } ]
    worker:
      type: Worker
      count: { $product: [ { $get_input: shards }, { $get_input: workers_per_shard } ] }
      properties:
        program: image
        ports: [ { name: http, target: 80 } ]
        probe: { port: http }
      artifacts:
        image:
          type: Image
          file: ipfs://bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy
          properties:
            cid: bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy
            file_name: worker
      requirements:
      - member_of: { node: shard, allocation: { places: 1 } }
      - operated_by: { node: Operator, allocation: { units: 1 } }
";

/// Stake that backs one node in the deal's service.
pub(crate) const STAKE_THRESHOLD: u64 = 100;
/// Places per group and groups of the deal's service.
pub(crate) const SLOTS: u64 = 5_000;

/// Returns the document of an empty service that these accounts may update without a vote.
pub(crate) fn base(admins: &[Address]) -> Value {
    let mut document = parse(&format!("{HEAD}{FIRST}"));
    if admins.is_empty() {
        return document;
    }
    let addresses = admins.iter().map(|admin| Value::from(admin.to_string().as_str()));
    let list = Value::List(addresses.collect());
    let rule = Value::from([("update_by", "admins".into()), ("admins", list)]);
    let modules = ["core", "templates", "topology"].map(|module| (module, rule.clone()));
    let permissions = Value::from([
        ("type", "Permissions".into()),
        ("properties", Value::from([("modules", modules.into())])),
    ]);
    if let Value::Map(root) = &mut document
        && let Some(Value::Map(service)) = root.get_mut("service_template")
        && let Some(Value::List(policies)) = service.get_mut("policies")
    {
        policies.push(Value::from([("permissions", permissions)]));
    }
    document
}

/// Returns the service whose slots are dealt.
pub(crate) fn deal() -> Outcome<Service> {
    let files = BTreeMap::from([("service.yaml".to_owned(), format!("{HEAD}{DEAL}"))]);
    Ok(compile(&files, "service.yaml", &BTreeMap::new())?)
}

/// Returns a compiled document.
pub(crate) fn compiled(document: &Value) -> Outcome<Service> {
    Ok(compile_document(document)?)
}

fn parse(text: &str) -> Value {
    koinon_tosca::read_value("service.yaml", text).expect("BUG: the text above is YAML")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_compile() {
        let service = deal().unwrap();
        let set = service.sets[0].resolve(&service.parameters).unwrap();
        assert_eq!(u64::from(set.groups) * u64::from(set.size), SLOTS);
        let threshold =
            service.parameters.iter().find(|(name, _)| name.as_str() == "stake_threshold");
        assert_eq!(threshold.map(|(_, value)| *value), i64::try_from(STAKE_THRESHOLD).ok());
        let admins = [Address::repeat_byte(1), Address::repeat_byte(2)];
        let service = compiled(&base(&admins)).unwrap();
        assert_eq!(service.permissions.len(), 3);
        assert!(compiled(&base(&[])).unwrap().permissions.is_empty());
    }
}
