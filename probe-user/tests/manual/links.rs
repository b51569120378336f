//! Links lead somewhere.

use crate::page;

/// What a page links to: `](target)`.
fn targets(text: &str) -> Vec<&str> {
    text.match_indices("](").filter_map(|(at, _)| Some(text[at + 2..].split_once(')')?.0)).collect()
}

/// A heading as GitHub names it in links.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    kept.chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut links = 0;
    for page in page::all() {
        for target in targets(&page.text) {
            if target.contains("://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path =
                if file.is_empty() { page.path.clone() } else { page.path.parent().unwrap().join(file) };
            assert!(path.exists(), "{}: nothing is at {target}", page.name);
            if !heading.is_empty() {
                let text = std::fs::read_to_string(&path).unwrap();
                let headings = text.lines().filter(|line| line.starts_with('#'));
                let found =
                    headings.map(|line| anchor(line.trim_start_matches('#'))).any(|one| one == heading);
                assert!(found, "{}: no heading is at {target}", page.name);
            }
            links += 1;
        }
    }
    assert!(links > 20, "the manual has more links than {links}");
}

/// A page that nothing leads to is found by nobody.
#[test]
fn the_index_leads_to_every_page() {
    let pages = page::all();
    let index = pages.iter().find(|page| page.name == "probe-user/manual/README.md").unwrap();
    for page in
        pages.iter().filter(|page| page.name.starts_with("probe-user/manual/") && page.name != index.name)
    {
        let link = page.name.trim_start_matches("probe-user/manual/");
        assert!(targets(&index.text).contains(&link), "the index does not lead to {link}");
    }
    let front = pages.iter().find(|page| page.name == "README.md").unwrap();
    assert!(targets(&front.text).contains(&"probe-user/manual/README.md"));
}
