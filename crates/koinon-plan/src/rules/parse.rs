//! Reads weaving rules from their file's value.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use koinon_model::Value;
use thiserror::Error;

use super::ArtifactRule;
use super::CallTerms;
use super::Dependency;
use super::DependencyWait;
use super::Lifecycle;
use super::OnFailure;
use super::RelationshipEnd;
use super::RuleAction;
use super::Rules;
use super::SequenceEntry;

/// The version of the rules' format.
const FORMAT: u64 = 1;

/// Most entries of a sequence: an entry's position is one byte of a step's id.
const MAX_ENTRIES: usize = 200;

/// Why a value is not a set of rules.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{path}: expected {expected}, found {found}")]
pub struct RulesError {
    /// The path of the fault: keys and positions, as in `nodes.0.create.2.set`.
    pub path: String,
    /// The value that is allowed there.
    pub expected: &'static str,
    /// The value that is there.
    pub found: String,
}

type RulesResult<T> = Result<T, RulesError>;

impl Rules {
    /// Reads rules from the value of a rule file.
    ///
    /// # Errors
    /// [`RulesError`] if a key is unknown or missing, a value has the wrong kind, or an entry waits
    /// for a point that no earlier entry has.
    pub fn from_value(value: &Value) -> RulesResult<Self> {
        let mut fields = RuleFields::new(String::new(), value)?;
        let format = fields.required("format")?;
        if format.as_u64() != Some(FORMAT) {
            return Err(fields.shape("format", "1", &describe(format)));
        }
        fields.optional("description");
        let profile = match fields.optional("profile") {
            Some(value) => Some(fields.text("profile", value)?),
            None => None,
        };
        let terms = match fields.optional("defaults") {
            Some(value) => {
                let mut defaults = RuleFields::new("defaults".to_owned(), value)?;
                let terms = defaults.terms(CallTerms::default())?;
                defaults.end()?;
                terms
            }
            None => CallTerms::default(),
        };
        let deletions_first = fields.flag("deletions_first")?;
        let reader = RulesReader { profile, terms, deletions_first };
        let rules = Self {
            dependencies: fields.list("dependencies", |fields| reader.dependency(fields))?,
            nodes: fields.list("nodes", |fields| reader.lifecycle(fields, LifecycleKind::Node))?,
            relationships: fields.list("relationships", |fields| {
                reader.lifecycle(fields, LifecycleKind::Relationship)
            })?,
            artifacts: fields.list("artifacts", |fields| reader.artifact(fields))?,
        };
        fields.end()?;
        Ok(rules)
    }
}

/// The elements that a lifecycle is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LifecycleKind {
    Node,
    Relationship,
}

/// The settings of a file that its entries depend on.
struct RulesReader {
    profile: Option<Arc<str>>,
    terms: CallTerms,
    deletions_first: bool,
}

impl RulesReader {
    /// Reads names of types; those without a profile get the file's.
    fn types(&self, fields: &mut RuleFields<'_>, key: &'static str) -> RulesResult<Vec<Arc<str>>> {
        let names = fields.texts(key)?;
        let own = |name: &Arc<str>| !name.contains(':') && &**name != super::ANY_TYPE;
        let full = |name: Arc<str>| match &self.profile {
            Some(profile) if own(&name) => format!("{profile}:{name}").into(),
            Some(_) | None => name,
        };
        Ok(names.into_iter().map(full).collect())
    }

    fn dependency(&self, fields: &mut RuleFields<'_>) -> RulesResult<Dependency> {
        Ok(Dependency {
            types: self.types(fields, "types")?,
            create: fields.wait("create", "source")?,
            delete: fields.wait("delete", "target")?,
            replaces_source: fields.flag("replaces_source")?,
        })
    }

