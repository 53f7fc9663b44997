//! Operators: staking, joining, leaving, listing.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::future::IntoFuture;

use alloy::primitives::Address;
use alloy::primitives::B256;
use alloy::primitives::U256;
use alloy::rpc::types::Filter;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolEvent;
use futures::future::try_join_all;
use futures::try_join;
use koinon_bindings::Identity;
use koinon_model::Allocation;
use koinon_model::keccak256;
use koinon_trust::BeaconPublicKey;
use koinon_trust::Certificate;
use koinon_trust::CertificateKey;
use serde::Serialize;

use crate::contracts::Contracts;
use crate::contracts::View;
use crate::error::ChainError;
use crate::registry::ServiceContract;
use crate::send::SentTransaction;
use crate::wire::WireError;

/// The application of an account that joins.
#[derive(Clone, Copy, Debug)]
pub struct JoinApplication<'a> {
    /// The name, such as `alice@myDapp`.
    pub name: &'a str,
    /// The operator's certificate.
    pub certificate: &'a Certificate,
    /// The certificate's key, which signs the account's address.
    pub key: &'a CertificateKey,
    /// The public part of the key that will prove epochs' seeds.
    pub beacon: BeaconPublicKey,
}

/// The two transactions that an account joins with, in this order.
#[derive(Clone, Debug)]
pub struct JoinRequests {
    /// Publishes the certificate.
    pub certificate: TransactionRequest,
    /// Sends the application.
    pub application: TransactionRequest,
}

/// An operator in the service's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OperatorRecord {
    /// Its account.
    pub account: Address,
    /// Its name, of `[A-Za-z0-9@._-]`.
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
    /// Stakes with the signing account: `stake` times the denomination.
    ///
    /// # Errors
    /// As [`Chain::transfer`](crate::Chain::transfer).
    pub async fn deposit(&self, stake: u64) -> Result<SentTransaction, ChainError> {
        let denomination = self
            .stake()
            .denomination()
            .call()
            .await
            .map_err(|error| ChainError::call("read the stake's unit", error))?;
        let value = denomination.saturating_mul(U256::from(stake));
        self.chain().send("stake", self.stake().deposit().value(value)).await
    }

    /// Gives up stake; it can be withdrawn once the unbonding delay has passed.
    ///
    /// # Errors
    /// As [`Chain::transfer`](crate::Chain::transfer).
    pub async fn request_withdrawal(&self, stake: u64) -> Result<SentTransaction, ChainError> {
        let vault = self.stake();
        let call = vault.requestWithdrawal(U256::from(stake));
        self.chain().send("request the withdrawal", call).await
    }

    /// Withdraws the stake that was given up and is due.
    ///
    /// # Errors
    /// As [`Chain::transfer`](crate::Chain::transfer).
    pub async fn withdraw(&self) -> Result<SentTransaction, ChainError> {
        self.chain().send("withdraw", self.stake().withdraw()).await
    }

    /// Publishes the certificate and joins the list of operators with the signing account.
    ///
    /// # Errors
    /// As [`Chain::transfer`](crate::Chain::transfer).
    pub async fn join(&self, joining: JoinApplication<'_>) -> Result<SentTransaction, ChainError> {
        let action = "join";
        let account =
            self.chain().sender().ok_or(ChainError::NoSigner { action: action.to_owned() })?;
        let requests = self.join_requests(account, joining).await?;
        self.chain().send_request("publish the certificate", requests.certificate).await?;
        Ok(self.chain().send_request(action, requests.application).await?.0)
    }

    /// Returns the transactions that `account` joins with, for callers that sign and send them
    /// themselves.
    ///
    /// # Errors
    /// [`ChainError::Rpc`].
    pub async fn join_requests(
        &self,
        account: Address,
        joining: JoinApplication<'_>,
    ) -> Result<JoinRequests, ChainError> {
        let der = joining.certificate.der();
        let certificate = keccak256(der);
        let [x, y] = joining.beacon.coordinates().map(U256::from_be_bytes);
        let (blobs, identity) = (self.blobs(), self.identity());
        let digest = identity
            .joinDigest(account, joining.name.to_owned(), certificate, x, y)
            .call()
            .await
            .map_err(|error| ChainError::call("join", error))?;
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
        Ok(JoinRequests {
            certificate: blobs.put(der.to_vec().into()).into_transaction_request(),
            application: identity.join(application).into_transaction_request(),
        })
    }

    /// Leaves the list of operators.
    ///
    /// # Errors
    /// As [`Chain::transfer`](crate::Chain::transfer).
    pub async fn leave(&self) -> Result<SentTransaction, ChainError> {
        self.chain().send("leave", self.identity().leave()).await
    }

    /// Returns the operators that were active at the end of a block, from the events of joining and
    /// leaving: this needs no archive node.
    pub(crate) async fn members_at(&self, block: u64) -> Result<Vec<Address>, ChainError> {
        let filter =
            Filter::new().address(self.address(ServiceContract::Identity)).event_signature(vec![
                Identity::OperatorJoined::SIGNATURE_HASH,
                Identity::OperatorLeft::SIGNATURE_HASH,
            ]);
        let blocks = self.created_at().await?..=block;
        let logs = self.chain().logs("read who joined and left", &filter, blocks).await?;
        let mut members = BTreeSet::new();
        for log in logs {
            // The filter lets no other event pass; one that does not decode names no operator.
            if let Ok(joined) = Identity::OperatorJoined::decode_log(&log.inner) {
                members.insert(joined.operator);
            } else if let Ok(left) = Identity::OperatorLeft::decode_log(&log.inner) {
                members.remove(&left.operator);
            }
        }
        Ok(members.into_iter().collect())
    }
}

