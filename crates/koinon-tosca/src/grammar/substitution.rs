//! Substitution mappings: how a service template stands for a node (csd07 chapter 15).

use super::expr::Expr;
use super::expr::read_expr;
use super::fields::Word;
use super::fields::fields;
use super::fields::text_of;
use super::fields::wrong_kind;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Span;
use crate::keynames;
use crate::yaml::Scalar;
use crate::yaml::Yaml;

/// A substitution mapping.
#[derive(Clone, Debug)]
pub(crate) struct Substitution<'a> {
    pub(crate) node_type: Word<'a>,
    pub(crate) filter: Option<Expr<'a>>,
    /// Properties of the node, and the inputs that take them.
    pub(crate) properties: Vec<(MappedValue<'a>, MappedTo<'a>)>,
    /// Attributes of the node, and the outputs that give them.
    pub(crate) attributes: Vec<(MappedValue<'a>, MappedTo<'a>)>,
    /// Capabilities of the node, and the node template and capability that stand for each.
    pub(crate) capabilities: Vec<(Word<'a>, Word<'a>, Word<'a>)>,
    pub(crate) requirements: Vec<RequirementMapping<'a>>,
    /// Interfaces, operations and the workflows that do them.
    pub(crate) interfaces: Vec<(Word<'a>, Word<'a>, Word<'a>)>,
}

/// A value of the substituted node.
#[derive(Clone, Debug)]
pub(crate) enum MappedValue<'a> {
    /// A property or attribute of the node.
    Own(Word<'a>),
    /// One of a capability.
    Capability(Word<'a>, Word<'a>),
    /// One of the relationships of a requirement: the first if there is no index.
    Relationship(Word<'a>, Option<Index>, Word<'a>),
}

/// Which relationships are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Index {
    At(u64),
    All,
}

/// What a value is mapped to.
#[derive(Clone, Debug)]
pub(crate) enum MappedTo<'a> {
    /// An input or output.
    Name(Word<'a>),
    /// A fixed value, as TOSCA 1.x has it.
    Value(Expr<'a>),
}

/// A requirement mapping.
#[derive(Clone, Debug)]
pub(crate) struct RequirementMapping<'a> {
    pub(crate) name: Word<'a>,
    /// How many assignments it maps; `None` if it says nothing of it.
    pub(crate) count: Option<Assignments>,
    pub(crate) targets: Vec<MappedRequirement<'a>>,
}

/// How many assignments a mapping maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Assignments {
    Number(u64),
    /// All that are left.
    Unbounded,
}

/// What a requirement is mapped to.
#[derive(Clone, Debug)]
pub(crate) enum MappedRequirement<'a> {
    /// A requirement of a node template.
    Requirement(Word<'a>, Word<'a>),
    /// A node template that is selected.
    Node(Word<'a>),
}

/// Reads a substitution mapping.
pub(crate) fn read_substitution<'a>(
    yaml: Yaml<'a>,
    span: Span,
    faults: &Faults,
) -> Option<Substitution<'a>> {
    let fields = fields(yaml, &keynames::SUBSTITUTION, span, faults)?;
    Some(Substitution {
        node_type: fields.word("node_type")?,
        filter: fields.get("substitution_filter").map(|filter| read_expr(filter, faults)),
        properties: values(fields.get("properties"), "property mapping", faults),
        attributes: values(fields.get("attributes"), "attribute mapping", faults),
        capabilities: capabilities(fields.get("capabilities"), faults),
        requirements: requirements(fields.get("requirements"), faults),
        interfaces: interfaces(fields.get("interfaces"), faults),
    })
}

fn map_of<'a>(yaml: Option<Yaml<'a>>, what: &str, faults: &Faults) -> Vec<(Yaml<'a>, Yaml<'a>)> {
    let Some(yaml) = yaml else { return Vec::new() };
    match yaml.map() {
        Some(map) => map.collect(),
        None => {
            faults.push(wrong_kind(yaml, what, "map"));
            Vec::new()
        }
    }
}

fn values<'a>(
    yaml: Option<Yaml<'a>>,
    what: &str,
    faults: &Faults,
) -> Vec<(MappedValue<'a>, MappedTo<'a>)> {
    let mut mapped = Vec::new();
    for (key, value) in map_of(yaml, what, faults) {
        let Some(from) = faults.keep(mapped_value(key, what)) else { continue };
        let to = match text_of(value) {
            Some(word) => MappedTo::Name(word),
            None => {
                // `[ input ]` of TOSCA 1.x.
                let list: Vec<Yaml<'_>> = value.list().into_iter().flatten().collect();
                match list.as_slice() {
                    [one] if text_of(*one).is_some() => match text_of(*one) {
                        Some(word) => MappedTo::Name(word),
                        None => continue,
                    },
                    _ => MappedTo::Value(read_expr(value, faults)),
                }
            }
        };
        mapped.push((from, to));
    }
    mapped
}

