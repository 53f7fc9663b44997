//! All types, each with what it inherits, found by name from the file that names them.

use std::cell::Cell;
use std::cell::RefCell;

use super::functions::Regexes;
use super::refine::refine;
use super::units::Units;
use crate::code::Code;
use crate::diag::Diagnostics;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Span;
use crate::grammar::Definitions;
use crate::grammar::FunctionDef;
use crate::grammar::Schema;
use crate::grammar::Section;
use crate::grammar::TypeDef;
use crate::grammar::TypeId;
use crate::grammar::Word;
use crate::hash::HashMap;
use crate::load::KOINON;
use crate::load::Loaded;

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

/// The data types of TOSCA itself. Their numbers are their places here.
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

pub(crate) const STRING: TypeId = TypeId(0);
pub(crate) const INTEGER: TypeId = TypeId(1);
pub(crate) const FLOAT: TypeId = TypeId(2);
pub(crate) const BOOLEAN: TypeId = TypeId(3);
const SCALAR: TypeId = TypeId(7);
/// The relationship type of requirements that name none.
pub(crate) const IMPLICIT: TypeId = TypeId(11);

/// The number of the first type that a file defines.
const OWN: usize = 12;

/// Returns whether TOSCA itself defines this data type.
pub(crate) fn is_builtin(name: &str) -> bool {
    builtin(name).is_some()
}

fn builtin(name: &str) -> Option<TypeId> {
    let at = BUILTIN.iter().position(|(builtin, _)| *builtin == name)?;
    u32::try_from(at).ok().map(TypeId)
}

/// Types by the names they are asked for by.
type ByName = HashMap<Box<str>, TypeId>;

