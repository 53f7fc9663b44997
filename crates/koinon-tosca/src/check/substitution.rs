//! Substitution mappings against what they name (csd07 15.2 to 15.5).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::builtin::Base;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::article;
use crate::evaluate::Scope;
use crate::grammar::CapabilityDefinition;
use crate::grammar::CapabilityMapping;
use crate::grammar::Directive;
use crate::grammar::MappedCount;
use crate::grammar::MappedRequirement;
use crate::grammar::MappedTo;
use crate::grammar::MappedValue;
use crate::grammar::OperationMapping;
use crate::grammar::PropertyDefinition;
use crate::grammar::PropertyDefinitions;
use crate::grammar::RelationshipIndex;
use crate::grammar::Schema;
use crate::grammar::SubstitutionMapping;
use crate::grammar::TypeDefinition;
use crate::grammar::Word;
use crate::keynames::TypeKind;
use crate::program::Program;
use crate::resolve::dangles;

impl<'a> Program<'a> {
    pub(super) fn check_substitution(&self) {
        let Some(substitution) = &self.template.substitution else { return };
        let name = substitution.node_type;
        let Some(id) = self.faults.keep(self.types.find(TypeKind::Node, name)) else { return };
        let def = self.types.def(id);
        if let Some(filter) = &substitution.filter {
            self.check_condition(filter, Scope::in_type("substitution_filter"));
        }
        self.check_value_mappings(substitution, def);
        for mapping in &substitution.capabilities {
            let CapabilityMapping { name: capability, template: node, capability: mapped } =
                mapping;
            let known = def.capabilities.keys().copied();
            self.check_exists(
                "capability",
                *capability,
                def.capabilities.contains_key(capability.text),
                known,
            );
            if let Some(target) = self.mapped_node(*node) {
                let has = target.capabilities.contains_key(mapped.text);
                self.check_exists("capability", *mapped, has, target.capabilities.keys().copied());
                let outer = def.capabilities.get(capability.text);
                let inner = target.capabilities.get(mapped.text);
                let of = |one: Option<&Arc<CapabilityDefinition<'a>>>| {
                    one.and_then(|one| one.capability_type)
                };
                self.check_mapped_capability(of(outer), of(inner), *mapped);
            }
        }
        for mapping in &substitution.requirements {
            let known = def.requirements.iter().map(|one| one.name.text);
            let has = def.requirement(mapping.name.text).is_some();
            self.check_exists("requirement", mapping.name, has, known);
            for target in &mapping.targets {
                self.check_mapped_requirement(target);
                match target {
                    MappedRequirement::Node(node) => {
                        self.mapped_node(*node);
                    }
                    MappedRequirement::Requirement(node, requirement) => {
                        if let Some(target) = self.mapped_node(*node) {
                            let has = target.requirement(requirement.text).is_some();
                            let known = target.requirements.iter().map(|one| one.name.text);
                            self.check_exists("requirement", *requirement, has, known);
                        }
                    }
                }
            }
        }
        self.check_mapping_rules(substitution, def);
        for OperationMapping { interface, operation, workflow } in &substitution.interfaces {
            let known = def.interfaces.get(interface.text);
            self.check_exists(
                "interface",
                *interface,
                known.is_some(),
                def.interfaces.keys().copied(),
            );
            if let Some(known) = known {
                let has = known.operations.contains_key(operation.text)
                    || known.notifications.contains_key(operation.text);
                self.check_exists("operation", *operation, has, known.operations.keys().copied());
            }
            let has = self.template.workflows.contains(workflow.text);
            self.check_exists("workflow", *workflow, has, self.template.workflows.names());
        }
    }

    /// Checks the rules of requirement mappings (csd07 15.5.4), and that required inputs are mapped
    /// (15.2).
    fn check_mapping_rules(
        &self,
        substitution: &SubstitutionMapping<'a>,
        def: &TypeDefinition<'a>,
    ) {
        let mut seen: BTreeMap<&str, (u64, u64, bool)> = BTreeMap::new();
        for mapping in &substitution.requirements {
            let name = mapping.name;
            let (total, must, unbounded) = seen.entry(name.text).or_default();
            if *unbounded {
                let message =
                    format!("a mapping of `{}` cannot follow an UNBOUNDED mapping", name.text);
                self.faults.push(Fault::new(Code::Mapping, name.span, message));
            }
            let times = match mapping.count {
                None => 1,
                Some(MappedCount::Number(times)) => times,
                Some(MappedCount::Unbounded) => {
                    *unbounded = true;
                    0
                }
            };
            *total = total.saturating_add(times);
            for target in &mapping.targets {
                let MappedRequirement::Requirement(node, requirement) = target else { continue };
                let Some(template) = self.template.nodes.get(node.text) else { continue };
                let mut assigned = template
                    .requirements
                    .iter()
                    .filter(|one| one.name.text == requirement.text)
                    .peekable();
                let fulfilled =
                    assigned.peek().is_some() && assigned.all(|one| !dangles(one, self.template));
                if fulfilled {
                    let message = format!(
                        "requirement `{}` of `{}` cannot be mapped: its own service fulfills it",
                        requirement.text, node.text
                    );
                    self.faults.push(Fault::new(Code::Mapping, requirement.span, message));
                }
                let mandatory = self.mandatory_count(self.template, *node, *requirement);
                *must = must.saturating_add(mandatory.min(times));
            }
            let Some(range) = def.requirement(name.text).map(|one| one.range()) else { continue };
            if range.1.is_some_and(|most| *total > most) {
                let message = format!(
                    "`{}` is mapped {total} times, but a node has it {} times at most",
                    name.text,
                    range.1.unwrap_or_default()
                );
                self.faults.push(Fault::new(Code::Mapping, name.span, message));
            }
            // Files of the OASIS suite do this, so it is only a warning (15.5.4, rule 2).
            if *must > range.0 {
                let message = format!(
                    "`{}` is mapped to {must} mandatory requirements, but a node may have it {} times",
                    name.text, range.0
                );
                self.faults.push(Fault::new(Code::Mapping, name.span, message).warning());
            }
        }
        for (name, input) in &self.template.inputs {
            let mapped = substitution
                .properties
                .iter()
                .any(|(_, to)| matches!(to, MappedTo::Name(word) if word.text == *name));
            if input.is_required() && input.default.is_none() && !mapped {
                let message =
                    format!("no property is mapped to input `{name}`, which needs a value");
                let fault = Fault::new(Code::Mapping, substitution.node_type.span, message);
                self.faults.push(fault.related(input.name.span, "the input"));
            }
        }
    }

    fn check_value_mappings(
        &self,
        substitution: &SubstitutionMapping<'a>,
        def: &TypeDefinition<'a>,
    ) {
        for (all, attributes) in
            [(&substitution.properties, false), (&substitution.attributes, true)]
        {
            let what = if attributes { "attribute" } else { "property" };
            for (from, to) in all {
                let (word, names): (Word<'_>, Vec<&PropertyDefinitions<'a>>) = match from {
                    MappedValue::Own(word) => (*word, vec![&def.properties, &def.attributes]),
                    MappedValue::Capability(capability, word) => {
                        let known = def.capabilities.get(capability.text);
                        let names = def.capabilities.keys().copied();
                        self.check_exists("capability", *capability, known.is_some(), names);
                        let Some(known) = known else { continue };
                        (*word, vec![&known.properties, &known.attributes])
                    }
                    MappedValue::Relationship(requirement, _, word) => {
                        let known = def.requirement(requirement.text);
                        let names = def.requirements.iter().map(|one| one.name.text);
                        self.check_exists("requirement", *requirement, known.is_some(), names);
                        let Some(known) = known else { continue };
                        let name =
                            known.relationship.as_ref().and_then(|one| one.relationship_type);
                        let of = name.and_then(|name| self.types.get(TypeKind::Relationship, name));
                        let Some(of) = of else { continue };
                        (*word, vec![&of.properties, &of.attributes])
                    }
                };
                let has = names.iter().any(|known| known.contains_key(word.text));
                self.check_exists(
                    what,
                    word,
                    has,
                    names.iter().flat_map(|known| known.keys().copied()),
                );
                if let MappedTo::Name(name) = to {
                    let (known, what) = if attributes {
                        (&self.template.outputs, "output")
                    } else {
                        (&self.template.inputs, "input")
                    };
                    self.check_exists(
                        what,
                        *name,
                        known.contains_key(name.text),
                        known.keys().copied(),
                    );
                    let own = names.iter().find_map(|known| known.get(word.text));
                    let all = matches!(
                        from,
                        MappedValue::Relationship(_, Some(RelationshipIndex::All), _)
                    );
                    if let (Some(own), Some(other), false) = (own, known.get(name.text), all) {
                        let (from, to) = (&own.schema, &other.schema);
                        let (from, to) = if attributes { (to, from) } else { (from, to) };
                        self.check_mapped_types(from, to, *name, own);
                    }
                }
            }
        }
    }

    fn mapped_node(&self, node: Word<'a>) -> Option<&'a TypeDefinition<'a>> {
        let template = self.template.nodes.get(node.text);
        self.check_exists("node template", node, template.is_some(), self.template.nodes.names());
        self.types.get(TypeKind::Node, template?.node_type)
    }

    /// Reports a name that does not exist.
    pub(super) fn check_exists<'n>(
        &self,
        what: &str,
        word: Word<'_>,
        has: bool,
        known: impl Iterator<Item = &'n str>,
    ) {
        if !has {
            let fault = Fault::new(
                Code::UnknownTemplate,
                word.span,
                format!("unknown {what} `{}`", word.text),
            );
            self.faults.push(self.faults.near(fault, word.text, known));
        }
    }

    /// Checks that the type of a mapped value fits its destination: of a property the input, of an
    /// output the attribute (csd07 15.2, 15.3).
    fn check_mapped_types(
        &self,
        from: &Schema<'a>,
        to: &Schema<'a>,
        word: Word<'a>,
        other: &PropertyDefinition<'a>,
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

    /// Checks that the type of an inner capability derives from the type of the capability it is
    /// mapped from.
    fn check_mapped_capability(
        &self,
        outer: Option<Word<'a>>,
        inner: Option<Word<'a>>,
        mapped: Word<'a>,
    ) {
        let (Some(outer), Some(inner)) = (outer, inner) else { return };
        let id = |word| self.types.lookup(TypeKind::Capability, word);
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
            self.faults.push(fault.related(outer.span, "mapped from here"));
        }
    }

    /// Checks that a node a requirement is mapped to is selected (csd07 15.5). Mapped requirements
    /// are checked with the counts.
    fn check_mapped_requirement(&self, target: &MappedRequirement<'a>) {
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
