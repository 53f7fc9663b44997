//! From nothing to a plan: 10,000 nodes with 15,000 relationships, and ten times that.

use std::hint::black_box;

use criterion::BatchSize;
use criterion::Criterion;
use criterion::criterion_group;
use criterion::criterion_main;
use koinon_plan::Plan;
use koinon_plan::PlanInput;
use koinon_plan::Rules;

#[expect(clippy::unwrap_used, reason = "a bench that panics has failed")]
#[expect(dead_code, reason = "the tests use all of it")]
#[path = "../tests/common/mod.rs"]
mod common;
mod graph;

fn plans(criterion: &mut Criterion) {
    let rules: Rules = common::simple();
    for nodes in [10_000, 100_000] {
        let mut group = criterion.benchmark_group(format!("{nodes}"));
        group.sample_size(if nodes > 10_000 { 10 } else { 50 });
        let graph = graph::graph(nodes);
        let mut changed = graph.clone();
        changed.nodes.truncate(nodes - nodes / 10);
        let kept: std::collections::BTreeSet<_> =
            changed.nodes.iter().map(|node| node.id).collect();
        changed.relationships.retain(|link| kept.contains(&link.source));
        for node in changed.nodes.iter_mut().step_by(10) {
            node.properties.clear();
        }
        let version = PlanInput::from(&graph);
        let other = PlanInput::from(&changed);
        group.bench_function("from nothing", |bencher| {
            let plan = || Plan::between_inputs(None, black_box(version), &rules);
            bencher.iter_batched(|| (), |()| plan(), BatchSize::PerIteration);
        });
        group.bench_function("to itself", |bencher| {
            let plan = || Plan::between_inputs(Some(version), black_box(version), &rules);
            bencher.iter_batched(|| (), |()| plan(), BatchSize::PerIteration);
        });
        group.bench_function("a tenth gone and a tenth changed", |bencher| {
            let plan = || Plan::between_inputs(Some(version), black_box(other), &rules);
            bencher.iter_batched(|| (), |()| plan(), BatchSize::PerIteration);
        });
        let plan = Plan::between_inputs(None, version, &rules);
        let plan = plan.expect("BUG: the graph has no cycle");
        group.bench_function("plan to JSON", |bencher| {
            bencher.iter_batched(|| (), |()| plan.to_json(), BatchSize::PerIteration);
        });
        group.bench_function("representation to JSON", |bencher| {
            bencher.iter_batched(|| (), |()| graph.to_json(), BatchSize::PerIteration);
        });
    }
}

criterion_group!(benches, plans);
criterion_main!(benches);
