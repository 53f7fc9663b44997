//! Substitution mappings: what is mapped must fit (csd07 15.2 to 15.5).

use super::program::Program;
use super::types::Base;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::article;
use crate::grammar::Assignments;
use crate::grammar::Directive;
use crate::grammar::MappedRequirement;
use crate::grammar::MappedTo;
use crate::grammar::Property;
use crate::grammar::RequirementMapping;
use crate::grammar::Schema;
use crate::grammar::Section;
use crate::grammar::Substitution;
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

    /// Checks that every input that must have a value gets one from a property (csd07 15.2).
    pub(super) fn check_mapped_inputs(&self, substitution: &Substitution<'a>) {
        // TOSCA 1.x has no such rule.
        if self.types.is_lowered(substitution.node_type.span.file) {
            return;
        }
        let mapped = |name: &str| {
            substitution
                .properties
                .iter()
                .any(|(_, to)| matches!(to, MappedTo::Name(word) if word.text == name))
        };
        for (name, input) in &self.template.inputs {
            if input.is_required() && input.default.is_none() && !mapped(name) {
                let of = substitution.node_type;
                let message = format!(
                    "no property of `{}` is mapped to input `{name}`, which needs a value",
                    of.text
                );
                let fault = Fault::new(Code::MissingValue, of.span, message);
                self.faults.push(fault.related(input.name.span, "the input has no default"));
            }
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

    /// Checks what a requirement is mapped to: a requirement that dangles, or a node that is selected (csd07 15.5).
    pub(super) fn check_mapped_requirement(&self, target: &MappedRequirement<'a>) {
        match target {
            MappedRequirement::Node(word) => {
                let template = self.template.nodes.get(word.text);
                if template.is_some_and(|template| !template.has(Directive::Select)) {
                    let message =
                        format!("`{}` is not selected, so nothing can be mapped to it", word.text);
                    let fault = Fault::new(Code::Definition, word.span, message);
                    let hint = "give it the directive `select`, or map to one of its requirements";
                    self.faults.push(fault.hint(hint));
                }
            }
            MappedRequirement::Requirement(node, requirement) => {
                let template = self.template.nodes.get(node.text);
                let assigned = template.into_iter().flat_map(|template| &template.requirements);
                let mut assigned =
                    assigned.filter(|one| one.name.text == requirement.text).peekable();
                let bound = |word: &Word<'a>| self.template.nodes.contains(word.text);
                let all = assigned.peek().is_some()
                    && assigned.all(|one| one.node.as_ref().is_some_and(|node| bound(&node.name)));
                if all {
                    let message = format!(
                        "requirement `{}` of `{}` has its node already, so none can be mapped to it",
                        requirement.text, node.text
                    );
                    self.faults.push(Fault::new(Code::Definition, requirement.span, message));
                }
            }
        }
    }

    /// Checks that nothing of a requirement is mapped after a mapping that takes all that are left (csd07 15.5).
    pub(super) fn check_mapping_counts(&self, mappings: &[RequirementMapping<'a>]) {
        for (at, mapping) in mappings.iter().enumerate() {
            let all = mappings[..at].iter().find(|one| {
                one.name.text == mapping.name.text && one.count == Some(Assignments::Unbounded)
            });
            if let Some(all) = all {
                let message = format!("nothing of `{}` is left to map", mapping.name.text);
                let fault = Fault::new(Code::Definition, mapping.name.span, message);
                self.faults.push(fault.related(all.name.span, "all that are left are mapped here"));
            }
        }
    }
}
