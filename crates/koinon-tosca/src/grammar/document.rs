//! Whole files: the types of all of them, the service template of the root.

use std::collections::BTreeMap;

use super::fields::Word;
use super::fields::fields;
use super::fields::named;
use super::fields::named_list;
use super::schema::Property;
use super::schema::read_parameters;
use super::template::Group;
use super::template::NodeTemplate;
use super::template::Policy;
use super::template::RelationshipTemplate;
use super::template::read_group;
use super::template::read_node;
use super::template::read_policy;
use super::template::read_relationship;
use super::types::Section;
use super::types::TypeDef;
use super::types::common;
use super::types::read_type;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Span;
use crate::load::Loaded;
use crate::yaml::Yaml;

/// Everything the files define.
#[derive(Debug, Default)]
pub(crate) struct Document<'a> {
    /// `template_name` of the root's metadata.
    pub(crate) name: Option<Word<'a>>,
    /// Where the root file starts, for what is wrong with all of it.
    pub(crate) span: Span,
    pub(crate) types: BTreeMap<(Section, &'a str), TypeDef<'a>>,
    pub(crate) inputs: BTreeMap<&'a str, Property<'a>>,
    pub(crate) outputs: BTreeMap<&'a str, Property<'a>>,
    pub(crate) nodes: BTreeMap<&'a str, NodeTemplate<'a>>,
    pub(crate) relationships: BTreeMap<&'a str, RelationshipTemplate<'a>>,
    pub(crate) groups: BTreeMap<&'a str, Group<'a>>,
    pub(crate) policies: BTreeMap<&'a str, Policy<'a>>,
}

/// Reads all files.
pub(crate) fn read_document<'a>(loaded: &'a Loaded, faults: &Faults) -> Document<'a> {
    let mut document = Document::default();
    for (index, file) in loaded.files.iter().enumerate() {
        let mut known = vec![
            "tosca_definitions_version",
            "description",
            "metadata",
            "imports",
            "dsl_definitions",
        ];
        known.extend(Section::ALL.map(Section::key));
        let mut later = vec!["repositories", "functions"];
        match (index, file.profile) {
            (0, _) => known.push("service_template"),
            (_, Some(_)) => known.push("profile"),
            (_, None) => {}
        }
        if file.profile.is_none() {
            later.push("profile");
        }
        let root = file.tree.root();
        if index > 0 && misplaced(root, faults) {
            continue;
        }
        let Some(fields) = fields(root, "TOSCA file", &known, &later, faults) else { continue };
        common(&fields, faults);
        fields.word("profile", faults);
        for section in Section::ALL {
            for (name, yaml) in named(fields.get(section.key()), section.key(), faults) {
                add_type(
                    &mut document,
                    read_type(section, name, yaml, file.profile, faults),
                    faults,
                );
            }
        }
        if index == 0 {
            document.span = first_key(root);
            let metadata = fields.get("metadata").and_then(Yaml::map).into_iter().flatten();
            let mut names = metadata.filter(|(key, _)| key.text() == Some("template_name"));
            document.name = names.next().and_then(|(_, value)| super::fields::text_of(value));
            if let Some(template) = fields.get("service_template") {
                read_service(&mut document, template, faults);
            }
        }
    }
    document
}

/// Refuses a service template in an imported file.
fn misplaced(root: Yaml<'_>, faults: &Faults) -> bool {
    let found =
        root.map().and_then(|mut map| map.find(|(key, _)| key.text() == Some("service_template")));
    if let Some((key, _)) = found {
        let message = "an imported file may not have a `service_template`";
        faults.push(Fault::new(Code::Misplaced, key.span(), message));
    }
    found.is_some()
}

fn first_key(root: Yaml<'_>) -> Span {
    root.map().and_then(|mut map| map.next()).map_or(root.span(), |(key, _)| key.span())
}

fn add_type<'a>(document: &mut Document<'a>, def: TypeDef<'a>, faults: &Faults) {
    let key = (def.section, def.name.text);
    if let Some(first) = document.types.get(&key) {
        let message = format!("{} `{}` is defined twice", def.section.noun(), def.name.text);
        let fault = Fault::new(Code::DuplicateName, def.name.span, message);
        faults.push(fault.related(first.name.span, "first defined here"));
        return;
    }
    if def.section == Section::Data && crate::check::is_builtin(def.name.text) {
        let message = format!("`{}` is a built-in type", def.name.text);
        faults.push(Fault::new(Code::DuplicateName, def.name.span, message));
        return;
    }
    document.types.insert(key, def);
}

fn read_service<'a>(document: &mut Document<'a>, yaml: Yaml<'a>, faults: &Faults) {
    let known = [
        "description",
        "metadata",
        "inputs",
        "outputs",
        "node_templates",
        "relationship_templates",
        "groups",
        "policies",
    ];
    let later = ["substitution_mappings", "workflows"];
    let Some(fields) = fields(yaml, "service template", &known, &later, faults) else { return };
    common(&fields, faults);
    let keys = ["required", "default"];
    document.inputs = read_parameters(fields.get("inputs"), "input definition", &keys, faults);
    document.outputs =
        read_parameters(fields.get("outputs"), "output definition", &["value"], faults);
    let nodes = named(fields.get("node_templates"), "node_templates", faults).into_iter();
    document.nodes = nodes
        .filter_map(|(name, yaml)| Some((name.text, read_node(name, yaml, faults)?)))
        .collect();
    let relationships =
        named(fields.get("relationship_templates"), "relationship_templates", faults);
    document.relationships = relationships
        .into_iter()
        .filter_map(|(name, yaml)| Some((name.text, read_relationship(yaml, faults)?)))
        .collect();
    let groups = named(fields.get("groups"), "groups", faults).into_iter();
    document.groups =
        groups.filter_map(|(name, yaml)| Some((name.text, read_group(yaml, faults)?))).collect();
    for (name, yaml) in named_list(fields.get("policies"), "policies", faults) {
        let Some(policy) = read_policy(name, yaml, faults) else { continue };
        if let Some(first) = document.policies.get(name.text) {
            let message = format!("policy `{}` is defined twice", name.text);
            let fault = Fault::new(Code::DuplicateName, name.span, message);
            faults.push(fault.related(first.name.span, "first defined here"));
            continue;
        }
        document.policies.insert(name.text, policy);
    }
}
