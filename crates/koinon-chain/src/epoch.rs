//! Epochs: the beacon's proof, the deal, the allocation.

use alloy::primitives::Address;
use alloy::primitives::B256;
use alloy::primitives::Bytes;
use alloy::primitives::U256;
use koinon_model::Allocation;
use koinon_model::Epoch;
use koinon_model::Member;
use koinon_model::NodeSet;
use koinon_model::Slot;
use koinon_trust::BeaconKey;
use koinon_trust::BeaconPublicKey;
use koinon_trust::Proof;
use serde::Serialize;

use crate::client::Contracts;
use crate::client::Sent;
use crate::client::View;
use crate::contracts::Mapper;
use crate::contracts::Mapper::MapperErrors;
use crate::error::ChainError;
use crate::error::Revert;
use crate::wire::WireError;

/// An epoch as the contracts know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EpochInfo {
    /// Its number.
    pub number: Epoch,
    /// The block it opened in.
    pub opened_at: u64,
    /// The block whose operators and stakes it deals with.
    pub snapshot: u64,
    /// Operators at the snapshot.
    pub members: u32,
    /// Operators dealt so far.
    pub operators: u32,
    /// Units dealt so far.
    pub units: u64,
    /// Whether its deal is finished.
    pub dealt: bool,
    /// Who proved its seed.
    pub beacon: Address,
    /// Its seed.
    pub seed: B256,
}

/// Who proves the next epoch's seed, and over what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beacon {
    /// The operator.
    pub operator: Address,
    /// The key its proof must verify with.
    pub key: BeaconPublicKey,
    /// The message.
    pub alpha: Bytes,
    /// The block from which the epoch can open.
    pub opens_at: u64,
}

impl From<Mapper::Epoch> for EpochInfo {
    fn from(epoch: Mapper::Epoch) -> Self {
        Self {
            number: Epoch(epoch.number),
            opened_at: epoch.openedAt,
            snapshot: epoch.snapshot,
            members: epoch.members,
            operators: epoch.operators,
            units: epoch.units,
            dealt: epoch.dealt,
            beacon: epoch.beacon,
            seed: epoch.seed,
        }
    }
}

impl Contracts {
    /// Operators per chunk of a deal: 13.8 M gas measured, of the 16.8 M a transaction may use (EIP-7825).
    pub const CHUNK: usize = 400;

