//! What a misspelt word was probably meant to be.

/// The word that is nearest to what was written, if any is near enough to be meant.
pub fn nearest<'w>(written: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let written = written.to_lowercase();
    // A third of the letters may be wrong: `prots` is `ports`, but `foo` is not `for`.
    let tolerated = (written.chars().count() / 3).max(1);
    words
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&written, word), word))
        .filter(|(distance, _)| *distance <= tolerated)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Words as a sentence lists them: `a`, `b` or `c`, in backticks.
pub fn list_of<'w>(words: impl IntoIterator<Item = &'w str>, last: &str) -> String {
    let words: Vec<_> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((only, [])) => only.clone(),
        Some((final_word, others)) => format!("{} {last} {final_word}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_words_are_suggested() {
        let words = ["ports", "peers", "peer_ports", "node"];
        for (written, meant) in [
            ("prots", Some("ports")),
            ("Port", Some("ports")),
            ("peerports", Some("peer_ports")),
            ("nodes", Some("node")),
            ("timeout", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, words), meant, "{written}");
        }
    }

    #[test]
    fn lists_read_as_sentences() {
        assert_eq!(list_of(["a"], "or"), "`a`");
        assert_eq!(list_of(["a", "b", "c"], "or"), "`a`, `b` or `c`");
    }
}
