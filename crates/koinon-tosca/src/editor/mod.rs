//! Answers an editor's questions about files while somebody writes them: diagnostics, hovers,
//! definitions, completions and outlines.
//!
//! This module knows no protocol and no file system: texts and byte offsets go in, texts and byte
//! ranges come out. Keynames come from the tables of [`crate::keynames`], other names from the
//! types and templates. The cursor's position is read from the text alone ([`cursor`]), so that it
//! is known in a broken file too.

mod candidate;
mod context;
mod cursor;
mod keyname_table;
mod symbols;

pub use symbols::Symbol;
pub use symbols::SymbolKind;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::Options;
use crate::budget::Budgets;
use crate::diag::Diagnostics;
use crate::diag::Faults;
use crate::diag::Sources;
use crate::diag::Span;
use crate::files::FileError;
use crate::files::Files;
use crate::grammar;
use crate::grammar::NodeTemplate;
use crate::grammar::ServiceTemplate;
use crate::loaded::LoadedFiles;
use crate::loaded::ToscaFile;
use crate::profiles::ToscaVersion;
use crate::types::Types;

/// The most lines of a broken file that are blanked to understand the others.
const MAX_BLANKED_LINES: usize = 8;

/// The results of analysing a file and everything it imports.
#[derive(Clone, Debug)]
pub struct Analysis {
    root: String,
    diagnostics: Diagnostics,
    files: Vec<String>,
    understood: Option<Arc<AnalysedFiles>>,
}

/// A file and its imports, loaded.
#[derive(Debug)]
struct AnalysedFiles {
    sources: Sources,
    loaded: LoadedFiles,
}

/// The meaning of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// Markdown.
    pub text: String,
    /// The byte range of the word.
    pub range: Range<usize>,
}

/// The place of a declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The name of the file in the analysis; `profile NAME` is a built-in profile.
    pub file: String,
    /// The byte range of the declared name.
    pub range: Range<usize>,
}

/// A text that an editor may insert at a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The name that the editor lists.
    pub label: String,
    /// The kind, for an icon.
    pub kind: CompletionKind,
    /// A description in a few words.
    pub detail: String,
    /// The purpose, in Markdown.
    pub doc: String,
    /// The text to insert.
    pub insert: String,
    /// The byte range that the text replaces.
    pub range: Range<usize>,
}

/// The kind of a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompletionKind {
    /// A keyname.
    Keyname,
    /// The name of a type.
    Type,
    /// The name of a property, capability or other member of a type.
    Member,
    /// The name of a template, group, workflow or input.
    Template,
    /// A function.
    Function,
    /// A word of the language, such as `SELF` or `true`.
    Word,
    /// A profile or a file.
    File,
}

/// Analyses a file and everything it imports. If the file cannot be understood, hovers, definitions
/// and completions use the files of `last`; without `last` they use the file without the lines that
/// break it.
pub fn analyse(
    files: &dyn Files,
    root: &str,
    budgets: &Budgets,
    last: Option<&Analysis>,
) -> Analysis {
    let options = Options { budgets: *budgets, ..Options::default() };
    let (loaded, diagnostics, whole) = inspect(files, root, &options);
    let names = loaded.sources.iter().map(|source| source.name().to_owned()).collect();
    let understood = match whole || loaded.resolve(|_| ()).is_some() {
        true => Some(Arc::new(loaded)),
        false => match last.and_then(|last| last.understood.clone()) {
            Some(earlier) => Some(earlier),
            None => load_without_broken_lines(files, root, &options, &diagnostics).map(Arc::new),
        },
    };
    Analysis { root: root.to_owned(), diagnostics, files: names, understood }
}

fn inspect(files: &dyn Files, root: &str, options: &Options) -> (AnalysedFiles, Diagnostics, bool) {
    let crate::Inspection { sources, loaded, diagnostics, is_whole } =
        crate::inspect(files, root, options);
    (AnalysedFiles { sources, loaded }, diagnostics, is_whole)
}

/// Loads a broken file with the lines blanked that break it; byte offsets stay the same.
fn load_without_broken_lines(
    files: &dyn Files,
    root: &str,
    options: &Options,
    diagnostics: &Diagnostics,
) -> Option<AnalysedFiles> {
    let text = String::from_utf8(files.read(root).ok()?).ok()?;
    let mut patched = PatchedRoot { files, root, text };
    let mut diagnostics = diagnostics.clone();
    for _ in 0..MAX_BLANKED_LINES {
        let first = diagnostics.iter().find(|one| one.place.file == root)?;
        let line = usize::try_from(first.place.line).ok()?;
        // A parser often reports an error one line late. Blank the line without which it reads
        // further.
        let texts = [line, line.saturating_sub(1)].map(|line| patched.without_line(line));
        let mut best: Option<(Diagnostics, String)> = None;
        for text in texts.into_iter().flatten() {
            let attempt = PatchedRoot { files, root, text };
            let (loaded, found, whole) = inspect(&attempt, root, options);
            if whole || loaded.resolve(|_| ()).is_some() {
                return Some(loaded);
            }
            let first_line = |found: &Diagnostics| {
                found.iter().find(|one| one.place.file == root).map_or(0, |one| one.place.line)
            };
            if best.as_ref().is_none_or(|(other, _)| first_line(other) < first_line(&found)) {
                best = Some((found, attempt.text));
            }
        }
        (diagnostics, patched.text) = best?;
    }
    None
}

