//! Root file to all files: imports followed, profiles found by name, budgets shared.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use koinon_model::Value;

use crate::Options;
use crate::Phase;
use crate::budget::Budgets;
use crate::canonical::literal;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Sources;
use crate::diag::Span;
use crate::files::FileError;
use crate::files::Files;
use crate::grammar::Word;
use crate::grammar::fields;
use crate::grammar::wrong_kind;
use crate::keynames;
use crate::lower;
use crate::lower::Version;
use crate::yaml::Budget;
use crate::yaml::Tree;
use crate::yaml::Yaml;
use crate::yaml::parse;

/// Name of Koinon's own profile.
pub(crate) const KOINON: &str = "org.koinon:1.0";

/// The Simple Profile of TOSCA 2.0, as csd07 6.8.3 calls it.
const SIMPLE: &str = "org.oasis-open.tosca.simple:2.0";

/// Returns the text of a profile the compiler knows, and its name as spans of types have it.
fn builtin(name: &str) -> Option<(&'static str, &'static str)> {
    if name == KOINON {
        return Some((KOINON, include_str!("../../../profiles/koinon/1.0/profile.yaml")));
    }
    let name = if name == SIMPLE { "org.oasis-open.simple:2.0" } else { name };
    let found = lower::PROFILES.iter().find(|(known, _, _)| *known == name)?;
    Some((found.0, found.2))
}

/// Returns the names of all profiles the compiler knows.
pub(crate) fn builtins() -> impl Iterator<Item = &'static str> {
    [KOINON, SIMPLE].into_iter().chain(lower::PROFILES.iter().map(|(name, _, _)| *name))
}

/// The metadata by which a file says that it is a built-in profile, for processors that do not know it by name.
pub(crate) const PROFILE: &str = "koinon.profile";

const VERSION: &str = "tosca_definitions_version";

/// The versions of TOSCA.
pub(crate) const VERSIONS: [&str; 5] = [
    "tosca_2_0",
    "tosca_simple_yaml_1_3",
    "tosca_simple_yaml_1_2",
    "tosca_simple_yaml_1_1",
    "tosca_simple_yaml_1_0",
];

/// A parsed file.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) tree: Tree,
    /// The profile it belongs to, if any: its own, or that of the file that imports it (csd07 6.7.1).
    pub(crate) profile: Option<String>,
    /// Whether the profile is built in.
    pub(crate) builtin: bool,
    /// The version of TOSCA 1.x it was written in, if it was.
    pub(crate) version: Option<Version>,
    /// Whether it was asked for, and not imported.
    pub(crate) root: bool,
    pub(crate) imports: Vec<Import>,
}

/// A file another one imports.
#[derive(Debug)]
pub(crate) struct Import {
    /// Its number.
    pub(crate) file: u32,
    /// The prefix its names get.
    pub(crate) namespace: Option<String>,
    pub(crate) span: Span,
}

/// All files of a run, by the numbers spans have.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    files: BTreeMap<u32, File>,
}

impl Loaded {
    /// Returns the files in the order in which they were read, the root first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &File)> {
        self.files.iter().map(|(number, file)| (*number, file))
    }

    pub(crate) fn get(&self, number: u32) -> Option<&File> {
        self.files.get(&number)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

struct Loader<'l> {
    source: &'l dyn Files,
    sources: &'l mut Sources,
    faults: &'l Faults,
    budget: Budget,
    options: &'l Options,
    /// Files beside the root that define profiles, by the profile's name; found when first needed.
    beside: Option<BTreeMap<String, String>>,
    root: String,
    /// Places in the queue, by what was asked for.
    known: BTreeMap<Place, usize>,
    queue: Vec<Wanted>,
}

/// Where a file is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// Below the root.
    Path(String),
    /// At an address with a scheme.
    Url(String),
    /// In the compiler.
    Builtin(&'static str),
}

impl Place {
    /// Returns its name in diagnostics.
    fn name(&self) -> String {
        match self {
            Self::Path(path) => path.clone(),
            Self::Url(url) => url.clone(),
            Self::Builtin(profile) => format!("profile {profile}"),
        }
    }
}

/// A file an import asks for.
struct Wanted {
    place: Place,
    /// The profile of the file that imports it.
    profile: Option<String>,
    from: Option<Span>,
    /// Its number, once it was read.
    number: Option<u32>,
    /// The built-in profile that is read in its place.
    stands_for: Option<usize>,
    /// Its own imports: places in the queue, with namespaces.
    imports: Vec<(usize, Option<String>, Span)>,
}

