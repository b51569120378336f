//! What needs a cluster. All pages are one script, since a lab and a run take their time: the tutorial comes first, so that
//! others can look at what it left, its runs for instance.

use std::time::Duration;

use crate::{block::Class, ground, page, script::Script};

#[test]
fn blocks_that_need_a_lab() {
    let pages = page::all().into_iter().filter(|page| page.has(Class::Lab));
    let (mut pages, others): (Vec<_>, Vec<_>) = pages.partition(|page| page.name.ends_with("/tutorial.md"));
    assert_eq!(pages.len(), 1, "the tutorial works on a lab");
    pages.extend(others);
    ground::run(&Script::of(&pages, Class::Lab, ""), Duration::from_secs(400));
}
