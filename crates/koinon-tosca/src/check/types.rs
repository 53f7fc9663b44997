//! All types, each with what it inherits.

use std::collections::BTreeMap;

use super::refine::refine;
use super::units::Units;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::grammar::Schema;
use crate::grammar::Section;
use crate::grammar::TypeDef;
use crate::grammar::Word;

/// Most levels of derivation.
const MAX_LEVELS: usize = 64;

/// What values of a data type are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    String,
    Integer,
    Float,
    Boolean,
    Bytes,
    Nil,
    Timestamp,
    Scalar,
    Version,
    List,
    Map,
    /// Named properties.
    Complex,
}

const BUILTIN: [(&str, Base); 11] = [
    ("string", Base::String),
    ("integer", Base::Integer),
    ("float", Base::Float),
    ("boolean", Base::Boolean),
    ("bytes", Base::Bytes),
    ("nil", Base::Nil),
    ("timestamp", Base::Timestamp),
    ("scalar", Base::Scalar),
    ("version", Base::Version),
    ("list", Base::List),
    ("map", Base::Map),
];

/// Returns whether TOSCA itself defines this data type.
pub(crate) fn is_builtin(name: &str) -> bool {
    builtin(name).is_some()
}

fn builtin(name: &str) -> Option<Base> {
    BUILTIN.iter().find(|(builtin, _)| *builtin == name).map(|(_, base)| *base)
}

/// All types, by section and name.
#[derive(Debug, Default)]
pub(crate) struct Types<'a> {
    defs: BTreeMap<Section, BTreeMap<&'a str, TypeDef<'a>>>,
    /// Units of scalar types, inherited ones as well.
    units: BTreeMap<&'a str, Units>,
}

/// A schema with its type looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape<'t, 'a> {
    pub(crate) name: &'t str,
    pub(crate) base: Base,
    /// The type's definition, if it is not a built-in one.
    pub(crate) def: Option<&'t TypeDef<'a>>,
    pub(crate) key: Option<&'t Schema<'a>>,
    pub(crate) entry: Option<&'t Schema<'a>>,
    pub(crate) units: Option<&'t Units>,
}

