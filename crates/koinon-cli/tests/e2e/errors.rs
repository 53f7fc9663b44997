//! Errors: the exit code, what failed, and what to do next.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use serde_json::Value;

use crate::network::EXAMPLE;
use crate::network::Network;
use crate::network::QUICK;
use crate::network::Ran;

/// A template with an unknown type.
const WRONG: &str = "\
tosca_definitions_version: tosca_2_0
metadata: { template_name: wrong, template_version: 1.0.0 }
imports:
- profile: org.koinon:1.0
node_types:
  MyOperator:
    derived_from: Operater
service_template:
  inputs:
    shards: { type: integer }
  node_templates: {}
  policies:
  - blacklists: { type: Blacklist }
";

/// Returns the exit code and the printed error, without the parts that differ between runs.
fn failure(network: &Network, ran: &Ran) -> String {
    let said =
        ran.stderr.replace(network.home().to_str().unwrap(), "HOME").replace(EXAMPLE, "EXAMPLE");
    assert_eq!(ran.stdout, "", "data of a failure");
    format!("{}\n{}", ran.code(), without_addresses(said.trim_end()))
}

/// Replaces addresses, which differ in every run.
fn without_addresses(text: &str) -> String {
    let mut parts = text.split("0x");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.chars().take_while(char::is_ascii_hexdigit).count();
        match digits {
            40 => shown.extend(["ADDRESS", &part[40..]]),
            _ => shown.extend(["0x", part]),
        }
    }
    shown
}

