//! A session with each PostgreSQL that was opened before the trouble, as an application's pool keeps it.
//!
//! Every second, `SELECT 1` on a session that is kept for as long as it lives, however long an answer takes: what the
//! kernel does to an open connection is not what it does to a new one. When an answer takes more than a second the
//! session hangs, and the observer goes on waiting, as an application does that sets no timeout, until there is an
//! answer or the connection ends. An ICMP refusal does not end it: for an established TCP connection that is a soft error
//! (RFC 1122, 4.2.3.9), which Linux keeps to itself. Once it has ended, a new session is opened, every second until there
//! is one. An event's time is within 1 s of the truth.

use std::{io, time::Duration};

use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, Config, NoTls};

use super::{
    reach::port_state,
    subject::{Lookout, Subject},
};
use crate::{
    causes::{chain, in_a_line},
    clock::BootInstant,
    cluster::{Node, Postgres},
    record::{Kind, OpenSession, PortState, Source},
};

const PERIOD: Duration = Duration::from_secs(1);

/// A session hangs when an answer takes longer.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long opening one may take.
const OPENING: Duration = Duration::from_secs(2);

/// The words for a session whose end nobody explained.
const CLOSED: &str = "closed the session";

/// Keeps a session with one node.
pub(super) struct Kept {
    config: Config,
    state: Subject,
    trouble: Subject,
}

impl Kept {
    pub(super) fn new(lookout: &Lookout, node: &Node, login: &Postgres) -> Self {
        let mut config = login.login();
        config.host(node.address.to_string()).port(node.postgres_port);
        Self {
            config,
            state: lookout.subject(Some(&node.name), Source::Postgres, Kind::OpenSession),
            trouble: lookout.trouble(Some(&node.name), Source::Postgres),
        }
    }

    /// For ever: opens a session, keeps it while it lives, and opens the next.
    pub(super) async fn run(mut self) {
        loop {
            match timeout(OPENING, self.config.connect(NoTls)).await {
                Err(_) => self.state.saw(&OpenSession::Ended(PortState::TimesOut)),
                Ok(Err(error)) => self.ended(&error),
                Ok(Ok((client, connection))) => {
                    self.state.saw(&OpenSession::Answers);
                    // The connection first: it alone knows why it ended.
                    let end = tokio::select! {
                        biased;
                        end = connection => end.err(),
                        error = keep_asking(&client, &mut self.state) => Some(error),
                    };
                    match end {
                        Some(error) => self.ended(&error),
                        None => {
                            self.state.saw(&OpenSession::Ended(PortState::Answers(CLOSED.to_owned())));
                        }
                    }
                }
            }
            sleep(PERIOD).await;
        }
    }

    fn ended(&mut self, error: &tokio_postgres::Error) {
        match why(error) {
            Some(state) => self.state.saw(&OpenSession::Ended(state)),
            None => self.trouble.saw(&format!("no session can be kept: {}", in_a_line(error))),
        }
    }
}

/// Asks until there is an error.
async fn keep_asking(client: &Client, state: &mut Subject) -> tokio_postgres::Error {
    loop {
        let asked = BootInstant::now();
        let answer = client.simple_query("SELECT 1");
        tokio::pin!(answer);
        let answered = if let Ok(answered) = timeout(PATIENCE, &mut answer).await {
            answered
        } else {
            state.saw(&OpenSession::Hangs { since: asked });
            answer.await
        };
        match answered {
            Ok(_) => state.saw(&OpenSession::Answers),
            Err(error) => return error,
        }
        sleep(PERIOD).await;
    }
}

/// What ended a session; `None` for errors that say nothing of the other side.
fn why(error: &tokio_postgres::Error) -> Option<PortState> {
    if let Some(said) = error.as_db_error() {
        return Some(PortState::Answers(said.message().to_owned()));
    }
    match chain(error).find_map(|cause| cause.downcast_ref::<io::Error>()) {
        Some(error) => port_state(error),
        None => Some(PortState::Answers(CLOSED.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::{
        observe::fakes,
        record::{Event, EventSink},
    };

    /// `AuthenticationOk` and `ReadyForQuery`.
    const LOGGED_IN: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
    const STARTING_UP: &[u8] = b"E\0\0\0\x3eSFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";

    /// What is told of a session with this server, as long as one that hangs may take to be told.
    async fn told(server: &fakes::Fake) -> Vec<OpenSession> {
        let (sender, events) = mpsc::channel();
        let lookout = Lookout::new(EventSink::new(sender));
        let mut config = Config::new();
        config.host("127.0.0.1").port(server.address.port()).user("postgres").password("secret");
        let kept = Kept {
            config,
            state: lookout.subject(Some("pg1"), Source::Postgres, Kind::OpenSession),
            trouble: lookout.trouble(Some("pg1"), Source::Postgres),
        };
        let ran = timeout(PATIENCE + PERIOD / 2, kept.run()).await;
        assert!(ran.is_err(), "it goes on for ever");
        let seen = |event: Event| event.after_as().expect("a session's state");
        events.try_iter().filter(|event| event.kind == Kind::OpenSession).map(seen).collect()
    }

    #[tokio::test]
    async fn how_a_session_fares() {
        use OpenSession::{Answers, Ended, Hangs};
        let servers = [
            fakes::refuses(),
            fakes::resets(),
            fakes::says(STARTING_UP),
            fakes::says(LOGGED_IN),
            fakes::says_and_hangs(LOGGED_IN),
        ];
        let told = futures_util::future::join_all(servers.iter().map(told)).await;
        let [refused, reset, starting, closed, hung] = told.try_into().expect("one each");
        assert_eq!(refused[0], Ended(PortState::Refused));
        assert_eq!(reset[0], Ended(PortState::Reset));
        assert_eq!(starting[0], Ended(PortState::Answers("the database system is starting up".to_owned())));
        assert!(matches!(closed[..], [Answers, Ended(_), ..]), "{closed:?}");
        assert!(matches!(hung[..], [Answers, Hangs { .. }]), "{hung:?}");
    }
}
