//! What PostgreSQL says of itself over its Unix socket, out of any cut's reach.
//!
//! One kept session a node, asked every 200 ms; a session that ended is opened anew in the same look, so that
//! a session ended by the server alone is no event. Without an answer in 1 s the node counts as silent. An
//! event's time is within 0.2 s of the truth while PostgreSQL answers, within 1.2 s of it falling silent. The
//! LSN is reported once a second at most.
//!
//! The same look says who streams from this server, whatever its role: a standby may have standbys of its own.
//!
//! The question is prepared once a session, as planning it costs more than answering it. It is one statement, so its
//! parts are of one moment.
//!
//! The session sits idle outside a transaction between looks: it holds no lock, no snapshot, and nothing back.

use std::{collections::BTreeMap, path::Path, time::Duration};

use tokio::time::{Instant, timeout};
use tokio_postgres::{Config, SimpleQueryRow};

use super::{
    session::Session,
    subject::{Lookout, Subject, poll},
};
use crate::{
    cluster::{Node, Postgres},
    record::{Inside, Kind, Source, Streaming},
};

const PERIOD: Duration = Duration::from_millis(200);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
const LSN_PERIOD: Duration = Duration::from_secs(1);

/// In recovery the timeline is that of the WAL being received, or what the control file has while none is. On a
/// primary it is in the name of the WAL file being written, at once after a promotion; the control file follows
/// with the next checkpoint only.
///
/// A standby's name is its `application_name`, which Patroni sets to the member's; of two connections with one name the
/// one that streams counts, else the younger. A base backup is no standby.
const PREPARE: &str = "
PREPARE netsplit_look AS
SELECT pg_is_in_recovery(),
       current_setting('transaction_read_only'),
       CASE WHEN pg_is_in_recovery()
            THEN greatest((SELECT received_tli FROM pg_stat_wal_receiver),
                          (SELECT timeline_id FROM pg_control_checkpoint()),
                          (SELECT min_recovery_end_timeline FROM pg_control_recovery()))::text
            ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END,
       CASE WHEN pg_is_in_recovery()
            THEN coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
            ELSE pg_current_wal_lsn() END,
       (SELECT json_object_agg(application_name, json_build_object(
                   'state', coalesce(state, 'unknown'), 'sync_state', coalesce(sync_state, 'unknown'))
                   ORDER BY state IS NOT DISTINCT FROM 'streaming', backend_start)
          FROM pg_stat_replication
         WHERE application_name <> 'pg_basebackup')";

const LOOK: &str = "EXECUTE netsplit_look";

/// Watches one node from inside.
pub(super) struct Truth {
    config: Config,
    session: Option<Session>,
    /// The highest timeline of this session in recovery: the control file lags behind what was received, and
    /// a server in recovery never goes back.
    followed: u32,
    inside: Subject,
    replication: Subject,
    lsn: Subject,
    lsn_due: Instant,
    trouble: Subject,
}

impl Truth {
    pub(super) fn new(lookout: &Lookout, node: &Node, login: &Postgres, socket_dir: &Path) -> Self {
        let mut config = login.login();
        config.host_path(socket_dir).port(node.postgres_port);
        Self {
            config,
            session: None,
            followed: 0,
            inside: lookout.subject(Some(&node.name), Source::Postgres, Kind::Inside),
            replication: lookout.subject(Some(&node.name), Source::Postgres, Kind::Replication),
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
                self.replication.saw(&None::<Standbys>);
                return;
            };
            match read(&row) {
                Some((mut inside, lsn, standbys)) => {
                    if inside.in_recovery {
                        self.followed = self.followed.max(inside.timeline);
                        inside.timeline = self.followed;
                    }
                    self.inside.saw(&inside);
                    self.replication.saw(&standbys);
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
            && let Ok(rows) = session.run(LOOK).await
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
        let first = async {
            session.run(PREPARE).await?;
            session.run(LOOK).await
        };
        match first.await {
            Ok(rows) => rows.into_iter().next(),
            Err(error) => {
                self.trouble.saw(&error.words());
                None
            }
        }
    }
}

/// Who streams from a server, by name.
type Standbys = BTreeMap<String, Streaming>;

fn read(row: &SimpleQueryRow) -> Option<(Inside, String, Standbys)> {
    let [recovery, read_only, timeline, lsn, standbys] =
        std::array::from_fn(|column| row.try_get(column).ok().flatten());
    Some((truth(recovery?, read_only?, timeline?)?, lsn?.to_owned(), of_standbys(standbys)?))
}

/// Nobody is `NULL`; of a name that is there twice the last one counts.
fn of_standbys(json: Option<&str>) -> Option<Standbys> {
    json.map_or_else(|| Some(Standbys::new()), |json| serde_json::from_str(json).ok())
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
    fn the_standbys_are_read_from_json() {
        let in_short = |json| {
            let standbys = of_standbys(json)?;
            let line =
                |(name, seen): (&String, &Streaming)| format!("{name} {} {}", seen.state, seen.sync_state);
            Some(standbys.iter().map(line).collect::<Vec<_>>().join(", "))
        };
        for (json, expected) in [
            (None, Some("")),
            // A connection that PostgreSQL has not given up yet, and the one that replaced it.
            (
                Some(
                    r#"{ "pg2" : {"state" : "catchup", "sync_state" : "async"},
                         "pg3" : {"state" : "streaming", "sync_state" : "sync"},
                         "pg2" : {"state" : "streaming", "sync_state" : "async"} }"#,
                ),
                Some("pg2 streaming async, pg3 streaming sync"),
            ),
            (Some("[]"), None),
        ] {
            assert_eq!(in_short(json).as_deref(), expected, "{json:?}");
        }
    }

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
