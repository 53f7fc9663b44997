//! Circles of nodes that depend on each other, which no order can deploy.

use crate::grammar::TypeId;
use crate::program::NodeNumber;
use crate::program::Program;

impl<'a> Program<'a> {
    /// Returns a circle of nodes that depend on each other, with the first repeated at the end.
    pub(crate) fn cycle(&self) -> Option<Vec<NodeNumber>> {
        let nodes = self.graph.numbers();
        let mut next: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
        for relationship in self.graph.relationships() {
            if self.is_dependency(relationship.id) {
                next[relationship.source.position()].push(relationship.target.position());
            }
        }
        let circle = circle(&next)?;
        Some(circle.into_iter().map(|position| nodes.start().after(position)).collect())
    }

    /// Returns whether the source of a relationship needs its target first. It does, unless
    /// metadata of the relationship's type says otherwise.
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

/// Returns a circle among indices, given the indices each needs, with the first repeated at the
/// end.
pub(crate) fn circle(next: &[Vec<usize>]) -> Option<Vec<usize>> {
    // Depth-first search without recursion. States: 0 is new, 1 is on the path, 2 is finished.
    let mut state = vec![0_u8; next.len()];
    for start in 0..next.len() {
        if state[start] != 0 {
            continue;
        }
        let mut way: Vec<(usize, usize)> = vec![(start, 0)];
        state[start] = 1;
        while let Some((node, at)) = way.last_mut() {
            let Some(target) = next[*node].get(*at).copied() else {
                state[*node] = 2;
                way.pop();
                continue;
            };
            *at += 1;
            match state[target] {
                0 => {
                    state[target] = 1;
                    way.push((target, 0));
                }
                1 => {
                    let from = way.iter().position(|(node, _)| *node == target)?;
                    let mut circle: Vec<usize> =
                        way[from..].iter().map(|(node, _)| *node).collect();
                    circle.push(target);
                    return Some(circle);
                }
                _ => {}
            }
        }
    }
    None
}
