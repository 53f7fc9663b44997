//! The outline of a file, as a tree of names.

use std::ops::Range;

use super::keyname_table::KeynameContent;
use super::keyname_table::KeynameTable;
use crate::diag::Faults;
use crate::diag::Span;
use crate::keynames;
use crate::profiles::ToscaVersion;
use crate::yaml::Budget;
use crate::yaml::Yaml;
use crate::yaml::parse;

/// A named element of a file, or a keyname that contains named elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// The name or keyname.
    pub name: String,
    /// The noun for its kind, such as `node template`, and its type if the file names one.
    pub detail: String,
    /// The kind, for an icon.
    pub kind: SymbolKind,
    /// The byte range of the whole element.
    pub range: Range<usize>,
    /// The byte range of the name, within `range`.
    pub name_range: Range<usize>,
    /// The elements inside of it, in the order of the file.
    pub children: Vec<Self>,
}

/// The kind of a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolKind {
    /// A keyname that contains named elements.
    Section,
    /// A type definition.
    Type,
    /// An element of the service template.
    Template,
    /// An element of a type or template.
    Member,
}

/// Returns the outline of a file; `None` if the text is not valid YAML.
pub(super) fn symbols(text: &str) -> Option<Vec<Symbol>> {
    let faults = Faults::default();
    let tree = parse(text, 0, &mut Budget::default(), &faults).ok()?;
    let first = tree.root().map().and_then(|mut entries| entries.next());
    let version = first.and_then(|(_, version)| version.text()).and_then(ToscaVersion::parse);
    let all = Span { file: 0, start: 0, end: u32::try_from(text.len()).unwrap_or(u32::MAX) };
    Some(keyname_symbols(text, tree.root(), KeynameTable::file(version), all))
}

/// Returns the keynames of an entity that contain named elements.
fn keyname_symbols(text: &str, entity: Yaml<'_>, table: KeynameTable, within: Span) -> Vec<Symbol> {
    let mut symbols = Vec::new();
    for (key, value) in entity.map().into_iter().flatten() {
        let Some(name) = key.text() else { continue };
        let Some(range) = range(text, key, value, within) else { continue };
        let inside = Span { file: 0, ..span(&range) };
        let known = table.key(name);
        let tables = |inner| SymbolTables { outer: table, inner };
        let children = match known.map(|key| key.content) {
            Some(KeynameContent::One(inner)) => keyname_symbols(text, value, inner, inside),
            Some(KeynameContent::Map(inner)) => {
                let entries = value.map().into_iter().flatten();
                entries
                    .filter_map(|entry| named_symbol(text, entry, tables(inner), inside))
                    .collect()
            }
            Some(KeynameContent::Sequence(inner)) => {
                let items = value.list().into_iter().flatten();
                let entries = items.flat_map(|item| item.map().into_iter().flatten());
                entries
                    .filter_map(|entry| named_symbol(text, entry, tables(inner), inside))
                    .collect()
            }
            _ => Vec::new(),
        };
        if !children.is_empty() {
            let detail = format!("keyname of {}", table.name());
            let kind = SymbolKind::Section;
            let name_range = bytes(key.span());
            let name = name.to_owned();
            symbols.push(Symbol { name, detail, kind, range, name_range, children });
        }
    }
    symbols
}

/// The table of a named element, and that of the entity around it.
#[derive(Clone, Copy)]
struct SymbolTables {
    outer: KeynameTable,
    inner: KeynameTable,
}

fn named_symbol(
    text: &str,
    entry: (Yaml<'_>, Yaml<'_>),
    tables: SymbolTables,
    within: Span,
) -> Option<Symbol> {
    let (key, value) = entry;
    let SymbolTables { outer, inner: table } = tables;
    let range = range(text, key, value, within)?;
    let mut entries = value.map().into_iter().flatten();
    let typed = entries.find(|(key, _)| key.text() == Some("type"));
    let type_name = typed.and_then(|(_, name)| name.text());
    let short_notation = value.string().filter(|text| !text.is_empty());
    let detail = match type_name.or(short_notation) {
        Some(name) => format!("{}: {name}", table.name()),
        None => table.name().to_owned(),
    };
    let kind = match () {
        () if table.section().is_some() => SymbolKind::Type,
        () if outer.is(&keynames::SERVICE_TEMPLATE) => SymbolKind::Template,
        () => SymbolKind::Member,
    };
    let children = keyname_symbols(text, value, table, span(&range));
    let (name, name_range) = (key.text()?.to_owned(), bytes(key.span()));
    Some(Symbol { name, detail, kind, range, name_range, children })
}

/// Returns the bytes of an entry; `None` if the entry comes from elsewhere by an alias or a merge.
fn range(text: &str, key: Yaml<'_>, value: Yaml<'_>, within: Span) -> Option<Range<usize>> {
    let (key, value) = (key.span(), value.span());
    let end = value.end.max(key.end).min(within.end);
    let range = bytes(Span { end, ..key });
    let trimmed = text.get(range.clone())?.trim_end().len();
    let inside = within.start <= key.start && key.end <= within.end && key.start <= value.start;
    inside.then_some(range.start..range.start + trimmed)
}

fn bytes(span: Span) -> Range<usize> {
    span.start as usize..span.end as usize
}

fn span(range: &Range<usize>) -> Span {
    let number = |at| u32::try_from(at).unwrap_or(u32::MAX);
    Span { file: 0, start: number(range.start), end: number(range.end) }
}
