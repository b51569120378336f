//! Every check over the committed corpus: what a fuzzer once found stays found, without a fuzzer.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{fs, panic, path::Path};

use netsplit_fuzz::SUBJECTS;

#[test]
fn nothing_in_the_corpus_breaks_anything() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (subject, check) in SUBJECTS {
        let mut seen = 0;
        for entry in fs::read_dir(corpus.join(subject)).unwrap() {
            let path = entry.unwrap().path();
            let input = fs::read(&path).unwrap();
            if let Err(panic) = panic::catch_unwind(|| check(&input)) {
                eprintln!("{} breaks the {subject}", path.display());
                panic::resume_unwind(panic);
            }
            seen += 1;
        }
        assert!(seen >= 10, "the corpus of {subject} has {seen} files: it was not checked out whole");
    }
}
