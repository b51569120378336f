//! `HAProxy`: its configuration, the daemon, and its own view of the servers.
//!
//! A replica is asked for as in Patroni's sample configuration, `OPTIONS /replica` on the REST API; the primary as
//! many a load balancer does it, `GET /read-write`. The answer's code is the same as that of `OPTIONS /primary`, but
//! it has a body, and `HAProxy` closes the connection with a reset as soon as it knows the code: Patroni, which is
//! still writing, may see that, and before 4.1.5 logs a traceback of it.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use super::{Host, Layout, daemon::Daemon, servers::Servers};

/// The port that leads to the primary.
pub(super) const PRIMARY_PORT: u16 = 5000;

/// The port that leads to a replica.
pub(super) const REPLICA_PORT: u16 = 5001;

/// A server as `HAProxy` sees it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct ProxyServer {
    /// `primary` or `replica`: the way in.
    pub proxy: String,
    /// The node.
    pub server: String,
    /// Such as `UP`, `DOWN`, `UP 1/2`.
    pub status: String,
    /// The last check's result, such as `L7OK`; `INI` before the first.
    pub check: String,
}

impl ProxyServer {
    /// Up, and found so by a check: servers begin as up before anybody has looked.
    pub fn is_up(&self) -> bool {
        self.status == "UP" && self.check.trim_start_matches("* ") == "L7OK"
    }
}

/// `haproxy.cfg`; with `fast`, checks are as much quicker as Patroni's loop is.
pub(super) fn config(layout: &Layout, fast: bool) -> String {
    let (inter, check, connect) = if fast { ("500ms", "1s", "1s") } else { ("3s", "5s", "4s") };
    let socket = layout.haproxy_socket();
    let mut text = format!(
        "\
global
    maxconn 200
    log stdout format iso local0
    stats socket {} mode 600 level admin

defaults
    mode tcp
    log global
    retries 2
    timeout client 30m
    timeout server 30m
    timeout connect {connect}
    timeout check {check}
    default-server inter {inter} fall 3 rise 2 on-marked-down shutdown-sessions
",
        socket.display()
    );
    for (proxy, port, check) in
        [("primary", PRIMARY_PORT, "GET /read-write"), ("replica", REPLICA_PORT, "OPTIONS /replica")]
    {
        let _ = write!(
            text,
            "
listen {proxy}
    bind *:{port}
    balance roundrobin
    option httpchk {check}
    http-check expect status 200
"
        );
        for host in Host::POSTGRES {
            let _ = writeln!(text, "    server {host} {}:5432 maxconn 100 check port 8008", host.address());
        }
    }
    text
}

/// The daemon.
pub(super) fn daemon(layout: &Layout, servers: &Servers) -> Daemon {
    let config = layout.home(Host::Ha).join("haproxy.cfg");
    let args = vec!["-db".into(), "-f".into(), config.into()];
    Daemon { name: "haproxy", host: Host::Ha, program: servers.haproxy.clone(), args }
}

/// Asks the admin socket (`show stat`) what it thinks of every server.
pub(super) fn servers(socket: &Path) -> io::Result<Vec<ProxyServer>> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.set_write_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(b"show stat\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(parse(&answer))
}

/// What is missing for the leader to be found as primary and the other nodes as replicas, each by a check.
pub(super) fn amiss(servers: &[ProxyServer], leader: &str) -> Vec<String> {
    if servers.is_empty() {
        return vec!["HAProxy does not answer".to_owned()];
    }
    let mut amiss = Vec::new();
    for server in servers {
        let wanted = (server.proxy == "primary") == (server.server == leader);
        let word = match (wanted, server.is_up(), server.status.as_str()) {
            (true, true, _) | (false, false, "DOWN") => continue,
            (true, ..) => "not UP",
            (false, ..) => "not DOWN",
        };
        let ProxyServer { proxy, server, status, .. } = server;
        amiss.push(format!("HAProxy has {proxy} {server} {status}, {word}"));
    }
    amiss
}

/// The rows of `show stat` that are servers; columns go by their names in the first line.
fn parse(csv: &str) -> Vec<ProxyServer> {
    let mut lines = csv.lines();
    let header = lines.next().unwrap_or_default().trim_start_matches("# ");
    let column: BTreeMap<_, _> = header.split(',').enumerate().map(|(at, name)| (name, at)).collect();
    lines
        .filter_map(|line| {
            let cells: Vec<_> = line.split(',').collect();
            let cell = |name| column.get(name).and_then(|at| cells.get(*at)).map(ToString::to_string);
            let server = ProxyServer {
                proxy: cell("pxname")?,
                server: cell("svname")?,
                status: cell("status")?,
                check: cell("check_status")?,
            };
            Host::named(&server.server).is_some().then_some(server)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_follow_the_timings() {
        let layout = Layout::of(&super::super::LabName::default());
        insta::assert_snapshot!(config(&layout, false));
        let fast = config(&layout, true);
        assert!(fast.contains("default-server inter 500ms fall 3 rise 2"), "{fast}");
        assert!(fast.contains("timeout check 1s"), "{fast}");
    }

    #[test]
    fn servers_are_read_by_the_names_of_columns() {
        let csv = "# pxname,svname,qcur,status,check_status,\nprimary,FRONTEND,,OPEN,,\n\
                   primary,pg1,0,UP,L7OK,\nprimary,pg2,0,DOWN,L7STS,\nreplica,pg3,0,UP,INI,\n\
                   primary,BACKEND,0,UP,,\n";
        let servers = parse(csv);
        let up: Vec<_> = servers.iter().map(|server| (server.server.as_str(), server.is_up())).collect();
        assert_eq!(up, [("pg1", true), ("pg2", false), ("pg3", false)]);
        assert_eq!(parse(""), []);
    }

    #[test]
    fn the_leader_is_to_be_the_primary_and_the_others_replicas() {
        let server = |proxy: &str, server: &str, status: &str| ProxyServer {
            proxy: proxy.to_owned(),
            server: server.to_owned(),
            status: status.to_owned(),
            check: "L7OK".to_owned(),
        };
        let servers = [
            server("primary", "pg1", "UP"),
            server("primary", "pg2", "DOWN"),
            server("replica", "pg1", "DOWN"),
            server("replica", "pg2", "UP"),
        ];
        assert_eq!(amiss(&servers, "pg1"), [""; 0]);
        assert_eq!(
            amiss(&servers[..2], "pg2"),
            ["HAProxy has primary pg1 UP, not DOWN", "HAProxy has primary pg2 DOWN, not UP"]
        );
        let going = [server("primary", "pg1", "UP 1/3"), server("primary", "pg2", "UP 1/3")];
        assert_eq!(amiss(&going, "pg1").len(), 2, "a server on its way is neither");
        assert_eq!(amiss(&[], "pg1"), ["HAProxy does not answer"]);
    }
}
