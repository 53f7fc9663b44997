//! `koinon export --tosca`: a template as files for other processors, without a chain.

use std::process::Command;

#[test]
fn a_template_is_exported_without_a_chain() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("tosca");
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/sharding-network");
    for (version, first) in [("1.3", "tosca_simple_yaml_1_3"), ("2.0", "tosca_2_0")] {
        let run = Command::new(env!("CARGO_BIN_EXE_koinon"))
            .args(["export", example, "--tosca", version, "-I", "shards=3", "--output"])
            .arg(&folder)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{said}");
        assert_eq!(said.contains("worker.count: TOSCA 1.3 cannot express it"), version == "1.3");
        for file in ["service.yaml", "profiles/org.koinon-1.0.yaml"] {
            let text = std::fs::read_to_string(folder.join(file)).unwrap();
            assert!(text.starts_with(&format!("tosca_definitions_version: {first}\n")), "{text}");
        }
    }
    let run =
        Command::new(env!("CARGO_BIN_EXE_koinon")).args(["export", example]).output().unwrap();
    assert_eq!(run.status.code(), Some(2), "a template is exported to a version of TOSCA");
}
