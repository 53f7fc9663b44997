//! The values that elements share: most nodes of a type have equal capabilities, attributes and
//! interfaces, including the origins of their values. The JSON has each once, under `shared`, and
//! elements have its position there.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::Capability;
use super::Interface;
use super::Properties;
use crate::writer::JsonWriter;

/// The values of a representation's elements that other elements may share.
#[derive(Debug, Default)]
pub(super) struct SharedWriter {
    pub(super) attributes: SharedTable,
    pub(super) capabilities: SharedTable,
    pub(super) interfaces: SharedTable,
}

/// Different values, in the order in which they were first written.
#[derive(Debug, Default)]
pub(super) struct SharedTable {
    /// The values' JSON, with commas between.
    values: JsonWriter,
    /// Their positions, by their JSON.
    places: HashMap<Box<str>, u64, RandomState>,
    /// Their positions by address: values in one allocation are written only once.
    addresses: HashMap<usize, u64, RandomState>,
}

impl SharedTable {
    /// Returns the position of a value, which must stay allocated for as long as this table is
    /// used.
    pub(super) fn place_of<T>(
        &mut self,
        value: &Arc<T>,
        write: impl FnOnce(&T, &mut JsonWriter),
    ) -> u64 {
        let address = Arc::as_ptr(value) as usize;
        if let Some(place) = self.addresses.get(&address) {
            return *place;
        }
        let place = self.place(|writer| write(value, writer));
        if Arc::strong_count(value) > 1 {
            self.addresses.insert(address, place);
        }
        place
    }

    /// Returns the position of the JSON that `write` writes.
    fn place(&mut self, write: impl FnOnce(&mut JsonWriter)) -> u64 {
        let before = self.values.len();
        write(&mut self.values);
        let written = self.values.since(before);
        let written = written.strip_prefix(',').unwrap_or(written);
        if let Some(place) = self.places.get(written) {
            self.values.take_back(before);
            return *place;
        }
        let place = self.places.len() as u64;
        self.places.insert(written.into(), place);
        place
    }
}

impl SharedWriter {
    /// Writes the tables under `shared`, unless all are empty.
    pub(super) fn write(self, writer: &mut JsonWriter) {
        let tables = [
            ("attributes", self.attributes),
            ("capabilities", self.capabilities),
            ("interfaces", self.interfaces),
        ];
        if tables.iter().all(|(_, table)| table.places.is_empty()) {
            return;
        }
        writer.key("shared").map(|writer| {
            for (key, table) in tables {
                if !table.places.is_empty() {
                    writer.key(key).list(|writer| writer.written(&table.values.finish()));
                }
            }
        });
    }
}

/// The tables that were read.
#[derive(Debug, Default)]
pub(super) struct SharedTables {
    pub(super) attributes: Vec<SharedValue<Arc<Properties>>>,
    pub(super) capabilities: Vec<SharedValue<Arc<Capability>>>,
    pub(super) interfaces: Vec<SharedValue<Arc<Interface>>>,
}

/// A value, the bytes of its JSON, and whether an element uses it.
#[derive(Debug)]
pub(super) struct SharedValue<T> {
    pub(super) value: T,
    pub(super) bytes: usize,
    pub(super) used: bool,
}