/// Loads root files and everything they import. Files that cannot be used are left out, with a fault each.
pub(crate) fn load(
    roots: &[&str],
    source: &dyn Files,
    options: &Options,
    sources: &mut Sources,
    faults: &Faults,
) -> Loaded {
    let root = roots.first().map_or_else(String::new, |root| normal(root));
    let mut loader = Loader {
        source,
        sources,
        faults,
        budget: Budget::new(&options.budgets),
        options,
        beside: None,
        root,
        known: BTreeMap::new(),
        queue: Vec::new(),
    };
    for root in roots {
        loader.want(Place::Path(normal(root)), None, None);
    }
    let roots = loader.queue.len();
    let mut files = BTreeMap::new();
    let mut next = 0;
    while next < loader.queue.len() {
        let file = loader.file(next, next < roots);
        files.extend(loader.queue[next].number.zip(file));
        next += 1;
        // Without its root a service is nothing; everything else would only repeat that.
        if files.is_empty() {
            break;
        }
    }
    let newest = loader.simple_profiles().max_by_key(|(_, version)| *version);
    for wanted in &loader.queue {
        let Some(file) = wanted.number.and_then(|number| files.get_mut(&number)) else { continue };
        let imports = wanted.imports.iter().filter_map(|(at, namespace, span)| {
            let at = loader.queue[*at].stands_for.unwrap_or(*at);
            // What files of several versions of 1.x imply are the same types: the newest stand for all.
            let implied = file.version.is_some() && namespace.is_none();
            let simple = || loader.simple_profiles().any(|(simple, _)| simple == at);
            let at = newest.map_or(at, |(newest, _)| if implied && simple() { newest } else { at });
            let file = loader.queue[at].number?;
            Some(Import { file, namespace: namespace.clone(), span: *span })
        });
        file.imports = imports.collect();
    }
    for number in files.keys().copied().collect::<Vec<_>>() {
        if let Some(file) = files.get_mut(&number) {
            let imports = std::mem::take(&mut file.imports);
            let kept = imports.into_iter().filter(|import| files.contains_key(&import.file));
            let kept: Vec<Import> = kept.collect();
            if let Some(file) = files.get_mut(&number) {
                file.imports = kept;
            }
        }
    }
    let used: BTreeSet<u32> =
        files.values().flat_map(|file| &file.imports).map(|import| import.file).collect();
    files.retain(|number, file| !file.builtin || used.contains(number));
    Loaded { files }
}

