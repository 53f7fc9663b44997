//! Constraints, filters and conditions: a list of clauses becomes one boolean expression.

use super::Lowering;
use super::find;
use super::keynames;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Span;
use crate::yaml::Scalar;
use crate::yaml::Yaml;
use crate::yaml::YamlIndex;

/// The value a clause applies to.
#[derive(Clone, Debug)]
pub(super) enum ClauseSubject<'t> {
    /// The checked value.
    Value,
    /// The checked value, which is a `range`.
    Range,
    /// An end of the checked `range`: `0` or `1`.
    RangeEnd(&'static str),
    /// The result of a function at a path.
    Path { function: &'static str, path: Vec<PathPart<'t>> },
}

/// A step of a path.
#[derive(Clone, Copy, Debug)]
pub(super) enum PathPart<'t> {
    /// A keyword of TOSCA.
    Word(&'static str),
    /// A name in the author's file.
    Name(Yaml<'t>),
}

impl<'t> Lowering<'t, '_> {
    /// Lowers the constraints of a definition, if there are any.
    pub(super) fn constraints(&mut self, owner: Yaml<'t>, node: Yaml<'t>) -> Option<YamlIndex> {
        let named = find(owner, "type").or_else(|| find(owner, "derived_from"));
        let range = named.and_then(Yaml::text) == Some("range");
        let subject = if range { ClauseSubject::Range } else { ClauseSubject::Value };
        if node.list().is_none() {
            if node.scalar() != Some(Scalar::Null) {
                self.wrong_kind(node, "constraints", "list");
            }
            return None;
        }
        let clauses = self.clauses(node, &subject);
        (!clauses.is_empty()).then(|| self.all(node.span(), clauses))
    }

    /// Lowers a list of constraint clauses, or a single clause.
    fn clauses(&mut self, node: Yaml<'t>, subject: &ClauseSubject<'t>) -> Vec<YamlIndex> {
        match node.list() {
            Some(list) => list.filter_map(|item| self.clause(item, subject)).collect(),
            None => self.clause(node, subject).into_iter().collect(),
        }
    }

    /// Lowers a constraint clause. Returns nothing if every value passes it.
    fn clause(&mut self, node: Yaml<'t>, subject: &ClauseSubject<'t>) -> Option<YamlIndex> {
        let entry = node.map().filter(|map| map.len() == 1).and_then(|mut map| map.next());
        let Some((key, operand)) = entry else {
            let about = matches!(subject, ClauseSubject::Path { .. });
            if about && node.map().is_none() && node.list().is_none() {
                // In a filter, a value without an operator must be equal.
                let operand = self.value(node);
                return Some(self.compare(node.span(), "$equal", subject, operand));
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
                let subject = self.subject(span, subject);
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
            // The pattern matches the whole value, but `$matches` accepts a match anywhere.
            ("pattern", Some(pattern)) => {
                self.rewriter.string(operand.span(), &format!("^(?:{pattern})$"))
            }
            ("pattern", None) => {
                self.wrong_kind(operand, "a pattern", "string");
                return None;
            }
            _ => self.value(operand),
        };
        Some(self.compare(span, row.becomes, subject, operand))
    }

    /// Lowers `in_range: [ low, high ]`, where both may be UNBOUNDED.
    fn in_range(
        &mut self,
        span: Span,
        operand: Yaml<'t>,
        subject: &ClauseSubject<'t>,
    ) -> Option<YamlIndex> {
        let bounds: Vec<Yaml<'t>> = operand.list().into_iter().flatten().collect();
        let &[low, high] = bounds.as_slice() else {
            let message = "expected a list of two bounds as a range".to_owned();
            self.fault(Code::WrongKind, operand.span(), message);
            return None;
        };
        let bound = |bound: Yaml<'t>| bound.text() != Some("UNBOUNDED");
        let (is_low, is_high) = (bound(low), bound(high));
        let is_range = matches!(subject, ClauseSubject::Range);
        if is_low && is_high && !is_range {
            let operand = self.value(operand);
            return Some(self.compare(span, "$in_range", subject, operand));
        }
        let ends = (ClauseSubject::RangeEnd("0"), ClauseSubject::RangeEnd("1"));
        let (first, second) = if is_range { (&ends.0, &ends.1) } else { (subject, subject) };
        let mut parts = Vec::new();
        if is_low {
            let low = self.value(low);
            parts.push(self.compare(span, "$greater_or_equal", first, low));
        }
        if is_high {
            let high = self.value(high);
            parts.push(self.compare(span, "$less_or_equal", second, high));
        }
        (!parts.is_empty()).then(|| self.all(span, parts))
    }

    /// Calls a function with the subject and an operand.
    fn compare(
        &mut self,
        span: Span,
        function: &str,
        subject: &ClauseSubject<'t>,
        operand: YamlIndex,
    ) -> YamlIndex {
        let subject = self.subject(span, subject);
        let pair = self.rewriter.list(span, &[subject, operand]);
        self.call(span, function, pair)
    }

    fn subject(&mut self, span: Span, subject: &ClauseSubject<'t>) -> YamlIndex {
        match subject {
            ClauseSubject::Value | ClauseSubject::Range => self.word(span, "$value"),
            ClauseSubject::RangeEnd(index) => {
                let index = self.word(span, index);
                let path = self.rewriter.list(span, &[index]);
                self.call(span, "$value", path)
            }
            ClauseSubject::Path { function, path } => {
                let path = path.iter().map(|step| match step {
                    PathPart::Word(word) => self.rewriter.plain(span, word),
                    PathPart::Name(name) => self.rewriter.keep(*name),
                });
                let path: Vec<YamlIndex> = path.collect();
                let path = self.rewriter.list(span, &path);
                self.call(span, function, path)
            }
        }
    }

    /// Joins expressions that must all be true.
    pub(super) fn all(&mut self, span: Span, expressions: Vec<YamlIndex>) -> YamlIndex {
        self.join_expressions(span, "$and", expressions)
    }

    fn join_expressions(
        &mut self,
        span: Span,
        function: &str,
        expressions: Vec<YamlIndex>,
    ) -> YamlIndex {
        match expressions.as_slice() {
            [] => self.word(span, "true"),
            [one] => *one,
            _ => {
                let list = self.rewriter.list(span, &expressions);
                self.call(span, function, list)
            }
        }
    }

    /// Lowers the node filter of a requirement, which applies to the target.
    pub(super) fn target_filter(&mut self, node: Yaml<'t>) -> Option<YamlIndex> {
        let outer = std::mem::replace(&mut self.in_filter, true);
        let clauses = self.node_filter(node, &[PathPart::Word("SELF"), PathPart::Word("TARGET")]);
        self.in_filter = outer;
        (!clauses.is_empty()).then(|| self.all(node.span(), clauses))
    }

    /// Lowers a node filter to clauses about a node.
    pub(super) fn node_filter(&mut self, node: Yaml<'t>, path: &[PathPart<'t>]) -> Vec<YamlIndex> {
        let mut clauses = Vec::new();
        for (key, value) in self.known(node, &keynames::NODE_FILTER) {
            if key.text() == Some("properties") {
                self.property_filters(value, path, &mut clauses);
                continue;
            }
            for (name, filter) in self.named(value, "capabilities of a node filter") {
                let mut path = path.to_vec();
                path.extend([PathPart::Word("CAPABILITY"), PathPart::Name(name)]);
                for (_, value) in self.known(filter, &keynames::CAPABILITY_FILTER) {
                    self.property_filters(value, &path, &mut clauses);
                }
            }
        }
        clauses
    }

    fn property_filters(
        &mut self,
        node: Yaml<'t>,
        path: &[PathPart<'t>],
        clauses: &mut Vec<YamlIndex>,
    ) {
        for (name, value) in self.named(node, "properties of a filter") {
            let mut path = path.to_vec();
            path.push(PathPart::Name(name));
            let subject = ClauseSubject::Path { function: "$get_property", path };
            clauses.extend(self.clauses(value, &subject));
        }
    }

    /// Returns the entries of an entity whose keynames are in its table.
    fn known(
        &mut self,
        node: Yaml<'t>,
        entity: &'static keynames::OldEntity,
    ) -> Vec<(Yaml<'t>, Yaml<'t>)> {
        // This reports the faults of the entity. The caller lowers its entries differently.
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

    /// Lowers condition clauses that must all hold for the attributes of the entity at a path.
    pub(super) fn condition(&mut self, node: Yaml<'t>, path: &[PathPart<'t>]) -> YamlIndex {
        self.last_rule += 1;
        let rule = self.last_rule;
        self.conjunction(node, path, rule)
    }

    fn conjunction(&mut self, node: Yaml<'t>, path: &[PathPart<'t>], rule: usize) -> YamlIndex {
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

    /// Lowers a clause of a condition: joined conditions, or constraints of an attribute.
    fn assertion(
        &mut self,
        key: Yaml<'t>,
        value: Yaml<'t>,
        path: &[PathPart<'t>],
        rule: usize,
    ) -> YamlIndex {
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
                self.join_expressions(span, "$or", parts)
            }
            _ => {
                let mut path = path.to_vec();
                path.push(PathPart::Name(key));
                let subject = ClauseSubject::Path { function: "$get_attribute", path };
                let clauses = self.clauses(value, &subject);
                self.all(span, clauses)
            }
        }
    }
}

/// Returns whether a value is a map of one entry, like a call.
fn is_call(node: Yaml<'_>) -> bool {
    node.map().is_some_and(|map| map.len() == 1)
}
