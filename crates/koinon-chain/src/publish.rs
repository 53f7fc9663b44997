//! Publishing: storing the values of a change's objects before it is proposed.

use std::collections::BTreeMap;

use alloy::primitives::B256;
use alloy::primitives::Bytes;
use futures::future::try_join_all;
use koinon_model::ContentChange;
use koinon_model::Object;

use crate::client::Chain;
use crate::contracts::Contracts;
use crate::error::ChainError;
use crate::proposal::gas_margin;
use crate::send::Pipeline;
use crate::send::SentTransaction;

impl Contracts {
    /// Gas that the values of one transaction may cost; a transaction has 16,777,216 gas at most
    /// (EIP-7825).
    const PUBLISH_GAS: usize = 13_000_000;
    /// Gas per byte of a value; about 200 were measured.
    const GAS_PER_BYTE: usize = 240;
    /// Gas per value besides its bytes; about 60,000 were measured.
    const GAS_PER_VALUE: usize = 70_000;

    /// Publishes the objects that the store of values lacks, in as few transactions as gas allows.
    ///
    /// # Errors
    /// As [`Chain::transfer`](crate::Chain::transfer); `BlobsTooLarge` for an object over
    /// [`Object::MAX_BYTES`].
    pub async fn publish(
        &self,
        objects: impl IntoIterator<Item = &Object>,
    ) -> Result<Vec<SentTransaction>, ChainError> {
        let mut pipeline = self.chain().pipeline();
        self.publish_in(&mut pipeline, objects).await?;
        Ok(pipeline.finish().await?.into_iter().map(|(sent, _)| sent).collect())
    }

    /// Publishes the objects of a change and applies it, without waiting in between; the update is
    /// the last transaction.
    ///
    /// # Errors
    /// As [`Contracts::publish`] and [`Contracts::update`].
    pub async fn publish_and_update(
        &self,
        objects: impl IntoIterator<Item = &Object>,
        change: &ContentChange,
    ) -> Result<Vec<SentTransaction>, ChainError> {
        let mut pipeline = self.chain().pipeline();
        self.publish_in(&mut pipeline, objects).await?;
        let (request, margin) = (self.update_request(change), gas_margin(change));
        pipeline.send("update the service", request, margin).await?;
        Ok(pipeline.finish().await?.into_iter().map(|(sent, _)| sent).collect())
    }

    /// Sends what publishes the objects that the store of values lacks.
    pub(crate) async fn publish_in(
        &self,
        pipeline: &mut Pipeline<'_>,
        objects: impl IntoIterator<Item = &Object>,
    ) -> Result<(), ChainError> {
        let distinct: BTreeMap<B256, &Object> =
            objects.into_iter().map(|object| (object.blob(), object)).collect();
        let known = try_join_all(distinct.keys().map(|hash| self.has_blob(*hash))).await?;
        let missing =
            distinct.values().zip(known).filter(|(_, known)| !known).map(|(object, _)| *object);
        for batch in Self::batches(missing) {
            let request = self.blobs().putMany(batch).into_transaction_request();
            pipeline.send("publish objects", request, Chain::GAS_MARGIN).await?;
        }
        Ok(())
    }

    /// Divides objects among transactions, in order.
    fn batches<'a>(objects: impl Iterator<Item = &'a Object>) -> Vec<Vec<Bytes>> {
        let mut batches: Vec<Vec<Bytes>> = Vec::new();
        let mut gas_left = 0;
        for object in objects {
            let cost = Self::GAS_PER_VALUE + Self::GAS_PER_BYTE * object.bytes().len();
            if cost > gas_left {
                batches.push(Vec::new());
                gas_left = Self::PUBLISH_GAS;
            }
            gas_left = gas_left.saturating_sub(cost);
            let batch = batches.last_mut().expect("BUG: the first object opens a batch");
            batch.push(object.bytes().as_bytes().to_vec().into());
        }
        batches
    }

    async fn has_blob(&self, hash: B256) -> Result<bool, ChainError> {
        self.blobs()
            .has(hash)
            .call()
            .await
            .map_err(|error| ChainError::call("look for a published object", error))
    }
}
