//! Which columns of the table of nodes fit.

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Node,
    Role,
    State,
    Timeline,
    Lag,
    Postgres,
    Rest,
    Port,
    Haproxy,
}

/// In the order of the screen: what is on top, how wide it is, and when it goes, the least first.
const COLUMNS: [(Column, &str, usize, u8); 9] = [
    (Column::Node, "node", 4, 9),
    (Column::Role, "role", 8, 8),
    (Column::State, "state", 10, 1),
    (Column::Timeline, "TL", 3, 0),
    (Column::Lag, "lag", 8, 7),
    (Column::Postgres, "PostgreSQL", 10, 6),
    (Column::Port, "PG port", 13, 3),
    (Column::Rest, "REST API", 13, 4),
    (Column::Haproxy, "HAProxy", 10, 5),
];

/// From this width on the REST API's words are told in full.
const WIDE: usize = 110;
const WIDE_REST: usize = 22;

/// The leader's sign, and the gap between columns.
pub(super) const SIGN: usize = 2;
pub(super) const GAP: usize = 1;

/// The columns that fit, with their headings and widths. They depend on the room and on the longest name, not on what
/// is in them: nothing jumps while one looks.
pub(super) fn columns(room: usize, longest_name: usize) -> Vec<(Column, &'static str, usize)> {
    let wide = room >= WIDE;
    let mut columns: Vec<_> = COLUMNS
        .iter()
        .map(|&(column, title, width, worth)| match column {
            // A name takes at most half of the line.
            Column::Node => (column, title, longest_name.clamp(width, (room / 2).max(width)), worth),
            Column::Rest if wide => (column, title, WIDE_REST, worth),
            _ => (column, title, width, worth),
        })
        .collect();
    let total = |columns: &[(Column, &str, usize, u8)]| {
        SIGN + columns.iter().map(|(_, _, width, _)| width + GAP).sum::<usize>() - GAP
    };
    while total(&columns) > room && columns.len() > 1 {
        let least = columns.iter().map(|(_, _, _, worth)| *worth).min();
        columns.retain(|(_, _, _, worth)| Some(*worth) != least);
    }
    columns.into_iter().map(|(column, title, width, _)| (column, title, width)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_least_goes_first() {
        let titles =
            |room, name| columns(room, name).iter().map(|(_, title, _)| *title).collect::<Vec<_>>().join(" ");
        for (room, name, expected) in [
            (160, 3, "node role state TL lag PostgreSQL PG port REST API HAProxy"),
            (100, 3, "node role state TL lag PostgreSQL PG port REST API HAProxy"),
            (80, 3, "node role lag PostgreSQL PG port REST API HAProxy"),
            (80, 9, "node role lag PostgreSQL PG port REST API HAProxy"),
            (80, 24, "node role lag PostgreSQL REST API HAProxy"),
            (40, 3, "node role lag PostgreSQL"),
            (30, 24, "node role"),
        ] {
            assert_eq!(titles(room, name), expected, "{room} {name}");
        }
    }

    #[test]
    fn they_never_need_more_than_there_is() {
        for room in 30..300 {
            for name in [1, 3, 20, 200] {
                let columns = columns(room, name);
                let total: usize = columns.iter().map(|(_, _, width)| width + GAP).sum();
                assert!(SIGN + total - GAP <= room, "{room} {name} {columns:?}");
            }
        }
    }
}
