//! Real clusters: up, looked at, broken, and gone without a trace.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    fs,
    ops::ControlFlow,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use netsplit::{
    backend::datapath::Datapath,
    cluster::{Inventory, LocalConnection},
    lab::{EtcdMembers, Host, Lab, LabError, LabName, Layout, Options},
};
use rustix::{
    mount::{MountPropagationFlags, UnmountFlags, mount_change, unmount},
    process::Signal,
    thread::{UnshareFlags, unshare_unsafe},
};

/// A name of this process's own, and the promise that nothing of it stays.
struct Name(LabName);

impl Name {
    fn new(what: &str) -> Self {
        Self(format!("test-{}-{what}", std::process::id()).parse().unwrap())
    }

    fn fast(&self) -> Options {
        Options { name: self.0.clone(), timings: Options::FAST_TIMINGS, ..Options::default() }
    }

    fn up(&self, options: &Options) -> Lab {
        Lab::up(options, &mut |_| ControlFlow::Continue(()))
            .unwrap_or_else(|error| panic!("{}: {error}", self.0))
    }

    fn netsplit(&self, verb: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netsplit"));
        command.args(["lab", verb, "--name", self.0.as_str()]).stdin(Stdio::null());
        command
    }

    fn exec(&self, host: &str, words: &[&str]) -> Output {
        self.netsplit("exec").args([host, "--"]).args(words).output().unwrap()
    }

