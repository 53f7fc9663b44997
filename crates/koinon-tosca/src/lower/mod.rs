//! TOSCA 1.0 to 1.3 as a front end: the tree of a 1.x file becomes the tree of the 2.0 file that means the same.
//!
//! Every node stays at its place in the file the author wrote, so that what later phases find wrong points there. What
//! an author may write is said by [`keynames`] and checked here, in the words of 1.x. Some things need types to be
//! understood, which this phase does not have; they become functions of the checker's own:
//!
//! | function | what it is |
//! |---|---|
//! | `$get_property_1x`, `$get_attribute_1x` | a path whose second name may be of a requirement or capability |
//! | `$get_artifact_1x` | with a place to put the artifact, or of a host |
//! | `$get_operation_output`, `$get_nodes_of_type` | as in 1.x; 2.0 has neither |
//! | `$schema_1x` | whether a string of JSON or XML passes a schema |
//!
//! What 2.0 has no keyname for is kept as metadata `koinon.KEYNAME`; what 1.x has none for is read from there (see
//! [`overlay`]). A map whose only key is `$` and the name of a function of 2.0 is a call, and all in it is 2.0.

mod condition;
pub(crate) mod keynames;
mod overlay;
mod service;
mod value;

pub(crate) use value::FUNCTIONS;

use crate::code::Code;
use crate::diag::Diagnostics;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Sources;
use crate::diag::Span;
use crate::diag::article;
use crate::yaml::Budget;
use crate::yaml::Id;
use crate::yaml::Rewriter;
use crate::yaml::Scalar;
use crate::yaml::Shared;
use crate::yaml::Tree;
use crate::yaml::Yaml;
use crate::yaml::parse;
use keynames::Entity;
use keynames::Key;
use keynames::Kind;
use keynames::Rule;
use keynames::Short;

/// Returns the names of the functions of 1.x.
pub(crate) fn functions() -> impl Iterator<Item = &'static str> {
    value::FUNCTIONS.iter().map(|(name, ..)| *name)
}

/// The profile of data types that 1.x has built in.
pub(crate) const PRELUDE: &str = "tosca.prelude:1";

/// The profiles that belong to 1.x, and the Simple Profile of 2.0: name, version of the text, text.
pub(crate) const PROFILES: [(&str, Option<Version>, &str); 6] = [
    (PRELUDE, None, include_str!("../../../../profiles/tosca/prelude-1x.yaml")),
    (
        Version::V1_0.profile(),
        Some(Version::V1_0),
        include_str!("../../../../profiles/tosca/simple/1.0/profile.yaml"),
    ),
    (
        Version::V1_1.profile(),
        Some(Version::V1_1),
        include_str!("../../../../profiles/tosca/simple/1.1/profile.yaml"),
    ),
    (
        Version::V1_2.profile(),
        Some(Version::V1_2),
        include_str!("../../../../profiles/tosca/simple/1.2/profile.yaml"),
    ),
    (
        Version::V1_3.profile(),
        Some(Version::V1_3),
        include_str!("../../../../profiles/tosca/simple/1.3/profile.yaml"),
    ),
    (
        "org.oasis-open.simple:2.0",
        None,
        include_str!("../../../../profiles/tosca/simple/2.0/profile.yaml"),
    ),
];

/// A version of TOSCA Simple Profile in YAML.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// TOSCA 1.0.
    V1_0,
    /// TOSCA 1.1.
    V1_1,
    /// TOSCA 1.2.
    V1_2,
    /// TOSCA 1.3.
    V1_3,
}

impl Version {
    /// Returns the version a file's `tosca_definitions_version` stands for, if it is one of 1.x.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "tosca_simple_yaml_1_0" => Some(Self::V1_0),
            "tosca_simple_yaml_1_1" => Some(Self::V1_1),
            "tosca_simple_yaml_1_2" => Some(Self::V1_2),
            "tosca_simple_yaml_1_3" => Some(Self::V1_3),
            _ => None,
        }
    }

    /// Returns the name of the profile that files of this version import without saying so.
    pub(crate) const fn profile(self) -> &'static str {
        match self {
            Self::V1_0 => "tosca.simple:1.0",
            Self::V1_1 => "tosca.simple:1.1",
            Self::V1_2 => "tosca.simple:1.2",
            Self::V1_3 => "tosca.simple:1.3",
        }
    }

    /// Returns its number for people.
    pub(crate) const fn number(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        }
    }
}

