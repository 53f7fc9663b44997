//! The handle to an open chain.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use alloy::consensus::Transaction as _;
use alloy::consensus::TxEnvelope;
use alloy::consensus::transaction::Recovered;
use alloy_primitives::B256;
use parking_lot::Mutex;
use parking_lot::RwLock;
use tokio::sync::Semaphore;
use tokio::sync::oneshot;
use tokio::sync::watch;

use crate::config::Config;
use crate::execute;
use crate::execute::ChainRules;
use crate::journal::BlockArchive;
use crate::journal::Journal;
use crate::journal::JournalEntry;
use crate::journal::JournalError;
use crate::journal::JournalFrame;
use crate::ledger::BrokenChain;
use crate::ledger::Ledger;
use crate::pool::Pool;
use crate::producer::Producer;
use crate::producer::ProducerCommand;
use crate::producer::Reply;
use crate::producer::Schedule;
use crate::producer::SubmitError;
use crate::shared::ChainHead;
use crate::shared::SharedChain;
use crate::state::State;
use crate::trie::StateTries;

/// The most submissions on their way to the producer; more wait for a permit.
const MAX_IN_FLIGHT: usize = 4096;

/// Opening a chain failed.
#[derive(Debug, thiserror::Error)]
pub enum ChainOpenError {
    /// The log cannot be opened or is damaged.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The log's blocks do not form a chain.
    #[error("cannot load {}", .path.display())]
    Broken {
        /// The directory.
        path: PathBuf,
        /// The block that does not fit, and why.
        #[source]
        source: BrokenChain,
    },
    /// The directory holds a chain with another id.
    #[error("{} holds chain {have}, not chain {want}", .path.display())]
    ChainId {
        /// The directory.
        path: PathBuf,
        /// Its chain id, or the extra data of its genesis if that holds none.
        have: String,
        /// The id asked for.
        want: u64,
    },
    /// The directory's genesis has other balances. A configuration without accounts accepts any.
    #[error("{} has other genesis balances", .0.display())]
    Genesis(PathBuf),
    /// Neither an interval nor mining on demand was asked for.
    #[error("the chain would never make a block: set a block interval or mine on demand")]
    NeverMines,
    /// A block gas limit too small for any transaction.
    #[error("block gas limit {0} is below 21000, the cost of the smallest transaction")]
    BlockGasLimit(u64),
    /// No thread could be started.
    #[error("cannot start the chain's thread")]
    Thread(#[source] std::io::Error),
}

/// A handle to an open chain. Clones share it; the last one dropped closes it.
#[derive(Clone, Debug)]
pub struct EmbeddedChain {
    inner: Arc<OpenChain>,
}

#[derive(Debug)]
struct OpenChain {
    shared: Arc<SharedChain>,
    commands: mpsc::Sender<ProducerCommand>,
    permits: Arc<Semaphore>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl EmbeddedChain {
    /// Opens the chain in the configured directory, or a new one, and starts to make blocks.
    ///
    /// ```
    /// use koinon_evm::Config;
    /// use koinon_evm::EmbeddedChain;
    ///
    /// let chain = EmbeddedChain::open(Config::default())?;
    /// assert_eq!(chain.chain_id(), koinon_evm::DEFAULT_CHAIN_ID);
    /// # Ok::<(), koinon_evm::ChainOpenError>(())
    /// ```
    ///
    /// # Errors
    /// [`ChainOpenError::Journal`] if the log is locked or damaged; [`ChainOpenError::Genesis`] and
    /// [`ChainOpenError::ChainId`] if the directory holds another chain.
    pub fn open(config: Config) -> Result<Self, ChainOpenError> {
        if !config.mine_on_demand && config.block_interval.is_none() {
            return Err(ChainOpenError::NeverMines);
        }
        if config.block_gas_limit < 21_000 {
            return Err(ChainOpenError::BlockGasLimit(config.block_gas_limit));
        }
        let rules = ChainRules {
            chain_id: config.chain_id,
            block_gas_limit: config.block_gas_limit,
            beneficiary: config.beneficiary,
        };
        let mut loaded = LoadedChain::default();
        let mut journal = match &config.dir {
            Some(dir) => Some(loaded.replay(dir)?),
            None => None,
        };
        if loaded.ledger.is_empty() {
            loaded.write_genesis(rules, &config, journal.as_mut())?;
        } else if let Some(dir) = &config.dir {
            loaded.check_genesis(dir, &config)?;
        }
        let archive =
            journal.as_ref().map(|journal| BlockArchive::open(journal.path())).transpose()?;
        let LoadedChain { ledger, tries, pool } = loaded;
        let head = ChainHead { block: ledger.head_number(), announced: ledger.announced_end() };
        let shared = Arc::new(SharedChain {
            ledger: RwLock::new(ledger),
            pool: RwLock::new(pool),
            filters: Mutex::default(),
            head: watch::Sender::new(head),
            rules,
            archive,
            unlocked: config.unlocked,
            sending: tokio::sync::Mutex::new(()),
            failure: watch::Sender::new(None),
        });
        let (commands, receiver) = mpsc::channel();
        let schedule = Schedule {
            on_demand: config.mine_on_demand,
            interval: config.block_interval,
            clock: config.clock,
        };
        let producer = Producer::new(Arc::clone(&shared), tries, receiver, journal, schedule);
        let thread = std::thread::Builder::new()
            .name("koinon-evm".to_owned())
            .spawn(move || producer.run())
            .map_err(ChainOpenError::Thread)?;
        let thread = Mutex::new(Some(thread));
        let permits = Arc::new(Semaphore::new(MAX_IN_FLIGHT));
        Ok(Self { inner: Arc::new(OpenChain { shared, commands, permits, thread }) })
    }

    /// Returns the chain id that transactions must be signed for.
    pub fn chain_id(&self) -> u64 {
        self.inner.shared.rules.chain_id
    }

    /// Stops making blocks and releases the directory. Reads still work; submissions fail.
    ///
    /// Every answered request is durable already, so nothing is lost without this call.
    pub fn close(&self) {
        self.inner.close();
    }

    /// Waits until the log cannot be written, and returns why. From then on every submission is
    /// rejected; a chain opened anew has everything that was acknowledged.
    pub async fn failure(&self) -> String {
        let mut failure = self.inner.shared.failure.subscribe();
        let failed = failure.wait_for(Option::is_some).await;
        let text = failed.ok().and_then(|text| text.clone());
        text.expect("BUG: the sender lives as long as the chain")
    }

    pub(crate) fn shared(&self) -> &SharedChain {
        &self.inner.shared
    }

    /// Hands transactions to the producer together and returns their hashes once each is durable.
    pub(crate) async fn submit(
        &self,
        txs: Vec<Recovered<TxEnvelope>>,
    ) -> Vec<Result<B256, SubmitError>> {
        let mut answers = Vec::with_capacity(txs.len());
        for tx in txs {
            answers.push(self.send(tx).await);
        }
        let mut results = Vec::with_capacity(answers.len());
        for answer in answers {
            results.push(match answer {
                Ok(answer) => answer.await.unwrap_or(Err(SubmitError::Closed)),
                Err(error) => Err(error),
            });
        }
        results
    }

    async fn send(
        &self,
        tx: Recovered<TxEnvelope>,
    ) -> Result<oneshot::Receiver<Result<B256, SubmitError>>, SubmitError> {
        let permits = Arc::clone(&self.inner.permits);
        let place = permits.acquire_owned().await.map_err(|_| SubmitError::Closed)?;
        let (sender, answer) = oneshot::channel();
        let reply = Reply { sender, _place: place };
        let sent = self.inner.commands.send(ProducerCommand::Submit(tx, reply));
        sent.map_err(|_| SubmitError::Closed)?;
        Ok(answer)
    }
}

impl OpenChain {
    fn close(&self) {
        // The thread is gone already if the channel is closed.
        drop(self.commands.send(ProducerCommand::Close));
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the chain's thread had panicked");
        }
    }
}

impl Drop for OpenChain {
    fn drop(&mut self) {
        self.close();
    }
}

/// The chain as replayed from the log.
#[derive(Default)]
struct LoadedChain {
    ledger: Ledger,
    tries: StateTries,
    pool: Pool,
}

impl LoadedChain {
    fn replay(&mut self, dir: &Path) -> Result<Journal, ChainOpenError> {
        Journal::open(dir, |entry, place| {
            match entry {
                JournalEntry::Block(entry) => {
                    let (block, diff) = *entry;
                    let state_root = self.tries.apply(&self.ledger.state, &diff);
                    self.ledger
                        .check(&block, state_root)
                        .and_then(|()| {
                            self.ledger.apply(Arc::new(block), &diff, Some(place), place.len())
                        })
                        .map_err(|source| ChainOpenError::Broken {
                            path: dir.to_owned(),
                            source,
                        })?;
                    for change in &diff.accounts {
                        self.pool.settle(change.address, change.nonce);
                    }
                }
                JournalEntry::Pooled(tx) => self.restore_waiting(*tx),
                JournalEntry::Dropped(hash) => self.pool.remove(hash),
            }
            Ok(())
        })
    }

