//! Reports as people meet them: in a real Chromium, from a file. Pictures of what it saw are left below
//! `target/tmp/page`, for people to look at.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod browser;
mod colours;
mod comparison;
mod records;

use browser::{CONTROL, Change, Reader, SHIFT, with_reader};
use chromiumoxide::cdp::browser_protocol::input::DispatchMouseEventType;
use records::Made;

/// Every kind of page, and what its heading says.
fn all() -> Vec<(&'static str, Made, &'static str)> {
    vec![
        ("failover", records::failover(), "PASS"),
        ("failed", records::failed(), "FAIL"),
        ("broken", records::broken(), "ERROR"),
        ("empty", records::empty(), "ERROR"),
        ("invalid", records::invalid(), "INVALID"),
        ("idle", records::idle(), "PASS"),
        ("long", records::long(), "FAIL"),
        ("suite", records::suite(), "FAIL"),
        ("comparison", records::comparison(), "A comparison: moment"),
    ]
}

/// What is wrong with a page, whoever reads it; a list of sentences.
const FAULTS: &str = r#"(() => {
    const faults = [], all = (selector) => [...document.querySelectorAll(selector)];
    const ids = new Map();
    for (const one of all("[id]")) ids.set(one.id, (ids.get(one.id) ?? 0) + 1);
    for (const [id, times] of ids) if (times > 1) faults.push(`the id ${id} is there ${times} times`);
    for (const link of all("a[href^='#']")) {
        if (!ids.has(link.getAttribute("href").slice(1))) faults.push(`${link.outerHTML} leads nowhere`);
    }
    for (const one of all("[data-pin]")) if (!ids.has(one.dataset.pin)) faults.push(`${one.outerHTML} marks nothing`);
    let level = 0;
    for (const heading of all("h1, h2, h3, h4")) {
        const next = Number(heading.tagName[1]);
        if (next > level + 1) faults.push(`${heading.textContent} is an h${next} after an h${level}`);
        level = next;
    }
    if (all("h1").length !== 1) faults.push("not one h1");
    for (const landmark of ["body > header", "nav", "main", "footer"]) {
        if (all(landmark).length !== 1) faults.push(`not one ${landmark}`);
    }
    if (!document.documentElement.lang) faults.push("no language");
    if (!document.title) faults.push("no title");
    const named = (id) => document.getElementById(id)?.textContent.trim();
    for (const section of all("section")) {
        if (!named(section.getAttribute("aria-labelledby"))) faults.push(`section ${section.id} has no name`);
    }
    for (const region of all("[role=region], [role=toolbar], [role=list], nav, svg[role]")) {
        if (!region.getAttribute("aria-label")) faults.push(`${region.outerHTML.slice(0, 80)} has no name`);
    }
    for (const head of all("th")) if (!head.scope) faults.push(`${head.outerHTML} has no scope`);
    for (const row of all("tbody tr:not(.folded)")) {
        const columns = row.closest("table").querySelectorAll("thead tr > *").length;
        if (columns && row.children.length !== columns) faults.push(`${row.textContent} has other columns than its table`);
    }
    for (const one of all("a[href], button")) {
        const name = one.getAttribute("aria-label") ?? one.textContent.trim();
        if (!name) faults.push(`${one.outerHTML} has no name`);
    }
    for (const svg of all("svg")) {
        if (!svg.getAttribute("aria-label") && svg.getAttribute("aria-hidden") !== "true") {
            faults.push(`${svg.outerHTML.slice(0, 80)} has neither a name nor is it hidden`);
        }
    }
    for (const one of all("[aria-hidden=true] a, [aria-hidden=true] [tabindex]")) faults.push(`${one.outerHTML} is hidden, and takes the focus`);
    for (const part of all("[data-f], [data-x], [data-t]")) {
        for (const at of [part.dataset.f, part.dataset.t, part.dataset.x]) {
            if (at !== undefined && !Number.isFinite(Number(at))) faults.push(`${part.outerHTML} is at no moment`);
        }
    }
    for (const one of all("svg [d], svg [x], svg [width], svg [transform]")) {
        if (/NaN|Infinity|undefined/.test(one.outerHTML)) faults.push(`${one.outerHTML.slice(0, 120)} is nowhere`);
    }
    return faults;
})()"#;

