//! Points that wait for each other, and the order in which those that act are passed.

use crate::index::Point;

/// Points and the order between them. A point acts, or only passes on what it waits for.
#[derive(Debug, Default)]
pub(crate) struct PointGraph {
    acts: Vec<bool>,
    edges: Vec<Edge>,
}

/// The point `then` waits for the point `first`.
#[derive(Clone, Copy, Debug)]
struct Edge {
    first: Point,
    then: Point,
}

/// The points that act, ordered.
#[derive(Debug)]
pub(crate) struct PointOrder {
    /// Whether a point acts, or is kept because leaving it out would cost more needs than it
    /// saves.
    acts: Vec<bool>,
    levels: Vec<u32>,
    /// Where the needs of a point are in `arena`.
    needs: Vec<ArenaRange>,
    arena: Vec<Point>,
}

#[derive(Clone, Copy, Debug, Default)]
struct ArenaRange {
    start: u32,
    len: u32,
}

impl ArenaRange {
    fn of(self, arena: &[Point]) -> &[Point] {
        &arena[self.start as usize..(self.start + self.len) as usize]
    }
}

/// Points that wait for each other in a cycle, each for the next and the last for the first.
#[derive(Debug)]
pub(crate) struct Cycle(pub(crate) Vec<Point>);

/// Adjacency lists, one after the other.
struct Adjacency {
    starts: Vec<u32>,
    items: Vec<Point>,
}

impl Adjacency {
    /// Sorts pairs by their first point, in linear time.
    fn new(count: usize, pairs: impl Iterator<Item = (Point, Point)> + Clone) -> Self {
        let mut starts = vec![0u32; count + 2];
        for (from, _) in pairs.clone() {
            starts[from + 2] += 1;
        }
        for at in 2..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut items = vec![Point::from(0); starts[count + 1] as usize];
        for (from, to) in pairs {
            let next = &mut starts[from + 1];
            items[*next as usize] = to;
            *next += 1;
        }
        starts.pop();
        Self { starts, items }
    }

    fn of(&self, from: Point) -> &[Point] {
        &self.items[self.starts[from] as usize..self.starts[from + 1] as usize]
    }
}

fn points(count: usize) -> impl DoubleEndedIterator<Item = Point> {
    (0..count).map(Point::from)
}

impl PointGraph {
    /// Adds points that do not act and wait for nothing, and returns the first.
    pub(crate) fn add_points(&mut self, count: usize) -> Point {
        let first = self.next_point();
        self.acts.resize(self.acts.len() + count, false);
        first
    }

    /// Makes a point act.
    pub(crate) fn act(&mut self, point: Point) {
        self.acts[point] = true;
    }

    pub(crate) fn acts(&self, point: Point) -> bool {
        self.acts[point]
    }

    /// Makes `then` wait for `first`.
    pub(crate) fn add_edge(&mut self, first: Point, then: Point) {
        self.edges.push(Edge { first, then });
    }

    pub(crate) fn len(&self) -> usize {
        self.acts.len()
    }

    /// Returns the point that is added next.
    pub(crate) fn next_point(&self) -> Point {
        Point::from(self.acts.len())
    }

    /// Adds a point between all points before `second` and all from it on.
    pub(crate) fn add_barrier(&mut self, second: Point) {
        let barrier = self.add_points(1);
        let count = usize::from(barrier);
        let (mut is_last, mut is_first) = (vec![true; count], vec![true; count]);
        for Edge { first, then } in &self.edges {
            is_last[*first] = false;
            is_first[*then] = false;
        }
        for point in points(count) {
            if point < second && is_last[point] {
                self.add_edge(point, barrier);
            } else if point >= second && is_first[point] {
                self.add_edge(barrier, point);
            }
        }
    }

