//! Verifying a service: its code is Koinon's, its contracts know each other, and only its voters
//! hold powers.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use alloy::consensus::Transaction;
use alloy::network::TransactionResponse;
use alloy::primitives::Address;
use alloy::primitives::B256;
use alloy::primitives::U256;
use alloy::primitives::hex;
use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent;
use alloy::sol_types::SolValue;
use futures::future::try_join_all;
use koinon_bindings::Core;
use koinon_bindings::Timelock;
use koinon_model::Module;
use koinon_model::UpdateMode;
use koinon_model::commitment;
use serde::Deserialize;
use serde::Serialize;

use crate::contracts::Contracts;
use crate::error::ChainError;
use crate::registry::ServiceContract;

/// One check and its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The subject: `code of Core`, `timelock of Governance`, …
    pub what: String,
    /// The result.
    pub verdict: CheckResult,
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckResult {
    /// As it must be.
    Good,
    /// A power that was given by vote, or a shared contract: not wrong, but voters should know.
    Known(String),
    /// Not as it must be.
    Bad(String),
}

impl Check {
    fn new(what: String, verdict: CheckResult) -> Self {
        Self { what, verdict }
    }

    /// A check that is good or has this fault.
    fn good_if(what: String, good: bool, fault: impl FnOnce() -> String) -> Self {
        Self::new(what, if good { CheckResult::Good } else { CheckResult::Bad(fault()) })
    }
}

/// The parts of a Foundry artifact that the checks need.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FoundryArtifact {
    bytecode: CreationCode,
    deployed_bytecode: RuntimeCode,
}

#[derive(Deserialize)]
struct CreationCode {
    /// In hexadecimal.
    object: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuntimeCode {
    /// In hexadecimal, with zeros in place of the immutables.
    object: String,
    /// Where each immutable stands in the code.
    immutable_references: BTreeMap<String, Vec<ImmutableRange>>,
}

#[derive(Deserialize)]
struct ImmutableRange {
    start: usize,
    length: usize,
}

impl FoundryArtifact {
    fn of(contract: ServiceContract) -> Self {
        serde_json::from_str(contract.artifact()).expect("BUG: the committed artifacts are valid")
    }
}

/// Decodes the code of a committed artifact.
fn decode_code(object: &str) -> Vec<u8> {
    hex::decode(object).expect("BUG: the code of a committed artifact is hexadecimal")
}

/// Arguments of the constructors that the service still shows.
struct ConstructorArguments {
    name: String,
    denomination: U256,
    unbonding: U256,
}

impl Contracts {
    /// Checks code, creation, wiring, roles, permissions and commitments at the newest block.
    ///
    /// # Errors
    /// [`ChainError`] if the chain does not answer. A fault of the service is in the checks.
    pub async fn verify(&self) -> Result<Vec<Check>, ChainError> {
        let mut checks = Vec::new();
        for contract in ServiceContract::ALL {
            checks.push(self.check_code(contract).await?);
        }
        if checks.iter().any(|check| matches!(check.verdict, CheckResult::Bad(_))) {
            // The answers of foreign code mean nothing.
            return Ok(checks);
        }
        checks.extend(self.check_creations().await?);
        checks.push(self.check_backing().await?);
        checks.extend(self.check_wiring().await?);
        checks.extend(self.check_roles().await?);
        checks.extend(self.check_permissions().await?);
        for module in Module::ALL {
            checks.push(self.check_commitment(module).await?);
        }
        Ok(checks)
    }

    /// Compares a contract's code with the artifact's, except for the immutables. The immutables of
    /// a contract that belongs to one Core must name this one.
    async fn check_code(&self, contract: ServiceContract) -> Result<Check, ChainError> {
        let address = self.address(contract);
        let mut code = self
            .chain()
            .provider()
            .get_code_at(address)
            .await
            .map_err(|error| ChainError::rpc("read code", error))?
            .to_vec();
        let expected = FoundryArtifact::of(contract).deployed_bytecode;
        let mut immutables = Vec::new();
        for range in expected.immutable_references.values().flatten() {
            if let Some(bytes) = code.get_mut(range.start..range.start + range.length) {
                immutables.push(B256::left_padding_from(bytes));
                bytes.fill(0);
            }
        }
        let name = contract.solidity_name();
        let verdict = if decode_code(&expected.object) != code {
            CheckResult::Bad(format!("the code at {address} is not that of {name}"))
        } else if names_core(contract) && !immutables.contains(&self.core.into_word()) {
            CheckResult::Bad(format!("{address} belongs to another Core"))
        } else {
            CheckResult::Good
        };
        Ok(Check::new(format!("code of {name}"), verdict))
    }

