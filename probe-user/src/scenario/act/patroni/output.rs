//! What `patronictl` prints → the answer that Patroni gave it.
//!
//! Its commands print each answer in words of their own (`patroni/ctl.py`, the same from 3.0 to 4.1):
//!
//! | Command | Patroni agreed | Patroni refused |
//! |---|---|---|
//! | `switchover`, `failover` | `2026-01-02 03:04:05.67890 BODY` | `Switchover failed, details: STATUS, BODY` |
//! | `restart` | `Success: restart on member NAME` | `Failed: restart for member NAME, status code=STATUS, (BODY)` |
//! | `reinit` | `Success: reinitialize for member NAME` | `Failed: reinitialize for member NAME, status code=…` |
//! | `pause`, `resume` | `Success: cluster management is paused` | `Failed: pause cluster management status code=…` |
//!
//! What it says without having asked Patroni (`Error: …`) is no answer of Patroni's.

/// The status and the body of the answer; `None` where there is no answer in these words.
pub(super) fn understood(stdout: &str) -> Option<(u16, String)> {
    let mut rest = stdout;
    while !rest.is_empty() {
        let (line, behind) = rest.split_once('\n').unwrap_or((rest, ""));
        // A refusal is the last that it says, and may have several lines.
        if let Some(answer) = refused(rest.trim_end()).or_else(|| agreed(line)) {
            return Some(answer);
        }
        rest = behind;
    }
    None
}

/// The text from the line on that tells of a refusal.
fn refused(text: &str) -> Option<(u16, String)> {
    for start in ["Switchover failed, details: ", "Failover failed, details: "] {
        if let Some((status, body)) = text.strip_prefix(start).and_then(|text| text.split_once(", ")) {
            return Some((status.parse().ok()?, body.trim().to_owned()));
        }
    }
    let failed = text.strip_prefix("Failed: ")?;
    if failed.starts_with("another restart is already scheduled") {
        return Some((409, failed.to_owned()));
    }
    let (status, body) = failed.split_once("status code=")?.1.split_once(", (")?;
    Some((status.parse().ok()?, body.strip_suffix(')').unwrap_or(body).trim().to_owned()))
}

/// The line that tells of success, or of a request that was taken.
fn agreed(line: &str) -> Option<(u16, String)> {
    if let Some(done) = line.strip_prefix("Success: ") {
        return Some((if done.contains(" scheduled ") { 202 } else { 200 }, done.to_owned()));
    }
    if line.contains(" members didn't recognized pause state ") {
        return Some((200, line.to_owned()));
    }
    let body =
        behind_a_timestamp(line).filter(|body| !body.contains("using Patroni api, falling back to DCS"))?;
    Some((if body.ends_with(" scheduled") { 202 } else { 200 }, body.to_owned()))
}

/// What stands behind `2026-01-02 03:04:05.67890 `. Log lines have a comma before the fraction.
fn behind_a_timestamp(line: &str) -> Option<&str> {
    let shape = |pattern: &str, text: &str| {
        text.len() == pattern.len()
            && text.bytes().zip(pattern.bytes()).all(|(byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                other => byte == other,
            })
    };
    let (day, rest) = line.split_once(' ')?;
    let (time, body) = rest.split_once(' ')?;
    let (clock, fraction) = time.split_once('.')?;
    let digits = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    (shape("0000-00-00", day) && shape("00:00:00", clock) && digits).then_some(body)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// What real ones printed, in every situation that a scenario can bring about.
    #[test]
    fn what_real_ones_print_is_understood() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/scenario/act/patroni/outputs");
        let mut lines = Vec::new();
        for version in ["3.0.2", "4.1.5"] {
            let mut files: Vec<_> = fs::read_dir(folder.join(version))
                .expect("outputs")
                .flatten()
                .map(|file| file.path())
                .collect();
            files.sort();
            for file in files {
                let text = fs::read_to_string(&file).expect("an output");
                let name = file.file_stem().unwrap_or_default().to_string_lossy();
                lines.push(match understood(&text) {
                    Some((status, body)) => format!("{version} {name}: {status} {body}"),
                    None => format!("{version} {name}: –"),
                });
            }
        }
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn rarer_words_are_understood_too() {
        for (text, expected) in [
            ("Success: restart scheduled on member pg1\n", Some((202, "restart scheduled on member pg1"))),
            (
                "Failed: another restart is already scheduled on member pg1\n",
                Some((409, "another restart is already scheduled on member pg1")),
            ),
            ("Failed: pause cluster management status code=503, (no\nway)\n", Some((503, "no\nway"))),
            ("2026-11-23 00:13:19.76853 Switchover scheduled\n", Some((202, "Switchover scheduled"))),
            (
                "pg2 members didn't recognized pause state after 10 seconds\n",
                Some((200, "pg2 members didn't recognized pause state after 10 seconds")),
            ),
            ("2026-11-23 00:13:19.76 Could not switchover using Patroni api, falling back to DCS\n", None),
            ("2026-11-23 00:12:10,739 - WARNING - Retrying\n", None),
            ("Switchover failed, details: soon, x\n", None),
            ("Error: This cluster has no leader\n", None),
            ("", None),
        ] {
            let expected = expected.map(|(status, body): (u16, &str)| (status, body.to_owned()));
            assert_eq!(understood(text), expected, "{text}");
        }
    }
}
