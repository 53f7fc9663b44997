//! All types, each with what it inherits, found by name from the file that names them.

use std::cell::Cell;
use std::cell::RefCell;

use super::regexes::Regexes;
use super::units::ScalarUnits;
use crate::builtin::BUILTIN;
use crate::builtin::Base;
use crate::code::Code;
use crate::diag::Diagnostics;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::grammar::FunctionDefinition;
use crate::grammar::Schema;
use crate::grammar::TypeDefinition;
use crate::grammar::TypeId;
use crate::grammar::Word;
use crate::hash::HashMap;
use crate::keynames::TypeKind;

pub(crate) const STRING: TypeId = TypeId(0);

pub(crate) const INTEGER: TypeId = TypeId(1);

pub(crate) const FLOAT: TypeId = TypeId(2);

pub(crate) const BOOLEAN: TypeId = TypeId(3);

pub(crate) const SCALAR: TypeId = TypeId(7);

/// The relationship type of requirements that name none.
pub(crate) const IMPLICIT: TypeId = TypeId(11);

/// The number of the first type that a file defines.
pub(crate) const FIRST_DEFINED: usize = 12;

pub(crate) fn builtin(name: &str) -> Option<TypeId> {
    let at = BUILTIN.iter().position(|(builtin, _)| *builtin == name)?;
    u32::try_from(at).ok().map(TypeId)
}

/// Types by the names that files use for them.
type TypesByName = HashMap<Box<str>, TypeId>;

/// All types and functions.
#[derive(Debug, Default)]
pub(crate) struct Types<'a> {
    pub(super) defs: Vec<TypeDefinition<'a>>,
    /// Types by the file that defines them.
    pub(super) names: HashMap<(u32, TypeKind, &'a str), TypeId>,
    /// Resolved names of imported types, so that imports are followed once.
    pub(super) brought: RefCell<HashMap<(u32, TypeKind), TypesByName>>,
    /// Units of scalar types, including inherited units.
    pub(super) units: HashMap<TypeId, ScalarUnits>,
    pub(super) functions: Vec<FunctionDefinition<'a>>,
    pub(super) function_names: HashMap<(u32, &'a str), usize>,
    /// Files each file imports, with their namespaces.
    pub(super) imports: HashMap<u32, Vec<(u32, Option<&'a str>)>>,
    /// Files of Koinon's own profile.
    pub(super) koinon: Vec<u32>,
    /// Files that were written in TOSCA 1.x.
    pub(super) lowered: Vec<u32>,
    /// Repositories by the file that defines them.
    pub(super) repositories: HashMap<u32, Vec<Word<'a>>>,
    /// Names of types in the output.
    pub(super) full: Vec<String>,
    /// Regular expressions that were used.
    pub(crate) regexes: Regexes,
    /// The number of names that were not found.
    pub(super) missed: Cell<usize>,
    /// Whether a derivation could not be resolved, so that a type lacks inherited definitions.
    pub(super) broken: bool,
}

/// A schema whose type is looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResolvedSchema<'t, 'a> {
    pub(crate) id: TypeId,
    pub(crate) name: &'t str,
    pub(crate) base: Base,
    pub(crate) def: &'t TypeDefinition<'a>,
    pub(crate) key: Option<&'t Schema<'a>>,
    pub(crate) entry: Option<&'t Schema<'a>>,
    pub(crate) units: Option<&'t ScalarUnits>,
}

/// The result of looking up a name.
pub(crate) enum NameLookup<T> {
    Nothing,
    One(T),
    /// Several imports bring different definitions of this name.
    Several(T, T),
}

impl<T: Copy + PartialEq> NameLookup<T> {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, other) | (other, Self::Nothing) => other,
            (Self::One(left), Self::One(right)) if left == right => Self::One(left),
            (
                Self::One(left) | Self::Several(left, _),
                Self::One(right) | Self::Several(right, _),
            ) => Self::Several(left, right),
        }
    }
}

impl<'a> Types<'a> {
    /// Returns whether a type lacks inherited definitions.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Keeps faults. If a type lacks inherited definitions, only faults that cannot follow from
    /// that are kept.
    pub(crate) fn report(&self, found: Vec<Fault>, faults: &Faults) {
        let told = |fault: &Fault| !self.broken || fault.code().is_unknown_name();
        found.into_iter().filter(told).for_each(|fault| faults.push(fault));
    }

    /// Returns the names of the repositories a file sees, with the namespace they are imported
    /// into.
    pub(crate) fn repositories_in(&self, file: u32) -> Vec<String> {
        let mut names = Vec::new();
        let mut todo = vec![(file, String::new())];
        let mut seen = Vec::new();
        while let Some((file, prefix)) = todo.pop() {
            if seen.contains(&file) {
                continue;
            }
            seen.push(file);
            let own = self.repositories.get(&file).into_iter().flatten();
            names.extend(own.map(|word| format!("{prefix}{}", word.text)));
            for (import, namespace) in self.imports.get(&file).into_iter().flatten() {
                let prefix = namespace.map_or(prefix.clone(), |name| format!("{prefix}{name}:"));
                todo.push((*import, prefix));
            }
        }
        names
    }