    /// Orders the points and leaves out those that do not act: a point that waits for one of them
    /// waits for what that one waits for.
    ///
    /// A point with many needs and many points waiting for it stays if its needs times its
    /// followers are more than their sum: so there are never more needs than there were edges.
    pub(crate) fn order(self) -> Result<PointOrder, Cycle> {
        let Self { mut acts, edges } = self;
        let count = acts.len();
        let after = Adjacency::new(count, edges.iter().map(|edge| (edge.first, edge.then)));
        let before = Adjacency::new(count, edges.iter().map(|edge| (edge.then, edge.first)));
        let order = sort(count, &after, &before)?;
        // Nothing has to wait for a point after which nothing acts.
        let mut useful = acts.clone();
        for point in order.iter().rev() {
            useful[*point] |= after.of(*point).iter().any(|then| useful[*then]);
        }
        let mut levels = vec![0u32; count];
        let mut needs = vec![ArenaRange::default(); count];
        let mut arena: Vec<Point> = Vec::with_capacity(edges.len());
        let mut own: Vec<Point> = Vec::new();
        for point in order.iter().copied().filter(|point| useful[*point]) {
            own.clear();
            for first in before.of(point) {
                if acts[*first] {
                    own.push(*first);
                } else {
                    own.extend_from_slice(needs[*first].of(&arena));
                }
            }
            if own.len() > 1 {
                own.sort_unstable();
                own.dedup();
            }
            let waiting = after.of(point).iter().filter(|then| useful[**then]).count();
            let many = own.len();
            acts[point] |= many > 1 && waiting > 1 && many * waiting > many + waiting;
            let deepest = own.iter().map(|need| levels[*need] + 1).max();
            levels[point] = deepest.unwrap_or(0);
            needs[point] = ArenaRange { start: arena.len() as u32, len: many as u32 };
            arena.extend_from_slice(&own);
        }
        Ok(PointOrder { acts, levels, needs, arena })
    }
}

/// Sorts points so that each comes after those it waits for (Kahn's algorithm).
fn sort(count: usize, after: &Adjacency, before: &Adjacency) -> Result<Vec<Point>, Cycle> {
    let mut left: Vec<u32> = points(count).map(|point| before.of(point).len() as u32).collect();
    let mut order: Vec<Point> = points(count).filter(|point| left[*point] == 0).collect();
    let mut next = 0;
    while let Some(point) = order.get(next).copied() {
        next += 1;
        for then in after.of(point) {
            let left = &mut left[*then];
            *left -= 1;
            if *left == 0 {
                order.push(*then);
            }
        }
    }
    if order.len() < count { Err(find_cycle(&left, before)) } else { Ok(order) }
}

impl PointOrder {
    /// Returns the points that act by level, those of a level by number.
    pub(crate) fn points(&self) -> Vec<Point> {
        let mut acting: Vec<Point> =
            points(self.acts.len()).filter(|point| self.acts[*point]).collect();
        acting.sort_by_key(|point| self.levels[*point]);
        acting
    }

    /// Returns the length of the longest chain of needs before a point.
    pub(crate) fn level(&self, point: Point) -> u32 {
        self.levels[point]
    }

    /// Returns the points that must have been passed before, ascending.
    pub(crate) fn needs(&self, point: Point) -> &[Point] {
        self.needs[point].of(&self.arena)
    }
}

