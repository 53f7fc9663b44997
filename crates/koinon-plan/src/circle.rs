//! Says to people which dependencies form a circle.

use crate::flat::Flat;
use crate::graph::Circle;
use crate::weave::Pass;

/// Whose points are woven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A node, by its place in the pass's graph.
    Node(Pass, u32),
    /// A relationship, by its place.
    Relationship(Pass, u32),
    /// A node's files, which wait for nothing.
    Fetch,
    /// Nobody: what stands between the passes.
    Between,
}

/// Describes a circle as `a -[host]-> b -[uses]-> a`; `owners` are given by their first points, ascending.
pub(crate) fn describe(circle: &Circle, owners: &[(u32, Owner)], flats: [&Flat<'_>; 2]) -> String {
    let owner = |point: &u32| owners[owners.partition_point(|(first, _)| first <= point) - 1].1;
    let mut way: Vec<Owner> = circle.0.iter().map(owner).collect();
    way.dedup();
    let delete = way.iter().any(|owner| {
        matches!(owner, Owner::Node(Pass::Delete, _) | Owner::Relationship(Pass::Delete, _))
    });
    let flat = if delete { flats[0] } else { flats[1] };
    // In the way back targets wait for sources; shown is the direction of the relationships.
    if delete {
        way.reverse();
    }
    let node = |owner: &Owner| if let Owner::Node(_, at) = owner { Some(*at) } else { None };
    // It begins at the first node there is, wherever it was entered.
    let first = way.iter().enumerate().filter_map(|(at, owner)| Some((node(owner)?, at))).min();
    way.rotate_left(first.map_or(0, |(_, at)| at));
    let mut text = String::new();
    let mut last: Option<u32> = None;
    let mut over = None;
    let mut first = None;
    for owner in &way {
        match owner {
            Owner::Node(_, at) if last == Some(*at) && over.is_none() => {}
            Owner::Node(_, at) => {
                if let Some(last) = last {
                    arrow(&mut text, flat, (last, *at), over.take());
                }
                text.push_str(&flat.name(*at));
                last = Some(*at);
                first.get_or_insert(*at);
            }
            Owner::Relationship(_, at) => over = Some(*at),
            Owner::Fetch | Owner::Between => {}
        }
    }
    if let (Some(last), Some(first)) = (last, first)
        && (last != first || !text.contains("->"))
    {
        arrow(&mut text, flat, (last, first), over);
        text.push_str(&flat.name(first));
    }
    text
}

fn arrow(text: &mut String, flat: &Flat<'_>, (from, to): (u32, u32), over: Option<u32>) {
    let leads = |at: &usize| {
        let relationship = flat.relationships[*at];
        (relationship.source, relationship.target) == (from, to)
    };
    let found = over.map(|at| at as usize).or_else(|| (0..flat.relationships.len()).find(leads));
    let inner = |a: u32, b: u32| flat.nodes[a as usize].outer == Some(b);
    let label = match found {
        Some(at) => &*flat.relationships[at].relationship.requirement,
        None if inner(from, to) || inner(to, from) => "substitution",
        None => "$get_attribute",
    };
    text.push_str(&format!(" -[{label}]-> "));
}
