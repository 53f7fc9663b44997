//! The canonical JSON of a plan. Empty lists, maps and options are not written.

use std::collections::BTreeMap;
use std::sync::Arc;

use koinon_model::Digest;
use koinon_model::JsonWriter;
use koinon_model::Value;
use koinon_model::keccak256;
use koinon_model::representation::AttributePath;
use koinon_model::representation::Term;

use super::Action;
use super::Call;
use super::Element;
use super::ElementPlace;
use super::Plan;
use super::PlanScope;
use super::PlannedFile;
use super::Step;
use crate::changes::ElementChange;

/// The version of the plan's JSON.
const FORMAT: u64 = 1;

impl Plan {
    /// Writes the canonical JSON.
    pub fn to_json(&self) -> String {
        let mut json = String::new();
        self.write_json(|| self.new, |piece| json.push_str(&piece));
        json
    }

    /// Writes the canonical JSON in pieces, with `new` in place of [`Self::new`]. It is called once
    /// all elements are written, so that the digest can be computed in the meantime.
    pub fn write_json(&self, new: impl FnOnce() -> Digest, mut on_piece: impl FnMut(String)) {
        let mut writer = JsonWriter::in_pieces();
        writer.map(|writer| {
            writer.key("elements").list(|writer| {
                for element in &self.elements {
                    element.write(writer);
                    writer.pass(&mut on_piece);
                }
            });
            let new = new();
            writer.key("format").number(FORMAT);
            writer.key("new").hash(&new);
            if let Some(old) = &self.old {
                writer.key("old").hash(old);
            }
            match &self.scope {
                PlanScope::Whole => {}
                PlanScope::Slice(Some(operator)) => writer.key("slice").string(operator),
                PlanScope::Slice(None) => writer.key("slice").value(&Value::Null),
            }
            let key = steps_key(self.old, new);
            writer.key("steps").list(|writer| {
                for step in &self.steps {
                    step.write(&key, writer);
                    writer.pass(&mut on_piece);
                }
            });
        });
        on_piece(writer.finish());
    }

    /// Returns the hash that every step's key is combined with.
    pub(super) fn steps_key(&self) -> Digest {
        steps_key(self.old, self.new)
    }
}

fn steps_key(old: Option<Digest>, new: Digest) -> Digest {
    keccak256(&[old.unwrap_or_default().0, new.0].concat())
}

impl Element {
    fn write(&self, writer: &mut JsonWriter) {
        writer.map(|writer| {
            if !self.changes.is_empty() {
                writer.key("changes").list(|writer| {
                    self.changes.iter().for_each(|change| change.write(writer));
                });
            }
            writer.key("class").string(self.class.as_str());
            writer.key("id").hash(&self.id.0);
            let (ElementPlace::Node { index, .. } | ElementPlace::Relationship { index, .. }) =
                &self.place;
            writer.key("index").number(u64::from(*index));
            if let Some(operator) = &self.operator {
                writer.key("operator").string(operator);
            }
            if self.replaced {
                writer.key("replaced").value(&true.into());
            }
            if let Some(node) = &self.replaced_with {
                writer.key("replaced_with").hash(&node.0);
            }
            match &self.place {
                ElementPlace::Node { service, template, .. } => {
                    writer.key("service").string(service);
                    writer.key("template").string(template);
                }
                ElementPlace::Relationship { source, requirement, target, .. } => {
                    writer.key("requirement").string(requirement);
                    writer.key("source").hash(&source.0);
                    writer.key("target").hash(&target.0);
                }
            }
            writer.key("type").string(&self.element_type);
        });
    }
}

impl ElementChange {
    fn write(&self, writer: &mut JsonWriter) {
        writer.map(|writer| {
            if let Some(term) = &self.after {
                term.write(writer.key("after"));
            }
            if let Some(term) = &self.before {
                term.write(writer.key("before"));
            }
            writer.key("path").list(|writer| self.path.iter().for_each(|key| writer.string(key)));
        });
    }
}