#[test]
fn errors_without_a_network_name_the_next_step() {
    let network = Network::new();
    let run = |arguments: &[&str]| failure(&network, &network.run(arguments));

    assert_snapshot!(run(&["up"]), @r"
    2
    error: the following required arguments were not provided:
      <TEMPLATE>

    Usage: koinon up <TEMPLATE>

    For more information, try '--help'.
    ");
    assert_snapshot!(run(&["validate", "nowhere"]), @r"
    2
    error: no template at nowhere
      hint: give a TOSCA file, or a directory with a template.yaml
    ");
    assert_snapshot!(run(&["status"]), @r"
    2
    error: no chain to connect to
      hint: give --rpc-url, or start a local network with `koinon up TEMPLATE`
    ");
    assert_snapshot!(run(&["down"]), @r"
    2
    error: no local network here
      hint: give --dir DIR
    ");
    assert_snapshot!(run(&["vote", "7", "perhaps", "--rpc-url", "http://127.0.0.1:1"]), @r"
    2
    error: invalid value 'perhaps' for '<VOTE>'
      [possible values: for, against, abstain]

    For more information, try '--help'.
    ");
    assert_snapshot!(run(&["status", "--rpc-url", "http://127.0.0.1:1"]), @r"
    2
    error: no service to connect to
      hint: give --service; `koinon service list` shows those of the chain
    ");
    assert_snapshot!(run(&["service", "list", "--rpc-url", "http://127.0.0.1:1"]), @r"
    4
    error: cannot read the block number
      because: error sending request for url (http://127.0.0.1:1/)
      because: Connection refused (os error 111)
      hint: is the node running, and is --rpc-url right? `koinon chain` starts a local one
    ");
    assert_snapshot!(run(&["service", "list", "--rpc-url", "ftp://127.0.0.1"]), @r"
    2
    error: cannot use the RPC URL ftp://127.0.0.1: expected http://, https://, ws:// or wss://
    ");
    assert_snapshot!(run(&["up", EXAMPLE, "--rpc-url", "http://127.0.0.1:1"]), @r"
    2
    error: the following required arguments were not provided:
      --keystore <FILE>
      --password-file <FILE>
      --chain-id <ID>

    Usage: koinon up --keystore <FILE> --password-file <FILE> --rpc-url <URL> --chain-id <ID> <TEMPLATE>

    For more information, try '--help'.
    ");

    let template = network.work().join("wrong.yaml");
    fs::write(&template, WRONG).unwrap();
    assert_snapshot!(run(&["validate", "wrong.yaml"]), @r"
    3
    error[K0201]: unknown node type `Operater`
     --> wrong.yaml:7:19
      |
    7 |     derived_from: Operater
      |                   ^^^^^^^^
      |
      = help: did you mean `Operator`?
    ");
    assert_snapshot!(run(&["up", "wrong.yaml", "--check"]), @r"
    3
    error[K0201]: unknown node type `Operater`
     --> wrong.yaml:7:19
      |
    7 |     derived_from: Operater
      |                   ^^^^^^^^
      |
      = help: did you mean `Operator`?
    ");
    fs::write(&template, WRONG.replace("Operater", "Operator")).unwrap();
    assert_snapshot!(run(&["validate", "wrong.yaml", "-I", "shards=many"]), @r"
    3
    error[K0502]: expected one policy of type Governance, found 0
     --> wrong.yaml:1:1
      |
    1 | tosca_definitions_version: tosca_2_0
      | ^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: it defines how the service is changed; its type is in the profile org.koinon:1.0

    error[K0301]: expected an integer for `shards`, found a string
      --> wrong.yaml:10:5
       |
    10 |     shards: { type: integer }
       |     ^^^^^^

    2 errors in 1 file
    ");
    assert_snapshot!(run(&["compile", "wrong.yaml"]), @r"
    3
    error[K0502]: expected one policy of type Governance, found 0
     --> wrong.yaml:1:1
      |
    1 | tosca_definitions_version: tosca_2_0
      | ^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: it defines how the service is changed; its type is in the profile org.koinon:1.0

    error[K0315]: input `shards` has no value
      --> wrong.yaml:10:5
       |
    10 |     shards: { type: integer }
       |     ^^^^^^
       |
       = help: give it with `--input shards=VALUE`, or in a file with `--inputs FILE`

    2 errors in 1 file
    ");

    let keys = network.work().join("keys");
    drop(network.run(["key", "new", "keys", "--name", "erin@myDapp"]).success());
    fs::write(keys.join("password"), "wrong").unwrap();
    assert_snapshot!(run(&["key", "show", "keys"]), @r"
    1
    error: cannot open the keystore keys/account.json: the password is wrong
      hint: is keys/password the right password file?
    ");
    let dir = network.dir();
    let up = [
        "up",
        EXAMPLE,
        "--rpc-url",
        "http://127.0.0.1:1",
        "--chain-id",
        "31337",
        "--keystore",
        "keys/account.json",
        "--password-file",
        "keys/password",
        "--dir",
        dir.to_str().unwrap(),
    ];
    let up = network.run(up).exits(1);
    assert!(up.stderr.contains("keys/password the right password file?"), "{}", up.stderr);
    network.assert_ended();
}

#[test]
fn errors_are_json_where_data_is() {
    let network = Network::new();
    let refused = |arguments: &[&str], code: i32| -> Value {
        let ran = network.run(arguments).exits(code);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stdout))
    };
    let away = refused(&["service", "list", "--rpc-url", "http://127.0.0.1:1", "--json"], 4);
    assert_eq!([&away["code"], &away["error"]], ["unreachable", "cannot read the block number"]);
    assert!(away["because"][0].as_str().unwrap().contains("127.0.0.1:1"), "{away}");
    assert!(away["hints"][0].as_str().unwrap().contains("is the node running"), "{away}");
    let usage = refused(&["--json", "status", "--nonsense"], 2);
    assert_eq!(usage["code"], "usage");
    assert!(usage["error"].as_str().unwrap().contains("--nonsense"), "{usage}");
    assert_eq!(refused(&["up", "nowhere", "--json"], 2)["error"], "no template at nowhere");
    // Nothing is left of a path that was wrong.
    assert!(!network.work().join(".koinon").exists());
}

/// The variable is meant for commands that read, and must not make `up` spend money elsewhere.
#[test]
fn up_does_not_take_its_chain_from_the_environment() {
    let network = Network::new();
    let koinon = env!("CARGO_BIN_EXE_koinon");
    let words = ["KOINON_RPC_URL=http://127.0.0.1:1", koinon, "up", "nowhere"];
    let said = network.spawn_program(Path::new("/usr/bin/env"), words).wait().exits(2).stderr;
    assert!(said.contains("no template at nowhere"), "{said}");
}

#[test]
fn errors_of_a_network_name_cause_and_next_step() {
    let network = Network::started(&QUICK);
    let run = |arguments: &[&str]| failure(&network, &network.on(arguments));
    assert_snapshot!(run(&["vote", "7", "for"]), @r"
    1
    error: no proposal 7
      hint: `koinon proposal list` shows all
    ");
    assert_snapshot!(run(&["execute", "7"]), @r"
    1
    error: no proposal 7
      hint: `koinon proposal list` shows all
    ");
    assert_snapshot!(run(&["proposal", "show", "7"]), @r"
    1
    error: no proposal 7
      hint: `koinon proposal list` shows all
    ");
    assert_snapshot!(run(&["operator", "join", "--as", "alice"]), @r"
    5
    error: cannot join: ADDRESS is already an operator
      hint: it is an operator already: see `koinon operator list`
    ");
    assert_snapshot!(run(&["vote", "7", "for", "--as", "mallory"]), @r"
    2
    error: no operator mallory in HOME/net
      hint: there are alice, bob, carol, dave
    ");
    assert_snapshot!(run(&["operator", "show", "mallory@myDapp"]), @r"
    1
    error: no operator mallory@myDapp
      hint: `koinon operator list` shows all
    ");
    assert_snapshot!(run(&["operator", "leave", "--withdraw", "--as", "bob"]), @r"
    5
    error: cannot withdraw: ADDRESS has requested no withdrawal
      hint: give up stake with `koinon operator leave`, and withdraw it once it is due
    ");
    let nobody = "0x00000000000000000000000000000000000000aa";
    assert_snapshot!(run(&["service", "verify", "--service", nobody]), @r"
    1
    error: no Koinon service at ADDRESS
      hint: `koinon service list` shows those of the chain
    ");
    assert_snapshot!(run(&["allocation", "explain", "worker/9/0"]), @r"
    1
    error: no slot worker/9/0
      hint: there are worker of 4 x 5
    ");
    assert_snapshot!(run(&["export", "--block", "0"]), @r#"
    1
    error: cannot read the revision: the answer is not that of a Koinon contract
      because: contract call to `revision` returned no data ("0x"); the called address might not be a contract
      because: ABI decoding failed: buffer overrun while deserializing
      hint: did the service exist at block 0, and does the node keep its state?
    "#);
    assert_snapshot!(run(&["export", "--block", "99999999"]), @r"
    1
    error: cannot read the revision
      because: server returned an error response: error code -32001: block not found: 0x5f5e0ff
      hint: did the service exist at block 99999999, and does the node keep its state?
    ");

    // A contract that is not a Core: the store of values.
    let shown = network.json(&["service", "show"]);
    let blobs = shown["contracts"]["blobs"].as_str().unwrap();
    let ran = network.on(&["service", "verify", "--service", blobs]);
    assert_snapshot!(failure(&network, &ran), @r"
    1
    error: no Koinon service at ADDRESS
      hint: `koinon service list` shows those of the chain
    ");
}
