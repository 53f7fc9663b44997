//! Values and targets that a nested service gets from the node it stands for (csd07 15.2, 15.5).

use std::collections::BTreeMap;

use koinon_model::Value;
use koinon_model::representation as model;

use super::nested::OuterRepresentation;
use crate::code::Code;
use crate::diag::Fault;
use crate::grammar::MappedCount;
use crate::grammar::MappedRequirement;
use crate::grammar::MappedTo;
use crate::grammar::MappedValue;
use crate::grammar::RelationshipIndex;
use crate::grammar::RequirementMapping;
use crate::grammar::ServiceTemplate;
use crate::grammar::SubstitutionMapping;
use crate::grammar::Word;
use crate::program::Evaluated;
use crate::program::GraphRelationship;
use crate::program::Halt;
use crate::program::MappedTargets;
use crate::program::NodeNumber;
use crate::program::OuterNode;
use crate::program::Program;

impl<'a> Program<'a> {
    /// Evaluates the property mappings to the inputs of a substituting service (csd07 15.2).
    pub(super) fn inputs_for(
        &self,
        at: NodeNumber,
        substitution: &SubstitutionMapping<'a>,
    ) -> BTreeMap<String, Value> {
        let mut inputs = BTreeMap::new();
        for (from, to) in &substitution.properties {
            let MappedTo::Name(input) = to else { continue };
            let (word, found) = self.mapped_value(at, from);
            let problem = match found {
                Ok(Some(value)) => {
                    inputs.insert(input.text.to_owned(), value);
                    continue;
                }
                Ok(None) | Err(Halt::Input | Halt::Deep | Halt::Reported) => continue,
                Err(Halt::RunTime(_)) => "is known only at run time",
                Err(Halt::Later) => "follows a relationship that does not exist",
            };
            let of = self.graph.node(at).template.name.text;
            let message = format!("`{}` of `{of}` {problem}, but an input needs it", word.text);
            self.faults.push(Fault::new(Code::RunTimeOnly, input.span, message));
        }
        inputs
    }

