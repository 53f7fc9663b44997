//! Points that wait for each other, and the steps that are left when the empty ones are taken out.

/// Points and which comes after which. A point acts, or only passes on what it waits for.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    acts: Vec<bool>,
    /// What comes first, and what waits for it.
    edges: Vec<(u32, u32)>,
}

/// The points that act, ordered.
#[derive(Debug)]
pub(crate) struct Ordered {
    /// Whether a point acts, or is kept because leaving it out would cost more needs than it saves.
    acts: Vec<bool>,
    levels: Vec<u32>,
    /// Where the needs of a point are in `arena`.
    needs: Vec<(u32, u32)>,
    arena: Vec<u32>,
}

/// Points that wait for each other in a circle, each for the next and the last for the first.
#[derive(Debug)]
pub(crate) struct Circle(pub(crate) Vec<u32>);

/// One adjacency list after the other.
struct Lists {
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    /// Sorts pairs by their first part, in linear time.
    fn new(count: usize, pairs: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut starts = vec![0u32; count + 2];
        for (from, _) in pairs.clone() {
            starts[from as usize + 2] += 1;
        }
        for at in 2..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut items = vec![0u32; starts[count + 1] as usize];
        for (from, to) in pairs {
            let next = &mut starts[from as usize + 1];
            items[*next as usize] = to;
            *next += 1;
        }
        starts.pop();
        Self { starts, items }
    }

    fn of(&self, from: u32) -> &[u32] {
        let from = from as usize;
        &self.items[self.starts[from] as usize..self.starts[from + 1] as usize]
    }
}

impl Graph {
    /// Adds points that do not act and wait for nothing, and returns the first.
    pub(crate) fn points(&mut self, count: usize) -> u32 {
        let first = self.acts.len() as u32;
        self.acts.resize(self.acts.len() + count, false);
        first
    }

    pub(crate) fn act(&mut self, point: u32) {
        self.acts[point as usize] = true;
    }

    pub(crate) fn acts(&self, point: u32) -> bool {
        self.acts[point as usize]
    }

    pub(crate) fn edge(&mut self, first: u32, then: u32) {
        self.edges.push((first, then));
    }

    pub(crate) fn len(&self) -> u32 {
        self.acts.len() as u32
    }

    /// Puts a point between all points before `second` and all from it on.
    pub(crate) fn separate(&mut self, second: u32) {
        let join = self.points(1);
        let (mut last, mut first) = (vec![true; join as usize], vec![true; join as usize]);
        for (before, after) in &self.edges {
            last[*before as usize] = false;
            first[*after as usize] = false;
        }
        for point in 0..join {
            if point < second && last[point as usize] {
                self.edge(point, join);
            } else if point >= second && first[point as usize] {
                self.edge(join, point);
            }
        }
    }

    /// Orders the points and leaves out those that do not act; what waits for one waits for what it waits for.
    ///
    /// A point with many needs and many points waiting for it stays if its needs times its followers are more than
    /// their sum: so there are never more needs than there were edges.
    pub(crate) fn order(self) -> Result<Ordered, Circle> {
        let Self { mut acts, edges } = self;
        let count = acts.len();
        let after = Lists::new(count, edges.iter().copied());
        let before = Lists::new(count, edges.iter().map(|(first, then)| (*then, *first)));
        let mut left: Vec<u32> =
            (0..count as u32).map(|point| before.of(point).len() as u32).collect();
        let mut order: Vec<u32> =
            (0..count as u32).filter(|point| left[*point as usize] == 0).collect();
        let mut next = 0;
        while let Some(point) = order.get(next).copied() {
            next += 1;
            for then in after.of(point) {
                let left = &mut left[*then as usize];
                *left -= 1;
                if *left == 0 {
                    order.push(*then);
                }
            }
        }
        if order.len() < count {
            return Err(circle(&left, &before));
        }
        // Points after which nothing acts need nobody to wait for them.
        let mut useful = acts.clone();
        for point in order.iter().rev() {
            let follows = after.of(*point).iter().any(|then| useful[*then as usize]);
            useful[*point as usize] |= follows;
        }
        let mut levels = vec![0u32; count];
        let mut needs = vec![(0u32, 0u32); count];
        let mut arena: Vec<u32> = Vec::with_capacity(edges.len());
        let mut own: Vec<u32> = Vec::new();
        for point in order.iter().copied().filter(|point| useful[*point as usize]) {
            own.clear();
            for first in before.of(point) {
                if acts[*first as usize] {
                    own.push(*first);
                } else {
                    let (start, len) = needs[*first as usize];
                    own.extend_from_slice(&arena[start as usize..(start + len) as usize]);
                }
            }
            if own.len() > 1 {
                own.sort_unstable();
                own.dedup();
            }
            let waiting = after.of(point).iter().filter(|then| useful[**then as usize]).count();
            let many = own.len();
            acts[point as usize] |= many > 1 && waiting > 1 && many * waiting > many + waiting;
            let deepest = own.iter().map(|need| levels[*need as usize] + 1).max();
            levels[point as usize] = deepest.unwrap_or(0);
            needs[point as usize] = (arena.len() as u32, many as u32);
            arena.extend_from_slice(&own);
        }
        Ok(Ordered { acts, levels, needs, arena })
    }
}