#[tokio::test]
async fn every_page_is_whole_loads_nothing_and_complains_of_nothing() {
    with_reader(|reader| async move {
        for (name, made, word) in all() {
            reader.width(1250).await;
            reader.said();
            reader.open(&made.page(), "").await;
            let heading: String = reader.ask("document.querySelector('h1').textContent").await;
            assert!(heading.ends_with(word), "{name}: {heading}");
            assert_eq!(reader.ask::<Vec<String>>(FAULTS).await, [""; 0], "{name}");
            let said = reader.said();
            let loaded = [format!("request file://{}", made.page().display())];
            let said: Vec<_> = said.into_iter().filter(|one| one != "request about:blank").collect();
            assert_eq!(said, loaded, "{name}");
            for width in [1250, 400] {
                reader.width(width).await;
                let beyond: String = reader.ask(BEYOND).await;
                assert_eq!(beyond, "", "{name} is wider than {width} pixels");
            }
            let size = std::fs::metadata(made.page()).unwrap().len();
            assert!(size < 600_000, "{name} is {size} bytes long");
        }
    })
    .await;
}

/// What makes a page wider than its window, if anything does.
const BEYOND: &str = "(() => { const page = document.documentElement; \
    if (page.scrollWidth <= page.clientWidth) return ''; \
    const wide = [...document.querySelectorAll('body *')].filter((one) => \
        one.getBoundingClientRect().right > page.clientWidth && !one.closest('.wide, .scroll, .skip')); \
    return wide.map((one) => one.outerHTML.slice(0, 100)).join('\\n') || `something, ${page.scrollWidth} pixels`; })()";

#[tokio::test]
async fn the_picture_has_a_lane_for_everything_that_was_watched() {
    let made = records::failover();
    with_reader(|reader| async move {
        reader.open(&made.page(), "").await;
        let lanes: Vec<String> = reader
            .ask("[...document.querySelectorAll('.lane')].map((lane) => lane.getAttribute('aria-label'))")
            .await;
        let of_node = |node: &str| {
            ["Role in etcd", "REST API", "PostgreSQL, outside", "PostgreSQL, inside", "HAProxy sends"]
                .map(|name| format!("{node}, {name}"))
        };
        let of_all = ["What was done, Steps", "What was done, Cut of pg2", "Cluster, Accepts writes"]
            .into_iter()
            .chain(["Cluster, Leader key (DCS)", "Cluster, etcd (DCS)", "Clients, Writes"]);
        let expected: Vec<String> = of_all
            .map(str::to_owned)
            .chain(["pg1", "pg2", "pg3"].iter().flat_map(|node| of_node(node)))
            .collect();
        assert_eq!(lanes, expected);
        // What shouts, says so in words and by its colour.
        let alarm: String =
            reader.ask("document.querySelector('.span.alarm').getAttribute('aria-label')").await;
        assert!(alarm.contains("TWO WRITABLE PRIMARIES: pg1 and pg2, from +22.2 s to +27.6 s"), "{alarm}");
        // The cut and the two primaries are shaded over all lanes, from the first to the last.
        let heights: Vec<f64> = reader
            .ask("[...document.querySelectorAll('.scroll .band')].map((band) => band.getBoundingClientRect().height)")
            .await;
        let picture: f64 =
            reader.ask("document.querySelector('.scroll > svg').getBoundingClientRect().height").await;
        assert_eq!(heights.len(), 2);
        assert!(heights.iter().all(|height| *height > picture - 60.0), "{heights:?} of {picture}");
    })
    .await;
}

const DETAIL: &str = "document.querySelector('.detail').textContent";

#[tokio::test]
async fn pointing_and_the_keyboard_show_the_detail() {
    let made = records::failover();
    with_reader(|reader| async move {
        reader.open(&made.page(), "").await;
        reader.point("[aria-label^='pg2, REST API: times out']").await;
        let detail: String = reader.ask(DETAIL).await;
        for told in
            ["pg2, REST API: times out, from +1.1 s to +26.9 s", "of events.jsonl", "patroni rest (pg2)"]
        {
            assert!(detail.contains(told), "{told}: {detail}");
        }
        assert!(detail.contains("200 primary running → times out"), "{detail}");

        // One stop for Tab, and the arrows from there.
        let _: bool = reader.ask("(document.querySelector('.scroll').focus(), true)").await;
        reader.press("Tab", 0).await;
        let first: String = reader.ask(DETAIL).await;
        let focus: String = reader.ask("document.activeElement.outerHTML.slice(0, 300)").await;
        assert!(first.contains("What was done, Steps: wait 2s"), "{first}, {focus}");
        reader.press("ArrowRight", 0).await;
        let second: String = reader.ask(DETAIL).await;
        assert!(second.contains("What was done, Steps: apply"), "{second}");
        reader.press("ArrowDown", 0).await;
        let below: String = reader.ask(DETAIL).await;
        assert!(below.contains("What was done, Cut of pg2: reject tcp to 5432, lo too"), "{below}");
        let stops: usize = reader.ask("document.querySelectorAll('.part[tabindex=\"0\"]').length").await;
        assert_eq!(stops, 1);
        let ring: String = reader
            .ask("getComputedStyle(document.activeElement.querySelector('path, rect')).strokeWidth")
            .await;
        assert_eq!(ring, "3px", "the focus is seen");

        // And on to the event itself.
        reader.press("Enter", 0).await;
        let kind: String = reader.ask("document.querySelector('tr:target [data-is=who]').textContent").await;
        assert_eq!(kind, "cut applied (pg2)");
    })
    .await;
}

