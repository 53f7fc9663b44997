//! The stakes of the operators and their applications to join.

use futures::future::try_join_all;
use koinon_chain::JoinApplication;
use koinon_command::CommandError;
use koinon_command::Outcome;

use super::Bringup;
use super::LocalOperator;

impl Bringup {
    pub(super) async fn stake(&mut self, operators: &[LocalOperator]) -> Outcome {
        let stage = self.ui.stage("stake");
        let staked = try_join_all(operators.iter().map(async |operator| {
            let has = operator.contracts.now().stake_of(operator.account).await?;
            if has > 0 {
                return Ok::<_, CommandError>(0);
            }
            Ok(operator.contracts.deposit(operator.stake).await?.gas)
        }));
        let gas: u64 = staked.await?.into_iter().sum();
        if gas > 0 {
            let total: u64 = operators.iter().map(|operator| operator.stake).sum();
            self.stages
                .push(stage.done(&format!("{total} by {} operators", operators.len()), Some(gas)));
        }
        Ok(())
    }

    pub(super) async fn join(&mut self, operators: &[LocalOperator]) -> Outcome {
        let stage = self.ui.stage("join");
        let joined = try_join_all(operators.iter().map(async |operator| {
            let known = operator.contracts.now().operator(operator.account).await?;
            // An operator that left on purpose does not join again.
            if !known.account.is_zero() {
                return Ok::<_, CommandError>(0);
            }
            let (certificate, key) =
                (operator.keys.certificate()?, operator.keys.certificate_key()?);
            let joining = JoinApplication {
                name: &operator.name,
                certificate: &certificate,
                key: &key,
                beacon: operator.keys.beacon()?.public(),
            };
            Ok(operator.contracts.join(joining).await?.gas)
        }));
        let gas: u64 = joined.await?.into_iter().sum();
        if gas > 0 {
            let names: Vec<&str> =
                operators.iter().map(|operator| operator.name.as_str()).collect();
            self.stages.push(stage.done(&names.join(", "), Some(gas)));
        }
        Ok(())
    }
}
