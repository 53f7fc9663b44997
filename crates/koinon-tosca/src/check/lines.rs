//! Where things were written, as representations say it.

use std::cell::Cell;

use koinon_model::representation::Origin;

use crate::diag::Sources;
use crate::diag::Span;

/// Where lines begin, by source.
pub(super) struct Lines<'s> {
    sources: &'s Sources,
    /// The line that was found last.
    last: Cell<usize>,
}

/// Lines after the last one in which the next is looked for, before all are searched.
const NEAR: usize = 8;

impl<'s> Lines<'s> {
    /// Looks in these sources.
    pub(super) fn of(sources: &'s Sources) -> Self {
        Self { sources, last: Cell::new(0) }
    }

    /// Returns the number of the line a span begins in, from 1. What is asked for is mostly near what was asked for last.
    fn line(&self, starts: &[usize], span: Span) -> usize {
        let begun = |line: usize| {
            line == 0 || starts.get(line - 1).is_some_and(|at| *at <= span.start as usize)
        };
        let last = self.last.get();
        let line = match (last..last + NEAR).find(|line| !begun(line + 1)) {
            Some(line) if begun(line) && line > 0 => line,
            _ => starts.partition_point(|start| *start <= span.start as usize),
        };
        self.last.set(line);
        line
    }

    /// Returns where a span begins, as people count.
    pub(super) fn origin(&self, span: Span) -> Option<Origin> {
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