impl Loader<'_> {
    /// Returns the Simple Profiles of 1.x that are imported, as places in the queue.
    fn simple_profiles(&self) -> impl Iterator<Item = (usize, Version)> {
        self.queue.iter().enumerate().filter_map(|(at, wanted)| {
            let Place::Builtin(name) = wanted.place else { return None };
            let (_, version, _) = lower::PROFILES.iter().find(|(known, _, _)| *known == name)?;
            Some((at, (*version)?))
        })
    }

    /// Puts a file into the queue, unless it is there.
    fn want(&mut self, place: Place, profile: Option<String>, from: Option<Span>) -> usize {
        if let Some(at) = self.known.get(&place) {
            return *at;
        }
        let at = self.queue.len();
        self.known.insert(place.clone(), at);
        self.queue.push(Wanted {
            place,
            profile,
            from,
            number: None,
            stands_for: None,
            imports: Vec::new(),
        });
        at
    }

    fn file(&mut self, index: usize, root: bool) -> Option<File> {
        let wanted = &self.queue[index];
        let (place, inherited, from) = (wanted.place.clone(), wanted.profile.clone(), wanted.from);
        let text = match &place {
            Place::Builtin(profile) => builtin(profile)?.1.to_owned(),
            place => self.read(place, from)?,
        };
        let number = self.sources.add(&place.name(), text);
        self.queue[index].number = Some(number);
        let text = self.sources.get(number)?.text();
        let tree = self.faults.keep(parse(text, number, &mut self.budget, self.faults))?;
        self.options.pass(Phase::Parse);
        if !root && let Some(known) = stood_for(tree.root()) {
            self.queue[index].number = None;
            self.queue[index].stands_for = Some(self.want(Place::Builtin(known), None, from));
            return None;
        }
        let version = self.version(tree.root())?;
        let tree = match (version, &place) {
            (None, _) => tree,
            (Some(version), Place::Builtin(_)) => lower::lower_profile(tree, version, self.faults),
            (Some(version), _) => lower::lower(tree, version, self.faults),
        };
        if version.is_some() {
            self.options.pass(Phase::Lower);
        }
        let own = entry(tree.root(), "profile").and_then(|(_, profile)| profile.string());
        let profile = own.map(str::to_owned).or(inherited);
        self.imports(tree.root(), index, profile.as_deref());
        let builtin = matches!(place, Place::Builtin(_));
        Some(File { tree, profile, builtin, version, root, imports: Vec::new() })
    }

    fn read(&mut self, place: &Place, from: Option<Span>) -> Option<String> {
        let name = place.name();
        let mut fail = |code, message: String| {
            let span = from.unwrap_or_else(|| {
                let file = self.sources.add(&name, String::new());
                Span { file, start: 0, end: 0 }
            });
            self.faults.push(Fault::new(code, span, message));
        };
        let read = match place {
            Place::Path(path) => self.source.read(path),
            Place::Url(url) => self.source.fetch(url),
            Place::Builtin(_) => Err(FileError::NotFound),
        };
        let most = self.options.budgets.bytes;
        let bytes = match read {
            Ok(bytes) if bytes.len() <= self.budget.bytes => bytes,
            Ok(_) | Err(FileError::TooLarge) => {
                let message = format!("with {name} the files have more than {most} bytes");
                fail(Code::TooManyBytes, message);
                return None;
            }
            Err(error) => {
                fail(Code::Unreadable, format!("cannot read {name}: {error}"));
                return None;
            }
        };
        self.budget.bytes -= bytes.len();
        match String::from_utf8(bytes) {
            Ok(text) => Some(text),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                fail(Code::Encoding, format!("{name} is not UTF-8 at byte {at}"));
                None
            }
        }
    }

    /// Checks the version line, which must come first because it says how to read the rest: the version,
    /// if it is one of 1.x.
    fn version(&self, root: Yaml<'_>) -> Option<Option<Version>> {
        let Some(mut entries) = root.map() else {
            self.faults.push(wrong_kind(root, "a TOSCA file", "map"));
            return None;
        };
        let first = entries.next();
        let Some((_, value)) = first.filter(|(key, _)| key.text() == Some(VERSION)) else {
            let at = first.map_or(root.span(), |(key, _)| key.span());
            let mut fault = Fault::new(
                Code::VersionFirst,
                at,
                format!("expected `{VERSION}` as the first key"),
            );
            if let Some((key, _)) = entries.find(|(key, _)| key.text() == Some(VERSION)) {
                fault = fault.related(key.span(), "move this up");
            } else {
                fault = fault.hint(format!("start the file with `{VERSION}: tosca_2_0`"));
            }
            self.faults.push(fault);
            return None;
        };
        match value.string() {
            Some("tosca_2_0") => Some(None),
            Some(version) if Version::parse(version).is_some() => Some(Version::parse(version)),
            Some(other) => {
                let message = format!("unknown version `{other}`");
                let fault = Fault::new(Code::UnknownVersion, value.span(), message);
                self.faults.push(fault.near(other, VERSIONS));
                None
            }
            None => {
                self.faults.push(wrong_kind(value, VERSION, "string"));
                None
            }
        }
    }

    fn imports(&mut self, root: Yaml<'_>, index: usize, profile: Option<&str>) {
        // What is no list of imports is told where the file is read.
        let imports = entry(root, "imports").and_then(|(_, imports)| imports.list());
        for import in imports.into_iter().flatten() {
            let Some((place, namespace)) =
                self.import(import, root, index).map_err(|fault| self.faults.push(fault)).ok()
            else {
                continue;
            };
            let Some(place) = place else { continue };
            if self.known.len() >= self.options.budgets.files && !self.known.contains_key(&place) {
                let message = format!("more than {} files", self.options.budgets.files);
                self.faults.push(Fault::new(Code::TooManyFiles, import.span(), message));
                return;
            }
            let profile = profile.map(str::to_owned);
            let at = self.want(place, profile, Some(import.span()));
            self.queue[index].imports.push((at, namespace, import.span()));
        }
    }

    /// Finds out which file an import means, and under which namespace.
    fn import(
        &mut self,
        import: Yaml<'_>,
        root: Yaml<'_>,
        index: usize,
    ) -> Result<(Option<Place>, Option<String>), Fault> {
        let base = self.queue[index].place.clone();
        if let Some(url) = import.string() {
            return Ok((Some(place(Word { text: url, span: import.span() }, &base)?), None));
        }
        let Some(fields) = fields(import, &keynames::IMPORT, import.span(), self.faults) else {
            return Ok((None, None));
        };
        let namespace = fields.word("namespace").map(|word| word.text.to_owned());
        let at = (import.span().file, import.span().start);
        let found = match (fields.word("url"), fields.word("profile")) {
            (Some(url), None) => match fields.word("repository") {
                Some(repository) => in_repository(url, repository, root, &base)?,
                None => place(url, &base)?,
            },
            (None, Some(name)) => {
                if let Some(repository) = fields.word("repository") {
                    let message = "`repository` belongs to `url`, a profile is found by its name";
                    return Err(Fault::new(Code::Import, repository.span, message));
                }
                self.profile(name)?
            }
            (Some(url), Some(_)) => {
                let message = "expected either `url` or `profile`, found both";
                return Err(Fault::new(Code::Import, url.span, message));
            }
            (None, None) if fields.has("url") || fields.has("profile") => return Ok((None, None)),
            // Said in the words of TOSCA 1.x already.
            (None, None) if self.faults.places().contains(&at) => {
                return Ok((None, None));
            }
            (None, None) => {
                let message = "expected `url` or `profile` in an import";
                return Err(Fault::new(Code::MissingKey, import.span(), message));
            }
        };
        Ok((Some(found), namespace))
    }

    /// Finds a profile by its name: built in, or in a file beside the root (csd07 6.8.2.1).
    fn profile(&mut self, name: Word<'_>) -> Result<Place, Fault> {
        if let Some((known, _)) = builtin(name.text) {
            return Ok(Place::Builtin(known));
        }
        let beside = match self.beside.take() {
            Some(beside) => beside,
            None => self.profiles_beside(),
        };
        let found = beside.get(name.text).cloned();
        let fault = || {
            let fault = Fault::new(
                Code::UnknownProfile,
                name.span,
                format!("unknown profile `{}`", name.text),
            );
            let mut known: Vec<&str> = builtins().collect();
            known.extend(beside.keys().map(String::as_str));
            fault.near(name.text, known)
        };
        let result = found.map(Place::Path).ok_or_else(fault);
        self.beside = Some(beside);
        result
    }

    /// Looks for profiles in the folder of the root file. A file counts if one of its lines defines the profile; what
    /// else it is shows when it is loaded.
    fn profiles_beside(&self) -> BTreeMap<String, String> {
        let folder = self.root.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut profiles = BTreeMap::new();
        for path in self.source.list(folder) {
            if !(path.ends_with(".yaml") || path.ends_with(".yml")) {
                continue;
            }
            let Ok(bytes) = self.source.read(&path) else { continue };
            let Ok(text) = String::from_utf8(bytes) else { continue };
            let line = text.lines().find_map(|line| line.strip_prefix("profile:"));
            let Some(value) = line else { continue };
            let value = value.split(" #").next().unwrap_or_default().trim();
            let value = value.trim_matches(['"', '\'']);
            profiles.entry(value.to_owned()).or_insert(path);
        }
        profiles
    }
}

