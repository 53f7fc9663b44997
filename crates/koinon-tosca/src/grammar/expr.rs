//! Expressions: literal values with function calls in them (csd07 10.1).

use std::borrow::Cow;

use koinon_model::Number;
use koinon_model::Value;

use super::fields::Word;
use super::fields::wrong_kind;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Span;
use crate::diag::article;
use crate::yaml::Scalar;
use crate::yaml::Yaml;

/// An expression with its place. Text stays in its file.
#[derive(Clone, Debug)]
pub(crate) struct Expr<'a> {
    pub(crate) span: Span,
    pub(crate) kind: ExprKind<'a>,
}

/// The kinds of expressions.
#[derive(Clone, Debug)]
pub(crate) enum ExprKind<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    List(Vec<Expr<'a>>),
    /// A map. A key is a text, or a call that returns the text.
    Map(Vec<(Expr<'a>, Expr<'a>)>),
    /// A call of a built-in function.
    Call(Function, Vec<Expr<'a>>),
    /// A call of a function that is not built in, with its arguments as written.
    Custom(Word<'a>, Box<Expr<'a>>),
    /// An expression with a fault, which was reported.
    Faulty,
}

/// The kind of a function's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReturnKind {
    Boolean,
    Integer,
    String,
    /// A number or a scalar.
    Number,
    /// A kind that depends on the arguments.
    Any,
}

macro_rules! functions {
    ($($variant:ident $name:literal $min:literal..=$max:expr => $gives:ident,)*) => {
        /// TOSCA's built-in functions (csd07 chapter 10), `$in_range`, which its examples use, and
        /// functions of TOSCA 1.x without an equivalent in 2.0.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Function {
            $(#[doc = $name] $variant,)*
        }

        impl Function {
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Returns the name, without the dollar sign.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Returns the function with this name.
            pub(crate) fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }

            /// Returns the least and the greatest number of arguments.
            pub(crate) const fn arity(self) -> (usize, usize) {
                match self { $(Self::$variant => ($min, $max),)* }
            }

            /// Returns the kind of its result.
            pub(crate) const fn return_kind(self) -> ReturnKind {
                match self { $(Self::$variant => ReturnKind::$gives,)* }
            }

            /// Returns whether its result depends on the graph or on running nodes.
            pub(crate) const fn is_query(self) -> bool {
                matches!(
                    self,
                    Self::GetProperty
                        | Self::GetProperty1x
                        | Self::GetAttribute
                        | Self::GetAttribute1x
                        | Self::GetArtifact
                        | Self::GetArtifact1x
                        | Self::GetOperationOutput
                        | Self::GetNodesOfType
                        | Self::NodeIndex
                        | Self::RelationshipIndex
                        | Self::AvailableAllocation
                )
            }
        }
    };
}

/// The greatest number of arguments of a function without a limit.
const UNBOUNDED: usize = usize::MAX;