    /// Fixes the first seed, once there are operators.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn begin(&self) -> Result<Sent, ChainError> {
        Ok(self.chain().send("begin the epochs", self.mapper().begin()).await?.0)
    }

    /// Opens the next epoch with the beacon's proof.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn open_epoch(&self, beacon: &Beacon, key: &BeaconKey) -> Result<Sent, ChainError> {
        let proof = encode_proof(&key.prove(&beacon.alpha)?);
        Ok(self.chain().send("open the epoch", self.mapper().open(proof)).await?.0)
    }

    /// Deals what is left to deal of the newest epoch. Anyone may; a chunk that others dealt meanwhile is skipped.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn deal(&self) -> Result<Vec<Sent>, ChainError> {
        let epoch = self.now().latest_epoch().await?;
        let mut sent = Vec::new();
        let Some(epoch) = epoch.filter(|epoch| !epoch.dealt && epoch.number > Epoch(0)) else {
            return Ok(sent);
        };
        let members = self.members_at(epoch.snapshot).await?;
        let units = self.now().units_at(&members, epoch.snapshot).await?;
        let members = members.into_iter().zip(units);
        let members = members.map(|(account, units)| Member { account, units, banned: [].into() });
        let allocation = Allocation::deal(epoch.seed, members.collect(), Vec::new())?;
        let order: Vec<Address> = allocation.order().iter().map(|member| member.account).collect();
        for (index, chunk) in
            order.chunks(Self::CHUNK).enumerate().skip(epoch.operators as usize / Self::CHUNK)
        {
            let from = u32::try_from(index * Self::CHUNK).unwrap_or(u32::MAX);
            let mapper = self.mapper();
            let call = mapper.deal(epoch.number.0, from, chunk.to_vec());
            match self.chain().send("deal", call).await {
                Ok((dealt, _)) => sent.push(dealt),
                Err(error) if is_dealt(&error, index * Self::CHUNK + chunk.len()) => {}
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
    /// [`ChainError`].
    pub async fn current_epoch(&self) -> Result<Option<EpochInfo>, ChainError> {
        let epoch = self.contracts.mapper().current().block(self.block).call().await;
        let epoch = epoch.map_err(|error| ChainError::call("read the epoch", error))?;
        Ok((epoch.number > 0).then(|| epoch.into()))
    }

    /// Returns the newest epoch, dealt or not; `None` before the epochs began.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn latest_epoch(&self) -> Result<Option<EpochInfo>, ChainError> {
        let epoch = self.contracts.mapper().latest().block(self.block).call().await;
        let epoch = epoch.map_err(|error| ChainError::call("read the epoch", error))?;
        Ok((epoch.openedAt > 0).then(|| epoch.into()))
    }

    /// Returns who opens the next epoch, over what, and from when on.
    ///
    /// # Errors
    /// [`ChainError`]; a revert while the newest epoch's deal is unfinished or before the epochs began.
    pub async fn next_beacon(&self) -> Result<Beacon, ChainError> {
        let failed = |error| ChainError::call("read the next beacon", error);
        let mapper = self.contracts.mapper();
        let (operator, x, y) =
            mapper.nextBeacon().block(self.block).call().await.map_err(failed)?.into();
        let alpha = mapper.alpha().block(self.block).call().await.map_err(failed)?;
        let opens_at = mapper.opensAt().block(self.block).call().await.map_err(failed)?;
        let key = BeaconPublicKey::from_coordinates(&x.to_be_bytes(), &y.to_be_bytes())?;
        Ok(Beacon { operator, key, alpha, opens_at: opens_at.saturating_to() })
    }

    /// Computes the allocation in force from the deal on chain, and checks the deal's order against its seed; `None`
    /// before the first deal.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn allocation(&self) -> Result<Option<Allocation>, ChainError> {
        let sets = self.node_sets().await?;
        self.allocation_of(sets).await
    }

    /// Computes the allocation that the deal in force gives for other node sets.
    ///
    /// # Errors
    /// [`ChainError`].
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

    /// Returns the node sets in numbers.
    ///
    /// # Errors
    /// [`ChainError`]; [`WireError::Set`] if a parameter is missing.
    pub async fn node_sets(&self) -> Result<Vec<NodeSet>, ChainError> {
        let parameters = self.parameters().await?;
        let sets = self.sets().await?;
        let resolve = |set: &koinon_model::SetTemplate| {
            set.resolve(&parameters).ok_or_else(|| WireError::Set(set.name.clone()))
        };
        Ok(sets.iter().map(resolve).collect::<Result<_, _>>()?)
    }

    /// Returns what the contract says of one slot: operator and unit; zero if it is vacant.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn operator_of(&self, slot: &Slot) -> Result<(Address, u32), ChainError> {
        let mapper = self.contracts.mapper();
        let call = mapper.operatorOf(slot.set.to_word(), slot.group, slot.place);
        let found = call.block(self.block).call().await;
        let found = found.map_err(|error| ChainError::call("look up the slot", error))?;
        Ok((found.operator, found.unit))
    }

    async fn dealt(&self, epoch: &EpochInfo) -> Result<Vec<Member>, ChainError> {
        let mut members = Vec::new();
        let anyone_banned = !self
            .contracts
            .security()
            .bans()
            .block(self.block)
            .call()
            .await
            .map_err(|error| ChainError::call("read the bans", error))?
            .is_empty();
        for start in (0..epoch.operators).step_by(500) {
            let mapper = self.contracts.mapper();
            let page = mapper.order(true, U256::from(start), U256::from(500));
            let page = page.block(self.block).call().await;
            let page = page.map_err(|error| ChainError::call("read the deal", error))?;
            for (account, units) in page._0.into_iter().zip(page._1) {
                members.push(Member { account, units, banned: [].into() });
            }
        }
        if members.len() != epoch.operators as usize {
            return Err(WireError::Short {
                got: members.len(),
                expected: epoch.operators as usize,
            }
            .into());
        }
        if anyone_banned {
            for member in &mut members {
                let operator = self.operator(member.account).await?;
                member.banned = self.banned_units(&operator.name).await?;
            }
        }
        Ok(members)
    }
}

/// Whether a chunk was refused because others dealt the first `operators` meanwhile.
fn is_dealt(error: &ChainError, operators: usize) -> bool {
    let Some(Revert::Mapper(refusal)) = error.revert() else { return false };
    match &**refusal {
        MapperErrors::MapperAlreadyDealt(_) => true,
        MapperErrors::MapperWrongEpoch(wrong) => wrong.current > wrong.given,
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