/// Files of which the root has a changed text.
struct PatchedRoot<'f> {
    files: &'f dyn Files,
    root: &'f str,
    text: String,
}

impl PatchedRoot<'_> {
    /// Returns the text with one line blanked; `None` if the line is blank or does not exist.
    fn without_line(&self, line: usize) -> Option<String> {
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

impl Files for PatchedRoot<'_> {
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
    /// Returns the name of the analysed file.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Returns the diagnostics of all files.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }

    /// Returns the names of the files that the analysis read, the root first.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str)
    }

    /// Returns the text that the ranges of [`Location`]s in a file refer to.
    pub fn text(&self, file: &str) -> Option<&str> {
        let sources = self.understood.as_ref()?.sources.iter();
        let mut named = sources.filter(|source| source.name() == file);
        named.next().map(|source| source.text())
    }

    /// Returns the meaning of the word at an offset of the root's text.
    pub fn hover(&self, text: &str, offset: usize) -> Option<Hover> {
        self.query(text, offset, |view, query| {
            let candidate = query.named()?;
            let range = query.cursor.range.clone();
            Some(Hover { text: candidate.describe(view), range })
        })
    }

    /// Returns the declaration that the word at an offset of the root's text refers to.
    pub fn definition(&self, text: &str, offset: usize) -> Option<Location> {
        self.query(text, offset, |view, query| {
            let span = query.named()?.declared(view)?;
            let file = view.sources.get(span.file)?.name().to_owned();
            Some(Location { file, range: span.start as usize..span.end as usize })
        })
    }

    /// Returns the completions at an offset of the root's text.
    pub fn complete(&self, text: &str, offset: usize) -> Vec<Completion> {
        let found = self.query(text, offset, |view, query| Some(query.completions(view)));
        // A place that cannot be understood has no completions.
        found.unwrap_or_default()
    }

    /// Runs `then` for the cursor at an offset; `None` where the position has no known meaning.
    fn query<T>(
        &self,
        text: &str,
        offset: usize,
        then: impl FnOnce(&ResolvedFiles<'_>, &candidate::CursorQuery<'_, '_>) -> Option<T>,
    ) -> Option<T> {
        let lines = cursor::TextLines::new(text);
        let cursor = cursor::cursor_at(&lines, offset)?;
        let loaded = self.understood.as_ref()?;
        loaded.resolve(|view| {
            let file = view.file(&self.root)?;
            let context = context::context(view, file, &lines, &cursor)?;
            then(view, &candidate::CursorQuery::new(view, file, text, &cursor, &context))
        })?
    }
}

/// Returns the outline of a file; `None` if the text is not valid YAML.
pub fn symbols(text: &str) -> Option<Vec<Symbol>> {
    symbols::symbols(text)
}

/// Loaded files with their types and templates.
#[derive(Debug)]
struct ResolvedFiles<'a> {
    sources: &'a Sources,
    loaded: &'a LoadedFiles,
    types: Types<'a>,
    templates: BTreeMap<u32, ServiceTemplate<'a>>,
}

impl AnalysedFiles {
    /// Reads definitions, resolves types and passes both to `then`; `None` if types cannot be
    /// resolved. To do this for each question costs less than a structure that refers to itself.
    fn resolve<T>(&self, then: impl FnOnce(&ResolvedFiles<'_>) -> T) -> Option<T> {
        let faults = Faults::default();
        if self.loaded.is_empty() {
            return None;
        }
        let (definitions, templates) = grammar::read_files(&self.loaded, &faults);
        let mut types = Types::resolve(definitions, &self.loaded, &faults)?;
        crate::types::complete(&mut types, &faults);
        let (sources, loaded) = (&self.sources, &self.loaded);
        Some(then(&ResolvedFiles { sources, loaded, types, templates }))
    }
}

impl<'a> ResolvedFiles<'a> {
    /// Returns the number of the file with a name.
    fn file(&self, name: &str) -> Option<u32> {
        let mut numbers = self.loaded.iter().map(|(number, _)| number);
        numbers.find(|number| self.sources.get(*number).is_some_and(|one| one.name() == name))
    }

    /// Returns the file with a number.
    fn loaded(&self, number: u32) -> Option<&ToscaFile> {
        self.loaded.get(number)
    }

    /// Returns the version of a file of TOSCA 1.x; `None` for a file of 2.0.
    fn version(&self, file: u32) -> Option<ToscaVersion> {
        self.loaded.get(file)?.version
    }

    /// Returns the service template, if there is one.
    fn template(&self) -> Option<&ServiceTemplate<'a>> {
        self.templates.values().next()
    }

    fn node(&self, name: &str) -> Option<&NodeTemplate<'a>> {
        self.template()?.nodes.get(name)
    }

    /// Returns the value of the key at a span.
    fn value_of(&self, key: Span) -> Option<crate::yaml::Yaml<'a>> {
        let mut at = self.loaded.get(key.file)?.tree.root();
        // Each iteration goes one level down, and the budgets bound the levels.
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
