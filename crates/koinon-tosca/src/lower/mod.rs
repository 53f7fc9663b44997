//! TOSCA 1.0 to 1.3 as a front end: the tree of a 1.x file becomes the tree of the 2.0 file that
//! means the same.
//!
//! Every node keeps its place in the author's file, so that faults of later phases point there. The
//! tables of [`keynames`] define the files of 1.x, and this phase checks them, in terms of 1.x.
//! Some features depend on types, which this phase does not know. They become functions that only
//! the checker knows:
//!
//! | function | meaning |
//! |---|---|
//! | `$get_property_1x`, `$get_attribute_1x` | a path whose second name may be of a requirement or capability |
//! | `$get_artifact_1x` | with a place to put the artifact, or of a host |
//! | `$get_operation_output`, `$get_nodes_of_type` | functions of 1.x that 2.0 does not have |
//! | `$schema_1x` | whether a string of JSON or XML passes a schema |
//!
//! A keyname without a counterpart in 2.0 becomes metadata `koinon.KEYNAME`. Such metadata also
//! holds keynames of 2.0 without a counterpart in 1.x (see [`overlay`]). A map whose only key is
//! `$` and the name of a function of 2.0 is a call, and everything in it is 2.0.

mod condition;
pub(crate) mod keynames;
mod overlay;
mod service;
mod value;

use keynames::MapRule;
use keynames::OldEntity;
use keynames::OldKeynameKind;
use keynames::OldKeynameRow;
use keynames::OldShortNotation;
pub(crate) use value::OLD_FUNCTIONS;

use crate::code::Code;
use crate::diag::Diagnostics;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Sources;
use crate::diag::Span;
use crate::diag::article;
use crate::profiles::TOSCA_PROFILES;
pub use crate::profiles::ToscaVersion;
use crate::yaml::Budget;
use crate::yaml::Rewriter;
use crate::yaml::Scalar;
use crate::yaml::SharedNode;
use crate::yaml::Tree;
use crate::yaml::Yaml;
use crate::yaml::YamlIndex;
use crate::yaml::parse;

/// Returns the names of the functions of 1.x.
pub(crate) fn functions() -> impl Iterator<Item = &'static str> {
    OLD_FUNCTIONS.iter().map(|function| function.name)
}

/// Lowers a file, which imports the Simple Profile of its version.
pub(crate) fn lower(tree: Tree, version: ToscaVersion, faults: &Faults) -> Tree {
    run(tree, version, None, faults)
}

/// Lowers the Simple Profile of a version, which gets the profile's name and does not import
/// itself.
pub(crate) fn lower_profile(tree: Tree, version: ToscaVersion, faults: &Faults) -> Tree {
    run(tree, version, Some(version.profile()), faults)
}

fn run(tree: Tree, version: ToscaVersion, profile: Option<&'static str>, faults: &Faults) -> Tree {
    let mut lower = Lowering {
        rewriter: Rewriter::new(&tree),
        version,
        profile,
        faults,
        last_rule: FIRST_RULE,
        in_filter: false,
        unknown: 0,
        outputs: Vec::new(),
    };
    let root = lower.entity(tree.root(), &keynames::FILE);
    let added = lower.rewriter.finish(root);
    tree.with(added)
}

/// Lowers the text of one file and writes the result as canonical YAML.
///
/// # Errors
/// [`Diagnostics`] with all errors.
#[doc(hidden)]
pub fn lower_text(text: &str, version: ToscaVersion) -> Result<String, Diagnostics> {
    text_with("service.yaml", text, |tree, faults| lower(tree, version, faults))
}

/// Lowers the Simple Profile of a version and writes the result as canonical YAML.
///
/// # Errors
/// [`Diagnostics`] with all errors.
#[doc(hidden)]
pub fn lower_profile_text(version: ToscaVersion) -> Result<String, Diagnostics> {
    let found = TOSCA_PROFILES.iter().find(|profile| profile.version == Some(version));
    let profile = found.expect("BUG: every version of TOSCA 1.x has a profile");
    text_with(profile.name, profile.text, |tree, faults| lower_profile(tree, version, faults))
}

/// Parses and lowers one file and returns the number of its nodes. Only `benches/lower.rs` and
/// tests use it.
#[doc(hidden)]
pub fn count_nodes(text: &str, version: ToscaVersion) -> Option<usize> {
    let faults = Faults::default();
    let tree = parse(text, 0, &mut Budget::default(), &faults).ok()?;
    Some(lower(tree, version, &faults).len())
}

