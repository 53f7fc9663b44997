//! The targets of requirements and the reasons for them, as people and programs read them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Tone;
use koinon_command::Ui;
use koinon_command::paint;
use koinon_model::representation::Candidate;
use koinon_model::representation::ChoiceReason;
use koinon_model::representation::ElementId;
use koinon_model::representation::Finding;
use koinon_model::representation::Node;
use koinon_model::representation::Relationship;
use koinon_model::representation::Representation;
use serde_json::json;

/// The nodes of a template, and their relationships of a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequirementQuery<'t> {
    pub(crate) node: IndexedName<'t>,
    pub(crate) requirement: Option<IndexedName<'t>>,
}

/// The name of a node template or a requirement, and the index that selects one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IndexedName<'t> {
    pub(crate) name: &'t str,
    /// Without an index, all instances match.
    pub(crate) index: Option<u32>,
}

impl<'t> IndexedName<'t> {
    /// Splits `name[index]`.
    fn parse(text: &'t str) -> Self {
        text.strip_suffix(']')
            .and_then(|open| open.rsplit_once('['))
            .and_then(|(name, index)| Some(Self { name, index: Some(index.parse().ok()?) }))
            .unwrap_or(Self { name: text, index: None })
    }

    fn matches(self, name: &str, index: u32) -> bool {
        name == self.name && self.index.is_none_or(|wanted| index == wanted)
    }
}

impl<'t> RequirementQuery<'t> {
    /// Returns the queries a text may mean. The name of a node template may have a dot, so the
    /// longest name comes first.
    pub(crate) fn readings(text: &'t str) -> Vec<Self> {
        let mut all = vec![Self { node: IndexedName::parse(text), requirement: None }];
        if let Some((node, requirement)) = text.rsplit_once('.') {
            let node = IndexedName::parse(node);
            all.push(Self { node, requirement: Some(IndexedName::parse(requirement)) });
        }
        all
    }

    pub(crate) fn matches_node(&self, node: &Node) -> bool {
        self.node.matches(&node.template, node.index)
    }

    fn matches_relationship(&self, one: &Relationship) -> bool {
        self.requirement.is_none_or(|wanted| wanted.matches(&one.requirement, one.index))
    }
}

/// The candidates of relationships.
type Traces = BTreeMap<ElementId, Vec<Candidate>>;

/// Prints the relationships that match the query, and the candidates of each.
pub(crate) fn show_requirements(
    ui: Ui,
    representation: &Representation,
    traces: &Traces,
    query: RequirementQuery<'_>,
) -> Outcome {
    let nodes = representation.nodes.iter();
    let names = NodeNames(
        nodes.map(|node| (node.id, format!("{}[{}]", node.template, node.index))).collect(),
    );
    let relationships = matching_relationships(representation, query)?;
    let node = query.node.name;
    if ui.json {
        let requirements = relationships.iter().map(|one| to_json(one, traces, &names));
        ui.json(&json!({ "node": node, "requirements": requirements.collect::<Vec<_>>() }));
    } else if relationships.is_empty() {
        ui.line(&format!("`{node}` requires nothing"));
    } else {
        for line in relationships.iter().flat_map(|one| lines(one, traces, &names)) {
            ui.line(&line);
        }
    }
    Ok(())
}

/// The names of nodes, with their indices.
struct NodeNames(BTreeMap<ElementId, String>);

impl NodeNames {
    fn get(&self, id: &ElementId) -> String {
        self.0.get(id).cloned().unwrap_or_else(|| id.to_string())
    }
}

fn matching_relationships<'r>(
    representation: &'r Representation,
    query: RequirementQuery<'_>,
) -> Outcome<Vec<&'r Relationship>> {
    let nodes = representation.nodes.iter().filter(|node| query.matches_node(node));
    let sources: BTreeSet<ElementId> = nodes.map(|node| node.id).collect();
    let all = representation.relationships.iter().filter(|one| sources.contains(&one.source));
    let matching: Vec<&Relationship> =
        all.clone().filter(|one| query.matches_relationship(one)).collect();
    let node = query.node.name;
    if let (Some(requirement), true) = (query.requirement, matching.is_empty()) {
        let known: BTreeSet<String> =
            all.map(|one| format!("{node}.{}[{}]", one.requirement, one.index)).collect();
        let message = format!("`{node}` has no such relationship of `{}`", requirement.name);
        let hint = if known.is_empty() {
            "it requires nothing".to_owned()
        } else {
            format!("it has {}", Vec::from_iter(known).join(", "))
        };
        return Err(CommandError::usage(message).hint(hint));
    }
    Ok(matching)
}

