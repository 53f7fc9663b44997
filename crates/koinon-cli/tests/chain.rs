//! `koinon chain`, the real binary: a disk that fills up, and a developer's chain.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use alloy::network::EthereumWallet;
use alloy::network::TransactionBuilder;
use alloy::primitives::Address;
use alloy::primitives::B256;
use alloy::primitives::U256;
use alloy::providers::DynProvider;
use alloy::providers::Provider;
use alloy::providers::ProviderBuilder;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;

/// The first account that anvil and hardhat have.
const KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/// A chain as a process of its own, killed when dropped.
struct ChainProcess {
    child: Child,
    url: String,
    /// Lines that it printed before it listened.
    said: Vec<String>,
}

impl ChainProcess {
    /// Starts the program through a shell line in which `"$@"` stands for the program.
    fn start(shell: &str, data: &Path, arguments: &[&str]) -> Self {
        let child = Command::new("sh")
            .args(["-c", shell, "sh", env!("CARGO_BIN_EXE_koinon"), "chain"])
            .args(["--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut chain = Self { child, url: String::new(), said: Vec::new() };
        for line in BufReader::new(chain.child.stderr.as_mut().unwrap()).lines() {
            let line = line.unwrap();
            let url = line.split_once("listening on ").map(|(_, rest)| rest.to_owned());
            chain.said.push(line);
            if let Some(url) = url {
                url.split(',').next().unwrap().clone_into(&mut chain.url);
                return chain;
            }
        }
        panic!("the chain ended: {:?}", chain.said);
    }

    fn provider(&self) -> DynProvider {
        let signer: PrivateKeySigner = KEY.parse().unwrap();
        let wallet = EthereumWallet::from(signer);
        ProviderBuilder::new().wallet(wallet).connect_http(self.url.parse().unwrap()).erased()
    }
}

impl Drop for ChainProcess {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Data that costs little gas and much room in the log.
fn large(nonce: u64) -> TransactionRequest {
    TransactionRequest::default()
        .with_to(Address::ZERO)
        .with_nonce(nonce)
        .with_input(vec![0; 400_000])
        .with_gas_limit(8_000_000)
}

/// A limit on the size of files stands for a full disk: the write fails in the same way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_that_cannot_write_ends_and_begins_again_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let full = "trap '' XFSZ; ulimit -f 12000; exec \"$@\"";
    let mut chain = ChainProcess::start(full, dir.path(), &["--dev"]);
    let provider = chain.provider();
    let mut acknowledged: Vec<B256> = Vec::new();
    let refused = loop {
        match provider.send_transaction(large(acknowledged.len() as u64)).await {
            Ok(sent) => acknowledged.push(*sent.tx_hash()),
            Err(error) => break error.to_string(),
        }
        assert!(acknowledged.len() < 40, "the log grew over its limit");
    };
    assert!(acknowledged.len() > 5, "{refused}");
    let mut said = String::new();
    std::io::Read::read_to_string(chain.child.stderr.as_mut().unwrap(), &mut said).unwrap();
    let status = chain.child.wait().unwrap();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("the chain's log cannot be written"), "{said}");
    assert!(said.contains("free space"), "{said}");
    // With room again, everything that was acknowledged is there, and more is taken.
    let chain = ChainProcess::start("exec \"$@\"", dir.path(), &["--dev"]);
    let provider = chain.provider();
    for hash in &acknowledged {
        assert!(provider.get_transaction_receipt(*hash).await.unwrap().is_some(), "{hash}");
    }
    let next = provider.send_transaction(large(acknowledged.len() as u64)).await.unwrap();
    assert!(next.get_receipt().await.unwrap().status());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_developers_chain_signs_for_the_known_accounts() {
    let dir = tempfile::tempdir().unwrap();
    let chain = ChainProcess::start("exec \"$@\"", dir.path(), &["--dev"]);
    let signer: PrivateKeySigner = KEY.parse().unwrap();
    let told = |text: &str| chain.said.iter().any(|line| line.contains(text));
    assert!(told(&signer.address().to_string()) && told(KEY), "{:?}", chain.said);
    let provider = ProviderBuilder::new().connect_http(chain.url.parse().unwrap());
    assert_eq!(provider.get_chain_id().await.unwrap(), 31_337);
    let accounts = provider.get_accounts().await.unwrap();
    assert_eq!((accounts.len(), accounts[0]), (10, signer.address()));
    // A tool without keys sends many at once: the chain fills in the nonces.
    let one = U256::from(1);
    let request = TransactionRequest::default()
        .with_from(accounts[9])
        .with_to(Address::repeat_byte(9))
        .with_value(one);
    let sends =
        (0..20).map(|_| provider.client().request("eth_sendTransaction", (request.clone(),)));
    let hashes: Vec<B256> = futures::future::try_join_all(sends).await.unwrap();
    for hash in hashes {
        let receipt = provider.get_transaction_receipt(hash).await.unwrap().unwrap();
        assert!(receipt.status() && receipt.from == accounts[9]);
    }
    assert_eq!(provider.get_balance(Address::repeat_byte(9)).await.unwrap(), U256::from(20));
    let message = "0x68656c6c6f";
    let signature: alloy::primitives::Bytes =
        provider.raw_request("personal_sign".into(), (message, accounts[0])).await.unwrap();
    let signature = alloy::primitives::Signature::try_from(&signature[..]).unwrap();
    assert_eq!(signature.recover_address_from_msg("hello").unwrap(), accounts[0]);
    let stranger = request.with_from(Address::repeat_byte(8));
    let refused = provider.client().request::<_, B256>("eth_sendTransaction", (stranger,)).await;
    assert!(refused.unwrap_err().to_string().contains("unknown account"));
}
