//! A comparison's page: whether it answers, and leads on to the runs behind each number.

use std::{fs, path::Path};

use crate::{browser::with_reader, records};

#[tokio::test]
async fn it_answers_in_sentences_before_any_table() {
    let made = records::comparison();
    with_reader(|reader| async move {
        reader.open(&made.page(), "").await;
        let said: String = reader.ask("document.querySelector('.verdict').textContent").await;
        for answer in ["Another node led after", "never with reset", "hung for", "Larger than the noise"] {
            assert!(said.contains(answer), "{answer}: {said}");
        }
    })
    .await;
}

#[tokio::test]
async fn each_dot_leads_to_its_number_in_the_runs_own_page() {
    let made = records::comparison();
    with_reader(|reader| async move {
        reader.open(&made.page(), "").await;
        let links: Vec<String> =
            reader.ask("[...document.querySelectorAll('a.dot')].map((dot) => dot.href.baseVal)").await;
        // Ten runs, and a dot for each measure of which they say something.
        assert!(links.len() >= 100, "{}", links.len());
        let folder = made.page();
        for link in &links {
            let (file, place) = link.split_once('#').unwrap();
            let page = fs::read_to_string(folder.with_file_name("").join(Path::new(file))).unwrap();
            assert!(page.contains(&format!("id=\"{place}\"")), "{link} leads nowhere");
        }
        reader.click("[aria-label=drop] a.dot[href$='#number-new-leader']").await;
        reader
            .until("document.querySelector('tr:target')?.textContent.startsWith('new leader') ?? false")
            .await;
    })
    .await;
}

#[tokio::test]
async fn its_runs_lie_below_each_other_from_the_first_packet_hit_on() {
    let made = records::comparison();
    with_reader(|reader| async move {
        reader.open(&made.page(), "").await;
        let lanes: Vec<String> = reader
            .ask("[...document.querySelectorAll('.lane')].map((lane) => lane.getAttribute('aria-label'))")
            .await;
        let of_run = |run: String| {
            ["Leader key (DCS)", "Writes", "Session with pg2"].map(|lane| format!("{run}, {lane}"))
        };
        let levels = ["drop", "reset"].into_iter();
        let runs = levels.flat_map(|level| (1..=5).map(move |run| format!("{level}, run {run}")));
        assert_eq!(lanes, runs.flat_map(of_run).collect::<Vec<_>>());
        // The same moment is at the same place in all of them.
        let hangs: Vec<f64> = reader
            .ask(
                "[...document.querySelectorAll('[aria-label*=\"Session with pg2: hangs\"]')] \
                  .map((span) => span.getBoundingClientRect().left)",
            )
            .await;
        assert_eq!(hangs.len(), 5, "a session hangs in each run with drop");
        assert!(hangs.iter().all(|left| (left - hangs[0]).abs() < 1.0), "{hangs:?}");
        reader.point("[aria-label*='Session with pg2: hangs']").await;
        let detail: String = reader.ask("document.querySelector('.detail').textContent").await;
        assert!(detail.contains("Session with pg2: hangs: neither an answer nor an end, from"), "{detail}");
    })
    .await;
}
