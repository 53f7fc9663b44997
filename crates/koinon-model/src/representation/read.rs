//! Reads the JSON of a representation. It may be hostile.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use alloy_primitives::B256;
use thiserror::Error;

use super::Artifact;
use super::AttributePath;
use super::Candidates;
use super::Capability;
use super::Choice;
use super::ChoiceReason;
use super::ElementId;
use super::Group;
use super::Implementation;
use super::Interface;
use super::Interfaces;
use super::Node;
use super::Operation;
use super::Origin;
use super::Policy;
use super::PolicyVerdict;
use super::Properties;
use super::Property;
use super::Relationship;
use super::Representation;
use super::SourceFile;
use super::Term;
use super::Unresolved;
use super::shared::SharedTables;
use super::shared::SharedValue;
use crate::json::JsonError;
use crate::json::JsonLimits;
use crate::value::Value;

/// Why bytes are rejected as a representation.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RepresentationError {
    /// They are not JSON, or pass a limit.
    #[error("cannot read the representation")]
    Json(#[from] JsonError),
    /// They are JSON of a wrong shape.
    #[error("{path}: expected {expected}, found {found}")]
    Shape {
        /// The path of the fault: keys and positions, as in `nodes.3.template`.
        path: String,
        /// The value that is allowed there.
        expected: &'static str,
        /// The value that is there.
        found: String,
    },
}

type ReadResult<T> = Result<T, RepresentationError>;

impl Representation {
    /// Reads a representation from JSON, canonical or not.
    ///
    /// # Errors
    /// [`RepresentationError::Json`] if the text is not JSON or passes a limit.
    /// [`RepresentationError::Shape`] if a key is unknown or missing, a value has the wrong kind,
    /// an id is not the hash of its element's place, elements are out of order, a node or type
    /// does not exist, or the text would pass the limit of bytes with shared values written in
    /// place.
    pub fn from_json(text: &[u8], limits: JsonLimits) -> ReadResult<Self> {
        let value = Value::from_json(text, limits)?;
        let mut reader = RepresentationReader {
            names: BTreeSet::new(),
            outer: Vec::new(),
            found: SharedTables::default(),
            left: limits.bytes.saturating_sub(text.len()),
        };
        reader.representation(JsonPath::root(), value)
    }
}

/// A path in the document, as a list from the innermost key outwards.
#[derive(Clone, Copy)]
struct JsonPath<'a> {
    key: PathKey<'a>,
    outer: Option<&'a Self>,
}

#[derive(Clone, Copy)]
enum PathKey<'a> {
    Name(&'a str),
    Index(usize),
}

impl JsonPath<'_> {
    const fn root() -> Self {
        Self { key: PathKey::Name(""), outer: None }
    }

    const fn key<'a>(&'a self, key: &'a str) -> JsonPath<'a> {
        JsonPath { key: PathKey::Name(key), outer: Some(self) }
    }

    const fn index(&self, index: usize) -> JsonPath<'_> {
        JsonPath { key: PathKey::Index(index), outer: Some(self) }
    }

    fn path(&self) -> String {
        let key = match self.key {
            PathKey::Name(name) => name.to_owned(),
            PathKey::Index(index) => index.to_string(),
        };
        match self.outer {
            Some(outer) if outer.outer.is_some() => format!("{}.{key}", outer.path()),
            Some(_) => key,
            None => "the document".to_owned(),
        }
    }

    fn shape(&self, expected: &'static str, found: impl Into<String>) -> RepresentationError {
        RepresentationError::Shape { path: self.path(), expected, found: found.into() }
    }

    fn map(&self, value: Value) -> ReadResult<BTreeMap<String, Value>> {
        if let Value::Map(map) = value { Ok(map) } else { Err(self.shape("a map", value.kind())) }
    }

    fn list(&self, value: Value) -> ReadResult<Vec<Value>> {
        if let Value::List(list) = value {
            Ok(list)
        } else {
            Err(self.shape("a list", value.kind()))
        }
    }

    fn string(&self, value: Value) -> ReadResult<String> {
        if let Value::String(text) = value {
            Ok(text)
        } else {
            Err(self.shape("a string", value.kind()))
        }
    }

    fn number(&self, value: &Value) -> ReadResult<u64> {
        value.as_u64().ok_or_else(|| self.shape("a natural number", value.kind()))
    }

    fn index_number(&self, value: &Value) -> ReadResult<u32> {
        let number = self.number(value)?;
        u32::try_from(number).map_err(|_| self.shape("a number below 2^32", number.to_string()))
    }

    fn hash(&self, text: &str) -> ReadResult<B256> {
        const EXPECTED: &str = "0x and 64 lower-case hexadecimal digits";
        let digits = text.strip_prefix("0x").filter(|digits| {
            digits.len() == 64
                && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
        });
        let hash = digits.and_then(|digits| digits.parse().ok());
        hash.ok_or_else(|| self.shape(EXPECTED, text.chars().take(80).collect::<String>()))
    }
}

