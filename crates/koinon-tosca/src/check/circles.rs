//! Circles of nodes that depend on each other: what no order can deploy.

use super::program::Program;
use crate::grammar::TypeId;

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
        // Depth first without recursion: how far each node on the way is.
        let mut state = vec![0_u8; count];
        for start in 0..self.graph.len() {
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
                        let mut cycle: Vec<u32> =
                            way[from..].iter().map(|(node, _)| *node).collect();
                        cycle.push(target);
                        return Some(cycle);
                    }
                    _ => {}
                }
            }
        }
        None
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
