//! Tracebacks as Patroni wrote them. The samples are of Patroni 3.0.2 on Python 3.11, made by clients that went away
//! and by an etcd that stood still; `procedure.txt` is the one that procedures quote, of Python 3.9.

use super::*;

const WHILE_ANSWERING: &str = include_str!("samples/reset-while-answering.txt");
const WHILE_READING: &str = include_str!("samples/reset-while-reading.txt");
const BROKEN_PIPE: &str = include_str!("samples/broken-pipe.txt");
const PROCEDURE: &str = include_str!("samples/procedure.txt");
const ETCD: &str = include_str!("samples/etcd-unreachable.txt");

const RESET: &str = "ConnectionResetError: [Errno 104] Connection reset by peer";

fn entry(text: &str) -> LogEntry {
    LogEntry { level: "WARNING".to_owned(), text: text.trim_end().to_owned(), written: None }
}

fn judged(text: &str) -> Option<(String, bool)> {
    traceback(&entry(text)).map(|traceback| (traceback.exception, traceback.benign))
}

#[test]
fn clients_that_go_away_are_benign() {
    for (text, exception) in [
        (WHILE_ANSWERING, RESET),
        (WHILE_READING, RESET),
        (PROCEDURE, RESET),
        (BROKEN_PIPE, "BrokenPipeError: [Errno 32] Broken pipe"),
        // Two threads' words: a message before the traceback changes nothing.
        (&format!("Exception happened during processing of request\n{WHILE_ANSWERING}"), RESET),
        // The farewell failed, too.
        (
            &format!(
                "{WHILE_ANSWERING}\nDuring handling of the above exception, another exception occurred:\n\n{BROKEN_PIPE}"
            ),
            "BrokenPipeError: [Errno 32] Broken pipe",
        ),
    ] {
        assert_eq!(judged(text), Some((exception.to_owned(), true)), "{text}");
    }
}

#[test]
fn nothing_else_is() {
    let handler_fails = WHILE_ANSWERING.replace(RESET, "KeyError: 'role'");
    let other_errno =
        WHILE_ANSWERING.replace(RESET, "ConnectionResetError: [Errno 54] Connection reset by peer");
    let aborted = WHILE_ANSWERING
        .replace(RESET, "ConnectionAbortedError: [Errno 103] Software caused connection abort");
    let postgres = "Error when calling the query
Traceback (most recent call last):
  File \"/opt/patroni/lib/python3.11/site-packages/patroni/postgresql/connection.py\", line 85, in query
    return self._query(sql, *params)
  File \"/opt/patroni/lib/python3.11/site-packages/psycopg/connection.py\", line 119, in connect
    raise last_ex.with_traceback(None)
psycopg.OperationalError: connection failed: connection to server at \"127.0.0.1\", port 5432 failed: \
        Connection refused
\tIs the server running on that host and accepting TCP/IP connections?";
    // Lost while the request was served, but it was the connection to another server.
    let other_peer = WHILE_READING.replace(
        "  File \"/usr/lib/python3.11/socket.py\"",
        "  File \"/usr/lib/python3/dist-packages/urllib3/connectionpool.py\", line 467, in _make_request
    httplib_response = conn.getresponse()
  File \"/usr/lib/python3.11/socket.py\"",
    );
    // Not in the REST API at all.
    let elsewhere = format!(
        "Traceback (most recent call last):
  File \"/usr/lib/python3.11/socket.py\", line 706, in readinto
    return self._sock.recv_into(b)
{RESET}"
    );
    // The client went away because the handler had failed: the failure is what matters.
    let after_a_failure = format!(
        "{handler_fails}\nDuring handling of the above exception, another exception occurred:\n\n{BROKEN_PIPE}"
    );
    for (text, exception) in [
        (handler_fails.as_str(), "KeyError: 'role'"),
        (&other_errno, "ConnectionResetError: [Errno 54] Connection reset by peer"),
        (&aborted, "ConnectionAbortedError: [Errno 103] Software caused connection abort"),
        (
            postgres,
            "psycopg.OperationalError: connection failed: connection to server at \"127.0.0.1\", port 5432 \
             failed: Connection refused",
        ),
        (ETCD, "etcd.EtcdConnectionFailed: No more machines in the cluster"),
        (&other_peer, RESET),
        (&elsewhere, RESET),
        (&after_a_failure, "BrokenPipeError: [Errno 32] Broken pipe"),
    ] {
        let (seen, benign) = judged(text).unwrap_or_else(|| panic!("no traceback: {text}"));
        assert!(seen == exception && !benign, "{seen}\n{text}");
    }
}

#[test]
fn entries_without_a_traceback() {
    for text in [
        "",
        "no action. I am (pg3), a secondary, and following a leader (pg1)",
        RESET,
        "Exception happened during processing of request from 10.88.0.40:37082",
        "Traceback (most recent call last):",
        "Traceback (most recent call last):\n  File \"x.py\", line 1, in f",
    ] {
        assert_eq!(judged(text), None, "{text}");
    }
}