impl Step {
    fn write(&self, key: &Digest, writer: &mut JsonWriter) {
        writer.map(|writer| {
            writer.key("action");
            self.action.write(writer);
            if let Some(element) = &self.element {
                writer.key("element").hash(&element.0);
            }
            writer.key("id").hash(&self.id.0);
            writer.key("key").hash(&(self.id.0 ^ *key));
            writer.key("level").number(u64::from(self.level));
            if !self.needs.is_empty() {
                writer.key("needs").list(|writer| {
                    self.needs.iter().for_each(|need| writer.hash(&need.0));
                });
            }
            if let Some(operator) = &self.operator {
                writer.key("operator").string(operator);
            }
            writer.key("reason").string(self.reason.as_str());
            if !self.undo.is_empty() {
                writer.key("undo").list(|writer| {
                    self.undo.iter().for_each(|action| action.write(writer));
                });
            }
        });
    }
}

impl Action {
    fn write(&self, writer: &mut JsonWriter) {
        match self {
            Self::Call(call) => call.write(writer),
            Self::SetState(state) => {
                writer.map(|writer| writer.key("set_state").string(state));
            }
            Self::Fetch(file) => {
                writer.map(|writer| file.write(writer.key("fetch")));
            }
            Self::Wait => writer.string("wait"),
        }
    }
}

impl Call {
    fn write(&self, writer: &mut JsonWriter) {
        let operation = self.operation();
        let made = operation.implementation.as_ref();
        writer.map(|writer| {
            if let Some(file) = &self.artifact {
                writer.key("artifact");
                file.write(writer);
            }
            if let Some(made) = made.filter(|made| !made.dependencies.is_empty()) {
                writer.key("dependencies").list(|writer| {
                    made.dependencies.iter().for_each(|artifact| artifact.write(writer));
                });
            }
            // An executor is found by the type of the file it runs.
            if let Some(file) = &self.artifact {
                writer.key("executor").string(&file.artifact.artifact_type);
            }
            if let Some(host) = made.and_then(|made| made.host.as_ref()) {
                writer.key("host").string(host);
            }
            entries(writer, "inputs", &operation.inputs, Term::write);
            writer.key("interface").string(&self.interface);
            writer.key("on_failure").string(self.terms.on_failure.as_str());
            writer.key("operation").string(&self.operation);
            entries(writer, "outputs", &operation.outputs, AttributePath::write);
            writer.key("retries").number(u64::from(self.terms.retries));
            writer.key("timeout").number(self.timeout());
            if let Some(workflow) = &operation.workflow {
                writer.key("workflow").string(workflow);
            }
        });
    }
}

/// Writes a map under a key, unless it is empty.
fn entries<T>(
    writer: &mut JsonWriter,
    key: &'static str,
    entries: &BTreeMap<Arc<str>, T>,
    write: impl Fn(&T, &mut JsonWriter),
) {
    if entries.is_empty() {
        return;
    }
    writer.key(key).map(|writer| {
        for (name, entry) in entries {
            write(entry, writer.name(name));
        }
    });
}

impl PlannedFile {
    fn write(&self, writer: &mut JsonWriter) {
        writer.map(|writer| {
            if let Some((algorithm, checksum)) = &self.artifact.checksum {
                writer.key("checksum").string(checksum);
                writer.key("checksum_algorithm").string(algorithm);
            }
            if let Some(cid) = &self.cid {
                writer.key("cid").string(cid);
            }
            writer.key("file").string(&self.artifact.file);
            if let Some(repository) = &self.artifact.repository {
                writer.key("repository").string(repository);
            }
            if let Some(size) = self.size {
                writer.key("size").number(size);
            }
            if let Some(version) = &self.artifact.version {
                writer.key("version").string(version);
            }
        });
    }
}
