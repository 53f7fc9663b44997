//! Derivations: each type with what it inherits (csd07 6.4.2).

use super::refine::refine;
use super::table::FIRST_DEFINED;
use super::table::IMPLICIT;
use super::table::NameLookup;
use super::table::SCALAR;
use super::table::Types;
use super::units::ScalarUnits;
use crate::builtin::BUILTIN;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Span;
use crate::grammar::Definitions;
use crate::grammar::TypeDefinition;
use crate::grammar::TypeId;
use crate::grammar::Word;
use crate::keynames::TypeKind;
use crate::loaded::LoadedFiles;
use crate::profiles::KOINON_PROFILE;

/// The most levels of derivation.
const MAX_LEVELS: usize = 64;

impl<'a> Types<'a> {
    /// Resolves derivations. A type that derives from an unknown type or from itself inherits
    /// nothing.
    pub(crate) fn resolve(
        definitions: Definitions<'a>,
        loaded: &'a LoadedFiles,
        faults: &Faults,
    ) -> Option<Self> {
        let mut types = Self::default();
        for (at, (name, _)) in BUILTIN.iter().enumerate() {
            let word = Word { text: name, span: Span::default() };
            let mut def = TypeDefinition::new(word, TypeKind::Data, None);
            def.chain = u32::try_from(at).map(TypeId).into_iter().collect();
            types.defs.push(def);
        }
        let word = Word { text: "Relationship", span: Span::default() };
        let mut implicit = TypeDefinition::new(word, TypeKind::Relationship, None);
        implicit.chain.push(IMPLICIT);
        types.defs.push(implicit);
        for (number, file) in loaded.iter() {
            let imports = file.imports.iter();
            let imports = imports.map(|import| (import.file, import.namespace.as_deref()));
            types.imports.insert(number, imports.collect());
            if file.version.is_some() {
                types.lowered.push(number);
            }
            if file.builtin && file.profile.as_deref() == Some(KOINON_PROFILE) {
                types.koinon.push(number);
            }
        }
        for def in definitions.types {
            let id = TypeId(u32::try_from(types.defs.len()).ok()?);
            let key = (def.name.span.file, def.section, def.name.text);
            if let Some(first) = types.names.get(&key) {
                let message =
                    format!("{} `{}` is defined twice", def.section.noun(), def.name.text);
                let fault = Fault::new(Code::DuplicateName, def.name.span, message);
                faults.push(fault.related(types.def(*first).name.span, "first defined here"));
                continue;
            }
            types.names.insert(key, id);
            types.defs.push(def);
        }
        types.add_aliases();
        for function in definitions.functions {
            let at = types.functions.len();
            types.function_names.insert((function.name.span.file, function.name.text), at);
            types.functions.push(function);
        }
        types.check_repositories(&definitions.repositories, faults);
        let own = FIRST_DEFINED..types.defs.len();
        for at in own.clone() {
            let id = TypeId(u32::try_from(at).ok()?);
            types.defs[at].chain = match types.chain(id) {
                Ok(chain) => chain,
                Err(fault) => {
                    faults.push(fault);
                    types.broken = true;
                    vec![id]
                }
            };
        }
        let mut order: Vec<usize> = own.collect();
        order.sort_by_key(|at| types.defs[*at].chain.len());
        for at in order {
            let id = TypeId(u32::try_from(at).ok()?);
            let ((), found) = faults.capture(|| types.inherit(id, faults));
            types.report(found, faults);
        }
        types.full = types.full_names(loaded);
        Some(types)
    }

    /// Adds the shorthand and qualified names of TOSCA 1.x types.
    fn add_aliases(&mut self) {
        let mut aliases = Vec::new();
        for (id, def) in self.iter() {
            let metadata = def.metadata.and_then(|metadata| metadata.map()).into_iter().flatten();
            for (key, value) in metadata {
                if let (Some("koinon.shorthand" | "koinon.qualified"), Some(name)) =
                    (key.text(), value.text())
                {
                    aliases.push(((def.name.span.file, def.section, name), id));
                }
            }
        }
        for (key, id) in aliases {
            self.names.entry(key).or_insert(id);
        }
    }

