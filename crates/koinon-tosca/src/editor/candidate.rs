//! What may be written at a place: the same answers complete a word, say what it means and where that is declared.

use super::Completion;
use super::CompletionKind;
use super::View;
use super::cursor::Cursor;
use super::cursor::Holder;
use super::cursor::Side;
use super::cursor::flow_items;
use super::place::Frame;
use super::place::Member;
use super::place::Owner;
use super::place::Place;
use super::place::Role;
use super::place::function_name;
use super::place::members;
use super::place::values;
use super::table::Keyname;
use super::table::Table;
use crate::check::Base;
use crate::diag::Span;
use crate::grammar::Function;
use crate::grammar::FunctionDef;
use crate::grammar::Gives;
use crate::grammar::Section;
use crate::grammar::TypeId;
use crate::grammar::Word;
use crate::keynames;
use crate::load;
use crate::lower;
use crate::yaml::Yaml;

/// A place, and where it is.
#[derive(Debug)]
pub(super) struct Found<'f, 'v> {
    view: &'v View<'v>,
    file: u32,
    text: &'f str,
    pub(super) cursor: &'f Cursor<'f>,
    place: &'f Place<'v>,
}

/// Something that may be written at a place.
#[derive(Clone, Debug)]
pub(super) struct Candidate<'v> {
    name: String,
    what: What<'v>,
    /// Whether it is named there, and not used.
    declared: bool,
}

