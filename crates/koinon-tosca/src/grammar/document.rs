//! Whole files: types, functions and service templates.

use std::collections::BTreeMap;

use super::fields::EntityFields;
use super::fields::NamedMap;
use super::fields::Word;
use super::fields::read_fields;
use super::fields::read_named_list;
use super::fields::read_named_map;
use super::fields::text_of;
use super::schema::ParameterFlow;
use super::schema::PropertyDefinitions;
use super::schema::read_parameters;
use super::substitution::SubstitutionMapping;
use super::substitution::read_substitution;
use super::template::GroupDefinition;
use super::template::NodeTemplate;
use super::template::PolicyDefinition;
use super::template::RelationshipTemplate;
use super::template::read_group;
use super::template::read_node;
use super::template::read_policy;
use super::template::read_relationship;
use super::types::FunctionDefinition;
use super::types::TypeDefinition;
use super::types::read_functions;
use super::types::read_type;
use super::workflow::WorkflowDefinition;
use super::workflow::read_workflows;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Span;
use crate::keynames;
use crate::keynames::TypeKind;
use crate::loaded::LoadedFiles;
use crate::yaml::Yaml;

/// The definitions of all files that other files can name.
#[derive(Debug, Default)]
pub(crate) struct Definitions<'a> {
    pub(crate) types: Vec<TypeDefinition<'a>>,
    pub(crate) functions: Vec<FunctionDefinition<'a>>,
    pub(crate) repositories: Vec<Word<'a>>,
}

/// A service template, with data of its file.
#[derive(Debug, Default)]
pub(crate) struct ServiceTemplate<'a> {
    /// `template_name` of the file's metadata.
    pub(crate) name: Option<Word<'a>>,
    /// The start of the file, for faults of the whole file.
    pub(crate) span: Span,
    pub(crate) inputs: PropertyDefinitions<'a>,
    pub(crate) outputs: PropertyDefinitions<'a>,
    pub(crate) nodes: NamedMap<'a, NodeTemplate<'a>>,
    pub(crate) relationships: NamedMap<'a, RelationshipTemplate<'a>>,
    pub(crate) groups: NamedMap<'a, GroupDefinition<'a>>,
    pub(crate) policies: NamedMap<'a, PolicyDefinition<'a>>,
    pub(crate) workflows: NamedMap<'a, WorkflowDefinition<'a>>,
    pub(crate) substitution: Option<SubstitutionMapping<'a>>,
    pub(crate) functions: Vec<FunctionDefinition<'a>>,
}

/// Reads the definitions and the service templates of all files.
pub(crate) fn read_files<'a>(
    loaded: &'a LoadedFiles,
    faults: &Faults,
) -> (Definitions<'a>, BTreeMap<u32, ServiceTemplate<'a>>) {
    let mut definitions = Definitions::default();
    let mut templates = BTreeMap::new();
    for (number, file) in loaded.iter() {
        let root = file.tree.root();
        let Some(fields) = read_fields(root, &keynames::FILE, first_key(root), faults) else {
            continue;
        };
        let profile = file.profile.as_deref();
        for section in TypeKind::ALL {
            for (name, yaml) in read_named_map(fields.get(section.key()), section.key(), faults) {
                add_type(&mut definitions, read_type(section, name, yaml, profile, faults), faults);
            }
        }
        definitions.functions.extend(read_functions(fields.get("functions"), faults));
        for (name, yaml) in read_named_map(fields.get("repositories"), "repositories", faults) {
            if yaml.string().is_none()
                && let Some(fields) = read_fields(yaml, &keynames::REPOSITORY, name.span, faults)
                && let Some(credential) = fields.get("credential")
            {
                let message = "`credential` of a repository has no meaning in TOSCA 2.0";
                faults.push(Fault::new(Code::UnknownKey, credential.span(), message).warning());
            }
            definitions.repositories.push(name);
        }
        if file.version.is_none() {
            dsl_definitions(&fields, faults);
        }
        let service = root.entry("service_template");
        if let Some((key, yaml)) = service {
            if let Some((profile, _)) = root.entry("profile") {
                let message = "a file that defines a profile cannot have a `service_template`";
                let fault = Fault::new(Code::Misplaced, key.span(), message);
                faults.push(fault.related(profile.span(), "the profile is defined here"));
            } else if !file.root {
                // csd07 4.2.1: imported files are files without a service template.
                let message = "an imported file cannot have a `service_template`";
                faults.push(Fault::new(Code::Misplaced, key.span(), message));
                continue;
            }
            let mut template = ServiceTemplate { span: first_key(root), ..<_>::default() };
            template.name = template_name(&fields);
            read_service(&mut template, yaml, key.span(), faults);
            templates.insert(number, template);
        } else if file.root {
            let name = template_name(&fields);
            let template =
                ServiceTemplate { name, span: first_key(root), ..ServiceTemplate::default() };
            templates.insert(number, template);
        }
    }
    (definitions, templates)
}

