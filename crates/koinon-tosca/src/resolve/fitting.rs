//! Capabilities that fit a requirement, and node types that a relationship accepts (csd07 8.5.5).

use std::rc::Rc;

use crate::diag::Span;
use crate::grammar::CapabilityDefinition;
use crate::grammar::RequirementDefinition;
use crate::grammar::TypeDefinition;
use crate::grammar::TypeId;
use crate::grammar::Word;
use crate::keynames::TypeKind;
use crate::program::Program;
use crate::program::address;
use crate::types::IMPLICIT;

/// The effect of lists of types in definitions of TOSCA 1.x.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OldLists {
    /// They reject types that are not in them.
    Enforce,
    /// They reject nothing.
    Advise,
}

impl<'a> Program<'a> {
    /// Returns the capabilities of a node type that fit a requirement, in the order of their names.
    pub(crate) fn matching(
        &self,
        definition: &'a RequirementDefinition<'a>,
        wanted: Option<Word<'a>>,
        target: &'a TypeDefinition<'a>,
    ) -> impl Iterator<Item = &'a CapabilityDefinition<'a>> {
        let fitting = self.fitting(definition, target);
        let all = (0..fitting.len()).map(move |at| fitting[at]);
        all.filter(move |capability| wanted.is_none_or(|wanted| self.fits(capability, wanted)))
    }

    /// Returns the capabilities of a node type that fit a requirement's definition. They are the
    /// same for all nodes of the type.
    fn fitting(
        &self,
        definition: &'a RequirementDefinition<'a>,
        target: &'a TypeDefinition<'a>,
    ) -> Rc<[&'a CapabilityDefinition<'a>]> {
        let key = (address(definition), address(target));
        if let Some(known) = self.resolver.fitting.borrow().get(&key) {
            return known.clone();
        }
        let all = target.capabilities.values().map(|capability| &**capability);
        let found = all.filter(|capability| {
            definition.capability.is_none_or(|defined| self.fits(capability, defined))
        });
        let found: Rc<[_]> = found.collect();
        self.resolver.fitting.borrow_mut().insert(key, found.clone());
        found
    }

    /// Returns whether a capability has the wanted type, or the wanted name.
    fn fits(&self, capability: &CapabilityDefinition<'a>, wanted: Word<'_>) -> bool {
        if let Some(wanted) = self.types.lookup(TypeKind::Capability, wanted) {
            let own = capability.capability_type;
            let own = own.and_then(|word| self.types.lookup(TypeKind::Capability, word));
            if own.is_some_and(|own| self.types.derives(own, wanted)) {
                return true;
            }
        }
        capability.name.text == wanted.text
    }

    /// Returns whether relationship and capability types allow what they connect.
    pub(crate) fn is_allowed(
        &self,
        source: TypeId,
        relationship: TypeId,
        target: TypeId,
        capability: &CapabilityDefinition<'a>,
    ) -> bool {
        self.rejecting_list(source, relationship, target, capability, OldLists::Advise).is_none()
    }

    /// Returns whether a list of types is only advice. The Simple Profile of 1.x lists sources that
    /// real services do not keep to, and no other processor of 1.x rejects them.
    pub(crate) fn is_lenient(&self, list: Option<Span>) -> bool {
        list.is_some_and(|span| self.types.is_lowered(span.file))
    }

    /// Returns the list of types that rejects a relationship: its keyname, the type it lacks, and
    /// its place.
    pub(crate) fn rejecting_list(
        &self,
        source: TypeId,
        relationship: TypeId,
        target: TypeId,
        capability: &CapabilityDefinition<'a>,
        old_lists: OldLists,
    ) -> Option<(&'static str, TypeId, Option<Span>)> {
        let own = capability.capability_type;
        let own = own.and_then(|word| self.types.lookup(TypeKind::Capability, word));
        let lists = &self.types.def(relationship).lists;
        let checks = [
            (lists, "valid_source_node_types", TypeKind::Node, Some(source)),
            (lists, "valid_target_node_types", TypeKind::Node, Some(target)),
            (lists, "valid_capability_types", TypeKind::Capability, own),
            (&capability.lists, "valid_source_node_types", TypeKind::Node, Some(source)),
            (
                &capability.lists,
                "valid_relationship_types",
                TypeKind::Relationship,
                Some(relationship).filter(|one| *one != IMPLICIT),
            ),
        ];
        for (lists, key, section, found) in checks {
            let (Some(allowed), Some(found)) = (lists.get(key), found) else { continue };
            let fits = |one: &Word<'_>| {
                self.types.lookup(section, *one).is_some_and(|one| self.types.derives(found, one))
            };
            let span = allowed.first().map(|word| word.span);
            if !allowed.iter().any(fits)
                && (old_lists == OldLists::Enforce || !self.is_lenient(span))
            {
                return Some((key, found, span));
            }
        }
        None
    }
}
