//! A service, step by step: created, governed, joined, dealt.

use alloy::primitives::U256;
use futures::future::try_join_all;
use koinon_chain::ChainError;
use koinon_chain::Contracts;
use koinon_chain::CreateSettings;
use koinon_chain::Proposal;
use koinon_chain::SentTransaction;
use koinon_chain::Vote;
use koinon_model::Content;
use koinon_model::ContentChange;
use koinon_model::Governance;
use koinon_model::Module;
use koinon_model::Name;
use koinon_model::Object;
use koinon_model::SetTemplate;
use koinon_model::Value;

use crate::actor::Actor;
use crate::net::TestNet;

/// A service on a [`TestNet`], with a founder whose stake decides every vote.
#[derive(Debug)]
pub struct TestService<'net> {
    net: &'net TestNet,
    /// Its creator.
    pub founder: Actor,
    /// Its contracts, with the founder's signature.
    pub contracts: Contracts,
}

impl TestNet {
    /// Returns the settings of test services.
    pub fn settings(&self, name: &str) -> CreateSettings {
        CreateSettings {
            name: name.to_owned(),
            governance: Governance {
                voting_delay: 1,
                voting_period: 6,
                timelock: TestService::TIMELOCK,
                quorum: 10,
                proposal_threshold: 1,
                unbonding: 5,
            },
            denomination: TestService::DENOMINATION,
            blobs: None,
        }
    }

    /// Creates a service; its founder, named after it, stakes.
    ///
    /// # Errors
    /// [`ChainError`] if the chain rejects a transaction.
    pub async fn create(&self, name: &str) -> Result<TestService<'_>, ChainError> {
        let founder = Actor::new(&format!("founder@{name}"));
        self.fund(founder.account(), 1000).await?;
        let chain = self.chain(Some(founder.signer.clone()));
        let contracts = Contracts::create(chain, &self.settings(name)).await?.contracts;
        contracts.deposit(1_000_000).await?;
        // A proposer must have staked before the newest block.
        self.pass_blocks(1).await?;
        Ok(TestService { net: self, founder, contracts })
    }
}

impl<'net> TestService<'net> {
    /// Wei of one stake.
    pub const DENOMINATION: U256 = U256::from_limbs([1_000_000_000_000, 0, 0, 0]);
    /// Seconds between a vote won and its execution.
    pub const TIMELOCK: u64 = 60;

    /// Returns the chain it is on.
    pub fn net(&self) -> &'net TestNet {
        self.net
    }

    /// Returns its contracts with the signature of an actor.
    pub fn signed_by(&self, actor: &Actor) -> Contracts {
        self.contracts.with_chain(self.net.chain(Some(actor.signer.clone())))
    }

    /// Proposes a change and has the founder vote for it, until it can be executed.
    ///
    /// # Errors
    /// [`ChainError`] if a contract rejects a call.
    pub async fn pass_proposal(
        &self,
        change: &ContentChange,
        description: &str,
    ) -> Result<Proposal, ChainError> {
        let (proposal, _) = self.contracts.propose(change, description).await?;
        self.pass_vote(&proposal).await?;
        self.net.pass_seconds(Self::TIMELOCK).await?;
        Ok(proposal)
    }

    /// Has the founder vote for a proposal, and queues it.
    ///
    /// # Errors
    /// [`ChainError`] if a contract rejects a call.
    pub async fn pass_vote(&self, proposal: &Proposal) -> Result<(), ChainError> {
        self.net.pass_until(proposal.vote_start + 1).await?;
        self.contracts.vote(proposal.id, Vote::For).await?;
        self.net.pass_until(proposal.vote_end + 1).await?;
        self.contracts.queue(proposal).await?;
        Ok(())
    }

    /// Turns its content into `content` by vote.
    ///
    /// # Errors
    /// [`ChainError`] if a contract rejects a call.
    pub async fn revise(&self, content: &Content) -> Result<SentTransaction, ChainError> {
        let change = self.contracts.now().content().await?.change_to(content);
        self.contracts.publish(content.objects.values()).await?;
        let revision = self.contracts.now().revision().await?;
        let proposal = self.pass_proposal(&change, &format!("after revision {revision}")).await?;
        self.contracts.execute(&proposal).await
    }

    /// Funds and stakes operators.
    ///
    /// # Errors
    /// [`ChainError`] if a contract rejects a call.
    pub async fn stake(&self, operators: &[(&Actor, u64)]) -> Result<(), ChainError> {
        for (actor, _) in operators {
            self.net.fund(actor.account(), 10).await?;
        }
        try_join_all(
            operators
                .iter()
                .map(async |(actor, stake)| self.signed_by(actor).deposit(*stake).await),
        )
        .await?;
        Ok(())
    }

    /// Funds and stakes operators, and lets them join.
    ///
    /// # Errors
    /// [`ChainError`] if a contract rejects a call.
    pub async fn join(&self, operators: &[(&Actor, u64)]) -> Result<(), ChainError> {
        self.stake(operators).await?;
        let joined = operators
            .iter()
            .map(async |(actor, _)| self.signed_by(actor).join(actor.application()).await);
        try_join_all(joined).await?;
        Ok(())
    }

    /// Opens the next epoch as its beacon, at the first block possible; begins the epochs before
    /// the first.
    ///
    /// # Errors
    /// [`ChainError`] if a contract rejects a call.
    ///
    /// # Panics
    /// If the beacon is not one of `operators`.
    pub async fn open_epoch(&self, operators: &[Actor]) -> Result<SentTransaction, ChainError> {
        if self.contracts.now().latest_epoch().await?.is_none() {
            // The first beacon must have joined before the block that draws it.
            self.net.pass_blocks(1).await?;
            self.contracts.begin().await?;
        }
        let beacon = self.contracts.now().next_beacon().await?;
        self.net.pass_until(beacon.opens_at).await?;
        let operator = operators.iter().find(|actor| actor.account() == beacon.operator);
        let operator = operator.expect("BUG: the beacon is one of the operators");
        self.signed_by(operator).open_epoch(&beacon, &operator.beacon).await
    }

    /// Opens the next epoch and deals it.
    ///
    /// # Errors
    /// [`ChainError`] if a contract rejects a call.
    pub async fn deal_epoch(
        &self,
        operators: &[Actor],
    ) -> Result<Vec<SentTransaction>, ChainError> {
        self.open_epoch(operators).await?;
        self.contracts.deal().await
    }
}

/// Returns a content that lets operators join and epochs be dealt, with node sets by name, number
/// of groups and places per group.
///
/// # Panics
/// If a name is not valid for contracts.
pub fn content(sets: &[(&str, i64, i64)]) -> Content {
    let name = |text: &str| text.parse::<Name>().expect("BUG: the names of a test are valid");
    let mut parameters =
        [("stake_threshold", 10), ("max_operator_number", 1000), ("epoch_interval", 10)]
            .map(|(parameter, value)| (name(parameter), value))
            .to_vec();
    let mut templates = Vec::new();
    for (set, groups, size) in sets {
        let (group_count, place_count) = (format!("{set}_groups"), format!("{set}_size"));
        parameters.extend([(name(&group_count), *groups), (name(&place_count), *size)]);
        templates.push(SetTemplate {
            name: name(set),
            groups: name(&group_count),
            size: name(&place_count),
        });
    }
    let objects = Module::ALL.map(|module| {
        let value = Value::from([("of", Value::from(module.as_str())), ("version", 1.into())]);
        ((module, format!("{module}/first")), Object::new(value))
    });
    Content {
        objects: objects.into(),
        parameters: parameters.into_iter().collect(),
        sets: templates,
        ..Content::default()
    }
}
