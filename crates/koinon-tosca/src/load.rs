//! Root file to all files: imports followed, profiles found by name, budgets shared.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use koinon_model::Value;

use crate::canonical::literal;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Sources;
use crate::diag::Span;
use crate::files::Files;
use crate::grammar::Word;
use crate::grammar::fields;
use crate::grammar::wrong_kind;
use crate::yaml::Budget;
use crate::yaml::MAX_BYTES;
use crate::yaml::Tree;
use crate::yaml::Yaml;
use crate::yaml::parse;

/// Name of Koinon's own profile.
pub(crate) const KOINON: &str = "org.koinon:1.0";

/// The profiles the compiler knows, by name.
const PROFILES: [(&str, &str); 1] =
    [(KOINON, include_str!("../../../profiles/koinon/1.0/profile.yaml"))];

/// Most files of one service.
const MAX_FILES: usize = 256;

const VERSION: &str = "tosca_definitions_version";

/// A parsed file.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) tree: Tree,
    /// The profile it belongs to, if any.
    pub(crate) profile: Option<&'static str>,
}

/// All files of a service: the root first.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) files: Vec<File>,
}

struct Loader<'l> {
    source: &'l dyn Files,
    sources: &'l mut Sources,
    faults: &'l Faults,
    budget: Budget,
    /// Paths and profile names already loaded or about to be.
    known: BTreeSet<String>,
    queue: Vec<Wanted>,
}

/// A file an import asks for.
struct Wanted {
    path: String,
    text: Option<&'static str>,
    profile: Option<&'static str>,
    from: Option<Span>,
}

/// Loads the root file and everything it imports. Files that cannot be used are left out, with a fault each.
pub(crate) fn load(
    root: &str,
    source: &dyn Files,
    sources: &mut Sources,
    faults: &Faults,
) -> Loaded {
    let mut loader = Loader {
        source,
        sources,
        faults,
        budget: Budget::default(),
        known: BTreeSet::new(),
        queue: Vec::new(),
    };
    let path = normal(root).unwrap_or_else(|| root.to_owned());
    loader.known.insert(path.clone());
    loader.queue.push(Wanted { path, text: None, profile: None, from: None });
    let mut loaded = Loaded::default();
    let mut next = 0;
    while next < loader.queue.len() {
        let file = loader.file(next);
        next += 1;
        loaded.files.extend(file);
        // Without its root a service is nothing; everything else would only repeat that.
        if loaded.files.is_empty() {
            break;
        }
    }
    loaded
}