    /// Checks that every contract was created by Koinon's creation code with the arguments that
    /// belong to this service. Other creation code could leave the same runtime code over storage
    /// of its making, with roles that were not granted and votes without stake.
    async fn check_creations(&self) -> Result<Vec<Check>, ChainError> {
        let inputs = self.creations().await?;
        let failed = |error| ChainError::call("read how the contracts were created", error);
        let arguments = ConstructorArguments {
            name: self.core().name().call().await.map_err(failed)?,
            denomination: self.stake().denomination().call().await.map_err(failed)?,
            unbonding: self.stake().unbondingBlocks().call().await.map_err(failed)?,
        };
        let check = |contract: ServiceContract| {
            let address = self.address(contract);
            let verdict = match inputs.get(&address) {
                Some(input) if self.is_creation(contract, input, &arguments) => CheckResult::Good,
                Some(_) => CheckResult::Bad(format!(
                    "{address} was created by other code, or with other arguments"
                )),
                None if contract == ServiceContract::Blobs => CheckResult::Known(
                    "it was there before the service; values are checked by their hashes"
                        .to_owned(),
                ),
                None => CheckResult::Bad(format!("{address} was not created with the service")),
            };
            Check::new(format!("creation of {}", contract.solidity_name()), verdict)
        };
        Ok(ServiceContract::ALL.map(check).into())
    }

    /// Returns whether `input` is the contract's creation code followed by its arguments.
    fn is_creation(
        &self,
        contract: ServiceContract,
        input: &[u8],
        expected: &ConstructorArguments,
    ) -> bool {
        let code = decode_code(&FoundryArtifact::of(contract).bytecode.object);
        let Some(arguments) = input.strip_prefix(&code[..]) else { return false };
        match contract {
            ServiceContract::Blobs => arguments.is_empty(),
            ServiceContract::Stake => {
                arguments == (expected.denomination, expected.unbonding).abi_encode_params()
            }
            // The delay and the settings are read, and may have been voted on since.
            ServiceContract::Timelock => <(U256, Address)>::abi_decode_params(arguments)
                .is_ok_and(|(_, governor)| governor == self.address(ServiceContract::Governance)),
            ServiceContract::Governance => {
                let wired =
                    (self.address(ServiceContract::Stake), self.address(ServiceContract::Timelock));
                <(Address, Address, (U256, U256, U256, U256))>::abi_decode_params(arguments)
                    .is_ok_and(|(stake, timelock, _)| (stake, timelock) == wired)
            }
            ServiceContract::Core => {
                let names = ServiceContract::MODULES.map(|module| module.module_name().to_word());
                let addresses = ServiceContract::MODULES.map(|module| self.address(module));
                let core = (expected.name.clone(), self.blobs, names.to_vec(), addresses.to_vec());
                arguments == core.abi_encode_params()
            }
            ServiceContract::Identity
            | ServiceContract::Artifacts
            | ServiceContract::Topology
            | ServiceContract::Templates
            | ServiceContract::Mapper
            | ServiceContract::Security => arguments == (self.core,).abi_encode_params(),
        }
    }

    /// Returns the input of every creation in the blocks around that of the service: creation code
    /// and arguments, by the address of the contract.
    async fn creations(&self) -> Result<BTreeMap<Address, Vec<u8>>, ChainError> {
        /// Blocks before and after: a service is created in eleven transactions, one after the
        /// other.
        const BLOCKS_AROUND: u64 = 128;
        /// Blocks per request, so that no answer is too long for a node.
        const BLOCKS_AT_ONCE: usize = 32;
        let failed = |error| ChainError::rpc("read how the contracts were created", error);
        let provider = self.chain().provider();
        let filter =
            Filter::new().address(self.core).event_signature(Core::ServiceCreated::SIGNATURE_HASH);
        let newest = self.chain().block_number().await?;
        let action = "read how the contracts were created";
        let logs = self.chain().logs(action, &filter, self.created_at().await?..=newest).await?;
        let Some(created) = logs.first().and_then(|log| log.block_number) else {
            return Ok(BTreeMap::new());
        };
        let numbers: Vec<u64> = (created.saturating_sub(BLOCKS_AROUND)
            ..=(created + BLOCKS_AROUND).min(newest))
            .collect();
        let mut creations = BTreeMap::new();
        for chunk in numbers.chunks(BLOCKS_AT_ONCE) {
            let blocks = chunk.iter().map(async |number| {
                provider.get_block_by_number((*number).into()).full().await.map_err(failed)
            });
            for block in try_join_all(blocks).await?.into_iter().flatten() {
                for tx in block.transactions.into_transactions().filter(|tx| tx.to().is_none()) {
                    creations.insert(tx.from().create(tx.nonce()), tx.input().to_vec());
                }
            }
        }
        Ok(creations)
    }

    /// Checks that every vote is backed by currency in the vault.
    async fn check_backing(&self) -> Result<Check, ChainError> {
        let failed = |error| ChainError::call("read the stake", error);
        let supply = self.stake().totalSupply().call().await.map_err(failed)?;
        let denomination = self.stake().denomination().call().await.map_err(failed)?;
        let balance = self
            .chain()
            .provider()
            .get_balance(self.address(ServiceContract::Stake))
            .await
            .map_err(|error| ChainError::rpc("read the stake", error))?;
        let backed = supply.checked_mul(denomination).is_some_and(|owed| balance >= owed);
        Ok(Check::good_if("backing of Stake".to_owned(), backed, || {
            format!("{supply} stake of {denomination} wei, but the vault holds {balance} wei")
        }))
    }

