//! The reference of keynames in `docs/` agrees with the compiler's tables. With KOINON_UPDATE=1 it
//! is rewritten.

use std::path::Path;

use koinon_tosca::Dialect;
use koinon_tosca::reference;

#[test]
fn the_reference_of_keynames_agrees_with_the_tables() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    for (dialect, version) in [(Dialect::V2_0, "2.0"), (Dialect::V1_3, "1.3")] {
        let file = docs.join(format!("keynames-{version}.md"));
        if std::env::var_os("KOINON_UPDATE").is_some() {
            std::fs::write(&file, reference(dialect)).unwrap();
        }
        assert!(
            std::fs::read_to_string(&file).unwrap() == reference(dialect),
            "{} is stale: run this test with KOINON_UPDATE=1",
            file.display()
        );
    }
}
