//! Assignments of requirements: how many relationships each makes, and of which type.

use super::nodes::is_selected;
use crate::code::Code;
use crate::diag::Fault;
use crate::evaluate::Scope;
use crate::grammar::PropertyDefinitions;
use crate::grammar::RequirementAssignment;
use crate::grammar::RequirementDefinition;
use crate::grammar::ServiceTemplate;
use crate::grammar::TypeDefinition;
use crate::grammar::TypeId;
use crate::grammar::ValueAssignments;
use crate::grammar::Word;
use crate::keynames::TypeKind;
use crate::program::CandidateOrigin;
use crate::program::Halt;
use crate::program::NO_VALUES;
use crate::program::NodeNumber;
use crate::program::Program;
use crate::types::IMPLICIT;

/// An assignment of one node, and the relationships it has so far.
#[derive(Clone, Debug)]
pub(crate) struct RequirementItem<'a> {
    pub(crate) node: NodeNumber,
    pub(crate) definition: &'a RequirementDefinition<'a>,
    pub(crate) assignment: Option<&'a RequirementAssignment<'a>>,
    /// The index of its first relationship.
    pub(super) base: u64,
    pub(super) count: u64,
    pub(super) made: u64,
    /// The position of its next candidate.
    pub(super) from: usize,
    pub(super) optional: bool,
    /// Whether its node has several relationships of this requirement.
    pub(crate) several: bool,
    /// The targets that a requirement mapping assigns to its first relationships.
    pub(super) mapped: Vec<NodeNumber>,
}

impl<'a> Program<'a> {
    /// Adds the items of a node: its assignments, those implied by its type, and those of
    /// requirement mappings.
    pub(super) fn add_items(&self, at: NodeNumber, items: &mut Vec<RequirementItem<'a>>) {
        let node = self.graph.node(at);
        // A selected node keeps the relationships of its own service (csd07 7.2.1).
        if node.referenced.is_some() || is_selected(node.template) {
            return;
        }
        for definition in &node.def.requirements {
            if self.is_dealt_by_mapper(definition) {
                continue;
            }
            let name = definition.name.text;
            let (min, max) = definition.range();
            let first = items.len();
            let mut base = 0;
            let mut add = |assignment: Option<&'a RequirementAssignment<'a>>, count, optional| {
                items.push(RequirementItem {
                    node: at,
                    definition,
                    assignment,
                    base,
                    count,
                    made: 0,
                    from: 0,
                    optional,
                    several: false,
                    mapped: Vec::new(),
                });
                base += count;
            };
            let mut any = false;
            for assignment in &node.template.requirements {
                if assignment.name.text == name {
                    any = true;
                    let Ok(count) = self.requirement_count(assignment, at) else { continue };
                    add(Some(assignment), count, assignment.optional);
                }
            }
            if !any && min > 0 {
                add(None, min, false);
            }
            let key = (node.template.name.text, name);
            if let Some(places) = self.mapped.requirements.get(&key) {
                let more = self.assign_mapped_targets(places, &mut items[first..]);
                // csd07 15.5.4: targets above the requirement's upper bound are ignored.
                let total: u64 = items[first..].iter().map(|item| item.count).sum();
                let room = max.map_or(more.len() as u64, |max| max.saturating_sub(total));
                let count = room.min(more.len() as u64);
                if count > 0 {
                    items.push(RequirementItem {
                        node: at,
                        definition,
                        assignment: None,
                        base: total,
                        count,
                        made: 0,
                        from: 0,
                        optional: true,
                        several: false,
                        mapped: more,
                    });
                }
            }
            let total: u64 = items[first..].iter().map(|item| item.count).sum();
            for item in &mut items[first..] {
                item.several = total > 1;
            }
        }
    }

