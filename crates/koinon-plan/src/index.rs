//! Places in lists, as types: a place in one list cannot be used in another.

use std::ops::Add;
use std::ops::Index;
use std::ops::IndexMut;

/// Defines a place in lists of fewer than 2^32 items.
macro_rules! place {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $name(u32);

        impl From<usize> for $name {
            fn from(place: usize) -> Self {
                Self(place as u32)
            }
        }

        impl From<$name> for usize {
            fn from(place: $name) -> Self {
                place.0 as Self
            }
        }

        impl<T> Index<$name> for [T] {
            type Output = T;

            fn index(&self, place: $name) -> &T {
                &self[usize::from(place)]
            }
        }

        impl<T> IndexMut<$name> for [T] {
            fn index_mut(&mut self, place: $name) -> &mut T {
                &mut self[usize::from(place)]
            }
        }

        impl<T> Index<$name> for Vec<T> {
            type Output = T;

            fn index(&self, place: $name) -> &T {
                &self[usize::from(place)]
            }
        }

        impl<T> IndexMut<$name> for Vec<T> {
            fn index_mut(&mut self, place: $name) -> &mut T {
                &mut self[usize::from(place)]
            }
        }
    };
}

place! {
    /// The place of a node in one [`FlatGraph`](crate::flat::FlatGraph).
    NodeAt
}
place! {
    /// The place of a relationship in one [`FlatGraph`](crate::flat::FlatGraph).
    RelationshipAt
}
place! {
    /// The place of a pair of versions in [`Elements`](crate::classify::Elements).
    ElementAt
}
place! {
    /// A point of a [`PointGraph`](crate::graph::PointGraph).
    Point
}
place! {
    /// The place of a step among all steps.
    StepAt
}

impl Add<usize> for Point {
    type Output = Self;

    fn add(self, points: usize) -> Self {
        Self(self.0 + points as u32)
    }
}
