//! Requirements that nothing fulfills: the reason in a sentence, and the trace of candidates.

use koinon_model::representation::ElementId;
use koinon_model::representation::Finding;
use koinon_model::representation::ResolveTrace;

use super::items::RequirementItem;
use super::items::candidate_origins;
use crate::code::Code;
use crate::diag::Fault;
use crate::program::CandidateOrigin;
use crate::program::NodeNumber;
use crate::program::Program;

/// The most findings in one message.
pub(crate) const MAX_FINDINGS: usize = 5;

impl<'a> Program<'a> {
    /// Reports every mandatory requirement that nothing fulfills.
    pub(crate) fn check_resolved(&self) {
        // Earlier faults are the likely reason.
        if !self.faults.is_empty() {
            return;
        }
        for fault in self.failed.borrow().iter() {
            self.faults.push(fault.clone());
        }
        for unresolved in self.resolver.unresolved.borrow().iter().filter(|one| !one.optional) {
            let node = self.graph.node(unresolved.node);
            let message = format!(
                "nothing fulfills requirement `{}` of `{}`: {}",
                unresolved.requirement, node.template.name.text, unresolved.reason
            );
            self.faults.push(Fault::new(Code::Unfulfilled, unresolved.span, message));
        }
        if let Some(cycle) = self.cycle() {
            let names: Vec<&str> =
                cycle.iter().map(|at| self.graph.node(*at).template.name.text).collect();
            let span = cycle
                .first()
                .map_or(self.template.span, |at| self.graph.node(*at).template.name.span);
            let message = format!("nodes depend on each other in a circle: {}", names.join(" -> "));
            self.faults.push(Fault::new(Code::DependencyCycle, span, message));
        }
    }

    /// Returns the findings on candidates of traced requirements.
    pub(crate) fn trace(&self) -> ResolveTrace {
        let trace = self.resolver.trace.borrow();
        let requirements = trace.iter().map(|((node, requirement, index), candidates)| {
            let index = u32::try_from(*index).unwrap_or(u32::MAX);
            let id = ElementId::relationship(self.element(*node), requirement, index);
            (id, candidates.clone())
        });
        ResolveTrace { requirements: requirements.collect() }
    }

    /// Returns the reason that no candidate fits, as a sentence.
    pub(crate) fn reason(
        &self,
        item: &RequirementItem<'a>,
        count: usize,
        refused: &[(NodeNumber, Finding)],
    ) -> String {
        if count == 0 && candidate_origins(item) == [CandidateOrigin::External] {
            return "no other service has a node that fits".to_owned();
        }
        if count == 0 {
            let wanted = item.definition.capability.map_or("", |word| word.text);
            return match item.definition.node {
                Some(node) => format!("there is no {} with a capability {wanted}", node.text),
                None => format!("no node has a capability {wanted}"),
            };
        }
        let mut reasons = Vec::new();
        for (target, finding) in refused {
            let node = self.graph.node(*target);
            let own = node.template.name.text;
            let position = self.template.nodes.position(own).unwrap_or(usize::MAX);
            let alone = node.referenced.is_none() && self.graph.of_template(position).len() == 1;
            let name = if alone { own.to_owned() } else { format!("{own}[{}]", node.index) };
            let why = match finding {
                Finding::TypeMismatch { expected, .. } => format!("has no capability {expected}"),
                Finding::SourceRefused { found } => format!("takes no {found}"),
                Finding::FilterFalse { .. } => "does not pass the node filter".to_owned(),
                Finding::NoCapacity { property, needed, left } => {
                    let (needed, left) = (needed.to_json(), left.to_json());
                    format!("has {left} of `{property}` left, {needed} is needed")
                }
                Finding::Used => "is its target already".to_owned(),
                Finding::Chosen(_) | Finding::Passed => continue,
            };
            reasons.push(format!("`{name}` {why}"));
        }
        let more = count.saturating_sub(refused.len());
        let tail = if more > 0 { format!(", and {more} more") } else { String::new() };
        if reasons.is_empty() {
            return "every candidate is used already".to_owned();
        }
        format!("{}{tail}", reasons.join("; "))
    }

    pub(super) fn is_traced(&self, item: &RequirementItem<'a>) -> bool {
        self.resolver.traced.as_ref().is_some_and(|traced| {
            let requirement = traced.requirement.as_deref();
            traced.node_template == self.graph.node(item.node).template.name.text
                && requirement.is_none_or(|name| name == item.definition.name.text)
        })
    }
}