/// All types and functions.
#[derive(Debug, Default)]
pub(crate) struct Types<'a> {
    defs: Vec<TypeDef<'a>>,
    /// What each file defines itself.
    names: HashMap<(u32, Section, &'a str), TypeId>,
    /// What names meant that files get from others, so that the way there is gone once.
    brought: RefCell<HashMap<(u32, Section), ByName>>,
    /// Units of scalar types, inherited ones as well.
    units: HashMap<TypeId, Units>,
    functions: Vec<FunctionDef<'a>>,
    function_names: HashMap<(u32, &'a str), usize>,
    /// Files each file imports, with their namespaces.
    imports: HashMap<u32, Vec<(u32, Option<&'a str>)>>,
    /// Files of Koinon's own profile.
    koinon: Vec<u32>,
    /// Files that were written in TOSCA 1.x.
    lowered: Vec<u32>,
    /// Repositories by the file that defines them.
    repositories: HashMap<u32, Vec<Word<'a>>>,
    /// Names of types as the output spells them.
    full: Vec<String>,
    /// Regular expressions that were used.
    pub(super) regexes: Regexes,
    /// Types that were not found.
    missed: Cell<usize>,
    /// Whether a type lacks what it would inherit, because its derivation leads nowhere.
    broken: bool,
}

/// A schema with its type looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape<'t, 'a> {
    pub(crate) id: TypeId,
    pub(crate) name: &'t str,
    pub(crate) base: Base,
    pub(crate) def: &'t TypeDef<'a>,
    pub(crate) key: Option<&'t Schema<'a>>,
    pub(crate) entry: Option<&'t Schema<'a>>,
    pub(crate) units: Option<&'t Units>,
}

/// What a name stands for.
enum Found<T> {
    Nothing,
    One(T),
    /// Several imports bring different things of this name.
    Several(T, T),
}

impl<T: Copy + PartialEq> Found<T> {
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
    /// Resolves derivations. A type whose own leads to an unknown type or back to itself inherits nothing.
    pub(crate) fn resolve(
        definitions: Definitions<'a>,
        loaded: &'a Loaded,
        faults: &Faults,
    ) -> Option<Self> {
        let mut types = Self::default();
        for (at, (name, _)) in BUILTIN.iter().enumerate() {
            let word = Word { text: name, span: Span::default() };
            let mut def = TypeDef::new(word, Section::Data, None);
            def.chain = u32::try_from(at).map(TypeId).into_iter().collect();
            types.defs.push(def);
        }
        let word = Word { text: "Relationship", span: Span::default() };
        let mut implicit = TypeDef::new(word, Section::Relationship, None);
        implicit.chain.push(IMPLICIT);
        types.defs.push(implicit);
        for (number, file) in loaded.iter() {
            let imports = file.imports.iter();
            let imports = imports.map(|import| (import.file, import.namespace.as_deref()));
            types.imports.insert(number, imports.collect());
            if file.version.is_some() {
                types.lowered.push(number);
            }
            if file.builtin && file.profile.as_deref() == Some(KOINON) {
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
        let own = OWN..types.defs.len();
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
            types.tell(found, faults);
        }
        types.full = types.full_names(loaded);
        Some(types)
    }

    /// Returns whether a type lacks what it would inherit.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Keeps faults; where a type lacks what it would inherit, only those that do not follow from that.
    pub(crate) fn tell(&self, found: Vec<Fault>, faults: &Faults) {
        let told = |fault: &Fault| !self.broken || fault.code().is_unknown_name();
        found.into_iter().filter(told).for_each(|fault| faults.push(fault));
    }

    /// Lets types of TOSCA 1.x be called by their shorthand and qualified names as well.
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

    /// Checks that no repository has the name of one that comes by an import without namespace (csd07 6.8.4).
    fn check_repositories(&mut self, repositories: &[Word<'a>], faults: &Faults) {
        for word in repositories {
            self.repositories.entry(word.span.file).or_default().push(*word);
        }
        // Files are few, and so are repositories: a file's view is collected once.
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

    /// Returns the repositories a file sees, by name. Those that come by a namespace carry it.
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

    /// Returns itself and its ancestors.
    fn chain(&self, id: TypeId) -> Result<Vec<TypeId>, Fault> {
        let mut chain = vec![id];
        let mut def = self.def(id);
        let section = def.section;
        while let Some(parent) = def.parent {
            let next = self.find(section, parent)?;
            if let Some(at) = chain.iter().position(|one| *one == next) {
                // Every type of the circle finds it: told from its first name on, it is told once.
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
        if merged.section == Section::Data && merged.chain.last() == Some(&SCALAR) {
            let inherited = parent.and_then(|parent| self.units.get(&parent));
            if let Some(units) = Units::of(self, &merged, inherited, faults) {
                self.units.insert(id, units);
            }
        }
        self.replace(id, merged);
    }

    /// Puts a definition in the place of another.
    pub(super) fn replace(&mut self, id: TypeId, def: TypeDef<'a>) {
        self.defs[id.0 as usize] = def;
    }

    /// Returns all types that files define.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (TypeId, &TypeDef<'a>)> {
        let ids = (0_u32..).map(TypeId);
        ids.zip(&self.defs).skip(OWN)
    }

    /// Returns the names of the data types of TOSCA itself.
    pub(crate) fn builtin_names(&self) -> impl Iterator<Item = &'static str> + use<> {
        BUILTIN.iter().map(|(name, _)| *name)
    }

    /// Returns whether a file defines the type.
    pub(crate) fn is_own(&self, id: TypeId) -> bool {
        id.0 as usize >= OWN
    }

    /// Returns the definition of a type.
    pub(crate) fn def(&self, id: TypeId) -> &TypeDef<'a> {
        &self.defs[id.0 as usize]
    }

    /// Returns the name the output spells it by.
    pub(crate) fn full_name(&self, id: TypeId) -> &str {
        self.full.get(id.0 as usize).map_or("", String::as_str)
    }

    fn full_names(&self, loaded: &Loaded) -> Vec<String> {
        let name = |def: &TypeDef<'_>| {
            let text = def.name.text;
            if def.chain.first().is_some_and(|id| (id.0 as usize) < OWN) {
                return text.to_owned();
            }
            let file = loaded.get(def.name.span.file);
            // The normative types of 1.x have names that say whose they are.
            if file.is_some_and(|file| file.builtin && file.version.is_some()) {
                return text.to_owned();
            }
            match file.and_then(|file| file.profile.as_deref()) {
                Some(profile) => format!("{profile}:{text}"),
                None if file.is_some_and(|file| file.root) => text.to_owned(),
                // Another file's types: by what the root sees them as, or by the file's number.
                None => {
                    let root = loaded.iter().next().map_or(0, |(number, _)| number);
                    let seen = self.resolve_name(root, def.section, text, &mut Vec::new());
                    match seen {
                        Found::One(id) if std::ptr::eq(self.def(id).name.text, text) => {
                            text.to_owned()
                        }
                        _ => format!("{}#{text}", def.name.span.file),
                    }
                }
            }
        };
        self.defs.iter().map(name).collect()
    }

    /// Returns the type a name means where it is written.
    pub(crate) fn lookup(&self, section: Section, name: Word<'_>) -> Option<TypeId> {
        if section == Section::Data
            && let Some(builtin) = builtin(name.text)
        {
            return Some(builtin);
        }
        match self.resolve_name(name.span.file, section, name.text, &mut Vec::new()) {
            Found::Nothing => None,
            Found::One(id) | Found::Several(id, _) => Some(id),
        }
    }

    /// Returns the definition a name means where it is written.
    pub(crate) fn get(&self, section: Section, name: Word<'_>) -> Option<&TypeDef<'a>> {
        self.lookup(section, name).map(|id| self.def(id))
    }

    /// Returns the type, or makes the fault that it is unknown, or that it could be several.
    pub(crate) fn find(&self, section: Section, name: Word<'_>) -> Result<TypeId, Fault> {
        if section == Section::Data
            && let Some(builtin) = builtin(name.text)
        {
            return Ok(builtin);
        }
        match self.resolve_name(name.span.file, section, name.text, &mut Vec::new()) {
            Found::One(id) => Ok(id),
            Found::Nothing => Err(self.unknown(section, name)),
            Found::Several(left, right) => {
                let message = format!("`{}` could be one of several types", name.text);
                let fault = Fault::new(Code::DuplicateName, name.span, message)
                    .related(self.def(left).name.span, "this one")
                    .related(self.def(right).name.span, "or this one");
                Err(fault.hint("import one of their files into a `namespace`"))
            }
        }
    }

    /// Finds a name: what the file defines itself, then what it imports. The whole name is tried before a namespace
    /// is split off, since both may contain colons.
    fn resolve_name(
        &self,
        file: u32,
        section: Section,
        text: &str,
        seen: &mut Vec<(u32, usize)>,
    ) -> Found<TypeId> {
        if let Some(id) = self.names.get(&(file, section, text)) {
            return Found::One(*id);
        }
        // Within a search, what was seen already is not found again, which is nobody else's answer.
        let whole = seen.is_empty();
        if whole
            && let Some(id) =
                self.brought.borrow().get(&(file, section)).and_then(|all| all.get(text))
        {
            return Found::One(*id);
        }
        if seen.contains(&(file, text.len())) {
            return Found::Nothing;
        }
        seen.push((file, text.len()));
        let mut found = Found::Nothing;
        for (import, rest) in self.within(file, text) {
            found = found.and(self.resolve_name(import, section, rest, seen));
        }
        if let (true, Found::One(id)) = (whole, &found) {
            self.brought.borrow_mut().entry((file, section)).or_default().insert(text.into(), *id);
        }
        found
    }

    /// Returns the imports that may bring a name, each with the name as it is there.
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

    /// Makes the fault for an unknown type.
    pub(crate) fn unknown(&self, section: Section, name: Word<'_>) -> Fault {
        let message = format!("unknown {} `{}`", section.noun(), name.text);
        let mut known = Vec::new();
        self.missed.set(self.missed.get() + 1);
        if self.missed.get() > Diagnostics::MAX {
            // No more of them are shown, and to search all names for each takes the square of their number.
            return Fault::new(Code::UnknownType, name.span, message);
        }
        self.names_in(name.span.file, section, "", &mut Vec::new(), &mut known);
        if section == Section::Data {
            known.extend(BUILTIN.iter().map(|(name, _)| (*name).to_owned()));
        }
        let fault = Fault::new(Code::UnknownType, name.span, message)
            .near(name.text, known.iter().map(String::as_str));
        match Section::ALL.into_iter().find(|other| self.lookup(*other, name).is_some()) {
            Some(other) => fault.hint(format!("`{}` is a {}", name.text, other.noun())),
            None => fault,
        }
    }

    /// Collects the names a file can use, for suggestions.
    pub(crate) fn names_in(
        &self,
        file: u32,
        section: Section,
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
            .skip(OWN)
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

    /// Returns the function a name means where it is written.
    ///
    /// # Errors
    /// Several imports bring different functions of this name (csd07 10.4).
    pub(crate) fn function(&self, name: Word<'_>) -> Result<Option<&FunctionDef<'a>>, Fault> {
        match self.function_at(name.span.file, name.text, &mut Vec::new()) {
            Found::Nothing => Ok(None),
            Found::One(at) => Ok(Some(&self.functions[at])),
            Found::Several(left, right) => {
                let message = format!("`{}` could be one of several functions", name.text);
                let fault = Fault::new(Code::DuplicateName, name.span, message)
                    .related(self.functions[left].name.span, "this one")
                    .related(self.functions[right].name.span, "or this one");
                Err(fault.hint("import one of their files into a `namespace`"))
            }
        }
    }

    fn function_at(&self, file: u32, text: &str, seen: &mut Vec<(u32, usize)>) -> Found<usize> {
        if let Some(at) = self.function_names.get(&(file, text)) {
            return Found::One(*at);
        }
        if seen.contains(&(file, text.len())) {
            return Found::Nothing;
        }
        seen.push((file, text.len()));
        let mut found = Found::Nothing;
        for (import, rest) in self.within(file, text) {
            found = found.and(self.function_at(import, rest, seen));
        }
        found
    }

    /// Returns all functions that files define.
    pub(crate) fn functions(&self) -> &[FunctionDef<'a>] {
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
    pub(crate) fn koinon(&self, section: Section, name: &str) -> Option<TypeId> {
        self.koinon.iter().find_map(|file| self.names.get(&(*file, section, name)).copied())
    }

    /// Returns what a data type's values are made of.
    pub(crate) fn base(&self, id: TypeId) -> Base {
        let root = self.def(id).chain.last().map_or(usize::MAX, |root| root.0 as usize);
        BUILTIN.get(root).map_or(Base::Complex, |(_, base)| *base)
    }

    /// Returns the units of a scalar type.
    pub(crate) fn units(&self, id: TypeId) -> Option<&Units> {
        self.units.get(&id)
    }

    /// Looks up a schema's type; `None` if it is unknown or there is none.
    pub(crate) fn shape<'t>(&'t self, schema: &'t Schema<'a>) -> Option<Shape<'t, 'a>> {
        let id = self.lookup(Section::Data, schema.data_type?)?;
        let def = self.def(id);
        Some(Shape {
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
