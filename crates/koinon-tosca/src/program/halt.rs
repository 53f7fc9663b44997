//! Reasons that an expression has no value.

use crate::diag::Span;

/// The reason that an expression has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// An input has no value yet.
    Input,
    /// A relationship on its path does not exist, or not yet.
    Later,
    /// The value is known only at run time.
    RunTime(Span),
    /// Evaluation nests too deep: a deferred property must be evaluated first.
    Deep,
    /// A fault was reported.
    Reported,
}

impl Halt {
    /// Returns the more important reason.
    fn worse(self, other: Self) -> Self {
        match (self, other) {
            (Self::Deep, _) | (_, Self::Deep) => Self::Deep,
            (Self::Reported, _) | (_, Self::Reported) => Self::Reported,
            (Self::RunTime(span), _) | (_, Self::RunTime(span)) => Self::RunTime(span),
            (Self::Later, _) | (_, Self::Later) => Self::Later,
            (Self::Input, Self::Input) => Self::Input,
        }
    }
}

/// Collects all values, or returns the most important reason that one is missing.
pub(crate) fn all_or_halt<T>(
    values: impl Iterator<Item = Result<T, Halt>>,
) -> Result<Vec<T>, Halt> {
    let mut all = Vec::with_capacity(values.size_hint().0);
    let mut halted: Option<Halt> = None;
    for value in values {
        match value {
            Ok(value) => all.push(value),
            // The other values would only find the same again.
            Err(Halt::Deep) => return Err(Halt::Deep),
            Err(halt) => halted = Some(halted.map_or(halt, |one| one.worse(halt))),
        }
    }
    halted.map_or(Ok(all), Err)
}
