//! Special forms: imports, counts, mappings, workflows and triggers; and the changes of entities as
//! a whole.

use super::LoweredMap;
use super::Lowering;
use super::YamlEntry;
use super::condition::PathPart;
use super::find;
use super::keynames;
use super::keynames::MapRule;
use super::keynames::OldEntity;
use super::keynames::SpecialForm;
use crate::code::Code;
use crate::diag::Span;
use crate::profiles::PRELUDE;
use crate::profiles::builtin_profile_names;
use crate::yaml::Scalar;
use crate::yaml::Yaml;
use crate::yaml::YamlIndex;

impl<'t> Lowering<'t, '_> {
    /// Lowers the short notation of an entity.
    pub(super) fn short(&mut self, node: Yaml<'t>, entity: &OldEntity) -> YamlIndex {
        let kept = self.rewriter.keep(node);
        if entity.rule != MapRule::Requirement || node.string().is_none() {
            return kept;
        }
        let span = node.span();
        let capability = self.word(span, "capability");
        let count = self.implied_count_range(span);
        self.rewriter.map(span, &[(capability, kept), count])
    }

    /// Returns the count range that 1.x implies; 2.0 implies [ 0, UNBOUNDED ].
    fn implied_count_range(&mut self, span: Span) -> (YamlIndex, YamlIndex) {
        let one = self.word(span, "1");
        let range = self.rewriter.list(span, &[one, one]);
        (self.word(span, "count_range"), range)
    }

    /// Completes an entity's map.
    pub(super) fn close(
        &mut self,
        node: Yaml<'t>,
        entity: &OldEntity,
        mut out: LoweredMap<'t>,
    ) -> YamlIndex {
        let span = node.span();
        match entity.rule {
            MapRule::Same | MapRule::Copied => {}
            MapRule::File => self.close_file(node, &mut out),
            MapRule::Topology => self.close_topology(node, &mut out),
            MapRule::Requirement => {
                if find(node, "occurrences").is_none() {
                    let count = self.implied_count_range(span);
                    out.add(count);
                }
            }
            MapRule::Interface => {
                if !out.operations.is_empty() {
                    let operations = std::mem::take(&mut out.operations);
                    let value = self.rewriter.map(span, &operations);
                    let key = self.word(span, "operations");
                    out.add((key, value));
                }
            }
            MapRule::Operation => {
                let implementation = find(node, "implementation");
                if let Some(host) = implementation.and_then(|node| find(node, "operation_host")) {
                    let name = self.word(host.span(), "koinon.operation_host");
                    out.kept.push((name, self.rewriter.keep(host)));
                    out.changed = true;
                }
            }
            MapRule::Substitution => {
                if !out.filter.is_empty() {
                    let filter = std::mem::take(&mut out.filter);
                    let value = self.all(span, filter);
                    let key = self.word(span, "substitution_filter");
                    out.add((key, value));
                }
            }
            MapRule::Activity => {
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

    /// Inserts the profile and the imports that 1.x implies after the version.
    fn close_file(&mut self, node: Yaml<'t>, out: &mut LoweredMap<'t>) {
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
    fn implied(&mut self, span: Span) -> Vec<YamlIndex> {
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

    fn close_topology(&mut self, node: Yaml<'t>, out: &mut LoweredMap<'t>) {
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

    /// Lowers a special form. Returns nothing if the keyname has no value in 2.0.
    pub(super) fn special(
        &mut self,
        owner: Yaml<'t>,
        special: SpecialForm,
        entry: YamlEntry<'t>,
        out: &mut LoweredMap<'t>,
    ) -> Option<YamlIndex> {
        let YamlEntry { key, value } = entry;
        match special {
            SpecialForm::Version => Some(self.word(value.span(), "tosca_2_0")),
            SpecialForm::Imports => Some(self.imports(owner, value)),
            SpecialForm::Required => self.required(owner, value),
            SpecialForm::Constraints => self.constraints(owner, value),
            SpecialForm::Range => {
                self.bounds(value);
                Some(self.rewriter.keep(value))
            }
            SpecialForm::Count => {
                self.count(key.span(), value, out);
                None
            }
            SpecialForm::Directives => Some(self.items(value, Self::directive)),
            SpecialForm::TargetFilter => self.target_filter(value),
            SpecialForm::NodeFilter => {
                let clauses = self.node_filter(value, &[PathPart::Word("SELF")]);
                (!clauses.is_empty()).then(|| self.all(value.span(), clauses))
            }
            SpecialForm::SubstitutionFilter => {
                let clauses = self.node_filter(value, &[PathPart::Word("SELF")]);
                out.filter.extend(clauses);
                None
            }
            SpecialForm::PropertyMappings => self.property_mappings(value, out),
            SpecialForm::AttributeMappings => self.attribute_mappings(value),
            SpecialForm::CapabilityMappings => self.mapped(value, Self::mapping),
            SpecialForm::RequirementMappings => Some(self.requirement_mappings(value)),
            SpecialForm::InterfaceMappings => self.mapped(value, |this, _, value| {
                if value.list().is_some() {
                    this.unsupported(value, "an interface of a node in the place of workflows");
                    return None;
                }
                Some(this.rewriter.keep(value))
            }),
            SpecialForm::OutputMappings => self.mapped(value, |this, _, value| {
                let first = value.list().and_then(|mut list| list.next()).and_then(Yaml::text);
                let kept = this.rewriter.keep(value);
                Some(match first {
                    Some("SOURCE" | "TARGET") => this.prefixed(value.span(), kept, "SELF"),
                    _ => kept,
                })
            }),
            SpecialForm::Preconditions => self.preconditions(value),
            SpecialForm::StepFilter => {
                let path = target_path(owner);
                Some(self.items(value, |this, item| this.condition(item, &path)))
            }
            SpecialForm::Condition => self.trigger_condition(owner, entry, out),
            SpecialForm::Action => {
                if value.map().is_some() {
                    self.unsupported(value, "an operation as an action");
                    return None;
                }
                Some(self.list_of(value, &keynames::ACTIVITY))
            }
        }
    }

    /// Lowers `required`. A definition with a default has a value, so it cannot be optional in 2.0.
    fn required(&mut self, owner: Yaml<'t>, node: Yaml<'t>) -> Option<YamlIndex> {
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
        let message = format!("{what} has no equivalent in TOSCA 2.0");
        self.fault(Code::NotSupported, node.span(), message);
    }

    fn imports(&mut self, owner: Yaml<'t>, node: Yaml<'t>) -> YamlIndex {
        let span = find(owner, "tosca_definitions_version").map_or(node.span(), Yaml::span);
        let mut items = self.implied(span);
        let Some(list) = node.list() else {
            if node.scalar() != Some(Scalar::Null) {
                self.wrong_kind(node, "imports", "list");
            }
            return self.rewriter.list(node.span(), &items);
        };
        for item in list {
            // 1.0 writes an import with a name as `name: file`.
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

    /// Lowers the import of a profile: 1.x has no keyname for it, so the file has the profile's
    /// name.
    fn profile_import(&mut self, import: Yaml<'t>) -> Option<YamlIndex> {
        let file = find(import, "file").unwrap_or(import);
        let name =
            file.text().filter(|name| builtin_profile_names().any(|known| known == *name))?;
        let entry = (self.word(file.span(), "profile"), self.word(file.span(), name));
        let mut entries = vec![entry];
        if let Some(prefix) = find(import, "namespace_prefix") {
            entries.push((self.word(prefix.span(), "namespace"), self.rewriter.keep(prefix)));
        }
        Some(self.rewriter.map(import.span(), &entries))
    }

    /// Reads `[ least, greatest ]`; the greatest number may be UNBOUNDED.
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
            let message = "expected two integers, or an integer and UNBOUNDED, as occurrences";
            self.fault(Code::WrongKind, node.span(), message.to_owned());
        }
        read
    }

    /// Adds the number of relationships of an assignment: the least number, or an optional
    /// relationship if the least number is 0.
    fn count(&mut self, span: Span, node: Yaml<'t>, out: &mut LoweredMap<'t>) {
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

    fn directive(&mut self, node: Yaml<'t>) -> YamlIndex {
        match node.text() {
            Some("selectable") => self.word(node.span(), "select"),
            Some("substitutable") => self.word(node.span(), "substitute"),
            _ => self.rewriter.keep(node),
        }
    }

    /// Lowers each value of a map, and leaves out entries whose value becomes nothing.
    fn mapped(
        &mut self,
        node: Yaml<'t>,
        mut lower: impl FnMut(&mut Self, Yaml<'t>, Yaml<'t>) -> Option<YamlIndex>,
    ) -> Option<YamlIndex> {
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
    fn mapping(&mut self, _: Yaml<'t>, value: Yaml<'t>) -> Option<YamlIndex> {
        let Some(map) = value.map() else { return Some(self.rewriter.keep(value)) };
        for (key, value) in map {
            if key.text() != Some("mapping") && value.scalar() != Some(Scalar::Null) {
                self.unsupported(key, "a value in a mapping");
            }
        }
        find(value, "mapping").map(|mapping| self.rewriter.keep(mapping))
    }

    /// Lowers property mappings. A constant becomes a clause of the substitution filter.
    fn property_mappings(&mut self, node: Yaml<'t>, out: &mut LoweredMap<'t>) -> Option<YamlIndex> {
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

    /// Lowers attribute mappings. An attribute of a node gets a new output.
    fn attribute_mappings(&mut self, node: Yaml<'t>) -> Option<YamlIndex> {
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

    /// Lowers requirement mappings: a map in 1.x, a list in 2.0.
    fn requirement_mappings(&mut self, node: Yaml<'t>) -> YamlIndex {
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

    /// Lowers a workflow's preconditions, which have a target each, to one condition.
    fn preconditions(&mut self, node: Yaml<'t>) -> Option<YamlIndex> {
        let Some(list) = node.list() else {
            if node.scalar() != Some(Scalar::Null) {
                self.wrong_kind(node, "preconditions", "list");
            }
            return None;
        };
        let mut parts = Vec::new();
        for item in list {
            // This reports the faults of the entity.
            self.entity(item, &keynames::PRECONDITION);
            if let Some(condition) = find(item, "condition") {
                let path = target_path(item);
                parts.push(self.condition(condition, &path));
            }
        }
        (!parts.is_empty()).then(|| self.all(node.span(), parts))
    }

    /// Lowers a trigger's condition, which applies to the result of the target filter.
    fn trigger_condition(
        &mut self,
        owner: Yaml<'t>,
        entry: YamlEntry<'t>,
        out: &mut LoweredMap<'t>,
    ) -> Option<YamlIndex> {
        let YamlEntry { key, value } = entry;
        if key.text() == Some("target_filter") {
            // This reports the faults of the entity.
            self.entity(value, &keynames::EVENT_FILTER);
            return None;
        }
        let mut path = vec![PathPart::Word("SELF")];
        if let Some(filter) = find(owner, "target_filter") {
            path = find(filter, "node").map_or(path, |node| vec![PathPart::Name(node)]);
            if let Some(requirement) = find(filter, "requirement") {
                path.extend([PathPart::Word("RELATIONSHIP"), PathPart::Name(requirement)]);
            }
            if let Some(capability) = find(filter, "capability") {
                path.extend(match find(filter, "requirement") {
                    Some(_) => vec![PathPart::Word("CAPABILITY")],
                    None => vec![PathPart::Word("CAPABILITY"), PathPart::Name(capability)],
                });
            }
        }
        let mut clauses = value;
        if let Some(constraint) = find(value, "constraint") {
            // This reports the faults of the entity.
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

impl LoweredMap<'_> {
    pub(super) fn add(&mut self, entry: (YamlIndex, YamlIndex)) {
        self.entries.push(entry);
        self.changed = true;
    }
}

/// Returns the path to the target of a step or precondition.
fn target_path(owner: Yaml<'_>) -> Vec<PathPart<'_>> {
    let mut path = vec![find(owner, "target").map_or(PathPart::Word("SELF"), PathPart::Name)];
    if let Some(requirement) = find(owner, "target_relationship") {
        path.extend([PathPart::Word("RELATIONSHIP"), PathPart::Name(requirement)]);
    }
    path
}
