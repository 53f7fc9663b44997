//! Values: functions get their mark, what only looks like a function loses it.

use koinon_model::Value;

use super::Lower;
use crate::diag::Span;
use crate::grammar::Function;
use crate::yaml::Id;
use crate::yaml::Scalar;
use crate::yaml::Yaml;

/// The rule of values.
const VALUE: usize = 0;
/// The rule of values in a filter of a requirement's targets.
const VALUE_IN_FILTER: usize = 1;

impl<'t> Lower<'t, '_> {
    /// Lowers a value: `{ get_input: a }` to `{ $get_input: a }`, `$a` to `$$a`.
    pub(super) fn value(&mut self, node: Yaml<'t>) -> Id {
        let rule = if self.in_filter { VALUE_IN_FILTER } else { VALUE };
        self.once(node, rule, Self::value_once)
    }

    fn value_once(&mut self, node: Yaml<'t>) -> Id {
        if let Some(text) = node.text() {
            return match text.as_bytes().first() {
                Some(b'$') => self.rewriter.scalar(node.span(), &format!("${text}"), false),
                Some(b'T' | b'F') => self.boolean(node, text),
                _ => self.rewriter.keep(node),
            };
        }
        if node.list().is_some() {
            return self.items(node, Self::value);
        }
        let Some(mut map) = node.map() else { return self.rewriter.keep(node) };
        if is_later_call(node) {
            return self.rewriter.keep(node);
        }
        if map.len() == 1
            && let Some((key, argument)) = map.next()
            && let Some(new) = self.function(key, argument)
        {
            let (key, argument) = new;
            return self.rewriter.map(node.span(), &[(key, argument)]);
        }
        self.entries(node)
    }

    /// Lowers each key and value of a map.
    fn entries(&mut self, node: Yaml<'t>) -> Id {
        let Some(map) = node.map() else { return self.rewriter.keep(node) };
        let mut changed = false;
        let mut entries = Vec::with_capacity(map.len());
        for (key, value) in map {
            let (new_key, new) = (self.value(key), self.value(value));
            changed |= new_key != self.rewriter.keep(key) || new != self.rewriter.keep(value);
            entries.push((new_key, new));
        }
        match changed {
            true => self.rewriter.map(node.span(), &entries),
            false => self.rewriter.keep(node),
        }
    }

    /// Writes a boolean of YAML's core schema, such as `True`, as 2.0 demands.
    fn boolean(&mut self, node: Yaml<'t>, text: &str) -> Id {
        // A quoted text is a string; a plain one is no string to TOSCA 2.0 only if it is in lower case.
        match text {
            "True" | "TRUE" if node.is_plain() => self.word(node.span(), "true"),
            "False" | "FALSE" if node.is_plain() => self.word(node.span(), "false"),
            _ => self.rewriter.keep(node),
        }
    }

    /// Lowers a call of one of 1.x's functions, if it is one.
    fn function(&mut self, key: Yaml<'t>, argument: Yaml<'t>) -> Option<(Id, Id)> {
        let name = key.text()?;
        let (_, becomes, typed) = FUNCTIONS.iter().find(|(known, ..)| *known == name)?;
        if let Some(typed) = typed {
            return Some(self.path(key, argument, (becomes, typed)));
        }
        let new = self.value(argument);
        // Only inputs may be named without a list.
        let new = match *becomes == "$get_input" || argument.list().is_some() {
            true => new,
            false => self.rewriter.list(argument.span(), &[new]),
        };
        Some((self.word(key.span(), becomes), new))
    }

    /// Lowers a function of a path. Of two names the first is an entity and the second what it has; of more, the second
    /// may be a requirement or capability as well, which only types can tell.
    fn path(
        &mut self,
        key: Yaml<'t>,
        argument: Yaml<'t>,
        (plain, typed): (&str, &str),
    ) -> (Id, Id) {
        let names = argument.list().filter(|names| names.len() == 2);
        let first = names.and_then(|mut names| names.next()).and_then(Yaml::text);
        let prefix = match first {
            Some("SOURCE" | "TARGET") => Some("SELF"),
            // In a filter SELF is the relationship; the node that has the filter is its source.
            Some("SELF") if self.in_filter => Some("SOURCE"),
            Some("HOST") | None => {
                return (self.word(key.span(), typed), self.value(argument));
            }
            Some(_) => None,
        };
        let new = self.value(argument);
        let new = match prefix {
            Some(word) => self.prefixed(argument.span(), new, word),
            None => new,
        };
        (self.word(key.span(), plain), new)
    }

    /// Puts a step of a path before a list's first item, or after it if that is where the path starts.
    pub(super) fn prefixed(&mut self, span: Span, list: Id, word: &str) -> Id {
        let mut items = self.rewriter.items(list);
        let word_at = usize::from(word != "SELF");
        let word = self.word(span, word);
        items.insert(word_at.min(items.len()), word);
        self.rewriter.list(span, &items)
    }
}

/// The functions of 1.x: what they become, and what if only types can tell what their path means.
pub(crate) const FUNCTIONS: [(&str, &str, Option<&str>); 9] = [
    ("get_input", "$get_input", None),
    ("get_property", "$get_property", Some("$get_property_1x")),
    ("get_attribute", "$get_attribute", Some("$get_attribute_1x")),
    ("get_artifact", "$get_artifact", Some("$get_artifact_1x")),
    ("get_operation_output", "$get_operation_output", None),
    ("get_nodes_of_type", "$get_nodes_of_type", None),
    ("concat", "$concat", None),
    ("join", "$join", None),
    ("token", "$token", None),
];

/// Returns whether a value is a call of a function of 2.0, which Koinon reads in 1.x as well.
pub(super) fn is_later_call(node: Yaml<'_>) -> bool {
    let key = node.map().filter(|map| map.len() == 1).and_then(|mut map| map.next());
    let name = key.and_then(|(key, _)| key.text()).and_then(|text| text.strip_prefix('$'));
    name.is_some_and(|name| Function::named(name.split('$').next().unwrap_or(name)).is_some())
}

/// Returns whether a key is the name of a function.
pub(super) fn is_function(key: Yaml<'_>) -> bool {
    key.text().is_some_and(|name| FUNCTIONS.iter().any(|(known, ..)| *known == name))
}

/// Converts a tree to a value, to be written. What JSON has no form for becomes text.
pub(super) fn literal(yaml: Yaml<'_>) -> Value {
    if let Some(scalar) = yaml.scalar() {
        return match scalar {
            Scalar::Null => Value::Null,
            Scalar::Bool(value) => Value::Bool(value),
            Scalar::Number(number) => Value::Number(number),
            Scalar::NoNumber => Value::string(yaml.text().unwrap_or_default()),
            Scalar::String(text) => Value::string(text),
        };
    }
    if let Some(items) = yaml.list() {
        return Value::List(items.map(literal).collect());
    }
    let key = |key: Yaml<'_>| match key.text() {
        Some(text) => text.to_owned(),
        None => literal(key).to_json(),
    };
    let entries = yaml.map().into_iter().flatten();
    entries.map(|(name, value)| (key(name), literal(value))).collect()
}
