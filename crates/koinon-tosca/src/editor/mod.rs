//! What an editor asks about files while they are written: what is wrong, what a word means, where that is declared,
//! what may come next, and what there is.
//!
//! No protocol and no files here: texts and byte offsets in, texts and byte ranges out. What may stand where comes from
//! the tables of [`crate::keynames`], and which names there are from the types; what the cursor is in is found in the
//! text alone ([`cursor`]), so that it works while the file is broken.

mod candidate;
mod cursor;
mod place;
mod symbols;
mod table;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::Options;
use crate::budget::Budgets;
use crate::check;
use crate::check::Types;
use crate::diag::Diagnostics;
use crate::diag::Faults;
use crate::diag::Sources;
use crate::diag::Span;
use crate::files::FileError;
use crate::files::Files;
use crate::grammar;
use crate::grammar::NodeTemplate;
use crate::grammar::Template;
use crate::load::File;
use crate::load::Loaded;
use crate::lower::Version;

pub use symbols::Symbol;
pub use symbols::SymbolKind;

/// Lines that may be left out of a broken file to understand the others.
const MOST_MENDED: usize = 8;

/// What is known about a file and everything it imports.
#[derive(Clone, Debug)]
pub struct Analysis {
    root: String,
    diagnostics: Diagnostics,
    read: Vec<String>,
    known: Option<Arc<Known>>,
}

/// Files as they were when they could be understood.
#[derive(Debug)]
struct Known {
    sources: Sources,
    loaded: Loaded,
}

/// What a word means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// Markdown.
    pub text: String,
    /// The word's bytes.
    pub range: Range<usize>,
}

/// Where something is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file, as the analysis names it; `profile NAME` is a built-in profile.
    pub file: String,
    /// The bytes of its name.
    pub range: Range<usize>,
}

/// Something that may be written at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What it is called.
    pub label: String,
    /// What it is.
    pub kind: CompletionKind,
    /// What it is, in a few words.
    pub detail: String,
    /// What it is for, in Markdown.
    pub doc: String,
    /// What is written.
    pub insert: String,
    /// The bytes that are replaced.
    pub range: Range<usize>,
}

/// What may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompletionKind {
    /// A keyname.
    Keyname,
    /// The name of a type.
    Type,
    /// The name of something a type has.
    Member,
    /// The name of a template, group, workflow or input.
    Template,
    /// A function.
    Function,
    /// A word the language knows.
    Word,
    /// A profile or file.
    File,
}

/// Analyses a file and everything it imports. Where it cannot be understood, all but the diagnostics come from `last`,
/// and without that from the lines that can be.
pub fn analyse(
    files: &dyn Files,
    root: &str,
    budgets: &Budgets,
    last: Option<&Analysis>,
) -> Analysis {
    let options = Options { budgets: *budgets, ..Options::default() };
    let (known, diagnostics, whole) = inspect(files, root, &options);
    let read = known.sources.iter().map(|source| source.name().to_owned()).collect();
    let known = match whole || known.view(|_| ()).is_some() {
        true => Some(Arc::new(known)),
        false => match last.and_then(|last| last.known.clone()) {
            Some(known) => Some(known),
            None => mended(files, root, &options, &diagnostics).map(Arc::new),
        },
    };
    Analysis { root: root.to_owned(), diagnostics, read, known }
}

fn inspect(files: &dyn Files, root: &str, options: &Options) -> (Known, Diagnostics, bool) {
    let (sources, loaded, diagnostics, whole) = crate::inspect(files, root, options);
    (Known { sources, loaded }, diagnostics, whole)
}

/// Understands a broken file without the lines that break it; byte offsets stay.
fn mended(
    files: &dyn Files,
    root: &str,
    options: &Options,
    diagnostics: &Diagnostics,
) -> Option<Known> {
    let text = String::from_utf8(files.read(root).ok()?).ok()?;
    let mut patched = Patched { files, root, text };
    let mut diagnostics = diagnostics.clone();
    for _ in 0..MOST_MENDED {
        let first = diagnostics.iter().find(|one| one.place.file == root)?;
        let line = usize::try_from(first.place.line).ok()?;
        // A parser often finds out one line late: of both the one is left out that lets it come further.
        let tries = [line, line.saturating_sub(1)].map(|line| patched.without(line));
        let mut best: Option<(Known, Diagnostics, String)> = None;
        for text in tries.into_iter().flatten() {
            let tried = Patched { files, root, text };
            let (known, found, whole) = inspect(&tried, root, options);
            if whole || known.view(|_| ()).is_some() {
                return Some(known);
            }
            let reached = |found: &Diagnostics| {
                found.iter().find(|one| one.place.file == root).map_or(0, |one| one.place.line)
            };
            if best.as_ref().is_none_or(|(_, other, _)| reached(other) < reached(&found)) {
                best = Some((known, found, tried.text));
            }
        }
        let (_, found, text) = best?;
        (diagnostics, patched.text) = (found, text);
    }
    None
}

/// Files with another text for the root.
struct Patched<'f> {
    files: &'f dyn Files,
    root: &'f str,
    text: String,
}

