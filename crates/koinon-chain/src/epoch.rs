//! Epochs: the beacon's proof, the deal, the allocation.

use alloy::primitives::Address;
use alloy::primitives::B256;
use alloy::primitives::Bytes;
use alloy::primitives::U256;
use koinon_bindings::Mapper;
use koinon_bindings::Mapper::MapperErrors;
use koinon_model::Allocation;
use koinon_model::DealMember;
use koinon_model::Epoch;
use koinon_model::NodeSet;
use koinon_model::SetTemplate;
use koinon_model::Slot;
use koinon_trust::BeaconKey;
use koinon_trust::BeaconPublicKey;
use koinon_trust::Proof;
use serde::Serialize;

use crate::contracts::Contracts;
use crate::contracts::View;
use crate::error::ChainError;
use crate::revert::Revert;
use crate::send::SentTransaction;
use crate::wire::WireError;

/// An epoch in the contracts' records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EpochRecord {
    /// Its number.
    pub number: Epoch,
    /// The block it opened in.
    pub opened_at: u64,
    /// The block whose operators and stakes it is dealt with.
    pub snapshot: u64,
    /// Operators at the snapshot.
    pub members: u32,
    /// Operators dealt so far.
    pub operators: u32,
    /// Units dealt so far.
    pub units: u64,
    /// Whether its deal is finished.
    pub dealt: bool,
    /// The operator that proved its seed.
    pub beacon: Address,
    /// Its seed: the output of the beacon's proof.
    pub seed: B256,
}

/// The operator that must prove the next epoch's seed, and the message to prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextBeacon {
    /// The operator's account.
    pub operator: Address,
    /// The key that its proof must verify with.
    pub key: BeaconPublicKey,
    /// The message: the VRF's input.
    pub alpha: Bytes,
    /// The block from which the epoch can open.
    pub opens_at: u64,
}

impl From<Mapper::Epoch> for EpochRecord {
    fn from(epoch: Mapper::Epoch) -> Self {
        Self {
            number: Epoch(epoch.number),
            opened_at: epoch.openedAt,
            snapshot: epoch.snapshot,
            members: epoch.snapshotOperators,
            operators: epoch.dealtOperators,
            units: epoch.dealtUnits,
            dealt: epoch.dealt,
            beacon: epoch.beacon,
            seed: epoch.seed,
        }
    }
}

impl Contracts {
    /// Operators per chunk of a deal: 13.8 M gas measured, of the 16.8 M a transaction may use
    /// (EIP-7825).
    pub const OPERATORS_PER_CHUNK: usize = 400;

    /// Fixes the first seed, once there are operators.
    ///
    /// # Errors
    /// As [`Chain::transfer`](crate::Chain::transfer).
    pub async fn begin(&self) -> Result<SentTransaction, ChainError> {
        self.chain().send("begin the epochs", self.mapper().begin()).await
    }

    /// Opens the next epoch with the beacon's proof.
    ///
    /// # Errors
    /// As [`Chain::transfer`](crate::Chain::transfer); [`ChainError::Vrf`].
    pub async fn open_epoch(
        &self,
        beacon: &NextBeacon,
        key: &BeaconKey,
    ) -> Result<SentTransaction, ChainError> {
        let proof = encode_proof(&key.prove(&beacon.alpha)?);
        self.chain().send("open the epoch", self.mapper().open(proof)).await
    }

