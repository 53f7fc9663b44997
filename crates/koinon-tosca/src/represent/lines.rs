//! Origins: lines and columns of spans, as representations have them.

use std::cell::Cell;

use koinon_model::representation::Origin;

use crate::diag::Sources;
use crate::diag::Span;

/// Line numbers by position in the sources.
pub(crate) struct LineIndex<'s> {
    sources: &'s Sources,
    /// The line that was found last.
    last: Cell<usize>,
}

/// The lines after the last found one that are tried before a binary search.
const NEARBY_LINES: usize = 8;

impl<'s> LineIndex<'s> {
    /// Makes an index of these sources.
    pub(crate) fn of(sources: &'s Sources) -> Self {
        Self { sources, last: Cell::new(0) }
    }

    /// Returns the line a span begins in, from 1. Most spans are near the previous one.
    fn line(&self, starts: &[usize], span: Span) -> usize {
        let begun = |line: usize| {
            line == 0 || starts.get(line - 1).is_some_and(|at| *at <= span.start as usize)
        };
        let last = self.last.get();
        let line = match (last..last + NEARBY_LINES).find(|line| !begun(line + 1)) {
            Some(line) if begun(line) && line > 0 => line,
            _ => starts.partition_point(|start| *start <= span.start as usize),
        };
        self.last.set(line);
        line
    }

    /// Returns the start of a span: line and column from 1.
    pub(crate) fn origin(&self, span: Span) -> Option<Origin> {
        let source = self.sources.get(span.file)?;
        let line = self.line(source.lines(), span);
        let start = *source.lines().get(line.checked_sub(1)?)?;
        let before = source.text().get(start..span.start as usize)?;
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Some(Origin {
            file: span.file,
            line: number(line),
            column: number(before.chars().count() + 1),
        })
    }
}