impl View<'_> {
    /// Operators per request: small answers for any node.
    pub(crate) const OPERATORS_PER_PAGE: usize = 500;

    /// Returns the active operators, in the order of the list.
    ///
    /// # Errors
    /// [`ChainError::Rpc`].
    pub async fn operators(&self) -> Result<Vec<OperatorRecord>, ChainError> {
        let failed = |error| ChainError::call("read the operators", error);
        let identity = self.contracts.identity();
        let count = identity.operatorCount().block(self.block).call().await.map_err(failed)?;
        let mut accounts = Vec::new();
        for start in (0..count.saturating_to::<u64>()).step_by(Self::OPERATORS_PER_PAGE) {
            let page = identity
                .operators(U256::from(start), U256::from(Self::OPERATORS_PER_PAGE))
                .block(self.block)
                .call()
                .await
                .map_err(failed)?;
            // The contract counts more operators than it shows: nothing more can be read.
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
    /// [`ChainError::Rpc`].
    pub async fn operator(&self, account: Address) -> Result<OperatorRecord, ChainError> {
        let failed = |error| ChainError::call("read an operator", error);
        let (identity, stake) = (self.contracts.identity(), self.contracts.stake());
        let find_operator = identity.operator(account).block(self.block);
        let find_stake = stake.balanceOf(account).block(self.block);
        let (operator, stake) =
            try_join!(find_operator.call().into_future(), find_stake.call().into_future())
                .map_err(failed)?;
        Ok(OperatorRecord {
            account: operator.account,
            name: operator.name,
            fingerprint: operator.fingerprint,
            certificate: operator.certificate,
            joined_at: operator.joinedAt,
            active: operator.active,
            stake: stake.saturating_to(),
        })
    }

    /// Returns the stake of an account.
    ///
    /// # Errors
    /// [`ChainError::Rpc`].
    pub async fn stake_of(&self, account: Address) -> Result<u64, ChainError> {
        let stake = self
            .contracts
            .stake()
            .balanceOf(account)
            .block(self.block)
            .call()
            .await
            .map_err(|error| ChainError::call("read the stake", error))?;
        Ok(stake.saturating_to())
    }

    /// Returns the names of the operators that an allocation deals to. Names outlive membership.
    ///
    /// # Errors
    /// [`ChainError::Rpc`].
    pub async fn names(
        &self,
        allocation: &Allocation,
    ) -> Result<BTreeMap<Address, String>, ChainError> {
        let identity = self.contracts.identity();
        let accounts: Vec<Address> =
            allocation.order().iter().map(|member| member.account).collect();
        let mut names = BTreeMap::new();
        for accounts in accounts.chunks(Self::OPERATORS_PER_PAGE) {
            let read = accounts.iter().map(async |account| {
                let operator = identity.operator(*account).block(self.block).call().await;
                operator.map_err(|error| ChainError::call("read the operators' names", error))
            });
            let read = try_join_all(read).await?;
            names.extend(accounts.iter().copied().zip(read.into_iter().map(|one| one.name)));
        }
        Ok(names)
    }

    /// Returns the numbers of banned units of the operator with this name.
    pub(crate) async fn banned_units(&self, name: &str) -> Result<BTreeSet<u32>, ChainError> {
        let security = self.contracts.security();
        let units = security
            .bannedUnits(keccak256(name.as_bytes()))
            .block(self.block)
            .call()
            .await
            .map_err(|error| ChainError::call("read the banned nodes", error))?;
        Ok(units.into_iter().collect())
    }

    /// Returns the units of operators that were active at the end of `snapshot`.
    pub(crate) async fn units_at(
        &self,
        accounts: &[Address],
        snapshot: u64,
    ) -> Result<Vec<u32>, ChainError> {
        let mut all = Vec::with_capacity(accounts.len());
        for chunk in accounts.chunks(Self::OPERATORS_PER_PAGE) {
            let identity = self.contracts.identity();
            let units = identity
                .unitsAt(chunk.to_vec(), U256::from(snapshot))
                .block(self.block)
                .call()
                .await
                .map_err(|error| ChainError::call("read the operators' units", error))?;
            if units.len() != chunk.len() {
                return Err(WireError::Short { got: units.len(), expected: chunk.len() }.into());
            }
            all.extend(units);
        }
        Ok(all)
    }
}