    /// Assigns the targets of a requirement mapping to dangling items, mandatory items first, and
    /// returns the remaining targets (csd07 15.5.4).
    fn assign_mapped_targets(
        &self,
        places: &[usize],
        items: &mut [RequirementItem<'a>],
    ) -> Vec<NodeNumber> {
        let mut targets = places.iter().map(|place| self.graph.outer.after(*place));
        for optional in [false, true] {
            for item in items.iter_mut().filter(|item| item.optional == optional) {
                let dangles = item.assignment.is_none_or(|one| dangles(one, self.template));
                if dangles {
                    let count = usize::try_from(item.count).unwrap_or(usize::MAX);
                    item.mapped = targets.by_ref().take(count).collect();
                }
            }
        }
        targets.collect()
    }

    /// Returns whether Koinon's Mapper deals the relationships of a requirement, in every epoch
    /// again.
    fn is_dealt_by_mapper(&self, definition: &RequirementDefinition<'a>) -> bool {
        let Some(ancestor) = self.types.koinon(TypeKind::Relationship, "OperatedBy") else {
            return false;
        };
        let word = definition.relationship.as_ref().and_then(|def| def.relationship_type);
        let id = word.and_then(|word| self.types.lookup(TypeKind::Relationship, word));
        id.is_some_and(|id| self.types.derives(id, ancestor))
    }

    /// Returns the number of relationships of an assignment.
    pub(crate) fn requirement_count(
        &self,
        assignment: &RequirementAssignment<'a>,
        node: NodeNumber,
    ) -> Result<u64, Halt> {
        let Some(count) = &assignment.count else { return Ok(1) };
        let value = self.eval(count, Scope::node(node, "count"))?.value;
        value.as_u64().ok_or_else(|| {
            let message =
                format!("expected a natural number for `count`, found {}", value.to_json());
            self.halt(Fault::new(Code::Count, count.span, message))
        })
    }

    /// Returns the relationship's type and its assigned values.
    pub(crate) fn relationship_of(
        &self,
        definition: &'a RequirementDefinition<'a>,
        assignment: Option<&'a RequirementAssignment<'a>>,
    ) -> Option<(TypeId, &'a TypeDefinition<'a>, &'a ValueAssignments<'a>)> {
        let own = assignment.map_or(&NO_VALUES, |one| &one.properties);
        if let Some(word) = assignment.and_then(|one| one.relationship) {
            // A type comes first, then a template (csd07 8.5.2).
            if let Some(id) = self.types.lookup(TypeKind::Relationship, word) {
                return Some((id, self.types.def(id), own));
            }
            let template = self.template.relationships.get(word.text)?;
            let id = self.types.lookup(TypeKind::Relationship, template.relationship_type)?;
            return Some((id, self.types.def(id), &template.properties));
        }
        let word = definition.relationship.as_ref().and_then(|def| def.relationship_type);
        let id = match word {
            Some(word) => self.types.lookup(TypeKind::Relationship, word)?,
            None => IMPLICIT,
        };
        Some((id, self.types.def(id), own))
    }

    /// Returns the properties of a relationship: those refined by the requirement, or else those of
    /// its type.
    pub(super) fn relationship_properties(
        &self,
        definition: &'a RequirementDefinition<'a>,
        def: &'a TypeDefinition<'a>,
    ) -> &'a PropertyDefinitions<'a> {
        match &definition.relationship {
            Some(own) if !own.properties.is_empty() => &own.properties,
            _ => &def.properties,
        }
    }

    pub(super) fn relationship_attributes(
        &self,
        definition: &'a RequirementDefinition<'a>,
        def: &'a TypeDefinition<'a>,
    ) -> &'a PropertyDefinitions<'a> {
        match &definition.relationship {
            Some(own) if !own.attributes.is_empty() => &own.attributes,
            _ => &def.attributes,
        }
    }

    /// Returns the number of mandatory relationships of a dangling requirement.
    pub(crate) fn mandatory_count(
        &self,
        template: &'a ServiceTemplate<'a>,
        node: Word<'a>,
        requirement: Word<'a>,
    ) -> u64 {
        let Some(node) = template.nodes.get(node.text) else { return 0 };
        let mut assigned =
            node.requirements.iter().filter(|one| one.name.text == requirement.text).peekable();
        if assigned.peek().is_some() {
            let dangling = assigned.filter(|one| !one.optional && dangles(one, template));
            return dangling
                .map(|one| one.count.as_ref().map_or(1, |count| count.as_u64().unwrap_or(1)))
                .sum();
        }
        let def = self.types.get(TypeKind::Node, node.node_type);
        def.and_then(|def| def.requirement(requirement.text)).map_or(0, |one| one.range().0)
    }
}

/// Returns the address of an assignment, or of the definition that implies it: its key within this
/// run.
pub(super) fn key_of(item: &RequirementItem<'_>) -> usize {
    match item.assignment {
        Some(one) => one as *const RequirementAssignment<'_> as usize,
        None => item.definition as *const RequirementDefinition<'_> as usize,
    }
}

/// Returns the origins of candidates, in order. Without directives it is this service (csd07 8.5.2
/// leaves that open).
pub(super) fn candidate_origins(item: &RequirementItem<'_>) -> &'static [CandidateOrigin] {
    let words = item.assignment.map_or(&[][..], |one| one.directives.as_slice());
    let external = words.iter().position(|word| word.text == "external");
    let internal = words.iter().position(|word| word.text == "internal");
    match (internal, external) {
        (_, None) => &[CandidateOrigin::Internal],
        (None, Some(_)) => &[CandidateOrigin::External],
        (Some(internal), Some(external)) if internal < external => {
            &[CandidateOrigin::Internal, CandidateOrigin::External]
        }
        (Some(_), Some(_)) => &[CandidateOrigin::External, CandidateOrigin::Internal],
    }
}

/// Returns whether an assignment names no node template.
pub(crate) fn dangles(
    one: &crate::grammar::RequirementAssignment<'_>,
    template: &ServiceTemplate<'_>,
) -> bool {
    one.node.as_ref().is_none_or(|target| !template.nodes.contains(target.name.text))
}
