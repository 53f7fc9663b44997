//! `copy`: a template that uses the keynames of another template (csd07 7.2, 7.4).

use super::assignments::ValueAssignments;
use super::assignments::read_assignments;
use super::fields::EntityFields;
use super::fields::Word;
use crate::diag::Faults;
use crate::yaml::Yaml;

/// The keynames of a template, and of the template it copies.
pub(crate) struct Copied<'a> {
    pub(crate) own: EntityFields<'a>,
    pub(crate) copied: Option<EntityFields<'a>>,
}

impl<'a> Copied<'a> {
    /// Returns the template's own value of a keyname, or the copied value.
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

    /// Reads assignments: the template's own, and copied ones for other names.
    pub(crate) fn assigned(&self, key: &str, faults: &Faults) -> ValueAssignments<'a> {
        let own = read_assignments(self.own.get(key), key, faults);
        let Some(copied) = self.copied.as_ref().and_then(|copied| copied.get(key)) else {
            return own;
        };
        let copied = read_assignments(Some(copied), key, &Faults::default());
        let more = copied.iter().filter(|(word, _)| !own.contains(word.text)).cloned();
        own.iter().cloned().chain(more).collect()
    }
}
