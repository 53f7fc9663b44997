//! What elements have in common: most nodes of a type have capabilities, attributes and interfaces that are the same, down to
//! where their values were written. The JSON has each once, under `shared`, and elements have its place there.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::Capability;
use super::Interface;
use super::Properties;
use crate::writer::JsonWriter;

/// What was written of a representation's elements that others may have as well.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) attributes: Table,
    pub(super) capabilities: Table,
    pub(super) interfaces: Table,
}

/// Different values, in the order in which they were first written.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// The values, with commas between.
    values: JsonWriter,
    /// Their places, by what was written.
    places: HashMap<Box<str>, u64, RandomState>,
    /// The same by their addresses, which spares writing those in one allocation again.
    addresses: HashMap<usize, u64, RandomState>,
}

impl Table {
    /// Returns the place of a value, which has to stay where it is for as long as this table is used.
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

    /// Returns the place of what is written.
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

impl Shared {
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

/// What was read of the tables.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) attributes: Vec<Entry<Arc<Properties>>>,
    pub(super) capabilities: Vec<Entry<Arc<Capability>>>,
    pub(super) interfaces: Vec<Entry<Arc<Interface>>>,
}

/// A value, the bytes of its JSON, and whether an element has it.
#[derive(Debug)]
pub(super) struct Entry<T> {
    pub(super) value: T,
    pub(super) bytes: usize,
    pub(super) used: bool,
}
