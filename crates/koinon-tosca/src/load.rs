//! Root file to all files: imports are followed, profiles are found by name, budgets are shared.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use koinon_model::Value;

use crate::Options;
use crate::Phase;
use crate::budget::Budgets;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Sources;
use crate::diag::Span;
use crate::files::FileError;
use crate::files::Files;
use crate::grammar::Word;
use crate::grammar::literal;
use crate::grammar::read_fields;
use crate::grammar::wrong_kind;
use crate::keynames;
use crate::loaded::Import;
use crate::loaded::LoadedFiles;
use crate::loaded::ToscaFile;
use crate::lower;
use crate::profiles::PROFILE_METADATA;
use crate::profiles::TOSCA_VERSIONS;
use crate::profiles::ToscaVersion;
use crate::profiles::builtin_profile;
use crate::profiles::builtin_profile_names;
use crate::yaml::Budget;
use crate::yaml::Tree;
use crate::yaml::Yaml;
use crate::yaml::parse;

const VERSION: &str = "tosca_definitions_version";

struct Loader<'l> {
    source: &'l dyn Files,
    sources: &'l mut Sources,
    faults: &'l Faults,
    budget: Budget,
    options: &'l Options,
    /// Files beside the root that define profiles, by the profile's name. They are searched when
    /// first needed.
    beside: Option<BTreeMap<String, String>>,
    root: String,
    /// Indices in the queue, by target.
    known: BTreeMap<ImportTarget, usize>,
    queue: Vec<QueuedFile>,
}

/// The version that a file states.
enum FileVersion {
    V1(ToscaVersion),
    V2_0,
}

/// The file an import names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ImportTarget {
    /// Below the root.
    Path(String),
    /// At an address with a scheme.
    Url(String),
    /// A profile of the compiler.
    Builtin(&'static str),
}

impl ImportTarget {
    /// Returns its name in diagnostics.
    fn name(&self) -> String {
        match self {
            Self::Path(path) => path.clone(),
            Self::Url(url) => url.clone(),
            Self::Builtin(profile) => format!("profile {profile}"),
        }
    }
}

/// A file to read.
struct QueuedFile {
    target: ImportTarget,
    /// The profile of the file that imports it.
    profile: Option<String>,
    from: Option<Span>,
    /// The number of the file, after reading.
    number: Option<u32>,
    /// The index of the built-in profile that is read instead.
    replaced_by: Option<usize>,
    imports: Vec<QueuedImport>,
}

/// An import of a file in the queue.
struct QueuedImport {
    /// The index of the imported file in the queue.
    index: usize,
    namespace: Option<String>,
    span: Span,
}

/// Loads root files and everything they import. Leaves out each file that cannot be used, with a
/// fault.
pub(crate) fn load(
    roots: &[&str],
    source: &dyn Files,
    options: &Options,
    sources: &mut Sources,
    faults: &Faults,
) -> LoadedFiles {
    let root = roots.first().map_or_else(String::new, |root| normalize(root));
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
        loader.enqueue(ImportTarget::Path(normalize(root)), None, None);
    }
    let roots = loader.queue.len();
    let mut files = BTreeMap::new();
    let mut next = 0;
    while next < loader.queue.len() {
        let file = loader.load_file(next, next < roots);
        files.extend(loader.queue[next].number.zip(file));
        next += 1;
        // Without the root, later faults would only be consequences.
        if files.is_empty() {
            break;
        }
    }
    loader.resolve_imports(&mut files);
    let used: BTreeSet<u32> =
        files.values().flat_map(|file| &file.imports).map(|import| import.file).collect();
    files.retain(|number, file| !file.builtin || used.contains(number));
    LoadedFiles { files }
}

