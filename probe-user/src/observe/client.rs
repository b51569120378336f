//! A client that writes numbered rows through `HAProxy` and remembers every acknowledgement.
//!
//! Ten writes a second at most, one at a time, each its own transaction, over one session that is kept while it
//! works, as an application keeps it; after a failure a new one, 200 ms later. A session or an answer that
//! takes more than 2 s is given up and its socket closed. Every write is an event with the moment of its end;
//! it began [`ClientWrite::took_ms`] earlier. While writes work, an event's time is within 0.1 s of the truth.
//!
//! No row is ever tried twice: the table has no key, so a row that is there twice shows. Each watch has its own
//! run id, and rows of earlier runs stay.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    net::IpAddr,
    time::Duration,
};

use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_postgres::Config;

use super::{
    session::{Session, StatementError},
    stop::Stop,
    subject::{Lookout, Subject},
};
use crate::{
    clock::BootInstant,
    cluster::{HaproxyEndpoints, Inventory},
    record::{ClientWrite, Kind, Source, WriteOutcome},
};

/// The table that the client writes; it stays when the watch has ended.
pub const CLIENT_TABLE: &str = "netsplit_writes";

const PERIOD: Duration = Duration::from_millis(100);
const BACK_OFF: Duration = Duration::from_millis(200);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a write under way may go on when the watch is stopped.
const LAST_GRACE: Duration = Duration::from_millis(400);

/// What the watch waits for: a table to write to, and one write that came to an end.
const WRITES: &str = "client write";

/// The client.
pub(super) struct Client {
    config: Config,
    run: String,
    nodes: BTreeMap<IpAddr, String>,
    session: Option<Session>,
    ledger: Ledger,
    /// Whether acknowledged rows are remembered, one by one, to be looked for at the end.
    remembers: bool,
    trouble: Subject,
    lookout: Lookout,
}

/// What the client knows of its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ledger {
    /// The last row that was tried; all from 1 were.
    pub(super) tried: u64,
    /// Those whose commit was acknowledged.
    pub(super) acknowledged: BTreeSet<u64>,
}

/// How one attempt to write went.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Attempt {
    /// There was no session to send the statement on.
    NotSent(String),
    /// It was sent, and this came of it: the address of the node that did it.
    Sent(Result<String, StatementError>),
}

impl Attempt {
    fn outcome(&self) -> WriteOutcome {
        match self {
            Self::Sent(Ok(_)) => WriteOutcome::Acknowledged,
            Self::NotSent(_) | Self::Sent(Err(StatementError::Refused(_))) => WriteOutcome::Failed,
            Self::Sent(Err(StatementError::Lost(_))) => WriteOutcome::Unknown,
        }
    }
}

impl Client {
    pub(super) fn new(lookout: &Lookout, inventory: &Inventory, haproxy: &HaproxyEndpoints) -> Self {
        lookout.awaited().expect(WRITES);
        Self {
            config: config(inventory, haproxy),
            run: format!("{:x}-{:x}", BootInstant::now().ns, std::process::id()),
            nodes: inventory.nodes.iter().map(|node| (node.address, node.name.clone())).collect(),
            session: None,
            ledger: Ledger::default(),
            remembers: true,
            trouble: lookout.trouble(None, Source::Client),
            lookout: lookout.clone(),
        }
    }

    /// For who writes for days and does not ask for the rows at the end.
    pub(super) fn without_memory(self) -> Self {
        Self { remembers: false, ..self }
    }

    /// This run's mark in the table's column `run`.
    pub(super) fn run_id(&self) -> &str {
        &self.run
    }

    /// Makes the table, then writes until the watch is stopped.
    pub(super) async fn write(mut self, stop: &mut Stop) -> Ledger {
        let mut ready = tokio::select! {
            () = self.make_table() => true,
            () = stop.asked() => false,
        };
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while ready {
            self.write_next(stop.clone()).await;
            let pause = if self.session.is_some() { Duration::ZERO } else { BACK_OFF };
            ready = tokio::select! {
                () = stop.asked() => false,
                () = async { sleep(pause).await; ticks.tick().await; } => true,
            };
        }
        self.ledger
    }

