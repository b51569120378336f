//! In which order the combinations run.
//!
//! Randomized complete blocks (R. A. Fisher, *The Design of Experiments*, 1935): each repetition runs every combination
//! once, in an order of its own that chance decides. So whatever changes while a comparison goes on, a machine that warms
//! up or a neighbour that gets busy, meets all combinations alike.

/// A run of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The combination's place among all.
    pub cell: usize,
    /// Which time it runs, from 1.
    pub repetition: u32,
}

/// Every run, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Design {
    /// The runs.
    pub turns: Vec<Turn>,
}

impl Design {
    /// A design for this many combinations; the same seed gives the same order.
    pub fn new(cells: usize, repeat: u32, seed: u64) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed);
        let blocks = (1..=repeat).flat_map(|repetition| {
            let mut block: Vec<_> = (0..cells).map(|cell| Turn { cell, repetition }).collect();
            chance.shuffle(&mut block);
            block
        });
        Self { turns: blocks.collect() }
    }
}

/// Every combination of this many levels each, the first factor's changing slowest: a place among its levels for each factor.
pub(super) fn combinations(levels: &[usize]) -> Vec<Vec<usize>> {
    levels.iter().fold(vec![Vec::new()], |combinations, &count| {
        let longer = |one: Vec<usize>| {
            (0..count).map(move |level| one.iter().copied().chain([level]).collect::<Vec<_>>())
        };
        combinations.into_iter().flat_map(longer).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_repetition_runs_all_in_an_order_of_its_own() {
        let design = Design::new(6, 20, 7);
        assert_eq!(design, Design::new(6, 20, 7));
        assert_ne!(design, Design::new(6, 20, 8));
        let blocks: Vec<_> = design.turns.chunks(6).collect();
        for (block, repetition) in blocks.iter().zip(1..) {
            assert!(block.iter().all(|turn| turn.repetition == repetition));
            let mut cells: Vec<_> = block.iter().map(|turn| turn.cell).collect();
            cells.sort_unstable();
            assert_eq!(cells, [0, 1, 2, 3, 4, 5]);
        }
        // No combination is always the first, which is what a plain loop would do.
        let first: std::collections::BTreeSet<_> = blocks.iter().map(|block| block[0].cell).collect();
        assert!(first.len() > 3, "{first:?}");
    }

    #[test]
    fn every_combination_once() {
        assert_eq!(combinations(&[2, 2]), [[0, 0], [0, 1], [1, 0], [1, 1]]);
        assert_eq!(combinations(&[3, 2, 4]).len(), 24);
        assert_eq!(combinations(&[]), [Vec::<usize>::new()]);
    }
}