    fn restore_waiting(&mut self, tx: Recovered<TxEnvelope>) {
        let account = self.ledger.state.account_now(tx.signer());
        let next = account.map_or(0, |account| account.nonce);
        if tx.nonce() < next {
            return;
        }
        let hash = *tx.tx_hash();
        if let Err(error) = self.pool.add(tx, next) {
            tracing::warn!(%hash, %error, "a waiting transaction was not restored");
        }
    }

    fn write_genesis(
        &mut self,
        rules: ChainRules,
        config: &Config,
        journal: Option<&mut Journal>,
    ) -> Result<(), ChainOpenError> {
        let (block, diff) =
            execute::genesis(rules, config.clock.now(), &config.accounts, &mut self.tries);
        let mut frame = JournalFrame::default();
        let place = match journal {
            Some(journal) => {
                frame.add_block(&block, &diff);
                Some(journal.append(&frame)?)
            }
            None => None,
        };
        self.ledger
            .apply(Arc::new(block), &diff, place, frame.block_len())
            .expect("BUG: the code of genesis is valid");
        Ok(())
    }

    fn check_genesis(&self, dir: &Path, config: &Config) -> Result<(), ChainOpenError> {
        let path = || dir.to_owned();
        let Some(genesis) = &self.ledger.genesis else { return Ok(()) };
        if genesis.extra_data != execute::genesis_mark(config.chain_id) {
            let id = genesis.extra_data.last_chunk().map(|id| u64::from_be_bytes(*id));
            let have = id.map_or_else(|| genesis.extra_data.to_string(), |id| id.to_string());
            return Err(ChainOpenError::ChainId { path: path(), have, want: config.chain_id });
        }
        let asked = execute::genesis_diff(&config.accounts);
        let asked = StateTries::default().apply(&State::default(), &asked);
        if !config.accounts.is_empty() && asked != genesis.state_root {
            return Err(ChainOpenError::Genesis(path()));
        }
        Ok(())
    }
}
