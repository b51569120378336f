//! One session with PostgreSQL whose end is ours to choose.

use std::time::Duration;

use tokio::{task::JoinHandle, time::timeout};
use tokio_postgres::{Config, NoTls, SimpleQueryMessage, SimpleQueryRow, error::Severity};

use crate::causes::in_a_line;

/// A session; dropping it closes the socket at once, whatever is under way.
#[derive(Debug)]
pub(super) struct Session {
    client: tokio_postgres::Client,
    connection: JoinHandle<()>,
}

/// Why a statement has no result, by what may have become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StatementError {
    /// The server answered with an error: the statement was undone.
    Refused(String),
    /// The session ended before an answer: the statement may have been done.
    Lost(String),
}

impl StatementError {
    pub(super) fn words(self) -> String {
        match self {
            Self::Refused(words) | Self::Lost(words) => words,
        }
    }
}

impl Session {
    /// Connects and logs in.
    pub(super) async fn open(config: &Config, limit: Duration) -> Result<Self, String> {
        let connecting = timeout(limit, config.connect(NoTls)).await;
        let (client, connection) =
            connecting.map_err(|_| "no session in time".to_owned())?.map_err(|error| words_of(&error))?;
        // Errors of the connection reach whoever waits for a statement.
        let connection = tokio::spawn(async {
            let _ = connection.await;
        });
        Ok(Self { client, connection })
    }

    /// Whether the other side is known to have ended the session.
    pub(super) fn is_over(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs one statement outside a transaction block and returns its rows, all columns as text.
    ///
    /// The simple protocol: one round trip, nothing prepared, and the answer comes after the commit.
    pub(super) async fn run(&self, sql: &str) -> Result<Vec<SimpleQueryRow>, StatementError> {
        let messages = self.client.simple_query(sql).await.map_err(|error| {
            let refused =
                error.as_db_error().is_some_and(|said| ends_the_statement_only(said.parsed_severity()));
            let words = words_of(&error);
            if refused { StatementError::Refused(words) } else { StatementError::Lost(words) }
        })?;
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        Ok(rows.collect())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// An ERROR undoes its statement. FATAL and PANIC end the session, and that may happen after the commit.
fn ends_the_statement_only(severity: Option<Severity>) -> bool {
    severity == Some(Severity::Error)
}

fn words_of(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| in_a_line(error), |said| said.message().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_error_surely_undoes_a_statement() {
        for (severity, expected) in [
            (Some(Severity::Error), true),
            (Some(Severity::Fatal), false),
            (Some(Severity::Panic), false),
            (None, false),
        ] {
            assert_eq!(ends_the_statement_only(severity), expected, "{severity:?}");
        }
    }
}