/// The entries of a map that has a fixed set of keys.
struct DocumentFields<'a> {
    at: JsonPath<'a>,
    map: BTreeMap<String, Value>,
}

impl DocumentFields<'_> {
    fn optional(&mut self, key: &str) -> Option<Value> {
        self.map.remove(key)
    }

    fn required(&mut self, key: &'static str) -> ReadResult<Value> {
        self.map.remove(key).ok_or_else(|| self.at.key(key).shape("a value", "nothing"))
    }

    fn string(&mut self, key: &'static str) -> ReadResult<String> {
        let value = self.required(key)?;
        self.at.key(key).string(value)
    }

    fn hash(&mut self, key: &'static str) -> ReadResult<B256> {
        let text = self.string(key)?;
        self.at.key(key).hash(&text)
    }

    fn optional_hash(&mut self, key: &'static str) -> ReadResult<Option<B256>> {
        if self.map.contains_key(key) { self.hash(key).map(Some) } else { Ok(None) }
    }

    fn number(&mut self, key: &'static str) -> ReadResult<u32> {
        let value = self.required(key)?;
        self.at.key(key).index_number(&value)
    }

    fn list<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(JsonPath<'_>, Value) -> ReadResult<T>,
    ) -> ReadResult<Vec<T>> {
        let Some(value) = self.optional(key) else { return Ok(Vec::new()) };
        let at = self.at.key(key);
        let items = at.list(value)?.into_iter().enumerate();
        items.map(|(index, item)| read(at.index(index), item)).collect()
    }

    fn ids(&mut self, key: &'static str) -> ReadResult<Vec<ElementId>> {
        self.list(key, |at, value| Ok(ElementId(at.hash(&at.string(value)?)?)))
    }

    /// Ends the map: keys that are left in it are unknown.
    fn end(self) -> ReadResult<()> {
        match self.map.into_keys().next() {
            Some(key) => Err(self.at.shape("no further key", format!("`{key}`"))),
            None => Ok(()),
        }
    }
}

/// The state of a reader.
struct RepresentationReader {
    /// The strings read so far: equal strings share an allocation.
    names: BTreeSet<Arc<str>>,
    /// The nodes of the representations around the current one.
    outer: Vec<BTreeSet<ElementId>>,
    /// The values that elements of the current representation may share.
    found: SharedTables,
    /// The bytes of JSON that further uses of shared values may still replace.
    left: usize,
}

impl RepresentationReader {
    fn name(&mut self, text: String) -> Arc<str> {
        if let Some(known) = self.names.get(text.as_str()) {
            return Arc::clone(known);
        }
        let name: Arc<str> = text.into();
        self.names.insert(Arc::clone(&name));
        name
    }