impl Loader<'_> {
    fn file(&mut self, index: usize) -> Option<File> {
        let wanted = &self.queue[index];
        let (path, profile, from) = (wanted.path.clone(), wanted.profile, wanted.from);
        let text = match wanted.text {
            Some(text) => text.to_owned(),
            None => self.read(&path, from)?,
        };
        let file = self.sources.add(&path, text);
        let text = self.sources.get(file)?.text().to_owned();
        let tree = self.faults.keep(parse(&text, file, &mut self.budget, self.faults))?;
        let root = tree.root();
        if !self.version(root) {
            return None;
        }
        self.imports(root, &path, profile);
        Some(File { tree, profile })
    }

    fn read(&mut self, path: &str, from: Option<Span>) -> Option<String> {
        let mut fail = |code, message: String| {
            let span = from.unwrap_or_else(|| {
                let file = self.sources.add(path, String::new());
                Span { file, start: 0, end: 0 }
            });
            self.faults.push(Fault::new(code, span, message));
        };
        let bytes = match self.source.read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                fail(Code::Unreadable, format!("cannot read {path}: {error}"));
                return None;
            }
        };
        if bytes.len() > self.budget.bytes {
            fail(
                Code::TooManyBytes,
                format!("with {path} the files have more than {MAX_BYTES} bytes"),
            );
            return None;
        }
        self.budget.bytes -= bytes.len();
        match String::from_utf8(bytes) {
            Ok(text) => Some(text),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                fail(Code::Encoding, format!("{path} is not UTF-8 at byte {at}"));
                None
            }
        }
    }

    /// Checks the version line, which must come first because it says how to read the rest.
    fn version(&self, root: Yaml<'_>) -> bool {
        let Some(mut entries) = root.map() else {
            self.faults.push(wrong_kind(root, "a TOSCA file", "map"));
            return false;
        };
        let first = entries.next();
        let Some((key, value)) = first.filter(|(key, _)| key.text() == Some(VERSION)) else {
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
            return false;
        };
        match value.text() {
            Some("tosca_2_0") => true,
            Some(
                version @ ("tosca_simple_yaml_1_3"
                | "tosca_simple_yaml_1_2"
                | "tosca_simple_yaml_1_1"
                | "tosca_simple_yaml_1_0"),
            ) => {
                let message = format!("{version} is not supported yet");
                let hint = "only `tosca_2_0` is";
                self.faults.push(Fault::new(Code::NotSupported, value.span(), message).hint(hint));
                false
            }
            Some(other) => {
                let message = format!("unknown version `{other}`");
                let fault = Fault::new(Code::UnknownVersion, value.span(), message);
                let _: &str = key.text().unwrap_or_default();
                self.faults.push(fault.near(other, ["tosca_2_0"]));
                false
            }
            None => {
                self.faults.push(wrong_kind(value, VERSION, "string"));
                false
            }
        }
    }

    fn imports(&mut self, root: Yaml<'_>, path: &str, profile: Option<&'static str>) {
        let Some((_, imports)) = root
            .map()
            .and_then(|mut entries| entries.find(|(key, _)| key.text() == Some("imports")))
        else {
            return;
        };
        let Some(imports) = imports.list() else {
            self.faults.push(wrong_kind(imports, "imports", "list"));
            return;
        };
        for import in imports {
            if let Some(wanted) = self.faults.keep(self.import(import, path, profile)).flatten() {
                if self.known.len() >= MAX_FILES {
                    let message = format!("more than {MAX_FILES} files");
                    self.faults.push(Fault::new(Code::TooManyFiles, import.span(), message));
                    return;
                }
                if self.known.insert(wanted.path.clone()) {
                    self.queue.push(wanted);
                }
            }
        }
    }

    fn import(
        &self,
        import: Yaml<'_>,
        path: &str,
        profile: Option<&'static str>,
    ) -> Result<Option<Wanted>, Fault> {
        if let Some(url) = import.string() {
            return local(Word { text: url, span: import.span() }, path, profile).map(Some);
        }
        let known = ["url", "profile", "description", "metadata"];
        let Some(fields) =
            fields(import, "import", &known, &["repository", "namespace"], self.faults)
        else {
            return Ok(None);
        };
        match (fields.word("url", self.faults), fields.word("profile", self.faults)) {
            (Some(url), None) => local(url, path, profile).map(Some),
            (None, Some(name)) => {
                let found = PROFILES.iter().find(|(known, _)| *known == name.text);
                let (name, text) = found.ok_or_else(|| {
                    let message = format!("unknown profile `{}`", name.text);
                    let fault = Fault::new(Code::UnknownProfile, name.span, message);
                    fault.near(name.text, PROFILES.map(|(known, _)| known))
                })?;
                let path = format!("profile {name}");
                Ok(Some(Wanted {
                    path,
                    text: Some(text),
                    profile: Some(name),
                    from: Some(import.span()),
                }))
            }
            (Some(url), Some(_)) => Err(Fault::new(
                Code::Import,
                url.span,
                "expected either `url` or `profile`, found both",
            )),
            (None, None) if fields.has("url") || fields.has("profile") => Ok(None),
            (None, None) => Err(Fault::new(
                Code::MissingKey,
                import.span(),
                "expected `url` or `profile` in an import",
            )),
        }
    }
}

/// Resolves the path of a local import against the file it stands in.
fn local(url: Word<'_>, path: &str, profile: Option<&'static str>) -> Result<Wanted, Fault> {
    if url.text.contains("://") || url.text.starts_with("file:") {
        let message = format!("`{}` is not a local file", url.text);
        return Err(Fault::new(
            Code::NotSupported,
            url.span,
            format!("{message}: importing it is not supported yet"),
        ));
    }
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let joined = match url.text.strip_prefix('/') {
        Some(absolute) => absolute.to_owned(),
        None => format!("{folder}/{}", url.text),
    };
    let path = normal(&joined).ok_or_else(|| {
        Fault::new(
            Code::Import,
            url.span,
            format!("`{}` leads out of the service's folder", url.text),
        )
    })?;
    Ok(Wanted { path, text: None, profile, from: Some(url.span) })
}

/// Resolves `.` and `..`; `None` if the path leads above its root.
fn normal(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
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
    if text.len() > MAX_BYTES {
        return fail(Code::TooManyBytes, format!("{name} has more than {MAX_BYTES} bytes"));
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
        assert_eq!(normal("a/./b//../c").as_deref(), Some("a/c"));
        assert_eq!(normal("a/../../b"), None);
    }
}
