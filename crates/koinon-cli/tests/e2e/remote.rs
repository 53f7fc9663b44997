//! `up` on a remote chain: Anvil, over JSON-RPC.

use std::path::Path;

use alloy::signers::local::PrivateKeySigner;
use koinon_testkit::wait_until;

use crate::network::EVENT_TIMEOUT;
use crate::network::EXAMPLE;
use crate::network::Network;
use crate::processes;
use crate::up::assert_healthy;

const ANVIL: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
);
/// The first account of Anvil with currency.
const DEV_KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

#[test]
fn up_works_on_a_remote_chain() {
    let anvil = Path::new(ANVIL);
    assert!(anvil.exists(), "no {ANVIL}: run `npm ci --prefix contracts`");
    let network = Network::new();
    let arguments = ["--port", "0", "--hardfork", "osaka", "--block-time", "1"];
    let mut anvil = network.spawn_program(anvil, arguments);
    let listening = wait_until(EVENT_TIMEOUT, "anvil listens", || {
        let said = anvil.stdout();
        let address = said.lines().find_map(|line| line.strip_prefix("Listening on "));
        address.map(ToOwned::to_owned).ok_or(said)
    });

    let (keystore, password) =
        (network.work().join("funder.json"), network.work().join("password"));
    let key = alloy::hex::decode(DEV_KEY).unwrap();
    PrivateKeySigner::encrypt_keystore(
        network.work(),
        &mut rand::thread_rng(),
        key,
        "correct horse",
        Some("funder.json"),
    )
    .unwrap();
    std::fs::write(&password, "correct horse\n").unwrap();
    let url = format!("http://{listening}");
    let report = network.run([
        "up",
        EXAMPLE,
        "--rpc-url",
        &url,
        "--chain-id",
        "31337",
        "--keystore",
        keystore.to_str().unwrap(),
        "--password-file",
        password.to_str().unwrap(),
        "--check",
        "--json",
        "--timeout",
        "150s",
        "-I",
        "voting_period=8",
    ]);
    let report = report.json();
    assert_healthy(&report);
    assert_eq!(report["rpc_url"], url.as_str());

    // Only the chain is left: `down` does not end a remote one.
    let left: Vec<u32> =
        processes::of(network.home()).into_iter().map(|process| process.pid).collect();
    assert_eq!(left, [anvil.pid()]);
    anvil.kill();
}
