//! A service's document as files that other TOSCA processors read: TOSCA 2.0, or 1.3.
//!
//! Profiles that other processors do not know by name are written beside the service, in
//! `profiles`. The metadata of each file names the profile, as `koinon.profile`, and Koinon reads
//! its built-in profile instead. Features without keynames in 1.3 become metadata of the file, as
//! `koinon.KEYNAME`, with a warning each. Reading the file gives the same document, and the export
//! checks that.

mod constraints;
mod old;
mod overlay;
mod plain;
mod types;
mod value;

use std::collections::BTreeMap;

use koinon_model::Value;
use koinon_model::representation::Representation;

use crate::DOCUMENT;
use crate::InputMode;
use crate::Options;
use crate::code::Code;
use crate::diag::Diagnostics;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Sources;
use crate::diag::Span;
use crate::grammar::literal;
use crate::keynames;
use crate::loaded::LoadedFiles;
use crate::lower::keynames as old_keynames;
use crate::lower::lower_text;
use crate::one_file;
use crate::profiles::PROFILE_METADATA;
use crate::profiles::SIMPLE_PROFILE;
use crate::profiles::TOSCA_PROFILES;
use crate::profiles::ToscaVersion;
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

/// The files of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Texts by path; the service's is [`ROOT`](Self::ROOT).
    pub files: BTreeMap<String, String>,
    /// The parts of the service that only Koinon reads.
    pub warnings: Vec<Warning>,
}

impl Exported {
    /// The path of the service's file.
    pub const ROOT: &'static str = DOCUMENT;
}

/// A part of the service that other processors will not see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The path of keynames and names to it, joined by dots.
    pub path: String,
    /// The consequence: lower case, no final period.
    pub message: String,
}

/// Exports a canonical document, for example from [`join`](crate::join) or
/// [`document`](crate::document).
///
/// # Errors
/// [`Diagnostics`] if the document is not valid.
pub fn export(document: &Value, dialect: Dialect) -> Result<Exported, Diagnostics> {
    let files = one_file(document);
    let options = Options::default();
    let (profiles, _) =
        run(&files, DOCUMENT, &options, InputMode::Partial, |program, loaded, _| {
            profiles(loaded, program.faults)
        })?;
    let document = plain::entity(document, &keynames::FILE);
    match dialect {
        Dialect::V2_0 => Ok(write_2_0(document, &profiles)),
        Dialect::V1_3 => write_1_3(&document, &profiles),
    }
}

/// Returns the built-in profiles of a run, in plain TOSCA 2.0.
fn profiles(loaded: &LoadedFiles, faults: &Faults) -> BTreeMap<String, Value> {
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
fn write_2_0(mut document: Value, profiles: &BTreeMap<String, Value>) -> Exported {
    import_by_path(&mut document, profiles, "profiles/");
    let mut files = BTreeMap::from([(Exported::ROOT.to_owned(), to_yaml(&document))]);
    for (name, profile) in profiles {
        let mut profile = profile.clone();
        import_by_path(&mut profile, profiles, "");
        mark_profile(&mut profile, name);
        files.insert(format!("profiles/{}", file_name(name)), to_yaml(&profile));
    }
    Exported { files, warnings: Vec::new() }
}

/// Replaces imports of profiles by imports of their files.
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

/// Writes the profile's name into its metadata.
fn mark_profile(profile: &mut Value, name: &str) {
    let Value::Map(root) = profile else { return };
    let metadata = root.entry("metadata".to_owned()).or_insert_with(|| Value::Map(BTreeMap::new()));
    if let Value::Map(metadata) = metadata {
        metadata.insert(PROFILE_METADATA.to_owned(), name.into());
    }
}

/// Writes the service and its profiles in 1.3.
fn write_1_3(
    document: &Value,
    profiles: &BTreeMap<String, Value>,
) -> Result<Exported, Diagnostics> {
    // A service whose inputs lack values has no representation. Nothing replaces its calls then.
    let known = represent(&one_file(document), DOCUMENT, &Options::default()).ok();
    let known = known.as_ref().map(|known| &known.representation);
    let mut warnings = Vec::new();
    let mut files = BTreeMap::new();
    for version in [ToscaVersion::V1_0, ToscaVersion::V1_1, ToscaVersion::V1_2] {
        let profile = version.profile();
        if profiles.contains_key(profile) {
            let message = format!("the types of {profile} are those of 1.3 in a file of 1.3");
            warnings.push(Warning { path: "imports".to_owned(), message });
        }
    }
    for (name, profile) in profiles.iter().filter(|(name, _)| !is_implied(name)) {
        let mut profile = translate(profile, profiles, known, "");
        mark_profile(&mut profile, name);
        files.insert(format!("profiles/{}", file_name(name)), to_yaml(&profile));
    }
    let mut service = translate(document, profiles, known, "profiles/");
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
            return Err(inexpressible());
        }
    }
    files.insert(Exported::ROOT.to_owned(), to_yaml(&service));
    Ok(Exported { files, warnings })
}

/// Returns whether files of 1.3 imply a profile.
fn is_implied(profile: &str) -> bool {
    TOSCA_PROFILES.iter().any(|known| known.name == profile && profile != SIMPLE_PROFILE)
}

/// Translates a document to 1.3, with imports of profiles in a folder.
fn translate(
    document: &Value,
    profiles: &BTreeMap<String, Value>,
    known: Option<&Representation>,
    folder: &str,
) -> Value {
    let mut documents = vec![document];
    documents.extend(profiles.values());
    let types = types::DataTypes { documents };
    let complete = types.complete(document);
    let mut writer = old::OldWriter { types, known, path: Vec::new() };
    let translated = writer.entity(&complete, &keynames::FILE, &old_keynames::FILE);
    let Value::Map(mut translated) = translated else { return Value::Null };
    let imports = imports_1_3(document, folder);
    if !imports.is_empty() {
        translated.insert("imports".to_owned(), Value::List(imports));
    }
    Value::Map(translated)
}

/// Returns the imports of 1.3 for the profiles that a document imports.
fn imports_1_3(document: &Value, folder: &str) -> Vec<Value> {
    let imports = document.get("imports").and_then(Value::as_list).into_iter().flatten();
    let imports = imports.filter_map(|import| {
        let name = import.get("profile")?.as_str().filter(|name| !is_implied(name))?;
        let file = format!("{folder}{}", file_name(name));
        let mut entries = BTreeMap::from([("file".to_owned(), Value::from(file.as_str()))]);
        if let Some(namespace) = import.get("namespace") {
            entries.insert("namespace_prefix".to_owned(), namespace.clone());
        }
        let name = name.replace([':', '.'], "_");
        Some(Value::from([(name.as_str(), Value::Map(entries))]))
    });
    imports.collect()
}

/// Returns the error that 1.3 cannot express the document, not even with metadata.
fn inexpressible() -> Diagnostics {
    let mut sources = Sources::default();
    let faults = Faults::default();
    let span = Span { file: sources.add(DOCUMENT, String::new()), start: 0, end: 0 };
    let message = "a TOSCA 1.3 file of this document would not be read as the same document";
    faults.push(Fault::new(Code::NotSupported, span, message));
    faults.into_diagnostics(&sources)
}

/// Reads a 1.3 file as Koinon does, and returns the document of 2.0 without its imports.
fn reread(service: &Value) -> Result<Value, Diagnostics> {
    let text = lower_text(&to_yaml(service), ToscaVersion::V1_3)?;
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
