//! The points of elements in the graph of points.

use std::sync::Arc;

use crate::flat::FlatGraph;
use crate::flat::GraphVersions;
use crate::index::NodeAt;
use crate::index::Point;
use crate::index::RelationshipAt;
use crate::rules::SequenceEntry;
use crate::rules::first_point;
use crate::rules::last_point;
use crate::rules::point;

/// A traversal of section 4.4: `Delete` goes through the old graph against its dependencies,
/// `Create` through the new one along them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    Delete,
    Create,
}

impl<'a> GraphVersions<'a> {
    /// Returns the graph that a pass goes through.
    pub(super) fn in_pass(&self, pass: Pass) -> &'a FlatGraph<'a> {
        match pass {
            Pass::Delete => self.old,
            Pass::Create => self.new,
        }
    }
}

/// The element that points belong to. Places are those in the pass's graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PointOwner {
    Node(Pass, NodeAt),
    Relationship(Pass, RelationshipAt),
    /// A node's files, which wait for nothing.
    Fetch,
    /// No element: the point between the passes.
    Barrier,
}

/// Points from `first` up to the next owner's first.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnedPoints {
    pub(super) first: Point,
    pub(super) owner: PointOwner,
}

/// All points with their owners, ascending.
#[derive(Debug, Default)]
pub(super) struct PointOwners(Vec<OwnedPoints>);

impl PointOwners {
    pub(super) fn push(&mut self, first: Point, owner: PointOwner) {
        self.0.push(OwnedPoints { first, owner });
    }

    /// Returns the owner of a point, and the first of its points.
    pub(super) fn find(&self, point: Point) -> OwnedPoints {
        self.0[self.0.partition_point(|owned| owned.first <= point) - 1]
    }

    /// Returns the first point after those of the owner of `first`, if another owner follows.
    pub(super) fn next_after(&self, first: Point) -> Option<Point> {
        let at = self.0.partition_point(|owned| owned.first <= first);
        self.0.get(at).map(|owned| owned.first)
    }
}

/// The points of a node: `begin`, one per entry of its sequence, and `end`.
#[derive(Clone, Copy, Debug)]
pub(super) struct NodePoints<'r> {
    pub(super) begin: Point,
    pub(super) entries: &'r [SequenceEntry],
}

impl NodePoints<'_> {
    pub(super) fn end(&self) -> Point {
        self.begin + self.entries.len() + 1
    }

    /// Returns the point of a name, if the sequence has it.
    pub(super) fn named(&self, name: &str) -> Option<Point> {
        point(self.entries, name).map(|at| self.begin + at)
    }

    /// Returns the last of the named points; `begin` if the sequence has none of them.
    pub(super) fn last_of(&self, names: &[Arc<str>]) -> Point {
        self.begin + last_point(self.entries, names)
    }

    /// Returns the first of the named points; `end` if the sequence has none of them.
    pub(super) fn first_of(&self, names: &[Arc<str>]) -> Point {
        self.begin + first_point(self.entries, names)
    }
}

/// The first point of a relationship that has any.
#[derive(Clone, Copy, Debug)]
pub(super) struct RelationshipPoints {
    pub(super) at: RelationshipAt,
    pub(super) first: Point,
}

/// The points of one pass.
#[derive(Debug, Default)]
pub(super) struct PassPoints<'r> {
    /// The points of every node of the pass's graph.
    pub(super) nodes: Vec<NodePoints<'r>>,
    /// The relationships that have points, ascending.
    pub(super) relationships: Vec<RelationshipPoints>,
}