/// What something is.
#[derive(Clone, Copy, Debug)]
enum What<'v> {
    Keyname(Table, Keyname),
    Type(TypeId),
    Member(Member<'v>),
    /// A template, group, policy or workflow: what it is called, and its type.
    Template(&'static str, Word<'v>, Option<(Section, Word<'v>)>),
    Function(Function),
    Custom(&'v FunctionDef<'v>),
    /// A word of the language, and what it is.
    Word(&'static str),
    File(u32),
    Profile,
}

impl<'f, 'v> Found<'f, 'v> {
    pub(super) fn new(
        view: &'v View<'v>,
        file: u32,
        text: &'f str,
        cursor: &'f Cursor<'f>,
        place: &'f Place<'v>,
    ) -> Self {
        Self { view, file, text, cursor, place }
    }

    /// Returns what the word at the place means.
    pub(super) fn named(&self) -> Option<Candidate<'v>> {
        let word = self.cursor.word;
        if word.is_empty() {
            return None;
        }
        // A type may be called by names that are not told, such as the shorthands of 1.x.
        if let Role::Type(section) = self.place.role {
            let span = Span { file: self.file, start: 0, end: 0 };
            if let Some(id) = self.view.types.lookup(section, Word { text: word, span }) {
                let (name, what) = (word.to_owned(), What::Type(id));
                return Some(Candidate { name, what, declared: false });
            }
        }
        self.candidates().into_iter().find(|one| match one.what {
            What::Function(_) | What::Custom(_) => function_name(&one.name) == function_name(word),
            _ => one.name == word,
        })
    }

    /// Returns what may be written at the place, in the order of the tables, of names in the alphabet's.
    pub(super) fn completions(&self, view: &View<'_>) -> Vec<Completion> {
        let colon = self.cursor.side == Side::Either
            && matches!(self.place.role, Role::Keyname | Role::Name | Role::KeyOfValue(_));
        let candidates = self.candidates().into_iter().filter(|one| !one.declared);
        let mut completions: Vec<Completion> = Vec::new();
        for one in candidates {
            if completions.iter().any(|other| other.label == one.name) {
                continue;
            }
            completions.push(Completion {
                kind: one.kind(),
                detail: one.detail(view),
                doc: one.doc(view).unwrap_or_default(),
                insert: if colon { format!("{}: ", one.name) } else { one.name.clone() },
                label: one.name,
                range: self.cursor.range.clone(),
            });
        }
        completions
    }

    fn candidates(&self) -> Vec<Candidate<'v>> {
        let Some(frame) = self.place.frames.last() else { return Vec::new() };
        match &self.place.role {
            Role::Keyname => self.keynames(frame),
            Role::Name => self.names(frame),
            Role::Type(section) => {
                let mut found = self.types(*section);
                if frame.table.is(&keynames::RELATIONSHIP_ASSIGNMENT) && frame.key.is_none() {
                    found.extend(self.relationships());
                }
                found
            }
            Role::Text => self.words(frame),
            Role::Boolean => words(["true", "false"], "boolean"),
            Role::Value(schema) => {
                let base = schema.and_then(|schema| self.view.types.shape(schema));
                let boolean = base.is_some_and(|shape| shape.base == Base::Boolean);
                let mut found = if boolean { words(["true", "false"], "boolean") } else { vec![] };
                if self.view.version(self.file).is_none() {
                    found.extend(self.functions());
                }
                found
            }
            Role::KeyOfValue(schema) => {
                let shape = schema.and_then(|schema| self.view.types.shape(schema));
                let complex = shape.filter(|shape| shape.base == Base::Complex);
                let inner = complex.map(|shape| values(&shape.def.properties, "property"));
                let mut found: Vec<_> = inner.into_iter().flatten().map(member).collect();
                found.extend(self.functions());
                found
            }
            Role::Argument(function, at, holder) => self.arguments(function, *at, *holder),
        }
    }

    fn keynames(&self, frame: &Frame<'v>) -> Vec<Candidate<'v>> {
        let keys = frame.table.keys().into_iter();
        let mut found: Vec<_> =
            keys.map(|key| used(key.name, What::Keyname(frame.table, key))).collect();
        // Operations may stand among the keynames of an interface of 1.x.
        if let Some(open) = frame.table.open() {
            found.extend(members(self.view, frame.owner, open.becomes).into_iter().map(member));
        }
        found
    }

    fn names(&self, frame: &Frame<'v>) -> Vec<Candidate<'v>> {
        let Some(key) = frame.key else { return Vec::new() };
        if frame.table.is(&keynames::FILE) {
            let types = self.view.types.iter().filter(|(_, def)| {
                def.name.span.file == self.file && def.section.key() == key.becomes
            });
            let types = types.map(|(id, def)| here(def.name.text, What::Type(id)));
            let functions = self.view.types.functions().iter();
            let functions = functions.filter(|one| one.name.span.file == self.file);
            let functions = functions.map(|one| here(one.name.text, What::Custom(one)));
            return match key.becomes {
                "functions" => functions.collect(),
                _ => types.collect(),
            };
        }
        if frame.table.is(&keynames::SERVICE_TEMPLATE) {
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
            return all.into_iter().map(|one| Candidate { declared: true, ..one }).collect();
        }
        members(self.view, frame.owner, key.becomes).into_iter().map(member).collect()
    }

    fn types(&self, section: Section) -> Vec<Candidate<'v>> {
        let mut names = Vec::new();
        let types = &self.view.types;
        types.names_in(self.file, section, "", &mut Vec::new(), &mut names);
        names.sort();
        if section == Section::Data {
            names.extend(types.builtin_names().map(str::to_owned));
        }
        let span = Span { file: self.file, start: 0, end: 0 };
        let found = names.into_iter().filter_map(|name| {
            let id = types.lookup(section, Word { text: &name, span })?;
            Some(Candidate { name, what: What::Type(id), declared: false })
        });
        found.collect()
    }

    /// Returns what a string under the entity's keyname, or in the entity's place, may be.
    fn words(&self, frame: &Frame<'v>) -> Vec<Candidate<'v>> {
        let key = frame.key.map(|key| key.becomes);
        let table = frame.table;
        let joined = |mut left: Vec<_>, mut right: Vec<_>| {
            left.append(&mut right);
            left
        };
        if table.is(&keynames::REQUIREMENT_ASSIGNMENT) {
            return match key {
                None | Some("node") => joined(self.nodes(), self.types(Section::Node)),
                Some("capability") => self.types(Section::Capability),
                Some("directives") => words(["internal", "external"], "directive"),
                _ => Vec::new(),
            };
        }
        if table.is(&keynames::REQUIREMENT) && key == Some("capability") {
            return self.types(Section::Capability);
        }
        if table.is(&keynames::POLICY_TYPE) {
            return joined(self.types(Section::Node), self.types(Section::Group));
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
            Some("tosca_definitions_version") => words(load::VERSIONS, "version of TOSCA"),
            _ => Vec::new(),
        }
    }

    fn arguments(&self, name: &str, at: usize, holder: Option<Holder>) -> Vec<Candidate<'v>> {
        let function = Function::named(name);
        let flow = match holder {
            Some(Holder::Flow(start)) => Some(start),
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
                let owner = match items.first() {
                    Some(&"SELF") => self.own(),
                    Some(name) => self.template_type(name),
                    None => Owner::Nobody,
                };
                let all = [key, "properties", "requirements", "capabilities"];
                let rest = if key == "properties" { &all[1..] } else { &all[..] };
                let found = rest.iter().flat_map(|key| members(self.view, owner, key));
                found.map(member).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Returns what `SELF` stands for.
    fn own(&self) -> Owner<'v> {
        let selves = [
            &keynames::NODE_TEMPLATE,
            &keynames::NODE_TYPE,
            &keynames::RELATIONSHIP_TEMPLATE,
            &keynames::RELATIONSHIP_TYPE,
            &keynames::GROUP,
            &keynames::POLICY,
        ];
        let mut frames = self.place.frames.iter().rev();
        let own = frames.find(|frame| selves.iter().any(|entity| frame.table.is(entity)));
        own.map_or(Owner::Nobody, |frame| frame.owner)
    }

    fn template_type(&self, name: &str) -> Owner<'v> {
        let node = self.view.node(name).map(|node| node.node_type);
        let id = node.and_then(|name| self.view.types.lookup(Section::Node, name));
        id.map_or(Owner::Nobody, Owner::Type)
    }

    fn nodes(&self) -> Vec<Candidate<'v>> {
        let nodes = self.view.template().map(|one| one.nodes.values());
        let found = nodes.into_iter().flatten().map(|one| {
            let of = Some((Section::Node, one.node_type));
            used(one.name.text, What::Template("node template", one.name, of))
        });
        found.collect()
    }

    fn relationships(&self) -> Vec<Candidate<'v>> {
        let all = self.view.template().map(|one| one.relationships.iter());
        let found = all.into_iter().flatten().map(|(name, one)| {
            let of = Some((Section::Relationship, one.relationship_type));
            used(name.text, What::Template("relationship template", *name, of))
        });
        found.collect()
    }

    fn groups(&self) -> Vec<Candidate<'v>> {
        let all = self.view.template().map(|one| one.groups.values());
        let found = all.into_iter().flatten().map(|one| {
            let of = Some((Section::Group, one.group_type));
            used(one.name.text, What::Template("group", one.name, of))
        });
        found.collect()
    }

    fn policies(&self) -> Vec<Candidate<'v>> {
        let all = self.view.template().map(|one| one.policies.values());
        let found = all.into_iter().flatten().map(|one| {
            let of = Some((Section::Policy, one.policy_type));
            used(one.name.text, What::Template("policy", one.name, of))
        });
        found.collect()
    }

    fn workflows(&self) -> Vec<Candidate<'v>> {
        let all = self.view.template().map(|one| one.workflows.values());
        let found = all.into_iter().flatten();
        found.map(|one| used(one.name.text, What::Template("workflow", one.name, None))).collect()
    }

    fn inputs(&self) -> Vec<Candidate<'v>> {
        let inputs = self.view.template().map(|one| values(&one.inputs, "input"));
        inputs.into_iter().flatten().map(member).collect()
    }

    fn repositories(&self) -> Vec<Candidate<'v>> {
        let root = self.view.loaded(self.file).map(|file| file.tree.root());
        let mut entries = root.and_then(Yaml::map).into_iter().flatten();
        let all = entries.find(|(key, _)| key.text() == Some("repositories"));
        let names = all.and_then(|(_, all)| all.map()).into_iter().flatten();
        let found = names.filter_map(|(key, _)| {
            let name = Word { text: key.text()?, span: key.span() };
            Some(used(name.text, What::Template("repository", name, None)))
        });
        found.collect()
    }

    fn profiles(&self) -> Vec<Candidate<'v>> {
        let imported = self.imports().into_iter();
        let builtin = load::builtins().map(|name| used(name, What::Profile));
        imported.chain(builtin).collect()
    }

    /// Returns the file that the word at the place imports.
    fn imports(&self) -> Vec<Candidate<'v>> {
        let (word, source) = (self.cursor.word, self.view.sources.get(self.file));
        let imports = self.view.loaded(self.file).into_iter().flat_map(|file| &file.imports);
        let found = imports.filter(|import| {
            let range = import.span.start as usize..import.span.end as usize;
            let text = source.and_then(|source| source.text().get(range));
            !word.is_empty() && text.is_some_and(|text| text.contains(word))
        });
        found.map(|import| used(word, What::File(import.file))).collect()
    }

    fn functions(&self) -> Vec<Candidate<'v>> {
        if self.view.version(self.file).is_some() {
            let known = lower::functions()
                .filter_map(|name| Some(used(name, What::Function(Function::named(name)?))));
            return known.collect();
        }
        let standard = Function::ALL.iter().filter(|function| !function.is_old());
        let standard = standard
            .map(|function| used(&format!("${}", function.name()), What::Function(*function)));
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
            Some(used(&format!("${name}"), What::Custom(function)))
        });
        standard.chain(own).collect()
    }
}

