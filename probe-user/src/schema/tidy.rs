//! Descriptions as readers of a schema need them: doc comments without their links.

use schemars::Schema;

/// Takes links out of a schema's own description, and line breaks within a paragraph.
pub(super) fn tidy(schema: &mut Schema) {
    if let Some(description) = schema.get("description").and_then(|text| text.as_str()) {
        let paragraphs: Vec<_> =
            description.split("\n\n").map(|text| without_links(&text.replace('\n', " "))).collect();
        schema.insert("description".to_owned(), paragraphs.join("\n\n").into());
    }
}

/// ``[`Kind::Step`](super::Kind::Step)`` becomes `` `Kind::Step` ``.
fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        plain.push_str(&rest[..open]);
        rest = &rest[open + 1..];
        let Some((label, behind)) = rest.split_once(']') else {
            plain.push('[');
            continue;
        };
        let target = behind.strip_prefix('(').and_then(|target| target.split_once(')'));
        match target {
            _ if label.starts_with('`') && label.ends_with('`') => plain.push_str(label),
            Some(_) => plain.push_str(label),
            None => {
                // No link, but brackets.
                plain.push('[');
                continue;
            }
        }
        rest = target.map_or(behind, |(_, behind)| behind);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_become_their_labels_and_brackets_stay() {
        for (written, plain) in [
            ("Payload of [`Kind::Step`].", "Payload of `Kind::Step`."),
            ("The [zero](super::Zero), to the millisecond", "The zero, to the millisecond"),
            ("[takes part](View::takes_part) again ([`X`](a::B))", "takes part again (`X`)"),
            ("an index such as a[0], and [[rule]]", "an index such as a[0], and [[rule]]"),
            ("an open [ bracket", "an open [ bracket"),
        ] {
            assert_eq!(without_links(written), plain);
        }
    }
}
