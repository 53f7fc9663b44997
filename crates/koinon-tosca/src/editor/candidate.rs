//! The names that may stand at a cursor. The same candidates answer completions, hovers and
//! definitions.

use super::Completion;
use super::CompletionKind;
use super::ResolvedFiles;
use super::context::CursorContext;
use super::context::EnclosingEntity;
use super::context::EntityDefinition;
use super::context::TypeMember;
use super::context::WordRole;
use super::context::function_name;
use super::context::members;
use super::context::values;
use super::cursor::CollectionPosition;
use super::cursor::Cursor;
use super::cursor::EntrySide;
use super::cursor::flow_items;
use super::keyname_table::Keyname;
use super::keyname_table::KeynameTable;
use crate::builtin::Base;
use crate::diag::Span;
use crate::grammar::Function;
use crate::grammar::FunctionDefinition;
use crate::grammar::ReturnKind;
use crate::grammar::TypeId;
use crate::grammar::Word;
use crate::keynames;
use crate::keynames::TypeKind;
use crate::lower;
use crate::profiles;
use crate::yaml::Yaml;

/// A cursor with its meaning, and the files to search.
#[derive(Debug)]
pub(super) struct CursorQuery<'f, 'v> {
    view: &'v ResolvedFiles<'v>,
    file: u32,
    text: &'f str,
    pub(super) cursor: &'f Cursor<'f>,
    context: &'f CursorContext<'v>,
}

/// A name that may stand at a cursor.
#[derive(Clone, Debug)]
pub(super) struct WordCandidate<'v> {
    name: String,
    kind: CandidateKind<'v>,
    /// Whether the name is declared at the cursor, not used.
    declared: bool,
}

