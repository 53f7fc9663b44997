//! Expressions: literal values with function calls in them.

use koinon_model::Value;

use super::fields::wrong_kind;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Span;
use crate::yaml::Scalar;
use crate::yaml::Yaml;

/// An expression with its place.
#[derive(Clone, Debug)]
pub(crate) struct Expr {
    pub(crate) span: Span,
    pub(crate) kind: ExprKind,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub(crate) enum ExprKind {
    /// A scalar.
    Value(Value),
    /// A list.
    List(Vec<Expr>),
    /// A map: key, its place, value.
    Map(Vec<(String, Span, Expr)>),
    /// A function call.
    Call(Function, Vec<Expr>),
    /// Something a fault was made of already.
    Faulty,
}

/// What a function gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gives {
    Boolean,
    Integer,
    Float,
    String,
    /// It depends on the arguments.
    Any,
}

macro_rules! functions {
    ($($variant:ident $name:literal $min:literal..=$max:expr => $gives:ident,)*) => {
        /// TOSCA's built-in functions (csd07 chapter 10), and `$in_range`, which its examples use.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Function {
            $(#[doc = $name] $variant,)*
        }

        impl Function {
            const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Returns the name, without the dollar sign.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Returns the fewest and the most arguments.
            const fn arity(self) -> (usize, usize) {
                match self { $(Self::$variant => ($min, $max),)* }
            }

            /// Returns what it gives.
            pub(crate) const fn gives(self) -> Gives {
                match self { $(Self::$variant => Gives::$gives,)* }
            }
        }
    };
}

const ANY: usize = usize::MAX;

functions! {
    GetInput "get_input" 1..=ANY => Any,
    GetProperty "get_property" 2..=ANY => Any,
    GetAttribute "get_attribute" 2..=ANY => Any,
    Value "value" 0..=ANY => Any,
    NodeIndex "node_index" 0..=0 => Integer,
    And "and" 2..=ANY => Boolean,
    Or "or" 2..=ANY => Boolean,
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
    Concat "concat" 1..=ANY => Any,
    Join "join" 1..=2 => String,
    Token "token" 3..=3 => String,
    Union "union" 1..=ANY => Any,
    Intersection "intersection" 1..=ANY => Any,
    Sum "sum" 1..=ANY => Any,
    Difference "difference" 2..=2 => Any,
    Product "product" 1..=ANY => Any,
    Quotient "quotient" 2..=2 => Float,
    Remainder "remainder" 2..=2 => Any,
    Round "round" 1..=1 => Integer,
    Floor "floor" 1..=1 => Integer,
    Ceil "ceil" 1..=1 => Integer,
}

/// Functions TOSCA has and this compiler has not yet.
const LATER: [&str; 3] = ["get_artifact", "relationship_index", "available_allocation"];

impl Expr {
    /// Returns the string, if it is a literal one.
    pub(crate) fn as_str(&self) -> Option<&str> {
        if let ExprKind::Value(Value::String(text)) = &self.kind { Some(text) } else { None }
    }

    /// Returns the name of the input, if this is a plain `$get_input` of one.
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
            ExprKind::Value(_) | ExprKind::Faulty => false,
            ExprKind::List(items) => items.iter().any(Self::varies),
            ExprKind::Map(entries) => entries.iter().any(|(_, _, value)| value.varies()),
            ExprKind::Call(
                Function::NodeIndex | Function::GetProperty | Function::GetAttribute,
                _,
            ) => true,
            ExprKind::Call(_, arguments) => arguments.iter().any(Self::varies),
        }
    }
}

/// Reads an expression.
pub(crate) fn read_expr(yaml: Yaml<'_>, faults: &Faults) -> Expr {
    let span = yaml.span();
    let result = match yaml.scalar() {
        Some(scalar) => read_scalar(scalar, span),
        None => match yaml.list() {
            Some(items) => Ok(ExprKind::List(items.map(|item| read_expr(item, faults)).collect())),
            None => read_map(yaml, faults),
        },
    };
    let kind = faults.keep(result).unwrap_or(ExprKind::Faulty);
    Expr { span, kind }
}