    fn fields<'a>(at: JsonPath<'a>, value: Value) -> ReadResult<DocumentFields<'a>> {
        Ok(DocumentFields { at, map: at.map(value)? })
    }

    fn text(&mut self, fields: &mut DocumentFields<'_>, key: &'static str) -> ReadResult<Arc<str>> {
        let text = fields.string(key)?;
        Ok(self.name(text))
    }

    fn optional_text(
        &mut self,
        fields: &mut DocumentFields<'_>,
        key: &'static str,
    ) -> ReadResult<Option<Arc<str>>> {
        if fields.map.contains_key(key) { self.text(fields, key).map(Some) } else { Ok(None) }
    }

    fn entries<T, M: FromIterator<(Arc<str>, T)>>(
        &mut self,
        fields: &mut DocumentFields<'_>,
        key: &'static str,
        read: impl FnMut(&mut Self, JsonPath<'_>, Value) -> ReadResult<T>,
    ) -> ReadResult<M> {
        let Some(value) = fields.optional(key) else { return Ok(M::from_iter([])) };
        self.entries_of(fields.at.key(key), value, read)
    }

    fn entries_of<T, M: FromIterator<(Arc<str>, T)>>(
        &mut self,
        at: JsonPath<'_>,
        value: Value,
        mut read: impl FnMut(&mut Self, JsonPath<'_>, Value) -> ReadResult<T>,
    ) -> ReadResult<M> {
        let entries = at.map(value)?.into_iter().map(|(name, value)| {
            let entry = read(self, at.key(&name), value)?;
            Ok((self.name(name), entry))
        });
        entries.collect()
    }

    /// Returns the value at a position of a table. Only further uses count against the limit: the
    /// first is the text itself.
    fn common<T: Clone>(
        left: &mut usize,
        table: &mut [SharedValue<T>],
        at: JsonPath<'_>,
        place: &Value,
    ) -> ReadResult<T> {
        let place = at.index_number(place)?;
        let Some(entry) = table.get_mut(place as usize) else {
            return Err(at.shape("a place in `shared`", place.to_string()));
        };
        if std::mem::replace(&mut entry.used, true) {
            let rest = left.checked_sub(entry.bytes);
            *left = rest.ok_or_else(|| {
                let found = format!("{} bytes more, shared by many elements", entry.bytes);
                at.shape("a representation within the limit of bytes", found)
            })?;
        }
        Ok(entry.value.clone())
    }

    /// Reads the tables of shared values.
    fn shared(&mut self, fields: &mut DocumentFields<'_>) -> ReadResult<SharedTables> {
        let Some(value) = fields.optional("shared") else { return Ok(SharedTables::default()) };
        let at = fields.at.key("shared");
        let mut fields = Self::fields(at, value)?;
        let found = SharedTables {
            attributes: fields.list("attributes", |at, value| {
                sized(value, |value| self.entries_of(at, value, Self::property).map(Arc::new))
            })?,
            capabilities: fields.list("capabilities", |at, value| {
                sized(value, |value| self.capability(at, value))
            })?,
            interfaces: fields
                .list("interfaces", |at, value| sized(value, |value| self.interface(at, value)))?,
        };
        fields.end()?;
        Ok(found)
    }

    fn values<M: FromIterator<(Arc<str>, Value)>>(
        &mut self,
        fields: &mut DocumentFields<'_>,
        key: &'static str,
    ) -> ReadResult<M> {
        self.entries(fields, key, |_, _, value| Ok(value))
    }

    fn representation(&mut self, at: JsonPath<'_>, value: Value) -> ReadResult<Representation> {
        let mut fields = Self::fields(at, value)?;
        let format = fields.number("format")?;
        if !(1..=super::FORMAT).contains(&format) {
            return Err(at.key("format").shape("1 or 2", format.to_string()));
        }
        let service = self.text(&mut fields, "service")?;
        self.found = self.shared(&mut fields)?;
        let read = Representation {
            sources: fields.list("sources", |at, value| self.source(at, value))?,
            inputs: self.values(&mut fields, "inputs")?,
            seed: fields.optional_hash("seed")?,
            types: self.entries(&mut fields, "types", Self::ancestors)?,
            nodes: fields.list("nodes", |at, value| self.node(at, value))?,
            relationships: fields
                .list("relationships", |at, value| self.relationship(at, value))?,
            groups: self.entries(&mut fields, "groups", Self::group)?,
            policies: fields.list("policies", |at, value| self.policy(at, value))?,
            outputs: self.entries(&mut fields, "outputs", |_, at, value| term(at, value))?,
            workflows: self.values(&mut fields, "workflows")?,
            unresolved: fields.list("unresolved", |at, value| self.unresolved(at, value))?,
            substitutions: BTreeMap::new(),
            service,
        };
        let inner = fields.optional("substitutions");
        fields.end()?;
        let nodes = check(at, &read, &self.outer)?;
        let Some(inner) = inner else { return Ok(read) };
        let at = at.key("substitutions");
        self.outer.push(nodes);
        let mut substitutions = BTreeMap::new();
        for (key, value) in at.map(inner)? {
            let at = at.key(&key);
            let id = ElementId(at.hash(&key)?);
            if !self.outer.last().is_some_and(|nodes| nodes.contains(&id)) {
                return Err(at.shape("the id of a node", "another"));
            }
            substitutions.insert(id, self.representation(at, value)?);
        }
        self.outer.pop();
        Ok(Representation { substitutions, ..read })
    }

    fn source(&mut self, at: JsonPath<'_>, value: Value) -> ReadResult<SourceFile> {
        let mut fields = Self::fields(at, value)?;
        let source =
            SourceFile { path: self.text(&mut fields, "path")?, digest: fields.hash("digest")? };
        fields.end()?;
        Ok(source)
    }

    fn ancestors(&mut self, at: JsonPath<'_>, value: Value) -> ReadResult<Vec<Arc<str>>> {
        let items = at.list(value)?.into_iter().enumerate();
        items.map(|(index, item)| Ok(self.name(at.index(index).string(item)?))).collect()
    }

    fn properties(
        &mut self,
        fields: &mut DocumentFields<'_>,
        key: &'static str,
    ) -> ReadResult<Properties> {
        self.entries(fields, key, Self::property)
    }

    fn property(&mut self, at: JsonPath<'_>, value: Value) -> ReadResult<Property> {
        let mut fields = Self::fields(at, value)?;
        let origin = match fields.optional("origin") {
            Some(value) => Some(origin(at.key("origin"), value)?),
            None => None,
        };
        Ok(Property { value: term_of(fields)?, origin })
    }

    /// Reads the attributes of an element, or their position in `shared`.
    fn attributes(&mut self, fields: &mut DocumentFields<'_>) -> ReadResult<Arc<Properties>> {
        let value = fields.optional("attributes");
        let at = fields.at.key("attributes");
        match value {
            None => Ok(Arc::default()),
            Some(place @ Value::Number(_)) => {
                Self::common(&mut self.left, &mut self.found.attributes, at, &place)
            }
            Some(value) => self.entries_of(at, value, Self::property).map(Arc::new),
        }
    }

    fn node(&mut self, at: JsonPath<'_>, value: Value) -> ReadResult<Node> {
        let mut fields = Self::fields(at, value)?;
        let node = Node {
            id: ElementId(fields.hash("id")?),
            template: self.text(&mut fields, "template")?,
            index: fields.number("index")?,
            node_type: self.text(&mut fields, "type")?,
            directives: fields.list("directives", |at, value| Ok(self.name(at.string(value)?)))?,
            properties: self.properties(&mut fields, "properties")?,
            attributes: self.attributes(&mut fields)?,
            capabilities: self.entries(&mut fields, "capabilities", Self::capability_or_place)?,
            artifacts: self.entries(&mut fields, "artifacts", Self::artifact)?,
            interfaces: self.interfaces(&mut fields)?,
            operator: self.optional_text(&mut fields, "operator")?,
        };
        fields.end()?;
        Ok(node)
    }

    fn capability_or_place(
        &mut self,
        at: JsonPath<'_>,
        value: Value,
    ) -> ReadResult<Arc<Capability>> {
        match value {
            Value::Number(_) => {
                Self::common(&mut self.left, &mut self.found.capabilities, at, &value)
            }
            value => self.capability(at, value),
        }
    }

    fn capability(&mut self, at: JsonPath<'_>, value: Value) -> ReadResult<Arc<Capability>> {
        let mut fields = Self::fields(at, value)?;
        let capability = Capability {
            capability_type: self.text(&mut fields, "type")?,
            properties: self.properties(&mut fields, "properties")?,
            attributes: self.properties(&mut fields, "attributes")?,
            remaining: self.values(&mut fields, "remaining")?,
            inner: match fields.optional("inner") {
                Some(value) => Some(self.inner(at.key("inner"), value)?),
                None => None,
            },
        };
        fields.end()?;
        Ok(Arc::new(capability))
    }

    fn inner(&mut self, at: JsonPath<'_>, value: Value) -> ReadResult<(ElementId, Arc<str>)> {
        let mut fields = Self::fields(at, value)?;
        let inner = (ElementId(fields.hash("node")?), self.text(&mut fields, "capability")?);
        fields.end()?;
        Ok(inner)
    }

    fn artifact(&mut self, at: JsonPath<'_>, value: Value) -> ReadResult<Arc<Artifact>> {
        let mut fields = Self::fields(at, value)?;
        let algorithm = self.optional_text(&mut fields, "checksum_algorithm")?;
        let checksum = match algorithm {
            Some(algorithm) => Some((algorithm, self.text(&mut fields, "checksum")?)),
            None => None,
        };
        let artifact = Artifact {
            artifact_type: self.text(&mut fields, "type")?,
            file: self.text(&mut fields, "file")?,
            repository: self.optional_text(&mut fields, "repository")?,
            version: self.optional_text(&mut fields, "version")?,
            checksum,
            properties: self.entries(&mut fields, "properties", |_, at, value| term(at, value))?,
        };
        fields.end()?;
        Ok(Arc::new(artifact))
    }

    fn interfaces(&mut self, fields: &mut DocumentFields<'_>) -> ReadResult<Interfaces> {
        self.entries(fields, "interfaces", |reader, at, value| match value {
            Value::Number(_) => {
                Self::common(&mut reader.left, &mut reader.found.interfaces, at, &value)
            }
            value => reader.interface(at, value),
        })
    }

    fn interface(&mut self, at: JsonPath<'_>, value: Value) -> ReadResult<Arc<Interface>> {
        let mut fields = Self::fields(at, value)?;
        let interface = Interface {
            interface_type: self.text(&mut fields, "type")?,
            operations: self.entries(&mut fields, "operations", Self::operation)?,
            notifications: self.entries(&mut fields, "notifications", Self::operation)?,
        };
        fields.end()?;
        Ok(Arc::new(interface))
    }

    fn operation(&mut self, at: JsonPath<'_>, value: Value) -> ReadResult<Operation> {
        let mut fields = Self::fields(at, value)?;
        let implementation = match fields.optional("implementation") {
            Some(value) => Some(self.implementation(at.key("implementation"), value)?),
            None => None,
        };
        let operation = Operation {
            inputs: self.entries(&mut fields, "inputs", |_, at, value| term(at, value))?,
            outputs: self.entries(&mut fields, "outputs", Self::attribute_path)?,
            implementation,
            workflow: self.optional_text(&mut fields, "workflow")?,
        };
        fields.end()?;
        Ok(operation)
    }

    fn implementation(&mut self, at: JsonPath<'_>, value: Value) -> ReadResult<Implementation> {
        let mut fields = Self::fields(at, value)?;
        let primary = match fields.optional("primary") {
            Some(value) => Some(self.artifact(at.key("primary"), value)?),
            None => None,
        };
        let timeout = match fields.optional("timeout") {
            Some(value) => Some(at.key("timeout").number(&value)?),
            None => None,
        };
        let implementation = Implementation {
            primary,
            dependencies: fields.list("dependencies", |at, value| self.artifact(at, value))?,
            timeout,
            host: self.optional_text(&mut fields, "host")?,
        };
        fields.end()?;
        Ok(implementation)
    }

    fn attribute_path(&mut self, at: JsonPath<'_>, value: Value) -> ReadResult<AttributePath> {
        let mut fields = Self::fields(at, value)?;
        let path = AttributePath {
            element: fields.optional_hash("element")?.map(ElementId),
            capability: self.optional_text(&mut fields, "capability")?,
            attribute: self.text(&mut fields, "attribute")?,
            path: fields.list("path", |_, value| Ok(value))?,
        };
        fields.end()?;
        Ok(path)
    }

    fn relationship(&mut self, at: JsonPath<'_>, value: Value) -> ReadResult<Relationship> {
        let mut fields = Self::fields(at, value)?;
        let choice = fields.required("choice")?;
        let relationship = Relationship {
            id: ElementId(fields.hash("id")?),
            requirement: self.text(&mut fields, "requirement")?,
            index: fields.number("index")?,
            relationship_type: self.text(&mut fields, "type")?,
            source: ElementId(fields.hash("source")?),
            target: ElementId(fields.hash("target")?),
            capability: self.text(&mut fields, "capability")?,
            properties: self.properties(&mut fields, "properties")?,
            attributes: self.attributes(&mut fields)?,
            interfaces: self.interfaces(&mut fields)?,
            allocation: self.values(&mut fields, "allocation")?,
            choice: choice_of(at.key("choice"), choice)?,
        };
        fields.end()?;
        Ok(relationship)
    }

    fn group(&mut self, at: JsonPath<'_>, value: Value) -> ReadResult<Group> {
        let mut fields = Self::fields(at, value)?;
        let group = Group {
            group_type: self.text(&mut fields, "type")?,
            properties: self.properties(&mut fields, "properties")?,
            attributes: self.properties(&mut fields, "attributes")?,
            members: fields.ids("members")?,
        };
        fields.end()?;
        Ok(group)
    }

    fn policy(&mut self, at: JsonPath<'_>, value: Value) -> ReadResult<Policy> {
        let mut fields = Self::fields(at, value)?;
        let verdict = fields.required("verdict")?;
        let policy = Policy {
            name: self.text(&mut fields, "name")?,
            policy_type: self.text(&mut fields, "type")?,
            properties: self.properties(&mut fields, "properties")?,
            targets: fields.ids("targets")?,
            triggers: self.values(&mut fields, "triggers")?,
            verdict: verdict_of(at.key("verdict"), verdict)?,
        };
        fields.end()?;
        Ok(policy)
    }

    fn unresolved(&mut self, at: JsonPath<'_>, value: Value) -> ReadResult<Unresolved> {
        let mut fields = Self::fields(at, value)?;
        let unresolved = Unresolved {
            source: ElementId(fields.hash("source")?),
            requirement: self.text(&mut fields, "requirement")?,
            index: fields.number("index")?,
            reason: fields.string("reason")?,
        };
        fields.end()?;
        Ok(unresolved)
    }
}

/// Reads a value of a table, with its size.
fn sized<T>(value: Value, read: impl FnOnce(Value) -> ReadResult<T>) -> ReadResult<SharedValue<T>> {
    let bytes = value.to_json().len();
    Ok(SharedValue { value: read(value)?, bytes, used: false })
}

fn term(at: JsonPath<'_>, value: Value) -> ReadResult<Term> {
    term_of(RepresentationReader::fields(at, value)?)
}

fn term_of(mut fields: DocumentFields<'_>) -> ReadResult<Term> {
    let term = match fields.optional("pending") {
        Some(expression) => Term::Pending(Arc::new(expression)),
        None => Term::Known(Arc::new(fields.required("value")?)),
    };
    fields.end()?;
    Ok(term)
}

fn origin(at: JsonPath<'_>, value: Value) -> ReadResult<Origin> {
    let numbers = at.list(value)?;
    let [file, line, column] = numbers.as_slice() else {
        return Err(at.shape("a file, a line and a column", format!("{} items", numbers.len())));
    };
    Ok(Origin {
        file: at.index(0).index_number(file)?,
        line: at.index(1).index_number(line)?,
        column: at.index(2).index_number(column)?,
    })
}

fn choice_of(at: JsonPath<'_>, value: Value) -> ReadResult<Choice> {
    let mut fields = RepresentationReader::fields(at, value)?;
    let why = fields.string("why")?;
    let choice = Choice {
        why: ChoiceReason::ALL
            .into_iter()
            .find(|known| known.as_str() == why)
            .ok_or_else(|| at.key("why").shape("a known reason", format!("`{why}`")))?,
        candidates: match fields.optional("candidates") {
            Some(count) => {
                let count = at.key("candidates").index_number(&count)?;
                let digest = fields.hash("digest")?;
                // Version 1 also counted a target that was the only candidate.
                (count > 1).then_some(Candidates { count, digest })
            }
            None => None,
        },
        seed: fields.optional_hash("seed")?,
    };
    fields.end()?;
    Ok(choice)
}

fn verdict_of(at: JsonPath<'_>, value: Value) -> ReadResult<PolicyVerdict> {
    match value.as_str() {
        Some("holds") => Ok(PolicyVerdict::Holds),
        Some("open") => Ok(PolicyVerdict::Open),
        Some(other) => Err(at.shape("holds, open or broken", format!("`{other}`"))),
        None => {
            let mut fields = RepresentationReader::fields(at, value)?;
            let reason = fields.string("broken")?;
            fields.end()?;
            Ok(PolicyVerdict::Broken(reason))
        }
    }
}

/// Checks the references between elements, and returns the nodes' ids.
fn check(
    at: JsonPath<'_>,
    read: &Representation,
    outer: &[BTreeSet<ElementId>],
) -> ReadResult<BTreeSet<ElementId>> {
    let typed = |at: JsonPath<'_>, name: &Arc<str>| match read.types.contains_key(name) {
        true => Ok(()),
        false => Err(at.key("type").shape("a type listed in `types`", format!("`{name}`"))),
    };
    let list = at.key("nodes");
    let mut places = BTreeMap::new();
    let mut last: Option<(&Arc<str>, u32)> = None;
    for (index, node) in read.nodes.iter().enumerate() {
        let at = list.index(index);
        let place = (&node.template, node.index);
        if last.is_some_and(|last| last >= place) {
            return Err(at.shape("nodes by template and index", "one out of order"));
        }
        last = Some(place);
        // A reference has the id it has in its own service.
        let selected = node.directives.iter().any(|directive| &**directive == "select");
        if node.id != ElementId::node(&read.service, &node.template, node.index) && !selected {
            return Err(at.key("id").shape("the hash of the node's place", node.id.to_string()));
        }
        typed(at, &node.node_type)?;
        places.insert(node.id, index);
    }
    let list = at.key("relationships");
    let mut last = None;
    for (index, relationship) in read.relationships.iter().enumerate() {
        let at = list.index(index);
        let Relationship { id, requirement, index, source, target, .. } = relationship;
        let Some(from) = places.get(source) else {
            return Err(at.key("source").shape("the id of a node", source.to_string()));
        };
        if !places.contains_key(target) && !outer.iter().any(|nodes| nodes.contains(target)) {
            return Err(at.key("target").shape("the id of a node", target.to_string()));
        }
        let place = Some((from, requirement, index));
        if last >= place {
            return Err(at.shape("relationships by source, requirement, index", "one out of order"));
        }
        last = place;
        if *id != ElementId::relationship(*source, requirement, *index) {
            return Err(at.key("id").shape("the hash of the relationship's place", id.to_string()));
        }
        typed(at, &relationship.relationship_type)?;
    }
    Ok(places.into_keys().collect())
}
