//! The time to read YAML into a tree, beside the events of the parser alone, and the time until
//! hostile files fail.
//!
//! `cargo bench -p koinon-tosca --bench yaml`. At the end it prints the process's peak memory
//! (Linux).

#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]
#![allow(clippy::print_stderr, reason = "a bench reports")]
#![allow(missing_docs, reason = "criterion_group makes public items without docs")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::hint::black_box;

use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use granit_parser::Options;
use granit_parser::Parser;
use koinon_tosca::count_nodes;
use koinon_tosca::validate;

/// A service of hosts and applications chained to each other: per template 22 nodes and 220 bytes.
fn service(templates: usize) -> String {
    let mut text = String::from(
        "tosca_definitions_version: tosca_2_0\nservice_template:\n  node_templates:\n",
    );
    for index in 0..templates {
        let host = index - index % 4;
        if index == host {
            write!(
                text,
                "    server_{index}:\n      type: Compute\n      properties:\n        num_cpus: {}\n        zone: z{}\n",
                1 + index % 8,
                index % 5
            )
            .unwrap();
            continue;
        }
        write!(
            text,
            "    app_{index}:\n      type: App\n      properties:\n        port: {}\n        image: {{$get_input: image}}\n        labels:\n          index: \"{index}\"\n          group: g{}\n      requirements:\n      - host: server_{host}\n      - upstream: app_{}\n",
            1000 + index,
            index % 10,
            index - 1
        )
        .unwrap();
    }
    text
}

/// Returns the number of events.
fn events(text: &str) -> usize {
    let mut options = Options::default();
    options.emit_unresolved_aliases = true;
    let mut count = 0;
    for event in Parser::new_from_str_with_options(text, options) {
        black_box(event.unwrap());
        count += 1;
    }
    count
}

fn trees(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("yaml");
    group.sample_size(20);
    for templates in [1_000, 10_000] {
        let text = service(templates);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format!("events/{templates}"), |bencher| {
            bencher.iter(|| events(&text));
        });
        group.bench_function(format!("tree/{templates}"), |bencher| {
            bencher.iter(|| count_nodes(&text).unwrap());
        });
    }
    group.finish();
}

/// Ten levels of ten aliases each: 10^10 values in under a kilobyte.
fn alias_bomb() -> String {
    let mut text = String::from(
        "tosca_definitions_version: tosca_2_0\ndsl_definitions:\n  a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n",
    );
    for level in 1..10 {
        let uses = vec![format!("*a{}", level - 1); 10].join(",");
        writeln!(text, "  a{level}: &a{level} [{uses}]").unwrap();
    }
    text
}

fn hostile(criterion: &mut Criterion) {
    let start = "tosca_definitions_version: tosca_2_0\nmetadata:";
    let files = [
        ("alias_bomb", alias_bomb()),
        ("deep_flow", format!("{start} {}", "[".repeat(20_000))),
        ("deep_block", format!("{start}\n  {}", "- ".repeat(20_000))),
        ("deep_maps", format!("{start} {}", "{a: ".repeat(20_000))),
    ];
    let mut group = criterion.benchmark_group("hostile");
    group.sample_size(20);
    for (name, text) in files {
        let files = BTreeMap::from([("service.yaml".to_owned(), text)]);
        group.bench_function(name, |bencher| {
            let none = BTreeMap::new();
            bencher.iter(|| drop(validate(&files, "service.yaml", &none).unwrap_err()));
        });
    }
    group.finish();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM"));
    eprintln!("peak memory after the hostile files: {}", peak.unwrap_or("unknown"));
}

criterion_group!(benches, hostile, trees);
criterion_main!(benches);
