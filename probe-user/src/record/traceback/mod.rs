//! Tracebacks in Patroni's log, and which of them mean nothing.

#[cfg(test)]
mod tests;

use super::LogEntry;

/// A Python traceback in an entry of Patroni's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traceback {
    /// The exception that nobody caught, as Python prints it, such as
    /// `ConnectionResetError: [Errno 104] Connection reset by peer`; its first line only.
    pub exception: String,
    /// Whether it is what a client of the REST API provokes that goes away before the answer, as `HAProxy`'s checks
    /// do: nothing is wrong with Patroni then.
    pub benign: bool,
}

/// The traceback in an entry; `None` where there is none, or its end is missing.
///
/// Benign is a `ConnectionResetError` or `BrokenPipeError` of the REST API's own connection, and nothing else: every
/// frame has to be of Python's HTTP server or of Patroni's handler of requests, beginning where the server takes a
/// request up. So a connection that was lost to PostgreSQL or the DCS never counts, also while a request was
/// answered. Patroni 3.0 logs it as a WARNING; Patroni 4 at DEBUG only, and not as a traceback.
pub fn traceback(entry: &LogEntry) -> Option<Traceback> {
    let mut parts = entry.text.split(BEGINNING);
    parts.next()?;
    // Of exceptions that followed one another, the last is the one that nobody caught.
    let parts: Vec<&str> = parts.collect();
    let exceptions = parts.iter().map(|part| exception(part)).collect::<Option<Vec<_>>>()?;
    let benign = exceptions.iter().all(|exception| GONE.contains(exception))
        && parts.first().is_some_and(|first| frames(first).any(|frame| frame.takes_a_request_up()))
        && parts.iter().flat_map(|part| frames(part)).all(|frame| frame.is_of_the_rest_api());
    let exception = (*exceptions.last()?).to_owned();
    Some(Traceback { exception, benign })
}

const BEGINNING: &str = "Traceback (most recent call last):";

/// What a client that has gone away leaves.
const GONE: [&str; 2] =
    ["ConnectionResetError: [Errno 104] Connection reset by peer", "BrokenPipeError: [Errno 32] Broken pipe"];

/// The first line after a traceback's beginning that is not indented, as its frames are.
fn exception(part: &str) -> Option<&str> {
    part.lines().skip(1).find(|line| !line.is_empty() && !line.starts_with([' ', '\t'])).map(str::trim_end)
}

/// A place in the program, such as `File "/usr/lib/python3.11/socketserver.py", line 691, in finish_request`.
struct Frame<'text> {
    file: &'text str,
    function: &'text str,
}

fn frames(part: &str) -> impl Iterator<Item = Frame<'_>> {
    part.lines().filter_map(|line| {
        let (file, place) = line.trim_start().strip_prefix("File \"")?.split_once("\", line ")?;
        Some(Frame { file, function: place.split_once(", in ")?.1.trim_end() })
    })
}

impl Frame<'_> {
    fn takes_a_request_up(&self) -> bool {
        self.is_in("socketserver.py") && ["process_request_thread", "finish_request"].contains(&self.function)
    }

    /// A thread that serves requests, its HTTP server, Patroni's handler, and the connection.
    fn is_of_the_rest_api(&self) -> bool {
        ["socketserver.py", "http/server.py", "patroni/api.py", "socket.py", "ssl.py"]
            .iter()
            .any(|file| self.is_in(file))
    }

    fn is_in(&self, file: &str) -> bool {
        self.file.strip_suffix(file).is_some_and(|folder| folder.is_empty() || folder.ends_with('/'))
    }
}
