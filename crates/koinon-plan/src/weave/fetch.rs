//! Fetches the files of nodes before anything is done with the nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use koinon_model::representation::Artifact;

use super::Sides;
use super::Weaver;
use super::Woven;
use super::file;
use crate::circle::Owner;
use crate::flat::Flat;
use crate::plan::Action;
use crate::plan::File;
use crate::plan::Step;
use crate::plan::StepId;
use crate::planning::Member;
use crate::rules::ANY;
use crate::rules::ByType;
use crate::rules::Lifecycle;

/// The fetches of one node: its place among the members, and its points.
#[derive(Debug)]
pub(super) struct Fetches {
    member: usize,
    points: std::ops::Range<u32>,
}

impl Weaver {
    /// Makes the steps that fetch the files of nodes that are created or modified. They wait for nothing.
    pub(super) fn fetches(&mut self, sides: &Sides<'_, '_>, nodes: &[Member]) -> Vec<Fetches> {
        let rules = sides.rules;
        if rules.nodes.iter().all(|lifecycle| lifecycle.fetch.is_empty()) {
            return Vec::new();
        }
        let mut lifecycles = ByType::new(&rules.nodes, |rule| &rule.types);
        let mut artifacts = ByType::new(&rules.artifacts, |rule| &rule.types);
        let mut made = Vec::new();
        for (at, member) in nodes.iter().enumerate() {
            let Some(new) = member.new else { continue };
            let flat = sides.now.nodes[new as usize];
            let Some((_, lifecycle)) = lifecycles.find(sides.now.root, &flat.node.node_type) else {
                continue;
            };
            if lifecycle.fetch.is_empty() {
                continue;
            }
            let operator = flat.node.operator.as_ref();
            let job = sides.job(member, lifecycle, flat.common(), flat.common(), [operator; 2]);
            let Some(job) = job else { continue };
            // Two artifacts may be one file.
            let wanted: BTreeMap<(Arc<str>, Option<Arc<str>>), File> = flat
                .node
                .artifacts
                .values()
                .filter(|artifact| fetched(sides.now, lifecycle, artifact))
                .map(|artifact| file(artifact, &flat.common(), &mut artifacts))
                .map(|file| ((Arc::clone(&file.artifact.file), file.cid.clone()), file))
                .collect();
            let count = wanted.len().min(usize::from(StepId::MOST_FETCHES));
            let first = self.points(count, Owner::Fetch);
            for (file, number) in wanted.into_values().zip(0..StepId::MOST_FETCHES) {
                let point = first + u32::from(number);
                self.graph.act(point);
                self.step_of[point as usize] = self.steps.len() as u32;
                self.steps.push(Step {
                    id: StepId::fetch(flat.node.id, number),
                    element: Some(flat.node.id),
                    operator: operator.cloned(),
                    action: Action::Fetch(Box::new(file)),
                    needs: Vec::new(),
                    level: 0,
                    undo: Vec::new(),
                    reason: job.reason,
                });
            }
            made.push(Fetches { member: at, points: first..first + count as u32 });
        }
        made
    }

    /// Lets nodes wait for their files: what goes to make room for another of the same operator does so once the
    /// other's files are there.
    pub(super) fn tie_fetches(
        &mut self,
        fetches: &[Fetches],
        nodes: &[Member],
        [gone, made]: [&Woven; 2],
        [before, after]: [&Flat<'_>; 2],
    ) {
        for Fetches { member, points } in fetches {
            let member = &nodes[*member];
            let Some(new) = member.new else { continue };
            let stays = |old: &u32| {
                let (old, new) = (before.nodes[*old as usize], after.nodes[new as usize]);
                old.node.operator == new.node.operator
            };
            let begin = match member.old.filter(|_| member.replaced).filter(stays) {
                Some(old) => gone.nodes[old as usize].0,
                None => made.nodes[new as usize].0,
            };
            points.clone().for_each(|point| self.graph.edge(point, begin));
        }
    }
}

fn fetched(flat: &Flat<'_>, lifecycle: &Lifecycle, artifact: &Artifact) -> bool {
    let is_a =
        |wanted: &Arc<str>| &**wanted == ANY || flat.root.is_a(&artifact.artifact_type, wanted);
    lifecycle.fetch.iter().any(is_a)
}
