//! Plans as people read them.

use std::collections::BTreeMap;
use std::sync::Arc;

use koinon_command::Tone;
use koinon_command::paint;
use koinon_model::representation::ElementId;
use koinon_model::representation::Properties;
use koinon_model::representation::Representation;
use koinon_model::representation::Term;
use koinon_plan::Element;
use koinon_plan::ElementClass;
use koinon_plan::ElementPlace;
use koinon_plan::Plan;

/// Collects the properties of all elements of a representation, nested ones included.
fn collect_properties<'a>(
    graph: &'a Representation,
    into: &mut BTreeMap<ElementId, &'a Properties>,
) {
    into.extend(graph.nodes.iter().map(|node| (node.id, &node.properties)));
    into.extend(graph.relationships.iter().map(|link| (link.id, &link.properties)));
    graph.substitutions.values().for_each(|inner| collect_properties(inner, into));
}

/// Returns a plan as text: the differences, then a summary.
pub(crate) fn render_plan(
    plan: &Plan,
    old: Option<&Representation>,
    new: &Representation,
) -> String {
    let names = plan.names();
    let mut known = BTreeMap::new();
    collect_properties(new, &mut known);
    let mut gone = BTreeMap::new();
    if let Some(old) = old {
        collect_properties(old, &mut gone);
    }
    let mut lines = Vec::new();
    // Without a name in its metadata, a service is named after its file.
    if let Some(old) = old.filter(|old| !new.service.is_empty() && old.service != new.service) {
        let (old, new) = (&old.service, &new.service);
        let text = format!("`{old}` and `{new}` are different services: nothing of one is kept.");
        lines.push(paint(Tone::Changed, &text));
        lines.push("A service is named by `template_name` in its metadata.\n".to_owned());
    }
    for element in plan.elements.iter().filter(|element| element.class != ElementClass::Unchanged) {
        let properties = if element.class == ElementClass::Obsolete { &gone } else { &known };
        lines.extend(element_lines(element, &names, properties.get(&element.id).copied()));
    }
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.push(paint(Tone::Strong, &summary(plan)));
    lines.join("\n")
}

/// Returns the lines of an element that differs; `shown` are its properties.
fn element_lines(
    element: &Element,
    names: &BTreeMap<ElementId, String>,
    shown: Option<&Properties>,
) -> Vec<String> {
    let mut lines = Vec::new();
    let (tone, mark) = match element.class {
        ElementClass::Novel => (Tone::Good, "+"),
        ElementClass::Modified if element.replaced => (Tone::Changed, "±"),
        ElementClass::Modified | ElementClass::Unchanged => (Tone::Changed, "~"),
        ElementClass::Obsolete => (Tone::Bad, "-"),
    };
    lines.push(format!("{} {}", paint(tone, mark), heading(element, names)));
    if element.class != ElementClass::Modified {
        for (name, property) in shown.into_iter().flatten() {
            let value = value_text(Some(&property.value));
            lines.push(format!("    {} {name} = {value}", paint(tone, mark)));
        }
    }
    for change in &element.changes {
        let (tone, mark) = match (&change.before, &change.after) {
            (None, _) => (Tone::Good, "+"),
            (_, None) => (Tone::Bad, "-"),
            (Some(_), Some(_)) => (Tone::Changed, "~"),
        };
        let (before, after) =
            (value_text(change.before.as_ref()), value_text(change.after.as_ref()));
        let path = change.path.join(".");
        lines.push(format!("    {} {path}: {before} → {after}", paint(tone, mark)));
    }
    lines
}

fn heading(element: &Element, names: &BTreeMap<ElementId, String>) -> String {
    let name = |id: &ElementId| names.get(id).cloned().unwrap_or_else(|| id.to_string());
    let mut text = paint(Tone::Strong, &name(&element.id));
    if let ElementPlace::Relationship { target, .. } = &element.place {
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

fn value_text(term: Option<&Term>) -> String {
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
        plan.count(ElementClass::Novel),
        plan.count(ElementClass::Modified),
        plan.count(ElementClass::Obsolete),
        plan.count(ElementClass::Unchanged),
        plan.steps.len(),
    )
}

#[cfg(test)]
mod tests {
    use koinon_command::read_representation;
    use koinon_command::weaving_rules;

    use super::*;

    /// Returns two nodes and their relationship, with no more than a plan reads.
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

    fn shown(old: Option<&Representation>, new: &Representation) -> String {
        let plan = Plan::between(old, new, &weaving_rules(&[]).unwrap()).unwrap();
        anstream::adapter::strip_str(&render_plan(&plan, old, new)).to_string()
    }

    #[test]
    fn new_elements_are_shown_with_their_properties() {
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
    fn differences_are_shown_by_path() {
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
    fn obsolete_elements_are_shown() {
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