/// Reads the left side of a mapping: a name, or a list that leads to a capability or relationship.
fn mapped_value<'a>(key: Yaml<'a>, what: &str) -> Result<MappedValue<'a>, Fault> {
    if let Some(word) = text_of(key) {
        return Ok(MappedValue::Own(word));
    }
    let wrong = || {
        let message = format!(
            "expected a name, [CAPABILITY, capability, name] or [RELATIONSHIP, requirement, \
             index, name] for a {what}"
        );
        Fault::new(Code::WrongKind, key.span(), message)
    };
    let list: Vec<Yaml<'a>> = key.list().ok_or_else(wrong)?.collect();
    let word = |yaml: &Yaml<'a>| text_of(*yaml).ok_or_else(wrong);
    match list.as_slice() {
        [first, capability, name] if first.string() == Some("CAPABILITY") => {
            Ok(MappedValue::Capability(word(capability)?, word(name)?))
        }
        [first, rest @ ..] if first.string() == Some("RELATIONSHIP") => match rest {
            [requirement, name] => {
                Ok(MappedValue::Relationship(word(requirement)?, None, word(name)?))
            }
            [requirement, index, name] => {
                let index = match (index.string(), natural(*index)) {
                    (Some("ALL"), _) => Index::All,
                    (_, Some(at)) => Index::At(at),
                    _ => return Err(wrong()),
                };
                Ok(MappedValue::Relationship(word(requirement)?, Some(index), word(name)?))
            }
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

fn natural(yaml: Yaml<'_>) -> Option<u64> {
    match yaml.scalar() {
        Some(Scalar::Number(number)) => {
            number.as_i64().and_then(|number| u64::try_from(number).ok())
        }
        _ => None,
    }
}

/// Reads `[ node template, name ]`.
fn pair<'a>(yaml: Yaml<'a>) -> Option<(Word<'a>, Word<'a>)> {
    let list: Vec<Yaml<'a>> = yaml.list()?.collect();
    match list.as_slice() {
        [node, name] => Some((text_of(*node)?, text_of(*name)?)),
        _ => None,
    }
}

fn capabilities<'a>(
    yaml: Option<Yaml<'a>>,
    faults: &Faults,
) -> Vec<(Word<'a>, Word<'a>, Word<'a>)> {
    let what = "capability mapping";
    let mut mapped = Vec::new();
    for (key, value) in map_of(yaml, what, faults) {
        match (text_of(key), pair(value)) {
            (Some(name), Some((node, capability))) => mapped.push((name, node, capability)),
            (None, _) => faults.push(wrong_kind(key, what, "string")),
            (_, None) => {
                faults.push(wrong_kind(value, what, "list of a node template and a capability"));
            }
        }
    }
    mapped
}

fn requirements<'a>(yaml: Option<Yaml<'a>>, faults: &Faults) -> Vec<RequirementMapping<'a>> {
    let what = "requirement mapping";
    let Some(yaml) = yaml else { return Vec::new() };
    let Some(list) = yaml.list() else {
        faults.push(wrong_kind(yaml, "requirement mappings", "list"));
        return Vec::new();
    };
    let mut mapped = Vec::new();
    for item in list {
        // `[name, count]: …` has a list as its key.
        let listed = item
            .map()
            .filter(|map| map.len() == 1)
            .and_then(|mut map| map.next())
            .filter(|(key, _)| key.list().is_some());
        let (name, count, value) = match listed {
            Some((key, value)) => {
                let list: Vec<Yaml<'_>> = key.list().into_iter().flatten().collect();
                let parts = match list.as_slice() {
                    [name, count] => text_of(*name).zip(match count.string() {
                        Some("UNBOUNDED") => Some(Assignments::Unbounded),
                        _ => natural(*count).map(Assignments::Number),
                    }),
                    _ => None,
                };
                let Some((name, count)) = parts else {
                    let message = "expected a requirement's name and a number or UNBOUNDED";
                    faults.push(Fault::new(Code::WrongKind, key.span(), message));
                    continue;
                };
                (name, Some(count), value)
            }
            None => {
                let one = single(item, faults);
                let Some((name, value)) = one else { continue };
                (name, None, value)
            }
        };
        let targets = match mapped_requirement(value) {
            Some(target) => vec![target],
            None => {
                let targets = value.list().into_iter().flatten().map(mapped_requirement);
                let targets: Option<Vec<_>> = targets.collect();
                match targets.filter(|targets| !targets.is_empty()) {
                    Some(targets) => targets,
                    None => {
                        let expected =
                            "node template, or list of a node template and a requirement,";
                        faults.push(wrong_kind(value, what, expected));
                        continue;
                    }
                }
            }
        };
        mapped.push(RequirementMapping { name, count, targets });
    }
    mapped
}

fn single<'a>(item: Yaml<'a>, faults: &Faults) -> Option<(Word<'a>, Yaml<'a>)> {
    let Some(mut map) = item.map().filter(|map| map.len() == 1) else {
        faults.push(wrong_kind(item, "requirement mapping", "map with one name"));
        return None;
    };
    let (key, value) = map.next()?;
    Some((super::fields::name_of(key, "requirement mapping", faults)?, value))
}

fn mapped_requirement<'a>(yaml: Yaml<'a>) -> Option<MappedRequirement<'a>> {
    match text_of(yaml) {
        Some(node) => Some(MappedRequirement::Node(node)),
        None => {
            let (node, requirement) = pair(yaml)?;
            Some(MappedRequirement::Requirement(node, requirement))
        }
    }
}

fn interfaces<'a>(yaml: Option<Yaml<'a>>, faults: &Faults) -> Vec<(Word<'a>, Word<'a>, Word<'a>)> {
    let what = "interface mapping";
    let mut mapped = Vec::new();
    for (key, value) in map_of(yaml, what, faults) {
        let Some(interface) = text_of(key) else {
            faults.push(wrong_kind(key, what, "string"));
            continue;
        };
        for (key, value) in map_of(Some(value), what, faults) {
            match (text_of(key), text_of(value)) {
                (Some(operation), Some(workflow)) => mapped.push((interface, operation, workflow)),
                (None, _) => faults.push(wrong_kind(key, what, "string")),
                (_, None) => faults.push(wrong_kind(value, "workflow", "string")),
            }
        }
    }
    mapped
}
