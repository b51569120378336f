//! Who cannot hear whom: the map that everything else follows from. Pure, and about anything that can be told apart.

use std::collections::{BTreeMap, BTreeSet};

/// For each one that is hindered, those that it cannot hear. Who hears everybody has no entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unheard<P>(BTreeMap<P, BTreeSet<P>>);

impl<P: Ord + Clone> Unheard<P> {
    /// Nobody hears anybody of another side. The sides have nobody in common.
    pub fn split(sides: &[Vec<P>]) -> Self {
        let mut unheard = Self(BTreeMap::new());
        for (index, side) in sides.iter().enumerate() {
            for others in sides.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, side)| side)
            {
                unheard.add(side, others);
            }
        }
        unheard
    }

    /// The second side hears nobody of the first.
    pub fn one_way(from: &[P], to: &[P]) -> Self {
        let mut unheard = Self(BTreeMap::new());
        unheard.add(to, from);
        unheard
    }

    /// Everyone hears the one before and the one behind. Of three, each is everybody's neighbour.
    pub fn ring(order: &[P]) -> Self {
        let mut unheard = Self(BTreeMap::new());
        for (place, one) in order.iter().enumerate() {
            let far = order.iter().enumerate().filter(|(other, _)| {
                let distance = place.abs_diff(*other);
                distance > 1 && distance != order.len() - 1
            });
            let far: Vec<P> = far.map(|(_, other)| other.clone()).collect();
            unheard.add(std::slice::from_ref(one), &far);
        }
        unheard
    }

    fn add(&mut self, hearers: &[P], silent: &[P]) {
        if silent.is_empty() {
            return;
        }
        for hearer in hearers {
            self.0.entry(hearer.clone()).or_default().extend(silent.iter().cloned());
        }
    }

    /// Whether everybody hears everybody.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the one still hears the other.
    pub fn hears(&self, hearer: &P, other: &P) -> bool {
        !self.0.get(hearer).is_some_and(|unheard| unheard.contains(other))
    }

    /// Everyone who is hindered, with those that they cannot hear.
    pub fn iter(&self) -> impl Iterator<Item = (&P, &BTreeSet<P>)> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Numbers on a few sides, each number on one of them, and some on none.
    fn sides(most: u32) -> impl Strategy<Value = (Vec<Vec<u32>>, Vec<u32>)> {
        (2..5_usize, prop::collection::vec(0..6_usize, 2..most as usize)).prop_map(|(count, places)| {
            let mut sides = vec![Vec::new(); count];
            let mut free = Vec::new();
            for (one, place) in (0..).zip(places) {
                sides.get_mut(place).unwrap_or(&mut free).push(one);
            }
            (sides, free)
        })
    }

    fn side_of(sides: &[Vec<u32>], one: u32) -> Option<usize> {
        sides.iter().position(|side| side.contains(&one))
    }

    proptest! {
        #[test]
        fn a_split_cuts_every_pair_across_sides_both_ways_and_no_other((sides, free) in sides(12)) {
            let unheard = Unheard::split(&sides);
            let everyone: Vec<u32> = sides.iter().flatten().chain(&free).copied().collect();
            for &a in &everyone {
                for &b in &everyone {
                    let (side_a, side_b) = (side_of(&sides, a), side_of(&sides, b));
                    let across = side_a.is_some() && side_b.is_some() && side_a != side_b;
                    prop_assert_eq!(unheard.hears(&a, &b), !across);
                    prop_assert_eq!(unheard.hears(&a, &b), unheard.hears(&b, &a));
                }
            }
        }

        #[test]
        fn one_way_is_one_way((sides, _) in sides(12)) {
            let (from, to) = (&sides[0], &sides[1]);
            let unheard = Unheard::one_way(from, to);
            for a in from {
                prop_assert!(to.iter().all(|b| !unheard.hears(b, a) && unheard.hears(a, b)));
                prop_assert!(from.iter().all(|b| unheard.hears(a, b)));
            }
        }

        #[test]
        fn in_a_ring_everyone_hears_two_others_and_is_heard_by_them(count in 3..20_u32, turn in 0..20_usize) {
            let mut order: Vec<u32> = (0..count).collect();
            let turn = turn % order.len();
            order.rotate_left(turn);
            let unheard = Unheard::ring(&order);
            for &a in &order {
                let heard: Vec<u32> =
                    order.iter().copied().filter(|b| *b != a && unheard.hears(&a, b)).collect();
                prop_assert_eq!(heard.len(), 2);
                for b in heard {
                    prop_assert!(unheard.hears(&b, &a));
                    prop_assert!(matches!(a.abs_diff(b), 1) || a.abs_diff(b) == count - 1);
                }
                prop_assert!(unheard.hears(&a, &a));
            }
        }
    }
}