impl<'a> Types<'a> {
    /// Resolves derivations; nothing if one leads to an unknown type or back to itself.
    pub(crate) fn resolve(
        defs: BTreeMap<(Section, &'a str), TypeDef<'a>>,
        faults: &Faults,
    ) -> Option<Self> {
        let keys: Vec<(Section, &str)> = defs.keys().copied().collect();
        let mut types = Self::default();
        for ((section, name), def) in defs {
            types.defs.entry(section).or_default().insert(name, def);
        }
        let chains: Vec<_> = keys.iter().map(|key| faults.keep(types.chain(*key))).collect();
        for (key, chain) in keys.iter().zip(chains.into_iter().collect::<Option<Vec<_>>>()?) {
            if let Some(def) = types.defs.get_mut(&key.0).and_then(|defs| defs.get_mut(key.1)) {
                def.chain = chain;
            }
        }
        let mut order = keys;
        order.sort_by_key(|key| types.get(key.0, key.1).map_or(0, |def| def.chain.len()));
        for key in order {
            types.inherit(key, faults);
        }
        Some(types)
    }

    /// Returns the names from a type to its root.
    fn chain(&self, key: (Section, &'a str)) -> Result<Vec<&'a str>, Fault> {
        let (section, name) = key;
        let mut chain = vec![name];
        let Some(mut def) = self.get(section, name) else { return Ok(chain) };
        while let Some(parent) = def.parent {
            if let Some(at) = chain.iter().position(|name| *name == parent.text) {
                // Every type of the circle finds it: told from its first name on, it is told once.
                let mut cycle = chain.split_off(at);
                let first =
                    cycle.iter().enumerate().min_by_key(|(_, name)| **name).map_or(0, |(at, _)| at);
                cycle.rotate_left(first);
                let span = self
                    .get(section, cycle[0])
                    .and_then(|def| def.parent)
                    .map_or(parent.span, |one| one.span);
                cycle.push(cycle[0]);
                let message =
                    format!("{} derives from itself: {}", section.noun(), cycle.join(" -> "));
                return Err(Fault::new(Code::TypeCycle, span, message));
            }
            if chain.len() >= MAX_LEVELS {
                let message = format!("more than {MAX_LEVELS} levels of derivation");
                return Err(Fault::new(Code::TooDeep, parent.span, message));
            }
            chain.push(parent.text);
            if section == Section::Data && is_builtin(parent.text) {
                return Ok(chain);
            }
            def = self.find(section, parent)?;
        }
        Ok(chain)
    }

    fn inherit(&mut self, key: (Section, &'a str), faults: &Faults) {
        let Some(own) = self.get(key.0, key.1) else { return };
        let parent = own.parent.and_then(|parent| self.get(key.0, parent.text));
        let merged = refine(self, parent, own.clone(), faults);
        if key.0 == Section::Data && merged.chain.last() == Some(&"scalar") {
            let inherited = merged.parent.and_then(|parent| self.units.get(parent.text)).cloned();
            match Units::of(&merged, faults).or(inherited) {
                Some(units) => {
                    self.units.insert(key.1, units);
                }
                None => faults.push(Fault::new(
                    Code::MissingKey,
                    merged.name.span,
                    "expected `units` in a type derived from scalar",
                )),
            }
        }
        self.replace(merged);
    }

    /// Puts a definition in the place of the one of its name.
    pub(super) fn replace(&mut self, def: TypeDef<'a>) {
        self.defs.entry(def.section).or_default().insert(def.name.text, def);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &TypeDef<'a>> {
        self.defs.values().flat_map(BTreeMap::values)
    }

    pub(crate) fn get(&self, section: Section, name: &str) -> Option<&TypeDef<'a>> {
        self.defs.get(&section)?.get(name)
    }

    /// Returns the type, or makes the fault that it is unknown.
    pub(crate) fn find(&self, section: Section, name: Word<'_>) -> Result<&TypeDef<'a>, Fault> {
        self.get(section, name.text).ok_or_else(|| self.unknown(section, name))
    }

    /// Makes the fault for an unknown type.
    pub(crate) fn unknown(&self, section: Section, name: Word<'_>) -> Fault {
        if let Some((namespace, _)) = name.text.split_once(':') {
            let message =
                format!("namespace `{namespace}` of `{}` is not supported yet", name.text);
            return Fault::new(Code::NotSupported, name.span, message);
        }
        let message = format!("unknown {} `{}`", section.noun(), name.text);
        let known = self.defs.get(&section).into_iter().flat_map(BTreeMap::keys).copied();
        let builtin = BUILTIN.iter().map(|(name, _)| *name).filter(|_| section == Section::Data);
        let fault =
            Fault::new(Code::UnknownType, name.span, message).near(name.text, known.chain(builtin));
        match Section::ALL.into_iter().find(|other| self.get(*other, name.text).is_some()) {
            Some(other) => fault.hint(format!("`{}` is a {}", name.text, other.noun())),
            None => fault,
        }
    }

    /// Returns whether a type is, or derives from, another.
    pub(crate) fn derives(&self, section: Section, name: &str, ancestor: &str) -> bool {
        name == ancestor || self.get(section, name).is_some_and(|def| def.chain.contains(&ancestor))
    }

    /// Looks up a schema's type; `None` if it is unknown or there is none.
    pub(crate) fn shape<'t>(&'t self, schema: &'t Schema<'a>) -> Option<Shape<'t, 'a>> {
        let name = schema.data_type?.text;
        let (key, entry) = (schema.key.as_deref(), schema.entry.as_deref());
        if let Some(base) = builtin(name) {
            return Some(Shape { name, base, def: None, key, entry, units: None });
        }
        let def = self.get(Section::Data, name)?;
        Some(Shape {
            name,
            base: def.chain.last().and_then(|root| builtin(root)).unwrap_or(Base::Complex),
            def: Some(def),
            key: key.or(def.schema.key.as_deref()),
            entry: entry.or(def.schema.entry.as_deref()),
            units: self.units.get(name),
        })
    }
}
