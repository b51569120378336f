//! What PostgreSQL says of itself over its Unix socket, out of any cut's reach.
//!
//! One kept session a node, asked every 200 ms; a session that ended is opened anew in the same look, so that
//! a session ended by the server alone is no event. Without an answer in 1 s the node counts as silent. An
//! event's time is within 0.2 s of the truth while PostgreSQL answers, within 1.2 s of it falling silent. The
//! LSN is reported once a second at most.
//!
//! The session sits idle outside a transaction between looks: it holds no lock, no snapshot, and nothing back.

use std::{path::Path, time::Duration};

use tokio::time::{Instant, timeout};
use tokio_postgres::{Config, SimpleQueryRow};

use super::{
    session::Session,
    subject::{Lookout, Subject, poll},
};
use crate::{
    cluster::{Node, Postgres},
    record::{Inside, Kind, Source},
};

const PERIOD: Duration = Duration::from_millis(200);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
const LSN_PERIOD: Duration = Duration::from_secs(1);

/// In recovery the timeline is that of the WAL being received, or what the control file has while none is. On a
/// primary it is in the name of the WAL file being written, at once after a promotion; the control file follows
/// with the next checkpoint only.
const QUESTION: &str = "
SELECT pg_is_in_recovery(),
       current_setting('transaction_read_only'),
       CASE WHEN pg_is_in_recovery()
            THEN greatest((SELECT received_tli FROM pg_stat_wal_receiver),
                          (SELECT timeline_id FROM pg_control_checkpoint()),
                          (SELECT min_recovery_end_timeline FROM pg_control_recovery()))::text
            ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END,
       CASE WHEN pg_is_in_recovery()
            THEN coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
            ELSE pg_current_wal_lsn() END";

/// Watches one node from inside.
pub(super) struct Truth {
    config: Config,
    session: Option<Session>,
    /// The highest timeline of this session in recovery: the control file lags behind what was received, and
    /// a server in recovery never goes back.
    followed: u32,
    inside: Subject,
    lsn: Subject,
    lsn_due: Instant,
    trouble: Subject,
}

impl Truth {
    pub(super) fn new(lookout: &Lookout, node: &Node, login: &Postgres, socket_dir: &Path) -> Self {
        let mut config = Config::new();
        config
            .host_path(socket_dir)
            .port(node.postgres_port)
            .user(&login.user)
            .password(&login.password)
            .dbname(&login.database)
            .application_name("netsplit");
        Self {
            config,
            session: None,
            followed: 0,
            inside: lookout.subject(Some(&node.name), Source::Postgres, Kind::Inside),
            lsn: lookout.chance(Some(&node.name), Source::Postgres, Kind::Lsn),
            lsn_due: Instant::now(),
            trouble: lookout.trouble(Some(&node.name), Source::Postgres),
        }
    }

    pub(super) async fn run(mut self) {
        poll(PERIOD, async || {
            let row = timeout(ANSWER_TIMEOUT, self.ask()).await.ok().flatten();
            let Some(row) = row else {
                self.session = None;
                self.inside.saw(&None::<Inside>);
                return;
            };
            match read(&row) {
                Some((mut inside, lsn)) => {
                    if inside.in_recovery {
                        self.followed = self.followed.max(inside.timeline);
                        inside.timeline = self.followed;
                    }
                    self.inside.saw(&inside);
                    if Instant::now() >= self.lsn_due {
                        self.lsn.saw(&lsn);
                        self.lsn_due = Instant::now() + LSN_PERIOD;
                    }
                }
                None => self.trouble.saw(&format!("cannot read what PostgreSQL says of itself: {row:?}")),
            }
        })
        .await;
    }

    async fn ask(&mut self) -> Option<SimpleQueryRow> {
        if let Some(session) = &self.session
            && let Ok(rows) = session.run(QUESTION).await
        {
            return rows.into_iter().next();
        }
        let session = match Session::open(&self.config, ANSWER_TIMEOUT).await {
            Ok(session) => {
                self.followed = 0;
                self.session.insert(session)
            }
            Err(why) => {
                tracing::debug!(why, "PostgreSQL does not answer over its socket");
                return None;
            }
        };
        match session.run(QUESTION).await {
            Ok(rows) => rows.into_iter().next(),
            Err(error) => {
                self.trouble.saw(&error.words());
                None
            }
        }
    }
}

fn read(row: &SimpleQueryRow) -> Option<(Inside, String)> {
    let [recovery, read_only, timeline, lsn] =
        std::array::from_fn(|column| row.try_get(column).ok().flatten());
    truth(recovery?, read_only?, timeline?).zip(lsn.map(str::to_owned))
}

/// The timeline is decimal in recovery and, as in a WAL file's name, hexadecimal on a primary.
fn truth(recovery: &str, read_only: &str, timeline: &str) -> Option<Inside> {
    let in_recovery = recovery == "t";
    let timeline = u32::from_str_radix(timeline, if in_recovery { 10 } else { 16 }).ok()?;
    Some(Inside { in_recovery, read_only: read_only == "on", timeline })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_truth_is_read_from_text() {
        for (row, expected) in [
            (("f", "off", "0000000A"), Some((false, false, 10))),
            (("t", "on", "10"), Some((true, true, 10))),
            (("f", "on", "00000001"), Some((false, true, 1))),
            (("t", "on", "0000000A"), None),
            (("f", "off", ""), None),
        ] {
            let truth = truth(row.0, row.1, row.2);
            assert_eq!(
                truth.map(|seen| (seen.in_recovery, seen.read_only, seen.timeline)),
                expected,
                "{row:?}"
            );
        }
    }
}
