//! Who gets how many of the screen's lines.

/// The narrowest and lowest terminal that shows more than a sentence.
pub(super) const LEAST: (u16, u16) = (30, 8);

/// From this height on, parts have titles and a line for the writes.
const ROOMY: usize = 16;

/// How many lines each part has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Panes {
    /// What the cluster lacks.
    pub(super) state: usize,
    /// The nodes, without the line of headings.
    pub(super) nodes: usize,
    /// The rules in force, or the sentence that there are none.
    pub(super) cuts: usize,
    /// The last changes.
    pub(super) changes: usize,
    /// Whether there are titles and a line for the writes.
    pub(super) roomy: bool,
}

/// Divides the height among so many lines of each part.
///
/// Everything gets a line first; then nodes, a few changes, cuts and what is lacking, in turn; what is left goes to the
/// changes.
pub(super) fn panes(height: u16, state: usize, nodes: usize, cuts: usize) -> Panes {
    let height = usize::from(height);
    let roomy = height >= ROOMY;
    // The title, the leader, and the nodes' headings; then three titles and the writes.
    let fixed = if roomy { 3 + 3 + 1 } else { 3 };
    let mut left = height.saturating_sub(fixed);
    let (mut has, wants) = ([0; 4], [state.max(1), nodes, cuts.max(1), usize::MAX]);
    let [of_state, of_nodes, of_cuts, of_changes] = [0, 1, 2, 3];
    for (part, enough) in [
        (of_state, 1),
        (of_nodes, 1),
        (of_cuts, 1),
        (of_changes, 1),
        (of_nodes, 3),
        (of_changes, 3),
        (of_cuts, 2),
        (of_state, 3),
        (of_nodes, 8),
        (of_changes, 4),
        (of_cuts, 4),
        (of_state, 6),
        (of_nodes, usize::MAX),
        (of_changes, 12),
        (of_cuts, usize::MAX),
        (of_state, usize::MAX),
        (of_changes, usize::MAX),
    ] {
        let more = wants[part].min(enough).saturating_sub(has[part]).min(left);
        has[part] += more;
        left -= more;
    }
    let [state, nodes, cuts, changes] = has;
    Panes { state, nodes, cuts, changes, roomy }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(height: u16, state: usize, nodes: usize, cuts: usize) -> (usize, usize, usize, usize) {
        let panes = panes(height, state, nodes, cuts);
        (panes.state, panes.nodes, panes.cuts, panes.changes)
    }

    #[test]
    fn all_lines_are_given_away() {
        for height in LEAST.1..200 {
            for (state, nodes, cuts) in [(0, 1, 0), (1, 3, 1), (5, 12, 30), (40, 2, 0)] {
                let panes = panes(height, state, nodes, cuts);
                let fixed = if panes.roomy { 7 } else { 3 };
                let given = panes.state + panes.nodes + panes.cuts + panes.changes;
                assert_eq!(given + fixed, usize::from(height), "{panes:?}");
                assert!(
                    panes.state > 0 && panes.nodes > 0 && panes.cuts > 0 && panes.changes > 0,
                    "{panes:?}"
                );
            }
        }
    }

    #[test]
    fn the_usual_terminal_and_others() {
        for (height, (state, nodes, cuts), expected) in [
            (24, (1, 3, 0), (1, 3, 1, 12)),
            (24, (4, 3, 2), (4, 3, 2, 8)),
            (24, (9, 12, 9), (3, 8, 2, 4)),
            (10, (1, 3, 1), (1, 3, 1, 2)),
            (8, (3, 3, 3), (1, 2, 1, 1)),
            (50, (2, 12, 4), (2, 12, 4, 25)),
        ] {
            assert_eq!(lines(height, state, nodes, cuts), expected, "{height} {state} {nodes} {cuts}");
        }
    }
}
