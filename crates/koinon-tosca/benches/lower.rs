//! The time to lower a file of TOSCA 1.3 to 2.0, beside the time to parse it.
//!
//! `cargo bench -p koinon-tosca --bench lower`.

#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]
#![allow(missing_docs, reason = "criterion_group makes public items without docs")]

use std::fmt::Write;

use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use koinon_tosca::count_nodes;
use koinon_tosca::lower;
use koinon_tosca::lower::ToscaVersion;

/// A chain of applications: per template 25 nodes and 240 bytes.
fn chain(templates: usize) -> String {
    let mut text = String::from(
        "tosca_definitions_version: tosca_simple_yaml_1_3\ntopology_template:\n  node_templates:\n",
    );
    for index in 1..=templates {
        write!(
            text,
            "    app_{index}:\n      type: App\n      properties:\n        port: {}\n        image: {{get_input: image}}\n        labels:\n          index: \"{index}\"\n          group: g{}\n      requirements:\n      - host: server_{}\n      - upstream: app_{}\n",
            1000 + index,
            index % 10,
            index / 4,
            index - 1
        )
        .unwrap();
    }
    text
}

fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lower");
    group.sample_size(20);
    let text = chain(10_000);
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("parse", |bencher| bencher.iter(|| count_nodes(&text).unwrap()));
    group.bench_function("parse_and_lower", |bencher| {
        bencher.iter(|| lower::count_nodes(&text, ToscaVersion::V1_3).unwrap());
    });
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