const AXIS: &str = "[...document.querySelectorAll('.axis text')].map((tick) => tick.textContent).join(' ')";

#[tokio::test]
async fn zooming_and_panning_change_the_axis_and_the_whole_run_comes_back() {
    let made = records::failover();
    with_reader(|reader| async move {
        reader.open(&made.page(), "").await;
        let whole: String = reader.ask(AXIS).await;
        assert_eq!(whole, "0 s +5 s +10 s +15 s +20 s +25 s +30 s");
        let apart = "(() => { const [lost, elected] = document.querySelectorAll('.mark[aria-label^=\"Cluster, Leader key\"]'); \
                     return elected.getBoundingClientRect().left - lost.getBoundingClientRect().left; })()";
        let before: f64 = reader.ask(apart).await;
        let mut seen = vec![whole.clone()];
        let mut changed = async |reader: &Reader, by: &str| {
            let axis: String = reader.ask(AXIS).await;
            assert_ne!(Some(&axis), seen.last(), "{by} changes nothing");
            seen.push(axis);
        };
        reader.click("[data-do=in]").await;
        changed(&reader, "a button").await;
        let after: f64 = reader.ask(apart).await;
        assert!((after / before - 2.0).abs() < 0.1, "what is drawn follows the axis: {before} to {after}");
        reader.click("[data-do=later]").await;
        changed(&reader, "panning").await;
        let away = Change { wheel: -100.0, modifiers: CONTROL, ..Change::default() };
        reader.mouse(".scroll > svg", DispatchMouseEventType::MouseWheel, away).await;
        changed(&reader, "the wheel").await;
        let _: bool = reader.ask("(document.querySelector('.scroll').focus(), true)").await;
        reader.press("+", 0).await;
        changed(&reader, "a key").await;
        reader.press("ArrowLeft", SHIFT).await;
        changed(&reader, "a key and Shift").await;
        let held = Change { held: true, ..Change::default() };
        reader.mouse(".scroll > svg", DispatchMouseEventType::MousePressed, held).await;
        reader.mouse(".scroll > svg", DispatchMouseEventType::MouseMoved, Change { by: 150.0, ..held }).await;
        reader
            .mouse(".scroll > svg", DispatchMouseEventType::MouseReleased, Change { by: 150.0, ..held })
            .await;
        changed(&reader, "dragging").await;
        // The wheel alone scrolls the page, not the picture.
        let zoomed: String = reader.ask(AXIS).await;
        let alone = Change { wheel: 10.0, ..Change::default() };
        reader.mouse(".scroll > svg", DispatchMouseEventType::MouseWheel, alone).await;
        assert_eq!(reader.ask::<String>(AXIS).await, zoomed);
        reader.press("0", 0).await;
        assert_eq!(reader.ask::<String>(AXIS).await, whole);
        reader.click("[data-do=in]").await;
        reader.click("[data-do=reset]").await;
        assert_eq!(reader.ask::<String>(AXIS).await, whole);
        // Nothing is zoomed out to that is not there.
        reader.click("[data-do=out]").await;
        assert_eq!(reader.ask::<String>(AXIS).await, whole);
    })
    .await;
}

#[tokio::test]
async fn an_expectation_marks_its_moment_in_the_picture() {
    let made = records::failed();
    with_reader(|reader| async move {
        let marked = "[...document.querySelectorAll('.pin')].filter((pin) => getComputedStyle(pin).display !== 'none') \
                      .map((pin) => pin.textContent).join()";
        reader.open(&made.page(), "").await;
        assert_eq!(reader.ask::<String>(marked).await, "");
        let _: bool = reader.ask("(document.querySelector('[data-pin=decided-2]').focus(), true)").await;
        assert_eq!(reader.ask::<String>(marked).await, "new leader");
        reader.point("[data-pin=decided-1]").await;
        assert_eq!(reader.ask::<String>(marked).await, "leader lost");
        // Whoever follows it sees it.
        reader.click("[data-pin=decided-1]").await;
        let in_sight = "(() => { const box = document.querySelector('.pin:target line').getBoundingClientRect(); \
                        return box.bottom > 0 && box.top < innerHeight; })()";
        assert!(reader.ask::<bool>(in_sight).await);
        // And its event is among those at the end.
        let row = "(() => { const link = document.querySelector('#expectations tbody tr a.figure'); \
                   return document.querySelector(link.getAttribute('href')).textContent; })()";
        let row: String = reader.ask(row).await;
        assert!(row.contains("etcd leader-key"), "{row}");
    })
    .await;
}

