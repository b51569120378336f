//! `netsplit lab status`.

use comfy_table::{Table, presets};

use super::{ExitCode, Name, report};
use crate::cli::output::{Format, print, print_json};
use crate::lab::{HostStatus, Lab, LabStatus, ProxyServer};

/// Show the lab's machines, their roles and processes, and what `HAProxy` thinks of them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  netsplit lab status
  netsplit lab status --name two --format json")]
pub(super) struct Args {
    #[command(flatten)]
    lab: Name,
    /// How to print it.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

pub(super) fn run(args: &Args) -> miette::Result<ExitCode> {
    let status = Lab::open(&args.lab.name).and_then(|lab| lab.status()).map_err(report)?;
    match args.format {
        Format::Table => print(&format!("{}\n", table(&status)))?,
        Format::Json => print_json(&status)?,
    }
    Ok(ExitCode::Success)
}

fn table(status: &LabStatus) -> String {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["machine", "address", "role", "state", "timeline", "processes", "HAProxy"]);
    for host in &status.hosts {
        let or_dash = |text: Option<&str>| text.unwrap_or("-").to_owned();
        table.add_row([
            host.name.clone(),
            host.address.clone(),
            or_dash(host.role.as_deref()),
            or_dash(host.state.as_deref()),
            host.timeline.map_or_else(|| "-".to_owned(), |timeline| timeline.to_string()),
            processes(host),
            proxies(&status.haproxy, &host.name),
        ]);
    }
    let health = if status.healthy { "healthy" } else { "not healthy" };
    let paused = if status.paused { ", in maintenance mode" } else { "" };
    format!(
        "lab {}: {health}, leader {}, Patroni {}{paused}\n{table}",
        status.name,
        status.leader.as_deref().unwrap_or("none"),
        status.patroni,
    )
}

fn processes(host: &HostStatus) -> String {
    let pids = [
        ("patroni", host.patroni_pid),
        ("postgres", host.postgres_pid),
        ("etcd", host.etcd_pid),
        ("haproxy", host.haproxy_pid),
    ];
    let running: Vec<_> =
        pids.into_iter().filter_map(|(name, pid)| Some(format!("{name} {}", pid?))).collect();
    if running.is_empty() { "-".to_owned() } else { running.join("\n") }
}

fn proxies(servers: &[ProxyServer], node: &str) -> String {
    let seen: Vec<_> = servers
        .iter()
        .filter(|server| server.server == node)
        .map(|server| format!("{} {}", server.proxy, server.status))
        .collect();
    if seen.is_empty() { "-".to_owned() } else { seen.join("\n") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::tests::assert_fits;

    #[test]
    fn a_table_for_people() {
        let host = |name: &str, role: Option<&str>, patroni_pid, etcd_pid| HostStatus {
            name: name.to_owned(),
            address: "10.88.0.1".to_owned(),
            namespace: format!("netns:netsplit-{name}"),
            role: role.map(str::to_owned),
            state: role.map(|_| "running".to_owned()),
            timeline: role.map(|_| 3),
            patroni_pid,
            postgres_pid: patroni_pid.map(|pid: u32| pid + 1),
            etcd_pid,
            haproxy_pid: None,
        };
        let server = |proxy: &str, status: &str| ProxyServer {
            proxy: proxy.to_owned(),
            server: "pg1".to_owned(),
            status: status.to_owned(),
            check: "L7OK".to_owned(),
        };
        let status = LabStatus {
            schema: 1,
            name: "default".to_owned(),
            inventory: "/x".to_owned(),
            leader: Some("pg1".to_owned()),
            patroni: "4.1.5".to_owned(),
            paused: true,
            healthy: false,
            hosts: vec![
                host("pg1", Some("leader"), Some(100), None),
                host("pg2", None, None, None),
                host("dcs", None, None, Some(7)),
            ],
            haproxy: vec![server("primary", "UP"), server("replica", "DOWN")],
        };
        assert_fits("lab-status", &status);
        insta::assert_snapshot!(table(&status));
    }
}
