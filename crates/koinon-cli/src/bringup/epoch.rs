//! The first epoch and its deal.

use koinon_command::Outcome;
use koinon_model::Epoch;

use super::Bringup;
use super::LocalOperator;
use super::POLL_INTERVAL;

impl Bringup {
    /// Begins the epochs; agents then open and deal them.
    pub(super) async fn deal(&mut self, operators: &[LocalOperator]) -> Outcome {
        let stage = self.ui.stage("epoch");
        let contracts = &operators[0].contracts;
        let mut gas = 0;
        if contracts.now().latest_epoch().await?.is_none() {
            // An operator can be drawn if it joined before the block of the draw.
            let joined = contracts.chain().block_number().await?;
            while contracts.chain().block_number().await? <= joined {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            gas += contracts.begin().await?.gas;
        }
        let epoch = loop {
            match contracts.now().current_epoch().await? {
                Some(epoch) if epoch.number > Epoch(0) => break epoch,
                Some(_) | None => tokio::time::sleep(POLL_INTERVAL).await,
            }
        };
        let beacon = operators.iter().find(|operator| operator.account == epoch.beacon);
        let what = format!(
            "{} proved by {}, {} units dealt",
            epoch.number,
            beacon.map_or("another operator", |operator| &operator.name),
            epoch.units
        );
        self.stages.push(stage.done(&what, Some(gas).filter(|gas| *gas > 0)));
        Ok(())
    }
}
