//! Artifacts, and the implementations of operations, which consist of artifacts.

use super::assignments::ValueAssignments;
use super::assignments::read_assignments;
use super::expr::Expr;
use super::expr::read_expr;
use super::fields::NamedMap;
use super::fields::Word;
use super::fields::read_fields;
use super::fields::read_named_map;
use super::fields::text_of;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::keynames;
use crate::yaml::Yaml;

/// The implementation of an operation.
#[derive(Clone, Debug)]
pub(crate) struct ImplementationDefinition<'a> {
    pub(crate) primary: Option<ArtifactReference<'a>>,
    pub(crate) dependencies: Vec<ArtifactReference<'a>>,
    /// In seconds.
    pub(crate) timeout: Option<Expr<'a>>,
}

/// A use of an artifact.
#[derive(Clone, Debug)]
pub(crate) enum ArtifactReference<'a> {
    /// The name of an artifact, or the path of a file.
    Named(Word<'a>),
    /// An artifact that is defined where it is used.
    Inline(Box<ArtifactDefinition<'a>>),
}

/// An artifact definition.
#[derive(Clone, Debug)]
pub(crate) struct ArtifactDefinition<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) artifact_type: Option<Word<'a>>,
    pub(crate) file: Option<Expr<'a>>,
    pub(crate) repository: Option<Word<'a>>,
    pub(crate) version: Option<Word<'a>>,
    pub(crate) checksum: Option<Expr<'a>>,
    pub(crate) checksum_algorithm: Option<Word<'a>>,
    pub(crate) properties: ValueAssignments<'a>,
}

/// Reads an implementation: an artifact's name or path, or a map with artifacts.
pub(crate) fn read_implementation<'a>(
    yaml: Yaml<'a>,
    faults: &Faults,
) -> Option<ImplementationDefinition<'a>> {
    if let Some(word) = text_of(yaml) {
        let primary = Some(ArtifactReference::Named(word));
        return Some(ImplementationDefinition { primary, dependencies: Vec::new(), timeout: None });
    }
    let fields = read_fields(yaml, &keynames::IMPLEMENTATION, yaml.span(), faults)?;
    let list = fields.get("dependencies").and_then(Yaml::list).into_iter().flatten();
    Some(ImplementationDefinition {
        primary: fields.get("primary").and_then(|yaml| artifact_ref(yaml, faults)),
        dependencies: list.filter_map(|yaml| artifact_ref(yaml, faults)).collect(),
        timeout: fields.get("timeout").map(|timeout| read_expr(timeout, faults)),
    })
}

fn artifact_ref<'a>(yaml: Yaml<'a>, faults: &Faults) -> Option<ArtifactReference<'a>> {
    match text_of(yaml) {
        Some(word) => Some(ArtifactReference::Named(word)),
        None => {
            let name = Word { text: "", span: yaml.span() };
            artifact(name, yaml, faults).map(Box::new).map(ArtifactReference::Inline)
        }
    }
}

/// Reads artifact definitions.
pub(crate) fn read_artifacts<'a>(
    yaml: Option<Yaml<'a>>,
    faults: &Faults,
) -> NamedMap<'a, ArtifactDefinition<'a>> {
    let entries = read_named_map(yaml, keynames::ARTIFACT.name, faults).into_iter();
    entries.filter_map(|(name, yaml)| Some((name, artifact(name, yaml, faults)?))).collect()
}

fn artifact<'a>(name: Word<'a>, yaml: Yaml<'a>, faults: &Faults) -> Option<ArtifactDefinition<'a>> {
    // csd07 10.2.1.4 writes an artifact as the path of its file.
    if yaml.string().is_some() {
        let file = Some(read_expr(yaml, faults));
        return Some(ArtifactDefinition {
            name,
            artifact_type: None,
            file,
            repository: None,
            version: None,
            checksum: None,
            checksum_algorithm: None,
            properties: NamedMap::default(),
        });
    }
    let entity = &keynames::ARTIFACT;
    let fields = read_fields(yaml, entity, name.span, faults)?;
    fields.require("type", entity, faults);
    fields.require("file", entity, faults);
    if fields.has("checksum") && !fields.has("checksum_algorithm") {
        let span = fields.get("checksum").map_or(name.span, Yaml::span);
        let message = "expected `checksum_algorithm` beside `checksum`";
        faults.push(Fault::new(Code::MissingKey, span, message));
    }
    Some(ArtifactDefinition {
        name,
        artifact_type: fields.word("type"),
        file: fields.get("file").map(|file| read_expr(file, faults)),
        repository: fields.word("repository"),
        version: fields.word("artifact_version").or_else(|| fields.word("version")),
        checksum: fields.get("checksum").map(|checksum| read_expr(checksum, faults)),
        checksum_algorithm: fields.word("checksum_algorithm"),
        properties: read_assignments(fields.get("properties"), "properties", faults),
    })
}
