//! The files of a run: the result of loading, which all later phases read.

use std::collections::BTreeMap;

use crate::diag::Span;
use crate::profiles::ToscaVersion;
use crate::yaml::Tree;

/// A parsed file.
#[derive(Debug)]
pub(crate) struct ToscaFile {
    pub(crate) tree: Tree,
    /// The profile of the file: its own, or that of the file that imports it (csd07 6.7.1).
    pub(crate) profile: Option<String>,
    /// Whether the profile is built in.
    pub(crate) builtin: bool,
    /// The version of TOSCA 1.x it is written in; nothing for 2.0.
    pub(crate) version: Option<ToscaVersion>,
    /// Whether the caller named the file; other files are imported.
    pub(crate) root: bool,
    pub(crate) imports: Vec<Import>,
}

/// An import of a file.
#[derive(Debug)]
pub(crate) struct Import {
    /// The number of the imported file.
    pub(crate) file: u32,
    /// The prefix of its names in the importing file.
    pub(crate) namespace: Option<String>,
    pub(crate) span: Span,
}

/// All files of a run, by the file numbers of spans.
#[derive(Debug, Default)]
pub(crate) struct LoadedFiles {
    pub(crate) files: BTreeMap<u32, ToscaFile>,
}

impl LoadedFiles {
    /// Returns the files in the order of reading; the root is first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &ToscaFile)> {
        self.files.iter().map(|(number, file)| (*number, file))
    }

    pub(crate) fn get(&self, number: u32) -> Option<&ToscaFile> {
        self.files.get(&number)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}