    fn lifecycle(
        &self,
        fields: &mut RuleFields<'_>,
        kind: LifecycleKind,
    ) -> RulesResult<Lifecycle> {
        let mut entries = |key: &'static str| {
            let entries = fields.list(key, |fields| self.entry(fields, kind))?;
            if entries.len() > MAX_ENTRIES {
                let found = entries.len().to_string();
                return Err(fields.shape(key, "at most 200 entries", &found));
            }
            let mut seen = BTreeSet::from(["begin", "end"]);
            for (index, entry) in entries.iter().enumerate() {
                let at = format!("{}.{index}", fields.at(key));
                let fault = |expected, found: &str| RulesError {
                    path: at.clone(),
                    expected,
                    found: format!("`{found}`"),
                };
                // An entry waits only for earlier entries: a sequence cannot wait for itself.
                let own = entry.after.iter().filter(|(end, _)| *end == RelationshipEnd::Itself);
                for point in own.flat_map(|(_, points)| points) {
                    if !seen.contains(&**point) {
                        return Err(fault("an earlier entry", point));
                    }
                }
                if !seen.insert(entry.point()) {
                    return Err(fault("a name no other entry has", entry.point()));
                }
            }
            Ok(entries)
        };
        let (create, modify, delete) = (entries("create")?, entries("modify")?, entries("delete")?);
        Ok(Lifecycle {
            deletions_first: self.deletions_first,
            types: self.types(fields, "types")?,
            interfaces: self.types(fields, "interfaces")?,
            initial: fields.optional_text("initial")?,
            fetch: match kind {
                LifecycleKind::Node => self.types(fields, "fetch")?,
                LifecycleKind::Relationship => Vec::new(),
            },
            replace: fields.texts("replace")?,
            create,
            modify,
            delete,
        })
    }

    fn entry(
        &self,
        fields: &mut RuleFields<'_>,
        kind: LifecycleKind,
    ) -> RulesResult<SequenceEntry> {
        let action = match fields.optional_text("set")? {
            Some(state) => RuleAction::Set { state },
            None => {
                let operation = fields.required("call")?;
                let operation = fields.text("call", operation)?;
                let undo = fields.texts("undo")?;
                RuleAction::Call { operation, undo, terms: fields.terms(self.terms)? }
            }
        };
        let (only_if, unless) = (fields.texts("if")?, fields.texts("unless")?);
        if kind == LifecycleKind::Node {
            let (after, before) = (Vec::new(), Vec::new());
            return Ok(SequenceEntry {
                action,
                only_if,
                unless,
                at: RelationshipEnd::Itself,
                after,
                before,
            });
        }
        let at = match fields.optional_text("at")?.as_deref() {
            None | Some("source") => RelationshipEnd::Source,
            Some("target") => RelationshipEnd::Target,
            Some(other) => return Err(fields.shape("at", "source or target", other)),
        };
        let (after, before) = (fields.ends("after")?, fields.ends("before")?);
        Ok(SequenceEntry { action, only_if, unless, at, after, before })
    }

    fn artifact(&self, fields: &mut RuleFields<'_>) -> RulesResult<ArtifactRule> {
        Ok(ArtifactRule {
            types: self.types(fields, "types")?,
            cid: fields.optional_text("cid")?,
            size: fields.optional_text("size")?,
        })
    }
}

/// The ends of a relationship by their names in rules.
const END_NAMES: [(&str, RelationshipEnd); 3] = [
    ("relationship", RelationshipEnd::Itself),
    ("source", RelationshipEnd::Source),
    ("target", RelationshipEnd::Target),
];

/// A map with a fixed set of keys.
struct RuleFields<'a> {
    path: String,
    left: BTreeMap<&'a str, &'a Value>,
}

fn describe(value: &Value) -> String {
    match value.as_str() {
        Some(text) => format!("`{}`", text.chars().take(80).collect::<String>()),
        None => value.kind().to_owned(),
    }
}

impl<'a> RuleFields<'a> {
    fn new(path: String, value: &'a Value) -> RulesResult<Self> {
        let Some(map) = value.as_map() else {
            return Err(RulesError { path, expected: "a map", found: describe(value) });
        };
        Ok(Self { path, left: map.iter().map(|(key, value)| (key.as_str(), value)).collect() })
    }

    fn at(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn shape(&self, key: &str, expected: &'static str, found: &str) -> RulesError {
        RulesError { path: self.at(key), expected, found: found.to_owned() }
    }

    fn optional(&mut self, key: &str) -> Option<&'a Value> {
        self.left.remove(key)
    }