functions! {
    GetInput "get_input" 1..=UNBOUNDED => Any,
    GetProperty "get_property" 2..=UNBOUNDED => Any,
    GetAttribute "get_attribute" 2..=UNBOUNDED => Any,
    GetArtifact "get_artifact" 2..=UNBOUNDED => String,
    Value "value" 0..=UNBOUNDED => Any,
    NodeIndex "node_index" 0..=0 => Integer,
    RelationshipIndex "relationship_index" 0..=0 => Integer,
    AvailableAllocation "available_allocation" 2..=UNBOUNDED => Any,
    And "and" 2..=UNBOUNDED => Boolean,
    Or "or" 2..=UNBOUNDED => Boolean,
    Not "not" 1..=1 => Boolean,
    Xor "xor" 2..=2 => Boolean,
    Equal "equal" 2..=2 => Boolean,
    GreaterThan "greater_than" 2..=2 => Boolean,
    GreaterOrEqual "greater_or_equal" 2..=2 => Boolean,
    LessThan "less_than" 2..=2 => Boolean,
    LessOrEqual "less_or_equal" 2..=2 => Boolean,
    InRange "in_range" 2..=2 => Boolean,
    ValidValues "valid_values" 2..=2 => Boolean,
    Matches "matches" 2..=2 => Boolean,
    HasSuffix "has_suffix" 2..=2 => Boolean,
    HasPrefix "has_prefix" 2..=2 => Boolean,
    Contains "contains" 2..=2 => Boolean,
    HasEntry "has_entry" 2..=2 => Boolean,
    HasKey "has_key" 2..=2 => Boolean,
    HasAllEntries "has_all_entries" 2..=2 => Boolean,
    HasAllKeys "has_all_keys" 2..=2 => Boolean,
    HasAnyEntry "has_any_entry" 2..=2 => Boolean,
    HasAnyKey "has_any_key" 2..=2 => Boolean,
    Length "length" 1..=1 => Integer,
    Concat "concat" 1..=UNBOUNDED => Any,
    Join "join" 1..=2 => String,
    Token "token" 3..=3 => String,
    Union "union" 1..=UNBOUNDED => Any,
    Intersection "intersection" 1..=UNBOUNDED => Any,
    Sum "sum" 1..=UNBOUNDED => Number,
    Difference "difference" 2..=2 => Number,
    Product "product" 1..=UNBOUNDED => Number,
    Quotient "quotient" 2..=2 => Number,
    Remainder "remainder" 2..=2 => Number,
    Round "round" 1..=1 => Integer,
    Floor "floor" 1..=1 => Integer,
    Ceil "ceil" 1..=1 => Integer,
    GetProperty1x "get_property_1x" 2..=UNBOUNDED => Any,
    GetAttribute1x "get_attribute_1x" 2..=UNBOUNDED => Any,
    GetArtifact1x "get_artifact_1x" 2..=4 => String,
    Schema1x "schema_1x" 1..=UNBOUNDED => Boolean,
    GetOperationOutput "get_operation_output" 4..=4 => Any,
    GetNodesOfType "get_nodes_of_type" 1..=1 => Any,
}

impl Function {
    /// Returns whether it stands for a feature that 1.x has and 2.0 does not have.
    pub(crate) fn is_old(self) -> bool {
        matches!(
            self,
            Self::GetProperty1x
                | Self::GetAttribute1x
                | Self::GetArtifact1x
                | Self::Schema1x
                | Self::GetOperationOutput
                | Self::GetNodesOfType
        )
    }
}

impl<'a> Expr<'a> {
    /// Returns the text of a literal string.
    pub(crate) fn as_str(&self) -> Option<&str> {
        if let ExprKind::Text(text) = &self.kind { Some(text) } else { None }
    }

    /// Returns the value of a literal natural number.
    pub(crate) fn as_u64(&self) -> Option<u64> {
        match &self.kind {
            ExprKind::Number(number) => {
                number.as_i64().and_then(|number| u64::try_from(number).ok())
            }
            _ => None,
        }
    }

    /// Returns the name of the input, if this is `$get_input` with only a name.
    pub(crate) fn plain_input(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::Call(Function::GetInput, arguments) if arguments.len() == 1 => {
                arguments[0].as_str()
            }
            _ => None,
        }
    }

    /// Returns whether the value may differ between the nodes of one template.
    pub(crate) fn varies(&self) -> bool {
        match &self.kind {
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Number(_)
            | ExprKind::Text(_)
            | ExprKind::Faulty => false,
            ExprKind::List(items) => items.iter().any(Self::varies),
            ExprKind::Map(entries) => {
                entries.iter().any(|(key, value)| key.varies() || value.varies())
            }
            ExprKind::Call(function, _) if function.is_query() => true,
            ExprKind::Call(_, arguments) => arguments.iter().any(Self::varies),
            // The function may depend on the graph.
            ExprKind::Custom(..) => true,
        }
    }

    /// Returns the direct subexpressions.
    pub(crate) fn parts(&self) -> Box<dyn Iterator<Item = &Self> + '_> {
        match &self.kind {
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Number(_)
            | ExprKind::Text(_)
            | ExprKind::Faulty => Box::new(std::iter::empty()),
            ExprKind::List(items) | ExprKind::Call(_, items) => Box::new(items.iter()),
            ExprKind::Map(entries) => {
                Box::new(entries.iter().flat_map(|(key, value)| [key, value]))
            }
            ExprKind::Custom(_, arguments) => Box::new(std::iter::once(&**arguments)),
        }
    }

    /// Returns a literal expression. All its parts have the same span.
    pub(crate) fn lift(value: Value, span: Span) -> Self {
        let kind = match value {
            Value::Null => ExprKind::Null,
            Value::Bool(value) => ExprKind::Bool(value),
            Value::Number(number) => ExprKind::Number(number),
            Value::String(text) => ExprKind::Text(Cow::Owned(text)),
            Value::List(items) => {
                ExprKind::List(items.into_iter().map(|item| Self::lift(item, span)).collect())
            }
            Value::Map(entries) => {
                let lifted = entries.into_iter().map(|(key, value)| {
                    (Self { span, kind: ExprKind::Text(Cow::Owned(key)) }, Self::lift(value, span))
                });
                ExprKind::Map(lifted.collect())
            }
        };
        Self { span, kind }
    }
}