    /// Checks that no repository has the name of a repository imported without namespace (csd07
    /// 6.8.4).
    fn check_repositories(&mut self, repositories: &[Word<'a>], faults: &Faults) {
        for word in repositories {
            self.repositories.entry(word.span.file).or_default().push(*word);
        }
        // The files visible from a file are collected once, for all its repositories.
        let mut seen: Option<(u32, Vec<u32>)> = None;
        for word in repositories {
            let file = word.span.file;
            let visible = match &mut seen {
                Some((known, visible)) if *known == file => visible,
                seen => {
                    let mut visible = Vec::new();
                    self.visible(file, &mut visible);
                    &mut seen.insert((file, visible)).1
                }
            };
            let mut others = visible.iter().filter(|other| **other != file);
            let other = others.find_map(|other| {
                self.repositories.get(other)?.iter().find(|other| other.text == word.text)
            });
            if let Some(other) = other {
                let message = format!("repository `{}` is defined twice", word.text);
                let fault = Fault::new(Code::DuplicateName, word.span, message);
                faults.push(fault.related(other.span, "imported from here"));
            }
        }
    }

    /// Collects the files whose names a file sees without a prefix.
    fn visible(&self, file: u32, seen: &mut Vec<u32>) {
        if seen.contains(&file) {
            return;
        }
        seen.push(file);
        for (import, namespace) in self.imports.get(&file).into_iter().flatten() {
            if namespace.is_none() {
                self.visible(*import, seen);
            }
        }
    }

    /// Returns the type and its ancestors.
    pub(crate) fn chain(&self, id: TypeId) -> Result<Vec<TypeId>, Fault> {
        let mut chain = vec![id];
        let mut def = self.def(id);
        let section = def.section;
        while let Some(parent) = def.parent {
            let next = self.find(section, parent)?;
            if let Some(at) = chain.iter().position(|one| *one == next) {
                // Every type of the circle finds it. Rotated to begin with the first name, all
                // report the same fault, which is kept once.
                let mut cycle = chain.split_off(at);
                let first = cycle.iter().enumerate().min_by_key(|(_, id)| self.def(**id).name.text);
                let first = first.map_or(0, |(at, _)| at);
                cycle.rotate_left(first);
                let span = self.def(cycle[0]).parent.map_or(parent.span, |one| one.span);
                cycle.push(cycle[0]);
                let names: Vec<&str> = cycle.iter().map(|id| self.def(*id).name.text).collect();
                let message =
                    format!("{} derives from itself: {}", section.noun(), names.join(" -> "));
                return Err(Fault::new(Code::TypeCycle, span, message));
            }
            if chain.len() >= MAX_LEVELS {
                let message = format!("more than {MAX_LEVELS} levels of derivation");
                return Err(Fault::new(Code::TooDeep, parent.span, message));
            }
            chain.push(next);
            def = self.def(next);
        }
        Ok(chain)
    }

    fn inherit(&mut self, id: TypeId, faults: &Faults) {
        let own = self.def(id).clone();
        let parent = own.chain.get(1).copied();
        let merged = refine(self, parent.map(|parent| self.def(parent)), own, faults);
        if merged.section == TypeKind::Data && merged.chain.last() == Some(&SCALAR) {
            let inherited = parent.and_then(|parent| self.units.get(&parent));
            if let Some(units) = ScalarUnits::of(self, &merged, inherited, faults) {
                self.units.insert(id, units);
            }
        }
        self.replace(id, merged);
    }

    /// Replaces a definition.
    pub(crate) fn replace(&mut self, id: TypeId, def: TypeDefinition<'a>) {
        self.defs[id.0 as usize] = def;
    }

    fn full_names(&self, loaded: &LoadedFiles) -> Vec<String> {
        let name = |def: &TypeDefinition<'_>| {
            let text = def.name.text;
            if def.chain.first().is_some_and(|id| (id.0 as usize) < FIRST_DEFINED) {
                return text.to_owned();
            }
            let file = loaded.get(def.name.span.file);
            // The normative types of 1.x have qualified names.
            if file.is_some_and(|file| file.builtin && file.version.is_some()) {
                return text.to_owned();
            }
            match file.and_then(|file| file.profile.as_deref()) {
                Some(profile) => format!("{profile}:{text}"),
                None if file.is_some_and(|file| file.root) => text.to_owned(),
                // Types of other files have the name the root sees, or else the file's number
                // before their name.
                None => {
                    let root = loaded.iter().next().map_or(0, |(number, _)| number);
                    let seen = self.resolve_name(root, def.section, text, &mut Vec::new());
                    match seen {
                        NameLookup::One(id) if std::ptr::eq(self.def(id).name.text, text) => {
                            text.to_owned()
                        }
                        _ => format!("{}#{text}", def.name.span.file),
                    }
                }
            }
        };
        self.defs.iter().map(name).collect()
    }
}
