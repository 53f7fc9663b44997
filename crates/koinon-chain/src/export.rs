//! Reading a service's content at one block.

use std::collections::BTreeMap;

use alloy::primitives::B256;
use alloy::primitives::U256;
use futures::future::try_join_all;
use futures::try_join;
use koinon_model::Change;
use koinon_model::Content;
use koinon_model::Epoch;
use koinon_model::Limits;
use koinon_model::Mode;
use koinon_model::Module;
use koinon_model::Name;
use koinon_model::Object;
use koinon_model::Permission;
use koinon_model::Revision;
use koinon_model::Value;
use koinon_model::keccak256;
use serde::Serialize;

use crate::client::Sent;
use crate::client::View;
use crate::contracts::Artifacts;
use crate::error::ChainError;
use crate::wire::WireError;
use crate::wire::decode_bans;
use crate::wire::decode_integer;
use crate::wire::decode_permission;
use crate::wire::decode_sets;

/// Where a service is: what an agent looks at to see whether anything changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Head {
    /// The block looked at.
    pub block: u64,
    /// The revision.
    pub revision: Revision,
    /// The epoch in force; 0 before the first deal.
    pub epoch: Epoch,
}

impl crate::client::Contracts {
    /// Publishes what the change's objects need and the store lacks, in as few transactions as gas allows.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn publish(
        &self,
        objects: impl IntoIterator<Item = &Object>,
    ) -> Result<Vec<Sent>, ChainError> {
        // Storing costs about 200 gas a byte and 60,000 a value; a transaction has 16,777,216 gas at most (EIP-7825).
        const GAS: usize = 13_000_000;
        const PER_BYTE: usize = 240;
        const PER_VALUE: usize = 70_000;
        let distinct: BTreeMap<B256, &Object> =
            objects.into_iter().map(|object| (object.blob(), object)).collect();
        let known = try_join_all(distinct.keys().map(|hash| self.has_blob(*hash))).await?;
        let missing =
            distinct.values().zip(known).filter(|(_, known)| !known).map(|(object, _)| object);
        let mut batches: Vec<Vec<alloy::primitives::Bytes>> = Vec::new();
        let mut room = 0;
        for object in missing {
            let cost = PER_VALUE + PER_BYTE * object.bytes().len();
            if cost > room {
                batches.push(Vec::new());
                room = GAS;
            }
            room = room.saturating_sub(cost);
            let bytes = object.bytes().as_bytes().to_vec().into();
            batches.last_mut().expect("the first object opens a batch").push(bytes);
        }
        let mut sent = Vec::with_capacity(batches.len());
        for batch in batches {
            sent.push(self.chain().send("publish objects", self.blobs().putMany(batch)).await?.0);
        }
        Ok(sent)
    }

    async fn has_blob(&self, hash: B256) -> Result<bool, ChainError> {
        let has = self.blobs().has(hash).call().await;
        has.map_err(|error| ChainError::call("look for a published object", error))
    }

    /// Returns the newest block with the service's revision and epoch at it.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn head(&self) -> Result<Head, ChainError> {
        let block = self.chain().block_number().await?;
        let view = self.at(block);
        let (revision, epoch) = try_join!(view.revision(), view.current_epoch())?;
        Ok(Head { block, revision, epoch: epoch.map_or(Epoch(0), |epoch| epoch.number) })
    }
}

