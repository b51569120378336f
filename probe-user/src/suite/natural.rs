//! Names in the order that people count in: `row-2` before `row-10`.

use std::cmp::Ordering;

/// Compares two names, runs of digits by their value.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    let (mut left, mut right) = (one, other);
    while let (Some(a), Some(b)) = (left.chars().next(), right.chars().next()) {
        let ordering = if a.is_ascii_digit() && b.is_ascii_digit() {
            let (first, second) = (digits(&mut left), digits(&mut right));
            first.len().cmp(&second.len()).then_with(|| first.cmp(second))
        } else {
            (left, right) = (&left[a.len_utf8()..], &right[b.len_utf8()..]);
            a.cmp(&b)
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    // What differs in leading zeros alone still has one order.
    left.len().cmp(&right.len()).then_with(|| one.cmp(other))
}

/// Takes the digits off the front; without leading zeros, so that the longer number is the larger one.
fn digits<'t>(text: &mut &'t str) -> &'t str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    *text = rest;
    number.trim_start_matches('0')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_count() {
        let sorted = [
            "", "1", "2", "02", "10", "a", "log-1", "row-1", "row-1B", "row-1C", "row-2", "row-10", "row-10a",
        ];
        let mut names = sorted;
        names.reverse();
        names.sort_by(|one, other| compare(one, other));
        // `02` is 2, and comes first of the two as text does.
        assert_eq!(names[2..4], ["02", "2"]);
        assert_eq!((&names[..2], &names[4..]), (&sorted[..2], &sorted[4..]));
    }

    proptest! {
        #[test]
        fn it_is_an_order(names in prop::array::uniform3("[a0-3é-]{0,6}")) {
            let [a, b, c] = &names;
            prop_assert_eq!(compare(a, b), compare(b, a).reverse());
            prop_assert_eq!(compare(a, b) == Ordering::Equal, a == b);
            if compare(a, b) != Ordering::Greater && compare(b, c) != Ordering::Greater {
                prop_assert_ne!(compare(a, c), Ordering::Greater);
            }
        }
    }
}
