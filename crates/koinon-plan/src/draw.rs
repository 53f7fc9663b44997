//! Draws plans as graphs for people.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use koinon_model::representation::ElementId;

use crate::plan::Action;
use crate::plan::ElementPlace;
use crate::plan::Plan;
use crate::plan::Step;
use crate::plan::StepId;
use crate::plan::StepReason;

impl Plan {
    /// Returns names of the elements for people. A node has the name of its template, with its
    /// index where there are several, after the node its service substitutes; a relationship
    /// has the names of its source and requirement.
    pub fn names(&self) -> BTreeMap<ElementId, String> {
        let mut several: BTreeSet<(&str, &str)> = BTreeSet::new();
        for element in &self.elements {
            if let ElementPlace::Node { service, template, index: 1.. } = &element.place {
                several.insert((service, template));
            }
        }
        let mut names = BTreeMap::new();
        for element in &self.elements {
            if let ElementPlace::Node { service, template, index } = &element.place {
                let outer = service.split_once('/').map(|(_, outer)| format!("{outer}/"));
                let mut name = format!("{}{template}", outer.unwrap_or_default());
                if several.contains(&(service, template)) {
                    name.push_str(&format!("[{index}]"));
                }
                names.insert(element.id, name);
            }
        }
        for element in &self.elements {
            if let ElementPlace::Relationship { source, requirement, index, .. } = &element.place {
                let source = names.get(source).cloned().unwrap_or_else(|| source.to_string());
                let number = if *index > 0 { format!("[{index}]") } else { String::new() };
                names.insert(element.id, format!("{source}.{requirement}{number}"));
            }
        }
        names
    }

    /// Draws the steps in Graphviz's language.
    pub fn to_dot(&self) -> String {
        let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let mut text = "digraph plan {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
        self.draw(
            &mut text,
            |at, label, step| format!("  s{at} [label={}, color={}];\n", quote(label), color(step)),
            |first, then| format!("  s{first} -> s{then};\n"),
        );
        text.push_str("}\n");
        text
    }

    /// Draws the steps in Mermaid's language.
    pub fn to_mermaid(&self) -> String {
        // In labels Mermaid knows only HTML's escapes.
        let escape =
            |text: &str| text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
        let mut text = "flowchart LR\n".to_owned();
        self.draw(
            &mut text,
            |at, label, step| {
                format!("  s{at}[\"{}\"]:::{}\n", escape(label), step.reason.as_str())
            },
            |first, then| format!("  s{first} --> s{then}\n"),
        );
        for (reason, color) in [
            ("novel", "green"),
            ("modified", "orange"),
            ("replaced", "orange"),
            ("obsolete", "red"),
            ("order", "gray"),
        ] {
            text.push_str(&format!("  classDef {reason} stroke:{color}\n"));
        }
        text
    }

    /// Draws boxes, then arrows. Needs outside a slice are left out.
    fn draw(
        &self,
        text: &mut String,
        draw_box: impl Fn(usize, &str, &Step) -> String,
        draw_arrow: impl Fn(usize, usize) -> String,
    ) {
        let names = self.names();
        let places: BTreeMap<StepId, usize> =
            self.steps.iter().enumerate().map(|(at, step)| (step.id, at)).collect();
        for (at, step) in self.steps.iter().enumerate() {
            text.push_str(&draw_box(at, &step.label(&names), step));
        }
        for (at, step) in self.steps.iter().enumerate() {
            for need in step.needs.iter().filter_map(|need| places.get(need)) {
                text.push_str(&draw_arrow(*need, at));
            }
        }
    }
}

impl Step {
    /// Returns the step's name for people, such as `web: Standard.start`; `names` are
    /// [`Plan::names`].
    pub fn label(&self, names: &BTreeMap<ElementId, String>) -> String {
        let element =
            self.element.map(|id| names.get(&id).cloned().unwrap_or_else(|| id.to_string()));
        let action = match &self.action {
            Action::Call(call) => format!("{}.{}", call.interface, call.operation),
            Action::SetState(state) => format!("set state {state}"),
            Action::Fetch(file) => format!("fetch {}", file.artifact.file),
            Action::Wait => "wait".to_owned(),
        };
        element.map_or_else(|| action.clone(), |element| format!("{element}: {action}"))
    }
}

fn color(step: &Step) -> &'static str {
    match step.reason {
        StepReason::Novel => "green",
        StepReason::Modified | StepReason::Replaced => "orange",
        StepReason::Obsolete => "red",
        StepReason::Order => "gray",
    }
}
