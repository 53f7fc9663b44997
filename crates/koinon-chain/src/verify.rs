//! Verifying a service: its code is Koinon's, its contracts know each other, and nobody holds a power but its voters.

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
use koinon_model::Mode;
use koinon_model::Module;
use koinon_model::commitment;
use serde::Deserialize;
use serde::Serialize;

use crate::client::Contracts;
use crate::contracts::Core;
use crate::contracts::Timelock;
use crate::error::ChainError;

/// What was checked and how it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What: `code of Core`, `timelock of Governance`, …
    pub what: String,
    /// How it went.
    pub verdict: Verdict,
}

/// How a check went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is as it should be.
    Good,
    /// It is a power somebody was given by vote; not wrong, but to be known.
    Known(String),
    /// It is not as it should be.
    Bad(String),
}

/// The creation code of an artifact, in hexadecimal.
fn creation_code(artifact: &str) -> String {
    #[derive(Deserialize)]
    struct Creation {
        bytecode: Object,
    }
    #[derive(Deserialize)]
    struct Object {
        object: String,
    }
    let creation: Creation =
        serde_json::from_str(artifact).expect("artifacts are checked by a test");
    creation.bytecode.object
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    deployed_bytecode: Code,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Code {
    object: String,
    immutable_references: BTreeMap<String, Vec<Place>>,
}

#[derive(Deserialize)]
struct Place {
    start: usize,
    length: usize,
}

impl Contracts {
    /// Checks code, creation, wiring, roles, permissions and commitments at the newest block.
    ///
    /// # Errors
    /// [`ChainError`] if the chain does not answer; what is wrong with the service is in the checks.
    pub async fn verify(&self) -> Result<Vec<Check>, ChainError> {
        let mut checks = Vec::new();
        for (name, address, artifact) in self.parts() {
            checks.push(self.check_code(name, address, artifact).await?);
        }
        if checks.iter().any(|check| matches!(check.verdict, Verdict::Bad(_))) {
            // What other code answers means nothing.
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

    fn parts(&self) -> [(&'static str, Address, &'static str); 11] {
        macro_rules! artifact {
            ($name:literal) => {
                include_str!(concat!("../../../contracts/artifacts/", $name, ".json"))
            };
        }
        [
            ("Blobs", self.blobs, artifact!("Blobs")),
            ("Core", self.core, artifact!("Core")),
            ("Governance", self.governance, artifact!("Governance")),
            ("Timelock", self.timelock, artifact!("Timelock")),
            ("Stake", self.stake, artifact!("Stake")),
            ("Identity", self.identity, artifact!("Identity")),
            ("Artifacts", self.artifacts, artifact!("Artifacts")),
            ("Topology", self.topology, artifact!("Topology")),
            ("Templates", self.templates, artifact!("Templates")),
            ("Mapper", self.mapper, artifact!("Mapper")),
            ("Security", self.security, artifact!("Security")),
        ]
    }

    /// Compares a contract's code with the artifact's, but for the immutables; those that name the Core must.
    async fn check_code(
        &self,
        name: &str,
        address: Address,
        artifact: &str,
    ) -> Result<Check, ChainError> {
        let code = self.chain().provider().get_code_at(address).await;
        let mut code = code.map_err(|error| ChainError::rpc("read code", error))?.to_vec();
        let artifact: Artifact =
            serde_json::from_str(artifact).expect("artifacts are checked by a test");
        let expected = artifact.deployed_bytecode;
        let mut immutables = Vec::new();
        for places in expected.immutable_references.values() {
            for place in places {
                if let Some(bytes) = code.get_mut(place.start..place.start + place.length) {
                    immutables.push(B256::left_padding_from(bytes));
                    bytes.fill(0);
                }
            }
        }
        let same = hex::decode(&expected.object).is_ok_and(|object| object == code);
        let names_core = name == "Mapper"
            || name == "Core"
            || Module::ALL.iter().any(|module| module.as_str().eq_ignore_ascii_case(name));
        let knows_core = !names_core || immutables.contains(&self.core.into_word());
        let verdict = match (same, knows_core) {
            (true, true) => Verdict::Good,
            (false, _) => Verdict::Bad(format!("the code at {address} is not that of {name}")),
            (true, false) => Verdict::Bad(format!("{address} belongs to another Core")),
        };
        Ok(Check { what: format!("code of {name}"), verdict })
    }

    /// Checks that every contract was created by Koinon's creation code with the arguments that belong to this service. Other
    /// creation code could leave the same runtime code over storage of its making: roles nobody granted, votes nobody staked.
    async fn check_creations(&self) -> Result<Vec<Check>, ChainError> {
        let inputs = self.creations().await?;
        let failed = |error| ChainError::call("read how the contracts were created", error);
        let denomination = self.stake().denomination().call().await.map_err(failed)?;
        let unbonding = self.stake().unbondingBlocks().call().await.map_err(failed)?;
        let name = self.core().name().call().await.map_err(failed)?;
        let listed = [
            ("governance", self.governance),
            ("timelock", self.timelock),
            ("stake", self.stake),
            ("identity", self.identity),
            ("artifacts", self.artifacts),
            ("topology", self.topology),
            ("templates", self.templates),
            ("mapper", self.mapper),
            ("security", self.security),
        ];
        let names = listed.map(|(name, _)| B256::right_padding_from(name.as_bytes())).to_vec();
        let addresses = listed.map(|(_, address)| address).to_vec();
        let check = |(name_of, address, artifact): (&str, Address, &str)| {
            let what = format!("creation of {name_of}");
            let Some(input) = inputs.get(&address) else {
                let verdict = if name_of == "Blobs" {
                    Verdict::Known(
                        "it was there before the service; values are checked by their hashes"
                            .to_owned(),
                    )
                } else {
                    Verdict::Bad(format!("{address} was not created with the service"))
                };
                return Check { what, verdict };
            };
            let code = hex::decode(creation_code(artifact));
            let code = code.expect("artifacts are checked by a test");
            let arguments = input.strip_prefix(&code[..]);
            let good = arguments.is_some_and(|arguments| match name_of {
                "Blobs" => arguments.is_empty(),
                "Stake" => arguments == (denomination, unbonding).abi_encode_params(),
                // The delay and the settings are read, and may have been voted on since.
                "Timelock" => <(U256, Address)>::abi_decode_params(arguments)
                    .is_ok_and(|(_, governor)| governor == self.governance),
                "Governance" => {
                    <(Address, Address, (U256, U256, U256, U256))>::abi_decode_params(arguments)
                        .is_ok_and(|(stake, timelock, _)| {
                            (stake, timelock) == (self.stake, self.timelock)
                        })
                }
                "Core" => {
                    let expected = (name.clone(), self.blobs, names.clone(), addresses.clone());
                    arguments == expected.abi_encode_params()
                }
                _ => arguments == (self.core,).abi_encode_params(),
            });
            let verdict = if good {
                Verdict::Good
            } else {
                Verdict::Bad(format!(
                    "{address} was created by other code, or with other arguments"
                ))
            };
            Check { what, verdict }
        };
        Ok(self.parts().into_iter().map(check).collect())
    }

    /// Returns the creation code and arguments of the contracts created around the block the service was.
    async fn creations(&self) -> Result<BTreeMap<Address, Vec<u8>>, ChainError> {
        /// Blocks before and after: a service is created in eleven transactions, one after the other.
        const AROUND: u64 = 128;
        let action = "read how the contracts were created";
        let failed = |error| ChainError::rpc(action, error);
        let provider = self.chain().provider();
        let filter = Filter::new()
            .address(self.core)
            .event_signature(Core::Created::SIGNATURE_HASH)
            .from_block(0);
        let logs = provider.get_logs(&filter).await.map_err(failed)?;
        let Some(block) = logs.first().and_then(|log| log.block_number) else {
            return Ok(BTreeMap::new());
        };
        let newest = self.chain().block_number().await?;
        let numbers: Vec<u64> =
            (block.saturating_sub(AROUND)..=(block + AROUND).min(newest)).collect();
        let mut creations = BTreeMap::new();
        for chunk in numbers.chunks(32) {
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
        let balance = self.chain().provider().get_balance(self.stake).await;
        let balance = balance.map_err(|error| ChainError::rpc("read the stake", error))?;
        let backed = supply.checked_mul(denomination).is_some_and(|owed| balance >= owed);
        let verdict = if backed {
            Verdict::Good
        } else {
            Verdict::Bad(format!(
                "{supply} stake of {denomination} wei, but the vault holds {balance} wei"
            ))
        };
        Ok(Check { what: "backing of Stake".to_owned(), verdict })
    }

    async fn check_wiring(&self) -> Result<[Check; 4], ChainError> {
        let failed = |error| ChainError::call("read how the contracts are wired", error);
        let timelock = self.governance().timelock().call().await.map_err(failed)?;
        let token = self.governance().token().call().await.map_err(failed)?;
        let blobs = self.core().blobs().call().await.map_err(failed)?;
        let core = self.object_module(Module::Core).core().call().await.map_err(failed)?;
        let check = |what: &str, found: Address, expected: Address| Check {
            what: what.to_owned(),
            verdict: if found == expected {
                Verdict::Good
            } else {
                Verdict::Bad(format!("{found}, not {expected}"))
            },
        };
        Ok([
            check("timelock of Governance", timelock, self.timelock),
            check("votes of Governance", token, self.stake),
            check("blobs of Core", blobs, self.blobs),
            check("core of Core", core, self.core),
        ])
    }

    /// Replays every grant and revocation of the timelock's roles: what is left must be the governor's and anyone's.
    async fn check_roles(&self) -> Result<Vec<Check>, ChainError> {
        let filter = Filter::new().address(self.timelock).from_block(0).event_signature(vec![
            Timelock::RoleGranted::SIGNATURE_HASH,
            Timelock::RoleRevoked::SIGNATURE_HASH,
        ]);
        let logs = self.chain().provider().get_logs(&filter).await;
        let mut held = BTreeSet::new();
        for log in logs.map_err(|error| ChainError::rpc("read the timelock's roles", error))? {
            if let Ok(granted) = Timelock::RoleGranted::decode_log(&log.inner) {
                held.insert((granted.role, granted.account));
            } else if let Ok(revoked) = Timelock::RoleRevoked::decode_log(&log.inner) {
                held.remove(&(revoked.role, revoked.account));
            }
        }
        let failed = |error| ChainError::call("read the timelock's roles", error);
        let timelock = self.timelock();
        let proposer = timelock.PROPOSER_ROLE().call().await.map_err(failed)?;
        let canceller = timelock.CANCELLER_ROLE().call().await.map_err(failed)?;
        let executor = timelock.EXECUTOR_ROLE().call().await.map_err(failed)?;
        let roles = [
            ("proposer", proposer, self.governance),
            ("canceller", canceller, self.governance),
            ("executor", executor, Address::ZERO),
            ("admin", B256::ZERO, self.timelock),
        ];
        let check = |(name, role, holder): (&str, B256, Address)| {
            let holders: Vec<Address> = held
                .iter()
                .filter(|(held, _)| *held == role)
                .map(|(_, account)| *account)
                .collect();
            let verdict = if holders == [holder] {
                Verdict::Good
            } else {
                Verdict::Bad(format!("held by {holders:?}, not by {holder} alone"))
            };
            Check { what: format!("{name} of Timelock"), verdict }
        };
        let mut checks: Vec<Check> = roles.into_iter().map(check).collect();
        let others =
            held.iter().filter(|(role, _)| roles.iter().all(|(_, known, _)| known != role)).count();
        checks.push(Check {
            what: "other roles of Timelock".to_owned(),
            verdict: if others == 0 {
                Verdict::Good
            } else {
                Verdict::Bad(format!("{others} grants"))
            },
        });
        Ok(checks)
    }

    async fn check_permissions(&self) -> Result<Vec<Check>, ChainError> {
        let failed = |error| ChainError::call("read the permissions", error);
        let mut checks = Vec::new();
        for module in Module::ALL {
            let found =
                self.security().permission(module.to_word()).call().await.map_err(failed)?;
            let permission = crate::wire::decode_permission(found.mode, &found.admins)?;
            let verdict = match permission.mode {
                Mode::Governance => Verdict::Good,
                Mode::Admins(admins) => Verdict::Known(format!("also by {admins:?}")),
            };
            checks.push(Check { what: format!("updates of {module}"), verdict });
        }
        Ok(checks)
    }

    async fn check_commitment(&self, module: Module) -> Result<Check, ChainError> {
        let view = self.at(self.chain().block_number().await?);
        let entries = view.entries(module).await?;
        let computed = commitment(entries.iter().map(|entry| (entry.path.as_str(), entry.blob)));
        let stored = view.commitment(module).await?;
        let verdict = if computed == stored {
            Verdict::Good
        } else {
            Verdict::Bad(format!("{stored}, but the content gives {computed}"))
        };
        Ok(Check { what: format!("commitment of {module}"), verdict })
    }
}
