//! PostgreSQL's TCP port, as a client outside meets it.
//!
//! Every second, within 1 s: a new connection, the startup message, and the server's first word, as
//! `pg_isready` does it. Asking for a password counts as accepting. Then the connection is closed, before a login:
//! PostgreSQL forks a process for it and logs nothing (unless `log_connections` is on). That takes some 4 ms of a
//! processor, far less than a password check and more than any other look of ours: hence the longer period. A farewell message would be logged as an error where a password is expected;
//! a plain close never is. An event's time is within 2 s of the truth, and within 1 s while the
//! port answers promptly.

use std::{io, net::SocketAddr, time::Duration};

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::{
    backend::{self, ErrorFields},
    frontend,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    reach::port_state,
    subject::{Lookout, Subject, poll},
};
use crate::{
    causes::in_a_line,
    cluster::{Node, Postgres},
    record::{Kind, PortState, Source},
};

const PERIOD: Duration = Duration::from_secs(1);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// The longest first answer that is read; a real one has some hundred bytes.
const LONGEST_ANSWER: usize = 16 * 1024;

/// Watches one node's port.
pub(super) struct Port {
    address: SocketAddr,
    login: Postgres,
    state: Subject,
    trouble: Subject,
}

impl Port {
    pub(super) fn new(lookout: &Lookout, node: &Node, login: &Postgres) -> Self {
        Self {
            address: SocketAddr::new(node.address, node.postgres_port),
            login: login.clone(),
            state: lookout.subject(Some(&node.name), Source::Postgres, Kind::Port),
            trouble: lookout.trouble(Some(&node.name), Source::Postgres),
        }
    }

    pub(super) async fn run(mut self) {
        poll(PERIOD, async || match look(self.address, &self.login).await {
            Ok(state) => self.state.saw(&state),
            Err(error) => self.trouble.saw(&format!("{}: {}", self.address, in_a_line(&error))),
        })
        .await;
    }
}

async fn look(address: SocketAddr, login: &Postgres) -> io::Result<PortState> {
    match timeout(ANSWER_TIMEOUT, first_word(address, login)).await {
        Err(_) => Ok(PortState::TimesOut),
        Ok(Ok(state)) => Ok(state),
        Ok(Err(error)) => port_state(&error).ok_or(error),
    }
}

async fn first_word(address: SocketAddr, login: &Postgres) -> io::Result<PortState> {
    let mut stream = TcpStream::connect(address).await?;
    let mut message = BytesMut::new();
    let parameters = [
        ("user", login.user.as_str()),
        ("database", login.database.as_str()),
        ("application_name", "netsplit"),
    ];
    frontend::startup_message(parameters, &mut message)?;
    stream.write_all(&message).await?;
    let mut answer = BytesMut::new();
    loop {
        if stream.read_buf(&mut answer).await? == 0 {
            let nothing = answer.is_empty();
            return if nothing { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(not_postgres()) };
        }
        if let Some(state) = state_of(&mut answer) {
            return Ok(state);
        }
    }
}

/// What the first message says; `None` while it is incomplete.
fn state_of(answer: &mut BytesMut) -> Option<PortState> {
    let state = match backend::Message::parse(answer) {
        Ok(None) if answer.len() < LONGEST_ANSWER => return None,
        Ok(Some(backend::Message::ErrorResponse(said))) => PortState::Answers(words_of(said.fields())),
        // Every other first message begins the authentication, in one of its many forms.
        Ok(Some(_)) => PortState::Accepts,
        Ok(None) | Err(_) => not_postgres(),
    };
    Some(state)
}

fn not_postgres() -> PortState {
    PortState::Answers("something that is not PostgreSQL".to_owned())
}

fn words_of(fields: ErrorFields<'_>) -> String {
    let words = { fields }.find(|field| Ok(field.type_() == b'M'));
    match words {
        Ok(Some(words)) => String::from_utf8_lossy(words.value_bytes()).into_owned(),
        _ => "an error without words".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::fakes;

    const STARTING_UP: &[u8] = b"E\0\0\0\x3eSFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";

    fn login() -> Postgres {
        Postgres {
            user: "postgres".to_owned(),
            password: "secret".to_owned(),
            database: "postgres".to_owned(),
        }
    }

    #[tokio::test]
    async fn what_a_client_meets() {
        let answers = |words: &str| PortState::Answers(words.to_owned());
        for (server, expected) in [
            (fakes::refuses(), PortState::Refused),
            (fakes::resets(), PortState::Reset),
            (fakes::hangs(), PortState::TimesOut),
            (fakes::says(b"R\0\0\0\x0c\0\0\0\x05salt"), PortState::Accepts),
            (fakes::says(b"R\0\0\0\x08\0\0\0\0"), PortState::Accepts),
            (fakes::says(STARTING_UP), answers("the database system is starting up")),
            (fakes::says(b"HTTP/1.0 400 Bad Request\r\n\r\n"), answers("something that is not PostgreSQL")),
            (fakes::says(b""), answers("closed the connection without an answer")),
        ] {
            assert_eq!(look(server.address, &login()).await.unwrap(), expected);
        }
    }
}
