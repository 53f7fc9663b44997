//! `koinon plan`: what leads from one representation of a service to another.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use koinon_model::Digest;
use koinon_model::representation::ElementId;
use koinon_model::representation::Properties;
use koinon_model::representation::Representation;
use koinon_model::representation::Term;
use koinon_plan::Class;
use koinon_plan::Element;
use koinon_plan::Place;
use koinon_plan::Plan;
use koinon_plan::Rules;
use koinon_plan::Version;

use crate::error::CommandError;
use crate::error::Kind;
use crate::error::Outcome;
use crate::files::REPRESENTATION;
use crate::files::ResolveArgs;
use crate::files::TemplateArgs;
use crate::files::read_representation;
use crate::ui::Tone;
use crate::ui::Ui;
use crate::ui::paint;

/// The weaving rules of the profiles that are built in, the more special ones first.
const RULES: [(&str, &str); 2] = [
    (
        "profiles/koinon/1.0/weaving.yaml",
        include_str!("../../../../profiles/koinon/1.0/weaving.yaml"),
    ),
    (
        "profiles/tosca/simple/weaving.yaml",
        include_str!("../../../../profiles/tosca/simple/weaving.yaml"),
    ),
];

#[derive(Args, Debug)]
#[command(after_help = "A representation is what the compiler makes of a template, as JSON.

Examples:
  koinon plan none service.yaml             everything from nothing
  koinon plan old.json new.json             what a change would do
  koinon plan old.json new.json --json      the plan, for machines
  koinon plan old.json new.json --slice alice
  koinon plan old.json new.json --dot | dot -Tsvg > plan.svg")]
pub(crate) struct PlanArgs {
    /// What there is: a representation (.json), a template, `-` for standard input, or `none`
    old: String,

    /// What there should be: a representation (.json), a template, `-` for standard input, or `none`
    new: String,

    /// A YAML or JSON file with input values of the templates; later ones win
    #[arg(long, short, value_name = "FILE")]
    inputs: Vec<PathBuf>,

    /// One input value, as YAML; wins over files
    #[arg(long, short = 'I', value_name = "NAME=VALUE")]
    input: Vec<String>,

    #[command(flatten)]
    resolve: ResolveArgs,

    /// A file of weaving rules; goes before those built in
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,

    /// Only what this operator does
    #[arg(long, value_name = "OPERATOR")]
    slice: Option<String>,

    /// Draw the steps for Graphviz
    #[arg(long, conflicts_with_all = ["mermaid", "json"])]
    dot: bool,

    /// Draw the steps for Mermaid
    #[arg(long, conflicts_with = "json")]
    mermaid: bool,

    /// Exit with 0 if there is nothing to do, 2 if there is
    #[arg(long)]
    detailed_exitcode: bool,
}

pub(crate) fn run(ui: Ui, args: &PlanArgs) -> Outcome<ExitCode> {
    if args.old == "-" && args.new == "-" {
        return Err(CommandError::usage("only one of the two can come from standard input"));
    }
    let old = read(args, &args.old)?;
    let new = read(args, &args.new)?.unwrap_or_default();
    let plan = Plan::between(old.as_ref(), &new, &rules(&args.rules)?);
    let mut plan = plan.map_err(|error| CommandError::new(Kind::Template, error))?;
    if let Some(operator) = &args.slice {
        plan = plan.slice(Some(operator));
    }
    if args.dot {
        ui.raw(&plan.to_dot());
    } else if args.mermaid {
        ui.raw(&plan.to_mermaid());
    } else if ui.json {
        ui.raw(&format!("{}\n", plan.to_json()));
    } else if let Some(operator) = args.slice.as_ref().filter(|_| plan.is_empty()) {
        ui.line(&format!("There is nothing for {operator} to do."));
    } else {
        ui.line(&render(&plan, old.as_ref(), &new));
    }
    let changes = args.detailed_exitcode && !plan.is_empty();
    Ok(if changes { ExitCode::from(2) } else { ExitCode::SUCCESS })
}

/// Plans what leads to a representation from nothing.
pub(super) fn from_nothing(new: Version<'_>) -> Outcome<Plan> {
    let plan = Plan::of_versions(None, new, &rules(&[])?);
    plan.map_err(|error| CommandError::new(Kind::Template, error))
}

/// Hands a representation's JSON over in pieces, and returns those of the plan that leads there from nothing.
///
/// Another thread hashes the former meanwhile: the plan's steps and its head need the digest, its elements do not.
pub(super) fn written_from_nothing(
    new: &Representation,
    written: impl FnMut(&str) + Send,
) -> Outcome<Vec<String>> {
    new.write_hashed(written, |digest| {
        let plan = from_nothing(Version { representation: new, digest: Digest::ZERO })?;
        let mut pieces = Vec::new();
        plan.write_json(digest, |piece| pieces.push(piece));
        // Taking it apart takes time, and whoever asked for it is about to end.
        std::mem::forget(plan);
        Ok(pieces)
    })
}

