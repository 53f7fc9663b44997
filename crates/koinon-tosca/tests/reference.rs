//! The reference of keynames in `docs/` is what the tables say.

use std::path::Path;

use koinon_tosca::Dialect;
use koinon_tosca::reference;

#[test]
fn the_documentation_is_what_the_tables_say() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    for (dialect, version) in [(Dialect::V2_0, "2.0"), (Dialect::V1_3, "1.3")] {
        let file = docs.join(format!("keynames-{version}.md"));
        assert!(
            std::fs::read_to_string(&file).unwrap() == reference(dialect),
            "{} is stale: write it with `koinon explain --keynames {version}`",
            file.display()
        );
    }
}
