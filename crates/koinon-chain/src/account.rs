//! The account that signs.

use std::fmt;

use alloy::network::EthereumWallet;
use alloy::network::TxSigner;
use alloy::primitives::Address;
use alloy::primitives::Signature;

/// An account with whatever signs for it, and the one chain that it signs for.
///
/// The chain's id never comes from a node: a node could name a chain on which the account has more
/// to lose.
#[derive(Clone)]
pub struct Account {
    address: Address,
    chain_id: u64,
    wallet: EthereumWallet,
}

impl Account {
    /// Takes a key, or anything else that signs transactions: `signer` may ask a service or a
    /// device.
    pub fn new(signer: impl TxSigner<Signature> + Send + Sync + 'static, chain_id: u64) -> Self {
        Self { address: signer.address(), chain_id, wallet: EthereumWallet::new(signer) }
    }

    /// Returns the account's address.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Returns the id of the chain that it signs for (EIP-155).
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    pub(crate) fn wallet(&self) -> &EthereumWallet {
        &self.wallet
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("address", &self.address)
            .field("chain_id", &self.chain_id)
            .finish_non_exhaustive()
    }
}
