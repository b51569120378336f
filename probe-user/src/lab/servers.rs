//! The programs that a lab runs, and the user that runs them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{LabError, Layout};

/// The programs that a lab runs.
#[derive(Clone, Debug)]
pub(super) struct Servers {
    /// The folder with `postgres`, `initdb`, `pg_rewind`.
    pub postgres_bin: PathBuf,
    /// `etcd`.
    pub etcd: PathBuf,
    /// `haproxy`.
    pub haproxy: PathBuf,
    /// `setsid(1)`: gives a daemon a session of its own.
    pub setsid: PathBuf,
    /// The folder with `patroni` and `patronictl`.
    pub patroni_bin: PathBuf,
    /// Who runs all of them: PostgreSQL refuses root.
    pub user: User,
}

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    /// `postgres`.
    pub name: String,
    /// Its id.
    pub uid: u32,
    /// Its group's id.
    pub gid: u32,
    /// Its home.
    pub home: PathBuf,
}

impl Servers {
    /// Finds every program, or names all that are missing.
    pub(super) fn locate(patroni: &str) -> Result<Self, LabError> {
        let mut missing = Vec::new();
        let mut need = |what: String, found: Option<PathBuf>| {
            found.unwrap_or_else(|| {
                missing.push(what);
                PathBuf::new()
            })
        };
        let postgres_bin = need("PostgreSQL's server".to_owned(), postgres_bin());
        let etcd = need("etcd".to_owned(), program("etcd"));
        let haproxy = need("haproxy".to_owned(), program("haproxy"));
        let setsid = need("setsid (util-linux)".to_owned(), program("setsid"));
        let patroni_bin = need(format!("Patroni {patroni}{}", others(patroni)), patroni_bin(patroni));
        let user = user("postgres");
        if user.is_none() {
            missing.push("the user `postgres`".to_owned());
        }
        match user {
            Some(user) if missing.is_empty() => {
                Ok(Self { postgres_bin, etcd, haproxy, setsid, patroni_bin, user })
            }
            _ => Err(LabError::Missing { what: missing, patroni: patroni.to_owned() }),
        }
    }

    /// What `PATH` is for the lab's programs, and first in it for a person's.
    pub(super) fn path(&self) -> String {
        format!("{}:{}", self.patroni_bin.display(), self.postgres_bin.display())
    }
}

#[cfg(test)]
impl Servers {
    /// Where Debian has them.
    pub(super) fn example() -> Self {
        Self {
            postgres_bin: "/usr/lib/postgresql/15/bin".into(),
            etcd: "/usr/bin/etcd".into(),
            haproxy: "/usr/sbin/haproxy".into(),
            setsid: "/usr/bin/setsid".into(),
            patroni_bin: "/var/lib/netsplit/patroni/4.1.5/bin".into(),
            user: User {
                name: "postgres".to_owned(),
                uid: 101,
                gid: 104,
                home: "/var/lib/postgresql".into(),
            },
        }
    }
}

/// A virtual environment's programs, if it has Patroni.
fn patroni_bin(version: &str) -> Option<PathBuf> {
    let plain = !version.is_empty() && !version.contains('/') && !version.starts_with('.');
    let bin = Path::new(Layout::PATRONIS).join(version).join("bin");
    (plain && bin.join("patroni").is_file()).then_some(bin)
}

/// The versions of Patroni that are here instead, in words.
fn others(patroni: &str) -> String {
    let folders = fs::read_dir(Layout::PATRONIS).into_iter().flatten().flatten();
    let mut names: Vec<_> = folders.filter_map(|folder| folder.file_name().into_string().ok()).collect();
    names.retain(|name| name != patroni && patroni_bin(name).is_some());
    names.sort();
    if names.is_empty() { String::new() } else { format!(" (here: {})", names.join(", ")) }
}

/// The newest PostgreSQL where Debian puts it, else wherever `postgres` is in `PATH`.
fn postgres_bin() -> Option<PathBuf> {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = debian
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, bin)| bin.join("initdb").is_file())
        .max();
    newest.map(|(_, bin)| bin).or_else(|| program("postgres")?.parent().map(Path::to_owned))
}

/// A program in `PATH`, or where Debian puts servers.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/bin", "/usr/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// A user by name, from `/etc/passwd` (`passwd(5)`).
fn user(name: &str) -> Option<User> {
    parse_user(&fs::read_to_string("/etc/passwd").ok()?, name)
}

fn parse_user(passwd: &str, name: &str) -> Option<User> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(User { name: name.to_owned(), uid, gid, home: fields.nth(1)?.into() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_read_from_passwd() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\npostgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(
            parse_user(passwd, "postgres"),
            Some(User { name: "postgres".into(), uid: 101, gid: 104, home: "/var/lib/postgresql".into() })
        );
        assert_eq!(parse_user(passwd, "post"), None);
    }

    #[test]
    fn a_version_cannot_leave_the_folder_of_environments() {
        for bad in ["", "..", "../../usr", "/usr"] {
            assert_eq!(patroni_bin(bad), None, "{bad}");
        }
    }
}
