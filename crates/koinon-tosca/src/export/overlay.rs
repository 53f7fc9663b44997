//! The content that a 1.3 file lacks, as metadata that overlays the file: the difference of two
//! documents of 2.0.

use std::collections::BTreeMap;

use koinon_model::Value;

use super::Warning;
use crate::keynames::Entity;
use crate::keynames::KeynameKind;

/// Returns the overlay that turns entity `from` into `to`, or nothing if they are equal.
pub(super) fn difference(
    from: &Value,
    to: &Value,
    table: &'static Entity,
    path: &mut Vec<String>,
    warnings: &mut Vec<Warning>,
) -> Option<Value> {
    let mut writer = OverlayWriter { path, warnings };
    writer.entity(from, to, table)
}

struct OverlayWriter<'d> {
    path: &'d mut Vec<String>,
    warnings: &'d mut Vec<Warning>,
}

impl OverlayWriter<'_> {
    fn entity(&mut self, from: &Value, to: &Value, table: &'static Entity) -> Option<Value> {
        self.map(from, to, &|name| table.key(name).map_or(KeynameKind::Any, |row| row.kind))
    }

    fn kind(&mut self, from: &Value, to: &Value, kind: KeynameKind) -> Option<Value> {
        match kind {
            KeynameKind::One(table) => self.entity(from, to, table),
            KeynameKind::Map(table) => self.map(from, to, &|_| KeynameKind::One(table)),
            KeynameKind::Values => self.map(from, to, &|_| KeynameKind::Value),
            KeynameKind::Sequence(table) => self.list(from, to, KeynameKind::Map(table)),
            KeynameKind::List(table) => self.list(from, to, KeynameKind::One(table)),
            _ => self.whole(from, to),
        }
    }

    fn map(
        &mut self,
        from: &Value,
        to: &Value,
        kind: &dyn Fn(&str) -> KeynameKind,
    ) -> Option<Value> {
        let (Value::Map(old), Value::Map(new)) = (from, to) else { return self.whole(from, to) };
        let mut over = BTreeMap::new();
        for (name, value) in new {
            self.path.push(name.clone());
            let more = match old.get(name) {
                Some(old) => self.kind(old, value, kind(name)),
                None => self.added(value),
            };
            over.extend(more.map(|more| (name.clone(), more)));
            self.path.pop();
        }
        // A null in an overlay removes the entry below.
        let gone = old.keys().filter(|name| !new.contains_key(*name));
        over.extend(gone.map(|name| (name.clone(), Value::Null)));
        (!over.is_empty()).then_some(Value::Map(over))
    }

    fn list(&mut self, from: &Value, to: &Value, kind: KeynameKind) -> Option<Value> {
        let (Value::List(old), Value::List(new)) = (from, to) else { return self.whole(from, to) };
        if old.len() > new.len() {
            return self.whole(from, to);
        }
        let mut over = Vec::new();
        let mut differs = false;
        for (at, item) in new.iter().enumerate() {
            self.path.push(at.to_string());
            let more = match old.get(at) {
                Some(old) => self.kind(old, item, kind),
                None => self.added(item),
            };
            differs |= more.is_some();
            over.push(more.unwrap_or_else(|| Value::Map(BTreeMap::new())));
            self.path.pop();
        }
        while over.last().and_then(Value::as_map).is_some_and(BTreeMap::is_empty) {
            over.pop();
        }
        differs.then_some(Value::List(over))
    }

    fn whole(&mut self, from: &Value, to: &Value) -> Option<Value> {
        (from != to).then(|| self.kept("expresses it differently", to))
    }

    fn added(&mut self, value: &Value) -> Option<Value> {
        Some(self.kept("cannot express it", value))
    }

    fn kept(&mut self, what: &str, value: &Value) -> Value {
        let message = format!("TOSCA 1.3 {what}; metadata keeps it for Koinon");
        self.warnings.push(Warning { path: self.path.join("."), message });
        value.clone()
    }
}
