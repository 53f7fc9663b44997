//! The contracts of a service by name: those every service has, and the registry that Core keeps.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use alloy::primitives::Address;
use alloy::primitives::B256;
use koinon_model::InvalidName;
use koinon_model::Module;
use koinon_model::Name;
use serde::Serialize;

/// The name a module is registered under in Core: 1 to 32 bytes of `[A-Za-z0-9_.-]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ModuleName(Name);

impl ModuleName {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the `bytes32` that Core knows the module by.
    pub fn to_word(&self) -> B256 {
        self.0.to_word()
    }

    /// Reads the `bytes32` that Core knows the module by.
    ///
    /// # Errors
    /// [`InvalidName`] if the bytes are not a name followed by zeros.
    pub fn from_word(word: B256) -> Result<Self, InvalidName> {
        Name::from_word(word).map(Self)
    }
}

impl FromStr for ModuleName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        text.parse().map(Self)
    }
}

impl fmt::Display for ModuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Defines [`ServiceContract`] from the one table of contracts that every service has.
macro_rules! service_contracts {
    ($($(#[$doc:meta])* $contract:ident = $name:literal,)+) => {
        /// A contract that every service has.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ServiceContract {
            $($(#[$doc])* $contract,)+
        }

        impl ServiceContract {
            /// All of them, in the order of `service verify`.
            pub const ALL: [Self; 11] = [$(Self::$contract),+];

            /// Returns the name that Core knows the contract by, such as `mapper`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$contract => $name,)+
                }
            }

            /// Returns the name of the Solidity contract, such as `Mapper`.
            pub const fn solidity_name(self) -> &'static str {
                match self {
                    $(Self::$contract => stringify!($contract),)+
                }
            }

            /// Returns the committed artifact: the JSON that Foundry writes.
            pub(crate) const fn artifact(self) -> &'static str {
                match self {
                    $(Self::$contract => include_str!(concat!(
                        "../../../contracts/artifacts/", stringify!($contract), ".json"
                    )),)+
                }
            }
        }
    };
}

service_contracts! {
    /// The store of values, which services may share. It is not a module: Core names it apart.
    Blobs = "blobs",
    /// The root, whose address is the service's.
    Core = "core",
    /// The governor.
    Governance = "governance",
    /// Executes proposals once their delay has passed.
    Timelock = "timelock",
    /// The stake vault.
    Stake = "stake",
    /// The list of operators.
    Identity = "identity",
    /// Artifacts of node templates.
    Artifacts = "artifacts",
    /// Types, groups, policies and node sets.
    Topology = "topology",
    /// Node templates and reports.
    Templates = "templates",
    /// Epochs and the allocation.
    Mapper = "mapper",
    /// Permissions and bans.
    Security = "security",
}

impl ServiceContract {
    /// The modules that every Core is created with, in the order its constructor gets them; Core
    /// adds itself.
    pub const MODULES: [Self; 9] = [
        Self::Governance,
        Self::Timelock,
        Self::Stake,
        Self::Identity,
        Self::Artifacts,
        Self::Topology,
        Self::Templates,
        Self::Mapper,
        Self::Security,
    ];

    /// Returns the name that Core knows the contract by.
    pub fn module_name(self) -> ModuleName {
        self.name().parse().expect("BUG: the table holds valid names")
    }
}

impl From<Module> for ServiceContract {
    fn from(module: Module) -> Self {
        match module {
            Module::Core => Self::Core,
            Module::Identity => Self::Identity,
            Module::Artifacts => Self::Artifacts,
            Module::Topology => Self::Topology,
            Module::Templates => Self::Templates,
            Module::Security => Self::Security,
        }
    }
}

/// The addresses of a service's modules, as Core's registry has them. Modules of further systems
/// are in it too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleAddresses(BTreeMap<ModuleName, Address>);

impl ModuleAddresses {
    /// Reads Core's answer. An entry that this client cannot use, because its name is not a
    /// [`ModuleName`] or its address is zero, is left out: a vote may register it, and the service
    /// works without it.
    pub(crate) fn from_words(names: &[B256], addresses: &[Address]) -> Self {
        let named = names.iter().zip(addresses).filter(|(_, address)| !address.is_zero());
        Self(
            named
                .filter_map(|(word, address)| Some((ModuleName::from_word(*word).ok()?, *address)))
                .collect(),
        )
    }

    /// Returns the address of a module; `None` if it is not registered.
    pub fn get(&self, name: &ModuleName) -> Option<Address> {
        self.0.get(name).copied()
    }

    /// Returns all modules by name.
    pub fn iter(&self) -> impl Iterator<Item = (&ModuleName, Address)> {
        self.0.iter().map(|(name, address)| (name, *address))
    }

    pub(crate) fn insert(&mut self, name: ModuleName, address: Address) {
        self.0.insert(name, address);
    }

    /// Returns whether every module that a service must have is registered.
    pub(crate) fn is_complete(&self) -> bool {
        ServiceContract::MODULES.iter().all(|module| self.0.contains_key(&module.module_name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_contract_of_the_table_has_one_valid_name() {
        let names: std::collections::BTreeSet<_> =
            ServiceContract::ALL.map(ServiceContract::module_name).into();
        assert_eq!(names.len(), ServiceContract::ALL.len());
        let modules = ServiceContract::ALL[2..].to_vec();
        assert_eq!(ServiceContract::MODULES.to_vec(), modules);
    }

    #[test]
    fn object_modules_have_the_same_name_in_both_tables() {
        for module in Module::ALL {
            assert_eq!(ServiceContract::from(module).name(), module.as_str());
        }
    }

    #[test]
    fn entries_that_have_no_usable_name_or_address_are_left_out() {
        let word = |text: &str| B256::right_padding_from(text.as_bytes());
        let at = Address::repeat_byte;
        let names = [word("mapper"), word("no name"), B256::ZERO, word("rounds"), word("gone")];
        let addresses = [at(1), at(2), at(3), at(4), Address::ZERO];
        let registry = ModuleAddresses::from_words(&names, &addresses);
        let found: Vec<_> = registry.iter().map(|(name, at)| (name.as_str(), at)).collect();
        assert_eq!(found, [("mapper", at(1)), ("rounds", at(4))]);
        assert_eq!(registry.get(&"gone".parse().unwrap()), None);
        assert!(!registry.is_complete());
    }

    #[test]
    fn a_registry_with_the_required_modules_is_complete() {
        let words = ServiceContract::MODULES.map(|module| module.module_name().to_word());
        let addresses = [Address::repeat_byte(1); 9];
        assert!(ModuleAddresses::from_words(&words, &addresses).is_complete());
        assert!(!ModuleAddresses::from_words(&words[1..], &addresses[1..]).is_complete());
    }
}