    async fn make_table(&mut self) {
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS {CLIENT_TABLE} (
                run text NOT NULL, id bigint NOT NULL,
                at timestamptz NOT NULL DEFAULT clock_timestamp(), node inet DEFAULT inet_server_addr())"
        );
        loop {
            let made = async {
                let session = Session::open(&self.config, ANSWER_TIMEOUT).await?;
                let made = timeout(ANSWER_TIMEOUT, session.run(&sql)).await;
                made.map_err(|_| "no answer in time".to_owned())?.map_err(StatementError::words)?;
                Ok::<_, String>(session)
            };
            match made.await {
                Ok(session) => {
                    self.session = Some(session);
                    return;
                }
                Err(why) => self.trouble.saw(&format!("the table {CLIENT_TABLE} cannot be made: {why}")),
            }
            sleep(BACK_OFF).await;
        }
    }

    async fn write_next(&mut self, stop: Stop) {
        self.ledger.tried += 1;
        let (id, began) = (self.ledger.tried, Instant::now());
        let attempt = self.attempt(id, stop).await;
        let outcome = attempt.outcome();
        let (address, error) = match attempt {
            Attempt::Sent(Ok(address)) => (Some(address), None),
            Attempt::Sent(Err(error)) => (None, Some(error.words())),
            Attempt::NotSent(why) => (None, Some(why)),
        };
        if outcome != WriteOutcome::Acknowledged {
            self.session = None;
        } else if self.remembers {
            self.ledger.acknowledged.insert(id);
        }
        let node = address.and_then(|address| self.nodes.get(&address.parse().ok()?));
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let write = ClientWrite { id, outcome, took_ms, error };
        self.lookout.send(node.map(String::as_str), Source::Client, Kind::Write, &write);
        self.lookout.awaited().seen(WRITES);
    }

    async fn attempt(&mut self, id: u64, stop: Stop) -> Attempt {
        let session = match self.session.take().filter(|session| !session.is_over()) {
            Some(session) => session,
            None => match within_limit(stop.clone(), Session::open(&self.config, ANSWER_TIMEOUT)).await {
                Some(Ok(session)) => session,
                Some(Err(why)) => return Attempt::NotSent(why),
                None => return Attempt::NotSent("no session in time".to_owned()),
            },
        };
        let sql = format!(
            "INSERT INTO {CLIENT_TABLE} (run, id) VALUES ('{}', {id}) RETURNING host(node)",
            self.run
        );
        let session = self.session.insert(session);
        let lost = || StatementError::Lost("no answer in time".to_owned());
        let answer = within_limit(stop, session.run(&sql)).await.unwrap_or_else(|| Err(lost()));
        Attempt::Sent(answer.map(|rows| {
            let address = rows.first().and_then(|row| row.try_get(0).ok().flatten());
            address.unwrap_or_default().to_owned()
        }))
    }
}

/// How the client logs in, through `HAProxy` to the primary.
pub(super) fn config(inventory: &Inventory, haproxy: &HaproxyEndpoints) -> Config {
    let mut config = inventory.postgres.login();
    config.host(haproxy.primary.ip().to_string()).port(haproxy.primary.port());
    config
}

/// Waits for `work` as long as a write may take, and only a little longer once the watch is stopped.
async fn within_limit<T>(mut stop: Stop, work: impl Future<Output = T>) -> Option<T> {
    let stopped = async {
        stop.asked().await;
        sleep(LAST_GRACE).await;
    };
    tokio::select! {
        done = work => Some(done),
        () = sleep(ANSWER_TIMEOUT) => None,
        () = stopped => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_an_attempt_ends() {
        let words = || "words".to_owned();
        for (attempt, outcome) in [
            (Attempt::NotSent(words()), WriteOutcome::Failed),
            (Attempt::Sent(Ok("10.88.0.11".to_owned())), WriteOutcome::Acknowledged),
            (Attempt::Sent(Err(StatementError::Refused(words()))), WriteOutcome::Failed),
            (Attempt::Sent(Err(StatementError::Lost(words()))), WriteOutcome::Unknown),
        ] {
            assert_eq!(attempt.outcome(), outcome, "{attempt:?}");
        }
    }
}