impl Patched<'_> {
    /// Returns the text with a line blanked; nothing if there is nothing to blank.
    fn without(&self, line: usize) -> Option<String> {
        let mut start = 0;
        let mut ranges = self.text.split_inclusive('\n').map(|text| {
            start += text.len();
            start - text.len()..start
        });
        let range = ranges.nth(line.checked_sub(1)?)?;
        let blank = |byte: u8| if byte == b'\n' { '\n' } else { ' ' };
        let blanked: String = self.text[range.clone()].bytes().map(blank).collect();
        let changed = !self.text[range.clone()].trim().is_empty();
        let (before, after) = (&self.text[..range.start], &self.text[range.end..]);
        changed.then(|| [before, blanked.as_str(), after].concat())
    }
}

impl Files for Patched<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        if path == self.root { Ok(self.text.clone().into_bytes()) } else { self.files.read(path) }
    }

    fn list(&self, folder: &str) -> Vec<String> {
        self.files.list(folder)
    }

    fn fetch(&self, url: &str) -> Result<Vec<u8>, FileError> {
        self.files.fetch(url)
    }
}

impl Analysis {
    /// Returns the file that was analysed.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Returns what is wrong in all files.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }

    /// Returns the names of the files that were read, the root first.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.read.iter().map(String::as_str)
    }

    /// Returns a file's text, as ranges of [`Location`]s count in it.
    pub fn text(&self, file: &str) -> Option<&str> {
        let sources = self.known.as_ref()?.sources.iter();
        let mut named = sources.filter(|source| source.name() == file);
        named.next().map(|source| source.text())
    }

    /// Says what the word at an offset of the root's text means.
    pub fn hover(&self, text: &str, offset: usize) -> Option<Hover> {
        self.at(text, offset, |view, found| {
            let candidate = found.named()?;
            let range = found.cursor.range.clone();
            Some(Hover { text: candidate.describe(view), range })
        })
    }

    /// Returns where what the word at an offset of the root's text means is declared.
    pub fn definition(&self, text: &str, offset: usize) -> Option<Location> {
        self.at(text, offset, |view, found| {
            let span = found.named()?.declared(view)?;
            let file = view.sources.get(span.file)?.name().to_owned();
            Some(Location { file, range: span.start as usize..span.end as usize })
        })
    }

    /// Returns what may be written at an offset of the root's text.
    pub fn complete(&self, text: &str, offset: usize) -> Vec<Completion> {
        let found = self.at(text, offset, |view, found| Some(found.completions(view)));
        found.unwrap_or_default()
    }

    fn at<T>(
        &self,
        text: &str,
        offset: usize,
        then: impl FnOnce(&View<'_>, &candidate::Found<'_, '_>) -> Option<T>,
    ) -> Option<T> {
        let lines = cursor::Lines::new(text);
        let cursor = cursor::cursor(&lines, offset)?;
        let known = self.known.as_ref()?;
        known.view(|view| {
            let file = view.file(&self.root)?;
            let place = place::place(view, file, &lines, &cursor)?;
            then(view, &candidate::Found::new(view, file, text, &cursor, &place))
        })?
    }
}

/// Returns what there is in a file, as a tree; nothing while it is no YAML.
pub fn symbols(text: &str) -> Option<Vec<Symbol>> {
    symbols::symbols(text)
}

/// Files with their types and templates.
#[derive(Debug)]
struct View<'a> {
    sources: &'a Sources,
    loaded: &'a Loaded,
    types: Types<'a>,
    templates: BTreeMap<u32, Template<'a>>,
}

impl Known {
    /// Reads definitions and resolves types anew: that costs less than it would to keep them beside what they point
    /// into. Nothing if types cannot be resolved.
    fn view<T>(&self, then: impl FnOnce(&View<'_>) -> T) -> Option<T> {
        let faults = Faults::default();
        if self.loaded.is_empty() {
            return None;
        }
        let (definitions, templates) = grammar::read_files(&self.loaded, &faults);
        let mut types = Types::resolve(definitions, &self.loaded, &faults)?;
        check::complete(&mut types, &faults);
        let (sources, loaded) = (&self.sources, &self.loaded);
        Some(then(&View { sources, loaded, types, templates }))
    }
}

impl<'a> View<'a> {
    /// Returns the number of a file.
    fn file(&self, name: &str) -> Option<u32> {
        let mut numbers = self.loaded.iter().map(|(number, _)| number);
        numbers.find(|number| self.sources.get(*number).is_some_and(|one| one.name() == name))
    }

    /// Returns a file by its number.
    fn loaded(&self, number: u32) -> Option<&File> {
        self.loaded.get(number)
    }

    /// Returns the version of TOSCA 1.x a file was written in, if it was.
    fn version(&self, file: u32) -> Option<Version> {
        self.loaded.get(file)?.version
    }

    /// Returns the service template, if there is one.
    fn template(&self) -> Option<&Template<'a>> {
        self.templates.values().next()
    }

    fn node(&self, name: &str) -> Option<&NodeTemplate<'a>> {
        self.template()?.nodes.get(name)
    }

    /// Returns what stands under the key at a place.
    fn under(&self, key: Span) -> Option<crate::yaml::Yaml<'a>> {
        let mut at = self.loaded.get(key.file)?.tree.root();
        // Each round goes one level down, and levels are bounded.
        loop {
            let inside = |span: Span| span.start <= key.start && key.start < span.end;
            if let Some(mut entries) = at.map() {
                let entry =
                    entries.find(|(name, value)| name.span() == key || inside(value.span()));
                let (name, value) = entry?;
                if name.span() == key {
                    return Some(value);
                }
                at = value;
            } else {
                at = at.list()?.find(|item| inside(item.span()))?;
            }
        }
    }
}
