//! What needs root: cuts in namespaces of a page's own.

use std::{thread, time::Duration};

use crate::{block::Class, ground, page, script::Script};

#[test]
fn blocks_that_need_root() {
    let pages: Vec<_> = page::all().into_iter().filter(|page| page.has(Class::Root)).collect();
    assert!(pages.len() > 5, "the pages of faults show what they say");
    // Most of the time they wait for the kernel, so they wait side by side.
    thread::scope(|scope| {
        for page in pages {
            scope.spawn(move || ground::run(&Script::of(&[page], Class::Root, ""), Duration::from_mins(2)));
        }
    });
}
