//! The thread that makes blocks: the only writer of the ledger, the pool and the log.
//!
//! Commits are grouped by nature: while one block is being synced, the submissions that arrive
//! wait together for the next. A submission that finds the thread idle is mined at once; only
//! when more than one was waiting does the thread linger a little for the rest of the burst.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;
use std::time::Instant;

use alloy::consensus::Transaction as _;
use alloy::consensus::TxEnvelope;
use alloy::consensus::transaction::Recovered;
use alloy_primitives::B256;
use alloy_primitives::map::HashMap;
use revm::context_interface::result::InvalidTransaction;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::oneshot;

use crate::block::Block;
use crate::config::Clock;
use crate::execute;
use crate::execute::BlockBuilder;
use crate::journal::Journal;
use crate::journal::JournalFrame;
use crate::pool;
use crate::pool::TxError;
use crate::shared::ChainHead;
use crate::shared::SharedChain;
use crate::state::StateDiff;
use crate::trie::StateTries;

/// The most submissions in one commit.
const MAX_GROUP: usize = 256;
/// The longest time for a group to gather.
const GATHER_TIME: Duration = Duration::from_millis(3);
/// A pause this long within a burst ends the gathering.
const GATHER_PAUSE: Duration = Duration::from_micros(100);

/// Why a submission was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SubmitError {
    /// The transaction itself is at fault.
    #[error(transparent)]
    Tx(#[from] TxError),
    /// The chain was closed.
    #[error("the chain is closed")]
    Closed,
    /// The log cannot be written; the chain must be opened anew.
    #[error("the chain's log cannot be written: {0}")]
    Storage(String),
}

/// Where to answer a submission; holds its permit until then.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) sender: oneshot::Sender<Result<B256, SubmitError>>,
    pub(crate) _place: OwnedSemaphorePermit,
}

/// A request to the producer.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "all commands but the last one are submissions")]
pub(crate) enum ProducerCommand {
    Submit(Recovered<TxEnvelope>, Reply),
    Close,
}

/// When blocks are made.
#[derive(Debug)]
pub(crate) struct Schedule {
    pub(crate) on_demand: bool,
    pub(crate) interval: Option<Duration>,
    pub(crate) clock: Clock,
}

/// State of the producer thread.
#[derive(Debug)]
pub(crate) struct Producer {
    shared: Arc<SharedChain>,
    /// Those of the newest block that was built, published or not.
    tries: StateTries,
    commands: Receiver<ProducerCommand>,
    journal: Option<Journal>,
    schedule: Schedule,
    due: Option<Instant>,
    /// Senders of transactions that are answered when their block is durable.
    waiters: HashMap<B256, Reply>,
    broken: Option<SubmitError>,
}

/// A block ready to be written, and the transactions that failed to enter it.
struct BuiltBlock {
    block: Option<(Arc<Block>, StateDiff)>,
    failed: Vec<(B256, InvalidTransaction)>,
}

impl Producer {
    pub(crate) fn new(
        shared: Arc<SharedChain>,
        tries: StateTries,
        commands: Receiver<ProducerCommand>,
        journal: Option<Journal>,
        schedule: Schedule,
    ) -> Self {
        let due = schedule.interval.map(|interval| Instant::now() + interval);
        let waiters = HashMap::default();
        Self { shared, tries, commands, journal, schedule, due, waiters, broken: None }
    }

    /// Makes blocks until the chain is closed.
    pub(crate) fn run(mut self) {
        // Transactions restored from the log may be able to run at once.
        self.drain();
        loop {
            let mut group = Vec::new();
            let closing = match self.next() {
                Ok(ProducerCommand::Submit(tx, reply)) => {
                    group.push((tx, reply));
                    self.gather(&mut group)
                }
                Ok(ProducerCommand::Close) | Err(RecvTimeoutError::Disconnected) => true,
                Err(RecvTimeoutError::Timeout) => false,
            };
            self.commit(group);
            self.drain();
            if closing {
                return;
            }
        }
    }

