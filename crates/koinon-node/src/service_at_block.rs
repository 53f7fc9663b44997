//! From the chain to the nodes that should run: export, compile, allocate, instantiate.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use koinon_chain::ChainError;
use koinon_chain::Contracts;
use koinon_chain::Head;
use koinon_model::Allocation;
use koinon_model::Instance;
use koinon_model::Service;
use koinon_tosca::Diagnostics;
use koinon_tosca::ServiceOpenError;
use thiserror::Error;

/// A service as of one block, compiled and with its slots filled in.
#[derive(Clone, Debug)]
pub struct ServiceAtBlock {
    /// The block, with the revision and epoch at it.
    pub head: Head,
    /// The compiled service.
    pub service: Service,
    /// The operators of the slots; `None` before the first deal.
    pub allocation: Option<Allocation>,
    /// The nodes that should run; none before the first deal.
    pub instance: Instance,
}

/// Why a service on chain cannot be run.
#[derive(Debug, Error)]
pub enum ServiceAtBlockError {
    /// The service cannot be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The objects on chain do not give a valid service, or they differ from the facts that
    /// contracts read.
    #[error("the service on chain cannot be run")]
    Open(#[from] ServiceOpenError),
    /// The allocation is not for this service, an operator has no name, or a value cannot be
    /// evaluated.
    #[error("the service's nodes cannot be instantiated")]
    Instantiate(#[from] Diagnostics),
}

/// An allocation, with the names of its operators by account.
type NamedAllocation = (Allocation, BTreeMap<Address, String>);

impl ServiceAtBlock {
    /// Reads a service, pinned at the block of `head`; `None` before its first revision.
    ///
    /// # Errors
    /// [`ServiceAtBlockError::Chain`] if the chain fails; otherwise the service on chain cannot be
    /// run, and reading it again gives the same error.
    pub async fn read(
        contracts: &Contracts,
        head: Head,
    ) -> Result<Option<Self>, ServiceAtBlockError> {
        if head.revision.0 == 0 {
            return Ok(None);
        }
        let view = contracts.at(head.block);
        let content = view.content().await?;
        let service = koinon_tosca::open(&content)?;
        let allocation = match view.allocation().await? {
            Some(allocation) => {
                let names = view.names(&allocation).await?;
                Some((allocation, names))
            }
            None => None,
        };
        Ok(Some(Self::instantiate(head, service, allocation)?))
    }

    fn instantiate(
        head: Head,
        service: Service,
        allocation: Option<NamedAllocation>,
    ) -> Result<Self, ServiceAtBlockError> {
        let Some((allocation, names)) = allocation else {
            let instance = Instance {
                service: service.name.clone(),
                revision: head.revision,
                ..Instance::default()
            };
            return Ok(Self { head, service, allocation: None, instance });
        };
        let instance =
            koinon_tosca::instantiate(&service, &allocation, &names, head.revision, head.epoch)?;
        Ok(Self { head, service, allocation: Some(allocation), instance })
    }
}

#[cfg(test)]
mod tests {
    use alloy::providers::mock::Asserter;
    use alloy_primitives::B256;
    use koinon_model::Content;
    use koinon_model::NodeSet;

    use super::*;
    use crate::fixtures::contracts;
    use crate::fixtures::head;
    use crate::fixtures::messages;

    /// A service without node sets.
    const TEMPLATE: &str = "
tosca_definitions_version: tosca_2_0
metadata: { template_name: dapp }
imports: [ { profile: org.koinon:1.0 } ]
node_types:
  First: {}
service_template:
  node_templates:
    first: { type: First }
  policies:
  - governance:
      type: Governance
      properties:
        voting_delay: 0
        voting_period: 1
        timelock: 0
        quorum: 50
        proposal_threshold: 0
        unbonding: 1
";

    fn service() -> Service {
        let files = BTreeMap::from([("service.yaml".to_owned(), TEMPLATE.to_owned())]);
        koinon_tosca::compile(&files, "service.yaml", &BTreeMap::new()).unwrap()
    }

    fn allocation(sets: Vec<NodeSet>) -> NamedAllocation {
        (Allocation::deal(B256::ZERO, Vec::new(), sets).unwrap(), BTreeMap::new())
    }

    #[tokio::test]
    async fn a_service_without_a_revision_is_not_read() {
        let contracts = contracts(&Asserter::new(), None).await;
        assert!(ServiceAtBlock::read(&contracts, head(0, 0)).await.unwrap().is_none());
    }

    #[test]
    fn a_service_has_nodes_only_after_the_first_deal() {
        let before = ServiceAtBlock::instantiate(head(3, 0), service(), None).unwrap();
        assert_eq!(before.head, head(3, 0));
        assert_eq!(before.allocation, None);
        let name = service().name;
        let expected =
            Instance { service: name, revision: head(3, 0).revision, ..Instance::default() };
        assert_eq!(before.instance, expected);

        let dealt = allocation(Vec::new());
        let after = ServiceAtBlock::instantiate(head(3, 2), service(), Some(dealt.clone()));
        let after = after.unwrap();
        assert_eq!(after.allocation, Some(dealt.0));
        assert_eq!((after.instance.revision, after.instance.epoch), {
            (head(3, 2).revision, head(3, 2).epoch)
        });
    }

    /// Lists the variants: a new one does not compile until it has a name here, and a case below.
    fn variant(error: &ServiceAtBlockError) -> &'static str {
        match error {
            ServiceAtBlockError::Chain(_) => "Chain",
            ServiceAtBlockError::Open(_) => "Open",
            ServiceAtBlockError::Instantiate(_) => "Instantiate",
        }
    }

    #[tokio::test]
    async fn every_error_is_reached() {
        let check = |error: &ServiceAtBlockError, name: &str, expected: &str| {
            assert_eq!(variant(error), name);
            assert_eq!(messages(error)[0], expected);
        };
        // A chain that answers nothing more.
        let contracts = contracts(&Asserter::new(), None).await;
        let error = ServiceAtBlock::read(&contracts, head(1, 0)).await.unwrap_err();
        let ServiceAtBlockError::Chain(cause) = &error else { panic!("{error:?}") };
        assert!(cause.is_unreachable());
        check(&error, "Chain", &cause.to_string());

        let error = koinon_tosca::open(&Content::default()).unwrap_err();
        check(&error.into(), "Open", "the service on chain cannot be run");

        let foreign = NodeSet { name: "worker".parse().unwrap(), groups: 1, size: 1 };
        let dealt = Some(allocation(vec![foreign]));
        let error = ServiceAtBlock::instantiate(head(1, 1), service(), dealt).unwrap_err();
        check(&error, "Instantiate", "the service's nodes cannot be instantiated");
        let causes = messages(&error)[1..].concat();
        assert!(causes.contains("1 x 1 nodes of `worker`"), "{causes}");
    }
}