impl View<'_> {
    /// Entries per page: 200 of the longest paths stay far below any node's limits.
    const PAGE: usize = 200;
    /// Values per read: 32 of the largest are 786 KiB.
    const VALUES: usize = 32;

    /// Reads the revision.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn revision(&self) -> Result<Revision, ChainError> {
        let revision = self.contracts.core().revision().block(self.block).call().await;
        revision.map(Revision).map_err(|error| ChainError::call("read the revision", error))
    }

    /// Reads the service's name.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn name(&self) -> Result<String, ChainError> {
        let name = self.contracts.core().name().block(self.block).call().await;
        name.map_err(|error| ChainError::call("read the service's name", error))
    }

    /// Reads everything the service holds.
    ///
    /// # Errors
    /// [`ChainError`]; a value that is not what its hash says, or not canonical, is an error.
    pub async fn content(&self) -> Result<Content, ChainError> {
        let modules = try_join_all(Module::ALL.map(|module| self.objects(module)));
        let (objects, parameters, sets, bans, permissions) = try_join!(
            modules,
            self.parameters(),
            self.sets(),
            self.bans(),
            try_join_all(Module::ALL.map(|module| self.permission(module))),
        )?;
        let set_apart = Module::ALL.into_iter().zip(permissions);
        Ok(Content {
            objects: objects.into_iter().flatten().collect(),
            parameters,
            sets,
            bans: bans.into_iter().collect(),
            permissions: set_apart
                .filter(|(_, permission)| permission.mode != Mode::Governance)
                .collect(),
        })
    }

    /// Reads everything the service holds, even what is not acceptable: an object that cannot be read stands as a null
    /// value under its hash, so that a change can replace it.
    ///
    /// # Errors
    /// [`ChainError`], but none about objects.
    pub async fn content_as_it_is(&self) -> Result<Content, ChainError> {
        let mut content = Content { parameters: self.parameters().await?, ..Content::default() };
        content.sets = self.sets().await?;
        content.bans = self.bans().await?.into_iter().collect();
        for module in Module::ALL {
            let permission = self.permission(module).await?;
            if permission.mode != Mode::Governance {
                content.permissions.insert(module, permission);
            }
            match self.objects(module).await {
                Ok(objects) => content.objects.extend(objects),
                Err(error) if error.is_unreachable() => return Err(error),
                Err(_) => {
                    for entry in self.entries(module).await? {
                        let object = self.object_of(module, &entry.path, entry.blob).await?;
                        content.objects.insert((module, entry.path), object);
                    }
                }
            }
        }
        Ok(content)
    }

    /// Reads what a change would make of a content; objects that cannot be read stand as null values.
    ///
    /// # Errors
    /// [`ChainError`], but none about objects.
    pub async fn changed(&self, content: &Content, change: &Change) -> Result<Content, ChainError> {
        let mut new = content.clone();
        for edit in &change.edits {
            let key = (edit.module, edit.path.clone());
            match edit.blob {
                Some(blob) => {
                    let object = self.object_of(edit.module, &edit.path, blob).await?;
                    new.objects.insert(key, object);
                }
                None => {
                    new.objects.remove(&key);
                }
            }
        }
        for (name, value) in &change.parameters {
            match value {
                Some(value) => {
                    new.parameters.insert(name.clone(), *value);
                }
                None => {
                    new.parameters.remove(name);
                }
            }
        }
        if let Some(sets) = &change.sets {
            new.sets.clone_from(sets);
        }
        for (ban, banned) in &change.bans {
            if *banned {
                new.bans.insert(ban.clone());
            } else {
                new.bans.remove(ban);
            }
        }
        for (module, permission) in &change.permissions {
            if permission.mode == Mode::Governance {
                new.permissions.remove(module);
            } else {
                new.permissions.insert(*module, permission.clone());
            }
        }
        Ok(new)
    }

    /// Reads one object; a null value under its hash if it is not acceptable.
    async fn object_of(
        &self,
        module: Module,
        path: &str,
        blob: B256,
    ) -> Result<Object, ChainError> {
        let blobs = self.contracts.blobs();
        let bytes = blobs.get(blob).block(self.block).call().await;
        let read = bytes.map_err(|error| ChainError::call("read an object", error));
        match read.and_then(|bytes| read_object(module, path, blob, &bytes)) {
            Err(error) if error.is_unreachable() => Err(error),
            Err(_) => Ok(Object::unreadable(blob)),
            Ok(object) => Ok(object),
        }
    }

    /// Reads the objects of one module.
    ///
    /// # Errors
    /// [`ChainError`]; see [`View::content`].
    pub async fn objects(
        &self,
        module: Module,
    ) -> Result<BTreeMap<(Module, String), Object>, ChainError> {
        let entries = self.entries(module).await?;
        let mut objects = BTreeMap::new();
        for chunk in entries.chunks(Self::VALUES) {
            let hashes: Vec<B256> = chunk.iter().map(|entry| entry.blob).collect();
            let values = self.contracts.blobs().getMany(hashes).block(self.block).call().await;
            let values = values.map_err(|error| ChainError::call("read objects", error))?;
            if values.len() != chunk.len() {
                return Err(WireError::Short { got: values.len(), expected: chunk.len() }.into());
            }
            for (entry, bytes) in chunk.iter().zip(values) {
                let object = read_object(module, &entry.path, entry.blob, &bytes)?;
                if objects.insert((module, entry.path.clone()), object).is_some() {
                    let path = entry.path.clone();
                    return Err(WireError::Duplicate { module, path }.into());
                }
            }
        }
        Ok(objects)
    }

    /// Reads one object; `None` if there is none at the path.
    ///
    /// # Errors
    /// [`ChainError`]; see [`View::content`].
    pub async fn object(&self, module: Module, path: &str) -> Result<Option<Object>, ChainError> {
        let failed = |error| ChainError::call("read an object", error);
        let binding = self.contracts.object_module(module);
        let entry = binding.entry(path.to_owned()).block(self.block).call().await;
        let blob = entry.map_err(failed)?.blob;
        if blob.is_zero() {
            return Ok(None);
        }
        let bytes = self.contracts.blobs().get(blob).block(self.block).call().await;
        read_object(module, path, blob, &bytes.map_err(failed)?).map(Some)
    }

    /// Reads a module's entries in index order.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn entries(&self, module: Module) -> Result<Vec<Artifacts::Entry>, ChainError> {
        let binding = self.contracts.object_module(module);
        let failed = |error| ChainError::call("read a module's entries", error);
        let count = binding.count().block(self.block).call().await.map_err(failed)?;
        let count = count.saturating_to::<usize>();
        let mut entries = Vec::new();
        // One page after the other: what a contract says of its count is not believed before the entries are there.
        while entries.len() < count {
            let page = binding.page(U256::from(entries.len()), U256::from(Self::PAGE));
            let page = page.block(self.block).call().await.map_err(failed)?;
            if page.is_empty() {
                break;
            }
            entries.extend(page);
        }
        if entries.len() != count {
            return Err(WireError::Short { got: entries.len(), expected: count }.into());
        }
        Ok(entries)
    }

    /// Reads a module's commitment to its content.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn commitment(&self, module: Module) -> Result<B256, ChainError> {
        let commitment =
            self.contracts.object_module(module).commitment().block(self.block).call().await;
        commitment.map_err(|error| ChainError::call("read a module's commitment", error))
    }

    /// Reads the parameters.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn parameters(&self) -> Result<BTreeMap<Name, i64>, ChainError> {
        let read = self.contracts.core().parameters().block(self.block).call().await;
        let read = read.map_err(|error| ChainError::call("read the parameters", error))?;
        let decode = |(name, value)| -> Result<(Name, i64), WireError> {
            let name = Name::from_word(name)?;
            let value = decode_integer(&name, value)?;
            Ok((name, value))
        };
        let decoded = read.names.into_iter().zip(read.values).map(decode);
        Ok(decoded.collect::<Result<_, _>>()?)
    }

    /// Reads the node sets.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn sets(&self) -> Result<Vec<koinon_model::SetTemplate>, ChainError> {
        let sets = self.contracts.topology().nodeSets().block(self.block).call().await;
        Ok(decode_sets(&sets.map_err(|error| ChainError::call("read the node sets", error))?)?)
    }

    async fn bans(&self) -> Result<Vec<koinon_model::Ban>, ChainError> {
        let bans = self.contracts.security().bans().block(self.block).call().await;
        Ok(decode_bans(&bans.map_err(|error| ChainError::call("read the bans", error))?)?)
    }

    async fn permission(&self, module: Module) -> Result<Permission, ChainError> {
        let read =
            self.contracts.security().permission(module.to_word()).block(self.block).call().await;
        let read = read.map_err(|error| ChainError::call("read the permissions", error))?;
        Ok(decode_permission(read.mode, &read.admins)?)
    }
}

fn read_object(module: Module, path: &str, blob: B256, bytes: &[u8]) -> Result<Object, ChainError> {
    if keccak256(bytes) != blob {
        return Err(WireError::Blob(blob).into());
    }
    let limits = Limits { bytes: Object::MAX_BYTES, ..Limits::default() };
    let value = Value::from_json(bytes, limits).map_err(|source| ChainError::Object {
        module,
        path: path.to_owned(),
        source,
    })?;
    let object = Object::new(value);
    if object.blob() != blob {
        return Err(WireError::NotCanonical { module, path: path.to_owned() }.into());
    }
    Ok(object)
}