fn used<'v>(name: &str, what: What<'v>) -> Candidate<'v> {
    Candidate { name: name.to_owned(), what, declared: false }
}

fn here<'v>(name: &str, what: What<'v>) -> Candidate<'v> {
    Candidate { name: name.to_owned(), what, declared: true }
}

fn member(member: Member<'_>) -> Candidate<'_> {
    used(member.name.text, What::Member(member))
}

fn words<'v, const N: usize>(all: [&str; N], noun: &'static str) -> Vec<Candidate<'v>> {
    all.into_iter().map(|word| used(word, What::Word(noun))).collect()
}

impl Candidate<'_> {
    fn kind(&self) -> CompletionKind {
        match self.what {
            What::Keyname(..) => CompletionKind::Keyname,
            What::Type(_) => CompletionKind::Type,
            What::Member(_) => CompletionKind::Member,
            What::Template(..) => CompletionKind::Template,
            What::Function(_) | What::Custom(_) => CompletionKind::Function,
            What::Word(_) => CompletionKind::Word,
            What::File(_) | What::Profile => CompletionKind::File,
        }
    }

    /// Says what it is in a few words.
    fn detail(&self, view: &View<'_>) -> String {
        match &self.what {
            What::Keyname(table, key) => {
                let must = if key.mandatory { ", mandatory" } else { "" };
                format!("keyname of {}{must}", crate::diag::article(table.name()))
            }
            What::Type(id) => {
                let parent = view.types.def(*id).chain.get(1);
                let noun = view.types.def(*id).section.noun();
                match parent {
                    Some(parent) => format!("{noun}, derived from {}", shown(view, *parent)),
                    None => noun.to_owned(),
                }
            }
            What::Member(member) => {
                let of = member.of.map_or(String::new(), |(_, word)| format!(": {}", word.text));
                let must = if member.required { ", must be there" } else { "" };
                format!("{}{of}{must}", member.noun)
            }
            What::Template(noun, _, of) => {
                let of = of.map_or(String::new(), |(_, word)| format!(": {}", word.text));
                format!("{noun}{of}")
            }
            What::Function(function) => arity(*function),
            What::Custom(_) => "function".to_owned(),
            What::Word(noun) => (*noun).to_owned(),
            What::File(_) => "file".to_owned(),
            What::Profile => "built-in profile".to_owned(),
        }
    }

    /// Says what it is for, if anybody wrote that.
    fn doc(&self, view: &View<'_>) -> Option<String> {
        match &self.what {
            What::Keyname(table, key) => Some(match key.below.table() {
                Some(inner) => {
                    let (name, doc) = (inner.name(), inner.entity.doc);
                    format!("{} *({})*\n\n{name}: {doc}", key.doc, table.clause())
                }
                None => format!("{} *({})*", key.doc, table.clause()),
            }),
            _ => {
                let described = view.under(self.span(view)?)?;
                let mut entries = described.map()?;
                let (_, text) = entries.find(|(key, _)| key.text() == Some("description"))?;
                text.string().map(|text| text.trim().to_owned())
            }
        }
    }

    /// Returns where its name is declared.
    pub(super) fn declared(&self, view: &View<'_>) -> Option<Span> {
        match self.what {
            What::File(file) => Some(Span { file, start: 0, end: 0 }),
            _ => self.span(view),
        }
    }

    fn span(&self, view: &View<'_>) -> Option<Span> {
        match &self.what {
            What::Type(id) if view.types.is_own(*id) => Some(view.types.def(*id).name.span),
            What::Member(member) => Some(member.name.span),
            What::Template(_, name, _) => Some(name.span),
            What::Custom(function) => Some(function.name.span),
            What::Keyname(..)
            | What::Type(_)
            | What::Function(_)
            | What::Word(_)
            | What::File(_)
            | What::Profile => None,
        }
    }

    /// Says in Markdown what it is, what it is for, and where it is declared.
    pub(super) fn describe(&self, view: &View<'_>) -> String {
        let mut parts = Vec::new();
        parts.push(match &self.what {
            What::Type(id) => {
                let noun = view.types.def(*id).section.noun();
                format!("{noun} `{}`", shown(view, *id))
            }
            What::Keyname(..) => format!("`{}`: {}", self.name, self.detail(view)),
            What::File(file) => {
                let name = view.sources.get(*file).map_or("", |source| source.name());
                format!("imports `{name}`")
            }
            _ => format!("{} `{}`{}", self.noun(), self.name, self.of(view)),
        });
        parts.extend(self.doc(view));
        if let What::Type(id) = &self.what {
            let chain = &view.types.def(*id).chain;
            if chain.len() > 1 {
                let names = chain.iter().map(|id| format!("`{}`", shown(view, *id)));
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
        match self.what {
            What::Member(member) => member.noun,
            What::Template(noun, ..) | What::Word(noun) => noun,
            What::Function(_) => "built-in function",
            What::Custom(_) => "function",
            What::Profile => "built-in profile",
            What::Keyname(..) => "keyname",
            What::Type(_) => "type",
            What::File(_) => "file",
        }
    }

    /// Says of which type it is.
    fn of(&self, view: &View<'_>) -> String {
        let (of, must) = match self.what {
            What::Member(member) => (member.of, member.required),
            What::Template(_, _, of) => (of, false),
            What::Function(function) => return format!(": {}", arity(function)),
            _ => (None, false),
        };
        let of = of.map_or(String::new(), |(section, word)| {
            let full = view.types.lookup(section, word).map(|id| shown(view, id));
            format!(": `{}`", full.unwrap_or(word.text))
        });
        let must = if must { ", must be there" } else { "" };
        format!("{of}{must}")
    }
}

/// Returns a type's full name; of one in a file without a profile, whose number would say nothing, its own name.
fn shown<'v>(view: &'v View<'_>, id: TypeId) -> &'v str {
    let full = view.types.full_name(id);
    full.split_once('#').map_or(full, |(_, name)| name)
}

/// Says what a function takes and gives.
fn arity(function: Function) -> String {
    let (least, most) = function.arity();
    let takes = match (least, most) {
        (least, usize::MAX) => format!("{least} or more arguments"),
        (1, 1) => "1 argument".to_owned(),
        (least, most) if least == most => format!("{least} arguments"),
        (least, most) => format!("{least} to {most} arguments"),
    };
    match function.gives() {
        Gives::Boolean => format!("{takes}, gives a boolean"),
        Gives::Integer => format!("{takes}, gives an integer"),
        Gives::String => format!("{takes}, gives a string"),
        Gives::Number => format!("{takes}, gives a number"),
        Gives::Any => takes,
    }
}
