//! A set of rules.

use super::MAX_RULES;

const WORDS: usize = MAX_RULES / 64;

/// A set of rules, one bit each. The bit's place is the rule's rank: the lowest live rule decides.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleMask {
    words: [u64; WORDS],
}

impl RuleMask {
    /// No rule.
    pub const EMPTY: Self = Self { words: [0; WORDS] };

    /// Adds the rule of rank `rank`.
    pub fn insert(&mut self, rank: usize) {
        self.words[rank / 64] |= 1 << (rank % 64);
    }

    /// Whether the rule of rank `rank` is in the set.
    #[inline(always)]
    pub const fn contains(&self, rank: usize) -> bool {
        self.words[rank / 64] & (1 << (rank % 64)) != 0
    }

    /// The rules in both sets.
    #[inline(always)]
    #[must_use]
    pub const fn and(&self, other: &Self) -> Self {
        let (a, b) = (&self.words, &other.words);
        Self { words: [a[0] & b[0], a[1] & b[1], a[2] & b[2], a[3] & b[3]] }
    }

    /// The rules in either set.
    #[inline(always)]
    #[must_use]
    pub const fn or(&self, other: &Self) -> Self {
        let (a, b) = (&self.words, &other.words);
        Self { words: [a[0] | b[0], a[1] | b[1], a[2] | b[2], a[3] | b[3]] }
    }

    /// The rules of this set that are not in the other.
    #[inline(always)]
    #[must_use]
    pub const fn without(&self, other: &Self) -> Self {
        let (a, b) = (&self.words, &other.words);
        Self { words: [a[0] & !b[0], a[1] & !b[1], a[2] & !b[2], a[3] & !b[3]] }
    }

    /// Whether no rule is left.
    #[inline(always)]
    pub const fn is_empty(&self) -> bool {
        let w = &self.words;
        w[0] | w[1] | w[2] | w[3] == 0
    }

    /// Takes the lowest rank out of the set.
    #[inline(always)]
    pub const fn pop(&mut self) -> Option<usize> {
        // Written out, since a loop over the words would index the stack by a variable.
        let w = &mut self.words;
        if w[0] != 0 {
            Some(pop_word(&mut w[0]))
        } else if w[1] != 0 {
            Some(64 + pop_word(&mut w[1]))
        } else if w[2] != 0 {
            Some(128 + pop_word(&mut w[2]))
        } else if w[3] != 0 {
            Some(192 + pop_word(&mut w[3]))
        } else {
            None
        }
    }
}

#[inline(always)]
const fn pop_word(word: &mut u64) -> usize {
    let bit = word.trailing_zeros() as usize;
    *word &= word.wrapping_sub(1);
    bit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_come_out_lowest_first() {
        let mut mask = RuleMask::EMPTY;
        for rank in [255, 0, 64, 63, 130] {
            mask.insert(rank);
        }
        assert!(mask.contains(130) && !mask.contains(131));
        let mut ranks = Vec::new();
        while let Some(rank) = mask.pop() {
            ranks.push(rank);
        }
        assert_eq!(ranks, [0, 63, 64, 130, 255]);
        assert!(mask.is_empty());
    }
}
