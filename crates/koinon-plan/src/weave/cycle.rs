//! Describes to people which dependencies form a cycle.

use super::points::Pass;
use super::points::PointOwner;
use super::points::PointOwners;
use crate::flat::FlatGraph;
use crate::flat::GraphVersions;
use crate::graph::Cycle;
use crate::index::NodeAt;
use crate::index::RelationshipAt;

/// Describes a cycle as `a -[host]-> b -[uses]-> a`.
pub(super) fn describe(cycle: &Cycle, owners: &PointOwners, graphs: GraphVersions<'_>) -> String {
    let mut way: Vec<PointOwner> = cycle.0.iter().map(|point| owners.find(*point).owner).collect();
    way.dedup();
    let deletes = |owner: &PointOwner| {
        matches!(
            owner,
            PointOwner::Node(Pass::Delete, _) | PointOwner::Relationship(Pass::Delete, _)
        )
    };
    let pass = if way.iter().any(deletes) { Pass::Delete } else { Pass::Create };
    let graph = graphs.in_pass(pass);
    // When deleting, targets wait for sources; the text shows the direction of the relationships.
    if pass == Pass::Delete {
        way.reverse();
    }
    let node = |owner: &PointOwner| match owner {
        PointOwner::Node(_, at) => Some(*at),
        PointOwner::Relationship(..) | PointOwner::Fetch | PointOwner::Barrier => None,
    };
    // The text begins at the first node of the graph, wherever the search entered the cycle.
    let first = way.iter().enumerate().filter_map(|(at, owner)| Some((node(owner)?, at))).min();
    way.rotate_left(first.map_or(0, |(_, at)| at));
    write_way(&way, graph)
}

fn write_way(way: &[PointOwner], graph: &FlatGraph<'_>) -> String {
    let mut text = String::new();
    let mut first: Option<NodeAt> = None;
    let mut last: Option<NodeAt> = None;
    let mut over: Option<RelationshipAt> = None;
    for owner in way {
        match owner {
            PointOwner::Node(_, at) if last == Some(*at) && over.is_none() => {}
            PointOwner::Node(_, at) => {
                if let Some(last) = last {
                    text.push_str(&arrow(graph, last, *at, over.take()));
                }
                text.push_str(&graph.name(*at));
                last = Some(*at);
                first.get_or_insert(*at);
            }
            PointOwner::Relationship(_, at) => over = Some(*at),
            PointOwner::Fetch | PointOwner::Barrier => {}
        }
    }
    if let (Some(last), Some(first)) = (last, first)
        && (last != first || !text.contains("->"))
    {
        text.push_str(&arrow(graph, last, first, over));
        text.push_str(&graph.name(first));
    }
    text
}

/// Returns an arrow with the name of the relationship the cycle goes over, or of one that leads
/// from node to node.
fn arrow(graph: &FlatGraph<'_>, from: NodeAt, to: NodeAt, over: Option<RelationshipAt>) -> String {
    let leads = |at: &RelationshipAt| (graph[*at].source, graph[*at].target) == (from, to);
    let all = (0..graph.relationships.len()).map(RelationshipAt::from);
    let relationship = over.or_else(|| all.into_iter().find(leads));
    let is_inside = |inner: NodeAt, outer: NodeAt| graph[inner].outer == Some(outer);
    let label = match relationship {
        Some(at) => &*graph[at].relationship.requirement,
        None if is_inside(from, to) || is_inside(to, from) => "substitution",
        None => "$get_attribute",
    };
    format!(" -[{label}]-> ")
}