impl Ordered {
    /// The points that act by level, those of a level by number.
    pub(crate) fn points(&self) -> Vec<u32> {
        let mut points: Vec<u32> =
            (0..self.acts.len() as u32).filter(|point| self.acts[*point as usize]).collect();
        points.sort_by_key(|point| self.levels[*point as usize]);
        points
    }

    /// The longest chain of needs before a point.
    pub(crate) fn level(&self, point: u32) -> u32 {
        self.levels[point as usize]
    }

    /// The points that must have been passed before, ascending.
    pub(crate) fn needs(&self, point: u32) -> &[u32] {
        let (start, len) = self.needs[point as usize];
        &self.arena[start as usize..(start + len) as usize]
    }
}

/// Finds points that wait for each other among those that are left.
fn circle(left: &[u32], before: &Lists) -> Circle {
    let blocked = |point: &u32| left[*point as usize] > 0;
    let mut at = (0..left.len() as u32).find(blocked).expect("BUG: points are left");
    let mut seen = vec![u32::MAX; left.len()];
    let mut path = Vec::new();
    while seen[at as usize] == u32::MAX {
        seen[at as usize] = path.len() as u32;
        path.push(at);
        let next = before.of(at).iter().copied().find(blocked);
        at = next.expect("BUG: a point that is left waits for one that is left");
    }
    path.drain(..seen[at as usize] as usize);
    Circle(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(acting: &[u32], count: usize, edges: &[(u32, u32)]) -> Ordered {
        let mut graph = Graph::default();
        graph.points(count);
        for point in acting {
            graph.act(*point);
        }
        for (first, then) in edges {
            graph.edge(*first, *then);
        }
        graph.order().unwrap()
    }

    #[test]
    fn empty_points_pass_on_what_they_wait_for() {
        let order = ordered(&[0, 3], 4, &[(0, 1), (1, 2), (2, 3)]);
        assert_eq!(order.points(), [0, 3]);
        assert_eq!((order.needs(3), order.level(3)), (&[0][..], 1));
    }

    #[test]
    fn an_empty_point_amid_many_stays() {
        // Three before, three after: nine needs without the point, six with it.
        let edges = [(0, 6), (1, 6), (2, 6), (6, 3), (6, 4), (6, 5)];
        let order = ordered(&[0, 1, 2, 3, 4, 5], 7, &edges);
        assert_eq!(order.points(), [0, 1, 2, 6, 3, 4, 5]);
        assert_eq!(order.needs(6), [0, 1, 2]);
        assert_eq!((order.needs(3), order.level(3)), (&[6][..], 2));
    }

    #[test]
    fn a_circle_is_shown() {
        let mut graph = Graph::default();
        graph.points(4);
        for (first, then) in [(0, 1), (1, 2), (2, 3), (3, 1)] {
            graph.edge(first, then);
        }
        assert_eq!(graph.order().unwrap_err().0, [1, 3, 2]);
    }
}