impl Loader<'_> {
    /// Returns the Simple Profiles of 1.x in the queue, by index.
    fn simple_profiles(&self) -> impl Iterator<Item = (usize, ToscaVersion)> {
        self.queue.iter().enumerate().filter_map(|(at, queued)| {
            let ImportTarget::Builtin(name) = queued.target else { return None };
            Some((at, builtin_profile(name)?.version?))
        })
    }

    /// Sets the imports of loaded files, without those of files that were left out.
    fn resolve_imports(&self, files: &mut BTreeMap<u32, ToscaFile>) {
        let loaded: BTreeSet<u32> = files.keys().copied().collect();
        let newest = self.simple_profiles().max_by_key(|(_, version)| *version);
        for queued in &self.queue {
            let Some(file) = queued.number.and_then(|number| files.get_mut(&number)) else {
                continue;
            };
            let imports = queued.imports.iter().filter_map(|import| {
                let at = self.queue[import.index].replaced_by.unwrap_or(import.index);
                // Files of several versions of 1.x imply the same types: the newest Simple Profile
                // replaces the others.
                let implied = file.version.is_some() && import.namespace.is_none();
                let is_simple = || self.simple_profiles().any(|(simple, _)| simple == at);
                let at = match newest {
                    Some((newest, _)) if implied && is_simple() => newest,
                    _ => at,
                };
                let file = self.queue[at].number.filter(|number| loaded.contains(number))?;
                Some(Import { file, namespace: import.namespace.clone(), span: import.span })
            });
            file.imports = imports.collect();
        }
    }

    /// Adds a file to the queue, unless it is in the queue already, and returns its index.
    fn enqueue(
        &mut self,
        target: ImportTarget,
        profile: Option<String>,
        from: Option<Span>,
    ) -> usize {
        if let Some(at) = self.known.get(&target) {
            return *at;
        }
        let at = self.queue.len();
        self.known.insert(target.clone(), at);
        self.queue.push(QueuedFile {
            target,
            profile,
            from,
            number: None,
            replaced_by: None,
            imports: Vec::new(),
        });
        at
    }

    fn load_file(&mut self, index: usize, root: bool) -> Option<ToscaFile> {
        let queued = &self.queue[index];
        let (target, inherited, from) =
            (queued.target.clone(), queued.profile.clone(), queued.from);
        let text = match &target {
            ImportTarget::Builtin(profile) => builtin_profile(profile)?.text.to_owned(),
            target => self.read_text(target, from)?,
        };
        let number = self.sources.add(&target.name(), text);
        self.queue[index].number = Some(number);
        let text = self.sources.get(number)?.text();
        let tree = self.faults.keep(parse(text, number, &mut self.budget, self.faults))?;
        self.options.pass(Phase::Parse);
        if !root && let Some(known) = replacing_profile(tree.root()) {
            self.queue[index].number = None;
            self.queue[index].replaced_by =
                Some(self.enqueue(ImportTarget::Builtin(known), None, from));
            return None;
        }
        let version = match self.read_version(tree.root())? {
            FileVersion::V1(version) => Some(version),
            FileVersion::V2_0 => None,
        };
        let tree = match (version, &target) {
            (None, _) => tree,
            (Some(version), ImportTarget::Builtin(_)) => {
                lower::lower_profile(tree, version, self.faults)
            }
            (Some(version), _) => lower::lower(tree, version, self.faults),
        };
        if version.is_some() {
            self.options.pass(Phase::Lower);
        }
        let own = tree.root().entry("profile").and_then(|(_, profile)| profile.string());
        let profile = own.map(str::to_owned).or(inherited);
        self.read_imports(tree.root(), index, profile.as_deref());
        let builtin = matches!(target, ImportTarget::Builtin(_));
        Some(ToscaFile { tree, profile, builtin, version, root, imports: Vec::new() })
    }

    fn read_text(&mut self, target: &ImportTarget, from: Option<Span>) -> Option<String> {
        let name = target.name();
        let mut fail = |code, message: String| {
            let span = from.unwrap_or_else(|| {
                let file = self.sources.add(&name, String::new());
                Span { file, start: 0, end: 0 }
            });
            self.faults.push(Fault::new(code, span, message));
        };
        let read = match target {
            ImportTarget::Path(path) => self.source.read(path),
            ImportTarget::Url(url) => self.source.fetch(url),
            ImportTarget::Builtin(_) => Err(FileError::NotFound),
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

    /// Reads the version, which must come first because the rest depends on it. Returns `None`
    /// after a fault.
    fn read_version(&self, root: Yaml<'_>) -> Option<FileVersion> {
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
            Some("tosca_2_0") => Some(FileVersion::V2_0),
            Some(other) => {
                if let Some(version) = ToscaVersion::parse(other) {
                    return Some(FileVersion::V1(version));
                }
                let message = format!("unknown version `{other}`");
                let fault = Fault::new(Code::UnknownVersion, value.span(), message);
                self.faults.push(fault.near(other, TOSCA_VERSIONS));
                None
            }
            None => {
                self.faults.push(wrong_kind(value, VERSION, "string"));
                None
            }
        }
    }

    fn read_imports(&mut self, root: Yaml<'_>, index: usize, profile: Option<&str>) {
        // The reader of the file reports `imports` that are not a list.
        let imports = root.entry("imports").and_then(|(_, imports)| imports.list());
        for import in imports.into_iter().flatten() {
            let Some((target, namespace)) =
                self.read_import(import, root, index).map_err(|fault| self.faults.push(fault)).ok()
            else {
                continue;
            };
            let Some(target) = target else { continue };
            if self.known.len() >= self.options.budgets.files && !self.known.contains_key(&target) {
                let message = format!("more than {} files", self.options.budgets.files);
                self.faults.push(Fault::new(Code::TooManyFiles, import.span(), message));
                return;
            }
            let profile = profile.map(str::to_owned);
            let at = self.enqueue(target, profile, Some(import.span()));
            self.queue[index].imports.push(QueuedImport {
                index: at,
                namespace,
                span: import.span(),
            });
        }
    }

    /// Returns the target of an import and its namespace.
    fn read_import(
        &mut self,
        import: Yaml<'_>,
        root: Yaml<'_>,
        index: usize,
    ) -> Result<(Option<ImportTarget>, Option<String>), Fault> {
        let base = self.queue[index].target.clone();
        if let Some(url) = import.string() {
            return Ok((
                Some(resolve_target(Word { text: url, span: import.span() }, &base)?),
                None,
            ));
        }
        let Some(fields) = read_fields(import, &keynames::IMPORT, import.span(), self.faults)
        else {
            return Ok((None, None));
        };
        let namespace = fields.word("namespace").map(|word| word.text.to_owned());
        let at = (import.span().file, import.span().start);
        let found = match (fields.word("url"), fields.word("profile")) {
            (Some(url), None) => match fields.word("repository") {
                Some(repository) => resolve_in_repository(url, repository, root, &base)?,
                None => resolve_target(url, &base)?,
            },
            (None, Some(name)) => {
                if let Some(repository) = fields.word("repository") {
                    let message =
                        "`repository` cannot stand beside `profile`, which is found by its name";
                    return Err(Fault::new(Code::Import, repository.span, message));
                }
                self.find_profile(name)?
            }
            (Some(url), Some(_)) => {
                let message = "expected either `url` or `profile`, found both";
                return Err(Fault::new(Code::Import, url.span, message));
            }
            (None, None) if fields.has("url") || fields.has("profile") => return Ok((None, None)),
            // The reader of TOSCA 1.x has reported this place already.
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
    fn find_profile(&mut self, name: Word<'_>) -> Result<ImportTarget, Fault> {
        if let Some(profile) = builtin_profile(name.text) {
            return Ok(ImportTarget::Builtin(profile.name));
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
            let mut known: Vec<&str> = builtin_profile_names().collect();
            known.extend(beside.keys().map(String::as_str));
            fault.near(name.text, known)
        };
        let result = found.map(ImportTarget::Path).ok_or_else(fault);
        self.beside = Some(beside);
        result
    }

    /// Returns the profiles in the folder of the root file. A file counts if one of its lines
    /// defines the profile; loading the file checks the rest.
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

/// Returns the built-in profile that a file names in its metadata.
fn replacing_profile(root: Yaml<'_>) -> Option<&'static str> {
    let (_, metadata) = root.entry("metadata")?;
    let (_, name) = metadata.entry(PROFILE_METADATA)?;
    builtin_profile(name.string()?).map(|profile| profile.name)
}

/// Resolves an import's address against the file it stands in (csd07 6.8.2.2).
fn resolve_target(url: Word<'_>, base: &ImportTarget) -> Result<ImportTarget, Fault> {
    if url.text.is_empty() {
        return Err(Fault::new(Code::Import, url.span, "expected the address of a file"));
    }
    if url.text.contains("://") && !url.text.starts_with("file:") {
        return Ok(ImportTarget::Url(url.text.to_owned()));
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
        ImportTarget::Path(base) => Ok(ImportTarget::Path(join_path(base, path))),
        ImportTarget::Url(base) => {
            let (scheme, rest) = base.split_once("://").unwrap_or(("", base));
            let (host, base) = rest.split_once('/').unwrap_or((rest, ""));
            Ok(ImportTarget::Url(format!("{scheme}://{host}/{}", join_path(base, path))))
        }
        ImportTarget::Builtin(profile) => {
            let message = format!("profile {profile} is a single file without relative imports");
            Err(Fault::new(Code::Import, url.span, message))
        }
    }
}

/// Resolves a path in a repository, which the file itself must define.
fn resolve_in_repository(
    url: Word<'_>,
    repository: Word<'_>,
    root: Yaml<'_>,
    base: &ImportTarget,
) -> Result<ImportTarget, Fault> {
    if url.text.contains("://") {
        let message = "an address with a scheme cannot be in a repository";
        return Err(Fault::new(Code::Import, repository.span, message));
    }
    let all = root.entry("repositories").and_then(|(_, all)| all.map());
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
        None => found.entry("url").and_then(|(_, url)| Some((url.string()?, url.span()))),
    };
    // The definition of a repository without an address is a fault too.
    let Some((address, span)) = address else {
        let message = format!("repository `{}` has no `url`", repository.text);
        return Err(Fault::new(Code::Import, repository.span, message));
    };
    let path = url.text.trim_start_matches('/');
    let full = format!("{}/{path}", address.trim_end_matches('/'));
    resolve_target(Word { text: &full, span }, base)
}

/// Joins a path to the folder of another path. A path with a leading slash starts at the root.
fn join_path(base: &str, path: &str) -> String {
    match path.strip_prefix('/') {
        Some(absolute) => normalize(absolute),
        None => {
            let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
            normalize(&format!("{folder}/{path}"))
        }
    }
}

/// Resolves `.` and `..`. A path that leads above the root stays at the root (RFC 3986, 5.2.4).
fn normalize(path: &str) -> String {
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

/// Reads a single value.
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
        assert_eq!(normalize("a/./b//../c"), "a/c");
        assert_eq!(normalize("a/../../b"), "b");
        assert_eq!(join_path("x/y.yaml", "../z.yaml"), "z.yaml");
        assert_eq!(join_path("x/y.yaml", "/z.yaml"), "z.yaml");
    }
}