    async fn check_wiring(&self) -> Result<[Check; 4], ChainError> {
        let failed = |error| ChainError::call("read how the contracts are wired", error);
        let timelock = self.governance().timelock().call().await.map_err(failed)?;
        let token = self.governance().token().call().await.map_err(failed)?;
        let blobs = self.core().blobs().call().await.map_err(failed)?;
        let core = self.object_module(Module::Core).core().call().await.map_err(failed)?;
        let check = |what: &str, found: Address, expected: ServiceContract| {
            let expected = self.address(expected);
            Check::good_if(what.to_owned(), found == expected, || {
                format!("{found}, not {expected}")
            })
        };
        Ok([
            check("timelock of Governance", timelock, ServiceContract::Timelock),
            check("votes of Governance", token, ServiceContract::Stake),
            check("blobs of Core", blobs, ServiceContract::Blobs),
            check("core of Core", core, ServiceContract::Core),
        ])
    }

    /// Replays every grant and revocation of the timelock's roles. Only the governor may propose
    /// and cancel, anyone may execute, and the timelock alone is its admin.
    async fn check_roles(&self) -> Result<Vec<Check>, ChainError> {
        let failed = |error| ChainError::call("read the timelock's roles", error);
        let granted = self.granted_roles().await?;
        let timelock = self.timelock();
        let governor = self.address(ServiceContract::Governance);
        let roles = [
            ("proposer", timelock.PROPOSER_ROLE().call().await.map_err(failed)?, governor),
            ("canceller", timelock.CANCELLER_ROLE().call().await.map_err(failed)?, governor),
            ("executor", timelock.EXECUTOR_ROLE().call().await.map_err(failed)?, Address::ZERO),
            ("admin", B256::ZERO, self.address(ServiceContract::Timelock)),
        ];
        let check = |(name, role, holder): (&str, B256, Address)| {
            let holders: Vec<Address> = granted
                .iter()
                .filter(|(granted, _)| *granted == role)
                .map(|(_, account)| *account)
                .collect();
            Check::good_if(format!("{name} of Timelock"), holders == [holder], || {
                format!("held by {holders:?}, not by {holder} alone")
            })
        };
        let mut checks: Vec<Check> = roles.into_iter().map(check).collect();
        let unknown = |role: &B256| roles.iter().all(|(_, known, _)| known != role);
        let others = granted.iter().filter(|(role, _)| unknown(role)).count();
        checks.push(Check::good_if("other roles of Timelock".to_owned(), others == 0, || {
            format!("{others} grants")
        }));
        Ok(checks)
    }

    /// Returns the roles of the timelock that are in force, with their holders.
    async fn granted_roles(&self) -> Result<BTreeSet<(B256, Address)>, ChainError> {
        let filter =
            Filter::new().address(self.address(ServiceContract::Timelock)).event_signature(vec![
                Timelock::RoleGranted::SIGNATURE_HASH,
                Timelock::RoleRevoked::SIGNATURE_HASH,
            ]);
        let newest = self.chain().block_number().await?;
        let blocks = self.created_at().await?..=newest;
        let logs = self.chain().logs("read the timelock's roles", &filter, blocks).await?;
        let mut roles = BTreeSet::new();
        for log in logs {
            if let Ok(granted) = Timelock::RoleGranted::decode_log(&log.inner) {
                roles.insert((granted.role, granted.account));
            } else if let Ok(revoked) = Timelock::RoleRevoked::decode_log(&log.inner) {
                roles.remove(&(revoked.role, revoked.account));
            }
        }
        Ok(roles)
    }

    async fn check_permissions(&self) -> Result<Vec<Check>, ChainError> {
        let mut checks = Vec::new();
        for module in Module::ALL {
            let verdict = match self.now().permission(module).await?.mode {
                UpdateMode::Governance => CheckResult::Good,
                UpdateMode::Admins(admins) => CheckResult::Known(format!("also by {admins:?}")),
            };
            checks.push(Check::new(format!("updates of {module}"), verdict));
        }
        Ok(checks)
    }

    async fn check_commitment(&self, module: Module) -> Result<Check, ChainError> {
        let view = self.at(self.chain().block_number().await?);
        let entries = view.entries(module).await?;
        let computed = commitment(entries.iter().map(|entry| (entry.path.as_str(), entry.blob)));
        let stored = view.commitment(module).await?;
        Ok(Check::good_if(format!("commitment of {module}"), computed == stored, || {
            format!("{stored}, but the content gives {computed}")
        }))
    }
}

/// Returns whether a contract's code names the Core it belongs to.
fn names_core(contract: ServiceContract) -> bool {
    match contract {
        ServiceContract::Core
        | ServiceContract::Identity
        | ServiceContract::Artifacts
        | ServiceContract::Topology
        | ServiceContract::Templates
        | ServiceContract::Mapper
        | ServiceContract::Security => true,
        ServiceContract::Blobs
        | ServiceContract::Governance
        | ServiceContract::Timelock
        | ServiceContract::Stake => false,
    }
}
