//! The handle to an open chain.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread::JoinHandle,
};

use alloy::consensus::{Transaction as _, TxEnvelope, transaction::Recovered};
use alloy_primitives::B256;
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Semaphore, oneshot, watch};

use crate::{
    block::Block,
    config::Config,
    execute::{self, Rules},
    journal::{Archive, Entry, Frame, Journal, JournalError},
    ledger::{BrokenChain, Found, Ledger},
    pool::Pool,
    producer::{Command, Producer, Reply, Schedule, SubmitError},
    rpc::filters::Filters,
};

/// Submissions that may be on their way to the producer; more wait their turn.
const IN_FLIGHT: usize = 4096;

/// Opening a chain failed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The log cannot be opened or is damaged.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The log's blocks do not form a chain.
    #[error("cannot load {}", .path.display())]
    Broken {
        /// The directory.
        path: PathBuf,
        /// What does not fit.
        #[source]
        source: BrokenChain,
    },
    /// The directory holds a chain with another id.
    #[error("{} holds chain {have}, not chain {want}", .path.display())]
    ChainId {
        /// The directory.
        path: PathBuf,
        /// Its chain id, or what its genesis says instead of one.
        have: String,
        /// The id asked for.
        want: u64,
    },
    /// The directory's genesis gave other balances. To accept any, ask for none.
    #[error("{} was begun with other genesis balances", .0.display())]
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

/// What the newest publication reached, for those who wait for the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) block: u64,
    pub(crate) announced: u64,
}

/// What the producer writes and every request reads. Locks are taken ledger first, then pool.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) ledger: RwLock<Ledger>,
    pub(crate) pool: RwLock<Pool>,
    pub(crate) filters: Mutex<Filters>,
    pub(crate) head: watch::Sender<Head>,
    pub(crate) rules: Rules,
    archive: Option<Archive>,
}

impl Shared {
    /// A block by number; `None` if there is none yet.
    pub(crate) fn block(&self, number: u64) -> Result<Option<Arc<Block>>, JournalError> {
        let found = self.ledger.read().find(number);
        match (found, &self.archive) {
            (Some(Found::Here(block)), _) => Ok(Some(block)),
            (Some(Found::OnDisk(place)), Some(archive)) => {
                archive.read(place).map(|block| Some(Arc::new(block)))
            }
            (Some(Found::OnDisk(_)), None) | (None, _) => Ok(None),
        }
    }
}