/// The thing that a name refers to.
#[derive(Clone, Copy, Debug)]
enum CandidateKind<'v> {
    Keyname(KeynameTable, Keyname),
    Type(TypeId),
    Member(TypeMember<'v>),
    /// A template, group, policy or workflow: the noun for it, its name, and its type.
    Template(&'static str, Word<'v>, Option<(TypeKind, Word<'v>)>),
    Function(Function),
    Custom(&'v FunctionDefinition<'v>),
    /// A word of the language, with the noun for it.
    Word(&'static str),
    File(u32),
    Profile,
}

impl<'f, 'v> CursorQuery<'f, 'v> {
    pub(super) fn new(
        view: &'v ResolvedFiles<'v>,
        file: u32,
        text: &'f str,
        cursor: &'f Cursor<'f>,
        context: &'f CursorContext<'v>,
    ) -> Self {
        Self { view, file, text, cursor, context }
    }

    /// Returns the candidate that the word at the cursor names.
    pub(super) fn named(&self) -> Option<WordCandidate<'v>> {
        let word = self.cursor.word;
        if word.is_empty() {
            return None;
        }
        // A type may have names that are not suggested, such as the shorthands of 1.x.
        if let WordRole::Type(section) = self.context.role {
            let span = Span { file: self.file, start: 0, end: 0 };
            if let Some(id) = self.view.types.lookup(section, Word { text: word, span }) {
                return Some(used(word, CandidateKind::Type(id)));
            }
        }
        self.candidates().into_iter().find(|one| match one.kind {
            CandidateKind::Function(_) | CandidateKind::Custom(_) => {
                function_name(&one.name) == function_name(word)
            }
            _ => one.name == word,
        })
    }

    /// Returns the completions at the cursor: keynames in the order of their table, names of types
    /// in the order of the alphabet.
    pub(super) fn completions(&self, view: &ResolvedFiles<'_>) -> Vec<Completion> {
        let colon = self.cursor.side == EntrySide::Either
            && matches!(
                self.context.role,
                WordRole::Keyname | WordRole::Name | WordRole::KeyOfValue(_)
            );
        let candidates = self.candidates().into_iter().filter(|one| !one.declared);
        let mut completions: Vec<Completion> = Vec::new();
        for one in candidates {
            if completions.iter().any(|other| other.label == one.name) {
                continue;
            }
            completions.push(Completion {
                kind: one.completion_kind(),
                detail: one.detail(view),
                doc: one.documentation(view).unwrap_or_default(),
                insert: if colon { format!("{}: ", one.name) } else { one.name.clone() },
                label: one.name,
                range: self.cursor.range.clone(),
            });
        }
        completions
    }

    fn candidates(&self) -> Vec<WordCandidate<'v>> {
        let Some(entity) = self.context.entities.last() else { return Vec::new() };
        match &self.context.role {
            WordRole::Keyname => self.keynames(entity),
            WordRole::Name => self.names(entity),
            WordRole::Type(section) => {
                let mut found = self.types(*section);
                if entity.table.is(&keynames::RELATIONSHIP_ASSIGNMENT) && entity.key.is_none() {
                    found.extend(self.relationships());
                }
                found
            }
            WordRole::Text => self.words(entity),
            WordRole::Boolean => words(["true", "false"], "boolean"),
            WordRole::Value(schema) => {
                let base = schema.and_then(|schema| self.view.types.shape(schema));
                let boolean = base.is_some_and(|shape| shape.base == Base::Boolean);
                let mut found = if boolean { words(["true", "false"], "boolean") } else { vec![] };
                if self.view.version(self.file).is_none() {
                    found.extend(self.functions());
                }
                found
            }
            WordRole::KeyOfValue(schema) => {
                let shape = schema.and_then(|schema| self.view.types.shape(schema));
                let complex = shape.filter(|shape| shape.base == Base::Complex);
                let inner = complex.map(|shape| values(&shape.def.properties, "property"));
                let mut found: Vec<_> = inner.into_iter().flatten().map(member).collect();
                found.extend(self.functions());
                found
            }
            WordRole::Argument(function, at, list) => self.arguments(function, *at, *list),
        }
    }

    fn keynames(&self, entity: &EnclosingEntity<'v>) -> Vec<WordCandidate<'v>> {
        let keys = entity.table.keys().into_iter();
        let mut found: Vec<_> =
            keys.map(|key| used(key.name, CandidateKind::Keyname(entity.table, key))).collect();
        // An interface of 1.x may contain operations among its keynames.
        if let Some(implicit) = entity.table.implicit_key() {
            let operations = members(self.view, entity.definition, implicit.becomes);
            found.extend(operations.into_iter().map(member));
        }
        found
    }

    fn names(&self, entity: &EnclosingEntity<'v>) -> Vec<WordCandidate<'v>> {
        let Some(key) = entity.key else { return Vec::new() };
        if entity.table.is(&keynames::FILE) {
            let types = self.view.types.iter().filter(|(_, def)| {
                def.name.span.file == self.file && def.section.key() == key.becomes
            });
            let types = types.map(|(id, def)| declared(def.name.text, CandidateKind::Type(id)));
            let functions = self.view.types.functions().iter();
            let functions = functions.filter(|one| one.name.span.file == self.file);
            let functions =
                functions.map(|one| declared(one.name.text, CandidateKind::Custom(one)));
            return match key.becomes {
                "functions" => functions.collect(),
                _ => types.collect(),
            };
        }
        if entity.table.is(&keynames::SERVICE_TEMPLATE) {
            let all = match key.becomes {
                "node_templates" => self.nodes(),
                "relationship_templates" => self.relationships(),
                "groups" => self.groups(),
                "policies" => self.policies(),
                "workflows" => self.workflows(),
                "inputs" => self.inputs(),
                "outputs" => {
                    let outputs = self.view.template().map(|one| values(&one.outputs, "output"));
                    outputs.into_iter().flatten().map(member).collect()
                }
                _ => Vec::new(),
            };
            return all.into_iter().map(|one| WordCandidate { declared: true, ..one }).collect();
        }
        members(self.view, entity.definition, key.becomes).into_iter().map(member).collect()
    }

    fn types(&self, section: TypeKind) -> Vec<WordCandidate<'v>> {
        let mut names = Vec::new();
        let types = &self.view.types;
        types.names_in(self.file, section, "", &mut Vec::new(), &mut names);
        names.sort();
        if section == TypeKind::Data {
            names.extend(types.builtin_names().map(str::to_owned));
        }
        let span = Span { file: self.file, start: 0, end: 0 };
        let found = names.into_iter().filter_map(|name| {
            let id = types.lookup(section, Word { text: &name, span })?;
            Some(used(&name, CandidateKind::Type(id)))
        });
        found.collect()
    }

    /// Returns the candidates for a string under the entity's keyname, or for the short notation of
    /// the entity.
    fn words(&self, entity: &EnclosingEntity<'v>) -> Vec<WordCandidate<'v>> {
        let key = entity.key.map(|key| key.becomes);
        let table = entity.table;
        let joined = |mut left: Vec<_>, mut right: Vec<_>| {
            left.append(&mut right);
            left
        };
        if table.is(&keynames::REQUIREMENT_ASSIGNMENT) {
            return match key {
                None | Some("node") => joined(self.nodes(), self.types(TypeKind::Node)),
                Some("capability") => self.types(TypeKind::Capability),
                Some("directives") => words(["internal", "external"], "directive"),
                _ => Vec::new(),
            };
        }
        if table.is(&keynames::REQUIREMENT) && key == Some("capability") {
            return self.types(TypeKind::Capability);
        }
        if table.is(&keynames::POLICY_TYPE) {
            return joined(self.types(TypeKind::Node), self.types(TypeKind::Group));
        }
        if table.is(&keynames::WORKFLOW_CALL) {
            return self.workflows();
        }
        if table.is(&keynames::IMPORT) {
            return match key {
                Some("profile") => self.profiles(),
                None | Some("url") => self.imports(),
                Some("repository") => self.repositories(),
                _ => Vec::new(),
            };
        }
        match key {
            Some("members" | "targets" | "target") => joined(self.nodes(), self.groups()),
            Some("copy") if table.is(&keynames::NODE_TEMPLATE) => self.nodes(),
            Some("copy") => self.relationships(),
            Some("directives") if table.is(&keynames::NODE_TEMPLATE) => {
                words(["create", "select", "substitute"], "directive")
            }
            Some("repository") => self.repositories(),
            Some("tosca_definitions_version") => {
                words(profiles::TOSCA_VERSIONS, "version of TOSCA")
            }
            _ => Vec::new(),
        }
    }

    fn arguments(
        &self,
        name: &str,
        at: usize,
        list: Option<CollectionPosition>,
    ) -> Vec<WordCandidate<'v>> {
        let function = Function::named(name);
        let flow = match list {
            Some(CollectionPosition::Flow(start)) => Some(start),
            _ => None,
        };
        match (function, at) {
            (Some(Function::GetInput), 0) => self.inputs(),
            (Some(Function::GetProperty | Function::GetAttribute | Function::GetArtifact), 0) => {
                let mut found = words(["SELF", "SOURCE", "TARGET"], "start of a path");
                if self.view.version(self.file).is_some() {
                    found.extend(words(["HOST"], "start of a path"));
                }
                found.extend(self.nodes());
                found.extend(self.relationships());
                found
            }
            (Some(function), 1) => {
                let key = match function {
                    Function::GetProperty => "properties",
                    Function::GetAttribute => "attributes",
                    Function::GetArtifact => "artifacts",
                    _ => return Vec::new(),
                };
                let items = flow.map_or_else(Vec::new, |start| flow_items(self.text, start));
                let definition = match items.first() {
                    Some(&"SELF") => self.self_definition(),
                    Some(name) => self.node_definition(name),
                    None => EntityDefinition::Unknown,
                };
                let all = [key, "properties", "requirements", "capabilities"];
                let rest = if key == "properties" { &all[1..] } else { &all[..] };
                let found = rest.iter().flat_map(|key| members(self.view, definition, key));
                found.map(member).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Returns the definition of the entity that `SELF` refers to.
    fn self_definition(&self) -> EntityDefinition<'v> {
        let selves = [
            &keynames::NODE_TEMPLATE,
            &keynames::NODE_TYPE,
            &keynames::RELATIONSHIP_TEMPLATE,
            &keynames::RELATIONSHIP_TYPE,
            &keynames::GROUP,
            &keynames::POLICY,
        ];
        let mut entities = self.context.entities.iter().rev();
        let own = entities.find(|around| selves.iter().any(|entity| around.table.is(entity)));
        own.map_or(EntityDefinition::Unknown, |entity| entity.definition)
    }

    fn node_definition(&self, name: &str) -> EntityDefinition<'v> {
        let node = self.view.node(name).map(|node| node.node_type);
        let id = node.and_then(|name| self.view.types.lookup(TypeKind::Node, name));
        id.map_or(EntityDefinition::Unknown, EntityDefinition::Type)
    }

    fn nodes(&self) -> Vec<WordCandidate<'v>> {
        let nodes = self.view.template().map(|one| one.nodes.values());
        let found = nodes.into_iter().flatten().map(|one| {
            let node_type = Some((TypeKind::Node, one.node_type));
            used(one.name.text, CandidateKind::Template("node template", one.name, node_type))
        });
        found.collect()
    }

    fn relationships(&self) -> Vec<WordCandidate<'v>> {
        let all = self.view.template().map(|one| one.relationships.iter());
        let found = all.into_iter().flatten().map(|(name, one)| {
            let own_type = Some((TypeKind::Relationship, one.relationship_type));
            used(name.text, CandidateKind::Template("relationship template", *name, own_type))
        });
        found.collect()
    }

    fn groups(&self) -> Vec<WordCandidate<'v>> {
        let all = self.view.template().map(|one| one.groups.values());
        let found = all.into_iter().flatten().map(|one| {
            let group_type = Some((TypeKind::Group, one.group_type));
            used(one.name.text, CandidateKind::Template("group", one.name, group_type))
        });
        found.collect()
    }

    fn policies(&self) -> Vec<WordCandidate<'v>> {
        let all = self.view.template().map(|one| one.policies.values());
        let found = all.into_iter().flatten().map(|one| {
            let policy_type = Some((TypeKind::Policy, one.policy_type));
            used(one.name.text, CandidateKind::Template("policy", one.name, policy_type))
        });
        found.collect()
    }

    fn workflows(&self) -> Vec<WordCandidate<'v>> {
        let all = self.view.template().map(|one| one.workflows.values());
        let found = all.into_iter().flatten();
        found
            .map(|one| used(one.name.text, CandidateKind::Template("workflow", one.name, None)))
            .collect()
    }

    fn inputs(&self) -> Vec<WordCandidate<'v>> {
        let inputs = self.view.template().map(|one| values(&one.inputs, "input"));
        inputs.into_iter().flatten().map(member).collect()
    }

    fn repositories(&self) -> Vec<WordCandidate<'v>> {
        let root = self.view.loaded(self.file).map(|file| file.tree.root());
        let mut entries = root.and_then(Yaml::map).into_iter().flatten();
        let all = entries.find(|(key, _)| key.text() == Some("repositories"));
        let names = all.and_then(|(_, all)| all.map()).into_iter().flatten();
        let found = names.filter_map(|(key, _)| {
            let name = Word { text: key.text()?, span: key.span() };
            Some(used(name.text, CandidateKind::Template("repository", name, None)))
        });
        found.collect()
    }

    fn profiles(&self) -> Vec<WordCandidate<'v>> {
        let imported = self.imports().into_iter();
        let builtin =
            profiles::builtin_profile_names().map(|name| used(name, CandidateKind::Profile));
        imported.chain(builtin).collect()
    }

    /// Returns the file that the word at the cursor imports.
    fn imports(&self) -> Vec<WordCandidate<'v>> {
        let (word, source) = (self.cursor.word, self.view.sources.get(self.file));
        let imports = self.view.loaded(self.file).into_iter().flat_map(|file| &file.imports);
        let found = imports.filter(|import| {
            let range = import.span.start as usize..import.span.end as usize;
            let text = source.and_then(|source| source.text().get(range));
            !word.is_empty() && text.is_some_and(|text| text.contains(word))
        });
        found.map(|import| used(word, CandidateKind::File(import.file))).collect()
    }

    fn functions(&self) -> Vec<WordCandidate<'v>> {
        if self.view.version(self.file).is_some() {
            let known = lower::functions().filter_map(|name| {
                Some(used(name, CandidateKind::Function(Function::named(name)?)))
            });
            return known.collect();
        }
        let standard = Function::ALL.iter().filter(|function| !function.is_old());
        let standard = standard.map(|function| {
            used(&format!("${}", function.name()), CandidateKind::Function(*function))
        });
        let span = Span { file: self.file, start: 0, end: 0 };
        let imports = self.view.loaded(self.file).into_iter().flat_map(|file| &file.imports);
        let prefixes: Vec<String> = std::iter::once(String::new())
            .chain(imports.filter_map(|import| Some(format!("{}:", import.namespace.as_ref()?))))
            .collect();
        let own = self.view.types.functions().iter().filter_map(|function| {
            let name = prefixes.iter().find_map(|prefix| {
                let name = format!("{prefix}{}", function.name.text);
                let found = self.view.types.function(Word { text: &name, span }).ok()??;
                std::ptr::eq(found, function).then_some(name)
            })?;
            Some(used(&format!("${name}"), CandidateKind::Custom(function)))
        });
        standard.chain(own).collect()
    }
}

