//! The beginning of a chain of `koinon chain`: its id and who has currency.

use alloy::primitives::Address;
use alloy::primitives::U256;
use alloy::signers::local::PrivateKeySigner;
use koinon_evm::Config;
use koinon_evm::DEFAULT_CHAIN_ID;
use koinon_evm::DEV_CHAIN_ID;
use koinon_evm::DEV_FUNDS;
use koinon_evm::dev_accounts;

/// Returns the settings of a chain with these balances, in wei; with those of the developers'
/// accounts, and their keys, where `dev` is set.
pub(crate) fn chain_config(
    dev: bool,
    chain_id: Option<u64>,
    funded: Vec<(Address, U256)>,
) -> Config {
    let unlocked = if dev { dev_accounts() } else { Vec::new() };
    let usual_id = if dev { DEV_CHAIN_ID } else { DEFAULT_CHAIN_ID };
    let developers = unlocked.iter().map(|account| (account.address(), ether(DEV_FUNDS)));
    Config {
        chain_id: chain_id.unwrap_or(usual_id),
        accounts: developers.chain(funded).collect(),
        unlocked,
        ..Config::default()
    }
}

/// Returns a line that says what a developer's account has, and its key.
pub(crate) fn funded_line(account: &PrivateKeySigner) -> String {
    format!("{}  {DEV_FUNDS} ether, key {}", account.address(), account.to_bytes())
}

fn ether(amount: u64) -> U256 {
    U256::from(amount) * U256::from(10).pow(U256::from(18))
}

/// Parses `ADDRESS=AMOUNT`, the amount in ether, into an account and wei.
pub(crate) fn parse_funding(text: &str) -> Result<(Address, U256), String> {
    let parse = || {
        let (account, amount) = text.split_once('=')?;
        Some((account.parse().ok()?, ether(amount.parse().ok()?)))
    };
    parse().ok_or_else(|| format!("expected ADDRESS=AMOUNT, found {text}"))
}
