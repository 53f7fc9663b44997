//! Operators: staking, joining, leaving, listing.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::future::IntoFuture;

use alloy::eips::BlockId;
use alloy::primitives::Address;
use alloy::primitives::B256;
use alloy::primitives::U256;
use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolEvent;
use futures::future::try_join_all;
use futures::try_join;
use koinon_model::keccak256;
use koinon_trust::BeaconPublicKey;
use koinon_trust::Certificate;
use koinon_trust::CertificateKey;
use serde::Serialize;

use crate::client::Contracts;
use crate::client::Sent;
use crate::client::View;
use crate::contracts::Identity;
use crate::error::ChainError;
use crate::wire::WireError;

/// What an account joins with.
#[derive(Clone, Copy, Debug)]
pub struct Joining<'a> {
    /// The name, such as `alice@myDapp`.
    pub name: &'a str,
    /// Its certificate.
    pub certificate: &'a Certificate,
    /// The certificate's key, which signs the account's address.
    pub key: &'a CertificateKey,
    /// The key it will prove epochs' seeds with.
    pub beacon: BeaconPublicKey,
}

/// An operator as the contracts know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OperatorInfo {
    /// Its account.
    pub account: Address,
    /// Its name.
    pub name: String,
    /// SHA-256 of its certificate.
    pub fingerprint: B256,
    /// keccak256 of its certificate in the store of values.
    pub certificate: B256,
    /// The block it joined in.
    pub joined_at: u64,
    /// Whether it is on the list now.
    pub active: bool,
    /// Its stake now.
    pub stake: u64,
}

impl Contracts {
    /// Stakes `stake` of the signing account's currency.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn deposit(&self, stake: u64) -> Result<Sent, ChainError> {
        let denomination = self.stake().denomination().call().await;
        let denomination =
            denomination.map_err(|error| ChainError::call("read the stake's unit", error))?;
        let value = denomination.saturating_mul(U256::from(stake));
        Ok(self.chain().send("stake", self.stake().deposit().value(value)).await?.0)
    }

    /// Gives up stake; it can be withdrawn once the unbonding delay has passed.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn request_withdrawal(&self, stake: u64) -> Result<Sent, ChainError> {
        let vault = self.stake();
        let call = vault.requestWithdrawal(U256::from(stake));
        Ok(self.chain().send("request the withdrawal", call).await?.0)
    }

    /// Withdraws what was given up and is due.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn withdraw(&self) -> Result<Sent, ChainError> {
        Ok(self.chain().send("withdraw", self.stake().withdraw()).await?.0)
    }

    /// Publishes the certificate and joins the list of operators with the signing account.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn join(&self, joining: Joining<'_>) -> Result<Sent, ChainError> {
        let action = "join";
        let account =
            self.chain().sender().ok_or(ChainError::NoSigner { action: action.to_owned() })?;
        let [certificate, application] = self.join_requests(account, joining).await?;
        self.chain().send_request("publish the certificate", certificate).await?;
        Ok(self.chain().send_request(action, application).await?.0)
    }

    /// Returns the two transactions `account` joins with, for whoever signs and sends them itself: publishing the
    /// certificate, and the application.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn join_requests(
        &self,
        account: Address,
        joining: Joining<'_>,
    ) -> Result<[TransactionRequest; 2], ChainError> {
        let der = joining.certificate.der();
        let certificate = keccak256(der);
        let [x, y] = joining.beacon.coordinates().map(U256::from_be_bytes);
        let (blobs, identity) = (self.blobs(), self.identity());
        let digest = identity.joinDigest(account, joining.name.to_owned(), certificate, x, y);
        let digest = digest.call().await.map_err(|error| ChainError::call("join", error))?;
        let [r, s] = joining.key.sign_digest(&digest.0);
        let application = Identity::Application {
            name: joining.name.to_owned(),
            certificate,
            keyOffset: U256::from(joining.certificate.key_offset()),
            r: r.into(),
            s: s.into(),
            beaconX: x,
            beaconY: y,
        };
        Ok([
            blobs.put(der.to_vec().into()).into_transaction_request(),
            identity.join(application).into_transaction_request(),
        ])
    }

    /// Leaves the list of operators.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn leave(&self) -> Result<Sent, ChainError> {
        Ok(self.chain().send("leave", self.identity().leave()).await?.0)
    }

    /// Returns the operators that were active at the end of a block, from the events of joining and leaving: this needs
    /// no archive node.
    pub(crate) async fn members_at(&self, block: u64) -> Result<Vec<Address>, ChainError> {
        let filter = Filter::new()
            .address(self.identity)
            .event_signature(vec![Identity::Joined::SIGNATURE_HASH, Identity::Left::SIGNATURE_HASH])
            .from_block(0)
            .to_block(block);
        let logs = self.chain().provider().get_logs(&filter).await;
        let mut members = BTreeSet::new();
        for log in logs.map_err(|error| ChainError::rpc("read who joined and left", error))? {
            if let Ok(joined) = Identity::Joined::decode_log(&log.inner) {
                members.insert(joined.operator);
            } else if let Ok(left) = Identity::Left::decode_log(&log.inner) {
                members.remove(&left.operator);
            }
        }
        Ok(members.into_iter().collect())
    }
}

