//! Running programs, so that an interruption still lets this one tidy up.

use std::{
    env,
    io::{Read, Seek},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::failure::Failure;

static ASKED_TO_END: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From here on Ctrl-C, SIGTERM and a terminal that goes away are remembered and passed on, instead of ending this
/// process at once.
pub(crate) fn catch_signals() -> Result<(), Failure> {
    let flag = ASKED_TO_END.get_or_init(Arc::default);
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(flag)).map_err(Failure::io("cannot catch signals"))?;
    }
    Ok(())
}

/// A program's name without its folder.
fn name_of(command: &Command) -> String {
    let program = Path::new(command.get_program());
    program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned()
}

/// Whether this process has been asked to end.
pub(crate) fn asked_to_end() -> bool {
    ASKED_TO_END.get().is_some_and(|flag| flag.load(Ordering::Relaxed))
}

/// Runs a program to its end; anything but success is a failure.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let name = name_of(command);
    let child = command.spawn().map_err(Failure::io(format!("cannot run {name}")))?;
    let ended = wait(child, &name)?;
    if asked_to_end() {
        return Err(Failure::Interrupted);
    }
    match ended {
        Some(0) => Ok(()),
        code => {
            let code = code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
            Err(Failure::Ended { program: name, code })
        }
    }
}

/// Runs a program whose words matter only if it fails: then all of them are shown.
pub(crate) fn run_quietly(command: &mut Command) -> Result<(), Failure> {
    let cannot = || Failure::io("cannot keep the words of a program");
    let mut said = tempfile::tempfile().map_err(cannot())?;
    let (out, err) = (said.try_clone().map_err(cannot())?, said.try_clone().map_err(cannot())?);
    let done = run(command.stdin(Stdio::null()).stdout(out).stderr(err));
    if matches!(done, Err(Failure::Ended { .. })) {
        said.rewind().map_err(cannot())?;
        std::io::copy(&mut said, &mut std::io::stderr().lock()).map_err(cannot())?;
    }
    done
}

/// Runs a program that tidies up: to its end, even when everything else has been asked to stop. In a process group
/// of its own, so that an impatient second Ctrl-C does not reach it.
pub(crate) fn tidy(command: &mut Command) -> Result<(), Failure> {
    let name = name_of(command);
    let status = command.process_group(0).status().map_err(Failure::io(format!("cannot run {name}")))?;
    if status.success() { Ok(()) } else { Err(Failure::Failed(format!("{name} ended with {status}"))) }
}

/// Waits; a request to end is passed on. On Ctrl-C a terminal has told the child already, SIGTERM only us.
fn wait(mut child: Child, name: &str) -> Result<Option<i32>, Failure> {
    let mut told = false;
    loop {
        if let Some(status) = child.try_wait().map_err(Failure::io(format!("cannot wait for {name}")))? {
            return Ok(status.code());
        }
        if asked_to_end() && !told {
            told = true;
            if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::TERM);
            }
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// What a program prints on stdout, without the line's end; `None` if it cannot or will not.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}

/// What a program prints on stdout; what it says on stderr is shown, and anything but success is a failure.
pub(crate) fn output_of(command: &mut Command) -> Result<String, Failure> {
    let name = name_of(command);
    let cannot = || Failure::io(format!("cannot read what {name} prints"));
    let mut said = tempfile::tempfile().map_err(cannot())?;
    run(command.stdout(said.try_clone().map_err(cannot())?))?;
    let mut text = String::new();
    said.rewind().and_then(|()| said.read_to_string(&mut text)).map_err(cannot())?;
    Ok(text)
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::root());
    command
}

/// A program in `PATH`, or where Debian puts what root runs.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = env::split_paths(&path).collect();
    folders.extend(["/usr/bin", "/usr/sbin"].map(PathBuf::from));
    // Where `cargo install` puts it.
    folders.extend(env::home_dir().map(|home| home.join(".cargo/bin")));
    folders.into_iter().map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// How to become root without losing the toolchain that rustup put into one's home.
pub(crate) const AS_ROOT: &str = "as root, for example with `sudo -E env \"PATH=$PATH\" cargo xtask …`";

/// Whether this process is root's.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
