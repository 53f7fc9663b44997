//! Circles: of nodes that depend on each other, which no order can deploy, and of workflows.

use super::program::Program;
use crate::code::Code;
use crate::diag::Fault;
use crate::grammar::Activity;
use crate::grammar::TypeId;
use crate::grammar::Word;
use crate::grammar::Workflow;

impl<'a> Program<'a> {
    /// Returns a circle of nodes that depend on each other, the first again at its end.
    pub(super) fn cycle(&self) -> Option<Vec<u32>> {
        let count = self.graph.len() as usize;
        let mut next: Vec<Vec<u32>> = vec![Vec::new(); count];
        for relationship in self.graph.relationships() {
            if self.is_dependency(relationship.id) {
                next[relationship.source as usize].push(relationship.target);
            }
        }
        circle(&next)
    }

    /// Warns of a workflow that inlines itself, which would never end.
    pub(super) fn check_inlined(&self) {
        let workflows = &self.template.workflows;
        let inlined = |workflow: &Workflow<'a>| {
            let activities = workflow.steps.values().flat_map(|step| &step.activities);
            let names = activities.filter_map(|activity| match activity {
                Activity::Inline(word, _) => workflows.position(word.text),
                _ => None,
            });
            names.filter_map(|at| u32::try_from(at).ok()).collect()
        };
        let Some(circle) = circle(&workflows.values().map(inlined).collect::<Vec<_>>()) else {
            return;
        };
        let all: Vec<Word<'a>> = workflows.values().map(|workflow| workflow.name).collect();
        let names: Vec<&str> = circle.iter().map(|at| all[*at as usize].text).collect();
        let message = format!("workflows inline each other in a circle: {}", names.join(" -> "));
        let span = circle.first().map_or(self.template.span, |at| all[*at as usize].span);
        // csd07 has no word against it.
        self.faults.push(Fault::new(Code::DependencyCycle, span, message).warning());
    }

    /// Returns whether the source of a relationship needs its target to be there: it does, unless the relationship's
    /// type says otherwise in its metadata.
    fn is_dependency(&self, id: TypeId) -> bool {
        self.types.def(id).chain.iter().all(|id| {
            let metadata = self.types.def(*id).metadata;
            let mut entries = metadata.and_then(|metadata| metadata.map()).into_iter().flatten();
            !entries.any(|(key, value)| {
                key.text() == Some("koinon.dependency") && value.text() == Some("false")
            })
        })
    }
}

/// Returns a circle of what needs each other, the first again at its end.
fn circle(next: &[Vec<u32>]) -> Option<Vec<u32>> {
    // Depth first without recursion: how far each one on the way is.
    let mut state = vec![0_u8; next.len()];
    for start in 0..u32::try_from(next.len()).ok()? {
        if state[start as usize] != 0 {
            continue;
        }
        let mut way: Vec<(u32, usize)> = vec![(start, 0)];
        state[start as usize] = 1;
        while let Some((node, at)) = way.last_mut() {
            let Some(target) = next[*node as usize].get(*at).copied() else {
                state[*node as usize] = 2;
                way.pop();
                continue;
            };
            *at += 1;
            match state[target as usize] {
                0 => {
                    state[target as usize] = 1;
                    way.push((target, 0));
                }
                1 => {
                    let from = way.iter().position(|(node, _)| *node == target)?;
                    let mut circle: Vec<u32> = way[from..].iter().map(|(node, _)| *node).collect();
                    circle.push(target);
                    return Some(circle);
                }
                _ => {}
            }
        }
    }
    None
}
