//! Substitution mappings: what is mapped must fit (csd07 15.2 to 15.5).

use super::program::Program;
use super::types::Base;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::article;
use crate::grammar::Directive;
use crate::grammar::MappedRequirement;
use crate::grammar::Property;
use crate::grammar::Schema;
use crate::grammar::Section;
use crate::grammar::Word;

impl<'a> Program<'a> {
    /// Checks that the type of a value that is mapped fits where it goes: a property's an input, an output's an
    /// attribute (csd07 15.2, 15.3).
    pub(super) fn check_mapped_types(
        &self,
        (from, to): (&Schema<'a>, &Schema<'a>),
        word: Word<'a>,
        other: &Property<'a>,
    ) {
        let (Some(given), Some(wanted)) = (self.types.shape(from), self.types.shape(to)) else {
            return;
        };
        let widened = wanted.base == Base::Float && given.base == Base::Integer;
        let related = self.types.derives(given.id, wanted.id)
            || self.types.derives(wanted.id, given.id)
            || (given.base == wanted.base && given.base != Base::Complex);
        if !related && !widened {
            let message = format!(
                "expected {} for `{}`, found {}",
                article(wanted.name),
                word.text,
                article(given.name)
            );
            let fault = Fault::new(Code::Mismatch, word.span, message);
            self.faults.push(fault.related(other.name.span, "the other side of the mapping"));
        }
    }

    /// Checks that the capability a substituted node's stands for is of its type.
    pub(super) fn check_mapped_capability(
        &self,
        outer: Option<Word<'a>>,
        inner: Option<Word<'a>>,
        mapped: Word<'a>,
    ) {
        let (Some(outer), Some(inner)) = (outer, inner) else { return };
        let id = |word| self.types.lookup(Section::Capability, word);
        if let (Some(wanted), Some(found)) = (id(outer), id(inner))
            && !self.types.derives(found, wanted)
        {
            let message = format!(
                "`{}` is {}, expected {}",
                mapped.text,
                article(inner.text),
                article(outer.text)
            );
            let fault = Fault::new(Code::NotDerived, mapped.span, message);
            self.faults.push(fault.related(outer.span, "mapped from this one"));
        }
    }

    /// Checks that a node a requirement is mapped to is selected (csd07 15.5). What holds of requirements is checked
    /// with the counts.
    pub(super) fn check_mapped_requirement(&self, target: &MappedRequirement<'a>) {
        let MappedRequirement::Node(word) = target else { return };
        let template = self.template.nodes.get(word.text);
        if template.is_some_and(|template| !template.has(Directive::Select)) {
            let message =
                format!("`{}` is not selected, so nothing can be mapped to it", word.text);
            let fault = Fault::new(Code::Mapping, word.span, message);
            let hint = "give it the directive `select`, or map to one of its requirements";
            self.faults.push(fault.hint(hint));
        }
    }
}
