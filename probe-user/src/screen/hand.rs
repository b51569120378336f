//! What keys have moved.

/// A part of the screen that may have more lines than it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    /// The nodes.
    Nodes,
    /// The cuts in force.
    Cuts,
    /// What changed.
    Changes,
}

/// How far a key moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A line up.
    Up,
    /// A line down.
    Down,
    /// A pane up.
    PageUp,
    /// A pane down.
    PageDown,
    /// To the first line.
    First,
    /// To the last line.
    Last,
}

/// Which pane keys move, and how far each was moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hand {
    pane: Pane,
    panes: [Scroll; 3],
}

/// One pane's place. Offsets are counted from where a pane is by itself: its top, or for the changes its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Scroll {
    offset: usize,
    /// How many lines there were, and how many of them were shown.
    lines: usize,
    room: usize,
}

impl Default for Hand {
    fn default() -> Self {
        Self { pane: Pane::Changes, panes: [Scroll::default(); 3] }
    }
}

impl Hand {
    /// The pane that keys move.
    pub fn pane(&self) -> Pane {
        self.pane
    }

    /// On to the next pane that has more than it shows.
    pub fn next(&mut self) {
        for _ in 0..3 {
            self.pane = match self.pane {
                Pane::Nodes => Pane::Cuts,
                Pane::Cuts => Pane::Changes,
                Pane::Changes => Pane::Nodes,
            };
            if self.hides(self.pane) {
                return;
            }
        }
        self.pane = Pane::Changes;
    }

    /// Moves the pane.
    pub fn go(&mut self, step: Step) {
        let backwards = self.pane == Pane::Changes;
        let scroll = &mut self.panes[self.pane as usize];
        let (most, page) = (scroll.lines.saturating_sub(scroll.room), scroll.room.max(1));
        let (back, on) = match step {
            Step::Up => (1, 0),
            Step::Down => (0, 1),
            Step::PageUp => (page, 0),
            Step::PageDown => (0, page),
            Step::First => (most, 0),
            Step::Last => (0, most),
        };
        let (back, on) = if backwards { (on, back) } else { (back, on) };
        scroll.offset = (scroll.offset.saturating_sub(back) + on).min(most);
    }

    /// So many lines came to the end of the changes: who has scrolled away keeps looking at the same ones.
    pub fn grew(&mut self, lines: usize) {
        let scroll = &mut self.panes[Pane::Changes as usize];
        if scroll.offset > 0 {
            scroll.offset += lines;
            scroll.lines += lines;
        }
    }

    /// Whether a pane had more lines than it showed.
    pub(super) fn hides(&self, pane: Pane) -> bool {
        let scroll = self.panes[pane as usize];
        scroll.lines > scroll.room
    }

    /// The first line to show of so many, where there is room for so many.
    pub(super) fn first(&mut self, pane: Pane, lines: usize, room: usize) -> usize {
        let most = lines.saturating_sub(room);
        let scroll = &mut self.panes[pane as usize];
        *scroll = Scroll { offset: scroll.offset.min(most), lines, room };
        if pane == Pane::Changes { most - scroll.offset } else { scroll.offset }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_stay_at_their_end_until_moved() {
        let mut hand = Hand::default();
        assert_eq!(hand.first(Pane::Changes, 5, 10), 0);
        assert_eq!(hand.first(Pane::Changes, 25, 10), 15);
        hand.go(Step::Up);
        assert_eq!(hand.first(Pane::Changes, 25, 10), 14);
        hand.grew(3);
        assert_eq!(hand.first(Pane::Changes, 28, 10), 14, "the same lines");
        for (step, first) in [
            (Step::PageUp, 4),
            (Step::PageUp, 0),
            (Step::Up, 0),
            (Step::Down, 1),
            (Step::Last, 18),
            (Step::Down, 18),
            (Step::First, 0),
        ] {
            hand.go(step);
            assert_eq!(hand.first(Pane::Changes, 28, 10), first, "{step:?}");
        }
    }

    #[test]
    fn only_panes_that_hide_something_are_moved() {
        let mut hand = Hand::default();
        hand.first(Pane::Nodes, 12, 5);
        hand.first(Pane::Cuts, 2, 2);
        hand.first(Pane::Changes, 2, 5);
        hand.next();
        assert_eq!(hand.pane(), Pane::Nodes);
        hand.go(Step::PageDown);
        assert_eq!(hand.first(Pane::Nodes, 12, 5), 5);
        hand.go(Step::Last);
        assert_eq!(hand.first(Pane::Nodes, 12, 5), 7);
        // The terminal grew: nothing is hidden, and nothing stays moved.
        assert_eq!(hand.first(Pane::Nodes, 12, 20), 0);
        hand.next();
        assert_eq!(hand.pane(), Pane::Changes);
    }
}