fn used<'v>(name: &str, kind: CandidateKind<'v>) -> WordCandidate<'v> {
    WordCandidate { name: name.to_owned(), kind, declared: false }
}

fn declared<'v>(name: &str, kind: CandidateKind<'v>) -> WordCandidate<'v> {
    WordCandidate { name: name.to_owned(), kind, declared: true }
}

fn member(member: TypeMember<'_>) -> WordCandidate<'_> {
    used(member.name.text, CandidateKind::Member(member))
}

fn words<'v, const N: usize>(all: [&str; N], noun: &'static str) -> Vec<WordCandidate<'v>> {
    all.into_iter().map(|word| used(word, CandidateKind::Word(noun))).collect()
}

impl WordCandidate<'_> {
    fn completion_kind(&self) -> CompletionKind {
        match self.kind {
            CandidateKind::Keyname(..) => CompletionKind::Keyname,
            CandidateKind::Type(_) => CompletionKind::Type,
            CandidateKind::Member(_) => CompletionKind::Member,
            CandidateKind::Template(..) => CompletionKind::Template,
            CandidateKind::Function(_) | CandidateKind::Custom(_) => CompletionKind::Function,
            CandidateKind::Word(_) => CompletionKind::Word,
            CandidateKind::File(_) | CandidateKind::Profile => CompletionKind::File,
        }
    }

    /// Describes the candidate in a few words.
    fn detail(&self, view: &ResolvedFiles<'_>) -> String {
        match &self.kind {
            CandidateKind::Keyname(table, key) => {
                let must = if key.mandatory { ", mandatory" } else { "" };
                format!("keyname of {}{must}", crate::diag::article(table.name()))
            }
            CandidateKind::Type(id) => {
                let parent = view.types.def(*id).chain.get(1);
                let noun = view.types.def(*id).section.noun();
                match parent {
                    Some(parent) => format!("{noun}, derived from {}", display_name(view, *parent)),
                    None => noun.to_owned(),
                }
            }
            CandidateKind::Member(member) => {
                let required = if member.required { ", required" } else { "" };
                format!("{}{}{required}", member.noun, type_suffix(member.member_type))
            }
            CandidateKind::Template(noun, _, own_type) => {
                format!("{noun}{}", type_suffix(*own_type))
            }
            CandidateKind::Function(function) => signature(*function),
            CandidateKind::Custom(_) => "function".to_owned(),
            CandidateKind::Word(noun) => (*noun).to_owned(),
            CandidateKind::File(_) => "file".to_owned(),
            CandidateKind::Profile => "built-in profile".to_owned(),
        }
    }

    /// Returns the candidate's purpose in Markdown: of a keyname from its table, of anything else
    /// from its `description`.
    fn documentation(&self, view: &ResolvedFiles<'_>) -> Option<String> {
        match &self.kind {
            CandidateKind::Keyname(table, key) => Some(match key.content.table() {
                Some(inner) => {
                    let (name, doc) = (inner.name(), inner.entity.doc);
                    format!("{} *({})*\n\n{name}: {doc}", key.doc, table.clause())
                }
                None => format!("{} *({})*", key.doc, table.clause()),
            }),
            _ => {
                let described = view.value_of(self.span(view)?)?;
                let mut entries = described.map()?;
                let (_, text) = entries.find(|(key, _)| key.text() == Some("description"))?;
                text.string().map(|text| text.trim().to_owned())
            }
        }
    }

    /// Returns the span of the declaration; of an imported file, its start.
    pub(super) fn declared(&self, view: &ResolvedFiles<'_>) -> Option<Span> {
        match self.kind {
            CandidateKind::File(file) => Some(Span { file, start: 0, end: 0 }),
            _ => self.span(view),
        }
    }

    fn span(&self, view: &ResolvedFiles<'_>) -> Option<Span> {
        match &self.kind {
            CandidateKind::Type(id) if view.types.is_own(*id) => {
                Some(view.types.def(*id).name.span)
            }
            CandidateKind::Member(member) => Some(member.name.span),
            CandidateKind::Template(_, name, _) => Some(name.span),
            CandidateKind::Custom(function) => Some(function.name.span),
            CandidateKind::Keyname(..)
            | CandidateKind::Type(_)
            | CandidateKind::Function(_)
            | CandidateKind::Word(_)
            | CandidateKind::File(_)
            | CandidateKind::Profile => None,
        }
    }

    /// Describes the candidate in Markdown: its kind, its purpose, and its declaration.
    pub(super) fn describe(&self, view: &ResolvedFiles<'_>) -> String {
        let mut parts = Vec::new();
        parts.push(match &self.kind {
            CandidateKind::Type(id) => {
                let noun = view.types.def(*id).section.noun();
                format!("{noun} `{}`", display_name(view, *id))
            }
            CandidateKind::Keyname(..) => format!("`{}`: {}", self.name, self.detail(view)),
            CandidateKind::File(file) => {
                let name = view.sources.get(*file).map_or("", |source| source.name());
                format!("imports `{name}`")
            }
            _ => format!("{} `{}`{}", self.noun(), self.name, self.full_type_suffix(view)),
        });
        parts.extend(self.documentation(view));
        if let CandidateKind::Type(id) = &self.kind {
            let chain = &view.types.def(*id).chain;
            if chain.len() > 1 {
                let names = chain.iter().map(|id| format!("`{}`", display_name(view, *id)));
                parts.push(format!("Derivation: {}", names.collect::<Vec<_>>().join(" → ")));
            }
        }
        if let Some(span) = self.span(view) {
            let place = view.sources.place(span);
            parts.push(format!("Declared in {}, line {}", place.file, place.line));
        }
        parts.join("\n\n")
    }

    fn noun(&self) -> &'static str {
        match self.kind {
            CandidateKind::Member(member) => member.noun,
            CandidateKind::Template(noun, ..) | CandidateKind::Word(noun) => noun,
            CandidateKind::Function(_) => "built-in function",
            CandidateKind::Custom(_) => "function",
            CandidateKind::Profile => "built-in profile",
            CandidateKind::Keyname(..) => "keyname",
            CandidateKind::Type(_) => "type",
            CandidateKind::File(_) => "file",
        }
    }

    /// Returns a colon and the full name of the candidate's type, or the signature of a function.
    fn full_type_suffix(&self, view: &ResolvedFiles<'_>) -> String {
        let (own_type, required) = match self.kind {
            CandidateKind::Member(member) => (member.member_type, member.required),
            CandidateKind::Template(_, _, own_type) => (own_type, false),
            CandidateKind::Function(function) => return format!(": {}", signature(function)),
            _ => (None, false),
        };
        let name = own_type.map_or(String::new(), |(section, word)| {
            let full = view.types.lookup(section, word).map(|id| display_name(view, id));
            format!(": `{}`", full.unwrap_or(word.text))
        });
        let required = if required { ", required" } else { "" };
        format!("{name}{required}")
    }
}