/// Returns the built-in profile a file says it is.
fn stood_for(root: Yaml<'_>) -> Option<&'static str> {
    let (_, metadata) = entry(root, "metadata")?;
    let (_, name) = entry(metadata, PROFILE)?;
    builtin(name.string()?).map(|(known, _)| known)
}

fn entry<'a>(root: Yaml<'a>, name: &str) -> Option<(Yaml<'a>, Yaml<'a>)> {
    root.map().and_then(|mut map| map.find(|(key, _)| key.text() == Some(name)))
}

/// Resolves an import's address against the file it stands in (csd07 6.8.2.2).
fn place(url: Word<'_>, base: &Place) -> Result<Place, Fault> {
    if url.text.is_empty() {
        return Err(Fault::new(Code::Import, url.span, "expected the address of a file"));
    }
    if url.text.contains("://") && !url.text.starts_with("file:") {
        return Ok(Place::Url(url.text.to_owned()));
    }
    let path = match url.text.strip_prefix("file:") {
        Some(path) if path.starts_with("//") => {
            let message = format!("`{}` leads out of the service's folder", url.text);
            return Err(Fault::new(Code::Import, url.span, message));
        }
        Some(path) => path,
        None => url.text,
    };
    match base {
        Place::Path(base) => Ok(Place::Path(joined(base, path))),
        Place::Url(base) => {
            let (scheme, rest) = base.split_once("://").unwrap_or(("", base));
            let (host, base) = rest.split_once('/').unwrap_or((rest, ""));
            Ok(Place::Url(format!("{scheme}://{host}/{}", joined(base, path))))
        }
        Place::Builtin(profile) => {
            let message = format!("profile {profile} is one file");
            Err(Fault::new(Code::Import, url.span, message))
        }
    }
}

