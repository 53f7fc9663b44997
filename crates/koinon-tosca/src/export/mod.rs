//! A service's document as files that other TOSCA processors read: TOSCA 2.0, or 1.3.
//!
//! Profiles that others do not know by name are written beside the service, in `profiles`; each says in its metadata,
//! as `koinon.profile`, which one it is, and Koinon reads its own in its place. What 1.3 has no words for stands in the
//! metadata of the file, as `koinon.KEYNAME`, with a warning each: reading the file gives the same document again, and
//! that is checked here.

mod constraints;
mod old;
mod overlay;
mod plain;
mod types;
mod value;

use std::collections::BTreeMap;

use koinon_model::Value;

use crate::DOCUMENT;
use crate::Inputs;
use crate::Options;
use crate::canonical::literal;
use crate::code::Code;
use crate::diag::Diagnostics;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Sources;
use crate::diag::Span;
use crate::keynames;
use crate::load::Loaded;
use crate::load::PROFILE;
use crate::lower::PROFILES;
use crate::lower::Version;
use crate::lower::keynames as old_keynames;
use crate::lower::lower_text;
use crate::one_file;
use crate::represent;
use crate::run;
use crate::to_yaml;

/// A version of TOSCA that documents are exported in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// TOSCA 2.0.
    V2_0,
    /// TOSCA Simple Profile in YAML 1.3.
    V1_3,
}

/// What an export wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Texts by path; the service's is [`ROOT`](Self::ROOT).
    pub files: BTreeMap<String, String>,
    /// What is said in a way that only Koinon reads.
    pub warnings: Vec<Warning>,
}

impl Exported {
    /// The path of the service's own file.
    pub const ROOT: &'static str = DOCUMENT;
}

/// Something other processors will not know of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Keynames and names that lead to it, joined by dots.
    pub path: String,
    /// What becomes of it: lower case, no final period.
    pub message: String,
}

/// Exports a document, such as [`join`](crate::join) or [`document`](crate::document) gives.
///
/// # Errors
/// [`Diagnostics`] if it is no valid document.
pub fn export(document: &Value, dialect: Dialect) -> Result<Exported, Diagnostics> {
    let files = one_file(document);
    let options = Options::default();
    let (profiles, _) = run(&files, DOCUMENT, &options, Inputs::Partial, |program, loaded, _| {
        profiles(loaded, program.faults)
    })?;
    let document = plain::entity(document, &keynames::FILE);
    match dialect {
        Dialect::V2_0 => Ok(later(document, &profiles)),
        Dialect::V1_3 => earlier(&document, &profiles),
    }
}

/// Returns the built-in profiles of a run, in plain words.
fn profiles(loaded: &Loaded, faults: &Faults) -> BTreeMap<String, Value> {
    let builtin = loaded.iter().filter(|(_, file)| file.builtin);
    let profiles = builtin.filter_map(|(_, file)| {
        let name = file.profile.clone()?;
        let value = literal(file.tree.root(), faults);
        Some((name, plain::entity(&value, &keynames::FILE)))
    });
    profiles.collect()
}

fn file_name(profile: &str) -> String {
    format!("{}.yaml", profile.replace(':', "-"))
}

/// Writes the service and its profiles in 2.0.
fn later(mut document: Value, profiles: &BTreeMap<String, Value>) -> Exported {
    import_by_path(&mut document, profiles, "profiles/");
    let mut files = BTreeMap::from([(Exported::ROOT.to_owned(), to_yaml(&document))]);
    for (name, profile) in profiles {
        let mut profile = profile.clone();
        import_by_path(&mut profile, profiles, "");
        mark(&mut profile, name);
        files.insert(format!("profiles/{}", file_name(name)), to_yaml(&profile));
    }
    Exported { files, warnings: Vec::new() }
}

/// Makes imports of profiles imports of their files.
fn import_by_path(document: &mut Value, profiles: &BTreeMap<String, Value>, folder: &str) {
    let Value::Map(root) = document else { return };
    let Some(Value::List(imports)) = root.get_mut("imports") else { return };
    for import in imports {
        let Value::Map(import) = import else { continue };
        let name = import.get("profile").and_then(Value::as_str).map(str::to_owned);
        if let Some(name) = name.filter(|name| profiles.contains_key(name)) {
            import.remove("profile");
            let url = format!("{folder}{}", file_name(&name));
            import.insert("url".to_owned(), Value::from(url.as_str()));
        }
    }
}

/// Says in a profile's metadata which one it is.
fn mark(profile: &mut Value, name: &str) {
    let Value::Map(root) = profile else { return };
    let metadata = root.entry("metadata".to_owned()).or_insert_with(|| Value::Map(BTreeMap::new()));
    if let Value::Map(metadata) = metadata {
        metadata.insert(PROFILE.to_owned(), name.into());
    }
}

