//! Names that tell things apart.

use std::collections::BTreeSet;

/// The names, those that come again numbered: `x`, `x (2)`.
pub(super) fn set_apart<'n>(names: impl IntoIterator<Item = &'n str>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let apart = names.into_iter().map(|base| {
        let mut name = base.to_owned();
        let mut count = 1;
        while !taken.insert(name.clone()) {
            count += 1;
            name = format!("{base} ({count})");
        }
        name
    });
    apart.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_comes_twice() {
        assert_eq!(set_apart(["a", "b", "a", "a (2)", "a"]), ["a", "b", "a (2)", "a (2) (2)", "a (3)"]);
    }
}
