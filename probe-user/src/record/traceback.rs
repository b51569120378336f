//! Tracebacks in Patroni's log.

use super::LogEntry;

/// A Python traceback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traceback {
    /// The exception that it ends with, such as `ConnectionResetError: [Errno 104] Connection reset by peer`.
    pub exception: String,
    /// Whether it tells only that a client of the REST API gave up before the answer.
    pub benign: bool,
}

/// The traceback in an entry of the log; `None` where there is none.
pub fn traceback(entry: &LogEntry) -> Option<Traceback> {
    let (_, lines) = entry.text.split_once("Traceback (most recent call last):")?;
    let is_exception = |line: &&str| !line.is_empty() && !line.starts_with([' ', '-', '\t']);
    let exception = lines.lines().rev().find(is_exception).unwrap_or_default().to_owned();
    let gave_up = ["ConnectionResetError", "BrokenPipeError"].iter().any(|kind| exception.starts_with(kind));
    Some(Traceback { benign: gave_up && lines.contains("socketserver.py"), exception })
}
