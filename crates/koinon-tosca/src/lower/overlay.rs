//! What 2.0 says and 1.x has no words for, from metadata: `koinon.KEYNAME` is laid over what an entity becomes.
//!
//! What stands there is TOSCA 2.0. A keyname the entity has not is added; maps of entities and of values are laid over
//! name by name, lists of entities place by place (nothing, or an empty map, leaves one as it is), and anything else
//! takes the place of what is below. Nothing takes away what is below, unless it is a value.

use super::Lower;
use super::Out;
use super::keynames;
use crate::code::Code;
use crate::diag::Span;
use crate::diag::article;
use crate::keynames::Entity;
use crate::keynames::Kind;
use crate::yaml::Id;
use crate::yaml::Scalar;
use crate::yaml::Yaml;

impl<'t> Lower<'t, '_> {
    /// Ends an entity's metadata: what is kept goes in, what says something in 2.0 goes to where it says it.
    pub(super) fn close_metadata(
        &mut self,
        span: Span,
        entity: &keynames::Entity,
        out: &mut Out<'t>,
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
            match self.overlaid(entity, key, value) {
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
        // What the entity's rule added may have moved it.
        let is_metadata = |(key, _): &(Id, Id)| self.rewriter.text(*key) == Some("metadata");
        if let Some(at) = out.entries.iter().position(is_metadata) {
            out.entries[at].1 = new;
            if own.is_empty() {
                out.entries.remove(at);
            }
        }
        for (row, key, value) in over {
            self.lay_entry(&mut out.entries, (row.name, key.span()), value, row.kind);
        }
    }

    /// Returns the keyname of 2.0 that a key of the metadata stands for, if it stands for one.
    fn overlaid(
        &self,
        entity: &keynames::Entity,
        key: Yaml<'t>,
        value: Yaml<'t>,
    ) -> Option<&'static crate::keynames::Key> {
        let name = key.text()?.strip_prefix("koinon.")?;
        // `koinon.units: any-case` is a mark of its own.
        let marked = name == "units" && value.map().is_none();
        keynames::counterpart(entity)?.key(name).filter(|row| !marked && row.name != "metadata")
    }

    /// Lays a value over the entry of that name, or adds it.
    fn lay_entry(
        &mut self,
        entries: &mut Vec<(Id, Id)>,
        (name, span): (&str, Span),
        over: Yaml<'t>,
        kind: Kind,
    ) {
        let nothing = over.scalar() == Some(Scalar::Null);
        match entries.iter().position(|(key, _)| self.rewriter.text(*key) == Some(name)) {
            Some(at) if nothing => drop(entries.remove(at)),
            Some(at) => entries[at].1 = self.lay(entries[at].1, over, kind),
            None if nothing => {}
            None => {
                let key = self.rewriter.scalar(span, name, false);
                entries.push((key, self.rewriter.keep(over)));
            }
        }
    }

    fn lay(&mut self, below: Id, over: Yaml<'t>, kind: Kind) -> Id {
        match kind {
            Kind::One(entity) => self.lay_entity(below, over, entity),
            Kind::Map(entity) => self.lay_map(below, over, Kind::One(entity)),
            Kind::Values => self.lay_values(below, over),
            Kind::Sequence(entity) => self.lay_list(below, over, Kind::Map(entity)),
            Kind::List(entity) => self.lay_list(below, over, Kind::One(entity)),
            _ => self.rewriter.keep(over),
        }
    }

    fn lay_entity(&mut self, below: Id, over: Yaml<'t>, entity: &'static Entity) -> Id {
        let Some(map) = over.map() else { return self.untouched(below, over) };
        if map.len() > 0 && self.rewriter.is_map(below) != Some(true) {
            let message = format!("expected the long form of {} under this", article(entity.name));
            self.fault(Code::WrongKind, over.span(), message);
            return below;
        }
        let mut entries = self.rewriter.entries(below);
        for (key, value) in map {
            let Some(name) = key.text() else { continue };
            let kind = entity.key(name).map_or(Kind::Any, |row| row.kind);
            self.lay_entry(&mut entries, (name, key.span()), value, kind);
        }
        self.rewriter.map(over.span(), &entries)
    }

    fn lay_map(&mut self, below: Id, over: Yaml<'t>, kind: Kind) -> Id {
        let Some(map) = over.map() else { return self.untouched(below, over) };
        let mut entries = self.rewriter.entries(below);
        for (key, value) in map {
            let Some(name) = key.text() else { continue };
            self.lay_entry(&mut entries, (name, key.span()), value, kind);
        }
        self.rewriter.map(over.span(), &entries)
    }

    fn lay_values(&mut self, below: Id, over: Yaml<'t>) -> Id {
        let Some(map) = over.map() else { return self.untouched(below, over) };
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

    fn lay_list(&mut self, below: Id, over: Yaml<'t>, kind: Kind) -> Id {
        let Some(list) = over.list() else { return self.untouched(below, over) };
        let mut items = self.rewriter.items(below);
        for (at, item) in list.enumerate() {
            match items.get(at) {
                Some(old) => items[at] = self.lay(*old, item, kind),
                None => items.push(self.rewriter.keep(item)),
            }
        }
        self.rewriter.list(over.span(), &items)
    }

    /// Nothing leaves what is below as it is; anything else takes its place.
    fn untouched(&self, below: Id, over: Yaml<'t>) -> Id {
        if over.scalar() == Some(Scalar::Null) { below } else { self.rewriter.keep(over) }
    }
}
