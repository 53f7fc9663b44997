//! Features of 2.0 without a keyname in 1.x, from metadata: `koinon.KEYNAME` overlays the entity.
//!
//! The metadata is TOSCA 2.0. A keyname that the entity lacks is added. Maps of entities and of
//! values are overlaid by name, lists of entities by index (a null or an empty map keeps the item),
//! and anything else replaces the entity's own. A null removes the entity's own, unless it is a
//! value.

use super::LoweredMap;
use super::Lowering;
use super::keynames;
use crate::code::Code;
use crate::diag::Span;
use crate::diag::article;
use crate::grammar::Word;
use crate::keynames::Entity;
use crate::keynames::KeynameKind;
use crate::yaml::Scalar;
use crate::yaml::Yaml;
use crate::yaml::YamlIndex;

impl<'t> Lowering<'t, '_> {
    /// Completes an entity's metadata: adds the kept entries, and moves overlays to their keynames.
    pub(super) fn close_metadata(
        &mut self,
        span: Span,
        entity: &keynames::OldEntity,
        out: &mut LoweredMap<'t>,
    ) {
        let kept = std::mem::take(&mut out.kept);
        let Some((_, metadata)) = out.metadata else {
            if !kept.is_empty() {
                let metadata = self.rewriter.map(span, &kept);
                let key = self.word(span, "metadata");
                out.add((key, metadata));
            }
            return;
        };
        let mut own = Vec::new();
        let mut over = Vec::new();
        for (key, value) in metadata.map().into_iter().flatten() {
            match self.overlaid_keyname(entity, key, value) {
                Some(row) => over.push((row, key, value)),
                None => own.push((self.rewriter.keep(key), self.rewriter.keep(value))),
            }
        }
        if kept.is_empty() && over.is_empty() {
            return;
        }
        out.changed = true;
        own.extend(kept);
        let new = self.rewriter.map(metadata.span(), &own);
        // The entity's rule may have inserted entries before the metadata.
        let is_metadata =
            |(key, _): &(YamlIndex, YamlIndex)| self.rewriter.text(*key) == Some("metadata");
        if let Some(at) = out.entries.iter().position(is_metadata) {
            out.entries[at].1 = new;
            if own.is_empty() {
                out.entries.remove(at);
            }
        }
        for (row, key, value) in over {
            let name = Word { text: row.name, span: key.span() };
            self.lay_entry(&mut out.entries, name, value, row.kind);
        }
    }

    /// Returns the keyname of 2.0 that a key of the metadata overlays.
    fn overlaid_keyname(
        &self,
        entity: &keynames::OldEntity,
        key: Yaml<'t>,
        value: Yaml<'t>,
    ) -> Option<&'static crate::keynames::KeynameRow> {
        let name = key.text()?.strip_prefix("koinon.")?;
        // `koinon.units: any-case` is a mark, not an overlay.
        let marked = name == "units" && value.map().is_none();
        keynames::counterpart(entity)?.key(name).filter(|row| !marked && row.name != "metadata")
    }

    /// Overlays the entry of a name with a value, or adds the entry.
    fn lay_entry(
        &mut self,
        entries: &mut Vec<(YamlIndex, YamlIndex)>,
        name: Word<'_>,
        over: Yaml<'t>,
        kind: KeynameKind,
    ) {
        let nothing = over.scalar() == Some(Scalar::Null);
        match entries.iter().position(|(key, _)| self.rewriter.text(*key) == Some(name.text)) {
            Some(at) if nothing => drop(entries.remove(at)),
            Some(at) => entries[at].1 = self.lay(entries[at].1, over, kind),
            None if nothing => {}
            None => {
                let key = self.rewriter.string(name.span, name.text);
                entries.push((key, self.rewriter.keep(over)));
            }
        }
    }

    fn lay(&mut self, below: YamlIndex, over: Yaml<'t>, kind: KeynameKind) -> YamlIndex {
        match kind {
            KeynameKind::One(entity) => self.lay_entity(below, over, entity),
            KeynameKind::Map(entity) => self.lay_map(below, over, KeynameKind::One(entity)),
            KeynameKind::Values => self.lay_values(below, over),
            KeynameKind::Sequence(entity) => self.lay_list(below, over, KeynameKind::Map(entity)),
            KeynameKind::List(entity) => self.lay_list(below, over, KeynameKind::One(entity)),
            _ => self.rewriter.keep(over),
        }
    }

    fn lay_entity(
        &mut self,
        below: YamlIndex,
        over: Yaml<'t>,
        entity: &'static Entity,
    ) -> YamlIndex {
        let Some(map) = over.map() else { return self.replaced(below, over) };
        if map.len() > 0 && self.rewriter.is_map(below) != Some(true) {
            let message = format!("expected the long form of {} under this", article(entity.name));
            self.fault(Code::WrongKind, over.span(), message);
            return below;
        }
        let mut entries = self.rewriter.entries(below);
        for (key, value) in map {
            let Some(name) = key.text() else { continue };
            let kind = entity.key(name).map_or(KeynameKind::Any, |row| row.kind);
            self.lay_entry(&mut entries, Word { text: name, span: key.span() }, value, kind);
        }
        self.rewriter.map(over.span(), &entries)
    }

    fn lay_map(&mut self, below: YamlIndex, over: Yaml<'t>, kind: KeynameKind) -> YamlIndex {
        let Some(map) = over.map() else { return self.replaced(below, over) };
        let mut entries = self.rewriter.entries(below);
        for (key, value) in map {
            let Some(name) = key.text() else { continue };
            self.lay_entry(&mut entries, Word { text: name, span: key.span() }, value, kind);
        }
        self.rewriter.map(over.span(), &entries)
    }

    fn lay_values(&mut self, below: YamlIndex, over: Yaml<'t>) -> YamlIndex {
        let Some(map) = over.map() else { return self.replaced(below, over) };
        let mut entries = self.rewriter.entries(below);
        for (key, value) in map {
            let new = self.rewriter.keep(value);
            let name = key.text();
            match entries.iter().position(|(key, _)| self.rewriter.text(*key) == name) {
                Some(at) => entries[at].1 = new,
                None => entries.push((self.rewriter.keep(key), new)),
            }
        }
        self.rewriter.map(over.span(), &entries)
    }

    fn lay_list(&mut self, below: YamlIndex, over: Yaml<'t>, kind: KeynameKind) -> YamlIndex {
        let Some(list) = over.list() else { return self.replaced(below, over) };
        let mut items = self.rewriter.items(below);
        for (at, item) in list.enumerate() {
            match items.get(at) {
                Some(old) => items[at] = self.lay(*old, item, kind),
                None => items.push(self.rewriter.keep(item)),
            }
        }
        self.rewriter.list(over.span(), &items)
    }

    /// Returns the node below for a null, and the overlay otherwise.
    fn replaced(&self, below: YamlIndex, over: Yaml<'t>) -> YamlIndex {
        if over.scalar() == Some(Scalar::Null) { below } else { self.rewriter.keep(over) }
    }
}