/// Returns a colon and the name of a type as written; empty without a type.
fn type_suffix(own_type: Option<(TypeKind, Word<'_>)>) -> String {
    own_type.map_or(String::new(), |(_, word)| format!(": {}", word.text))
}

/// Returns a type's full name; without the file's number if the file has no profile, because the
/// number means nothing to a reader.
fn display_name<'v>(view: &'v ResolvedFiles<'_>, id: TypeId) -> &'v str {
    let full = view.types.full_name(id);
    full.split_once('#').map_or(full, |(_, name)| name)
}

/// Describes a function's arguments and its result.
fn signature(function: Function) -> String {
    let (least, most) = function.arity();
    let arguments = match (least, most) {
        (least, usize::MAX) => format!("{least} or more arguments"),
        (1, 1) => "1 argument".to_owned(),
        (least, most) if least == most => format!("{least} arguments"),
        (least, most) => format!("{least} to {most} arguments"),
    };
    match function.return_kind() {
        ReturnKind::Boolean => format!("{arguments}, returns a boolean"),
        ReturnKind::Integer => format!("{arguments}, returns an integer"),
        ReturnKind::String => format!("{arguments}, returns a string"),
        ReturnKind::Number => format!("{arguments}, returns a number"),
        ReturnKind::Any => arguments,
    }
}