    fn sql(&self, host: &str, query: &str) -> String {
        let output = self.exec(host, &["psql", "-XAtc", query]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// No namespace, no process, no file, no program of ours.
    fn assert_gone(&self) {
        let layout = Layout::of(&self.0);
        for target in layout.targets() {
            assert!(!target.namespace_path().exists(), "{target}");
        }
        assert!(!layout.root().exists());
        assert_eq!(datapaths_of(&layout), 0);
        assert_eq!(processes_of(&layout.root()), Vec::<String>::new());
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = Lab::remove(&self.0);
    }
}

/// How many of the lab's machines have programs and maps of ours.
fn datapaths_of(layout: &Layout) -> usize {
    let targets = layout.targets();
    let datapaths = Datapath::all().unwrap();
    // One of somebody else may vanish while it is looked at.
    let found = datapaths.iter().filter_map(|datapath| datapath.installation().ok()?.target);
    found.filter(|target| targets.contains(target)).count()
}

/// The command lines that speak of this folder: every daemon of a lab names its file in it.
fn processes_of(folder: &Path) -> Vec<String> {
    let needle = format!("{}/", folder.display());
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|process| fs::read(process.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(&needle))
        .collect()
}

fn poll_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !done() {
        assert!(Instant::now() < deadline, "not in 60 s: {what}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Where Patroni's own sessions come from, as its PostgreSQL sees them.
fn patroni_comes_from(name: &Name, host: &str) -> String {
    name.sql(
        host,
        "SELECT DISTINCT coalesce(host(client_addr), 'socket') FROM pg_stat_activity \
         WHERE application_name LIKE 'Patroni%'",
    )
}

#[test]
fn a_lab_is_healthy_can_be_looked_into_and_leaves_nothing() {
    let name = Name::new("tcp");
    let started = Instant::now();
    let lab = name.up(&name.fast());
    assert!(started.elapsed() < Duration::from_mins(1), "well under a minute, not {:?}", started.elapsed());

    let status = lab.status().unwrap();
    assert!(status.healthy, "{status:?}");
    let leader = status.leader.clone().unwrap();
    let up = |proxy: &str| status.haproxy.iter().filter(|s| s.proxy == proxy && s.is_up()).count();
    assert_eq!((up("primary"), up("replica")), (1, 2), "{:?}", status.haproxy);

    // The inventory is whole, and another process finds the lab by its name.
    assert_eq!(&Inventory::load(&lab.layout().inventory()).unwrap(), lab.inventory());
    assert_eq!(Lab::open(&name.0).unwrap().inventory(), lab.inventory());

    // psql takes the socket on a node, and HAProxy elsewhere; writes reach the leader.
    assert_eq!(name.sql("pg1", "SELECT inet_server_addr() IS NULL"), "t");
    let leader_address = Host::named(&leader).unwrap().address().to_string();
    assert_eq!(
        name.sql("mon", "CREATE TABLE t (i int); SELECT host(inet_server_addr())"),
        format!("CREATE TABLE\n{leader_address}")
    );
    assert_eq!(patroni_comes_from(&name, &leader), "127.0.0.1");

    // The start's hurry is over: what was asked for is in force.
    let configuration = String::from_utf8(name.exec("mon", &["patronictl", "show-config"]).stdout).unwrap();
    assert!(
        configuration.contains("ttl: 20") && !configuration.contains("retry_interval"),
        "{configuration}"
    );

    // Exit codes and output are the command's own.
    assert_eq!(name.exec("ha", &["sh", "-c", "echo word; exit 7"]).status.code(), Some(7));
    let list = name.exec("mon", &["patronictl", "list"]);
    assert!(String::from_utf8_lossy(&list.stdout).contains("streaming"), "{list:?}");
    let json = name.netsplit("status").args(["--format", "json"]).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((json["schema"].as_u64(), json["leader"].as_str()), (Some(1), Some(leader.as_str())));

    // A second one of that name is refused, and the first is none the worse.
    let second = name.netsplit("up").output().unwrap();
    assert_eq!(second.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&second.stderr).contains("lab down"), "{second:?}");

    // A node that lost everything comes back when its Patroni is started.
    let replica = Host::POSTGRES.into_iter().find(|host| host.name() != leader).unwrap();
    lab.kill_host(replica).unwrap();
    assert_eq!(lab.pids(replica).postmaster, None);
    lab.start_patroni(replica).unwrap();
    // Its key outlives it, so the list alone does not tell.
    poll_until("the replica is back", || {
        let status = lab.status().unwrap();
        lab.pids(replica).postmaster.is_some() && status.healthy && status.leader.as_ref() == Some(&leader)
    });

    // A signal reaches nobody outside of the machine that is named.
    let patroni = lab.pids(replica).patroni.unwrap();
    assert!(!lab.signal(Host::Mon, patroni, Signal::KILL).unwrap());
    assert!(!lab.signal(replica, std::process::id(), Signal::KILL).unwrap());

    let postmasters: Vec<_> =
        Host::POSTGRES.into_iter().filter_map(|host| lab.pids(host).postmaster).collect();
    assert_eq!(postmasters.len(), 3);

    // A cut that nobody reverted goes with the lab.
    let mut apply = Command::new(env!("CARGO_BIN_EXE_netsplit"));
    apply.args(["apply", "--ports", "5432", "--action", "drop", "--on"]);
    assert!(apply.arg(lab.layout().target(replica).to_string()).output().unwrap().status.success());
    assert_eq!(datapaths_of(lab.layout()), 1);
    lab.down().unwrap();
    name.assert_gone();
    let segments = fs::read_to_string("/proc/sysvipc/shm").unwrap();
    let creators: Vec<_> =
        segments.lines().filter_map(|line| line.split_whitespace().nth(4)?.parse().ok()).collect();
    assert!(!postmasters.iter().any(|pid| creators.contains(pid)), "{segments}");
    assert!(!Lab::remove(&name.0).unwrap(), "nothing was left to remove");
}

#[test]
fn two_labs_live_side_by_side_one_over_the_socket_with_three_etcds() {
    let (one, two) = (Name::new("one"), Name::new("two"));
    let odd = Options { local: LocalConnection::Socket, etcd: EtcdMembers::Three, ..two.fast() };
    let (first, second) = thread::scope(|scope| {
        let first = scope.spawn(|| one.up(&one.fast()));
        let second = scope.spawn(|| two.up(&odd));
        (first.join().unwrap(), second.join().unwrap())
    });
    assert!(first.status().unwrap().healthy && second.status().unwrap().healthy);

    let leader = second.status().unwrap().leader.unwrap();
    assert_eq!(patroni_comes_from(&two, &leader), "socket");
    assert_eq!(second.inventory().etcd.endpoints.len(), 3);
    for host in Host::POSTGRES {
        assert!(second.pids(host).etcd.is_some(), "{host}");
    }
    assert_eq!(two.exec("mon", &["etcdctl", "endpoint", "health"]).status.code(), Some(0));

    first.down().unwrap();
    one.assert_gone();
    assert!(second.status().unwrap().healthy, "the other lab does not notice");
    second.down().unwrap();
    two.assert_gone();
}

/// A virtual environment whose Patroni does not work.
struct BrokenPatroni(PathBuf);

impl BrokenPatroni {
    fn new(name: &Name, script: &str) -> Self {
        let folder = Path::new(Layout::PATRONIS).join(name.0.as_str());
        fs::create_dir_all(folder.join("bin")).unwrap();
        let program = folder.join("bin/patroni");
        fs::write(&program, script).unwrap();
        for path in [&folder, &folder.join("bin"), &program] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self(folder)
    }
}

impl Drop for BrokenPatroni {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_start_that_fails_half_way_leaves_nothing_but_the_log_that_says_why() {
    let name = Name::new("dies");
    let _patroni = BrokenPatroni::new(&name, "#!/bin/sh\necho no cluster today >&2\nexit 5\n");
    let up = name.netsplit("up").args(["--patroni", name.0.as_str()]).output().unwrap();
    assert_eq!(up.status.code(), Some(3), "{up:?}");
    let said = String::from_utf8(up.stderr).unwrap();
    assert!(said.contains("patroni on pg") && said.contains("no cluster today"), "{said}");
    name.assert_gone();

    let failed = Layout::of(&name.0).failed();
    let log = fs::read_to_string(failed.join("pg1/patroni.log")).unwrap();
    assert_eq!(log, "no cluster today\n");
    assert!(Lab::remove(&name.0).unwrap());
    assert!(!failed.exists());
}

#[test]
fn a_start_that_takes_too_long_names_what_it_waited_for() {
    let name = Name::new("hangs");
    let _patroni = BrokenPatroni::new(&name, "#!/bin/sh\necho thinking\nexec sleep 600\n");
    let options = Options { patroni: name.0.to_string(), patience: Duration::from_secs(4), ..name.fast() };
    let error = Lab::up(&options, &mut |_| ControlFlow::Continue(())).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("still waiting for a leader after 4 s"), "{said}");
    assert!(said.contains("patroni on pg1") && said.contains("thinking"), "{said}");
    let LabError::Timeout { log, .. } = error else { panic!("{said}") };
    assert!(log.is_file(), "{}", log.display());
    name.assert_gone();
}

#[test]
fn what_is_not_installed_is_named_with_the_way_out() {
    let name = Name::new("none");
    let up = name.netsplit("up").args(["--patroni", "0.0.0"]).output().unwrap();
    assert_eq!(up.status.code(), Some(3));
    let said = String::from_utf8(up.stderr).unwrap();
    assert!(said.contains("Patroni 0.0.0") && said.contains("cargo xtask setup"), "{said}");
    name.assert_gone();
}

#[test]
fn an_interrupted_start_cleans_up() {
    let name = Name::new("int");
    let mut up = name.netsplit("up").stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let patroni = Layout::of(&name.0).pid_file(Host::Pg3, "patroni");
    poll_until("Patroni is started", || patroni.exists());
    let pid = rustix::process::Pid::from_child(&up);
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(up.wait().unwrap().code(), Some(130));
    name.assert_gone();
    assert!(!Layout::of(&name.0).failed().exists(), "nothing went wrong, so there is nothing to read");
}

#[test]
fn what_a_killed_start_left_is_told_apart_and_removed() {
    let name = Name::new("kill");
    let mut up = name.netsplit("up").stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let layout = Layout::of(&name.0);
    poll_until("Patroni is started", || layout.pid_file(Host::Pg3, "patroni").exists());
    up.kill().unwrap();
    up.wait().unwrap();

    assert!(matches!(Lab::open(&name.0), Err(LabError::Remains(_))));
    // Half gone: somebody deleted a namespace by hand, and the daemon's files with it.
    let namespace = layout.target(Host::Mon).namespace_path();
    let mut ip = Command::new("ip");
    ip.args(["netns", "delete"]).arg(namespace.file_name().unwrap());
    assert!(ip.status().unwrap().success());
    fs::remove_dir_all(layout.home(Host::Ha)).unwrap();

    let down = name.netsplit("down").output().unwrap();
    assert_eq!(down.status.code(), Some(0), "{down:?}");
    name.assert_gone();
    assert_eq!(name.netsplit("down").status().unwrap().code(), Some(0), "down is idempotent");
}

/// Runs a test on a thread that sees the mounts of a machine on which nobody ever made a network namespace.
fn with_untouched_mounts<T: Send>(test: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let test = scope.spawn(|| {
            // SAFETY: this thread stops sharing its mounts, its working directory and its umask with others,
            // none of which relies on that.
            unsafe { unshare_unsafe(UnshareFlags::NEWNS) }.unwrap();
            mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
            while unmount("/run/netns", UnmountFlags::DETACH).is_ok() {}
            test()
        });
        test.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[test]
fn a_namespace_that_somebody_else_makes_hides_none_of_the_labs() {
    let (name, foreign) = (Name::new("mounts"), format!("foreign-{}", std::process::id()));
    let _patroni = BrokenPatroni::new(&name, "#!/bin/sh\nexec sleep 600\n");
    with_untouched_mounts(|| {
        let mut up = name.netsplit("up");
        let mut up = up.args(["--patroni", name.0.as_str()]).stderr(Stdio::null()).spawn().unwrap();
        let layout = Layout::of(&name.0);
        poll_until("Patroni is started", || layout.pid_file(Host::Pg3, "patroni").exists());
        up.kill().unwrap();
        up.wait().unwrap();

        let ip = |verb| Command::new("ip").args(["netns", verb, &foreign]).status().unwrap().success();
        assert!(ip("add"));
        let down = name.netsplit("down").output().unwrap();
        assert_eq!(down.status.code(), Some(0), "{down:?}");
        name.assert_gone();
        assert!(ip("delete"), "and it is none the worse");
    });
}
