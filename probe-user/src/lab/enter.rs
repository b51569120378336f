//! Running a person's command on one of the lab's machines.

use std::{
    ffi::{OsStr, OsString},
    os::unix::process::CommandExt,
    process::Command,
};

use super::{Host, Lab, LabError, haproxy};
use crate::cluster::within;

impl Lab {
    /// A command that finds its way: `PATH` has PostgreSQL and Patroni first, and `psql`, `patronictl` and
    /// `etcdctl` need no arguments. On a PostgreSQL node `psql` takes the Unix socket, elsewhere it goes
    /// through `HAProxy` to the primary. It has to be started inside the machine's namespace.
    pub fn command(&self, host: Host, program: &OsStr, args: &[OsString]) -> Result<Command, LabError> {
        let servers = self.servers()?;
        let mut path = OsString::from(servers.path());
        if let Some(old) = std::env::var_os("PATH") {
            path.push(":");
            path.push(old);
        }
        let login = &self.inventory().postgres;
        let mut command = Command::new(program);
        command
            .args(args)
            .env("PATH", path)
            .env("PGUSER", &login.user)
            .env("PGPASSWORD", &login.password)
            .env("PGDATABASE", &login.database)
            .env("PATRONICTL_CONFIG_FILE", self.layout().patronictl_config())
            .env("ETCDCTL_API", "3")
            .env("ETCDCTL_ENDPOINTS", self.inventory().etcd.endpoints.join(","));
        if Host::POSTGRES.contains(&host) {
            command.env("PGHOST", self.layout().socket_dir(host)).env("PGPORT", "5432");
        } else {
            let port = haproxy::PRIMARY_PORT.to_string();
            command.env("PGHOST", Host::Ha.address().to_string()).env("PGPORT", port);
        }
        Ok(command)
    }

    /// Becomes that command on that machine: the same process, terminal and exit code. Returns on failure only.
    pub fn become_command(&self, host: Host, program: &OsStr, args: &[OsString]) -> LabError {
        let mut command = match self.command(host, program, args) {
            Ok(command) => command,
            Err(error) => return error,
        };
        // `execve(2)` by any thread replaces the whole process, and keeps that thread's namespace.
        match within(&self.layout().target(host), || command.exec()) {
            Ok(source) => LabError::Start { daemon: program.to_string_lossy().into_owned(), source },
            Err(error) => error.into(),
        }
    }
}
