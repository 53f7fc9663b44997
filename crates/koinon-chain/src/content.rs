//! Reading a service's content at one block.

use std::collections::BTreeMap;

use alloy::primitives::B256;
use alloy::primitives::U256;
use futures::future::try_join_all;
use futures::try_join;
use koinon_bindings::Artifacts;
use koinon_model::Ban;
use koinon_model::Content;
use koinon_model::ContentChange;
use koinon_model::Epoch;
use koinon_model::JsonLimits;
use koinon_model::Module;
use koinon_model::Name;
use koinon_model::Object;
use koinon_model::Permission;
use koinon_model::Revision;
use koinon_model::SetTemplate;
use koinon_model::UpdateMode;
use koinon_model::Value;
use koinon_model::keccak256;
use serde::Serialize;

use crate::contracts::Contracts;
use crate::contracts::View;
use crate::error::ChainError;
use crate::wire::WireError;
use crate::wire::decode_bans;
use crate::wire::decode_integer;
use crate::wire::decode_permission;
use crate::wire::decode_sets;

/// The state of a service by which an agent sees whether anything changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Head {
    /// The newest block when the state was read.
    pub block: u64,
    /// The revision.
    pub revision: Revision,
    /// The epoch in force; 0 before the first deal.
    pub epoch: Epoch,
}

impl Contracts {
    /// Returns the newest block with the service's revision and epoch at it.
    ///
    /// # Errors
    /// [`ChainError::Rpc`]; [`ChainError::Reverted`] from a contract that replaced a module and
    /// does not answer.
    pub async fn head(&self) -> Result<Head, ChainError> {
        let block = self.chain().block_number().await?;
        let view = self.at(block);
        let (revision, epoch) = try_join!(view.revision(), view.current_epoch())?;
        Ok(Head { block, revision, epoch: epoch.map_or(Epoch(0), |epoch| epoch.number) })
    }
}

