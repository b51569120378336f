//! Whether what is written and drawn can be told from its ground, in light and dark.

use std::collections::BTreeMap;

use crate::{browser::with_reader, records};

/// Relative luminance and contrast, as WCAG 2.2 defines them.
fn contrast(one: &str, other: &str) -> f64 {
    let luminance = |colour: &str| {
        let channel = |from: usize| {
            let value = f64::from(u8::from_str_radix(&colour[from..from + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn contrast_is_what_wcag_says_it_is() {
    assert!((contrast("#000000", "#ffffff") - 21.0).abs() < 1e-9);
    assert!((contrast("#777777", "#ffffff") - 4.478).abs() < 1e-3);
}

#[tokio::test]
async fn what_is_written_can_be_read_on_its_ground_in_light_and_dark() {
    let made = records::failover();
    with_reader(|reader| async move {
        reader.open(&made.page(), "").await;
        let mut grounds = Vec::new();
        for scheme in ["light", "dark"] {
            reader.medium("", scheme).await;
            let names = "Object.fromEntries([...document.styleSheets[0].cssRules].filter((rule) => rule.selectorText === ':root') \
                         .flatMap((rule) => [...rule.style]).filter((name) => name.startsWith('--')) \
                         .map((name) => [name.slice(2), getComputedStyle(document.documentElement).getPropertyValue(name).trim()]))";
            let colours: BTreeMap<String, String> = reader.ask(names).await;
            let pairs = colours.keys().filter_map(|name| Some((name.as_str(), name.strip_prefix("on-")?)));
            let inks = ["on-ground", "quiet", "link", "good", "fail", "change", "cut-ink"];
            let pairs = pairs.chain(inks.iter().flat_map(|ink| [(*ink, "ground"), (*ink, "raised")]));
            let mut looked_at = 0;
            for (ink, ground) in pairs {
                let ratio = contrast(&colours[ink], &colours[ground]);
                assert!(ratio >= 4.5, "{scheme}: {ink} on {ground} has a contrast of {ratio:.2}");
                looked_at += 1;
            }
            assert!(looked_at > 20, "{colours:?}");
            // What is no text, but must be seen: WCAG 1.4.11.
            for (shape, ground) in [("lead", "ground"), ("alarm", "ground"), ("cut", "ground"), ("gone-edge", "ground"),
                ("acknowledged", "ground"), ("failed", "ground"), ("focus", "ground"), ("focus", "well")]
            {
                let ratio = contrast(&colours[shape], &colours[ground]);
                assert!(ratio >= 3.0, "{scheme}: {shape} beside {ground} has a contrast of {ratio:.2}");
            }
            grounds.push(reader.ask::<String>("getComputedStyle(document.body).backgroundColor").await);
        }
        assert_ne!(grounds[0], grounds[1]);
    })
    .await;
}