    fn mapped_value(&self, at: NodeNumber, from: &MappedValue<'a>) -> (Word<'a>, Evaluated) {
        let def = self.graph.node(at).def;
        match from {
            // An attribute of the node has no value before it runs.
            MappedValue::Own(word) if !def.properties.contains_key(word.text) => {
                (*word, Err(Halt::RunTime(word.span)))
            }
            MappedValue::Own(word) => (*word, self.property(at, word.text)),
            MappedValue::Capability(name, word) => match def.capabilities.get(name.text) {
                Some(capability) if capability.properties.contains_key(word.text) => {
                    (*word, self.capability_property(at, capability, word.text))
                }
                Some(_) => (*word, Err(Halt::RunTime(word.span))),
                // The check of the template reported that.
                None => (*word, Err(Halt::Reported)),
            },
            MappedValue::Relationship(requirement, which, word) => {
                let all = self.graph.outgoing(at, requirement.text);
                let value = |one: &GraphRelationship<'a>| {
                    if one.properties.contains_key(word.text) {
                        self.relationship_property(one, word.text)
                    } else {
                        Err(Halt::RunTime(word.span))
                    }
                };
                let found = match which.unwrap_or(RelationshipIndex::At(0)) {
                    RelationshipIndex::All => {
                        let values: Result<Vec<Option<Value>>, Halt> =
                            all.iter().map(|one| value(one)).collect();
                        values.map(|all| Some(Value::List(all.into_iter().flatten().collect())))
                    }
                    RelationshipIndex::At(index) => {
                        let index = usize::try_from(index).unwrap_or(usize::MAX);
                        all.get(index).map_or(Ok(None), |one| value(one))
                    }
                };
                (*word, found)
            }
        }
    }

    /// Distributes the targets of a node's requirements over the mapped requirements and nodes
    /// (csd07 15.5).
    pub(super) fn forward_requirements(
        &self,
        at: NodeNumber,
        template: &'a ServiceTemplate<'a>,
        substitution: &'a SubstitutionMapping<'a>,
        outer: &OuterRepresentation<'_>,
    ) -> MappedTargets<'a> {
        let mut mapped = MappedTargets::default();
        let mut places: BTreeMap<NodeNumber, usize> = BTreeMap::new();
        let mut done: Vec<&str> = Vec::new();
        for mapping in &substitution.requirements {
            let name = mapping.name.text;
            if done.contains(&name) {
                continue;
            }
            done.push(name);
            let all: Vec<&RequirementMapping<'a>> =
                substitution.requirements.iter().filter(|one| one.name.text == name).collect();
            let relationships = self.graph.outgoing(at, name);
            let slots = self.mapping_slots(template, &all, relationships.len());
            for (relationship, targets) in relationships.iter().zip(slots) {
                let number = relationship.target;
                let place = match places.get(&number) {
                    Some(place) => *place,
                    None => {
                        let Some(node) = self.seen_from_inside(number, outer) else { continue };
                        let known = self.graph.node(number);
                        let (template, id) = (known.template, known.id);
                        mapped.nodes.push(OuterNode { template, id, number, node });
                        places.insert(number, mapped.nodes.len() - 1);
                        mapped.nodes.len() - 1
                    }
                };
                for target in targets {
                    match target {
                        MappedRequirement::Requirement(node, requirement) => {
                            let key = (node.text, requirement.text);
                            mapped.requirements.entry(key).or_default().push(place);
                        }
                        MappedRequirement::Node(node) => {
                            mapped.selected.entry(node.text).or_insert(place);
                        }
                    }
                }
            }
        }
        mapped
    }

    /// Returns the mapping targets of each of `count` relationships: mandatory requirements first
    /// (csd07 15.5.4), an UNBOUNDED mapping last.
    fn mapping_slots<'s>(
        &self,
        template: &'a ServiceTemplate<'a>,
        mappings: &[&'s RequirementMapping<'a>],
        count: usize,
    ) -> Vec<&'s [MappedRequirement<'a>]> {
        if let [only] = mappings
            && only.count.is_none()
        {
            return vec![&only.targets; count];
        }
        let mut left: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        let (mut first, mut second, mut rest) = (Vec::new(), Vec::new(), None);
        for mapping in mappings {
            let times = match mapping.count {
                None => 1,
                Some(MappedCount::Number(times)) => times,
                Some(MappedCount::Unbounded) => {
                    rest = rest.or(Some(mapping.targets.as_slice()));
                    continue;
                }
            };
            for _ in 0..times.min(count as u64) {
                let mut mandatory = false;
                for target in &mapping.targets {
                    match target {
                        MappedRequirement::Node(_) => mandatory = true,
                        MappedRequirement::Requirement(node, requirement) => {
                            let left =
                                left.entry((node.text, requirement.text)).or_insert_with(|| {
                                    self.mandatory_count(template, *node, *requirement)
                                });
                            mandatory |= *left > 0;
                            *left = left.saturating_sub(1);
                        }
                    }
                }
                let slots = if mandatory { &mut first } else { &mut second };
                slots.push(mapping.targets.as_slice());
            }
        }
        first.append(&mut second);
        if let Some(rest) = rest {
            first.resize(first.len().max(count), rest);
        }
        first
    }

    /// Returns a node as a nested service sees it.
    fn seen_from_inside(
        &self,
        number: NodeNumber,
        outer: &OuterRepresentation<'_>,
    ) -> Option<model::Node> {
        let referenced = self.graph.node(number).referenced.as_ref();
        let made = outer.node(self.element(number));
        let mut seen = made.or(referenced.map(|referenced| &*referenced.node))?.clone();
        self.update_remaining(number, &mut seen);
        Some(seen)
    }
}