/// A handle to an open chain. Clones share it; the last one dropped closes it.
#[derive(Clone, Debug)]
pub struct Chain {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
    room: Arc<Semaphore>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Chain {
    /// Opens the chain in the configured directory, or begins one, and starts making blocks.
    pub fn open(config: Config) -> Result<Self, OpenError> {
        if !config.mine_on_demand && config.block_interval.is_none() {
            return Err(OpenError::NeverMines);
        }
        if config.block_gas_limit < 21_000 {
            return Err(OpenError::BlockGasLimit(config.block_gas_limit));
        }
        let rules = Rules {
            chain_id: config.chain_id,
            block_gas_limit: config.block_gas_limit,
            beneficiary: config.beneficiary,
        };
        let mut loaded = Loaded::default();
        let mut journal = match &config.dir {
            Some(dir) => Some(loaded.read(dir)?),
            None => None,
        };
        if loaded.ledger.is_empty() {
            loaded.begin(rules, &config, journal.as_mut())?;
        } else if let Some(dir) = &config.dir {
            loaded.check_genesis(dir, &config)?;
        }
        let archive = journal.as_ref().map(|journal| Archive::open(journal.path())).transpose()?;
        let Loaded { ledger, pool } = loaded;
        let head = Head { block: ledger.head_number(), announced: ledger.announced_end() };
        let shared = Arc::new(Shared {
            ledger: RwLock::new(ledger),
            pool: RwLock::new(pool),
            filters: Mutex::default(),
            head: watch::Sender::new(head),
            rules,
            archive,
        });
        let (commands, receiver) = mpsc::channel();
        let schedule = Schedule {
            on_demand: config.mine_on_demand,
            interval: config.block_interval,
            clock: config.clock,
        };
        let producer = Producer::new(Arc::clone(&shared), receiver, journal, schedule);
        let thread = std::thread::Builder::new()
            .name("koinon-evm".to_owned())
            .spawn(move || producer.run())
            .map_err(OpenError::Thread)?;
        let thread = Mutex::new(Some(thread));
        let room = Arc::new(Semaphore::new(IN_FLIGHT));
        Ok(Self { inner: Arc::new(Inner { shared, commands, room, thread }) })
    }

    /// The chain id transactions must be signed for.
    pub fn chain_id(&self) -> u64 {
        self.inner.shared.rules.chain_id
    }

    /// Stops making blocks and releases the directory. Reading still works; submitting does not.
    ///
    /// Every answered request is durable already, so nothing is lost without it.
    pub fn close(&self) {
        self.inner.close();
    }

    pub(crate) fn shared(&self) -> &Shared {
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
        let room = Arc::clone(&self.inner.room);
        let place = room.acquire_owned().await.map_err(|_| SubmitError::Closed)?;
        let (sender, answer) = oneshot::channel();
        let reply = Reply { sender, _place: place };
        let sent = self.inner.commands.send(Command::Submit(tx, reply));
        sent.map_err(|_| SubmitError::Closed)?;
        Ok(answer)
    }
}

impl Inner {
    fn close(&self) {
        // The thread is gone already if the channel is closed.
        drop(self.commands.send(Command::Close));
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the chain's thread had panicked");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

/// The chain as it comes out of the log.
#[derive(Default)]
struct Loaded {
    ledger: Ledger,
    pool: Pool,
}

impl Loaded {
    fn read(&mut self, dir: &Path) -> Result<Journal, OpenError> {
        Journal::open(dir, |entry, place| {
            match entry {
                Entry::Block(entry) => {
                    let (block, diff) = *entry;
                    self.ledger
                        .check(&block, &diff)
                        .and_then(|()| {
                            self.ledger.apply(Arc::new(block), &diff, Some(place), place.len())
                        })
                        .map_err(|source| OpenError::Broken { path: dir.to_owned(), source })?;
                    for change in &diff.accounts {
                        self.pool.settle(change.address, change.nonce);
                    }
                }
                Entry::Pooled(tx) => self.wait(*tx),
                Entry::Dropped(hash) => self.pool.remove(hash),
            }
            Ok(())
        })
    }

    fn wait(&mut self, tx: Recovered<TxEnvelope>) {
        let account = self.ledger.state.account_now(tx.signer());
        let next = account.map_or(0, |account| account.nonce);
        if tx.nonce() < next {
            return;
        }
        let hash = *tx.tx_hash();
        if let Err(error) = self.pool.add(tx, next) {
            tracing::warn!(%hash, %error, "a waiting transaction was not taken up again");
        }
    }

    fn begin(
        &mut self,
        rules: Rules,
        config: &Config,
        journal: Option<&mut Journal>,
    ) -> Result<(), OpenError> {
        let (block, diff) = execute::genesis(rules, config.clock.now(), &config.accounts);
        let mut frame = Frame::default();
        let place = match journal {
            Some(journal) => {
                frame.add_block(&block, &diff);
                Some(journal.append(&frame)?)
            }
            None => None,
        };
        self.ledger
            .apply(Arc::new(block), &diff, place, frame.block_len())
            .expect("a genesis without code has no invalid code");
        Ok(())
    }

    fn check_genesis(&self, dir: &Path, config: &Config) -> Result<(), OpenError> {
        let path = || dir.to_owned();
        let Some(genesis) = &self.ledger.genesis else { return Ok(()) };
        if genesis.extra_data != execute::genesis_mark(config.chain_id) {
            let id = genesis.extra_data.last_chunk().map(|id| u64::from_be_bytes(*id));
            let have = id.map_or_else(|| genesis.extra_data.to_string(), |id| id.to_string());
            return Err(OpenError::ChainId { path: path(), have, want: config.chain_id });
        }
        let asked = crate::state::StateDiff::genesis(&config.accounts).commitment(B256::ZERO);
        if !config.accounts.is_empty() && asked != genesis.state_root {
            return Err(OpenError::Genesis(path()));
        }
        Ok(())
    }
}
