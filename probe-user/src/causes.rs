//! An error with all that is below it, for places that have one line.

use std::{error::Error, iter};

/// The error, then what caused it, down to the first cause.
pub fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}

/// The error and its causes, in a line.
pub fn in_a_line(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    for cause in chain(error).skip(1).map(ToString::to_string) {
        // Some errors repeat their cause in their own words.
        if !words.contains(&cause) {
            words = format!("{words}: {cause}");
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::in_a_line;

    #[derive(Debug, thiserror::Error)]
    #[error("{words}")]
    struct Outer {
        words: &'static str,
        source: io::Error,
    }

    #[test]
    fn causes_are_told_once() {
        for (words, line) in [("no file", "no file: gone"), ("no file: gone", "no file: gone")] {
            assert_eq!(in_a_line(&Outer { words, source: io::Error::other("gone") }), line);
        }
    }
}
