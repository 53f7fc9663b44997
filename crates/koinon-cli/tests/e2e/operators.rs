//! Operators come and go.

use koinon_testkit::wait_until;
use serde_json::Value;

use crate::network::EVENT_TIMEOUT;
use crate::network::Network;
use crate::up::rows;
use crate::up::text;

#[test]
fn an_operator_joins_gets_nodes_leaves_and_withdraws_its_stake() {
    let inputs =
        ["-I", "block_interval=100 ms", "-I", "voting_period=30", "-I", "epoch_interval=40"];
    let network = Network::started(&[&inputs[..], &["-I", "unbonding=20"]].concat());
    let dir = network.dir();
    let dir = dir.to_str().unwrap();
    let keys = network.work().join("erin");
    let keys = keys.to_str().unwrap();
    let made = network.run(["key", "new", keys, "--name", "erin@myDapp", "--json"]).json();
    assert_eq!(made["name"], "erin@myDapp");
    assert_eq!(network.run(["key", "show", keys, "--json"]).json(), made);
    let account = text(&made, "account");

    let join = ["operator", "join", "--keys", keys, "--stake", "900"];
    let poor = network.on(&join);
    assert_ne!(poor.code(), 0);
    assert!(poor.stderr.contains("cannot stake"), "{}", poor.stderr);
    let funded = network.json(&["operator", "fund", account, "--amount", "2", "--as", "alice"]);
    assert_eq!(funded["account"], account);
    let joined = network.json(&join);
    assert_eq!(joined["name"], "erin@myDapp");
    assert_eq!(network.json(&["operator", "list"]).as_array().unwrap().len(), 5);

    // Its own agent, beside the network's, with the network's store.
    let (state, store) = (network.work().join("agent"), network.dir().join("store"));
    let mut agent = network.spawn([
        "agent",
        "--dir",
        dir,
        "--keys",
        keys,
        "--state",
        state.to_str().unwrap(),
        "--store",
        store.to_str().unwrap(),
        "--poll",
        "200ms",
        "--on-exit",
        "stop",
    ]);
    let status = wait_until(EVENT_TIMEOUT, "a deal gives it nodes that run", || {
        let status = network.json(&["status"]);
        let its = its_nodes(&status);
        if its.is_empty() || its.iter().any(|node| node["state"] != "running") {
            return Err(format!("its nodes are {its:?}"));
        }
        Ok(status)
    });
    let row = rows(&status, "operators").find(|row| row["name"] == "erin@myDapp").unwrap();
    assert_eq!([&row["stake"], &row["units"]], [900, 9]);
    // 20 slots for 37 units.
    assert!([4, 5].contains(&row["nodes"].as_u64().unwrap()), "{row}");

    let left = network.json(&["operator", "leave", "--keys", keys]);
    assert_eq!(left["stake_given_up"], 900);
    let early = network.on(&["operator", "leave", "--withdraw", "--keys", keys]);
    if early.code() != 0 {
        assert_eq!(early.code(), 5, "{}", early.stderr);
        wait_until(EVENT_TIMEOUT, "its stake is due", || {
            let ran = network.on(&["operator", "leave", "--withdraw", "--keys", keys, "--json"]);
            if ran.code() == 0 { Ok(()) } else { Err(ran.stderr) }
        });
    }
    wait_until(EVENT_TIMEOUT, "a deal takes its nodes", || {
        let status = network.json(&["status"]);
        let its = its_nodes(&status);
        if its.is_empty() { Ok(()) } else { Err(format!("its nodes are {its:?}")) }
    });
    let nodes = state.join("nodes");
    wait_until(EVENT_TIMEOUT, "its processes end", || {
        let left = crate::processes::by_cwd(&nodes);
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
    agent.interrupt();
    drop(agent.wait().success());
    let gone = network.on(&["operator", "show", "erin@myDapp"]).exits(1);
    assert!(gone.stderr.contains("no operator erin@myDapp"), "{}", gone.stderr);
}

fn its_nodes(status: &Value) -> Vec<Value> {
    rows(status, "nodes").filter(|node| node["operator"] == "erin@myDapp").cloned().collect()
}
