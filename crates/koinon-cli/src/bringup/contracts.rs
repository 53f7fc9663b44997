//! The contracts of the service, with the signer of each operator.

use koinon_chain::Chain;
use koinon_chain::Contracts;
use koinon_chain::CreateSettings;
use koinon_command::Outcome;
use koinon_model::Service;

use super::Bringup;
use super::LocalOperator;

impl Bringup {
    pub(super) async fn create(&mut self, service: &Service) -> Outcome<Contracts> {
        if let Some(core) = self.record.service {
            let chain = Chain::connect(&self.record.endpoints(), None).await?;
            return Ok(Contracts::open(chain, core).await?);
        }
        let stage = self.ui.stage("contracts");
        let first = self
            .record
            .operators
            .first()
            .expect("BUG: a service without operators failed to compile");
        let signer = self.local.keys(first).signer()?;
        let account = self.record.account(signer)?;
        let chain = Chain::connect(&self.record.endpoints(), Some(account)).await?;
        let settings = CreateSettings::for_service(service, CreateSettings::DENOMINATION, None);
        let created = Contracts::create(chain, &settings).await?;
        self.record.service = Some(created.contracts.core);
        self.local.write(&self.record)?;
        self.stages
            .push(stage.done(&format!("service {}", created.contracts.core), Some(created.gas)));
        Ok(created.contracts)
    }

    pub(super) async fn operators(
        &self,
        service: &Service,
        contracts: &Contracts,
    ) -> Outcome<Vec<LocalOperator>> {
        let mut operators = Vec::new();
        for (template, operator) in &service.operators {
            let keys = self.local.keys(template);
            let signer = keys.signer()?;
            let account = signer.address();
            let signing = self.record.account(signer)?;
            let chain = Chain::connect(&self.record.endpoints(), Some(signing)).await?;
            operators.push(LocalOperator {
                template: template.clone(),
                name: operator.name.clone(),
                stake: operator.stake,
                keys,
                account,
                contracts: contracts.with_chain(chain),
            });
        }
        Ok(operators)
    }
}