/// Reads a representation, or compiles a template to one; `none` is nothing.
fn read(args: &PlanArgs, from: &str) -> Outcome<Option<Representation>> {
    if from != "none" && from != "-" && !from.ends_with(".json") {
        let template = TemplateArgs {
            template: PathBuf::from(from),
            inputs: args.inputs.clone(),
            input: args.input.clone(),
            mirror: Vec::new(),
        };
        let made = template.represent(&args.resolve, None)?;
        return Ok(Some(made.representation));
    }
    let bytes = match from {
        "none" => return Ok(None),
        "-" => {
            let mut bytes = Vec::new();
            let limit = REPRESENTATION.bytes as u64 + 1;
            let read = std::io::stdin().lock().take(limit).read_to_end(&mut bytes);
            read.map_err(|error| {
                CommandError::failed(format!("cannot read standard input: {error}"))
            })?;
            bytes
        }
        path => std::fs::read(path)
            .map_err(|error| CommandError::usage(format!("cannot read {path}: {error}")))?,
    };
    read_representation(from, &bytes).map(Some)
}

/// Reads weaving rules: the given ones, then those built in.
pub(super) fn rules(files: &[PathBuf]) -> Outcome<Rules> {
    let mut all = Rules::default();
    let mut add = |name: &str, text: &[u8]| -> Outcome {
        let value = koinon_tosca::read_inputs(name, text)?.into_iter().collect();
        let read = Rules::from_value(&value);
        let read = read.map_err(|error| CommandError::usage(format!("{name}: {error}")))?;
        all = std::mem::take(&mut all).and(read);
        Ok(())
    };
    for file in files {
        let name = file.display().to_string();
        let text = std::fs::read(file)
            .map_err(|error| CommandError::usage(format!("cannot read rules {name}: {error}")))?;
        add(&name, &text)?;
    }
    for (name, text) in RULES {
        add(name, text.as_bytes())?;
    }
    Ok(all)
}

/// Properties of the elements of a representation, those nested in it included.
fn properties<'a>(graph: &'a Representation, into: &mut BTreeMap<ElementId, &'a Properties>) {
    into.extend(graph.nodes.iter().map(|node| (node.id, &node.properties)));
    into.extend(graph.relationships.iter().map(|link| (link.id, &link.properties)));
    graph.substitutions.values().for_each(|inner| properties(inner, into));
}

/// Shows a plan as a difference.
fn render(plan: &Plan, old: Option<&Representation>, new: &Representation) -> String {
    let names = plan.names();
    let mut known = BTreeMap::new();
    properties(new, &mut known);
    let mut gone = BTreeMap::new();
    if let Some(old) = old {
        properties(old, &mut gone);
    }
    let mut lines = Vec::new();
    // A service without a name has that of its file.
    if let Some(old) = old.filter(|old| !new.service.is_empty() && old.service != new.service) {
        let (old, new) = (&old.service, &new.service);
        let text = format!("`{old}` and `{new}` are different services: nothing of one is kept.");
        lines.push(paint(Tone::Changed, &text));
        lines.push("A service is named by `template_name` in its metadata.\n".to_owned());
    }
    for element in plan.elements.iter().filter(|element| element.class != Class::Unchanged) {
        let (tone, mark) = match element.class {
            Class::Novel => (Tone::Good, "+"),
            Class::Modified if element.replaced => (Tone::Changed, "±"),
            Class::Modified | Class::Unchanged => (Tone::Changed, "~"),
            Class::Obsolete => (Tone::Bad, "-"),
        };
        lines.push(format!("{} {}", paint(tone, mark), heading(element, &names)));
        let shown = if element.class == Class::Obsolete { &gone } else { &known };
        if element.class != Class::Modified {
            for (name, property) in shown.get(&element.id).into_iter().copied().flatten() {
                let value = show(Some(&property.value));
                lines.push(format!("    {} {name} = {value}", paint(tone, mark)));
            }
        }
        for change in &element.changes {
            let (tone, mark) = match (&change.before, &change.after) {
                (None, _) => (Tone::Good, "+"),
                (_, None) => (Tone::Bad, "-"),
                (Some(_), Some(_)) => (Tone::Changed, "~"),
            };
            let (before, after) = (show(change.before.as_ref()), show(change.after.as_ref()));
            let path = change.path.join(".");
            lines.push(format!("    {} {path}: {before} → {after}", paint(tone, mark)));
        }
    }
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.push(paint(Tone::Strong, &summary(plan)));
    lines.join("\n")
}

