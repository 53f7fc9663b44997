//! Substitution mappings: a service template that stands for a node (csd07 chapter 15).

use super::expr::Expr;
use super::expr::read_expr;
use super::fields::Word;
use super::fields::read_fields;
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
pub(crate) struct SubstitutionMapping<'a> {
    pub(crate) node_type: Word<'a>,
    pub(crate) filter: Option<Expr<'a>>,
    /// Properties of the node, and the inputs that receive them.
    pub(crate) properties: Vec<(MappedValue<'a>, MappedTo<'a>)>,
    /// Attributes of the node, and the outputs they come from.
    pub(crate) attributes: Vec<(MappedValue<'a>, MappedTo<'a>)>,
    pub(crate) capabilities: Vec<CapabilityMapping<'a>>,
    pub(crate) requirements: Vec<RequirementMapping<'a>>,
    pub(crate) interfaces: Vec<OperationMapping<'a>>,
}

/// A value of the substituted node.
#[derive(Clone, Debug)]
pub(crate) enum MappedValue<'a> {
    /// A property or attribute of the node.
    Own(Word<'a>),
    /// A property or attribute of a capability.
    Capability(Word<'a>, Word<'a>),
    /// A property or attribute of a relationship of a requirement: of the first relationship
    /// without an index.
    Relationship(Word<'a>, Option<RelationshipIndex>, Word<'a>),
}

/// The relationships of a requirement that a mapping names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RelationshipIndex {
    At(u64),
    All,
}

/// The target of a mapped value.
#[derive(Clone, Debug)]
pub(crate) enum MappedTo<'a> {
    /// An input or output.
    Name(Word<'a>),
    /// A fixed value, as in TOSCA 1.x.
    Value(Expr<'a>),
}

/// A capability of the node, with the capability of a node template that stands for it.
#[derive(Clone, Debug)]
pub(crate) struct CapabilityMapping<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) template: Word<'a>,
    pub(crate) capability: Word<'a>,
}

/// An operation of the node, with the workflow that implements it.
#[derive(Clone, Debug)]
pub(crate) struct OperationMapping<'a> {
    pub(crate) interface: Word<'a>,
    pub(crate) operation: Word<'a>,
    pub(crate) workflow: Word<'a>,
}

/// A requirement mapping.
#[derive(Clone, Debug)]
pub(crate) struct RequirementMapping<'a> {
    pub(crate) name: Word<'a>,
    /// The number of assignments it maps, if it has one.
    pub(crate) count: Option<MappedCount>,
    pub(crate) targets: Vec<MappedRequirement<'a>>,
}

/// The number of assignments that a mapping maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MappedCount {
    Number(u64),
    /// All remaining assignments.
    Unbounded,
}

/// The target of a mapped requirement.
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
) -> Option<SubstitutionMapping<'a>> {
    let fields = read_fields(yaml, &keynames::SUBSTITUTION, span, faults)?;
    Some(SubstitutionMapping {
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

/// Reads the left side of a mapping: a name, or a path to a value of a capability or relationship.
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
                    (Some("ALL"), _) => RelationshipIndex::All,
                    (_, Some(at)) => RelationshipIndex::At(at),
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

fn capabilities<'a>(yaml: Option<Yaml<'a>>, faults: &Faults) -> Vec<CapabilityMapping<'a>> {
    let what = "capability mapping";
    let mut mapped = Vec::new();
    for (key, value) in map_of(yaml, what, faults) {
        match (text_of(key), pair(value)) {
            (Some(name), Some((template, capability))) => {
                mapped.push(CapabilityMapping { name, template, capability });
            }
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
                        Some("UNBOUNDED") => Some(MappedCount::Unbounded),
                        _ => natural(*count).map(MappedCount::Number),
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

fn interfaces<'a>(yaml: Option<Yaml<'a>>, faults: &Faults) -> Vec<OperationMapping<'a>> {
    let what = "interface mapping";
    let mut mapped = Vec::new();
    for (key, value) in map_of(yaml, what, faults) {
        let Some(interface) = text_of(key) else {
            faults.push(wrong_kind(key, what, "string"));
            continue;
        };
        for (key, value) in map_of(Some(value), what, faults) {
            match (text_of(key), text_of(value)) {
                (Some(operation), Some(workflow)) => {
                    mapped.push(OperationMapping { interface, operation, workflow });
                }
                (None, _) => faults.push(wrong_kind(key, what, "string")),
                (_, None) => faults.push(wrong_kind(value, "workflow", "string")),
            }
        }
    }
    mapped
}
