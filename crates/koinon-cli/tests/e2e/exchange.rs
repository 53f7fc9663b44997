//! Export and import: an export imports again, byte for byte.

use std::fs;

use serde_json::Value;
use serde_json::json;

use crate::network::EXAMPLE;
use crate::network::Network;
use crate::network::QUICK;

#[test]
fn an_export_is_canonical_and_imports_as_itself() {
    let network = Network::started(&QUICK);
    for format in ["yaml", "json"] {
        let file = network.work().join(format!("service.{format}"));
        let file = file.to_str().unwrap();
        drop(network.on(&["export", "--format", format, "--output", file]).success());
        let exported = fs::read_to_string(file).unwrap();
        assert_eq!(network.on(&["export", "--format", format]).success().stdout, exported);
        let compiled = network.run(["compile", file, "--document", format]).success();
        assert_eq!(compiled.stdout, exported, "{format}");
        // An export in either format is also a source.
        let other = if format == "yaml" { "json" } else { "yaml" };
        let crossed = network.run(["compile", file, "--document", other]).success().stdout;
        assert_eq!(crossed, network.on(&["export", "--format", other]).success().stdout);

        let imported = network.json(&["import", file, "--dry-run"]);
        assert_eq!(imported["change"]["edits"], json!([]));
        assert_eq!(imported["change"]["parameters"], json!({}));
        let imported = network.on(&["import", file, "--dry-run"]).success();
        assert_eq!(
            imported.stdout.lines().filter(|line| line.starts_with(['+', '-', '~'])).count(),
            0
        );
        let imported = network.json(&["import", file, "--as", "alice"]);
        assert_eq!(imported["proposal"], Value::Null);
    }
    edited(&network);
    two_services(&network);
}

/// Checks that only an edited object is proposed, and that the export then is the edited document.
fn edited(network: &Network) {
    let file = network.work().join("edited.json");
    let exported = network.on(&["export", "--format", "json"]).success().stdout;
    let document = exported.replace("A worker of this network.", "Ein Arbeiter: «größer»");
    assert_ne!(document, exported);
    fs::write(&file, &document).unwrap();
    let file = file.to_str().unwrap();
    let proposed = network.json(&["import", file, "--as", "alice", "--description", "words"]);
    let edits = proposed["change"]["edits"].as_array().unwrap();
    let [only] = &edits[..] else { panic!("{edits:?}") };
    assert_eq!(only["module"], "topology");
    assert_eq!(only["path"], "node_types/MyDappWorker");
    let proposal = proposed["proposal"].as_str().unwrap();
    let people = network.on(&["proposal", "show", proposal]).success().stdout;
    assert!(people.contains("~ topology/node_types/MyDappWorker\n"), "{people}");

    let nodes = network.settle();
    assert_eq!(network.pass(proposal), 2);
    assert_eq!(network.on(&["export", "--format", "json"]).success().stdout, document);
    // The description of a type does not change how its nodes run.
    assert_eq!(network.settle(), nodes);
}

fn two_services(network: &Network) {
    let keys = network.dir().join("operators/alice");
    let url = network.json(&["status"]);
    let record: Value =
        serde_json::from_slice(&fs::read(network.dir().join("network.json")).unwrap()).unwrap();
    let rpc = record["rpc_url"].as_str().unwrap();
    let created = network.run([
        "service",
        "create",
        EXAMPLE,
        "--rpc-url",
        rpc,
        "--chain-id",
        "1337",
        "--keys",
        keys.to_str().unwrap(),
        "--json",
    ]);
    let created = created.json();
    assert_ne!(created["service"], url["service"]);
    let listed = network.json(&["service", "list"]);
    let listed: Vec<&Value> =
        listed.as_array().unwrap().iter().map(|row| &row["address"]).collect();
    assert_eq!(listed, [&url["service"], &created["service"]]);
    // Without a revision it has no document, but its contracts verify.
    let other = ["--rpc-url", rpc, "--service", created["service"].as_str().unwrap()];
    let verified = network.run([&["service", "verify", "--json"], &other[..]].concat()).json();
    assert_eq!(verified["verified"], true);
    let none = network.run([&["export"], &other[..]].concat()).exits(1);
    assert!(none.stderr.contains("the service has no revision at block"), "{}", none.stderr);
}
