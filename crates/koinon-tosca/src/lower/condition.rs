//! Constraints, filters and conditions: lists of clauses to one boolean expression each.

use super::Lower;
use super::find;
use super::keynames;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Span;
use crate::yaml::Id;
use crate::yaml::Scalar;
use crate::yaml::Yaml;

/// What a clause is about.
#[derive(Clone, Debug)]
pub(super) enum Subject<'t> {
    /// The value that is checked.
    Value,
    /// The value that is checked, which is a `range`.
    Range,
    /// What a function gets at a path.
    Path { function: &'static str, path: Vec<Step<'t>> },
}

/// A step of a path.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'t> {
    /// A word of TOSCA's.
    Word(&'static str),
    /// A name of the author's.
    Name(Yaml<'t>),
}

impl<'t> Lower<'t, '_> {
    /// Lowers the constraints of a definition, if there are any.
    pub(super) fn constraints(&mut self, owner: Yaml<'t>, node: Yaml<'t>) -> Option<Id> {
        let named = find(owner, "type").or_else(|| find(owner, "derived_from"));
        let range = named.and_then(Yaml::text) == Some("range");
        let subject = if range { Subject::Range } else { Subject::Value };
        if node.list().is_none() {
            if node.scalar() != Some(Scalar::Null) {
                self.wrong_kind(node, "constraints", "list");
            }
            return None;
        }
        let clauses = self.clauses(node, &subject);
        (!clauses.is_empty()).then(|| self.all(node.span(), clauses))
    }

    /// Lowers a list of constraint clauses, or one alone.
    fn clauses(&mut self, node: Yaml<'t>, subject: &Subject<'t>) -> Vec<Id> {
        match node.list() {
            Some(list) => list.filter_map(|item| self.clause(item, subject)).collect(),
            None => self.clause(node, subject).into_iter().collect(),
        }
    }

    /// Lowers a constraint clause; nothing if every value passes it.
    fn clause(&mut self, node: Yaml<'t>, subject: &Subject<'t>) -> Option<Id> {
        let entry = node.map().filter(|map| map.len() == 1).and_then(|mut map| map.next());
        let Some((key, operand)) = entry else {
            let about = matches!(subject, Subject::Path { .. });
            if about && node.map().is_none() && node.list().is_none() {
                // In filters a value alone is one that must be equal.
                let operand = self.value(node);
                return Some(self.compare(node.span(), "$equal", (subject, None), operand));
            }
            self.wrong_kind(node, "a constraint", "map of one entry");
            return None;
        };
        let (name, span) = (key.text().unwrap_or_default(), key.span());
        let Some(row) = keynames::OPERATORS.key(name).filter(|row| row.has(self.version)) else {
            let known = keynames::OPERATORS.keys.iter().filter(|row| row.has(self.version));
            let message = format!("unknown constraint `{name}`");
            let fault = Fault::new(Code::UnknownKey, span, message);
            self.faults.push(fault.near(name, known.map(|row| row.name)));
            return None;
        };
        match name {
            "in_range" => return self.in_range(span, operand, subject),
            "length" | "min_length" | "max_length" => {
                let subject = self.subject(span, subject, None);
                let argument = self.rewriter.list(span, &[subject]);
                let length = self.call(span, "$length", argument);
                let operand = self.value(operand);
                let pair = self.rewriter.list(span, &[length, operand]);
                return Some(self.call(span, row.becomes, pair));
            }
            "valid_values" if operand.list().is_none() && !is_call(operand) => {
                self.wrong_kind(operand, "valid values", "list");
                return None;
            }
            _ => {}
        }
        let operand = match (name, operand.text()) {
            // The pattern matches all of the value; `$matches` looks for it anywhere.
            ("pattern", Some(pattern)) => {
                self.rewriter.scalar(operand.span(), &format!("^(?:{pattern})$"), false)
            }
            ("pattern", None) => {
                self.wrong_kind(operand, "a pattern", "string");
                return None;
            }
            _ => self.value(operand),
        };
        Some(self.compare(span, row.becomes, (subject, None), operand))
    }

    /// Lowers `in_range: [ low, high ]`; either may be UNBOUNDED.
    fn in_range(&mut self, span: Span, operand: Yaml<'t>, subject: &Subject<'t>) -> Option<Id> {
        let bounds: Vec<Yaml<'t>> = operand.list().into_iter().flatten().collect();
        let &[low, high] = bounds.as_slice() else {
            let message = "expected a list of two bounds as a range".to_owned();
            self.fault(Code::WrongKind, operand.span(), message);
            return None;
        };
        let bound = |bound: Yaml<'t>| bound.text() != Some("UNBOUNDED");
        let (is_low, is_high) = (bound(low), bound(high));
        let (first, second) = match subject {
            Subject::Range => (Some("0"), Some("1")),
            Subject::Value | Subject::Path { .. } => (None, None),
        };
        if is_low && is_high && first.is_none() {
            let operand = self.value(operand);
            return Some(self.compare(span, "$in_range", (subject, None), operand));
        }
        let mut parts = Vec::new();
        if is_low {
            let low = self.value(low);
            parts.push(self.compare(span, "$greater_or_equal", (subject, first), low));
        }
        if is_high {
            let high = self.value(high);
            parts.push(self.compare(span, "$less_or_equal", (subject, second), high));
        }
        (!parts.is_empty()).then(|| self.all(span, parts))
    }

    /// Calls a function with the subject, or an item of it, and an operand.
    fn compare(
        &mut self,
        span: Span,
        function: &str,
        (subject, index): (&Subject<'t>, Option<&str>),
        operand: Id,
    ) -> Id {
        let subject = self.subject(span, subject, index);
        let pair = self.rewriter.list(span, &[subject, operand]);
        self.call(span, function, pair)
    }

    fn subject(&mut self, span: Span, subject: &Subject<'t>, index: Option<&str>) -> Id {
        match (subject, index) {
            (Subject::Value | Subject::Range, None) => self.word(span, "$value"),
            (Subject::Value | Subject::Range, Some(index)) => {
                let index = self.word(span, index);
                let path = self.rewriter.list(span, &[index]);
                self.call(span, "$value", path)
            }
            (Subject::Path { function, path }, _) => {
                let path = path.iter().map(|step| match step {
                    Step::Word(word) => self.rewriter.scalar(span, word, true),
                    Step::Name(name) => self.rewriter.keep(*name),
                });
                let path: Vec<Id> = path.collect();
                let path = self.rewriter.list(span, &path);
                self.call(span, function, path)
            }
        }
    }

    /// Joins expressions of which all must be true.
    pub(super) fn all(&mut self, span: Span, expressions: Vec<Id>) -> Id {
        self.joined(span, "$and", expressions)
    }

    fn joined(&mut self, span: Span, function: &str, expressions: Vec<Id>) -> Id {
        match expressions.as_slice() {
            [] => self.word(span, "true"),
            [one] => *one,
            _ => {
                let list = self.rewriter.list(span, &expressions);
                self.call(span, function, list)
            }
        }
    }

    /// Lowers the node filter of a requirement, of which the target is asked.
    pub(super) fn target_filter(&mut self, node: Yaml<'t>) -> Option<Id> {
        let outer = std::mem::replace(&mut self.in_filter, true);
        let clauses = self.node_filter(node, &[Step::Word("SELF"), Step::Word("TARGET")]);
        self.in_filter = outer;
        (!clauses.is_empty()).then(|| self.all(node.span(), clauses))
    }

    /// Lowers a node filter to clauses about a node.
    pub(super) fn node_filter(&mut self, node: Yaml<'t>, path: &[Step<'t>]) -> Vec<Id> {
        let mut clauses = Vec::new();
        for (key, value) in self.known(node, &keynames::NODE_FILTER) {
            if key.text() == Some("properties") {
                self.property_filters(value, path, &mut clauses);
                continue;
            }
            for (name, filter) in self.named(value, "capabilities of a node filter") {
                let mut path = path.to_vec();
                path.extend([Step::Word("CAPABILITY"), Step::Name(name)]);
                for (_, value) in self.known(filter, &keynames::CAPABILITY_FILTER) {
                    self.property_filters(value, &path, &mut clauses);
                }
            }
        }
        clauses
    }

    fn property_filters(&mut self, node: Yaml<'t>, path: &[Step<'t>], clauses: &mut Vec<Id>) {
        for (name, value) in self.named(node, "properties of a filter") {
            let mut path = path.to_vec();
            path.push(Step::Name(name));
            let subject = Subject::Path { function: "$get_property", path };
            clauses.extend(self.clauses(value, &subject));
        }
    }

    /// Returns the entries of an entity that its table knows.
    fn known(
        &mut self,
        node: Yaml<'t>,
        entity: &'static keynames::Entity,
    ) -> Vec<(Yaml<'t>, Yaml<'t>)> {
        // For its faults; what it becomes is for the caller to say.
        self.entity(node, entity);
        let entries = node.map().into_iter().flatten();
        let known = |key: Yaml<'_>| key.text().is_some_and(|name| entity.key(name).is_some());
        entries.filter(|(key, _)| known(*key)).collect()
    }

    /// Returns the entries of a map, or of a list of maps.
    fn named(&self, node: Yaml<'t>, what: &str) -> Vec<(Yaml<'t>, Yaml<'t>)> {
        if let Some(map) = node.map() {
            return map.collect();
        }
        let Some(list) = node.list() else {
            if node.scalar() != Some(Scalar::Null) {
                self.wrong_kind(node, what, "list");
            }
            return Vec::new();
        };
        let mut entries = Vec::new();
        for item in list {
            match item.map() {
                Some(map) => entries.extend(map),
                None => self.wrong_kind(item, "a filter", "map"),
            }
        }
        entries
    }

    /// Lowers condition clauses, all of which must hold, about the attributes of what is at the path.
    pub(super) fn condition(&mut self, node: Yaml<'t>, path: &[Step<'t>]) -> Id {
        self.rules += 1;
        let rule = self.rules;
        self.conjunction(node, path, rule)
    }

    fn conjunction(&mut self, node: Yaml<'t>, path: &[Step<'t>], rule: usize) -> Id {
        self.once(node, rule, |this, node| {
            let mut parts = Vec::new();
            match (node.list(), node.map()) {
                (Some(list), _) => {
                    for item in list {
                        parts.push(this.conjunction(item, path, rule));
                    }
                }
                (None, Some(map)) => {
                    for (key, value) in map {
                        parts.push(this.assertion(key, value, path, rule));
                    }
                }
                (None, None) if node.scalar() == Some(Scalar::Null) => {}
                (None, None) => this.wrong_kind(node, "a condition", "map"),
            }
            this.all(node.span(), parts)
        })
    }

    /// Lowers a clause of a condition: conditions joined, or the constraints of an attribute.
    fn assertion(&mut self, key: Yaml<'t>, value: Yaml<'t>, path: &[Step<'t>], rule: usize) -> Id {
        let span = key.span();
        match key.text() {
            Some("and" | "assert") => self.conjunction(value, path, rule),
            Some("not") => {
                let argument = self.conjunction(value, path, rule);
                let list = self.rewriter.list(span, &[argument]);
                self.call(span, "$not", list)
            }
            Some("or") => {
                let items: Vec<Yaml<'t>> = match value.list() {
                    Some(list) => list.collect(),
                    None => vec![value],
                };
                let parts =
                    items.into_iter().map(|item| self.conjunction(item, path, rule)).collect();
                self.joined(span, "$or", parts)
            }
            _ => {
                let mut path = path.to_vec();
                path.push(Step::Name(key));
                let subject = Subject::Path { function: "$get_attribute", path };
                let clauses = self.clauses(value, &subject);
                self.all(span, clauses)
            }
        }
    }
}

/// Returns whether a value is a map of one entry, as a call is.
fn is_call(node: Yaml<'_>) -> bool {
    node.map().is_some_and(|map| map.len() == 1)
}