fn heading(element: &Element, names: &BTreeMap<ElementId, String>) -> String {
    let name = |id: &ElementId| names.get(id).cloned().unwrap_or_else(|| id.to_string());
    let mut text = paint(Tone::Strong, &name(&element.id));
    if let Place::Relationship { target, .. } = &element.place {
        text.push_str(&format!(" → {}", name(target)));
    }
    let mut notes = vec![element.element_type.to_string()];
    notes.extend(element.operator.as_ref().map(|operator: &Arc<str>| format!("of {operator}")));
    match &element.replaced_with {
        Some(other) => notes.push(format!("replaced with {}", name(other))),
        None if element.replaced => notes.push("replaced".to_owned()),
        None => {}
    }
    format!("{text}  {}", paint(Tone::Quiet, &notes.join(", ")))
}

fn show(term: Option<&Term>) -> String {
    match term {
        Some(Term::Known(value)) => value.to_json(),
        Some(Term::Pending(_)) => "(known when it runs)".to_owned(),
        None => "(nothing)".to_owned(),
    }
}

fn summary(plan: &Plan) -> String {
    if plan.is_empty() {
        return "Nothing differs.".to_owned();
    }
    let replaced = plan.elements.iter().filter(|element| element.replaced).count();
    let levels = plan.steps.iter().map(|step| step.level + 1).max().unwrap_or(0);
    format!(
        "Plan: {} novel, {} modified ({replaced} replaced), {} obsolete, {} unchanged; {} steps in {levels} levels.",
        plan.count(Class::Novel),
        plan.count(Class::Modified),
        plan.count(Class::Obsolete),
        plan.count(Class::Unchanged),
        plan.steps.len(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The node of a template, or a relationship, as JSON; what the plan reads of it and no more.
    fn graph(web: &str) -> Representation {
        let id = |template: &str| ElementId::node("shop", template, 0);
        let (host, front) = (id("host"), id("web"));
        let text = format!(
            r#"{{"format":1,"service":"shop","types":{{"App":[],"HostedOn":[]}},"nodes":[
            {{"id":"{host}","template":"host","index":0,"type":"App"}},
            {{"id":"{front}","template":"web","index":0,"type":"App","operator":"alice","properties":{web}}}],
            "relationships":[{{"id":"{}","requirement":"host","index":0,"type":"HostedOn","source":"{front}",
            "target":"{host}","capability":"host","choice":{{"why":"only"}}}}]}}"#,
            ElementId::relationship(front, "host", 0),
        );
        read_representation("text", text.as_bytes()).unwrap()
    }

    #[test]
    fn why_a_file_is_no_representation_is_said() {
        let error = read_representation("old.json", br#"{"format":3}"#).unwrap_err().render();
        insta::assert_snapshot!(error.trim_end(), @r"
        error: old.json is no representation
          because: format: expected 1 or 2, found 3
          hint: give the JSON of a representation, not a template
        ");
    }

    fn shown(old: Option<&Representation>, new: &Representation) -> String {
        let plan = Plan::between(old, new, &rules(&[]).unwrap()).unwrap();
        anstream::adapter::strip_str(&render(&plan, old, new)).to_string()
    }

    #[test]
    fn what_is_new_is_shown_with_its_properties() {
        let new =
            graph(r#"{"port":{"value":80},"address":{"pending":{"$get_attribute":["x","ip"]}}}"#);
        insta::assert_snapshot!(shown(None, &new), @r#"
+ host  App
+ web  App, of alice
    + address = (known when it runs)
    + port = 80
+ web.host → host  HostedOn, of alice

Plan: 3 novel, 0 modified (0 replaced), 0 obsolete, 0 unchanged; 0 steps in 0 levels.
"#);
    }

    #[test]
    fn what_differs_is_shown_by_path() {
        let old = graph(r#"{"port":{"value":80},"tls":{"value":{"on":false}}}"#);
        let new =
            graph(r#"{"port":{"value":443},"tls":{"value":{"on":true}},"name":{"value":"x"}}"#);
        insta::assert_snapshot!(shown(Some(&old), &new), @r#"
~ web  App, of alice
    + properties.name: (nothing) → "x"
    ~ properties.port: 80 → 443
    ~ properties.tls.on: false → true

Plan: 0 novel, 1 modified (0 replaced), 0 obsolete, 2 unchanged; 0 steps in 0 levels.
"#);
        assert_eq!(shown(Some(&old), &old), "Nothing differs.");
        let other = Representation { service: "store".into(), ..new };
        assert!(shown(Some(&old), &other).starts_with("`shop` and `store` are different services"));
    }

    #[test]
    fn what_goes_is_shown_with_what_goes_with_it() {
        let old = graph("{}");
        let new = Representation { service: "shop".into(), ..Representation::default() };
        insta::assert_snapshot!(shown(Some(&old), &new), @r#"
- host  App
- web  App, of alice
- web.host → host  HostedOn, of alice

Plan: 0 novel, 0 modified (0 replaced), 3 obsolete, 0 unchanged; 0 steps in 0 levels.
"#);
    }
}