    fn required(&mut self, key: &str) -> RulesResult<&'a Value> {
        self.optional(key).ok_or_else(|| self.shape(key, "a value", "nothing"))
    }

    fn text(&self, key: &str, value: &Value) -> RulesResult<Arc<str>> {
        let text = value.as_str().filter(|text| !text.is_empty());
        text.map(Arc::from).ok_or_else(|| self.shape(key, "a name", &describe(value)))
    }

    fn optional_text(&mut self, key: &str) -> RulesResult<Option<Arc<str>>> {
        self.optional(key).map(|value| self.text(key, value)).transpose()
    }

    /// Reads a list of names, or a single name.
    fn texts(&mut self, key: &str) -> RulesResult<Vec<Arc<str>>> {
        let Some(value) = self.optional(key) else { return Ok(Vec::new()) };
        match value.as_list() {
            Some(items) => items.iter().map(|item| self.text(key, item)).collect(),
            None => Ok(vec![self.text(key, value)?]),
        }
    }

    fn flag(&mut self, key: &str) -> RulesResult<bool> {
        let Some(value) = self.optional(key) else { return Ok(false) };
        value.as_bool().ok_or_else(|| self.shape(key, "true or false", &describe(value)))
    }

    fn number(&mut self, key: &str, default: u64) -> RulesResult<u64> {
        let Some(value) = self.optional(key) else { return Ok(default) };
        value.as_u64().ok_or_else(|| self.shape(key, "a natural number", &describe(value)))
    }

    fn terms(&mut self, default: CallTerms) -> RulesResult<CallTerms> {
        let timeout = self.number("timeout", default.timeout)?;
        let retries = self.number("retries", u64::from(default.retries))?;
        let retries = u32::try_from(retries)
            .map_err(|_| self.shape("retries", "a number below 2^32", &retries.to_string()))?;
        let on_failure = match self.optional_text("on_failure")?.as_deref() {
            None => default.on_failure,
            Some("stop") => OnFailure::Stop,
            Some("continue") => OnFailure::Continue,
            Some("undo") => OnFailure::Undo,
            Some(other) => {
                return Err(self.shape("on_failure", "stop, continue or undo", other));
            }
        };
        Ok(CallTerms { timeout, retries, on_failure })
    }

    fn list<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut RuleFields<'_>) -> RulesResult<T>,
    ) -> RulesResult<Vec<T>> {
        let Some(value) = self.optional(key) else { return Ok(Vec::new()) };
        let Some(items) = value.as_list() else {
            return Err(self.shape(key, "a list", &describe(value)));
        };
        let items = items.iter().enumerate();
        items
            .map(|(index, item)| {
                let mut fields = RuleFields::new(format!("{}.{index}", self.at(key)), item)?;
                let item = read(&mut fields)?;
                fields.end()?;
                Ok(item)
            })
            .collect()
    }

    /// Reads `{ WAITING: POINT, waits_for: POINT }`; both points have defaults.
    fn wait(
        &mut self,
        key: &'static str,
        waiting: &'static str,
    ) -> RulesResult<Option<DependencyWait>> {
        let Some(value) = self.optional(key) else { return Ok(None) };
        let mut fields = RuleFields::new(self.at(key), value)?;
        let wait = DependencyWait {
            waiting: fields.optional_text(waiting)?.unwrap_or_else(|| "begin".into()),
            waits_for: fields.optional_text("waits_for")?.unwrap_or_else(|| "end".into()),
        };
        fields.end()?;
        Ok(Some(wait))
    }

    fn ends(&mut self, key: &'static str) -> RulesResult<Vec<(RelationshipEnd, Vec<Arc<str>>)>> {
        let Some(value) = self.optional(key) else { return Ok(Vec::new()) };
        let mut fields = RuleFields::new(self.at(key), value)?;
        let mut ends = Vec::new();
        for (name, end) in END_NAMES {
            // An entry can only wait for earlier ones of its relationship; the reverse would be a
            // cycle.
            if key == "before" && end == RelationshipEnd::Itself {
                continue;
            }
            let points = fields.texts(name)?;
            if !points.is_empty() {
                ends.push((end, points));
            }
        }
        fields.end()?;
        Ok(ends)
    }

    fn end(self) -> RulesResult<()> {
        match self.left.keys().next() {
            Some(key) => Err(self.shape(key, "no such key", "it")),
            None => Ok(()),
        }
    }
}