    /// Deals the rest of the newest epoch. Anyone may; a chunk that others dealt meanwhile is
    /// skipped.
    ///
    /// # Errors
    /// As [`Chain::transfer`](crate::Chain::transfer); [`ChainError::Deal`].
    pub async fn deal(&self) -> Result<Vec<SentTransaction>, ChainError> {
        let epoch = self.now().latest_epoch().await?;
        let mut sent = Vec::new();
        let Some(epoch) = epoch.filter(|epoch| !epoch.dealt && epoch.number > Epoch(0)) else {
            return Ok(sent);
        };
        let members = self.members_at(epoch.snapshot).await?;
        let units = self.now().units_at(&members, epoch.snapshot).await?;
        let with_units = members.into_iter().zip(units);
        let members =
            with_units.map(|(account, units)| DealMember { account, units, banned: [].into() });
        let allocation = Allocation::deal(epoch.seed, members.collect(), Vec::new())?;
        let order: Vec<Address> = allocation.order().iter().map(|member| member.account).collect();
        let chunks = order.chunks(Self::OPERATORS_PER_CHUNK).enumerate();
        for (index, chunk) in chunks.skip(epoch.operators as usize / Self::OPERATORS_PER_CHUNK) {
            let start = index * Self::OPERATORS_PER_CHUNK;
            let from = u32::try_from(start).expect("BUG: Core limits the number of operators");
            let mapper = self.mapper();
            let call = mapper.deal(epoch.number.0, from, chunk.to_vec());
            match self.chain().send("deal", call).await {
                Ok(dealt) => sent.push(dealt),
                Err(error) if is_dealt(&error, start + chunk.len()) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(sent)
    }
}

impl View<'_> {
    /// Returns the epoch in force; `None` before the first deal.
    ///
    /// # Errors
    /// [`ChainError::Rpc`].
    pub async fn current_epoch(&self) -> Result<Option<EpochRecord>, ChainError> {
        let epoch = self
            .contracts
            .mapper()
            .currentEpoch()
            .block(self.block)
            .call()
            .await
            .map_err(|error| ChainError::call("read the epoch", error))?;
        Ok((epoch.number > 0).then(|| epoch.into()))
    }

    /// Returns the newest epoch, dealt or not; `None` before the epochs began.
    ///
    /// # Errors
    /// [`ChainError::Rpc`].
    pub async fn latest_epoch(&self) -> Result<Option<EpochRecord>, ChainError> {
        let epoch = self
            .contracts
            .mapper()
            .latestEpoch()
            .block(self.block)
            .call()
            .await
            .map_err(|error| ChainError::call("read the epoch", error))?;
        Ok((epoch.openedAt > 0).then(|| epoch.into()))
    }

    /// Returns the operator that opens the next epoch, the message to prove, and the first block.
    ///
    /// # Errors
    /// [`ChainError::Reverted`] while the newest epoch's deal is unfinished or before the epochs
    /// began; [`ChainError::Vrf`] for a key that is not a point of the curve.
    pub async fn next_beacon(&self) -> Result<NextBeacon, ChainError> {
        let failed = |error| ChainError::call("read the next beacon", error);
        let mapper = self.contracts.mapper();
        let (operator, x, y) =
            mapper.nextBeacon().block(self.block).call().await.map_err(failed)?.into();
        let alpha = mapper.alpha().block(self.block).call().await.map_err(failed)?;
        let opens_at = mapper.opensAt().block(self.block).call().await.map_err(failed)?;
        let key = BeaconPublicKey::from_coordinates(&x.to_be_bytes(), &y.to_be_bytes())?;
        Ok(NextBeacon { operator, key, alpha, opens_at: opens_at.saturating_to() })
    }

    /// Computes the allocation in force from the deal on chain, and checks the deal's order against
    /// its seed; `None` before the first deal.
    ///
    /// # Errors
    /// [`WireError::Order`] for an order that the seed does not give, [`WireError::Short`] for a
    /// deal without all its operators, [`WireError::Set`], [`ChainError::Deal`].
    pub async fn allocation(&self) -> Result<Option<Allocation>, ChainError> {
        let sets = self.node_sets().await?;
        self.allocation_of(sets).await
    }

    /// Computes the allocation that the deal in force gives for other node sets.
    ///
    /// # Errors
    /// As [`View::allocation`].
    pub async fn allocation_of(
        &self,
        sets: Vec<NodeSet>,
    ) -> Result<Option<Allocation>, ChainError> {
        let Some(epoch) = self.current_epoch().await? else { return Ok(None) };
        let members = self.dealt(&epoch).await?;
        let order: Vec<Address> = members.iter().map(|member| member.account).collect();
        let allocation = Allocation::deal(epoch.seed, members, sets)?;
        if allocation.order().iter().map(|member| member.account).ne(order) {
            return Err(WireError::Order(epoch.number.0).into());
        }
        Ok(Some(allocation))
    }

    /// Returns the node sets with their sizes.
    ///
    /// # Errors
    /// [`WireError::Set`] if a parameter is missing or out of range.
    pub async fn node_sets(&self) -> Result<Vec<NodeSet>, ChainError> {
        let parameters = self.parameters().await?;
        let sets = self.sets().await?;
        let resolve = |set: &SetTemplate| {
            set.resolve(&parameters).ok_or_else(|| WireError::Set(set.name.clone()))
        };
        Ok(sets.iter().map(resolve).collect::<Result<_, _>>()?)
    }

    /// Returns the operator of a slot and the number of its unit, as the contract computes them;
    /// zero if the slot is vacant.
    ///
    /// # Errors
    /// [`ChainError::Reverted`] if there is no such slot.
    pub async fn operator_of(&self, slot: &Slot) -> Result<(Address, u32), ChainError> {
        let mapper = self.contracts.mapper();
        let holder = mapper
            .operatorOf(slot.set.to_word(), slot.group, slot.place)
            .block(self.block)
            .call()
            .await
            .map_err(|error| ChainError::call("look up the slot", error))?;
        Ok((holder.operator, holder.unit))
    }

    /// Returns the operators in the order they were dealt, with the units that are banned now.
    async fn dealt(&self, epoch: &EpochRecord) -> Result<Vec<DealMember>, ChainError> {
        let bans = self
            .contracts
            .security()
            .bans()
            .block(self.block)
            .call()
            .await
            .map_err(|error| ChainError::call("read the bans", error))?;
        let mut members = Vec::new();
        for start in (0..epoch.operators).step_by(Self::OPERATORS_PER_PAGE) {
            let mapper = self.contracts.mapper();
            let page = mapper
                .currentOrder(U256::from(start), U256::from(Self::OPERATORS_PER_PAGE))
                .block(self.block)
                .call()
                .await
                .map_err(|error| ChainError::call("read the deal", error))?;
            for (account, units) in page.operators.into_iter().zip(page.units) {
                members.push(DealMember { account, units, banned: [].into() });
            }
        }
        let expected = epoch.operators as usize;
        if members.len() != expected {
            return Err(WireError::Short { got: members.len(), expected }.into());
        }
        if !bans.is_empty() {
            for member in &mut members {
                let operator = self.operator(member.account).await?;
                member.banned = self.banned_units(&operator.name).await?;
            }
        }
        Ok(members)
    }
}

/// Returns whether a chunk was rejected because others dealt the first `operators` meanwhile.
fn is_dealt(error: &ChainError, operators: usize) -> bool {
    let Some(Revert::Mapper(reason)) = error.revert() else { return false };
    match &**reason {
        MapperErrors::MapperAlreadyDealt(_) => true,
        MapperErrors::MapperWrongEpoch(wrong) => wrong.latest > wrong.given,
        MapperErrors::MapperUnexpectedChunk(chunk) => chunk.expected as usize >= operators,
        _ => false,
    }
}

fn encode_proof(proof: &Proof) -> Mapper::Proof {
    let [gamma, u, s_h, c_gamma] = proof.points().map(|point| point.map(U256::from_be_bytes));
    let [c, s] = proof.scalars().map(U256::from_be_bytes);
    Mapper::Proof {
        gammaX: gamma[0],
        gammaY: gamma[1],
        c,
        s,
        uX: u[0],
        uY: u[1],
        sHX: s_h[0],
        sHY: s_h[1],
        cGammaX: c_gamma[0],
        cGammaY: c_gamma[1],
    }
}