fn text_with(
    name: &str,
    text: &str,
    lower: impl FnOnce(Tree, &Faults) -> Tree,
) -> Result<String, Diagnostics> {
    let mut sources = Sources::default();
    let faults = Faults::default();
    let file = sources.add(name, text.to_owned());
    let tree = faults.keep(parse(text, file, &mut Budget::default(), &faults));
    let tree = tree.map(|tree| lower(tree, &faults));
    match tree {
        Some(tree) if faults.is_empty() => {
            Ok(crate::yaml::write_yaml(&value::literal(tree.root())))
        }
        _ => Err(faults.into_diagnostics(&sources)),
    }
}

/// The number of the first rule that is made on demand. Smaller numbers are fixed rules; the rules
/// of entities are the addresses of their tables.
const FIRST_RULE: usize = 16;

/// The lowering of one file.
struct Lowering<'t, 'f> {
    rewriter: Rewriter<'t>,
    version: ToscaVersion,
    /// The built-in profile that the file is.
    profile: Option<&'static str>,
    faults: &'f Faults,
    /// The number of the last rule made on demand.
    last_rule: usize,
    /// Whether the current value is in the filter of a requirement's targets, where SELF is the
    /// relationship.
    in_filter: bool,
    /// The number of unknown keynames so far.
    unknown: usize,
    /// Outputs that attribute mappings need.
    outputs: Vec<(YamlIndex, YamlIndex)>,
}

/// The map that an entity becomes.
#[derive(Default)]
struct LoweredMap<'t> {
    entries: Vec<(YamlIndex, YamlIndex)>,
    /// Whether it differs from the entity's own map.
    changed: bool,
    /// The entity's metadata, with its index in `entries`.
    metadata: Option<(usize, Yaml<'t>)>,
    /// Entries that become metadata.
    kept: Vec<(YamlIndex, YamlIndex)>,
    /// Operations of an interface that has no `operations`.
    operations: Vec<(YamlIndex, YamlIndex)>,
    /// Clauses of a substitution filter.
    filter: Vec<YamlIndex>,
}

/// A key of a map, and its value.
#[derive(Clone, Copy)]
struct YamlEntry<'t> {
    key: Yaml<'t>,
    value: Yaml<'t>,
}

/// The entity whose keynames are lowered.
#[derive(Clone, Copy)]
struct OwnerEntity<'t> {
    node: Yaml<'t>,
    entity: &'static OldEntity,
}