impl View<'_> {
    /// Returns the active operators, in the order of the list.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn operators(&self) -> Result<Vec<OperatorInfo>, ChainError> {
        let failed = |error| ChainError::call("read the operators", error);
        let identity = self.contracts.identity();
        let count = identity.operatorCount().block(self.block).call().await.map_err(failed)?;
        let mut accounts = Vec::new();
        for start in (0..count.saturating_to::<u64>()).step_by(500) {
            let page = identity.operators(U256::from(start), U256::from(500));
            let page = page.block(self.block).call().await.map_err(failed)?;
            // A contract that counts more than it shows is not believed.
            if page.is_empty() {
                break;
            }
            accounts.extend(page);
        }
        try_join_all(accounts.into_iter().map(|account| self.operator(account))).await
    }

    /// Returns an operator, also one that left; its `account` is zero if it never joined.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn operator(&self, account: Address) -> Result<OperatorInfo, ChainError> {
        let failed = |error| ChainError::call("read an operator", error);
        let (identity, stake) = (self.contracts.identity(), self.contracts.stake());
        let (operator, stake) = (identity.operator(account), stake.balanceOf(account));
        let (operator, stake) = (operator.block(self.block), stake.block(self.block));
        let (operator, stake) =
            try_join!(operator.call().into_future(), stake.call().into_future()).map_err(failed)?;
        Ok(OperatorInfo {
            account: operator.account,
            name: operator.name,
            fingerprint: operator.fingerprint,
            certificate: operator.certificate,
            joined_at: operator.joinedAt,
            active: operator.active,
            stake: stake.saturating_to(),
        })
    }

    /// Returns the stake an account has.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn stake_of(&self, account: Address) -> Result<u64, ChainError> {
        let stake = self.contracts.stake().balanceOf(account).block(self.block).call().await;
        Ok(stake.map_err(|error| ChainError::call("read the stake", error))?.saturating_to())
    }

    /// Returns the names of all accounts that are or were operators, from their events of joining.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn names(&self) -> Result<BTreeMap<Address, String>, ChainError> {
        let filter = Filter::new()
            .address(self.contracts.identity)
            .event_signature(Identity::Joined::SIGNATURE_HASH)
            .from_block(0);
        let filter = match self.block {
            BlockId::Number(number) => filter.to_block(number),
            BlockId::Hash(_) => filter,
        };
        let logs = self.contracts.chain().provider().get_logs(&filter).await;
        let logs = logs.map_err(|error| ChainError::rpc("read the operators' names", error))?;
        let joined = logs.iter().filter_map(|log| Identity::Joined::decode_log(&log.inner).ok());
        Ok(joined.map(|joined| (joined.operator, joined.name.clone())).collect())
    }

    /// Returns the numbers of banned units of the operator with this name.
    pub(crate) async fn banned_units(&self, name: &str) -> Result<BTreeSet<u32>, ChainError> {
        let security = self.contracts.security();
        let units = security.bannedUnits(keccak256(name.as_bytes()));
        let units = units.block(self.block).call().await;
        let units = units.map_err(|error| ChainError::call("read the banned nodes", error))?;
        Ok(units.into_iter().collect())
    }

    /// Returns the units of operators that were active at the end of `snapshot`.
    pub(crate) async fn units_at(
        &self,
        accounts: &[Address],
        snapshot: u64,
    ) -> Result<Vec<u32>, ChainError> {
        let mut all = Vec::with_capacity(accounts.len());
        for chunk in accounts.chunks(500) {
            let identity = self.contracts.identity();
            let units = identity.unitsAt(chunk.to_vec(), U256::from(snapshot));
            let units = units.block(self.block).call().await;
            let units =
                units.map_err(|error| ChainError::call("read the operators' units", error))?;
            if units.len() != chunk.len() {
                return Err(WireError::Short { got: units.len(), expected: chunk.len() }.into());
            }
            all.extend(units);
        }
        Ok(all)
    }
}
