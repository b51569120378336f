//! Starting a server that outlives netsplit.

use std::{
    ffi::OsString,
    fmt,
    fs::{self, OpenOptions},
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::{Arc, OnceLock},
    thread,
};

use super::{Host, LabError, Layout, servers::Servers};
use crate::cluster::within;

/// What to start, and where.
#[derive(Clone, Debug)]
pub(super) struct Daemon {
    /// Its name: of its log, its pid file, and in messages.
    pub name: &'static str,
    /// The machine that it runs on.
    pub host: Host,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
}

/// A daemon that was started by this process.
#[derive(Clone, Debug)]
pub(super) struct Running {
    name: &'static str,
    host: Host,
    log: PathBuf,
    exit: Arc<OnceLock<ExitStatus>>,
}

impl Daemon {
    /// Starts it: in the machine's namespace, as the servers' user, in a session of its own, with a clean
    /// environment, nothing to read, and its words in its log. It survives the end of this process.
    pub(super) fn start(&self, layout: &Layout, servers: &Servers) -> Result<Running, LabError> {
        let log = layout.log(self.host, self.name);
        let open = || OpenOptions::new().create(true).append(true).mode(0o644).open(&log);
        let out = open().map_err(LabError::file("open", &log))?;
        let err = out.try_clone().map_err(LabError::file("open", &log))?;

        let mut command = Command::new(&servers.setsid);
        // setsid(1) replaces itself by the program: the pid stays.
        command
            .arg(&self.program)
            .args(&self.args)
            .env_clear()
            .env("HOME", &servers.user.home)
            .env("USER", &servers.user.name)
            .env("LANG", "C.UTF-8")
            .env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", servers.path()))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .gid(servers.user.gid)
            .uid(servers.user.uid);
        let mut child = within(&layout.target(self.host), || command.spawn())?
            .map_err(|source| LabError::Start { daemon: self.to_string(), source })?;

        let pid_file = layout.pid_file(self.host, self.name);
        fs::write(&pid_file, format!("{}\n", child.id())).map_err(LabError::file("write", &pid_file))?;

        let exit = Arc::new(OnceLock::new());
        let running = Running { name: self.name, host: self.host, log, exit: Arc::clone(&exit) };
        // Waited for as long as this process lives, so that a daemon's end is seen and leaves no zombie.
        thread::spawn(move || {
            if let Ok(status) = child.wait() {
                let _ = exit.set(status);
            }
        });
        Ok(running)
    }
}

impl Running {
    /// How it ended, if it has.
    pub(super) fn ended(&self) -> Option<ExitStatus> {
        self.exit.get().copied()
    }

    /// Its log.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }
}

impl fmt::Display for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.name, self.host)
    }
}

impl fmt::Display for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.name, self.host)
    }
}
