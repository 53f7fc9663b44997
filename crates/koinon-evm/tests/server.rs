//! The HTTP and WebSocket server: limits, subscriptions, and other people's clients.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::Write;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use alloy::consensus::Transaction;
use alloy::primitives::B256;
use alloy::primitives::U256;
use alloy::providers::Provider;
use alloy::providers::ProviderBuilder;
use alloy::providers::WsConnect;
use alloy::rpc::types::Filter;
use alloy::sol_types::SolCall;
use alloy::sol_types::SolEvent;
use common::Net;
use common::Probe;
use common::config;
use common::deploy;
use common::npm_tool;
use common::serve;
use common::sign;
use common::signer;
use common::tx;
use common::word;
use common::workspace;
use futures::StreamExt;
use koinon_evm::Config;
use koinon_evm::EmbeddedChain;
use koinon_evm::Origins;
use koinon_evm::dev_accounts;
use serde_json::Value;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Sends raw HTTP and returns the status line.
async fn status_of(url: &str, head: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    let head =
        format!("{head}\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server may close before it has read a body it rejects.
    drop(stream.write_all(body).await);
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_limits() {
    let net = Net::served(config()).await;
    let url = net.url.clone().unwrap();
    let call = br#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}"#;
    let json = "POST / HTTP/1.1\r\nContent-Type: application/json";
    assert_eq!(status_of(&url, json, call).await, "HTTP/1.1 200 OK");
    let plain = "POST / HTTP/1.1\r\nContent-Type: text/plain";
    assert_eq!(status_of(&url, plain, call).await, "HTTP/1.1 415 Unsupported Media Type");
    let notification = br#"{"jsonrpc":"2.0","method":"eth_chainId"}"#;
    assert_eq!(status_of(&url, json, notification).await, "HTTP/1.1 204 No Content");
    let huge = "POST / HTTP/1.1\r\nContent-Type: application/json";
    let status = status_of(&url, huge, &vec![b' '; 9 << 20]).await;
    assert!(status.is_empty() || status == "HTTP/1.1 413 Payload Too Large", "{status}");
    // The server goes on.
    assert_eq!(net.provider.get_chain_id().await.unwrap(), common::CHAIN_ID);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions() {
    let chain = EmbeddedChain::open(config()).unwrap();
    let (url, stop) = serve(&chain).await;
    let ws = WsConnect::new(url.replace("http", "ws"));
    let provider = ProviderBuilder::new().connect_ws(ws).await.unwrap().erased();
    let mut heads = provider.subscribe_blocks().await.unwrap().into_stream();
    let probe = deploy(&provider).await;
    let only_sets = Filter::new().address(probe).event_signature(Probe::Set::SIGNATURE_HASH);
    let mut sets = provider.subscribe_logs(&only_sets).await.unwrap().into_stream();
    let mut pending = provider.subscribe_pending_transactions().await.unwrap().into_stream();
    let mut hashes = Vec::new();
    for nonce in 1..=10 {
        let input = match nonce % 2 {
            0 => Probe::setCall { key: word(nonce), value: vec![1].into() }.abi_encode(),
            _ => Probe::incrementCall {}.abi_encode(),
        };
        let raw = sign(&signer(0), tx(nonce, Some(probe), input)).await;
        hashes.push(*provider.send_raw_transaction(&raw).await.unwrap().tx_hash());
    }
    let patience = Duration::from_secs(20);
    let collected = tokio::time::timeout(patience, async {
        let heads: Vec<_> = heads.by_ref().take(11).collect().await;
        let sets: Vec<_> = sets.by_ref().take(5).collect().await;
        let pending: Vec<B256> = pending.by_ref().take(10).collect().await;
        (heads, sets, pending)
    });
    let (heads, sets, pending) = collected.await.unwrap();
    let numbers: Vec<u64> = heads.iter().map(|head| head.number).collect();
    assert_eq!(numbers, (1..=11).collect::<Vec<u64>>());
    assert!(heads.windows(2).all(|pair| pair[1].parent_hash == pair[0].hash));
    let keys: Vec<B256> = sets.iter().map(|log| log.topics()[1]).collect();
    assert_eq!(keys, [2, 4, 6, 8, 10].map(word));
    assert_eq!(pending, hashes);
    let id = *provider.subscribe_blocks().await.unwrap().local_id();
    provider.unsubscribe(id).await.unwrap();
    let unknown: bool = provider.raw_request("eth_unsubscribe".into(), [id]).await.unwrap();
    assert!(!unknown);
    let wrong = provider.raw_request::<_, Value>("eth_subscribe".into(), ["weather"]).await;
    assert_eq!(wrong.unwrap_err().as_error_resp().unwrap().code, -32602);
    stop.cancel();
    chain.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_has_no_subscriptions() {
    let net = Net::served(config()).await;
    let answer = net.provider.raw_request::<_, Value>("eth_subscribe".into(), ["newHeads"]).await;
    assert_eq!(answer.unwrap_err().as_error_resp().unwrap().code, -32601);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_server_ends() {
    let chain = EmbeddedChain::open(config()).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let stop = tokio_util::sync::CancellationToken::new();
    let serving = tokio::spawn({
        let (chain, stop) = (chain.clone(), stop.clone());
        async move { chain.serve(listener, Origins::default(), stop).await }
    });
    let provider = ProviderBuilder::new().connect_ws(WsConnect::new(url)).await.unwrap();
    assert_eq!(provider.get_chain_id().await.unwrap(), common::CHAIN_ID);
    stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(10), serving).await.unwrap();
    ended.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_and_its_receipt_in_one_request() {
    let net = Net::embedded(config());
    let raw = sign(&signer(0), tx(0, Some(signer(1).address()), vec![])).await;
    let receipt: Value =
        net.provider.raw_request("eth_sendRawTransactionSync".into(), [raw]).await.unwrap();
    assert_eq!((&receipt["status"], &receipt["gasUsed"]), (&json!("0x1"), &json!("0x5208")));
    let queued = sign(&signer(0), tx(5, Some(signer(1).address()), vec![])).await;
    let late = net
        .provider
        .raw_request::<_, Value>("eth_sendRawTransactionSync".into(), (queued, "0x1"))
        .await;
    assert_eq!(late.unwrap_err().as_error_resp().unwrap().code, 4);
}

/// Runs a client, off the threads that serve it, and returns what it printed.
async fn run(mut command: Command, input: &'static str) -> String {
    let task = tokio::task::spawn_blocking(move || {
        let program = format!("{command:?}");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{program}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    });
    task.await.unwrap()
}

fn key_of_account_0() -> String {
    format!("{}", signer(0).to_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cast_works() {
    let net = Net::served(config()).await;
    let url = net.url.clone().unwrap();
    let cast = async |args: &[&str]| {
        let mut command = Command::new(npm_tool("@foundry-rs/cast-linux-amd64/bin/cast"));
        command.args(args).env("ETH_RPC_URL", &url);
        run(command, "").await
    };
    let key = key_of_account_0();
    let code = common::probe_code().to_string();
    let deployed = cast(&["send", "--private-key", &key, "--json", "--create", &code]).await;
    let deployed: Value = serde_json::from_str(&deployed).unwrap();
    assert_eq!(deployed["status"], "0x1");
    let probe = deployed["contractAddress"].as_str().unwrap();
    let key_word = word(5).to_string();
    let set =
        ["send", "--private-key", &key, "--json", probe, "set(bytes32,bytes)", &key_word, "0xbeef"];
    let receipt: Value = serde_json::from_str(&cast(&set).await).unwrap();
    assert_eq!((&receipt["status"], receipt["logs"].as_array().unwrap().len()), (&json!("0x1"), 1));
    let got = cast(&["call", probe, "get(bytes32)(bytes)", &key_word]).await;
    assert_eq!(got.trim(), "0xbeef");
    let logs = cast(&["logs", "--address", probe, "--from-block", "0", "--json"]).await;
    let logs: Value = serde_json::from_str(&logs).unwrap();
    assert_eq!(logs[0]["topics"][1], json!(word(5)));
    let block: Value = serde_json::from_str(&cast(&["block", "latest", "--json"]).await).unwrap();
    assert_eq!(block["number"], "0x2");
}

/// Runs a module against the server with ethers and viem importable.
async fn node(url: &str, script: &'static str) -> String {
    let mut command = Command::new("node");
    // Packages are found from the directory a module read from stdin is taken to be in.
    command
        .current_dir(workspace().join("contracts"))
        .args(["--input-type=module", "-"])
        .env("URL", url)
        .env("KEY", key_of_account_0())
        .env("CODE", common::probe_code().to_string());
    run(command, script).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ethers_works() {
    npm_tool("ethers/package.json");
    let net = Net::served(config()).await;
    let said = node(
        net.url.as_ref().unwrap(),
        r#"
import { ethers } from "ethers";
const provider = new ethers.JsonRpcProvider(process.env.URL, undefined, { pollingInterval: 20 });
const wallet = new ethers.NonceManager(new ethers.Wallet(process.env.KEY, provider));
const abi = ["function set(bytes32,bytes)", "function get(bytes32) view returns (bytes)",
  "function fail(uint256)", "event Set(bytes32 indexed key, address indexed sender, bytes value)",
  "error Refused(uint256 code, string why)"];
const probe = await new ethers.ContractFactory(abi, process.env.CODE, wallet).deploy();
await probe.waitForDeployment();
const key = ethers.zeroPadValue("0x05", 32);
const receipt = await (await probe.set(key, "0xbeef")).wait();
const logs = await probe.queryFilter(probe.filters.Set(key), 0);
let refused;
try { await probe.fail.staticCall(1); } catch (error) { refused = error.revert.name; }
console.log(JSON.stringify([receipt.status, await probe.get(key), logs.length, logs[0].args.value, refused]));
process.exit(0);
"#,
    )
    .await;
    assert_eq!(said.trim(), r#"[1,"0xbeef",1,"0xbeef","Refused"]"#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viem_works() {
    npm_tool("viem/package.json");
    let net = Net::served(config()).await;
    let said = node(
        net.url.as_ref().unwrap(),
        r#"
import { createPublicClient, createWalletClient, defineChain, http, parseAbi, pad } from "viem";
import { privateKeyToAccount } from "viem/accounts";
const url = process.env.URL;
const chain = defineChain({ id: 1337, name: "k", nativeCurrency: { name: "e", symbol: "E", decimals: 18 }, rpcUrls: { default: { http: [url] } } });
const transport = http(url);
const reader = createPublicClient({ chain, transport, pollingInterval: 20 });
const wallet = createWalletClient({ chain, transport, account: privateKeyToAccount(process.env.KEY) });
const abi = parseAbi(["function set(bytes32,bytes)", "function get(bytes32) view returns (bytes)",
  "function fail(uint256)", "event Set(bytes32 indexed key, address indexed sender, bytes value)",
  "error Refused(uint256 code, string why)"]);
const deployed = await reader.waitForTransactionReceipt({ hash: await wallet.deployContract({ abi, bytecode: process.env.CODE }) });
const address = deployed.contractAddress;
const key = pad("0x05");
const receipt = await reader.waitForTransactionReceipt({ hash: await wallet.writeContract({ address, abi, functionName: "set", args: [key, "0xbeef"] }) });
const got = await reader.readContract({ address, abi, functionName: "get", args: [key] });
const logs = await reader.getContractEvents({ address, abi, eventName: "Set", args: { key }, fromBlock: 0n });
let refused;
try { await reader.simulateContract({ address, abi, functionName: "fail", args: [1n] }); } catch (error) { refused = error.walk((e) => e.data?.errorName).data.errorName; }
console.log(JSON.stringify([receipt.status, got, logs.length, logs[0].args.value, refused]));
process.exit(0);
"#,
    )
    .await;
    assert_eq!(said.trim(), r#"["success","0xbeef",1,"0xbeef","Refused"]"#);
}

/// Sends one request by raw HTTP and returns the whole answer.
async fn answer_to(url: &str, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    let length = body.len();
    let head =
        format!("{head}\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap().to_lowercase()
}

/// A browser asks beforehand (a preflight), then sends the page's origin along.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_this_machine_reach_the_chain_and_others_do_not() {
    let chain = EmbeddedChain::open(config()).unwrap();
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}"#;
    let listed = Origins::Listed(vec!["https://app.example".to_owned()]);
    let here =
        ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:8080", "https://localhost"];
    let there =
        ["https://app.example", "https://evil.example", "http://localhost.evil.example", "null"];
    let cases = [
        (Origins::default(), [false, false, false, false]),
        (listed, [true, false, false, false]),
        (Origins::Any, [true, true, true, true]),
    ];
    for (origins, expected) in cases {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = tokio_util::sync::CancellationToken::new();
        let serving = tokio::spawn({
            let (chain, stop, origins) = (chain.clone(), stop.clone(), origins.clone());
            async move { chain.serve(listener, origins, stop).await }
        });
        let allowed =
            here.into_iter().map(|origin| (origin, true)).chain(there.into_iter().zip(expected));
        for (origin, allowed) in allowed {
            let preflight = format!(
                "OPTIONS / HTTP/1.1\r\nOrigin: {origin}\r\nAccess-Control-Request-Method: POST\r\n\
                 Access-Control-Request-Headers: content-type"
            );
            let preflight = answer_to(&url, &preflight, "").await;
            let named = preflight.contains(&format!("access-control-allow-origin: {origin}"));
            let any = preflight.contains("access-control-allow-origin: *");
            assert_eq!(named || any, allowed, "{origins:?} {origin}: {preflight}");
            let post =
                format!("POST / HTTP/1.1\r\nContent-Type: application/json\r\nOrigin: {origin}");
            let post = answer_to(&url, &post, call).await;
            assert_eq!(post.starts_with("http/1.1 200"), allowed, "{origins:?} {origin}: {post}");
            assert_eq!(post.contains("access-control-allow-origin"), allowed, "{post}");
            assert_eq!(post.contains("0x539"), allowed, "{post}");
            // No preflight guards a WebSocket.
            let upgrade = format!(
                "GET / HTTP/1.1\r\nOrigin: {origin}\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
            );
            if !allowed {
                let upgrade = answer_to(&url, &upgrade, "").await;
                assert!(upgrade.starts_with("http/1.1 403"), "{upgrade}");
            }
        }
        stop.cancel();
        serving.await.unwrap().unwrap();
    }
}

/// Anvil answers a batch that subscribes, and so do we.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_may_subscribe() {
    let chain = EmbeddedChain::open(config()).unwrap();
    let (url, stop) = serve(&chain).await;
    let address = url.trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let upgrade = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(upgrade.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]},
        {"jsonrpc":"2.0","id":2,"method":"eth_chainId"},5,
        {"jsonrpc":"2.0","method":"eth_subscribe","params":["newHeads"]},
        {"jsonrpc":"2.0","id":3,"method":"eth_unsubscribe","params":["0x1"]}]"#;
    // A client's frame: text, final, masked with zeros.
    let mut frame = vec![0x81, 0x80 | 126];
    frame.extend((batch.len() as u16).to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(batch.as_bytes());
    stream.write_all(&frame).await.unwrap();
    let mut head = [0; 2];
    stream.read_exact(&mut head).await.unwrap();
    let length = match head[1] {
        126 => u64::from(stream.read_u16().await.unwrap()),
        short => u64::from(short),
    };
    let mut answer = vec![0; length as usize];
    stream.read_exact(&mut answer).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    let by_id = |id: Value| answer.as_array().unwrap().iter().find(|a| a["id"] == id).unwrap();
    assert_eq!(answer.as_array().unwrap().len(), 4, "{answer}");
    assert_eq!(by_id(json!(1))["result"], "0x1");
    assert_eq!(by_id(json!(2))["result"], "0x539");
    assert_eq!(by_id(Value::Null)["error"]["code"], -32600);
    assert_eq!(by_id(json!(3))["result"], true);
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_logs_are_answered_and_one_more_is_not() {
    let net = Net::embedded(config());
    let probe = deploy(&net.provider).await;
    let count = async |nonce, n| {
        let input = Probe::countCall { n: U256::from(n) }.abi_encode();
        let mut request = tx(nonce, Some(probe), input);
        request.gas = Some(16_000_000);
        let raw = sign(&signer(0), request).await;
        let sent = net.provider.send_raw_transaction(&raw).await.unwrap();
        assert!(sent.get_receipt().await.unwrap().status());
    };
    let all = Filter::new().from_block(0).address(probe);
    count(1, 5_000).await;
    count(2, 5_000).await;
    assert_eq!(net.provider.get_logs(&all).await.unwrap().len(), 10_000);
    count(3, 1).await;
    let error = net.provider.get_logs(&all).await.unwrap_err().to_string();
    assert!(error.contains("query exceeds max results 10000"), "{error}");
    assert_eq!(net.provider.get_logs(&all.from_block(3)).await.unwrap().len(), 5_001);
}

/// A tool without keys leaves out fees; with a tip it leaves out the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fees_that_are_left_out_are_filled_in() {
    let unlocked = dev_accounts();
    let from = unlocked[0].address();
    let accounts = [(from, U256::from(1_000_000_000_000_000_000_u64))].into();
    let net = Net::embedded(Config { unlocked, accounts, ..config() });
    for (request, tip, most) in [
        (json!({ "from": from, "to": from }), 0, 2),
        (json!({ "from": from, "to": from, "maxPriorityFeePerGas": "0x5" }), 5, 7),
    ] {
        let sent = net.provider.raw_request("eth_sendTransaction".into(), [request]).await;
        let hash: B256 = sent.unwrap();
        let sent = net.provider.get_transaction_by_hash(hash).await.unwrap().unwrap();
        assert_eq!(sent.max_priority_fee_per_gas(), Some(tip));
        assert_eq!(sent.max_fee_per_gas(), most);
    }
}

/// A client that installs filters and asks none of them does not keep others from theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_uses_up_the_filters_of_others() {
    let net = Net::embedded(config());
    for _ in 0..10_050 {
        net.provider.new_block_filter().await.unwrap();
    }
    let mine = net.provider.new_block_filter().await.unwrap();
    deploy(&net.provider).await;
    let seen: Vec<B256> = net.provider.get_filter_changes(mine).await.unwrap();
    assert_eq!(seen.len(), 1);
}

/// Time is the runtime's and jumps ahead whenever nothing else is to be done: the test takes none.
#[tokio::test(start_paused = true)]
async fn clients_that_are_too_slow_are_let_go() {
    let chain = EmbeddedChain::open(config()).unwrap();
    let (url, stop) = serve(&chain).await;
    let half_a_body = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    let cases = [
        ("", ""),
        ("POST / HTTP/1.1\r\nHost: x", ""),
        (half_a_body, "HTTP/1.1 408 Request Timeout"),
    ];
    for (sent, expected) in cases {
        let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut answer));
        closed.await.expect("the server lets a slow client go").unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert_eq!(answer.lines().next().unwrap_or_default(), expected, "{sent:?}");
    }
    stop.cancel();
}

const FORGE_SCRIPT: &str = r#"// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;
interface Vm {
    function startBroadcast() external;
    function stopBroadcast() external;
}
contract Seven {
    uint256 public value = 7;
}
contract Deploy {
    bool public constant IS_SCRIPT = true;
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    function run() external {
        vm.startBroadcast();
        new Seven{salt: bytes32(uint256(1))}();
        vm.stopBroadcast();
    }
}
"#;

/// A deployment to an address known beforehand, which takes the deployer that Foundry expects.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forge_script_works() {
    let net = Net::served(config()).await;
    let project = tempfile::tempdir().unwrap();
    std::fs::write(project.path().join("Deploy.s.sol"), FORGE_SCRIPT).unwrap();
    let solc = workspace().join("contracts/tools/solc");
    let settings =
        format!("[profile.default]\nsrc = \".\"\nsolc = \"{}\"\noffline = true\n", solc.display());
    std::fs::write(project.path().join("foundry.toml"), settings).unwrap();
    let mut command = Command::new(npm_tool("@foundry-rs/forge-linux-amd64/bin/forge"));
    command
        .current_dir(project.path())
        .args([
            "script",
            "Deploy.s.sol:Deploy",
            "--broadcast",
            "--rpc-url",
            net.url.as_ref().unwrap(),
        ])
        .args(["--private-key", &key_of_account_0()]);
    let printed = run(command, "").await;
    assert!(printed.contains("ONCHAIN EXECUTION COMPLETE & SUCCESSFUL"), "{printed}");
    let block = net.provider.get_block_receipts(1.into()).await.unwrap().unwrap();
    assert!(block[0].status());
    let deployer = "0x4e59b44847b379578588920cA78FbF26c0B4956C".parse().unwrap();
    assert_eq!(block[0].to, Some(deployer));
}
