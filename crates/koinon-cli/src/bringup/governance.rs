//! The first revision of the service: proposed, voted for and executed.

use futures::future::try_join_all;
use koinon_chain::Contracts;
use koinon_chain::Draft;
use koinon_chain::Proposal;
use koinon_chain::ProposalState;
use koinon_chain::Proposed;
use koinon_chain::Vote;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_model::Service;

use super::Bringup;
use super::LocalOperator;
use super::POLL_INTERVAL;
use crate::on_chain::ServiceOnChain;
use crate::on_chain::read_service_on_chain;
use crate::proposal::WaitForVote;
use crate::proposal::execute_proposal;

impl Bringup {
    /// Proposes the service's first revision, votes for it and executes it.
    pub(super) async fn govern(
        &mut self,
        service: &Service,
        operators: &[LocalOperator],
    ) -> Outcome {
        let contracts = &operators[0].contracts;
        let on_chain = read_service_on_chain(self.ui, contracts).await?;
        let ServiceOnChain { head, content, service: running } = on_chain;
        let draft = Draft::new(head, content, koinon_tosca::split(service))?;
        if running.is_some() {
            if !draft.change.is_empty() {
                self.ui.say(&format!(
                    "the template differs from revision {}, which runs: see `koinon diff`, then `koinon propose`",
                    head.revision
                ));
            }
            return Ok(());
        }
        let proposal = self.propose(contracts, &draft).await?;
        self.vote(&proposal, operators).await?;
        let stage = self.ui.stage("execute");
        let gas = execute_proposal(contracts, &proposal, WaitForVote::Yes).await?;
        let revision = contracts.now().revision().await?;
        self.stages.push(stage.done(&format!("timelock passed, revision {revision}"), Some(gas)));
        Ok(())
    }

    /// Returns the open proposal of the draft, or a new one. Proposals of other changes are not
    /// voted on.
    async fn propose(&mut self, contracts: &Contracts, draft: &Draft) -> Outcome<Proposal> {
        let stage = self.ui.stage("propose");
        let Proposed { proposal, gas } = match contracts.open_proposal(&draft.change).await? {
            Some(proposal) => Proposed { proposal, gas: 0 },
            None => contracts.propose_change(draft, "").await?,
        };
        let (objects, parameters) = (draft.change.edits.len(), draft.change.parameters.len());
        self.stages
            .push(stage.done(&format!("{objects} objects, {parameters} parameters"), Some(gas)));
        Ok(proposal)
    }

    /// Votes for the proposal as every operator, and waits for the end of the vote.
    async fn vote(&mut self, proposal: &Proposal, operators: &[LocalOperator]) -> Outcome {
        let stage = self.ui.stage("vote");
        let contracts = &operators[0].contracts;
        while contracts.proposal_state(proposal.id).await? == ProposalState::Pending {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        let votes = try_join_all(operators.iter().map(async |operator| {
            let active = contracts.proposal_state(proposal.id).await? == ProposalState::Active;
            if !active || contracts.has_voted(proposal.id, operator.account).await? {
                return Ok::<_, CommandError>(0);
            }
            Ok(operator.contracts.vote(proposal.id, Vote::For).await?.gas)
        }));
        let gas: u64 = votes.await?.into_iter().sum();
        while contracts.proposal_state(proposal.id).await? == ProposalState::Active {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        let favour = contracts.proposal_votes(proposal.id).await?.in_favor;
        self.stages.push(stage.done(&format!("{favour} stake for it"), Some(gas)));
        Ok(())
    }
}
