//! The graph of the benchmark.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use koinon_model::Value;
use koinon_model::representation::Artifact;
use koinon_model::representation::Interfaces;
use koinon_model::representation::Representation;

use crate::common;

/// Makes groups of four nodes: a host, and three nodes on it that are part of one chain through all
/// groups. There are three relationships for two nodes.
pub(crate) fn graph(nodes: usize) -> Representation {
    let (mut made, mut links) = (Vec::new(), Vec::new());
    let name = |at: usize| format!("node{at:06}");
    let mut last: Option<usize> = None;
    for at in 0..nodes {
        let value = Value::from(at as i64);
        let operations: &[&str] = if at % 4 == 0 {
            &["create", "delete"]
        } else {
            &["create", "configure", "start", "stop"]
        };
        let interfaces = common::interface("Standard", common::STANDARD, operations, &value);
        made.push(common::node(&name(at), "App", &value, interfaces));
        if at % 4 == 0 {
            continue;
        }
        let host = [&*name(at), "host", &*name(at - at % 4)];
        let none = Default::default();
        links.push(common::relationship(host, 0, "tosca.relationships.HostedOn", none));
        if let Some(last) = last {
            let operations: &[&str] =
                if at % 8 == 1 { &["add_source", "remove_source"] } else { &[] };
            let configure = common::interface("Configure", common::CONFIGURE, operations, &value);
            let upstream = [&*name(at), "upstream", &*name(last)];
            links.push(common::relationship(
                upstream,
                0,
                "tosca.relationships.ConnectsTo",
                configure,
            ));
        }
        last = Some(at);
    }
    let mut graph = common::representation(made, links);
    share(&mut graph);
    graph
}

/// Makes equal names and files share an allocation, as in a resolver's graph.
fn share(graph: &mut Representation) {
    let mut names: BTreeSet<Arc<str>> = BTreeSet::new();
    let mut files: BTreeMap<Arc<str>, Arc<Artifact>> = BTreeMap::new();
    let mut name = |text: &mut Arc<str>| {
        if let Some(known) = names.get(text) {
            *text = Arc::clone(known);
        } else {
            names.insert(Arc::clone(text));
        }
    };
    for node in &mut graph.nodes {
        name(&mut node.node_type);
    }
    for link in &mut graph.relationships {
        name(&mut link.relationship_type);
    }
    let nodes = graph.nodes.iter_mut().map(|node| &mut node.interfaces);
    let links = graph.relationships.iter_mut().map(|link| &mut link.interfaces);
    for interface in nodes.chain(links).flat_map(Interfaces::values_mut) {
        let interface = Arc::make_mut(interface);
        name(&mut interface.interface_type);
        for operation in interface.operations.values_mut() {
            let made = operation.implementation.as_mut();
            if let Some(file) = made.and_then(|made| made.primary.as_mut()) {
                let known = files.entry(Arc::clone(&file.file)).or_insert_with(|| Arc::clone(file));
                *file = Arc::clone(known);
            }
        }
    }
}