    /// Returns all types that files define.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (TypeId, &TypeDefinition<'a>)> {
        let ids = (0_u32..).map(TypeId);
        ids.zip(&self.defs).skip(FIRST_DEFINED)
    }

    /// Returns the names of the data types of TOSCA itself.
    pub(crate) fn builtin_names(&self) -> impl Iterator<Item = &'static str> + use<> {
        BUILTIN.iter().map(|(name, _)| *name)
    }

    /// Returns whether a file defines the type.
    pub(crate) fn is_own(&self, id: TypeId) -> bool {
        id.0 as usize >= FIRST_DEFINED
    }

    /// Returns the definition of a type.
    pub(crate) fn def(&self, id: TypeId) -> &TypeDefinition<'a> {
        &self.defs[id.0 as usize]
    }

    /// Returns the name of a type in the output.
    pub(crate) fn full_name(&self, id: TypeId) -> &str {
        self.full.get(id.0 as usize).map_or("", String::as_str)
    }

    /// Returns the type of a name, as seen by the file that has the name.
    pub(crate) fn lookup(&self, section: TypeKind, name: Word<'_>) -> Option<TypeId> {
        if section == TypeKind::Data
            && let Some(builtin) = builtin(name.text)
        {
            return Some(builtin);
        }
        match self.resolve_name(name.span.file, section, name.text, &mut Vec::new()) {
            NameLookup::Nothing => None,
            NameLookup::One(id) | NameLookup::Several(id, _) => Some(id),
        }
    }

    /// Returns the definition of a name, as seen by the file that has the name.
    pub(crate) fn get(&self, section: TypeKind, name: Word<'_>) -> Option<&TypeDefinition<'a>> {
        self.lookup(section, name).map(|id| self.def(id))
    }

    /// Returns the type of a name, or the fault that it is unknown or ambiguous.
    pub(crate) fn find(&self, section: TypeKind, name: Word<'_>) -> Result<TypeId, Fault> {
        if section == TypeKind::Data
            && let Some(builtin) = builtin(name.text)
        {
            return Ok(builtin);
        }
        match self.resolve_name(name.span.file, section, name.text, &mut Vec::new()) {
            NameLookup::One(id) => Ok(id),
            NameLookup::Nothing => Err(self.unknown(section, name)),
            NameLookup::Several(left, right) => {
                let message = format!("`{}` is the name of several types", name.text);
                let fault = Fault::new(Code::DuplicateName, name.span, message)
                    .related(self.def(left).name.span, "defined here")
                    .related(self.def(right).name.span, "also defined here");
                Err(fault.hint("import one of their files into a `namespace`"))
            }
        }
    }

    /// Finds a name among the file's own definitions, then among its imports. The whole name is
    /// tried before a namespace is split off, since both may contain colons.
    pub(super) fn resolve_name(
        &self,
        file: u32,
        section: TypeKind,
        text: &str,
        seen: &mut Vec<(u32, usize)>,
    ) -> NameLookup<TypeId> {
        if let Some(id) = self.names.get(&(file, section, text)) {
            return NameLookup::One(*id);
        }
        // Only whole searches are remembered: a nested search leaves out files that were seen
        // already.
        let whole = seen.is_empty();
        if whole
            && let Some(id) =
                self.brought.borrow().get(&(file, section)).and_then(|all| all.get(text))
        {
            return NameLookup::One(*id);
        }
        if seen.contains(&(file, text.len())) {
            return NameLookup::Nothing;
        }
        seen.push((file, text.len()));
        let mut found = NameLookup::Nothing;
        for (import, rest) in self.within(file, text) {
            found = found.and(self.resolve_name(import, section, rest, seen));
        }
        if let (true, NameLookup::One(id)) = (whole, &found) {
            self.brought.borrow_mut().entry((file, section)).or_default().insert(text.into(), *id);
        }
        found
    }

    /// Returns the imports that may bring a name, each with the name in that file.
    fn within<'t>(&'t self, file: u32, text: &'t str) -> impl Iterator<Item = (u32, &'t str)> {
        let imports = self.imports.get(&file).into_iter().flatten();
        imports.filter_map(move |(import, namespace)| match namespace {
            None => Some((*import, text)),
            Some(namespace) => {
                let rest = text.strip_prefix(namespace)?.strip_prefix(':')?;
                Some((*import, rest))
            }
        })
    }

    /// Returns the fault for an unknown type.
    pub(crate) fn unknown(&self, section: TypeKind, name: Word<'_>) -> Fault {
        let message = format!("unknown {} `{}`", section.noun(), name.text);
        let mut known = Vec::new();
        self.missed.set(self.missed.get() + 1);
        if self.missed.get() > Diagnostics::MAX {
            // No more faults are shown, and to search all names for each takes quadratic time.
            return Fault::new(Code::UnknownType, name.span, message);
        }
        self.names_in(name.span.file, section, "", &mut Vec::new(), &mut known);
        if section == TypeKind::Data {
            known.extend(BUILTIN.iter().map(|(name, _)| (*name).to_owned()));
        }
        let fault = Fault::new(Code::UnknownType, name.span, message)
            .near(name.text, known.iter().map(String::as_str));
        match TypeKind::ALL.into_iter().find(|other| self.lookup(*other, name).is_some()) {
            Some(other) => fault.hint(format!("`{}` is a {}", name.text, other.noun())),
            None => fault,
        }
    }

    /// Collects the names a file can use, for suggestions.
    pub(crate) fn names_in(
        &self,
        file: u32,
        section: TypeKind,
        prefix: &str,
        seen: &mut Vec<u32>,
        names: &mut Vec<String>,
    ) {
        if seen.contains(&file) || names.len() > 4096 {
            return;
        }
        seen.push(file);
        let mut own: Vec<String> = self
            .defs
            .iter()
            .skip(FIRST_DEFINED)
            .filter(|def| def.section == section && def.name.span.file == file)
            .map(|def| format!("{prefix}{}", def.name.text))
            .collect();
        names.append(&mut own);
        for (import, namespace) in self.imports.get(&file).into_iter().flatten() {
            match namespace {
                None => self.names_in(*import, section, prefix, seen, names),
                Some(namespace) => {
                    let prefix = format!("{prefix}{namespace}:");
                    self.names_in(*import, section, &prefix, seen, names);
                }
            }
        }
    }

    /// Returns the function of a name, as seen by the file that has the name.
    ///
    /// # Errors
    /// Several imports bring different functions of this name (csd07 10.4).
    pub(crate) fn function(
        &self,
        name: Word<'_>,
    ) -> Result<Option<&FunctionDefinition<'a>>, Fault> {
        match self.function_at(name.span.file, name.text, &mut Vec::new()) {
            NameLookup::Nothing => Ok(None),
            NameLookup::One(at) => Ok(Some(&self.functions[at])),
            NameLookup::Several(left, right) => {
                let message = format!("`{}` is the name of several functions", name.text);
                let fault = Fault::new(Code::DuplicateName, name.span, message)
                    .related(self.functions[left].name.span, "defined here")
                    .related(self.functions[right].name.span, "also defined here");
                Err(fault.hint("import one of their files into a `namespace`"))
            }
        }
    }

    fn function_at(
        &self,
        file: u32,
        text: &str,
        seen: &mut Vec<(u32, usize)>,
    ) -> NameLookup<usize> {
        if let Some(at) = self.function_names.get(&(file, text)) {
            return NameLookup::One(*at);
        }
        if seen.contains(&(file, text.len())) {
            return NameLookup::Nothing;
        }
        seen.push((file, text.len()));
        let mut found = NameLookup::Nothing;
        for (import, rest) in self.within(file, text) {
            found = found.and(self.function_at(import, rest, seen));
        }
        found
    }

    /// Returns all functions that files define.
    pub(crate) fn functions(&self) -> &[FunctionDefinition<'a>] {
        &self.functions
    }

    /// Returns whether a type is, or derives from, another.
    pub(crate) fn derives(&self, id: TypeId, ancestor: TypeId) -> bool {
        self.def(id).chain.contains(&ancestor)
    }

    /// Returns whether a file was written in TOSCA 1.x.
    pub(crate) fn is_lowered(&self, file: u32) -> bool {
        self.lowered.contains(&file)
    }

    /// Returns a type of Koinon's own profile, if the service uses that.
    pub(crate) fn koinon(&self, section: TypeKind, name: &str) -> Option<TypeId> {
        self.koinon.iter().find_map(|file| self.names.get(&(*file, section, name)).copied())
    }

    /// Returns the kind of a data type's values.
    pub(crate) fn base(&self, id: TypeId) -> Base {
        let root = self.def(id).chain.last().map_or(usize::MAX, |root| root.0 as usize);
        BUILTIN.get(root).map_or(Base::Complex, |(_, base)| *base)
    }

    /// Returns the units of a scalar type.
    pub(crate) fn units(&self, id: TypeId) -> Option<&ScalarUnits> {
        self.units.get(&id)
    }

    /// Looks up a schema's type; `None` if it is unknown or missing.
    pub(crate) fn shape<'t>(&'t self, schema: &'t Schema<'a>) -> Option<ResolvedSchema<'t, 'a>> {
        let id = self.lookup(TypeKind::Data, schema.data_type?)?;
        let def = self.def(id);
        Some(ResolvedSchema {
            id,
            name: def.name.text,
            base: self.base(id),
            def,
            key: schema.key.as_deref().or(def.schema.key.as_deref()),
            entry: schema.entry.as_deref().or(def.schema.entry.as_deref()),
            units: self.units.get(&id),
        })
    }
}