/// Checks that every entry of `dsl_definitions` has an anchor (csd07 6.3).
fn dsl_definitions(fields: &EntityFields<'_>, faults: &Faults) {
    let Some(yaml) = fields.get("dsl_definitions") else { return };
    let Some(map) = yaml.map() else {
        faults.push(super::fields::wrong_kind(yaml, "dsl_definitions", "map"));
        return;
    };
    for (key, value) in map {
        if !value.has_anchor() {
            let name = key.text().unwrap_or_default();
            let message = format!("`{name}` has no anchor, so nothing can refer to it");
            let fault = Fault::new(Code::Definition, key.span(), message);
            faults.push(fault.hint(format!("give it one: `{name}: &{name}`")));
        }
    }
}

fn template_name<'a>(fields: &EntityFields<'a>) -> Option<Word<'a>> {
    let metadata = fields.get("metadata").and_then(Yaml::map).into_iter().flatten();
    let mut names = metadata.filter(|(key, _)| key.text() == Some("template_name"));
    names.next().and_then(|(_, value)| text_of(value))
}

fn first_key(root: Yaml<'_>) -> Span {
    root.map().and_then(|mut map| map.next()).map_or(root.span(), |(key, _)| key.span())
}

fn add_type<'a>(definitions: &mut Definitions<'a>, def: TypeDefinition<'a>, faults: &Faults) {
    if def.section == TypeKind::Data && crate::builtin::is_builtin(def.name.text) {
        let message = format!("`{}` is a built-in type", def.name.text);
        faults.push(Fault::new(Code::DuplicateName, def.name.span, message));
        return;
    }
    definitions.types.push(def);
}

fn read_service<'a>(
    template: &mut ServiceTemplate<'a>,
    yaml: Yaml<'a>,
    span: Span,
    faults: &Faults,
) {
    let Some(fields) = read_fields(yaml, &keynames::SERVICE_TEMPLATE, span, faults) else { return };
    template.inputs = read_parameters(fields.get("inputs"), ParameterFlow::Incoming, faults);
    template.outputs = read_parameters(fields.get("outputs"), ParameterFlow::Outgoing, faults);
    let originals = read_named_map(fields.get("node_templates"), "node_templates", faults);
    let originals: NamedMap<'_, Yaml<'_>> = originals.into_iter().collect();
    let mut nodes: Vec<(Word<'a>, NodeTemplate<'a>)> = Vec::with_capacity(originals.len());
    nodes.extend(originals.iter().filter_map(|(name, yaml)| {
        let copied = copied(*yaml, &originals, "node template", faults);
        Some((*name, read_node(*name, *yaml, copied, faults)?))
    }));
    // A map has no order (YAML 1.2, 3.2.1.1), so the order of the file must not decide which node
    // fulfills a requirement.
    nodes.sort_by_cached_key(|(name, _)| name.text);
    template.nodes = NamedMap::from(nodes);
    let originals =
        read_named_map(fields.get("relationship_templates"), "relationship_templates", faults);
    let originals: NamedMap<'_, Yaml<'_>> = originals.into_iter().collect();
    template.relationships = originals
        .iter()
        .filter_map(|(name, yaml)| {
            let copied = copied(*yaml, &originals, "relationship template", faults);
            Some((*name, read_relationship(*name, *yaml, copied, faults)?))
        })
        .collect();
    let groups = read_named_map(fields.get("groups"), "groups", faults).into_iter();
    template.groups =
        groups.filter_map(|(name, yaml)| Some((name, read_group(name, yaml, faults)?))).collect();
    let policies = read_named_list(fields.get("policies"), "policies", faults).into_iter();
    template.policies = policies
        .filter_map(|(name, yaml)| Some((name, read_policy(name, yaml, faults)?)))
        .collect();
    duplicates(&template.policies, "policy", faults);
    template.workflows = read_workflows(fields.get("workflows"), faults);
    if let Some(yaml) = fields.get("substitution_mappings") {
        template.substitution = read_substitution(yaml, yaml.span(), faults);
    }
    template.functions = read_functions(fields.get("functions"), faults);
}

fn duplicates<T>(all: &NamedMap<'_, T>, what: &str, faults: &Faults) {
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    for (word, _) in all.iter() {
        if let Some(first) = seen.insert(word.text, word.span) {
            let message = format!("{what} `{}` is defined twice", word.text);
            let fault = Fault::new(Code::DuplicateName, word.span, message);
            faults.push(fault.related(first, "first defined here"));
        }
    }
}

/// Returns the template that `copy` names. It must not be a copy itself (csd07 7.2).
fn copied<'a>(
    yaml: Yaml<'a>,
    all: &NamedMap<'a, Yaml<'a>>,
    what: &str,
    faults: &Faults,
) -> Option<Yaml<'a>> {
    let (_, name) = yaml.entry("copy")?;
    let word = text_of(name)?;
    let Some(source) = all.get(word.text) else {
        let message = format!("unknown {what} `{}`", word.text);
        let fault = Fault::new(Code::UnknownTemplate, word.span, message);
        faults.push(faults.near(fault, word.text, all.names()));
        return None;
    };
    if let Some((key, _)) = source.entry("copy") {
        let message = format!("`{}` cannot be copied, because it is a copy", word.text);
        let fault = Fault::new(Code::Definition, word.span, message);
        faults.push(fault.related(key.span(), "copies a template here"));
        return None;
    }
    Some(*source)
}
