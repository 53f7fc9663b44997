//! The arguments that choose chain, service and signer.

use std::path::PathBuf;

use alloy::primitives::Address;
use alloy::signers::local::PrivateKeySigner;
use clap::Args;
use koinon_chain::Account;
use koinon_chain::Chain;
use koinon_chain::Contracts;
use koinon_chain::Endpoints;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::open_keystore;

use crate::keys::Keys;
use crate::local::Local;
use crate::local::NetworkRecord;

// The arguments that choose chain, service and signer. Without them, the local network of the
// working directory is used. No doc comment: clap would print it as the help of each command.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Network")]
pub(crate) struct NetworkArgs {
    /// Directory of a local network that `koinon up` made
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,

    /// JSON-RPC of an EVM node: http://, https://, ws:// or wss://; give several, and more than
    /// half of them must say the same
    #[arg(long, env = "KOINON_RPC_URL", value_name = "URL", value_delimiter = ',')]
    pub(crate) rpc_url: Vec<String>,

    /// Id of the chain, which a node must not choose: needed to sign, unless a local network knows
    /// it
    #[arg(long, env = "KOINON_CHAIN_ID", value_name = "ID")]
    pub(crate) chain_id: Option<u64>,

    /// Address of the service
    #[arg(long, env = "KOINON_SERVICE", value_name = "ADDRESS")]
    pub(crate) service: Option<Address>,

    /// Encrypted keystore of the account that signs
    #[arg(long, env = "KOINON_KEYSTORE", value_name = "FILE", requires = "password_file")]
    pub(crate) keystore: Option<PathBuf>,

    /// File that holds the keystore's password
    #[arg(long, env = "KOINON_PASSWORD_FILE", value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,

    /// Key directory of an operator, made by `koinon key new`
    #[arg(long, env = "KOINON_KEYS", value_name = "DIR", conflicts_with = "keystore")]
    pub(crate) keys: Option<PathBuf>,

    /// Sign as this operator of the local network
    #[arg(id = "as", long = "as", value_name = "OPERATOR", conflicts_with_all = ["keystore", "keys"])]
    pub(crate) operator: Option<String>,
}

/// Whether a command signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signing {
    /// The command only reads.
    No,
    /// The command sends transactions.
    Yes,
}

impl NetworkArgs {
    /// Returns the local network, if there is one and no argument excludes it.
    pub(crate) fn local(&self) -> Outcome<Option<(Local, NetworkRecord)>> {
        if self.dir.is_none() && !self.rpc_url.is_empty() && self.operator.is_none() {
            return Ok(None);
        }
        let Some(local) = Local::find(self.dir.as_deref())? else { return Ok(None) };
        Ok(local.record()?.map(|record| (local, record)))
    }

    /// Connects to the chain.
    pub(crate) async fn chain(&self, signing: Signing) -> Outcome<Chain> {
        let local = self.local()?;
        let record = local.map(|(_, record)| record);
        let chain_id = self.chain_id.or(record.as_ref().and_then(NetworkRecord::chain_id));
        let urls = match record {
            Some(record) if self.rpc_url.is_empty() => vec![record.rpc_url],
            Some(_) | None => self.rpc_url.clone(),
        };
        if urls.is_empty() {
            let error = CommandError::usage("no chain to connect to");
            return Err(
                error.hint("give --rpc-url, or start a local network with `koinon up TEMPLATE`")
            );
        }
        let account = match signing {
            Signing::No => None,
            Signing::Yes => {
                let Some(chain_id) = chain_id else {
                    let error = CommandError::usage("no chain to sign for");
                    return Err(error.hint(
                        "give --chain-id, such as 1 for Ethereum: a node must not choose it",
                    ));
                };
                Some(Account::new(self.signer()?, chain_id))
            }
        };
        Ok(Chain::connect(&Endpoints { urls, chain_id }, account).await?)
    }

    /// Connects to the service.
    pub(crate) async fn contracts(&self, signing: Signing) -> Outcome<Contracts> {
        let chain = self.chain(signing).await?;
        let local = self.local()?;
        let service = self.service.or_else(|| local.and_then(|(_, record)| record.service));
        let Some(service) = service else {
            let error = CommandError::usage("no service to connect to");
            return Err(
                error.hint("give --service; `koinon service list` shows those of the chain")
            );
        };
        Ok(Contracts::open(chain, service).await?)
    }

    /// Returns the key directory of the signer, with its name in a local network.
    pub(crate) fn keys(&self) -> Outcome<Option<(Option<String>, Keys)>> {
        if let Some(dir) = &self.keys {
            return Ok(Some((None, Keys::at(dir))));
        }
        let Some((local, record)) = self.local()? else {
            return match &self.operator {
                None => Ok(None),
                Some(_) => {
                    Err(CommandError::usage("--as needs a local network; give --keys instead"))
                }
            };
        };
        let name = match &self.operator {
            Some(name) if record.operators.contains(name) => name.clone(),
            Some(name) => {
                let error =
                    CommandError::usage(format!("no operator {name} in {}", local.dir.display()));
                return Err(error.hint(format!("there are {}", record.operators.join(", "))));
            }
            None => match record.operators.first() {
                Some(first) => first.clone(),
                None => return Ok(None),
            },
        };
        let keys = local.keys(&name);
        Ok(Some((Some(name), keys)))
    }

    fn signer(&self) -> Outcome<PrivateKeySigner> {
        if let (Some(keystore), Some(password)) = (&self.keystore, &self.password_file) {
            return open_keystore(keystore, password);
        }
        match self.keys()? {
            Some((_, keys)) => keys.signer(),
            None => {
                let error = CommandError::usage("no key to sign with");
                Err(error.hint(
                    "give --keys, or --keystore and --password-file; `koinon key new` makes keys",
                ))
            }
        }
    }
}