/// Reads an expression.
pub(crate) fn read_expr<'a>(yaml: Yaml<'a>, faults: &Faults) -> Expr<'a> {
    let span = yaml.span();
    let result = match yaml.scalar() {
        Some(Scalar::NoNumber) => match yaml.text().and_then(not_finite) {
            Some(text) => Ok(ExprKind::Text(Cow::Borrowed(text))),
            None => read_scalar(Scalar::NoNumber, span, faults),
        },
        Some(scalar) => read_scalar(scalar, span, faults),
        None => match yaml.list() {
            Some(items) => Ok(ExprKind::List(items.map(|item| read_expr(item, faults)).collect())),
            None => read_map(yaml, faults),
        },
    };
    let kind = faults.keep(result).unwrap_or(ExprKind::Faulty);
    Expr { span, kind }
}

fn read_scalar<'a>(scalar: Scalar<'a>, span: Span, faults: &Faults) -> Result<ExprKind<'a>, Fault> {
    let text = match scalar {
        Scalar::Null => return Ok(ExprKind::Null),
        Scalar::Bool(value) => return Ok(ExprKind::Bool(value)),
        Scalar::Number(number) => return Ok(ExprKind::Number(number)),
        Scalar::NoNumber => {
            return Err(Fault::new(
                Code::NoNumber,
                span,
                "this number cannot be represented exactly",
            ));
        }
        Scalar::String(text) => text,
    };
    if let Some(input) = paper_input(text) {
        let name = Expr { span, kind: ExprKind::Text(Cow::Borrowed(input)) };
        return Ok(ExprKind::Call(Function::GetInput, vec![name]));
    }
    match text.strip_prefix('$') {
        Some(escaped) if escaped.starts_with('$') => Ok(ExprKind::Text(Cow::Borrowed(escaped))),
        Some(name) => call(Word { text: name, span }, None, span, faults),
        None => Ok(ExprKind::Text(Cow::Borrowed(text))),
    }
}

/// Returns the normal spelling of an infinity or not-a-number. Floats may have these values (csd07
/// 9.1.1.3), but JSON has no numbers for them.
fn not_finite(text: &str) -> Option<&'static str> {
    match text {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(".inf"),
        "-.inf" | "-.Inf" | "-.INF" => Some("-.inf"),
        ".nan" | ".NaN" | ".NAN" => Some(".nan"),
        _ => None,
    }
}

/// Reads the paper's notation `{{core.x}}`: the value of the service's input `x`.
pub(crate) fn paper_input(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("{{")?.strip_suffix("}}")?.trim();
    let name = inner.strip_prefix("core.")?;
    let valid = |one: char| one.is_alphanumeric() || "_-".contains(one);
    (!name.is_empty() && name.chars().all(valid)).then_some(name)
}

/// Returns whether a tree is a function call: a map whose only key begins with one dollar sign.
pub(crate) fn is_call(yaml: Yaml<'_>) -> bool {
    let Some(mut map) = yaml.map() else { return false };
    map.len() == 1
        && map.next().and_then(|(key, _)| key.string()).is_some_and(|key| {
            key.strip_prefix('$').is_some_and(|name| !name.is_empty() && !name.starts_with('$'))
        })
}

