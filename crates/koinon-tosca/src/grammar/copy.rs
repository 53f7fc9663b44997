//! `copy`: a template that takes over the keynames of another (csd07 7.2, 7.4).

use super::fields::Fields;
use super::fields::Word;
use super::template::Assigned;
use super::template::read_assignments;
use crate::diag::Faults;
use crate::yaml::Yaml;

/// A template's own keynames, and those of the one it copies.
pub(crate) struct Copied<'a> {
    pub(crate) own: Fields<'a>,
    pub(crate) copied: Option<Fields<'a>>,
}

impl<'a> Copied<'a> {
    /// Returns what is under a keyname: its own, or what is copied.
    pub(crate) fn get(&self, key: &str) -> Option<Yaml<'a>> {
        self.own.get(key).or_else(|| self.copied.as_ref()?.get(key))
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub(crate) fn word(&self, key: &str) -> Option<Word<'a>> {
        self.own.word(key).or_else(|| self.copied.as_ref()?.word(key))
    }

    pub(crate) fn words(&self, key: &str) -> Option<Vec<Word<'a>>> {
        self.own.words(key).or_else(|| self.copied.as_ref()?.words(key))
    }

    /// Reads values: its own, and those of the copied template it does not give itself.
    pub(crate) fn assigned(&self, key: &str, faults: &Faults) -> Assigned<'a> {
        let own = read_assignments(self.own.get(key), key, faults);
        let Some(copied) = self.copied.as_ref().and_then(|copied| copied.get(key)) else {
            return own;
        };
        let copied = read_assignments(Some(copied), key, &Faults::default());
        let more = copied.iter().filter(|(word, _)| !own.contains(word.text)).cloned();
        own.iter().cloned().chain(more).collect()
    }
}
