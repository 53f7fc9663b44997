//! Where things were written, as representations say it.

use koinon_model::representation::Origin;

use crate::diag::Sources;
use crate::diag::Span;

/// Where lines begin, by source.
pub(super) struct Lines<'s> {
    texts: Vec<&'s str>,
    starts: Vec<Vec<u32>>,
}

impl<'s> Lines<'s> {
    /// Counts the lines of all sources.
    pub(super) fn of(sources: &'s Sources) -> Self {
        let texts: Vec<&str> = sources.iter().map(|source| source.text()).collect();
        let starts = texts.iter().map(|text| {
            let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            let starts = ends.map(|(at, _)| u32::try_from(at + 1).unwrap_or(u32::MAX));
            std::iter::once(0).chain(starts).collect()
        });
        let starts = starts.collect();
        Self { texts, starts }
    }

    /// Returns where a span begins, as people count.
    pub(super) fn origin(&self, span: Span) -> Option<Origin> {
        let starts = self.starts.get(span.file as usize)?;
        let line = starts.partition_point(|start| *start <= span.start);
        let start = *starts.get(line.checked_sub(1)?)?;
        let text = self.texts.get(span.file as usize)?;
        let before = text.get(start as usize..span.start as usize)?;
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Some(Origin {
            file: span.file,
            line: number(line),
            column: number(before.chars().count() + 1),
        })
    }
}
