//! Changes of running nodes: by vote, and by the deal of a new epoch.

use std::collections::BTreeMap;
use std::fs;
use std::fs::OpenOptions;
use std::io::Write;

use koinon_testkit::wait_until;
use serde_json::Value;
use serde_json::json;

use crate::network::EVENT_TIMEOUT;
use crate::network::EXAMPLE;
use crate::network::Network;
use crate::network::QUICK;
use crate::up::rows;
use crate::up::text;

/// Process numbers of nodes by operator and slot.
type Nodes = BTreeMap<(String, String), u32>;

#[test]
fn a_voted_change_runs_and_other_nodes_are_left_alone() {
    let network = Network::started(&QUICK);
    let nodes = another_shard(&network);
    let nodes = another_image(&network, &nodes);
    banned_and_dealt_anew(&network, &nodes);
}

fn another_shard(network: &Network) -> Nodes {
    let before = network.settle();
    let five = [&QUICK[..], &["-I", "shards=5"]].concat();
    let diff = network.json(&[&["diff", EXAMPLE], &five[..]].concat());
    assert_eq!(diff["change"]["parameters"], json!({ "shards": 5 }));
    assert_eq!(diff["allocation"]["slots"], json!([20, 25]));
    assert_eq!(diff["allocation"]["vacancies"], json!([0, 0]));
    let people = network.on(&[&["diff", EXAMPLE], &five[..]].concat()).success().stdout;
    assert!(people.contains("~ parameter shards: 4 → 5\n"), "{people}");
    assert!(people.contains("allocation: 20 slots → 25, "), "{people}");

    let dry = [&["propose", EXAMPLE, "--dry-run"], &five[..]].concat();
    assert_eq!(network.json(&dry)["proposal"], Value::Null);
    assert_eq!(network.change(EXAMPLE, &five), 2);
    let after = network.settle();
    assert_eq!(after.len(), 25);

    // The allocation is the one that `koinon diff` showed before the vote.
    for row in rows(&network.json(&["status"]), "operators") {
        assert_eq!(diff["allocation"]["operators"][text(row, "name")][1], row["nodes"]);
    }
    let kept: Vec<_> = before.keys().filter(|key| after.contains_key(key)).collect();
    assert_eq!(diff["allocation"]["unmoved"], kept.len());
    assert!(!kept.is_empty());
    for key in &kept {
        assert_eq!(before[*key], after[*key], "{key:?} stays with its operator, but was restarted");
    }
    let old: Vec<u32> = before.values().copied().collect();
    let moved = after.iter().filter(|(key, _)| !before.contains_key(key));
    assert!(moved.into_iter().all(|(_, pid)| !old.contains(pid)));
    after
}

fn another_image(network: &Network, before: &Nodes) -> Nodes {
    let image = network.work().join("image");
    fs::copy(env!("CARGO_BIN_EXE_koinon"), &image).unwrap();
    OpenOptions::new().append(true).open(&image).unwrap().write_all(b"\n").unwrap();
    let store = network.dir().join("store");
    let (image, store) = (image.to_str().unwrap(), store.to_str().unwrap());
    let added = network.run(["artifact", "add", image, "--store", store, "--json"]).json();
    let cid = text(&added, "cid");
    assert!(cid.starts_with("bafy"), "{cid}");
    assert_eq!(
        network.run(["artifact", "add", image, "--store", store]).success().stdout.trim(),
        cid
    );

    let input = format!("worker_image={cid}");
    assert_eq!(
        network.change(EXAMPLE, &[&QUICK[..], &["-I", "shards=5", "-I", &input]].concat()),
        3
    );
    let after = wait_until(EVENT_TIMEOUT, "every node runs the new image", || {
        let nodes = network.settle();
        let old = nodes.iter().filter(|(key, pid)| before.get(key) == Some(pid)).count();
        if old == 0 { Ok(nodes) } else { Err(format!("{old} run the old one")) }
    });
    assert!(after.keys().eq(before.keys()));
    let size = fs::metadata(image).unwrap().len();
    for pid in after.values() {
        // The running program, not the files of its directory.
        assert_eq!(fs::metadata(format!("/proc/{pid}/exe")).unwrap().len(), size);
    }
    after
}

fn banned_and_dealt_anew(network: &Network, before: &Nodes) {
    let image = {
        let exported = network.json(&["export"]);
        text(&exported["service_template"]["inputs"]["worker_image"], "default").to_owned()
    };
    let banned = network.template(
        "banned.yaml",
        &[("operators: [] # such as mallory@myDapp", "operators: [ dave@myDapp ]")],
    );
    let image = format!("worker_image={image}");
    let inputs = [
        "-I",
        "block_interval=100 ms",
        "-I",
        "voting_period=30",
        "-I",
        "shards=5",
        "-I",
        &image,
        "-I",
        "epoch_interval=40",
    ];
    let diff = network.json(&[&["diff", &banned], &inputs[..]].concat());
    assert_eq!(diff["allocation"]["next_deal"], true);
    assert_eq!(diff["change"]["bans"].as_array().unwrap().len(), 1);
    let mut epoch = network.json(&["status"])["epoch"].as_u64().unwrap();
    assert_eq!(network.change(&banned, &inputs), 4);

    let mut seen = vec![before.clone()];
    for _ in 0..2 {
        let (status, nodes) = settled_after(network, epoch);
        epoch = status["epoch"].as_u64().unwrap();
        assert_eq!([&status["slots"], &status["vacancies"]], [25, 1]);
        assert!(nodes.keys().all(|(operator, _)| operator != "dave"), "{nodes:?}");
        let units: Vec<Value> =
            rows(&status, "operators").map(|row| json!([row["name"], row["nodes"]])).collect();
        let expected =
            [json!(["alice@myDapp", 10]), json!(["bob@myDapp", 8]), json!(["carol@myDapp", 6])];
        assert!(expected.iter().all(|row| units.contains(row)), "{units:?}");
        assert!(nodes.keys().ne(seen.last().unwrap().keys()), "the deal changed nothing");
        seen.push(nodes);
    }
    // The contract agrees, in the epoch it is in by then.
    for group in 0..5 {
        let slot = format!("worker/{group}/0");
        let explained = network.json(&["allocation", "explain", &slot]);
        assert_eq!(explained["contract_agrees"], true, "{explained}");
    }
}

/// Waits for an epoch after `epoch` in which exactly the allocated nodes run; returns its status
/// with them.
fn settled_after(network: &Network, epoch: u64) -> (Value, Nodes) {
    wait_until(EVENT_TIMEOUT, "a later epoch's nodes run", || {
        let before = network.json(&["status"]);
        if before["epoch"].as_u64() <= Some(epoch) {
            return Err(format!("it is epoch {}", before["epoch"]));
        }
        let nodes = network.settle();
        let after = network.json(&["status"]);
        // Otherwise the epoch ended meanwhile.
        if before["epoch"] == after["epoch"] {
            Ok((after, nodes))
        } else {
            Err("it ended".to_owned())
        }
    })
}
