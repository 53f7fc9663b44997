//! What there is in a file, as a tree of names.

use std::ops::Range;

use super::table::Below;
use super::table::Table;
use crate::diag::Faults;
use crate::diag::Span;
use crate::keynames;
use crate::lower::Version;
use crate::yaml::Budget;
use crate::yaml::Yaml;
use crate::yaml::parse;

/// Something in a file that has a name, or a keyname with such things under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// What it is called, such as `node template`, with its type if it names one.
    pub detail: String,
    /// What it is.
    pub kind: SymbolKind,
    /// All its bytes.
    pub range: Range<usize>,
    /// The bytes of its name, which are among them.
    pub name_range: Range<usize>,
    /// What is in it.
    pub children: Vec<Self>,
}

/// What a symbol is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolKind {
    /// A keyname with named things under it.
    Section,
    /// A type.
    Type,
    /// A part of the service.
    Template,
    /// A part of a type or template.
    Member,
}

pub(super) fn symbols(text: &str) -> Option<Vec<Symbol>> {
    let faults = Faults::default();
    let tree = parse(text, 0, &mut Budget::default(), &faults).ok()?;
    let first = tree.root().map().and_then(|mut entries| entries.next());
    let version = first.and_then(|(_, version)| version.text()).and_then(Version::parse);
    let all = Span { file: 0, start: 0, end: u32::try_from(text.len()).unwrap_or(u32::MAX) };
    Some(keynames(text, tree.root(), Table::file(version), all))
}

/// Returns the keynames of an entity that have named things under them.
fn keynames(text: &str, entity: Yaml<'_>, table: Table, within: Span) -> Vec<Symbol> {
    let mut symbols = Vec::new();
    for (key, value) in entity.map().into_iter().flatten() {
        let Some(name) = key.text() else { continue };
        let Some(range) = range(text, key, value, within) else { continue };
        let inside = Span { file: 0, ..span(&range) };
        let known = table.key(name);
        let children = match known.map(|key| key.below) {
            Some(Below::One(inner)) => keynames(text, value, inner, inside),
            Some(Below::Map(inner)) => {
                let entries = value.map().into_iter().flatten();
                entries
                    .filter_map(|(key, value)| named(text, (key, value), (table, inner), inside))
                    .collect()
            }
            Some(Below::Sequence(inner)) => {
                let items = value.list().into_iter().flatten();
                let entries = items.flat_map(|item| item.map().into_iter().flatten());
                entries
                    .filter_map(|(key, value)| named(text, (key, value), (table, inner), inside))
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

fn named(
    text: &str,
    (key, value): (Yaml<'_>, Yaml<'_>),
    (outer, table): (Table, Table),
    within: Span,
) -> Option<Symbol> {
    let range = range(text, key, value, within)?;
    let mut entries = value.map().into_iter().flatten();
    let of = entries.find(|(key, _)| key.text() == Some("type")).and_then(|(_, of)| of.text());
    let of = of.or(value.string().filter(|text| !text.is_empty()));
    let detail = match of {
        Some(of) => format!("{}: {of}", table.name()),
        None => table.name().to_owned(),
    };
    let kind = match () {
        () if table.section().is_some() => SymbolKind::Type,
        () if outer.is(&keynames::SERVICE_TEMPLATE) => SymbolKind::Template,
        () => SymbolKind::Member,
    };
    let children = keynames(text, value, table, span(&range));
    let (name, name_range) = (key.text()?.to_owned(), bytes(key.span()));
    Some(Symbol { name, detail, kind, range, name_range, children })
}

/// Returns the bytes of an entry; nothing if it stands elsewhere, as what an alias or a merge brings does.
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
