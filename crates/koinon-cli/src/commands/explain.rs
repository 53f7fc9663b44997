//! `koinon explain`: what a diagnostic means, and why the resolver chose what it chose.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use koinon_model::representation::Candidate;
use koinon_model::representation::ElementId;
use koinon_model::representation::Finding;
use koinon_model::representation::Node;
use koinon_model::representation::Relationship;
use koinon_model::representation::Representation;
use koinon_model::representation::Why;
use koinon_tosca::Code;
use koinon_tosca::reference;
use serde_json::json;

use crate::error::CommandError;
use crate::error::Outcome;
use crate::files::ResolveArgs;
use crate::files::TemplateArgs;
use crate::files::Version;
use crate::ui::Tone;
use crate::ui::Ui;
use crate::ui::paint;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  koinon explain K0103                            the page about a diagnostic
  koinon explain web service.yaml                 all requirements of the node template `web`
  koinon explain web.host service.yaml            one of them: chosen because, not chosen because
  koinon explain 'web[2].host[0]' service.yaml    of one node, one relationship
  koinon explain web.host service.yaml --json
  koinon explain --keynames 1.3                   what may stand where in a file")]
pub(crate) struct ExplainArgs {
    /// The code of a diagnostic, a node template, or NODE.REQUIREMENT; each may have an index, NODE[2].REQUIREMENT[0]
    #[arg(required_unless_present = "keynames")]
    what: Option<String>,

    /// A TOSCA file, a directory with a template.yaml, or an archive
    #[arg(default_value = ".")]
    template: PathBuf,

    /// A YAML or JSON file with input values; later ones win
    #[arg(long, short, value_name = "FILE")]
    inputs: Vec<PathBuf>,

    /// One input value, as YAML; wins over files
    #[arg(long, short = 'I', value_name = "NAME=VALUE")]
    input: Vec<String>,

    /// Print the keynames of a version of TOSCA, in Markdown
    #[arg(long, value_enum, value_name = "VERSION", exclusive = true)]
    keynames: Option<Version>,

    #[command(flatten)]
    resolve: ResolveArgs,
}

pub(crate) fn run(ui: Ui, args: ExplainArgs) -> Outcome {
    if let Some(version) = args.keynames {
        ui.raw(&reference(version.into()));
        return Ok(());
    }
    let what = args.what.unwrap_or_default();
    if let Some(code) = Code::find(&what) {
        if ui.json {
            ui.json(&json!({ "code": code, "title": code.title(), "page": code.page() }));
        } else {
            ui.raw(code.page());
        }
        return Ok(());
    }
    let template = TemplateArgs {
        template: args.template,
        inputs: args.inputs,
        input: args.input,
        mirror: Vec::new(),
    };
    for asked in Asked::readings(&what) {
        let requirement = asked.requirement.map(|(name, _)| name.to_owned());
        let trace = Some((asked.node.0.to_owned(), requirement));
        let made = template.represent(&args.resolve, trace)?;
        if made.representation.nodes.iter().any(|node| asked.has(node)) {
            return show(ui, &made.representation, &made.trace.requirements, asked);
        }
    }
    let message = format!("there is no diagnostic and no node template `{what}`");
    Err(CommandError::usage(message)
        .hint("expected a code such as K0103, NODE or NODE.REQUIREMENT"))
}