fn to_json(one: &Relationship, traces: &Traces, names: &NodeNames) -> serde_json::Value {
    let candidates = traces.get(&one.id).into_iter().flatten().map(|candidate| {
        json!({
            "node": names.get(&candidate.node),
            "capability": candidate.capability.as_deref(),
            "finding": finding(&candidate.finding),
        })
    });
    json!({
        "relationship": one.id.to_string(),
        "source": names.get(&one.source),
        "requirement": &*one.requirement,
        "index": one.index,
        "target": names.get(&one.target),
        "capability": &*one.capability,
        "why": one.choice.why.as_str(),
        "candidates": candidates.collect::<Vec<_>>(),
    })
}

fn lines(one: &Relationship, traces: &Traces, names: &NodeNames) -> Vec<String> {
    let from = format!("{}.{}[{}]", names.get(&one.source), one.requirement, one.index);
    let to = format!("{}.{}", names.get(&one.target), one.capability);
    let reason = because(one.choice.why);
    let mut lines =
        vec![format!("{} -> {}: {reason}", paint(Tone::Strong, &from), paint(Tone::Strong, &to))];
    for (property, value) in &one.allocation {
        lines.push(format!("    takes {} of `{property}`", value.to_json()));
    }
    for candidate in traces.get(&one.id).into_iter().flatten() {
        let (mark, tone) = match candidate.finding {
            Finding::Chosen(_) => ("✔", Tone::Good),
            Finding::Passed => ("·", Tone::Quiet),
            _ => ("✘", Tone::Bad),
        };
        let found = finding(&candidate.finding);
        lines.push(format!("  {} {}: {found}", paint(tone, mark), names.get(&candidate.node)));
    }
    lines
}

fn because(why: ChoiceReason) -> &'static str {
    match why {
        ChoiceReason::Named => "the template names it",
        ChoiceReason::Only => "it is the only candidate",
        ChoiceReason::First => "it is the first that fits, by template and index",
        ChoiceReason::Index => "the template names its index",
        ChoiceReason::Seed => "the seed decided",
        ChoiceReason::Mapping => "a substitution mapping hands the requirement on",
        ChoiceReason::Allocation => "the allocation says so",
    }
}

fn finding(finding: &Finding) -> String {
    match finding {
        Finding::Chosen(why) => format!("chosen, {}", because(*why)),
        Finding::Passed => "would do, but another comes first".to_owned(),
        Finding::TypeMismatch { expected, found } => {
            format!("not chosen, it is {found}, expected {expected}")
        }
        Finding::SourceRefused { found } => {
            format!("not chosen, its types do not allow a relationship from {found}")
        }
        Finding::FilterFalse { clause, .. } => {
            format!("not chosen, the node filter is false: {}", clause.to_json())
        }
        Finding::NoCapacity { property, needed, left } => {
            let (needed, left) = (needed.to_json(), left.to_json());
            format!("not chosen, `{property}` has {left} left, {needed} is needed")
        }
        Finding::Used => "not chosen, it is the source itself or its target already".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_may_have_dots_and_indices() {
        let readings = RequirementQuery::readings("a.b[2].host[0]");
        let named = |name, index| IndexedName { name, index };
        let whole = RequirementQuery { node: named("a.b[2].host", Some(0)), requirement: None };
        let requirement = Some(named("host", Some(0)));
        let split = RequirementQuery { node: named("a.b", Some(2)), requirement };
        assert_eq!(readings, [whole, split]);
        assert_eq!(
            RequirementQuery::readings("a[x]"),
            [RequirementQuery { node: named("a[x]", None), requirement: None }]
        );
    }
}
