//! The time of a keystroke in a file of 1,000 node templates: the analysis, and the requests of the
//! editor meanwhile.
//!
//! `cargo bench -p koinon-tosca --bench editor`; needs python3, for the generator of `suite/peers`.

#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]
#![allow(missing_docs, reason = "criterion_group makes public items without docs")]

use std::collections::BTreeMap;
use std::process::Command;

use criterion::Criterion;
use criterion::criterion_group;
use criterion::criterion_main;
use koinon_tosca::Budgets;
use koinon_tosca::Severity;
use koinon_tosca::editor::analyse;
use koinon_tosca::editor::symbols;

/// The file that measures other processors too.
fn file(dialect: &str) -> String {
    let generator = concat!(env!("CARGO_MANIFEST_DIR"), "/../../suite/peers/generate.py");
    let made = Command::new("python3").args([generator, "1000", dialect]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8(made.stdout).unwrap()
}

fn benches(criterion: &mut Criterion) {
    for dialect in ["2.0", "1.3"] {
        let text = file(dialect);
        let root = "main.yaml";
        let files = |text: &str| BTreeMap::from([(root.to_owned(), text.to_owned())]);
        let budgets = Budgets::default();
        let good = analyse(&files(&text), root, &budgets, None);
        // In 1.3 `HostedOn` names `tosca.nodes.SoftwareComponent` as its source, and the apps do
        // not derive from it.
        assert!(good.diagnostics().iter().all(|one| one.severity == Severity::Warning));
        let mut group = criterion.benchmark_group(format!("editor {dialect}"));
        group.sample_size(20);
        let valid = files(&text);
        group.bench_function("keystroke, valid", |bencher| {
            bencher.iter(|| analyse(&valid, root, &budgets, Some(&good)));
        });
        // A new line begins in the middle of the file.
        let middle = text.len() / 2;
        let at = middle + text[middle..].find("\n      properties:").unwrap();
        let typed = format!("{}\n      pro{}", &text[..at], &text[at..]);
        let broken = files(&typed);
        group.bench_function("keystroke, broken", |bencher| {
            bencher.iter(|| analyse(&broken, root, &budgets, Some(&good)));
        });
        let offset = at + "\n      pro".len();
        assert!(!good.complete(&typed, offset).is_empty());
        group.bench_function("completion", |bencher| {
            bencher.iter(|| good.complete(&typed, offset));
        });
        let word = text[..at].rfind("type: ").unwrap() + "type: ".len();
        assert!(good.hover(&text, word).is_some());
        group.bench_function("hover", |bencher| bencher.iter(|| good.hover(&text, word)));
        group.bench_function("symbols", |bencher| bencher.iter(|| symbols(&text)));
        group.finish();
    }
}

criterion_group!(all, benches);
criterion_main!(all);