/// Resolves a path in a repository, which the file itself must define.
fn in_repository(
    url: Word<'_>,
    repository: Word<'_>,
    root: Yaml<'_>,
    base: &Place,
) -> Result<Place, Fault> {
    if url.text.contains("://") {
        let message = "an address with a scheme is in no repository";
        return Err(Fault::new(Code::Import, repository.span, message));
    }
    let all = entry(root, "repositories").and_then(|(_, all)| all.map());
    let names = all.into_iter().flatten();
    let names: Vec<(&str, Yaml<'_>)> =
        names.filter_map(|(name, yaml)| Some((name.text()?, yaml))).collect();
    let found = names.iter().find(|(name, _)| *name == repository.text).map(|(_, yaml)| *yaml);
    let Some(found) = found else {
        let message = format!("unknown repository `{}`", repository.text);
        let fault = Fault::new(Code::Import, repository.span, message);
        return Err(fault.near(repository.text, names.iter().map(|(name, _)| *name)));
    };
    let address = match found.string() {
        Some(address) => Some((address, found.span())),
        None => entry(found, "url").and_then(|(_, url)| Some((url.string()?, url.span()))),
    };
    // A repository without address is told where it is defined.
    let Some((address, span)) = address else {
        let message = format!("repository `{}` has no `url`", repository.text);
        return Err(Fault::new(Code::Import, repository.span, message));
    };
    let path = url.text.trim_start_matches('/');
    let full = format!("{}/{path}", address.trim_end_matches('/'));
    place(Word { text: &full, span }, base)
}

/// Joins a path to the folder of another; one that begins with a slash starts at the root.
fn joined(base: &str, path: &str) -> String {
    match path.strip_prefix('/') {
        Some(absolute) => normal(absolute),
        None => {
            let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
            normal(&format!("{folder}/{path}"))
        }
    }
}

/// Resolves `.` and `..`. What leads above the root stays at the root, as RFC 3986 (5.2.4) has it.
fn normal(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Reads a file of values: a map from names to literal values.
pub(crate) fn read_values(
    name: &str,
    text: &[u8],
    sources: &mut Sources,
    faults: &Faults,
) -> BTreeMap<String, Value> {
    let mut fail = |code, message| {
        let file = sources.add(name, String::new());
        faults.push(Fault::new(code, Span { file, start: 0, end: 0 }, message));
        BTreeMap::new()
    };
    let most = Budgets::default().bytes;
    if text.len() > most {
        return fail(Code::TooManyBytes, format!("{name} has more than {most} bytes"));
    }
    let text = match std::str::from_utf8(text) {
        Ok(text) => text,
        Err(error) => {
            return fail(
                Code::Encoding,
                format!("{name} is not UTF-8 at byte {}", error.valid_up_to()),
            );
        }
    };
    match read_tree(name, text, sources, faults) {
        Some(tree) if tree.root().map().is_some() => match literal(tree.root(), faults) {
            Value::Map(values) => values,
            _ => BTreeMap::new(),
        },
        Some(tree) => {
            faults.push(wrong_kind(tree.root(), "inputs", "map"));
            BTreeMap::new()
        }
        None => BTreeMap::new(),
    }
}

/// Reads one value.
pub(crate) fn read_one(
    name: &str,
    text: &str,
    sources: &mut Sources,
    faults: &Faults,
) -> Option<Value> {
    if text.trim().is_empty() {
        return Some(Value::string(text));
    }
    let tree = read_tree(name, text, sources, faults)?;
    Some(literal(tree.root(), faults))
}

fn read_tree(name: &str, text: &str, sources: &mut Sources, faults: &Faults) -> Option<Tree> {
    let file = sources.add(name, text.to_owned());
    faults.keep(parse(text, file, &mut Budget::default(), faults))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_resolved() {
        assert_eq!(normal("a/./b//../c"), "a/c");
        assert_eq!(normal("a/../../b"), "b");
        assert_eq!(joined("x/y.yaml", "../z.yaml"), "z.yaml");
        assert_eq!(joined("x/y.yaml", "/z.yaml"), "z.yaml");
    }
}