#[tokio::test]
async fn without_a_script_the_picture_and_the_tables_are_there() {
    let made = records::failover();
    let page = std::fs::read_to_string(made.page()).unwrap();
    let (before, rest) = page.split_once("<script>").unwrap();
    let (_, after) = rest.split_once("</script>").unwrap();
    std::fs::write(made.page(), format!("{before}{after}")).unwrap();
    with_reader(|reader| async move {
        reader.open(&made.page(), "").await;
        let shown = |selector: &str| {
            format!("getComputedStyle(document.querySelector('{selector}')).display !== 'none'")
        };
        assert!(reader.ask::<bool>(&shown(".scroll > svg")).await);
        assert!(!reader.ask::<bool>(&shown(".tools")).await && !reader.ask::<bool>(&shown(".detail")).await);
        let title: String = reader.ask("document.querySelector('.span.alarm title').textContent").await;
        assert!(title.contains("TWO WRITABLE PRIMARIES"), "{title}");
        assert!(!reader.ask::<bool>(&shown("#decided-1")).await);
        reader.open(&made.page(), "#decided-1").await;
        assert!(reader.ask::<bool>(&shown("#decided-1")).await, "a moment that was followed is shown");
        reader.screenshot("without-a-script.png").await;
    })
    .await;
}

#[tokio::test]
async fn on_paper_the_whole_run_is_there_in_light() {
    let made = records::failover();
    with_reader(|reader| async move {
        reader.open(&made.page(), "").await;
        reader.click("[data-do=in]").await;
        reader.medium("print", "dark").await;
        let ground: String = reader.ask("getComputedStyle(document.body).backgroundColor").await;
        assert_eq!(ground, "rgb(255, 255, 255)");
        for selector in ["nav", ".tools", ".detail"] {
            let display = format!("getComputedStyle(document.querySelector('{selector}')).display");
            assert_eq!(reader.ask::<String>(&display).await, "none", "{selector}");
        }
        reader.width(1040).await;
        reader.screenshot("print.png").await;
        reader.medium("", "light").await;
        let pdf = reader.pdf("failover.pdf").await;
        assert!(pdf.starts_with(b"%PDF") && pdf.len() > 20_000, "{} bytes", pdf.len());
        // Printing has shown the whole run, and left it so.
        let axis: String = reader.ask(AXIS).await;
        assert!(axis.starts_with("0 s +5 s"), "{axis}");
    })
    .await;
}

#[tokio::test]
async fn a_suite_leads_to_the_pages_of_its_runs() {
    let made = records::suite();
    with_reader(|reader| async move {
        reader.open(&made.page(), "").await;
        let links: Vec<String> = reader
            .ask("[...document.querySelectorAll('a[href$=\"report.html\"]')].map((link) => link.href)")
            .await;
        assert!(links.len() >= 4, "{links:?}");
        for link in &links {
            let file = link.strip_prefix("file://").unwrap();
            assert!(std::path::Path::new(file).is_file(), "{link}");
        }
        reader.click("#runs tbody a").await;
        reader.until("document.querySelector('h1')?.textContent === 'primary-isolation-7: PASS'").await;
    })
    .await;
}

/// Nothing is asserted of what pages look like; people look at these.
#[tokio::test]
async fn pictures_for_people() {
    let looks = [
        (records::failover(), "failover", 1250, "light"),
        (records::failover(), "failover", 1250, "dark"),
        (records::failed(), "failed", 400, "light"),
        (records::long(), "long", 1250, "light"),
        (records::suite(), "suite", 1250, "light"),
        (records::comparison(), "comparison", 1250, "light"),
    ];
    with_reader(|reader| async move {
        for (made, name, width, scheme) in looks {
            reader.medium("", scheme).await;
            reader.width(width).await;
            reader.open(&made.page(), "").await;
            reader.settle().await;
            reader.screenshot(&format!("{name}-{width}-{scheme}.png")).await;
        }
    })
    .await;
}