    fn next(&self) -> Result<ProducerCommand, RecvTimeoutError> {
        match self.due {
            Some(due) => self.commands.recv_timeout(due.saturating_duration_since(Instant::now())),
            None => self.commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    /// Adds the waiting submissions to a group; returns whether the chain is to be closed.
    fn gather(&self, group: &mut Vec<(Recovered<TxEnvelope>, Reply)>) -> bool {
        let deadline = Instant::now() + GATHER_TIME;
        while group.len() < MAX_GROUP {
            let command = match self.commands.try_recv() {
                Ok(command) => command,
                Err(_) if group.len() == 1 || Instant::now() >= deadline => return false,
                Err(_) => match self.commands.recv_timeout(GATHER_PAUSE) {
                    Ok(command) => command,
                    Err(_) => return false,
                },
            };
            match command {
                ProducerCommand::Submit(tx, reply) => group.push((tx, reply)),
                ProducerCommand::Close => return true,
            }
        }
        false
    }

    /// Makes blocks while transactions are left that did not fit into the block before.
    fn drain(&mut self) {
        while self.schedule.on_demand
            && self.broken.is_none()
            && self.shared.pool.read().has_ready()
        {
            self.commit(Vec::new());
        }
    }

    /// Admits a group, makes a block if one is due, writes both in one frame, and only then
    /// publishes and answers.
    fn commit(&mut self, group: Vec<(Recovered<TxEnvelope>, Reply)>) {
        let mut frame = JournalFrame::default();
        let mut accepted = Vec::new();
        let mut acks = Vec::new();
        for (tx, reply) in group {
            let hash = *tx.tx_hash();
            match self.admit(tx, &mut frame) {
                Ok(runs) => {
                    accepted.push(hash);
                    if runs {
                        self.waiters.insert(hash, reply);
                    } else {
                        acks.push((hash, reply));
                    }
                }
                Err(error) => answer(reply, Err(error)),
            }
        }
        let due = self.due.is_some_and(|due| due <= Instant::now());
        let mine = due || self.schedule.on_demand && self.shared.pool.read().has_ready();
        let built = if mine && self.broken.is_none() {
            self.build(due)
        } else {
            BuiltBlock { block: None, failed: Vec::new() }
        };
        let refused = self.drop_failed(built.failed, &mut frame, &mut acks);
        if let (Some((block, diff)), Some(_)) = (&built.block, &self.journal) {
            frame.add_block(block, diff);
        }
        let place = match self.write(&frame) {
            Ok(place) => place,
            Err(error) => return self.fail(error, acks, refused),
        };
        self.publish(built.block.as_ref(), place, frame.block_len(), &accepted);
        for (hash, reply) in acks {
            answer(reply, Ok(hash));
        }
        for (reply, error) in refused {
            answer(reply, Err(error.into()));
        }
        if let Some((block, _)) = built.block {
            for tx in &block.txs {
                if let Some(reply) = self.waiters.remove(tx.tx_hash()) {
                    answer(reply, Ok(*tx.tx_hash()));
                }
            }
        }
    }

    /// Puts a transaction in the pool; returns whether it is answered with its block. Otherwise it
    /// is in the frame.
    fn admit(
        &mut self,
        tx: Recovered<TxEnvelope>,
        frame: &mut JournalFrame,
    ) -> Result<bool, SubmitError> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        let (sender, nonce) = (tx.signer(), tx.nonce());
        let next = {
            let ledger = self.shared.ledger.read();
            pool::check(&tx, &self.shared.rules, &ledger.state)?;
            ledger.state.account_now(sender).map_or(0, |account| account.nonce)
        };
        let mut pool = self.shared.pool.write();
        let replaced = pool.add(tx.clone(), next)?;
        let runs = self.schedule.on_demand && pool.can_run(sender, next, nonce);
        drop(pool);
        if let Some(reply) = replaced.and_then(|hash| self.waiters.remove(&hash)) {
            answer(reply, Err(TxError::Replaced.into()));
        }
        if !runs {
            frame.add_pooled(&tx);
        }
        Ok(runs)
    }

    /// Fills a block from the pool; `even_empty` if one is due anyway.
    fn build(&mut self, even_empty: bool) -> BuiltBlock {
        let ledger = self.shared.ledger.read();
        let pool = self.shared.pool.read();
        let mut builder = BlockBuilder::new(&ledger, self.shared.rules, self.schedule.clock.now());
        let mut failed = Vec::new();
        let mut queue = pool.ready();
        let mut included = 0;
        while let Some((_, (sender, nonce))) = queue.pop_first() {
            let Some(waiting) = pool.get(sender, nonce) else { continue };
            if waiting.tx.gas_limit() > self.shared.rules.block_gas_limit {
                // The chain was closed while it waited, and opened again with a smaller limit.
                let hash = *waiting.tx.tx_hash();
                failed.push((hash, InvalidTransaction::CallerGasLimitMoreThanBlock));
                continue;
            }
            if !builder.has_room_for(waiting.tx.gas_limit()) {
                break;
            }
            match builder.push(&waiting.tx) {
                Ok(()) => {
                    included += 1;
                    if let Some(next) = pool.get(sender, nonce + 1) {
                        queue.insert(next.order(), (sender, nonce + 1));
                    }
                }
                Err(error) => failed.push((*waiting.tx.tx_hash(), execute::invalid(error))),
            }
        }
        let tries = &mut self.tries;
        let block = (included > 0 || even_empty).then(|| {
            let (block, diff) = builder.finish(tries);
            (Arc::new(block), diff)
        });
        BuiltBlock { block, failed }
    }

    /// Removes transactions from the pool that could not run, except acknowledged ones that only
    /// lack funds: these wait for their sender's account to change. Later transactions of the same
    /// senders are acknowledged as waiting instead of as mined.
    fn drop_failed(
        &mut self,
        failed: Vec<(B256, InvalidTransaction)>,
        frame: &mut JournalFrame,
        acks: &mut Vec<(B256, Reply)>,
    ) -> Vec<(Reply, TxError)> {
        let mut pool = self.shared.pool.write();
        let mut refused = Vec::new();
        for (hash, reason) in failed {
            for behind in pool.behind(hash) {
                let hash = *behind.tx_hash();
                if let Some(reply) = self.waiters.remove(&hash) {
                    frame.add_pooled(behind);
                    acks.push((hash, reply));
                }
            }
            match self.waiters.remove(&hash) {
                Some(reply) => {
                    pool.remove(hash);
                    refused.push((reply, reason.into()));
                }
                None if matches!(reason, InvalidTransaction::LackOfFundForMaxFee { .. }) => {
                    pool.park(hash);
                }
                None => {
                    tracing::warn!(%hash, %reason, "a waiting transaction can no longer run");
                    pool.remove(hash);
                    frame.add_dropped(hash);
                }
            }
        }
        refused
    }

    fn write(
        &mut self,
        frame: &JournalFrame,
    ) -> Result<Option<crate::journal::BlockLocation>, SubmitError> {
        let Some(journal) = self.journal.as_mut().filter(|_| !frame.is_empty()) else {
            return Ok(None);
        };
        match journal.append(frame) {
            Ok(place) => Ok(Some(place)),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
                let text = format!("{error}{}", cause.unwrap_or_default());
                tracing::error!(error = %text, "the chain stops");
                Err(SubmitError::Storage(text))
            }
        }
    }

