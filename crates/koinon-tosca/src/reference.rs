//! The reference of keynames, written from the tables that the parser and the editor use.

use std::fmt::Write;

use crate::export::Dialect;
use crate::keynames;
use crate::keynames::Kind;
use crate::keynames::Short;
use crate::lower::Version;
use crate::lower::keynames as old;

/// Returns what may stand where in a file, in Markdown: a section for each entity, a row for each keyname.
///
/// That of [`Dialect::V1_3`] also says which of the versions 1.0 to 1.3 have a keyname, and what it becomes in 2.0.
pub fn reference(dialect: Dialect) -> String {
    match dialect {
        Dialect::V2_0 => new(),
        Dialect::V1_3 => former(),
    }
}

/// What is said of an entity.
struct Section {
    title: String,
    text: String,
    rows: String,
}

fn page(title: &str, columns: &[&str], sections: &[Section]) -> String {
    let mut page = format!(
        "# {title}\n\nWritten from the tables that the compiler reads files by. A keyname in bold must be there.\n"
    );
    let head = format!("| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len()));
    for Section { title, text, rows } in sections {
        page.extend(["\n## ", title, "\n\n", text, "\n\n", &head, rows]);
    }
    page
}

/// Returns entities in the order in which they are first named, from the whole file on.
fn reached<T>(root: &'static T, next: impl Fn(&'static T) -> Vec<&'static T>) -> Vec<&'static T> {
    let mut all = vec![root];
    let mut at = 0;
    while let Some(entity) = all.get(at) {
        for below in next(entity) {
            if !all.iter().any(|one| std::ptr::eq(*one, below)) {
                all.push(below);
            }
        }
        at += 1;
    }
    all
}

fn name(name: &str, mandatory: bool) -> String {
    if mandatory { format!("**`{name}`**") } else { format!("`{name}`") }
}

/// Returns a cell in which nothing ends it.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn new() -> String {
    let below = |kind| match kind {
        Kind::One(one) | Kind::Map(one) | Kind::Sequence(one) | Kind::List(one) => Some(one),
        _ => None,
    };
    let all = reached(&keynames::FILE, |entity| {
        entity.keys.iter().filter_map(|key| below(key.kind)).collect()
    });
    let section = |entity: &&'static keynames::Entity| {
        let short = match entity.short {
            Short::None => "",
            Short::Null => " May be left empty.",
            Short::Text => " Its name or path may stand alone.",
            Short::TextOrNull => " Its name or path may stand alone, and it may be left empty.",
            Short::Value => " A value may stand alone.",
        };
        let mut rows = String::new();
        for key in entity.keys {
            let holds = match key.kind {
                Kind::Text => "a string".to_owned(),
                Kind::Boolean => "a boolean".to_owned(),
                Kind::Version => "a version".to_owned(),
                Kind::Metadata => "a map".to_owned(),
                Kind::Any => "anything".to_owned(),
                Kind::Value => "a value".to_owned(),
                Kind::Condition => "a condition".to_owned(),
                Kind::Type(of) => format!("{}'s name", of.noun()),
                Kind::Types(of) => format!("list of names of {}s", of.noun()),
                Kind::Words => "list of strings".to_owned(),
                Kind::Values => "values by name".to_owned(),
                Kind::One(one) => one.name.to_owned(),
                Kind::Map(one) => format!("{} by name", one.name),
                Kind::Sequence(one) => format!("list of {}, each with its name", one.name),
                Kind::List(one) => format!("list of {}", one.name),
                Kind::Special => "a form of its own".to_owned(),
            };
            let keyname = name(key.name, key.mandatory);
            _ = writeln!(rows, "| {keyname} | {holds} | {} |", cell(key.doc));
        }
        let title = format!("{} ({})", entity.name, entity.clause);
        Section { title, text: format!("{}{short}", entity.doc), rows }
    };
    let sections: Vec<Section> = all.iter().map(section).collect();
    page("Keynames of TOSCA 2.0", &["keyname", "holds", "is"], &sections)
}

fn former() -> String {
    let below = |kind| match kind {
        old::Kind::One(one)
        | old::Kind::Map(one)
        | old::Kind::Sequence(one)
        | old::Kind::List(one) => vec![one],
        old::Kind::Special(old::Special::Imports) => vec![&old::IMPORT],
        old::Kind::Special(old::Special::Action) => vec![&old::ACTIVITY],
        old::Kind::Special(old::Special::Condition) => {
            vec![&old::EVENT_FILTER, &old::EXTENDED_CONDITION]
        }
        old::Kind::Special(old::Special::Constraints) => vec![&old::OPERATORS],
        old::Kind::Special(old::Special::NodeFilter | old::Special::TargetFilter) => {
            vec![&old::NODE_FILTER, &old::CAPABILITY_FILTER]
        }
        old::Kind::Special(old::Special::Preconditions) => vec![&old::PRECONDITION],
        _ => Vec::new(),
    };
    let all =
        reached(&old::FILE, |entity| entity.keys.iter().flat_map(|key| below(key.kind)).collect());
    let section = |entity: &&'static old::Entity| {
        let text = match entity.short {
            old::Short::None => "A map.",
            old::Short::Text => "A map, or a name or path alone.",
            old::Short::Fixed => "A map, or in 1.3 a fixed value alone.",
            old::Short::Value => "A map, or a value alone.",
        };
        let mut rows = String::new();
        for key in entity.keys {
            let versions = match (key.since, key.until) {
                (Version::V1_0, Version::V1_3) => "all".to_owned(),
                (since, Version::V1_3) => format!("{} on", since.number()),
                (Version::V1_0, until) => format!("to {}", until.number()),
                (since, until) if since == until => since.number().to_owned(),
                (since, until) => format!("{} to {}", since.number(), until.number()),
            };
            let becomes = match key.kind {
                old::Kind::Nothing => "left out".to_owned(),
                old::Kind::Kept => "metadata".to_owned(),
                _ => format!("`{}`", key.becomes),
            };
            let keyname = name(key.name, key.mandatory);
            _ = writeln!(rows, "| {keyname} | {versions} | {} | {becomes} |", cell(key.doc));
        }
        Section { title: entity.name.to_owned(), text: text.to_owned(), rows }
    };
    let sections: Vec<Section> = all.iter().map(section).collect();
    let columns = ["keyname", "versions", "is", "in 2.0"];
    page("Keynames of TOSCA 1.0 to 1.3", &columns, &sections)
}