/// Lowers a file, which imports the Simple Profile of its version.
pub(crate) fn lower(tree: Tree, version: Version, faults: &Faults) -> Tree {
    run(tree, version, None, faults)
}

/// Lowers the file of a version's Simple Profile itself, which gets the profile's name and does not import itself.
pub(crate) fn lower_profile(tree: Tree, version: Version, faults: &Faults) -> Tree {
    run(tree, version, Some(version.profile()), faults)
}

fn run(tree: Tree, version: Version, profile: Option<&'static str>, faults: &Faults) -> Tree {
    let mut lower = Lower {
        rewriter: Rewriter::new(&tree),
        version,
        profile,
        faults,
        rules: FIRST_RULE,
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
/// [`Diagnostics`]: everything that is wrong.
#[doc(hidden)]
pub fn lower_text(text: &str, version: Version) -> Result<String, Diagnostics> {
    text_with("service.yaml", text, |tree, faults| lower(tree, version, faults))
}

/// Lowers the Simple Profile of a version, as [`lower_text`] does files.
///
/// # Errors
/// [`Diagnostics`]: everything that is wrong.
#[doc(hidden)]
pub fn lower_profile_text(version: Version) -> Result<String, Diagnostics> {
    let found = PROFILES.iter().find(|(_, of, _)| *of == Some(version));
    let (name, _, text) = found.expect("each version has a profile");
    text_with(name, text, |tree, faults| lower_profile(tree, version, faults))
}

/// Parses and lowers one file and returns how many nodes there are then: what `benches/lower.rs` measures.
#[doc(hidden)]
pub fn count_nodes(text: &str, version: Version) -> Option<usize> {
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

/// The numbers of rules that are no entities: the first of those made as they are needed.
const FIRST_RULE: usize = 16;

/// A lowering.
struct Lower<'t, 'f> {
    rewriter: Rewriter<'t>,
    version: Version,
    /// The profile the file is, if it is one of ours.
    profile: Option<&'static str>,
    faults: &'f Faults,
    /// The next rule's number; entities have their addresses.
    rules: usize,
    /// Whether values stand in the filter of a requirement's targets, where SELF is the relationship.
    in_filter: bool,
    /// How many unknown keynames there were.
    unknown: usize,
    /// Outputs that attribute mappings need.
    outputs: Vec<(Id, Id)>,
}

/// The map an entity becomes.
#[derive(Default)]
struct Out<'t> {
    entries: Vec<(Id, Id)>,
    /// Whether it differs from the entity's own map.
    changed: bool,
    /// The entity's metadata: where in `entries`, and what.
    metadata: Option<(usize, Yaml<'t>)>,
    /// What is kept as metadata.
    kept: Vec<(Id, Id)>,
    /// Operations of an interface that has no `operations`.
    operations: Vec<(Id, Id)>,
    /// What must hold for a substitution.
    filter: Vec<Id>,
}

impl<'t> Lower<'t, '_> {
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

    /// Lowers by a rule, but a node that is shared only once.
    fn once(
        &mut self,
        node: Yaml<'t>,
        rule: usize,
        lower: impl FnOnce(&mut Self, Yaml<'t>) -> Id,
    ) -> Id {
        let new = match self.rewriter.shared(node, rule) {
            Shared::No => return lower(self, node),
            Shared::Known(new) => new,
            Shared::New(target) => {
                let new = lower(self, target);
                self.rewriter.remember(target, rule, new);
                new
            }
        };
        self.rewriter.place(node, new)
    }

    /// Adds a name that the author did not write.
    fn word(&mut self, span: Span, text: &str) -> Id {
        self.rewriter.scalar(span, text, true)
    }

    /// Adds a map of one entry, such as a call.
    fn call(&mut self, span: Span, name: &str, argument: Id) -> Id {
        let name = self.word(span, name);
        self.rewriter.map(span, &[(name, argument)])
    }

    /// Lowers an entity: its map, or what may stand in its place.
    fn entity(&mut self, node: Yaml<'t>, entity: &'static Entity) -> Id {
        let rule = std::ptr::from_ref(entity).addr();
        self.once(node, rule, |this, node| this.entity_once(node, entity))
    }

    fn entity_once(&mut self, node: Yaml<'t>, entity: &'static Entity) -> Id {
        if self.is_value(node, entity) {
            return self.value(node);
        }
        let Some(map) = node.map() else {
            match node.scalar() {
                // Nothing is an entity that says nothing; what must be said is missed by who needs it.
                Some(Scalar::Null) if entity.rule != Rule::File => {}
                Some(Scalar::String(_)) if entity.short == Short::Text => {}
                _ => {
                    let expected = match entity.short {
                        Short::Text => "map or string",
                        Short::None | Short::Fixed | Short::Value => "map",
                    };
                    self.wrong_kind(node, &article(entity.name), expected);
                    return self.rewriter.keep(node);
                }
            }
            return self.short(node, entity);
        };
        let mut out = Out { entries: Vec::with_capacity(map.len() + 1), ..Out::default() };
        let open = entity.rule == Rule::Interface && find(node, "operations").is_none();
        let mut seen = 0_u64;
        for (key, value) in map {
            let Some(name) = key.text() else {
                self.wrong_kind(key, &format!("a keyname in {}", article(entity.name)), "string");
                out.changed = true;
                continue;
            };
            let place = entity.keys.iter().position(|row| row.name == name);
            match place.map(|at| &entity.keys[at]) {
                // Said to be wrong when it was parsed; what looks up other keynames is done once for each.
                Some(_) if place.is_some_and(|at| seen & 1 << at != 0) => out.changed = true,
                Some(row) if row.has(self.version) => {
                    seen |= place.map_or(0, |at| 1 << at);
                    self.field((node, entity), row, (key, value), &mut out);
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
            let copied = entity.rule == Rule::Copied && row.name == "type";
            if find(node, row.name).is_none() && !(copied && find(node, "copy").is_some()) {
                let message = format!("expected `{}` in {}", row.name, article(entity.name));
                self.fault(Code::MissingKey, node.span(), message);
            }
        }
        self.close(node, entity, out)
    }

    /// Returns whether what stands in an entity's place is a value.
    fn is_value(&self, node: Yaml<'t>, entity: &Entity) -> bool {
        let known = |key: Yaml<'t>| key.text().is_some_and(|name| entity.key(name).is_some());
        match (entity.short, node.map()) {
            (Short::None | Short::Text, _) => false,
            (Short::Value, None) => true,
            // A definition has a type, or at least nothing that only a value can have.
            (Short::Value, Some(mut map)) => {
                find(node, "type").is_none() && (map.len() == 0 || !map.all(|(key, _)| known(key)))
            }
            (Short::Fixed, _) if self.version < Version::V1_3 => false,
            (Short::Fixed, None) => node.scalar() != Some(Scalar::Null),
            (Short::Fixed, Some(mut map)) => {
                map.len() == 1 && map.all(|(key, _)| value::is_function(key))
            }
        }
    }

    fn unknown(&mut self, key: Yaml<'t>, name: &str, entity: &Entity, out: &mut Out<'t>) {
        out.changed = true;
        // Nobody is told of more, so that nothing near needs to be looked for.
        self.unknown += 1;
        if self.unknown > Diagnostics::MAX {
            return;
        }
        let message = format!("unknown keyname `{name}` in {}", article(entity.name));
        let known = entity.keys.iter().filter(|row| row.has(self.version)).map(|row| row.name);
        self.faults.push(Fault::new(Code::UnknownKey, key.span(), message).near(name, known));
    }

    fn other_version(&self, key: Yaml<'t>, row: &Key, entity: &Entity, out: &mut Out<'t>) {
        let (name, what) = (row.name, article(entity.name));
        let (since, until) = (row.since.number(), row.until.number());
        let hint = match row.since > self.version {
            true => format!("TOSCA {since} has it"),
            false => format!("TOSCA {until} was the last to have it"),
        };
        let message = format!("TOSCA {} has no `{name}` in {what}", self.version.number());
        self.faults.push(Fault::new(Code::UnknownKey, key.span(), message).hint(hint));
        out.changed = true;
    }

    /// Lowers what stands under a keyname.
    fn field(
        &mut self,
        owner: (Yaml<'t>, &'static Entity),
        row: &'static Key,
        (key, value): (Yaml<'t>, Yaml<'t>),
        out: &mut Out<'t>,
    ) {
        if row.becomes != row.name && find(owner.0, row.becomes).is_some() {
            let message =
                format!("expected either `{}` or `{}`, found both", row.becomes, row.name);
            self.fault(Code::DuplicateName, key.span(), message);
        }
        let new = match row.kind {
            Kind::Nothing => {
                out.changed = true;
                return;
            }
            Kind::Kept => {
                let name = self.word(key.span(), &format!("koinon.{}", row.name));
                out.kept.push((name, self.rewriter.keep(value)));
                out.changed = true;
                return;
            }
            Kind::Special(special) => {
                let Some(new) = self.special(owner.0, special, (key, value), out) else {
                    out.changed = true;
                    return;
                };
                new
            }
            Kind::Metadata => {
                self.expect(value, value.map().is_some(), row, owner.1, "map");
                out.metadata = Some((out.entries.len(), value));
                self.rewriter.keep(value)
            }
            kind => self.plain(value, kind, row, owner.1),
        };
        let name = match row.becomes == row.name {
            true => self.rewriter.keep(key),
            false => self.word(key.span(), row.becomes),
        };
        out.changed |= row.becomes != row.name || new != self.rewriter.keep(value);
        out.entries.push((name, new));
    }

    /// Lowers what stands under a keyname of a common kind.
    fn plain(&mut self, value: Yaml<'t>, kind: Kind, row: &Key, entity: &Entity) -> Id {
        let (is_map, is_list) = (value.map().is_some(), value.list().is_some());
        match kind {
            Kind::Text => {
                self.expect(value, !is_map && !is_list, row, entity, "string");
                self.rewriter.keep(value)
            }
            Kind::DataType => {
                self.expect(value, !is_map && !is_list, row, entity, "string");
                match value.text() {
                    Some("null") => self.word(value.span(), "nil"),
                    _ => self.rewriter.keep(value),
                }
            }
            Kind::Words => {
                self.expect(value, is_list, row, entity, "list");
                self.rewriter.keep(value)
            }
            Kind::Value => self.value(value),
            Kind::Values => {
                self.expect(value, is_map, row, entity, "map");
                self.value(value)
            }
            Kind::One(entity) => self.entity(value, entity),
            Kind::Map(inner) => {
                self.expect(value, is_map, row, entity, "map");
                self.map_of(value, inner)
            }
            Kind::Sequence(inner) => {
                self.expect(value, is_list, row, entity, "list");
                self.sequence_of(value, inner)
            }
            Kind::List(inner) => {
                self.expect(value, is_list, row, entity, "list");
                self.list_of(value, inner)
            }
            Kind::Any | Kind::Metadata | Kind::Nothing | Kind::Kept | Kind::Special(_) => {
                self.rewriter.keep(value)
            }
        }
    }

    fn expect(&self, value: Yaml<'t>, fine: bool, row: &Key, entity: &Entity, expected: &str) {
        // An empty value says nothing, and so nothing wrong.
        if !fine && value.scalar() != Some(Scalar::Null) {
            let what = format!("`{}` of {}", row.name, article(entity.name));
            self.wrong_kind(value, &what, expected);
        }
    }

    /// Lowers a map from names to entities.
    fn map_of(&mut self, node: Yaml<'t>, entity: &'static Entity) -> Id {
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
    fn sequence_of(&mut self, node: Yaml<'t>, entity: &'static Entity) -> Id {
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
    fn list_of(&mut self, node: Yaml<'t>, entity: &'static Entity) -> Id {
        let rule = std::ptr::from_ref(entity).addr() + 3;
        self.once(node, rule, |this, node| this.items(node, |this, item| this.entity(item, entity)))
    }

    /// Lowers each item of a list; anything else stays.
    fn items(&mut self, node: Yaml<'t>, mut lower: impl FnMut(&mut Self, Yaml<'t>) -> Id) -> Id {
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

/// Returns what stands under a keyname.
fn find<'t>(node: Yaml<'t>, name: &str) -> Option<Yaml<'t>> {
    let (_, value) = node.map()?.find(|(key, _)| key.text() == Some(name))?;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Collects what the author wrote where a key of the new tree stands.
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
    fn spans_stay() {
        let source = "tosca_definitions_version: tosca_simple_yaml_1_3\n\
            data_types: {T: {derived_from: float, constraints: [{in_range: [1, 2]}]}}\n\
            topology_template: {outputs: {o: {value: {get_input: a}}}}\n";
        let faults = Faults::default();
        let tree = parse(source, 0, &mut Budget::default(), &faults).unwrap();
        let tree = lower(tree, Version::V1_3, &faults);
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