fn read_scalar(scalar: Scalar<'_>, span: Span) -> Result<ExprKind, Fault> {
    let text = match scalar {
        Scalar::Null => return Ok(ExprKind::Value(Value::Null)),
        Scalar::Bool(value) => return Ok(ExprKind::Value(Value::Bool(value))),
        Scalar::Number(number) => return Ok(ExprKind::Value(Value::Number(number))),
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
        let name = Expr { span, kind: ExprKind::Value(Value::string(input)) };
        return Ok(ExprKind::Call(Function::GetInput, vec![name]));
    }
    match text.strip_prefix('$') {
        Some(escaped) if escaped.starts_with('$') => Ok(ExprKind::Value(Value::string(escaped))),
        Some(name) => call(name, Vec::new(), span),
        None => Ok(ExprKind::Value(Value::string(text))),
    }
}

/// Reads the paper's notation `{{core.x}}`: the value of the service's input `x`.
pub(crate) fn paper_input(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("{{")?.strip_suffix("}}")?.trim();
    let name = inner.strip_prefix("core.")?;
    let valid = |one: char| one.is_alphanumeric() || "_-".contains(one);
    (!name.is_empty() && name.chars().all(valid)).then_some(name)
}

fn read_map(yaml: Yaml<'_>, faults: &Faults) -> Result<ExprKind, Fault> {
    let span = yaml.span();
    let Some(map) = yaml.map() else { return Ok(ExprKind::Faulty) };
    let single = map.len() == 1;
    let mut entries = Vec::with_capacity(map.len());
    for (key, value) in map {
        let Some(text) = key.string() else {
            if key.map().is_some() || key.list().is_some() {
                let message = "a function call, list or map as a key is not supported yet";
                let fault = Fault::new(Code::NotSupported, key.span(), message);
                return Err(fault.hint("if this is `{{core.x}}`, put it in quotes"));
            }
            return Err(wrong_kind(key, "a key", "string"));
        };
        let key_text = match text.strip_prefix('$') {
            Some(escaped) if escaped.starts_with('$') => escaped,
            Some(name) if single => return call(name, arguments(name, value, faults)?, span),
            Some(name) => {
                let message = format!("`${name}` must be the only key of its map to be a call");
                let fault = Fault::new(Code::Arguments, key.span(), message);
                return Err(fault.hint(format!("write `$${name}` if the key is meant literally")));
            }
            None => text,
        };
        entries.push((key_text.to_owned(), key.span(), read_expr(value, faults)));
    }
    Ok(ExprKind::Map(entries))
}

/// Reads the arguments of a call: a list, but a single name for `$get_input`, or nothing.
fn arguments(name: &str, value: Yaml<'_>, faults: &Faults) -> Result<Vec<Expr>, Fault> {
    if let Some(items) = value.list() {
        return Ok(items.map(|item| read_expr(item, faults)).collect());
    }
    match value.scalar() {
        Some(Scalar::Null) => Ok(Vec::new()),
        Some(Scalar::String(_)) if name == "get_input" => Ok(vec![read_expr(value, faults)]),
        _ => Err(Fault::new(
            Code::Arguments,
            value.span(),
            format!("expected a list of arguments for `${name}`, found a {}", value.kind_name()),
        )),
    }
}

fn call(name: &str, arguments: Vec<Expr>, span: Span) -> Result<ExprKind, Fault> {
    // `$f$1` is `$f`: the suffix only makes keys differ.
    let name = name.split_once('$').map_or(name, |(name, _)| name);
    let Some(function) = Function::ALL.iter().copied().find(|one| one.name() == name) else {
        if LATER.contains(&name) {
            return Err(Fault::new(
                Code::NotSupported,
                span,
                format!("`${name}` is not supported yet"),
            ));
        }
        let fault = Fault::new(Code::UnknownFunction, span, format!("unknown function `${name}`"));
        let hint = format!("write `$${name}` if the text is meant literally");
        return Err(fault.near(name, Function::ALL.iter().map(|one| one.name())).hint(hint));
    };
    let (min, max) = function.arity();
    if !(min..=max).contains(&arguments.len()) {
        let expected = match (min, max) {
            (0, 0) => "no arguments".to_owned(),
            (min, ANY) => format!("{min} or more arguments"),
            (min, max) if min == max => format!("{min} arguments"),
            (min, max) => format!("{min} to {max} arguments"),
        };
        let message = format!("expected {expected} for `${name}`, found {}", arguments.len());
        return Err(Fault::new(Code::Arguments, span, message));
    }
    Ok(ExprKind::Call(function, arguments))
}
