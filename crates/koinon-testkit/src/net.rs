//! A chain to test on: embedded in the process of the test, or anvil.

use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use alloy::network::TransactionBuilder;
use alloy::primitives::Address;
use alloy::primitives::U256;
use alloy::providers::Provider;
use alloy::rpc::client::RpcClient;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use alloy::transports::BoxTransport;
use alloy::transports::http::Http;
use koinon_chain::Account;
use koinon_chain::Chain;
use koinon_chain::ChainError;
use koinon_evm::Clock;
use koinon_evm::Config;
use serde_json::Value;
use serde_json::json;

/// The program that answers JSON-RPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Koinon's own chain in this process, in memory.
    Embedded,
    /// Foundry's anvil as a child process, with the rules of the same hard fork.
    Anvil,
}

/// A chain that makes a block for every transaction and ends with this value.
#[derive(Debug)]
pub struct TestNet {
    node: TestNode,
    bank: Chain,
}

#[derive(Debug)]
enum TestNode {
    Embedded { chain: koinon_evm::EmbeddedChain, clock: Arc<AtomicU64> },
    Anvil { child: Child, url: String },
}

impl TestNet {
    pub(crate) const CHAIN_ID: u64 = 1337;
    /// The first account anvil funds; its key is public.
    const BANK: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

    /// Starts a chain.
    ///
    /// # Panics
    /// If it cannot be started; for anvil, if the npm packages of `contracts` are not installed.
    pub fn start(backend: Backend) -> Self {
        let bank: PrivateKeySigner = Self::BANK.parse().expect("BUG: the constant is a key");
        let node = match backend {
            Backend::Embedded => TestNode::embedded(bank.address()),
            Backend::Anvil => TestNode::anvil(),
        };
        let bank = Chain::from_client(
            RpcClient::new(node.transport(), true),
            Some(Account::new(bank, Self::CHAIN_ID)),
        );
        Self { node, bank }
    }

    /// Returns the program that answers.
    pub fn backend(&self) -> Backend {
        match self.node {
            TestNode::Embedded { .. } => Backend::Embedded,
            TestNode::Anvil { .. } => Backend::Anvil,
        }
    }

    /// Returns a connection that signs as `signer`.
    pub fn chain(&self, signer: Option<PrivateKeySigner>) -> Chain {
        let account = signer.map(|signer| Account::new(signer, Self::CHAIN_ID));
        Chain::from_client(RpcClient::new(self.transport(), true), account)
    }

    /// Returns the embedded chain; `None` on anvil.
    pub fn embedded(&self) -> Option<&koinon_evm::EmbeddedChain> {
        match &self.node {
            TestNode::Embedded { chain, .. } => Some(chain),
            TestNode::Anvil { .. } => None,
        }
    }

    pub(crate) fn transport(&self) -> BoxTransport {
        self.node.transport()
    }

    /// Gives an account ether.
    ///
    /// # Errors
    /// [`ChainError`] if the chain rejects a transaction.
    pub async fn fund(&self, account: Address, ether: u64) -> Result<(), ChainError> {
        let value = U256::from(ether) * U256::from(10).pow(U256::from(18));
        let request = TransactionRequest::default().with_to(account).with_value(value);
        self.bank.transfer(request).await?;
        Ok(())
    }

    /// Makes blocks, by transactions that move nothing.
    ///
    /// # Errors
    /// [`ChainError`] if the chain rejects a transaction.
    pub async fn pass_blocks(&self, count: u64) -> Result<(), ChainError> {
        for _ in 0..count {
            self.fund(Address::repeat_byte(1), 0).await?;
        }
        Ok(())
    }

    /// Makes blocks until the newest is `block`.
    ///
    /// # Errors
    /// [`ChainError`] if the chain rejects a transaction.
    pub async fn pass_until(&self, block: u64) -> Result<(), ChainError> {
        let now = self.bank.block_number().await?;
        self.pass_blocks(block.saturating_sub(now)).await
    }

    /// Moves the chain's clock and makes a block at the new time.
    ///
    /// # Errors
    /// [`ChainError`] if the chain rejects a transaction.
    pub async fn pass_seconds(&self, seconds: u64) -> Result<(), ChainError> {
        match &self.node {
            TestNode::Embedded { clock, .. } => {
                clock.fetch_add(seconds, Ordering::Relaxed);
            }
            TestNode::Anvil { .. } => {
                self.ask_anvil("evm_increaseTime", json!([seconds])).await;
            }
        }
        self.pass_blocks(1).await
    }

    /// Calls a method only anvil has.
    pub(crate) async fn ask_anvil(&self, method: &'static str, parameters: Value) -> Value {
        let answer = self.bank.provider().raw_request(method.into(), parameters).await;
        answer.expect("BUG: anvil has the method")
    }
}

impl TestNode {
    fn embedded(bank: Address) -> Self {
        let clock = Arc::new(AtomicU64::new(1_700_000_000));
        let config = Config {
            chain_id: TestNet::CHAIN_ID,
            accounts: [(bank, U256::from(10).pow(U256::from(24)))].into(),
            clock: Clock::Manual(Arc::clone(&clock)),
            ..Config::default()
        };
        let chain = koinon_evm::EmbeddedChain::open(config).expect("BUG: a chain in memory opens");
        Self::Embedded { chain, clock }
    }

    fn anvil() -> Self {
        let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contracts/node_modules");
        let program = packages.join("@foundry-rs/anvil-linux-amd64/bin/anvil");
        let mut child = Command::new(&program)
            .args(["--hardfork", "osaka", "--base-fee", "0", "--port", "0", "--order", "fifo"])
            .args(["--chain-id", &TestNet::CHAIN_ID.to_string(), "--gas-limit", "60000000"])
            .args(["--enable-tx-gas-limit", "--balance", "1000000"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
        let mut lines = BufReader::new(child.stdout.take().expect("BUG: it is piped")).lines();
        let address = lines.find_map(|line| Some(line.ok()?.strip_prefix("Listening on ")?.into()));
        let address: String = address.expect("BUG: anvil prints the address it listens on");
        // Anvil blocks when its output is not read.
        std::thread::spawn(move || lines.for_each(drop));
        Self::Anvil { child, url: format!("http://{address}") }
    }

    fn transport(&self) -> BoxTransport {
        match self {
            Self::Embedded { chain, .. } => BoxTransport::new(chain.transport()),
            Self::Anvil { url, .. } => {
                BoxTransport::new(Http::new(url.parse().expect("BUG: anvil listens on an address")))
            }
        }
    }
}

impl Drop for TestNode {
    fn drop(&mut self) {
        match self {
            Self::Embedded { chain, .. } => chain.close(),
            Self::Anvil { child, .. } => {
                child.kill().expect("BUG: anvil can be killed");
                child.wait().expect("BUG: anvil ends");
            }
        }
    }
}
