//! From bytes to entries.

use jiff::civil::DateTime;

use crate::record::LogEntry;

/// The most of one line or entry that is kept; a long traceback has some ten thousand bytes.
const LONGEST: usize = 64 * 1024;

/// The length of `2026-01-26 14:02:35,835`.
const WRITTEN: usize = 23;

/// What of a log was read and not yet told.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// The beginning of a line.
    line: Vec<u8>,
    /// An entry that may go on.
    open: Option<LogEntry>,
}

impl Entries {
    /// Takes what was read, and gives the entries that it completes.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<LogEntry> {
        let mut complete = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") || self.line.len() >= LONGEST {
                let line = std::mem::take(&mut self.line);
                complete.extend(self.take_line(String::from_utf8_lossy(&line).trim_end()));
            }
        }
        complete
    }

    /// Nothing more came: an entry that was open is complete. A line without its end is kept.
    pub(super) fn rest(&mut self) -> Option<LogEntry> {
        self.open.take().map(trimmed)
    }

    /// Takes one line, and gives the entry that it ends.
    fn take_line(&mut self, line: &str) -> Option<LogEntry> {
        if let Some(open) = &mut self.open
            && header(line).is_none()
            && continues(open, line)
        {
            if open.text.len() + line.len() < LONGEST {
                open.text.push('\n');
                open.text.push_str(line);
            }
            return None;
        }
        let next = header(line).or_else(|| (!line.is_empty()).then(|| foreign(line)));
        std::mem::replace(&mut self.open, next).map(trimmed)
    }
}

/// Whether a line without a header belongs to the entry before it. Patroni's file also has what `initdb`, `pg_ctl`,
/// `pg_isready` and PostgreSQL print: those are lines of their own.
fn continues(open: &LogEntry, line: &str) -> bool {
    let indented = line.is_empty() || line.starts_with([' ', '\t']);
    let of_patroni = !open.level.is_empty() && (open.text.contains(TRACEBACK) || line.starts_with(TRACEBACK));
    let with_date = line.get(..10).is_some_and(|date| date.parse::<jiff::civil::Date>().is_ok());
    indented || of_patroni && !with_date
}

const TRACEBACK: &str = "Traceback (most recent call last)";

/// An entry's first line.
fn header(line: &str) -> Option<LogEntry> {
    let (written, rest) = line.split_at_checked(WRITTEN)?;
    if written.as_bytes()[19] != b',' {
        return None;
    }
    let written: DateTime = written.parse().ok()?;
    let (level, text) = rest.strip_prefix(' ')?.split_once(':')?;
    let is_level = !level.is_empty() && level.bytes().all(|byte| byte.is_ascii_uppercase());
    let text = text.strip_prefix(' ').unwrap_or(text).to_owned();
    is_level.then(|| LogEntry { level: level.to_owned(), text, written: Some(written) })
}

/// A line that Patroni's logger did not write.
fn foreign(line: &str) -> LogEntry {
    LogEntry { level: String::new(), text: line.to_owned(), written: None }
}

fn trimmed(mut entry: LogEntry) -> LogEntry {
    entry.text.truncate(entry.text.trim_end().len());
    entry
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As a real node's file had it; the order of the last lines is made up.
    const LOG: &str = "\
2026-11-23 00:06:42,108 INFO: no action. I am (pg3), a secondary, and following a leader (pg1)
2026-11-23 00:06:42,938 WARNING: Traceback (most recent call last):
  File \"/usr/lib/python3.11/socketserver.py\", line 691, in process_request_thread
    self.finish_request(request, client_address)
ConnectionResetError: [Errno 104] Connection reset by peer

2026-11-23 00:07:10,071 ERROR: 
Traceback (most recent call last):
  File \"patroni/dcs/etcd.py\", line 602, in wrapper
etcd.EtcdConnectionFailed: No more machines in the cluster
2026-11-23 00:07:12.488 UTC [9489] LOG:  redirecting log output to logging collector process
2026-11-23 00:07:12.488 UTC [9489] HINT:  Future log output will appear in directory \"x\".
2026-11-23 00:07:12,540 INFO: postmaster pid=9489
localhost:5432 - accepting connections
server promoting
2026-11-23 00:07:13,558 WARNING: Retry got exception: connection failed
	Is the server running on that host?
";

    fn in_short(entries: &[LogEntry]) -> Vec<String> {
        entries.iter().map(|entry| format!("[{}] {}", entry.level, entry.text)).collect()
    }

    fn entries(text: &[u8], pieces: usize) -> Vec<LogEntry> {
        let mut entries = Entries::default();
        let mut complete: Vec<_> = text.chunks(pieces).flat_map(|piece| entries.take(piece)).collect();
        complete.extend(entries.rest());
        complete
    }

    #[test]
    fn a_log_in_its_entries() {
        insta::assert_snapshot!(in_short(&entries(LOG.as_bytes(), 4096)).join("\n---\n"));
        let first = &entries(LOG.as_bytes(), 4096)[0];
        assert_eq!(first.written.unwrap().to_string(), "2026-11-23T00:06:42.108");
    }

    #[test]
    fn what_is_a_header() {
        for (line, expected) in [
            ("2026-01-26 14:02:35,835 INFO: text: more", Some(("INFO", "text: more"))),
            ("2026-01-26 14:02:35,835 ERROR:", Some(("ERROR", ""))),
            ("2026-01-26 14:02:35,835 ERROR: ", Some(("ERROR", ""))),
            ("2026-01-26 14:02:35.835 UTC [1] LOG:  text", None),
            ("2026-01-26 14:02:35,835 pg_ctl: text", None),
            ("2026-13-26 14:02:35,835 INFO: text", None),
            ("2026-01-26 14:02:35,835", None),
            ("14:02:35 INFO: text", None),
            ("ääääääääääääääääääääää", None),
            ("", None),
        ] {
            let header = header(line);
            let seen = header.as_ref().map(|entry| (entry.level.as_str(), entry.text.as_str()));
            assert_eq!(seen, expected, "{line}");
        }
    }

    #[test]
    fn an_entry_is_open_until_the_next_begins_or_nothing_comes() {
        let mut entries = Entries::default();
        assert!(entries.take(b"2026-01-26 14:02:35,835 INFO: one\n2026-01-26 14:02:36,000 IN").is_empty());
        assert_eq!(in_short(&entries.rest().into_iter().collect::<Vec<_>>()), ["[INFO] one"]);
        assert_eq!(entries.rest(), None, "half a line is no entry");
        assert!(entries.take(b"FO: two\n").is_empty());
        assert_eq!(in_short(&entries.take(b"2026-01-26 14:02:37,000 INFO: three\n")), ["[INFO] two"]);
    }

    #[test]
    fn nothing_grows_without_bound() {
        let mut endless = Entries::default();
        let told = endless.take(&vec![b'x'; 10 * LONGEST]);
        assert!(told.iter().all(|entry| entry.text.len() <= 2 * LONGEST) && endless.line.len() < LONGEST);
        let frames = "  File x\n".repeat(LONGEST);
        let text = format!("2026-01-26 14:02:35,835 ERROR: {TRACEBACK}:\n{frames}");
        assert!(entries(text.as_bytes(), 1000).iter().all(|entry| entry.text.len() <= LONGEST));
    }

    proptest! {
        #[test]
        fn how_it_is_cut_into_reads_does_not_matter(pieces in 1usize..200) {
            prop_assert_eq!(entries(LOG.as_bytes(), pieces), entries(LOG.as_bytes(), 4096));
        }
    }
}
