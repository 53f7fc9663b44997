//! Regular expressions of validation clauses, compiled once.

use std::cell::RefCell;
use std::collections::BTreeMap;

use regex::Regex;
use regex::RegexBuilder;

/// The most bytes of a compiled regular expression.
const MAX_REGEX: usize = 1 << 20;

/// Compiled regular expressions, `None` for an invalid one. To compile one may take some
/// milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Regexes(RefCell<BTreeMap<String, Option<Regex>>>);

impl Regexes {
    /// The most that are kept; each takes at most about `MAX_REGEX` bytes.
    const MAX_COMPILED: usize = 64;

    /// Returns whether a pattern is compiled already.
    pub(crate) fn is_compiled(&self, pattern: &str) -> bool {
        self.0.borrow().contains_key(pattern)
    }

    /// Returns the compiled pattern; compiles it if needed.
    pub(crate) fn get(&self, pattern: &str) -> Option<Regex> {
        let mut all = self.0.borrow_mut();
        if let Some(known) = all.get(pattern) {
            return known.clone();
        }
        if all.len() >= Self::MAX_COMPILED {
            all.clear();
        }
        let regex = RegexBuilder::new(pattern).size_limit(MAX_REGEX).build().ok();
        all.insert(pattern.to_owned(), regex.clone());
        regex
    }
}
