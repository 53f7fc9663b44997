//! Shared by the tests: the probe contract, funded keys, and the three kinds of chain.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "each test file uses its own part of this module"
)]

use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use alloy::network::EthereumWallet;
use alloy::network::NetworkTransactionBuilder as _;
use alloy::network::TransactionBuilder;
use alloy::primitives::Address;
use alloy::primitives::B256;
use alloy::primitives::Bytes;
use alloy::primitives::U256;
use alloy::primitives::hex;
use alloy::providers::DynProvider;
use alloy::providers::Provider;
use alloy::providers::ProviderBuilder;
use alloy::rpc::client::RpcClient;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol;
use koinon_evm::Config;
use koinon_evm::EmbeddedChain;
use koinon_evm::Origins;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

sol! {
    #[sol(rpc)]
    interface Probe {
        event Set(bytes32 indexed key, address indexed sender, bytes value);
        event Counted(uint256 indexed i);
        event Paid(address sender, uint256 amount);
        error Refused(uint256 code, string why);
        function set(bytes32 key, bytes calldata value) external;
        function get(bytes32 key) external view returns (bytes memory);
        function words(uint256 at) external view returns (uint256);
        function counter() external view returns (uint256);
        function setWord(uint256 at, uint256 value) external;
        function increment() external returns (uint256);
        function count(uint256 n) external;
        function fail(uint256 kind) external;
        function deep(uint256 n) external;
        function environment() external view
            returns (uint256 number, uint256 basefee, uint256 chain, address coinbase, uint256 limit, address sender);
        function hashOf(uint256 number) external view returns (bytes32);
        function spawn(bytes32 salt) external returns (address);
    }
}

pub const CHAIN_ID: u64 = 1337;
pub const GWEI: u128 = 1_000_000_000;

/// The keys anvil funds, which come from a public mnemonic.
const KEYS: [&str; 4] = [
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
];

pub fn signer(index: usize) -> PrivateKeySigner {
    KEYS[index].parse().unwrap()
}

pub fn probe_code() -> Bytes {
    hex::decode(include_str!("../contract/Probe.hex").trim()).unwrap().into()
}

pub fn ether(amount: u64) -> U256 {
    U256::from(amount) * U256::from(10).pow(U256::from(18))
}

/// A chain funded as anvil is.
pub fn config() -> Config {
    let accounts = (0..KEYS.len()).map(|i| (signer(i).address(), ether(10_000))).collect();
    Config { chain_id: CHAIN_ID, accounts, ..Config::default() }
}

pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Returns a tool of `contracts/package-lock.json`.
pub fn npm_tool(path: &str) -> PathBuf {
    let tool = workspace().join("contracts/node_modules").join(path);
    assert!(tool.exists(), "{} is not installed: run `npm ci --prefix contracts`", tool.display());
    tool
}

/// A chain that answers JSON-RPC, with the process or server that keeps it alive.
pub struct Net {
    pub name: &'static str,
    pub provider: DynProvider,
    pub url: Option<String>,
    _alive: Alive,
}

enum Alive {
    Embedded(EmbeddedChain),
    Served(EmbeddedChain, CancellationToken),
    Anvil(Child),
}

impl Drop for Net {
    fn drop(&mut self) {
        match &mut self._alive {
            Alive::Embedded(chain) => chain.close(),
            Alive::Served(chain, stop) => {
                stop.cancel();
                chain.close();
            }
            Alive::Anvil(child) => {
                child.kill().unwrap();
                child.wait().unwrap();
            }
        }
    }
}

fn dyn_provider(client: RpcClient) -> DynProvider {
    client.set_poll_interval(Duration::from_millis(5));
    // Fills and signs by default with the first account; the others sign by hand.
    let wallet = EthereumWallet::from(signer(0));
    ProviderBuilder::new().wallet(wallet).connect_client(client).erased()
}

pub fn embedded_provider(chain: &EmbeddedChain) -> DynProvider {
    dyn_provider(RpcClient::new(chain.transport(), true))
}

impl Net {
    pub fn embedded(config: Config) -> Self {
        let chain = EmbeddedChain::open(config).unwrap();
        let provider = embedded_provider(&chain);
        Self { name: "embedded", provider, url: None, _alive: Alive::Embedded(chain) }
    }

    pub async fn served(config: Config) -> Self {
        let chain = EmbeddedChain::open(config).unwrap();
        let (url, stop) = serve(&chain).await;
        let provider = dyn_provider(RpcClient::new_http(url.parse().unwrap()));
        Self { name: "http", provider, url: Some(url), _alive: Alive::Served(chain, stop) }
    }

    pub fn anvil() -> Self {
        let anvil = npm_tool("@foundry-rs/anvil-linux-amd64/bin/anvil");
        let mut child = Command::new(anvil)
            .args(["--hardfork", "osaka", "--base-fee", "1", "--port", "0", "--order", "fifo"])
            .args(["--chain-id", &CHAIN_ID.to_string(), "--gas-limit", "60000000"])
            .args(["--enable-tx-gas-limit", "--steps-tracing"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .find_map(|line| line.unwrap().strip_prefix("Listening on ").map(str::to_owned))
            .expect("anvil says where it listens");
        // Anvil stops when nobody reads its output.
        std::thread::spawn(move || lines.for_each(drop));
        let url = format!("http://{address}");
        let provider = dyn_provider(RpcClient::new_http(url.parse().unwrap()));
        Self { name: "anvil", provider, url: Some(url), _alive: Alive::Anvil(child) }
    }
}

/// Serves a chain on a free port.
pub async fn serve(chain: &EmbeddedChain) -> (String, CancellationToken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let (chain, until) = (chain.clone(), stop.clone());
    tokio::spawn(async move { chain.serve(listener, Origins::default(), until).await.unwrap() });
    (url, stop)
}

/// A complete EIP-1559 transaction, so that every chain gets the same bytes.
pub fn tx(nonce: u64, to: Option<Address>, input: impl Into<Bytes>) -> TransactionRequest {
    let tx = TransactionRequest::default()
        .with_nonce(nonce)
        .with_chain_id(CHAIN_ID)
        .with_gas_limit(3_000_000)
        .with_max_fee_per_gas(GWEI)
        .with_max_priority_fee_per_gas(GWEI)
        .with_input(input.into());
    match to {
        Some(to) => tx.with_to(to),
        None => tx.into_create(),
    }
}

pub async fn sign(signer: &PrivateKeySigner, tx: TransactionRequest) -> Bytes {
    use alloy::eips::eip2718::Encodable2718;
    let wallet = EthereumWallet::from(signer.clone());
    tx.build(&wallet).await.unwrap().encoded_2718().into()
}

/// Deploys the probe as the next transaction of account 0.
pub async fn deploy(provider: &DynProvider) -> Address {
    let from = signer(0);
    let nonce = provider.get_transaction_count(from.address()).await.unwrap();
    let raw = sign(&from, tx(nonce, None, probe_code())).await;
    let sent = provider.send_raw_transaction(&raw).await.unwrap();
    sent.get_receipt().await.unwrap().contract_address.unwrap()
}

pub fn word(value: u64) -> B256 {
    B256::from(U256::from(value))
}
