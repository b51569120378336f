//! What it means that a service did not answer.

use std::io;

use crate::{causes::chain, record::PortState};

/// The words for a service that ends the connection before it says anything.
const CLOSED: &str = "closed the connection without an answer";

/// What a client met that got this error from its socket.
///
/// `None` for errors that say nothing of the other side, such as a lack of file descriptors or ports here.
pub(super) fn port_state(error: &io::Error) -> Option<PortState> {
    Some(match error.kind() {
        io::ErrorKind::ConnectionRefused => PortState::Refused,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected => PortState::Reset,
        io::ErrorKind::TimedOut => PortState::TimesOut,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => {
            PortState::Unreachable
        }
        io::ErrorKind::UnexpectedEof => PortState::Answers(CLOSED.to_owned()),
        _ => return None,
    })
}

/// As [`port_state`], for an HTTP request.
pub(super) fn http_port_state(error: &reqwest::Error) -> Option<PortState> {
    if error.is_timeout() {
        return Some(PortState::TimesOut);
    }
    let socket_error = chain(error).find_map(|cause| cause.downcast_ref::<io::Error>());
    match socket_error {
        Some(error) => port_state(error),
        // The connection stood and ended without a complete response; hyper's error type is not ours to name.
        None if error.is_request() || error.is_body() => Some(PortState::Answers(CLOSED.to_owned())),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;
    use crate::observe::fakes;

    #[test]
    fn socket_errors_in_the_words_of_a_client() {
        for (errno, expected) in [
            (Errno::CONNREFUSED, Some(PortState::Refused)),
            (Errno::CONNRESET, Some(PortState::Reset)),
            (Errno::PIPE, Some(PortState::Reset)),
            (Errno::TIMEDOUT, Some(PortState::TimesOut)),
            (Errno::HOSTUNREACH, Some(PortState::Unreachable)),
            (Errno::NETUNREACH, Some(PortState::Unreachable)),
            (Errno::MFILE, None),
            (Errno::ADDRNOTAVAIL, None),
            (Errno::ACCESS, None),
        ] {
            assert_eq!(port_state(&errno.into()), expected, "{errno:?}");
        }
    }

    #[tokio::test]
    async fn http_servers_that_do_not_answer() {
        for (server, expected) in [
            (fakes::refuses(), PortState::Refused),
            (fakes::resets(), PortState::Reset),
            (fakes::hangs(), PortState::TimesOut),
            (fakes::says(b""), PortState::Answers(CLOSED.to_owned())),
            (
                fakes::says(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort"),
                PortState::Answers(CLOSED.to_owned()),
            ),
        ] {
            let http = reqwest::Client::builder().no_proxy().build().unwrap();
            let request = http.get(format!("http://{}/", server.address)).timeout(fakes::PATIENCE);
            let answer = async { request.send().await?.bytes().await }.await;
            let seen = http_port_state(&answer.unwrap_err());
            assert_eq!(seen, Some(expected));
        }
    }
}
