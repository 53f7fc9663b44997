//! Writes the reference of keynames from the tables that the parser and the editor use.

use std::fmt::Write;

use crate::export::Dialect;
use crate::keynames;
use crate::keynames::KeynameKind;
use crate::keynames::ShortNotation;
use crate::lower::keynames as old;
use crate::profiles::ToscaVersion;

/// Returns the reference of a dialect's keynames in Markdown: a section for each entity with a row
/// for each keyname.
///
/// The reference of [`Dialect::V1_3`] also lists the versions from 1.0 to 1.3 that have a keyname,
/// and the corresponding keyname of 2.0.
pub fn reference(dialect: Dialect) -> String {
    match dialect {
        Dialect::V2_0 => reference_v2(),
        Dialect::V1_3 => reference_v1(),
    }
}

/// The section about an entity.
struct ReferenceSection {
    title: String,
    text: String,
    rows: String,
}

fn page(title: &str, columns: &[&str], sections: &[ReferenceSection]) -> String {
    let mut page = format!(
        "# {title}\n\nGenerated from the compiler's tables of keynames. A keyname in bold is mandatory.\n"
    );
    let head = format!("| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len()));
    for ReferenceSection { title, text, rows } in sections {
        page.extend(["\n## ", title, "\n\n", text, "\n\n", &head, rows]);
    }
    page
}

/// Returns all entities reachable from the root, breadth first.
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

/// Returns text for a table's cell, with `|` escaped.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn reference_v2() -> String {
    let below = |kind| match kind {
        KeynameKind::One(one)
        | KeynameKind::Map(one)
        | KeynameKind::Sequence(one)
        | KeynameKind::List(one) => Some(one),
        _ => None,
    };
    let all = reached(&keynames::FILE, |entity| {
        entity.keys.iter().filter_map(|key| below(key.kind)).collect()
    });
    let section = |entity: &&'static keynames::Entity| {
        let short = match entity.short {
            ShortNotation::None => "",
            ShortNotation::Null => " It may be empty.",
            ShortNotation::Text => " Short notation: its name or path.",
            ShortNotation::TextOrNull => " Short notation: its name or path. It may be empty.",
            ShortNotation::Value => " Short notation: a value.",
        };
        let mut rows = String::new();
        for key in entity.keys {
            let holds = match key.kind {
                KeynameKind::Text => "a string".to_owned(),
                KeynameKind::Boolean => "a boolean".to_owned(),
                KeynameKind::Version => "a version".to_owned(),
                KeynameKind::Metadata => "a map".to_owned(),
                KeynameKind::Any => "anything".to_owned(),
                KeynameKind::Value => "a value".to_owned(),
                KeynameKind::Condition => "a condition".to_owned(),
                KeynameKind::Type(of) => format!("{}'s name", of.noun()),
                KeynameKind::Types(of) => format!("list of names of {}s", of.noun()),
                KeynameKind::Words => "list of strings".to_owned(),
                KeynameKind::Values => "values by name".to_owned(),
                KeynameKind::One(one) => one.name.to_owned(),
                KeynameKind::Map(one) => format!("{} by name", one.name),
                KeynameKind::Sequence(one) => format!("list of named {}", one.name),
                KeynameKind::List(one) => format!("list of {}", one.name),
                KeynameKind::Special => "a special form".to_owned(),
            };
            let keyname = name(key.name, key.mandatory);
            // Writing to a string cannot fail.
            _ = writeln!(rows, "| {keyname} | {holds} | {} |", cell(key.doc));
        }
        let title = format!("{} ({})", entity.name, entity.clause);
        ReferenceSection { title, text: format!("{}{short}", entity.doc), rows }
    };
    let sections: Vec<ReferenceSection> = all.iter().map(section).collect();
    page("Keynames of TOSCA 2.0", &["keyname", "value", "meaning"], &sections)
}

fn reference_v1() -> String {
    let below = |kind| match kind {
        old::OldKeynameKind::One(one)
        | old::OldKeynameKind::Map(one)
        | old::OldKeynameKind::Sequence(one)
        | old::OldKeynameKind::List(one) => vec![one],
        old::OldKeynameKind::Special(old::SpecialForm::Imports) => vec![&old::IMPORT],
        old::OldKeynameKind::Special(old::SpecialForm::Action) => vec![&old::ACTIVITY],
        old::OldKeynameKind::Special(old::SpecialForm::Condition) => {
            vec![&old::EVENT_FILTER, &old::EXTENDED_CONDITION]
        }
        old::OldKeynameKind::Special(old::SpecialForm::Constraints) => vec![&old::OPERATORS],
        old::OldKeynameKind::Special(
            old::SpecialForm::NodeFilter | old::SpecialForm::TargetFilter,
        ) => {
            vec![&old::NODE_FILTER, &old::CAPABILITY_FILTER]
        }
        old::OldKeynameKind::Special(old::SpecialForm::Preconditions) => vec![&old::PRECONDITION],
        _ => Vec::new(),
    };
    let all =
        reached(&old::FILE, |entity| entity.keys.iter().flat_map(|key| below(key.kind)).collect());
    let section = |entity: &&'static old::OldEntity| {
        let text = match entity.short {
            old::OldShortNotation::None => "A map.",
            old::OldShortNotation::Text => "A map; short notation: a name or path.",
            old::OldShortNotation::Fixed => "A map; short notation in 1.3: a fixed value.",
            old::OldShortNotation::Value => "A map; short notation: a value.",
        };
        let mut rows = String::new();
        for key in entity.keys {
            let versions = match (key.since, key.until) {
                (ToscaVersion::V1_0, ToscaVersion::V1_3) => "all".to_owned(),
                (since, ToscaVersion::V1_3) => format!("{} on", since.number()),
                (ToscaVersion::V1_0, until) => format!("to {}", until.number()),
                (since, until) if since == until => since.number().to_owned(),
                (since, until) => format!("{} to {}", since.number(), until.number()),
            };
            let becomes = match key.kind {
                old::OldKeynameKind::Nothing => "dropped".to_owned(),
                old::OldKeynameKind::Kept => "metadata".to_owned(),
                _ => format!("`{}`", key.becomes),
            };
            let keyname = name(key.name, key.mandatory);
            // Writing to a string cannot fail.
            _ = writeln!(rows, "| {keyname} | {versions} | {} | {becomes} |", cell(key.doc));
        }
        ReferenceSection { title: entity.name.to_owned(), text: text.to_owned(), rows }
    };
    let sections: Vec<ReferenceSection> = all.iter().map(section).collect();
    let columns = ["keyname", "versions", "meaning", "in 2.0"];
    page("Keynames of TOSCA 1.0 to 1.3", &columns, &sections)
}
