//! The settings a service is created with, and whether it still has them.

use alloy::primitives::Address;
use alloy::primitives::U256;
use koinon_model::Governance as GovernanceSettings;
use koinon_model::Service;

use crate::contracts::Contracts;
use crate::create::CreateSettings;
use crate::error::ChainError;
use crate::verify::Check;
use crate::verify::CheckResult;

impl CreateSettings {
    /// Wei of one stake unless chosen otherwise: a thousandth of a coin of 18 decimals.
    pub const DENOMINATION: U256 = U256::from_limbs([1_000_000_000_000_000, 0, 0, 0]);

    /// Returns the settings for a service, with the name and the governance it declares.
    pub fn for_service(service: &Service, denomination: U256, blobs: Option<Address>) -> Self {
        Self {
            name: service.name.clone(),
            governance: service.governance.clone(),
            denomination,
            blobs,
        }
    }
}

impl Contracts {
    /// Checks that the service is governed as its document declares; `None` if it has no document
    /// yet. A vote on the document does not alter the governor.
    ///
    /// # Errors
    /// [`ChainError::Rpc`] if the node cannot answer.
    pub async fn check_governance(
        &self,
        declared: Option<&GovernanceSettings>,
    ) -> Result<Check, ChainError> {
        let now = self.governance_settings().await?;
        let verdict = match declared {
            Some(declared) if *declared == now => CheckResult::Good,
            Some(declared) => {
                CheckResult::Bad(format!("{now:?}, but the document says {declared:?}"))
            }
            None => CheckResult::Known(format!("{now:?}; there is no document yet")),
        };
        Ok(Check { what: "settings of Governance".to_owned(), verdict })
    }
}