fn read_map<'a>(yaml: Yaml<'a>, faults: &Faults) -> Result<ExprKind<'a>, Fault> {
    let span = yaml.span();
    let Some(map) = yaml.map() else { return Ok(ExprKind::Faulty) };
    let single = map.len() == 1;
    let mut entries = Vec::with_capacity(map.len());
    for (key, value) in map {
        let Some(text) = key.string() else {
            let read = read_expr(key, faults);
            match &read.kind {
                ExprKind::Call(..) | ExprKind::Custom(..) | ExprKind::Faulty => {}
                // `{{core.x}}` without quotes is a map in a map.
                _ if key.map().is_some() => {
                    let message = "expected a string or a function call as a key, found a map";
                    let fault = Fault::new(Code::WrongKind, key.span(), message);
                    return Err(fault.hint("if this is `{{core.x}}`, put it in quotes"));
                }
                _ => return Err(wrong_kind(key, "a key", "string")),
            }
            entries.push((read, read_expr(value, faults)));
            continue;
        };
        let key_text = match text.strip_prefix('$') {
            Some(escaped) if escaped.starts_with('$') => escaped,
            Some(name) if single => {
                return call(Word { text: name, span: key.span() }, Some(value), span, faults);
            }
            Some(name) => {
                let message = format!("`${name}` must be the only key of its map to be a call");
                let fault = Fault::new(Code::Arguments, key.span(), message);
                return Err(fault.hint(format!("write `$${name}` if the key is meant literally")));
            }
            None => text,
        };
        let key = Expr { span: key.span(), kind: ExprKind::Text(Cow::Borrowed(key_text)) };
        entries.push((key, read_expr(value, faults)));
    }
    Ok(ExprKind::Map(entries))
}

/// Reads a call from the value under its key.
fn call<'a>(
    name: Word<'a>,
    value: Option<Yaml<'a>>,
    span: Span,
    faults: &Faults,
) -> Result<ExprKind<'a>, Fault> {
    // `$f$1` is `$f`: the suffix only makes keys unique.
    let text = name.text.split_once('$').map_or(name.text, |(name, _)| name);
    let Some(function) = Function::named(text) else {
        let empty = text.is_empty() || text.contains(char::is_whitespace);
        if empty {
            let message = format!("`${text}` is not a function call");
            let hint = format!("write `$${text}` if the text is meant literally");
            return Err(Fault::new(Code::UnknownFunction, span, message).hint(hint));
        }
        let arguments = match value {
            Some(value) => read_expr(value, faults),
            None => Expr { span, kind: ExprKind::List(Vec::new()) },
        };
        return Ok(ExprKind::Custom(Word { text, span: name.span }, Box::new(arguments)));
    };
    let arguments = match value {
        Some(value) => arguments(text, value, faults)?,
        None => Vec::new(),
    };
    let (min, max) = function.arity();
    if !(min..=max).contains(&arguments.len()) {
        let expected = match (min, max) {
            (0, 0) => "no arguments".to_owned(),
            (min, UNBOUNDED) => format!("{min} or more arguments"),
            (1, 1) => "1 argument".to_owned(),
            (min, max) if min == max => format!("{min} arguments"),
            (min, max) => format!("{min} to {max} arguments"),
        };
        let message = format!("expected {expected} for `${text}`, found {}", arguments.len());
        return Err(Fault::new(Code::Arguments, span, message));
    }
    Ok(ExprKind::Call(function, arguments))
}

/// Reads the arguments of a call: a list, a single argument, or nothing.
fn arguments<'a>(name: &str, value: Yaml<'a>, faults: &Faults) -> Result<Vec<Expr<'a>>, Fault> {
    if let Some(items) = value.list() {
        return Ok(items.map(|item| read_expr(item, faults)).collect());
    }
    match value.scalar() {
        Some(Scalar::Null) => Ok(Vec::new()),
        // A single argument may stand without a list: csd07 writes `$get_input` so, its test suite
        // other functions too.
        _ if Function::named(name).is_some_and(|function| function.arity().0 <= 1) => {
            Ok(vec![read_expr(value, faults)])
        }
        _ => Err(Fault::new(
            Code::Arguments,
            value.span(),
            format!(
                "expected a list of arguments for `${name}`, found {}",
                article(value.kind_name())
            ),
        )),
    }
}
