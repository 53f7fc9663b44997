//! Values: function calls get a `$`, and texts that only look like calls are escaped.

use koinon_model::Value;

use super::Lowering;
use crate::diag::Span;
use crate::grammar::Function;
use crate::yaml::Scalar;
use crate::yaml::Yaml;
use crate::yaml::YamlIndex;

/// The rule of values.
const VALUE_RULE: usize = 0;
/// The rule of values in a filter of a requirement's targets.
const FILTER_VALUE_RULE: usize = 1;

impl<'t> Lowering<'t, '_> {
    /// Lowers a value: `{ get_input: a }` to `{ $get_input: a }`, `$a` to `$$a`.
    pub(super) fn value(&mut self, node: Yaml<'t>) -> YamlIndex {
        let rule = if self.in_filter { FILTER_VALUE_RULE } else { VALUE_RULE };
        self.once(node, rule, Self::value_once)
    }

    fn value_once(&mut self, node: Yaml<'t>) -> YamlIndex {
        if let Some(text) = node.text() {
            return match text.as_bytes().first() {
                Some(b'$') => self.rewriter.string(node.span(), &format!("${text}")),
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
    fn entries(&mut self, node: Yaml<'t>) -> YamlIndex {
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

    /// Writes a boolean of YAML's core schema, such as `True`, as 2.0 requires.
    fn boolean(&mut self, node: Yaml<'t>, text: &str) -> YamlIndex {
        // A quoted text is a string. TOSCA 2.0 reads a plain text as a boolean only in lower case.
        match text {
            "True" | "TRUE" if node.is_plain() => self.word(node.span(), "true"),
            "False" | "FALSE" if node.is_plain() => self.word(node.span(), "false"),
            _ => self.rewriter.keep(node),
        }
    }

    /// Lowers a call of a function of 1.x. Returns nothing for another key.
    fn function(&mut self, key: Yaml<'t>, argument: Yaml<'t>) -> Option<(YamlIndex, YamlIndex)> {
        let name = key.text()?;
        let function = OLD_FUNCTIONS.iter().find(|function| function.name == name)?;
        let becomes = function.becomes;
        if let Some(typed) = function.typed {
            return Some(match self.path(argument) {
                OldPath::Plain(path) => (self.word(key.span(), becomes), path),
                OldPath::Typed => (self.word(key.span(), typed), self.value(argument)),
            });
        }
        let new = self.value(argument);
        // Only `$get_input` accepts a name without a list.
        let new = match becomes == "$get_input" || argument.list().is_some() {
            true => new,
            false => self.rewriter.list(argument.span(), &[new]),
        };
        Some((self.word(key.span(), becomes), new))
    }

    /// Lowers the path of a function. The first of two names is an entity and the second its value.
    /// In a longer path, the second name may also be a requirement or capability, which depends on
    /// types.
    fn path(&mut self, argument: Yaml<'t>) -> OldPath {
        let names = argument.list().filter(|names| names.len() == 2);
        let first = names.and_then(|mut names| names.next()).and_then(Yaml::text);
        let prefix = match first {
            Some("SOURCE" | "TARGET") => Some("SELF"),
            // In a filter SELF is the relationship; the node that has the filter is its source.
            Some("SELF") if self.in_filter => Some("SOURCE"),
            Some("HOST") | None => return OldPath::Typed,
            Some(_) => None,
        };
        let path = self.value(argument);
        OldPath::Plain(match prefix {
            Some(word) => self.prefixed(argument.span(), path, word),
            None => path,
        })
    }

    /// Inserts a keyword into a path: SELF before the first step, another keyword after it.
    pub(super) fn prefixed(&mut self, span: Span, list: YamlIndex, word: &str) -> YamlIndex {
        let mut items = self.rewriter.items(list);
        let word_at = usize::from(word != "SELF");
        let word = self.word(span, word);
        items.insert(word_at.min(items.len()), word);
        self.rewriter.list(span, &items)
    }
}

/// The path of a function of 1.x.
enum OldPath {
    /// The path of the function of 2.0.
    Plain(YamlIndex),
    /// The meaning of the path depends on types.
    Typed,
}

/// A function of 1.x.
pub(crate) struct OldFunction {
    pub(crate) name: &'static str,
    /// The function of 2.0 it becomes.
    pub(crate) becomes: &'static str,
    /// The function it becomes if the meaning of its path depends on types.
    pub(crate) typed: Option<&'static str>,
}

/// The functions of 1.x.
pub(crate) static OLD_FUNCTIONS: [OldFunction; 9] = [
    old_function("get_input", "$get_input", None),
    old_function("get_property", "$get_property", Some("$get_property_1x")),
    old_function("get_attribute", "$get_attribute", Some("$get_attribute_1x")),
    old_function("get_artifact", "$get_artifact", Some("$get_artifact_1x")),
    old_function("get_operation_output", "$get_operation_output", None),
    old_function("get_nodes_of_type", "$get_nodes_of_type", None),
    old_function("concat", "$concat", None),
    old_function("join", "$join", None),
    old_function("token", "$token", None),
];

const fn old_function(
    name: &'static str,
    becomes: &'static str,
    typed: Option<&'static str>,
) -> OldFunction {
    OldFunction { name, becomes, typed }
}

/// Returns whether a value is a call of a function of 2.0, which Koinon also accepts in 1.x.
pub(super) fn is_later_call(node: Yaml<'_>) -> bool {
    let key = node.map().filter(|map| map.len() == 1).and_then(|mut map| map.next());
    let name = key.and_then(|(key, _)| key.text()).and_then(|text| text.strip_prefix('$'));
    name.is_some_and(|name| Function::named(name.split('$').next().unwrap_or(name)).is_some())
}

/// Returns whether a key is the name of a function.
pub(super) fn is_function(key: Yaml<'_>) -> bool {
    key.text().is_some_and(|name| OLD_FUNCTIONS.iter().any(|function| function.name == name))
}

/// Converts a tree to a value for writing. A scalar without a form in JSON becomes text.
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