/// Writes the service and its profiles in 1.3.
fn earlier(document: &Value, profiles: &BTreeMap<String, Value>) -> Result<Exported, Diagnostics> {
    let known = represent(&one_file(document), DOCUMENT, &Options::default()).ok();
    let mut warnings = Vec::new();
    let mut files = BTreeMap::new();
    for earlier in [Version::V1_0, Version::V1_1, Version::V1_2] {
        let profile = earlier.profile();
        if profiles.contains_key(profile) {
            let message = format!("the types of {profile} are those of 1.3 in a file of 1.3");
            warnings.push(Warning { path: "imports".to_owned(), message });
        }
    }
    // What 1.3 implies is there anyway.
    let implied =
        |name: &str| PROFILES.iter().any(|(known, _, _)| *known == name && *known != SIMPLE_2_0);
    let written = |document: &Value, imports: Vec<Value>| {
        let mut documents = vec![document];
        documents.extend(profiles.values());
        let types = types::DataTypes { documents };
        let document = types.complete(document);
        let known = known.as_ref().map(|known| &known.representation);
        let mut writer = old::Writer { types, known, path: Vec::new() };
        let written = writer.entity(&document, &keynames::FILE, &old_keynames::FILE);
        let Value::Map(mut written) = written else { return Value::Null };
        if !imports.is_empty() {
            written.insert("imports".to_owned(), Value::List(imports));
        }
        Value::Map(written)
    };
    let imports = |document: &Value, folder: &str| {
        let imports = document.get("imports").and_then(Value::as_list).into_iter().flatten();
        let imports = imports.filter_map(|import| {
            let name = import.get("profile")?.as_str().filter(|name| !implied(name))?;
            let file = format!("{folder}{}", file_name(name));
            let mut entries = BTreeMap::from([("file".to_owned(), Value::from(file.as_str()))]);
            if let Some(namespace) = import.get("namespace") {
                entries.insert("namespace_prefix".to_owned(), namespace.clone());
            }
            let name = name.replace([':', '.'], "_");
            Some(Value::from([(name.as_str(), Value::Map(entries))]))
        });
        imports.collect::<Vec<Value>>()
    };
    for (name, profile) in profiles.iter().filter(|(name, _)| !implied(name)) {
        let mut profile = written(profile, imports(profile, ""));
        mark(&mut profile, name);
        files.insert(format!("profiles/{}", file_name(name)), to_yaml(&profile));
    }
    let mut service = written(document, imports(document, "profiles/"));
    let read = reread(&service)?;
    let mut path = Vec::new();
    let wanted = without_imports(document);
    let over = overlay::difference(&read, &wanted, &keynames::FILE, &mut path, &mut warnings);
    if let Some(Value::Map(over)) = over
        && let Value::Map(root) = &mut service
    {
        let metadata =
            root.entry("metadata".to_owned()).or_insert_with(|| Value::Map(BTreeMap::new()));
        if let Value::Map(metadata) = metadata {
            metadata.extend(over.into_iter().map(|(key, over)| (format!("koinon.{key}"), over)));
        }
        if reread(&service)? != wanted {
            return Err(unsaid());
        }
    }
    files.insert(Exported::ROOT.to_owned(), to_yaml(&service));
    Ok(Exported { files, warnings })
}

/// Makes the error that not even metadata says what the document does.
fn unsaid() -> Diagnostics {
    let mut sources = Sources::default();
    let faults = Faults::default();
    let span = Span { file: sources.add(DOCUMENT, String::new()), start: 0, end: 0 };
    let message = "a 1.3 file of this document would not be read as this document";
    faults.push(Fault::new(Code::NotSupported, span, message));
    faults.into_diagnostics(&sources)
}

/// The Simple Profile of 2.0, which 1.3 does not imply.
const SIMPLE_2_0: &str = "org.oasis-open.simple:2.0";

/// Reads a 1.3 file as Koinon does: the document of 2.0 it stands for, but its imports.
fn reread(service: &Value) -> Result<Value, Diagnostics> {
    let text = lower_text(&to_yaml(service), Version::V1_3)?;
    let mut sources = Sources::default();
    let faults = Faults::default();
    let read = crate::load::read_one(DOCUMENT, &text, &mut sources, &faults);
    match read {
        Some(read) if faults.is_empty() => {
            Ok(plain::entity(&without_imports(&read), &keynames::FILE))
        }
        _ => Err(faults.into_diagnostics(&sources)),
    }
}

fn without_imports(document: &Value) -> Value {
    let mut document = document.clone();
    if let Value::Map(root) = &mut document {
        root.remove("imports");
    }
    document
}