impl<'t> Lowering<'t, '_> {
    fn fault(&self, code: Code, span: Span, message: String) {
        self.faults.push(Fault::new(code, span, message));
    }

    fn wrong_kind(&self, found: Yaml<'t>, what: &str, expected: &str) {
        let message = format!(
            "expected {} as {what}, found {}",
            article(expected),
            article(found.kind_name())
        );
        self.fault(Code::WrongKind, found.span(), message);
    }

    /// Lowers a node by a rule. A shared node is lowered only once.
    fn once(
        &mut self,
        node: Yaml<'t>,
        rule: usize,
        lower: impl FnOnce(&mut Self, Yaml<'t>) -> YamlIndex,
    ) -> YamlIndex {
        let new = match self.rewriter.shared(node, rule) {
            SharedNode::No => return lower(self, node),
            SharedNode::Known(new) => new,
            SharedNode::New(target) => {
                let new = lower(self, target);
                self.rewriter.remember(target, rule, new);
                new
            }
        };
        self.rewriter.place(node, new)
    }

    /// Adds a name that the author did not write.
    fn word(&mut self, span: Span, text: &str) -> YamlIndex {
        self.rewriter.plain(span, text)
    }

    /// Adds a map of one entry, such as a call.
    fn call(&mut self, span: Span, name: &str, argument: YamlIndex) -> YamlIndex {
        let name = self.word(span, name);
        self.rewriter.map(span, &[(name, argument)])
    }

    /// Lowers an entity: its map, or its short notation.
    fn entity(&mut self, node: Yaml<'t>, entity: &'static OldEntity) -> YamlIndex {
        let rule = std::ptr::from_ref(entity).addr();
        self.once(node, rule, |this, node| this.entity_once(node, entity))
    }

    fn entity_once(&mut self, node: Yaml<'t>, entity: &'static OldEntity) -> YamlIndex {
        if self.is_value(node, entity) {
            return self.value(node);
        }
        let Some(map) = node.map() else {
            match node.scalar() {
                // An empty entity has no keynames; the readers of 2.0 report missing ones.
                Some(Scalar::Null) if entity.rule != MapRule::File => {}
                Some(Scalar::String(_)) if entity.short == OldShortNotation::Text => {}
                _ => {
                    let expected = match entity.short {
                        OldShortNotation::Text => "map or string",
                        OldShortNotation::None
                        | OldShortNotation::Fixed
                        | OldShortNotation::Value => "map",
                    };
                    self.wrong_kind(node, &article(entity.name), expected);
                    return self.rewriter.keep(node);
                }
            }
            return self.short(node, entity);
        };
        let mut out =
            LoweredMap { entries: Vec::with_capacity(map.len() + 1), ..LoweredMap::default() };
        let open = entity.rule == MapRule::Interface && find(node, "operations").is_none();
        let mut seen = 0_u64;
        for (key, value) in map {
            let Some(name) = key.text() else {
                self.wrong_kind(key, &format!("a keyname in {}", article(entity.name)), "string");
                out.changed = true;
                continue;
            };
            let place = entity.keys.iter().position(|row| row.name == name);
            match place.map(|at| &entity.keys[at]) {
                // The parser reported the duplicate. Each keyname is lowered once.
                Some(_) if place.is_some_and(|at| seen & 1 << at != 0) => out.changed = true,
                Some(row) if row.has(self.version) => {
                    seen |= place.map_or(0, |at| 1 << at);
                    let owner = OwnerEntity { node, entity };
                    self.field(owner, row, YamlEntry { key, value }, &mut out);
                }
                Some(row) => self.other_version(key, row, entity, &mut out),
                None if open => {
                    let operation = match std::ptr::eq(entity, &keynames::INTERFACE_ASSIGNMENT) {
                        true => &keynames::OPERATION_ASSIGNMENT,
                        false => &keynames::OPERATION,
                    };
                    let value = self.entity(value, operation);
                    out.operations.push((self.rewriter.keep(key), value));
                }
                None => self.unknown(key, name, entity, &mut out),
            }
        }
        for row in entity.keys.iter().filter(|row| row.mandatory && row.has(self.version)) {
            let copied = entity.rule == MapRule::Copied && row.name == "type";
            if find(node, row.name).is_none() && !(copied && find(node, "copy").is_some()) {
                let message = format!("expected `{}` in {}", row.name, article(entity.name));
                self.fault(Code::MissingKey, node.span(), message);
            }
        }
        self.close(node, entity, out)
    }

    /// Returns whether the node in an entity's place is a value.
    fn is_value(&self, node: Yaml<'t>, entity: &OldEntity) -> bool {
        let known = |key: Yaml<'t>| key.text().is_some_and(|name| entity.key(name).is_some());
        match (entity.short, node.map()) {
            (OldShortNotation::None | OldShortNotation::Text, _) => false,
            (OldShortNotation::Value, None) => true,
            // A definition has a type, or at least only keynames of definitions.
            (OldShortNotation::Value, Some(mut map)) => {
                find(node, "type").is_none() && (map.len() == 0 || !map.all(|(key, _)| known(key)))
            }
            (OldShortNotation::Fixed, _) if self.version < ToscaVersion::V1_3 => false,
            (OldShortNotation::Fixed, None) => node.scalar() != Some(Scalar::Null),
            (OldShortNotation::Fixed, Some(mut map)) => {
                map.len() == 1 && map.all(|(key, _)| value::is_function(key))
            }
        }
    }

    fn unknown(&mut self, key: Yaml<'t>, name: &str, entity: &OldEntity, out: &mut LoweredMap<'t>) {
        out.changed = true;
        // Further faults are not reported, so similar names are not searched.
        self.unknown += 1;
        if self.unknown > Diagnostics::MAX {
            return;
        }
        let message = format!("unknown keyname `{name}` in {}", article(entity.name));
        let known = entity.keys.iter().filter(|row| row.has(self.version)).map(|row| row.name);
        self.faults.push(Fault::new(Code::UnknownKey, key.span(), message).near(name, known));
    }

    fn other_version(
        &self,
        key: Yaml<'t>,
        row: &OldKeynameRow,
        entity: &OldEntity,
        out: &mut LoweredMap<'t>,
    ) {
        let (name, what) = (row.name, article(entity.name));
        let (since, until) = (row.since.number(), row.until.number());
        let hint = match row.since > self.version {
            true => format!("TOSCA {since} has it"),
            false => format!("TOSCA {until} is the last version with it"),
        };
        let message = format!("TOSCA {} has no `{name}` in {what}", self.version.number());
        self.faults.push(Fault::new(Code::UnknownKey, key.span(), message).hint(hint));
        out.changed = true;
    }

    /// Lowers a keyname and its value.
    fn field(
        &mut self,
        owner: OwnerEntity<'t>,
        row: &'static OldKeynameRow,
        entry: YamlEntry<'t>,
        out: &mut LoweredMap<'t>,
    ) {
        let YamlEntry { key, value } = entry;
        if row.becomes != row.name && find(owner.node, row.becomes).is_some() {
            let message =
                format!("expected either `{}` or `{}`, found both", row.becomes, row.name);
            self.fault(Code::DuplicateName, key.span(), message);
        }
        let new = match row.kind {
            OldKeynameKind::Nothing => {
                out.changed = true;
                return;
            }
            OldKeynameKind::Kept => {
                let name = self.word(key.span(), &format!("koinon.{}", row.name));
                out.kept.push((name, self.rewriter.keep(value)));
                out.changed = true;
                return;
            }
            OldKeynameKind::Special(special) => {
                let Some(new) = self.special(owner.node, special, entry, out) else {
                    out.changed = true;
                    return;
                };
                new
            }
            OldKeynameKind::Metadata => {
                self.expect(value, value.map().is_some(), row, owner.entity, "map");
                out.metadata = Some((out.entries.len(), value));
                self.rewriter.keep(value)
            }
            kind => self.plain(value, kind, row, owner.entity),
        };
        let name = match row.becomes == row.name {
            true => self.rewriter.keep(key),
            false => self.word(key.span(), row.becomes),
        };
        out.changed |= row.becomes != row.name || new != self.rewriter.keep(value);
        out.entries.push((name, new));
    }

    /// Lowers a keyname's value of a common kind.
    fn plain(
        &mut self,
        value: Yaml<'t>,
        kind: OldKeynameKind,
        row: &OldKeynameRow,
        entity: &OldEntity,
    ) -> YamlIndex {
        let (is_map, is_list) = (value.map().is_some(), value.list().is_some());
        match kind {
            OldKeynameKind::Text => {
                self.expect(value, !is_map && !is_list, row, entity, "string");
                self.rewriter.keep(value)
            }
            OldKeynameKind::DataType => {
                self.expect(value, !is_map && !is_list, row, entity, "string");
                match value.text() {
                    Some("null") => self.word(value.span(), "nil"),
                    _ => self.rewriter.keep(value),
                }
            }
            OldKeynameKind::Words => {
                self.expect(value, is_list, row, entity, "list");
                self.rewriter.keep(value)
            }
            OldKeynameKind::Value => self.value(value),
            OldKeynameKind::Values => {
                self.expect(value, is_map, row, entity, "map");
                self.value(value)
            }
            OldKeynameKind::One(entity) => self.entity(value, entity),
            OldKeynameKind::Map(inner) => {
                self.expect(value, is_map, row, entity, "map");
                self.map_of(value, inner)
            }
            OldKeynameKind::Sequence(inner) => {
                self.expect(value, is_list, row, entity, "list");
                self.sequence_of(value, inner)
            }
            OldKeynameKind::List(inner) => {
                self.expect(value, is_list, row, entity, "list");
                self.list_of(value, inner)
            }
            OldKeynameKind::Any
            | OldKeynameKind::Metadata
            | OldKeynameKind::Nothing
            | OldKeynameKind::Kept
            | OldKeynameKind::Special(_) => self.rewriter.keep(value),
        }
    }

    fn expect(
        &self,
        value: Yaml<'t>,
        fine: bool,
        row: &OldKeynameRow,
        entity: &OldEntity,
        expected: &str,
    ) {
        // An empty value is never wrong.
        if !fine && value.scalar() != Some(Scalar::Null) {
            let what = format!("`{}` of {}", row.name, article(entity.name));
            self.wrong_kind(value, &what, expected);
        }
    }

    /// Lowers a map from names to entities.
    fn map_of(&mut self, node: Yaml<'t>, entity: &'static OldEntity) -> YamlIndex {
        let rule = std::ptr::from_ref(entity).addr() + 1;
        self.once(node, rule, |this, node| {
            let Some(map) = node.map() else { return this.rewriter.keep(node) };
            let mut changed = false;
            let mut entries = Vec::with_capacity(map.len());
            for (key, value) in map {
                if key.text().is_none() {
                    this.wrong_kind(
                        key,
                        &format!("the name of {}", article(entity.name)),
                        "string",
                    );
                }
                let new = this.entity(value, entity);
                changed |= new != this.rewriter.keep(value);
                entries.push((this.rewriter.keep(key), new));
            }
            match changed {
                true => this.rewriter.map(node.span(), &entries),
                false => this.rewriter.keep(node),
            }
        })
    }

    /// Lowers a list of maps with one name each.
    fn sequence_of(&mut self, node: Yaml<'t>, entity: &'static OldEntity) -> YamlIndex {
        let rule = std::ptr::from_ref(entity).addr() + 2;
        self.once(node, rule, |this, node| {
            this.items(node, |this, item| match item.map() {
                Some(map) if map.len() == 1 => this.map_of(item, entity),
                _ => {
                    let what = format!("{} with its name", article(entity.name));
                    this.wrong_kind(item, &what, "map of one entry");
                    this.rewriter.keep(item)
                }
            })
        })
    }

    /// Lowers a list of entities.
    fn list_of(&mut self, node: Yaml<'t>, entity: &'static OldEntity) -> YamlIndex {
        let rule = std::ptr::from_ref(entity).addr() + 3;
        self.once(node, rule, |this, node| this.items(node, |this, item| this.entity(item, entity)))
    }

    /// Lowers each item of a list. Other nodes do not change.
    fn items(
        &mut self,
        node: Yaml<'t>,
        mut lower: impl FnMut(&mut Self, Yaml<'t>) -> YamlIndex,
    ) -> YamlIndex {
        let Some(list) = node.list() else { return self.rewriter.keep(node) };
        let mut changed = false;
        let mut items = Vec::with_capacity(list.len());
        for item in list {
            let new = lower(self, item);
            changed |= new != self.rewriter.keep(item);
            items.push(new);
        }
        match changed {
            true => self.rewriter.list(node.span(), &items),
            false => self.rewriter.keep(node),
        }
    }
}

/// Returns the value of a keyname.
fn find<'t>(node: Yaml<'t>, name: &str) -> Option<Yaml<'t>> {
    node.entry(name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Collects the keys of the new tree, each with the text at its place in the author's file.
    fn places<'s>(node: Yaml<'_>, source: &'s str, found: &mut Vec<(String, &'s str)>) {
        for (key, value) in node.map().into_iter().flatten() {
            let span = key.span();
            let written = &source[span.start as usize..span.end as usize];
            found.push((key.text().unwrap().to_owned(), written));
            places(value, source, found);
        }
        node.list().into_iter().flatten().for_each(|item| places(item, source, found));
    }

    #[test]
    fn lowered_nodes_keep_their_spans() {
        let source = "tosca_definitions_version: tosca_simple_yaml_1_3\n\
            data_types: {T: {derived_from: float, constraints: [{in_range: [1, 2]}]}}\n\
            topology_template: {outputs: {o: {value: {get_input: a}}}}\n";
        let faults = Faults::default();
        let tree = parse(source, 0, &mut Budget::default(), &faults).unwrap();
        let tree = lower(tree, ToscaVersion::V1_3, &faults);
        let mut found = Vec::new();
        places(tree.root(), source, &mut found);
        let at = |name: &str| found.iter().find(|(key, _)| key == name).unwrap().1;
        assert_eq!(at("service_template"), "topology_template");
        assert_eq!(at("validation"), "constraints");
        assert_eq!(at("$in_range"), "in_range");
        assert_eq!(at("$get_input"), "get_input");
        assert_eq!(at("imports"), "tosca_simple_yaml_1_3");
        assert_eq!(at("derived_from"), "derived_from");
    }
}