    /// Rejects every later submission: the state of the log's tail is unknown.
    fn fail(
        &mut self,
        error: SubmitError,
        acks: Vec<(B256, Reply)>,
        refused: Vec<(Reply, TxError)>,
    ) {
        self.due = None;
        let waiters = std::mem::take(&mut self.waiters).into_values();
        let acks = acks.into_iter().map(|(_, reply)| reply);
        for reply in waiters.chain(acks).chain(refused.into_iter().map(|(reply, _)| reply)) {
            answer(reply, Err(error.clone()));
        }
        self.shared.failure.send_replace(Some(error.to_string()));
        self.broken = Some(error);
    }

    /// Makes a durable commit visible.
    fn publish(
        &mut self,
        built: Option<&(Arc<Block>, StateDiff)>,
        place: Option<crate::journal::BlockLocation>,
        len: usize,
        accepted: &[B256],
    ) {
        let mut ledger = self.shared.ledger.write();
        for hash in accepted {
            ledger.announce(*hash);
        }
        if let Some((block, diff)) = built {
            ledger
                .apply(Arc::clone(block), diff, place, len)
                .expect("BUG: code that revm deployed is valid bytecode");
            let mut pool = self.shared.pool.write();
            for change in &diff.accounts {
                pool.settle(change.address, change.nonce);
            }
            drop(pool);
            self.due = self.schedule.interval.map(|interval| Instant::now() + interval);
        }
        let head = ChainHead { block: ledger.head_number(), announced: ledger.announced_end() };
        drop(ledger);
        self.shared.head.send_replace(head);
    }
}

/// Answers a submitter, who may be gone.
fn answer(reply: Reply, result: Result<B256, SubmitError>) {
    drop(reply.sender.send(result));
}
