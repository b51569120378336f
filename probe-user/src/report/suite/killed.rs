//! What a journal tells of a suite that was killed: it ended nothing, and tidied nothing up.

use std::collections::BTreeMap;

use crate::suite::Note;

/// The run that a killed suite was at, as one that ended there.
pub(super) fn unended(notes: &[Note]) -> Option<Note> {
    let Some(Note::Runs { scenario, repetition, directory }) = notes.last() else { return None };
    Some(Note::Ran {
        scenario: scenario.clone(),
        repetition: *repetition,
        directory: Some(directory.clone()),
        took_s: 0.0,
        health_s: 0.0,
        error: Some("netsplit was killed while it ran".to_owned()),
    })
}

/// What is said of a suite whose journal breaks off: it could not tidy up either.
pub(super) fn in_words(notes: &[Note]) -> String {
    let mut standing = BTreeMap::new();
    for note in notes {
        if let Note::Lab { lab, stands, .. } = note {
            standing.insert(lab, *stands);
        }
    }
    let left: Vec<_> = standing
        .into_iter()
        .filter(|(_, stands)| *stands)
        .map(|(lab, _)| format!("`netsplit lab down --name {lab}`"))
        .collect();
    let killed = "its journal ends before it did: netsplit was killed";
    if left.is_empty() {
        killed.to_owned()
    } else {
        format!("{killed}, and could not remove what it had made: {}", left.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lab(name: &str, stands: bool) -> Note {
        Note::Lab { lab: name.to_owned(), why: String::new(), stands, took_s: 1.0, error: None }
    }

    #[test]
    fn what_is_left_and_what_was_running_is_told() {
        let begins = Note::Runs { scenario: "a".to_owned(), repetition: 2, directory: "a-2".to_owned() };
        let notes = [lab("x", true), lab("x-302", true), lab("x-302", false), begins];
        let words = in_words(&notes);
        assert!(
            words.ends_with("could not remove what it had made: `netsplit lab down --name x`"),
            "{words}"
        );
        let Some(Note::Ran { scenario, repetition, directory, error, .. }) = unended(&notes) else {
            panic!("it was running");
        };
        assert_eq!((scenario.as_str(), repetition, directory.as_deref()), ("a", 2, Some("a-2")));
        assert!(error.is_some_and(|error| error.contains("killed")));
        assert_eq!(unended(&notes[..3]), None);
        assert!(in_words(&[]).ends_with("netsplit was killed"));
    }
}