impl View<'_> {
    /// Entries per request: 200 of the longest paths stay far below any node's limits.
    const ENTRIES_PER_PAGE: usize = 200;
    /// Values per request: 32 of the largest are 786 KiB.
    const VALUES_PER_REQUEST: usize = 32;

    /// Returns the revision.
    ///
    /// # Errors
    /// [`ChainError::Rpc`].
    pub async fn revision(&self) -> Result<Revision, ChainError> {
        let revision = self.contracts.core().revision().block(self.block).call().await;
        revision.map(Revision).map_err(|error| ChainError::call("read the revision", error))
    }

    /// Returns the service's name, as its creator wrote it: any text.
    ///
    /// # Errors
    /// [`ChainError::Rpc`].
    pub async fn name(&self) -> Result<String, ChainError> {
        let name = self.contracts.core().name().block(self.block).call().await;
        name.map_err(|error| ChainError::call("read the service's name", error))
    }

    /// Returns everything the service holds.
    ///
    /// # Errors
    /// [`ChainError::Object`] and [`ChainError::Wire`] for data that breaks a rule, such as a value
    /// that differs from its hash or is not canonical.
    pub async fn content(&self) -> Result<Content, ChainError> {
        let (objects, parameters, sets, bans, permissions) = try_join!(
            try_join_all(Module::ALL.map(|module| self.objects(module))),
            self.parameters(),
            self.sets(),
            self.bans(),
            self.permissions(),
        )?;
        Ok(Content {
            objects: objects.into_iter().flatten().collect(),
            parameters,
            sets,
            bans: bans.into_iter().collect(),
            permissions,
        })
    }

    /// Returns everything the service holds, with invalid objects as null values under their
    /// hashes, so that a change can replace them.
    ///
    /// # Errors
    /// As [`View::content`], except for objects.
    pub async fn content_lenient(&self) -> Result<Content, ChainError> {
        let mut content = Content {
            parameters: self.parameters().await?,
            sets: self.sets().await?,
            bans: self.bans().await?.into_iter().collect(),
            permissions: self.permissions().await?,
            ..Content::default()
        };
        for module in Module::ALL {
            match self.objects(module).await {
                Ok(objects) => content.objects.extend(objects),
                Err(error) if error.is_unreachable() => return Err(error),
                // One object is invalid: each is read alone.
                Err(_) => {
                    for entry in self.entries(module).await? {
                        let object = self.object_lenient(module, &entry.path, entry.blob).await?;
                        content.objects.insert((module, entry.path), object);
                    }
                }
            }
        }
        Ok(content)
    }

    /// Returns the content that a change makes of `content`, with invalid objects as null values.
    ///
    /// # Errors
    /// [`ChainError::Rpc`].
    pub async fn content_after(
        &self,
        content: &Content,
        change: &ContentChange,
    ) -> Result<Content, ChainError> {
        let mut new = content.clone();
        for edit in &change.edits {
            let key = (edit.module, edit.path.clone());
            match edit.blob() {
                Some(blob) => {
                    let object = self.object_lenient(edit.module, &edit.path, blob).await?;
                    new.objects.insert(key, object);
                }
                None => {
                    new.objects.remove(&key);
                }
            }
        }
        for (name, value) in &change.parameters {
            match value {
                Some(value) => new.parameters.insert(name.clone(), *value),
                None => new.parameters.remove(name),
            };
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
            // Content lists only the modules that accounts may update.
            match permission.mode {
                UpdateMode::Governance => new.permissions.remove(module),
                UpdateMode::Admins(_) => new.permissions.insert(*module, permission.clone()),
            };
        }
        Ok(new)
    }

    /// Returns one object; a null value under its hash if it is invalid.
    async fn object_lenient(
        &self,
        module: Module,
        path: &str,
        blob: B256,
    ) -> Result<Object, ChainError> {
        let blobs = self.contracts.blobs();
        let bytes = blobs.get(blob).block(self.block).call().await;
        let read = bytes.map_err(|error| ChainError::call("read an object", error));
        match read.and_then(|bytes| decode_object(module, path, blob, &bytes)) {
            Err(error) if error.is_unreachable() => Err(error),
            Err(_) => Ok(Object::unreadable(blob)),
            Ok(object) => Ok(object),
        }
    }

    /// Returns the objects of one module.
    ///
    /// # Errors
    /// As [`View::content`].
    pub async fn objects(
        &self,
        module: Module,
    ) -> Result<BTreeMap<(Module, String), Object>, ChainError> {
        let entries = self.entries(module).await?;
        let mut objects = BTreeMap::new();
        for chunk in entries.chunks(Self::VALUES_PER_REQUEST) {
            let hashes: Vec<B256> = chunk.iter().map(|entry| entry.blob).collect();
            let values = self
                .contracts
                .blobs()
                .getMany(hashes)
                .block(self.block)
                .call()
                .await
                .map_err(|error| ChainError::call("read objects", error))?;
            if values.len() != chunk.len() {
                return Err(WireError::Short { got: values.len(), expected: chunk.len() }.into());
            }
            for (entry, bytes) in chunk.iter().zip(values) {
                let object = decode_object(module, &entry.path, entry.blob, &bytes)?;
                if objects.insert((module, entry.path.clone()), object).is_some() {
                    let path = entry.path.clone();
                    return Err(WireError::Duplicate { module, path }.into());
                }
            }
        }
        Ok(objects)
    }

    /// Returns one object; `None` if the path has none.
    ///
    /// # Errors
    /// As [`View::content`].
    pub async fn object(&self, module: Module, path: &str) -> Result<Option<Object>, ChainError> {
        let failed = |error| ChainError::call("read an object", error);
        let binding = self.contracts.object_module(module);
        let entry =
            binding.entry(path.to_owned()).block(self.block).call().await.map_err(failed)?;
        if entry.blob.is_zero() {
            return Ok(None);
        }
        let blobs = self.contracts.blobs();
        let bytes = blobs.get(entry.blob).block(self.block).call().await.map_err(failed)?;
        decode_object(module, path, entry.blob, &bytes).map(Some)
    }

    /// Returns a module's entries in index order.
    ///
    /// # Errors
    /// [`WireError::Short`] if the module returns fewer entries than it counts, or more.
    pub async fn entries(&self, module: Module) -> Result<Vec<Artifacts::Entry>, ChainError> {
        let binding = self.contracts.object_module(module);
        let failed = |error| ChainError::call("read a module's entries", error);
        let claimed = binding.count().block(self.block).call().await.map_err(failed)?;
        let count = claimed.saturating_to::<usize>();
        let mut entries = Vec::new();
        // Page by page: nothing is reserved for a count that the contract only claims.
        while entries.len() < count {
            let page = binding
                .page(U256::from(entries.len()), U256::from(Self::ENTRIES_PER_PAGE))
                .block(self.block)
                .call()
                .await
                .map_err(failed)?;
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

    /// Returns a module's commitment to its content.
    ///
    /// # Errors
    /// [`ChainError::Rpc`].
    pub async fn commitment(&self, module: Module) -> Result<B256, ChainError> {
        self.contracts
            .object_module(module)
            .commitment()
            .block(self.block)
            .call()
            .await
            .map_err(|error| ChainError::call("read a module's commitment", error))
    }

    /// Returns the parameters.
    ///
    /// # Errors
    /// [`WireError::Name`], and [`WireError::Parameter`] for a value beyond 64 bits.
    pub async fn parameters(&self) -> Result<BTreeMap<Name, i64>, ChainError> {
        let read = self
            .contracts
            .core()
            .parameters()
            .block(self.block)
            .call()
            .await
            .map_err(|error| ChainError::call("read the parameters", error))?;
        let decode = |(name, value)| -> Result<(Name, i64), WireError> {
            let name = Name::from_word(name)?;
            let value = decode_integer(&name, value)?;
            Ok((name, value))
        };
        let decoded = read.names.into_iter().zip(read.values).map(decode);
        Ok(decoded.collect::<Result<_, _>>()?)
    }

    /// Returns the node sets, with the names of the parameters that give their sizes.
    ///
    /// # Errors
    /// [`WireError::Name`].
    pub async fn sets(&self) -> Result<Vec<SetTemplate>, ChainError> {
        let sets = self
            .contracts
            .topology()
            .nodeSets()
            .block(self.block)
            .call()
            .await
            .map_err(|error| ChainError::call("read the node sets", error))?;
        Ok(decode_sets(&sets)?)
    }

    /// Returns the bans in force.
    async fn bans(&self) -> Result<Vec<Ban>, ChainError> {
        let bans = self
            .contracts
            .security()
            .bans()
            .block(self.block)
            .call()
            .await
            .map_err(|error| ChainError::call("read the bans", error))?;
        Ok(decode_bans(&bans)?)
    }

    /// Returns the permissions of the modules that accounts may update.
    async fn permissions(&self) -> Result<BTreeMap<Module, Permission>, ChainError> {
        let permissions = try_join_all(Module::ALL.map(|module| self.permission(module))).await?;
        let by_module = Module::ALL.into_iter().zip(permissions);
        Ok(by_module.filter(|(_, permission)| permission.mode != UpdateMode::Governance).collect())
    }

    /// Returns the permission of a module.
    pub(crate) async fn permission(&self, module: Module) -> Result<Permission, ChainError> {
        let read = self
            .contracts
            .security()
            .permission(module.to_word())
            .block(self.block)
            .call()
            .await
            .map_err(|error| ChainError::call("read the permissions", error))?;
        Ok(decode_permission(read.mode, &read.admins)?)
    }
}

/// Decodes the value of an object, which must have the hash `blob` and the canonical form.
fn decode_object(
    module: Module,
    path: &str,
    blob: B256,
    bytes: &[u8],
) -> Result<Object, ChainError> {
    if keccak256(bytes) != blob {
        return Err(WireError::Blob(blob).into());
    }
    let limits = JsonLimits { bytes: Object::MAX_BYTES, ..JsonLimits::default() };
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
