//! `netsplit lab status`.

use clap::ValueEnum;
use comfy_table::{Table, presets};
use miette::IntoDiagnostic;

use super::{ExitCode, Name, print, report};
use crate::lab::{HostStatus, Lab, LabStatus, ProxyServer};

/// Show the lab's machines, their roles and processes, and what `HAProxy` thinks of them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    lab: Name,
    /// How to print it.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Table,
    Json,
}

pub(super) fn run(args: &Args) -> miette::Result<ExitCode> {
    let status = Lab::open(&args.lab.name).and_then(|lab| lab.status()).map_err(report)?;
    match args.format {
        Format::Table => print(&format!("{}\n", table(&status))),
        Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(&status).into_diagnostic()?)),
    }
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
    format!("lab {}: {health}, leader {}\n{table}", status.name, status.leader.as_deref().unwrap_or("none"))
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