/// Finds a cycle among the points that are still waiting: `left` counts what each waits for.
fn find_cycle(left: &[u32], before: &Adjacency) -> Cycle {
    let blocked = |point: &Point| left[*point] > 0;
    let mut at = points(left.len()).find(blocked).expect("BUG: points are left");
    let mut seen: Vec<Option<usize>> = vec![None; left.len()];
    let mut path = Vec::new();
    loop {
        if let Some(start) = seen[at] {
            path.drain(..start);
            return Cycle(path);
        }
        seen[at] = Some(path.len());
        path.push(at);
        let next = before.of(at).iter().copied().find(blocked);
        at = next.expect("BUG: a point that is left waits for a point that is left");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(acting: &[usize], count: usize, edges: &[(usize, usize)]) -> PointGraph {
        let mut graph = PointGraph::default();
        graph.add_points(count);
        for point in acting {
            graph.act(Point::from(*point));
        }
        for (first, then) in edges {
            graph.add_edge(Point::from(*first), Point::from(*then));
        }
        graph
    }

    /// The points that act, each with its level and its needs.
    fn ordered(graph: PointGraph) -> Vec<(usize, u32, Vec<usize>)> {
        let order = graph.order().unwrap();
        let needs = |point| order.needs(point).iter().copied().map(usize::from).collect();
        let points = order.points().into_iter();
        points.map(|point| (usize::from(point), order.level(point), needs(point))).collect()
    }

    #[test]
    fn empty_points_pass_on_what_they_wait_for() {
        let order = ordered(graph(&[0, 3], 4, &[(0, 1), (1, 2), (2, 3)]));
        assert_eq!(order, [(0, 0, vec![]), (3, 1, vec![0])]);
    }

    #[test]
    fn an_empty_point_between_many_points_stays() {
        // Three before, three after: nine needs without the point, six with it.
        let edges = [(0, 6), (1, 6), (2, 6), (6, 3), (6, 4), (6, 5)];
        let order = ordered(graph(&[0, 1, 2, 3, 4, 5], 7, &edges));
        let expected = [
            (0, 0, vec![]),
            (1, 0, vec![]),
            (2, 0, vec![]),
            (6, 1, vec![0, 1, 2]),
            (3, 2, vec![6]),
            (4, 2, vec![6]),
            (5, 2, vec![6]),
        ];
        assert_eq!(order, expected);
    }

    #[test]
    fn an_empty_point_goes_where_it_saves_no_needs() {
        // Two before, two after: four needs without the point, four with it.
        let edges = [(0, 4), (1, 4), (4, 2), (4, 3)];
        let order = ordered(graph(&[0, 1, 2, 3], 5, &edges));
        let expected = [(0, 0, vec![]), (1, 0, vec![]), (2, 1, vec![0, 1]), (3, 1, vec![0, 1])];
        assert_eq!(order, expected);
        // Two before, three after: six needs without the point, five with it.
        let edges = [(0, 5), (1, 5), (5, 2), (5, 3), (5, 4)];
        let order = ordered(graph(&[0, 1, 2, 3, 4], 6, &edges));
        assert_eq!(order[2], (5, 1, vec![0, 1]));
        // Of the three points after it, one leads to nothing that acts: four needs again.
        let order = ordered(graph(&[0, 1, 2, 3], 6, &edges));
        assert_eq!(order.len(), 4);
    }

    #[test]
    fn a_need_that_is_met_twice_is_listed_once() {
        let edges = [(0, 1), (0, 2), (1, 3), (2, 3)];
        assert_eq!(ordered(graph(&[0, 3], 4, &edges)), [(0, 0, vec![]), (3, 1, vec![0])]);
    }

    #[test]
    fn a_barrier_stands_between_two_groups_of_points() {
        // 0 -> 1 and 2 before, 3 -> 4 and 5 after.
        let mut graph = graph(&[0, 1, 2, 3, 4, 5], 6, &[(0, 1), (3, 4)]);
        graph.add_barrier(Point::from(3));
        assert_eq!(graph.len(), 7);
        graph.act(Point::from(6));
        let expected = [
            (0, 0, vec![]),
            (2, 0, vec![]),
            (1, 1, vec![0]),
            (6, 2, vec![1, 2]),
            (3, 3, vec![6]),
            (5, 3, vec![6]),
            (4, 4, vec![3]),
        ];
        assert_eq!(ordered(graph), expected);
    }

    #[test]
    fn a_cycle_lists_its_points_against_the_order() {
        let graph = graph(&[], 4, &[(0, 1), (1, 2), (2, 3), (3, 1)]);
        let cycle: Vec<usize> = graph.order().unwrap_err().0.into_iter().map(usize::from).collect();
        assert_eq!(cycle, [1, 3, 2]);
    }

    #[test]
    fn a_cycle_leaves_out_the_points_that_lead_into_it() {
        // The search starts at 0, which waits for the cycle of 3 and 2.
        let graph = graph(&[], 4, &[(3, 0), (2, 3), (3, 2), (0, 1)]);
        let cycle: Vec<usize> = graph.order().unwrap_err().0.into_iter().map(usize::from).collect();
        assert_eq!(cycle, [3, 2]);
    }
}