/// What is asked about: nodes of a template, and what they require; one of each if there is an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked<'t> {
    node: (&'t str, Option<u32>),
    requirement: Option<(&'t str, Option<u32>)>,
}

impl<'t> Asked<'t> {
    /// Returns what a text may ask about. The name of a node template may have a dot, so the longest is tried first.
    fn readings(text: &'t str) -> Vec<Self> {
        let mut all = vec![Self { node: indexed(text), requirement: None }];
        if let Some((node, requirement)) = text.rsplit_once('.') {
            all.push(Self { node: indexed(node), requirement: Some(indexed(requirement)) });
        }
        all
    }

    fn has(&self, node: &Node) -> bool {
        *node.template == *self.node.0 && self.node.1.is_none_or(|index| node.index == index)
    }

    fn requires(&self, one: &Relationship) -> bool {
        self.requirement.is_none_or(|(name, index)| {
            *one.requirement == *name && index.is_none_or(|index| one.index == index)
        })
    }
}

/// Splits `name[index]`.
fn indexed(text: &str) -> (&str, Option<u32>) {
    let split = text.strip_suffix(']').and_then(|text| text.rsplit_once('['));
    let split = split.and_then(|(name, index)| Some((name, index.parse().ok()?)));
    split.map_or((text, None), |(name, index)| (name, Some(index)))
}

type Traces = BTreeMap<ElementId, Vec<Candidate>>;

fn show(ui: Ui, representation: &Representation, traces: &Traces, asked: Asked<'_>) -> Outcome {
    let names: BTreeMap<ElementId, String> = representation
        .nodes
        .iter()
        .map(|node| (node.id, format!("{}[{}]", node.template, node.index)))
        .collect();
    let name = |id: &ElementId| names.get(id).cloned().unwrap_or_else(|| id.to_string());
    let sources: Vec<ElementId> =
        representation.nodes.iter().filter(|one| asked.has(one)).map(|one| one.id).collect();
    let all = representation.relationships.iter().filter(|one| sources.contains(&one.source));
    let made: Vec<&Relationship> = all.clone().filter(|one| asked.requires(one)).collect();
    let node = asked.node.0;
    if let (Some((requirement, _)), true) = (asked.requirement, made.is_empty()) {
        let known: BTreeSet<String> =
            all.map(|one| format!("{node}.{}[{}]", one.requirement, one.index)).collect();
        let message = format!("`{node}` has no such relationship of `{requirement}`");
        let hint = match known.is_empty() {
            true => "it requires nothing".to_owned(),
            false => format!("it has {}", Vec::from_iter(known).join(", ")),
        };
        return Err(CommandError::usage(message).hint(hint));
    }
    if ui.json {
        let made = made.iter().map(|one| {
            let candidates = traces.get(&one.id).into_iter().flatten();
            json!({
                "relationship": one.id.to_string(),
                "source": name(&one.source),
                "requirement": &*one.requirement,
                "index": one.index,
                "target": name(&one.target),
                "capability": &*one.capability,
                "why": one.choice.why.as_str(),
                "candidates": candidates.map(|candidate| json!({
                    "node": name(&candidate.node),
                    "capability": candidate.capability.as_deref(),
                    "finding": finding(&candidate.finding),
                })).collect::<Vec<_>>(),
            })
        });
        ui.json(&json!({ "node": node, "requirements": made.collect::<Vec<_>>() }));
        return Ok(());
    }
    if made.is_empty() {
        ui.line(&format!("`{node}` requires nothing"));
        return Ok(());
    }
    let mut text = String::new();
    for one in made {
        let from = format!("{}.{}[{}]", name(&one.source), one.requirement, one.index);
        let to = format!("{}.{}", name(&one.target), one.capability);
        let why = because(one.choice.why);
        writeln!(text, "{} -> {}: {why}", paint(Tone::Strong, &from), paint(Tone::Strong, &to))
            .ok();
        for (property, value) in &one.allocation {
            writeln!(text, "    takes {} of `{property}`", value.to_json()).ok();
        }
        for candidate in traces.get(&one.id).into_iter().flatten() {
            let (mark, tone) = match candidate.finding {
                Finding::Chosen(_) => ("✔", Tone::Good),
                Finding::Passed => ("·", Tone::Quiet),
                _ => ("✘", Tone::Bad),
            };
            let said = finding(&candidate.finding);
            writeln!(text, "  {} {}: {said}", paint(tone, mark), name(&candidate.node)).ok();
        }
    }
    ui.line(text.trim_end());
    Ok(())
}

fn because(why: Why) -> &'static str {
    match why {
        Why::Named => "the template names it",
        Why::Only => "it is the only candidate",
        Why::First => "it is the first that fits, by template and index",
        Why::Index => "the template names its index",
        Why::Seed => "the seed decided",
        Why::Mapping => "a substitution mapping hands the requirement on",
        Why::Allocation => "the allocation says so",
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
    fn what_is_asked_about_may_have_dots_and_indices() {
        let readings = Asked::readings("a.b[2].host[0]");
        let whole = Asked { node: ("a.b[2].host", Some(0)), requirement: None };
        let split = Asked { node: ("a.b", Some(2)), requirement: Some(("host", Some(0))) };
        assert_eq!(readings, [whole, split]);
        assert_eq!(Asked::readings("a[x]"), [Asked { node: ("a[x]", None), requirement: None }]);
    }
}
