//! What has a form of its own: imports, counts, mappings, workflows and triggers; and what entities become as a whole.

use super::Lower;
use super::Out;
use super::PRELUDE;
use super::condition::Step;
use super::find;
use super::keynames;
use super::keynames::Entity;
use super::keynames::Rule;
use super::keynames::Special;
use crate::code::Code;
use crate::diag::Span;
use crate::load::builtins;
use crate::yaml::Id;
use crate::yaml::Scalar;
use crate::yaml::Yaml;

impl<'t> Lower<'t, '_> {
    /// Lowers what stands in the place of an entity's map.
    pub(super) fn short(&mut self, node: Yaml<'t>, entity: &Entity) -> Id {
        let kept = self.rewriter.keep(node);
        if entity.rule != Rule::Requirement || node.string().is_none() {
            return kept;
        }
        let span = node.span();
        let capability = self.word(span, "capability");
        let count = self.once_each(span);
        self.rewriter.map(span, &[(capability, kept), count])
    }

    /// Adds the count range that 1.x implies; what 2.0 implies is [ 0, UNBOUNDED ].
    fn once_each(&mut self, span: Span) -> (Id, Id) {
        let one = self.word(span, "1");
        let range = self.rewriter.list(span, &[one, one]);
        (self.word(span, "count_range"), range)
    }

    /// Ends an entity's map.
    pub(super) fn close(&mut self, node: Yaml<'t>, entity: &Entity, mut out: Out<'t>) -> Id {
        let span = node.span();
        match entity.rule {
            Rule::Same | Rule::Copied => {}
            Rule::File => self.close_file(node, &mut out),
            Rule::Topology => self.close_topology(node, &mut out),
            Rule::Requirement => {
                if find(node, "occurrences").is_none() {
                    let count = self.once_each(span);
                    out.add(count);
                }
            }
            Rule::Interface => {
                if !out.operations.is_empty() {
                    let operations = std::mem::take(&mut out.operations);
                    let value = self.rewriter.map(span, &operations);
                    let key = self.word(span, "operations");
                    out.add((key, value));
                }
            }
            Rule::Operation => {
                let implementation = find(node, "implementation");
                if let Some(host) = implementation.and_then(|node| find(node, "operation_host")) {
                    let name = self.word(host.span(), "koinon.operation_host");
                    out.kept.push((name, self.rewriter.keep(host)));
                    out.changed = true;
                }
            }
            Rule::Substitution => {
                if !out.filter.is_empty() {
                    let filter = std::mem::take(&mut out.filter);
                    let value = self.all(span, filter);
                    let key = self.word(span, "substitution_filter");
                    out.add((key, value));
                }
            }
            Rule::Activity => {
                if out.entries.len() != 1 {
                    let found = out.entries.len();
                    let message = format!("expected one activity, found {found}");
                    self.fault(Code::WrongKind, span, message);
                }
            }
        }
        self.close_metadata(span, entity, &mut out);
        match out.changed {
            true => self.rewriter.map(span, &out.entries),
            false => self.rewriter.keep(node),
        }
    }

    /// Puts the version first, and after it what 1.x implies.
    fn close_file(&mut self, node: Yaml<'t>, out: &mut Out<'t>) {
        let span = find(node, "tosca_definitions_version").map_or(node.span(), Yaml::span);
        let mut first = out.entries.len().min(1);
        if let Some(profile) = self.profile {
            let entry = (self.word(span, "profile"), self.word(span, profile));
            out.entries.insert(first, entry);
            first += 1;
        }
        if find(node, "imports").is_none() {
            let items = self.implied(span);
            let entry = (self.word(span, "imports"), self.rewriter.list(span, &items));
            out.entries.insert(first, entry);
        }
        out.changed = true;
    }

    /// Returns the imports that 1.x implies.
    fn implied(&mut self, span: Span) -> Vec<Id> {
        let mut names = vec![PRELUDE];
        if self.profile.is_none() {
            names.push(self.version.profile());
        }
        let mut imports = Vec::with_capacity(names.len());
        for name in names {
            let name = self.word(span, name);
            imports.push(self.call(span, "profile", name));
        }
        imports
    }

    fn close_topology(&mut self, node: Yaml<'t>, out: &mut Out<'t>) {
        let span = node.span();
        if find(node, "node_templates").is_none() {
            let entry = (self.word(span, "node_templates"), self.rewriter.map(span, &[]));
            out.add(entry);
        }
        let outputs = std::mem::take(&mut self.outputs);
        if outputs.is_empty() {
            return;
        }
        out.changed = true;
        let key = node.map().into_iter().flatten().find(|(key, _)| key.text() == Some("outputs"));
        let key = key.map(|(key, _)| self.rewriter.keep(key));
        match out.entries.iter().position(|(name, _)| Some(*name) == key) {
            Some(at) => {
                let mut entries = self.rewriter.entries(out.entries[at].1);
                entries.extend(outputs);
                out.entries[at].1 = self.rewriter.map(span, &entries);
            }
            None => {
                let entry = (self.word(span, "outputs"), self.rewriter.map(span, &outputs));
                out.add(entry);
            }
        }
    }

    /// Lowers what has a form of its own; nothing if nothing, or nothing more, is to be said.
    pub(super) fn special(
        &mut self,
        owner: Yaml<'t>,
        special: Special,
        (key, value): (Yaml<'t>, Yaml<'t>),
        out: &mut Out<'t>,
    ) -> Option<Id> {
        match special {
            Special::Version => Some(self.word(value.span(), "tosca_2_0")),
            Special::Imports => Some(self.imports(owner, value)),
            Special::Required => self.required(owner, value),
            Special::Constraints => self.constraints(owner, value),
            Special::Range => {
                self.bounds(value);
                Some(self.rewriter.keep(value))
            }
            Special::Count => {
                self.count(key.span(), value, out);
                None
            }
            Special::Directives => Some(self.items(value, Self::directive)),
            Special::TargetFilter => self.target_filter(value),
            Special::NodeFilter => {
                let clauses = self.node_filter(value, &[Step::Word("SELF")]);
                (!clauses.is_empty()).then(|| self.all(value.span(), clauses))
            }
            Special::SubstitutionFilter => {
                let clauses = self.node_filter(value, &[Step::Word("SELF")]);
                out.filter.extend(clauses);
                None
            }
            Special::PropertyMappings => self.property_mappings(value, out),
            Special::AttributeMappings => self.attribute_mappings(value),
            Special::CapabilityMappings => self.mapped(value, Self::mapping),
            Special::RequirementMappings => Some(self.requirement_mappings(value)),
            Special::InterfaceMappings => self.mapped(value, |this, _, value| {
                if value.list().is_some() {
                    this.unsupported(value, "an interface of a node in the place of workflows");
                    return None;
                }
                Some(this.rewriter.keep(value))
            }),
            Special::OutputMappings => self.mapped(value, |this, _, value| {
                let first = value.list().and_then(|mut list| list.next()).and_then(Yaml::text);
                let kept = this.rewriter.keep(value);
                Some(match first {
                    Some("SOURCE" | "TARGET") => this.prefixed(value.span(), kept, "SELF"),
                    _ => kept,
                })
            }),
            Special::Preconditions => self.preconditions(value),
            Special::StepFilter => {
                let path = target_path(owner);
                Some(self.items(value, |this, item| this.condition(item, &path)))
            }
            Special::Condition => self.trigger_condition(owner, (key, value), out),
            Special::Action => {
                if value.map().is_some() {
                    self.unsupported(value, "an operation as an action");
                    return None;
                }
                Some(self.list_of(value, &keynames::ACTIVITY))
            }
        }
    }

    /// Lowers `required`: what has a default has a value, so 2.0 does not let it be optional as well.
    fn required(&mut self, owner: Yaml<'t>, node: Yaml<'t>) -> Option<Id> {
        let word = node.text().filter(|_| node.is_plain()).unwrap_or_default();
        let known = matches!(word, "true" | "True" | "TRUE" | "false" | "False" | "FALSE");
        if !known && node.scalar() != Some(Scalar::Null) {
            self.wrong_kind(node, "`required`", "boolean");
        }
        let optional = word.eq_ignore_ascii_case("false");
        let default = find(owner, "default");
        let has_default = default.is_some_and(|node| node.scalar() != Some(Scalar::Null));
        (!optional || !has_default).then(|| self.value(node))
    }

    fn unsupported(&self, node: Yaml<'t>, what: &str) {
        let message = format!("{what} has no equal in TOSCA 2.0");
        self.fault(Code::NotSupported, node.span(), message);
    }

    fn imports(&mut self, owner: Yaml<'t>, node: Yaml<'t>) -> Id {
        let span = find(owner, "tosca_definitions_version").map_or(node.span(), Yaml::span);
        let mut items = self.implied(span);
        let Some(list) = node.list() else {
            if node.scalar() != Some(Scalar::Null) {
                self.wrong_kind(node, "imports", "list");
            }
            return self.rewriter.list(node.span(), &items);
        };
        for item in list {
            // `name: file` is an import that has a name, as 1.0 writes them.
            let named = item.map().filter(|map| map.len() == 1).and_then(|mut map| map.next());
            let named = named.filter(|(key, _)| {
                key.text().is_some_and(|name| keynames::IMPORT.key(name).is_none())
            });
            let import = named.map_or(item, |(_, import)| import);
            let new = self.entity(import, &keynames::IMPORT);
            items.push(self.profile_import(import).unwrap_or(new));
        }
        self.rewriter.list(node.span(), &items)
    }

    /// Lowers the import of a file that has the name of a profile, which 1.x has no keyname for.
    fn profile_import(&mut self, import: Yaml<'t>) -> Option<Id> {
        let file = find(import, "file").unwrap_or(import);
        let name = file.text().filter(|name| builtins().any(|known| known == *name))?;
        let entry = (self.word(file.span(), "profile"), self.word(file.span(), name));
        let mut entries = vec![entry];
        if let Some(prefix) = find(import, "namespace_prefix") {
            entries.push((self.word(prefix.span(), "namespace"), self.rewriter.keep(prefix)));
        }
        Some(self.rewriter.map(import.span(), &entries))
    }

    /// Reads `[ lowest, highest ]`; no highest is UNBOUNDED.
    fn bounds(&self, node: Yaml<'t>) -> Option<(u32, Option<u32>)> {
        let bounds: Vec<Yaml<'t>> = node.list().into_iter().flatten().collect();
        let number = |node: Yaml<'t>| node.text().and_then(|text| text.parse::<u32>().ok());
        let read = match bounds.as_slice() {
            [low, high] => match (number(*low), high.text()) {
                (Some(low), Some("UNBOUNDED")) => Some((low, None)),
                (Some(low), _) => number(*high).map(|high| (low, Some(high))),
                (None, _) => None,
            },
            _ => None,
        };
        if read.is_none() {
            let message = "expected two integers, or one and UNBOUNDED, as occurrences";
            self.fault(Code::WrongKind, node.span(), message.to_owned());
        }
        read
    }

    /// Says how many relationships an assignment makes: as few as it may, or an optional one if it may have none.
    fn count(&mut self, span: Span, node: Yaml<'t>, out: &mut Out<'t>) {
        let Some((low, high)) = self.bounds(node) else { return };
        let count = low.max(1).min(high.unwrap_or(u32::MAX));
        let count = self.word(node.span(), &count.to_string());
        let entry = (self.word(span, "count"), count);
        out.add(entry);
        if low == 0 && high != Some(0) {
            let entry = (self.word(span, "optional"), self.word(node.span(), "true"));
            out.add(entry);
        }
    }

    fn directive(&mut self, node: Yaml<'t>) -> Id {
        match node.text() {
            Some("selectable") => self.word(node.span(), "select"),
            Some("substitutable") => self.word(node.span(), "substitute"),
            _ => self.rewriter.keep(node),
        }
    }

    /// Lowers each value of a map that may be left out.
    fn mapped(
        &mut self,
        node: Yaml<'t>,
        mut lower: impl FnMut(&mut Self, Yaml<'t>, Yaml<'t>) -> Option<Id>,
    ) -> Option<Id> {
        let Some(map) = node.map() else {
            if node.scalar() != Some(Scalar::Null) {
                self.wrong_kind(node, "mappings", "map");
            }
            return None;
        };
        let mut entries = Vec::with_capacity(map.len());
        for (key, value) in map {
            if let Some(value) = lower(self, key, value) {
                entries.push((self.rewriter.keep(key), value));
            }
        }
        (!entries.is_empty()).then(|| self.rewriter.map(node.span(), &entries))
    }

    /// Lowers a mapping that may be a map with `mapping`.
    fn mapping(&mut self, _: Yaml<'t>, value: Yaml<'t>) -> Option<Id> {
        let Some(map) = value.map() else { return Some(self.rewriter.keep(value)) };
        for (key, value) in map {
            if key.text() != Some("mapping") && value.scalar() != Some(Scalar::Null) {
                self.unsupported(key, "a value in a mapping");
            }
        }
        find(value, "mapping").map(|mapping| self.rewriter.keep(mapping))
    }

    /// Lowers property mappings; constants are what the property must be.
    fn property_mappings(&mut self, node: Yaml<'t>, out: &mut Out<'t>) -> Option<Id> {
        let mut filter = Vec::new();
        let new = self.mapped(node, |this, name, value| {
            let extended = value.map().is_some_and(|map| map.len() == 1);
            let mapping = find(value, "mapping").filter(|_| extended);
            let constant = find(value, "value").filter(|_| extended);
            if let Some(mut list) = mapping.unwrap_or(value).list().filter(|_| constant.is_none()) {
                return match (list.len(), list.next()) {
                    (1, Some(input)) => Some(this.rewriter.keep(input)),
                    _ => {
                        this.unsupported(value, "a property of a node in the place of an input");
                        None
                    }
                };
            }
            let constant = this.value(constant.unwrap_or(value));
            let path = [this.word(name.span(), "SELF"), this.rewriter.keep(name)];
            let path = this.rewriter.list(name.span(), &path);
            let property = this.call(name.span(), "$get_property", path);
            let pair = this.rewriter.list(value.span(), &[property, constant]);
            filter.push(this.call(name.span(), "$equal", pair));
            None
        });
        out.filter.extend(filter);
        new
    }

    /// Lowers attribute mappings; for an attribute of a node there is an output of its own.
    fn attribute_mappings(&mut self, node: Yaml<'t>) -> Option<Id> {
        self.mapped(node, |this, _, value| {
            let mapping = find(value, "mapping").unwrap_or(value);
            let names: Vec<Yaml<'t>> = mapping.list().into_iter().flatten().collect();
            match names.as_slice() {
                [] => Some(this.rewriter.keep(mapping)),
                [output] => Some(this.rewriter.keep(*output)),
                [..] => {
                    let span = mapping.span();
                    let function = match names.len() {
                        2 => "$get_attribute",
                        _ => "$get_attribute_1x",
                    };
                    let path = this.rewriter.keep(mapping);
                    let attribute = this.call(span, function, path);
                    let definition = this.call(span, "value", attribute);
                    let words: Vec<&str> = names.iter().filter_map(|name| name.text()).collect();
                    let name = this.word(span, &format!("koinon.{}", words.join(".")));
                    this.outputs.push((name, definition));
                    Some(name)
                }
            }
        })
    }

    /// Lowers requirement mappings, a map in 1.x, to the list of 2.0.
    fn requirement_mappings(&mut self, node: Yaml<'t>) -> Id {
        let Some(map) = node.map() else { return self.rewriter.keep(node) };
        let mut items = Vec::with_capacity(map.len());
        for (key, value) in map {
            if let Some(value) = self.mapping(key, value) {
                let entry = (self.rewriter.keep(key), value);
                items.push(self.rewriter.map(key.span(), &[entry]));
            }
        }
        self.rewriter.list(node.span(), &items)
    }

    /// Lowers a workflow's preconditions, each about a target, to one.
    fn preconditions(&mut self, node: Yaml<'t>) -> Option<Id> {
        let Some(list) = node.list() else {
            if node.scalar() != Some(Scalar::Null) {
                self.wrong_kind(node, "preconditions", "list");
            }
            return None;
        };
        let mut parts = Vec::new();
        for item in list {
            // For its faults.
            self.entity(item, &keynames::PRECONDITION);
            if let Some(condition) = find(item, "condition") {
                let path = target_path(item);
                parts.push(self.condition(condition, &path));
            }
        }
        (!parts.is_empty()).then(|| self.all(node.span(), parts))
    }

    /// Lowers a trigger's condition, which is about what the target filter finds.
    fn trigger_condition(
        &mut self,
        owner: Yaml<'t>,
        (key, value): (Yaml<'t>, Yaml<'t>),
        out: &mut Out<'t>,
    ) -> Option<Id> {
        if key.text() == Some("target_filter") {
            // For its faults.
            self.entity(value, &keynames::EVENT_FILTER);
            return None;
        }
        let mut path = vec![Step::Word("SELF")];
        if let Some(filter) = find(owner, "target_filter") {
            path = find(filter, "node").map_or(path, |node| vec![Step::Name(node)]);
            if let Some(requirement) = find(filter, "requirement") {
                path.extend([Step::Word("RELATIONSHIP"), Step::Name(requirement)]);
            }
            if let Some(capability) = find(filter, "capability") {
                path.extend(match find(filter, "requirement") {
                    Some(_) => vec![Step::Word("CAPABILITY")],
                    None => vec![Step::Word("CAPABILITY"), Step::Name(capability)],
                });
            }
        }
        let mut clauses = value;
        if let Some(constraint) = find(value, "constraint") {
            // For its faults.
            self.entity(value, &keynames::EXTENDED_CONDITION);
            for name in ["period", "evaluations", "method"] {
                if let Some(kept) = find(value, name) {
                    let name = self.word(kept.span(), &format!("koinon.{name}"));
                    out.kept.push((name, self.rewriter.keep(kept)));
                    out.changed = true;
                }
            }
            clauses = constraint;
        }
        Some(self.condition(clauses, &path))
    }
}

impl Out<'_> {
    pub(super) fn add(&mut self, entry: (Id, Id)) {
        self.entries.push(entry);
        self.changed = true;
    }
}

/// Returns the path to the target of a step or precondition.
fn target_path(owner: Yaml<'_>) -> Vec<Step<'_>> {
    let mut path = vec![find(owner, "target").map_or(Step::Word("SELF"), Step::Name)];
    if let Some(requirement) = find(owner, "target_relationship") {
        path.extend([Step::Word("RELATIONSHIP"), Step::Name(requirement)]);
    }
    path
}
