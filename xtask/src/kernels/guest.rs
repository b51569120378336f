//! A guest: one emulated processor, no disk and no network card, and a console that is listened to.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use super::{console::Console, image::Image, run::Kernel};
use crate::{command, failure::Failure};

/// Generous: an idle machine takes a quarter of it.
const LONGEST: Duration = Duration::from_mins(30);

/// How much of the console is shown if something fails.
const TAIL: usize = 60;

/// Boots the kernel, and hears the guest out.
pub(super) fn boot(kernel: &Kernel, image: &Image, archive: &Path) -> Result<(), Failure> {
    let mut qemu = Command::new("qemu-system-x86_64");
    // Emulated whatever the machine offers: so it behaves the same wherever it runs.
    qemu.args(["-M", "microvm,acpi=off", "-accel", "tcg", "-cpu", "max", "-m", "1024"]);
    qemu.args(["-nodefaults", "-no-user-config", "-nographic", "-serial", "stdio", "-no-reboot"]);
    qemu.arg("-kernel").arg(image.kernel()).arg("-initrd").arg(archive);
    qemu.args(["-append", "console=ttyS0 quiet oops=panic panic=-1"]);
    qemu.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut guest = Ended(qemu.spawn().map_err(Failure::io("cannot run qemu-system-x86_64"))?);
    let log = archive.with_file_name("console.log");
    let lines = hear(&mut guest.0, &log, kernel.name)?;
    lines.1.verdict().map_err(|why| {
        let tail = lines.0.iter().rev().take(TAIL).rev();
        let tail: String = tail.fold(String::new(), |all, line| all + "    " + line + "\n");
        Failure::Failed(format!("{why}\n  the end of its console, which is in {}:\n{tail}", log.display()))
    })
}

/// Everything that it said, and what follows from that.
fn hear(guest: &mut Child, log: &Path, name: &str) -> Result<(Vec<String>, Console), Failure> {
    let mut copy = File::create(log).map_err(Failure::io(format!("cannot write {}", log.display())))?;
    let out = guest.stdout.take().ok_or_else(|| Failure::Failed("qemu has no console".to_owned()))?;
    let (sender, heard) = mpsc::channel();
    // Ends with the guest.
    thread::spawn(move || {
        for line in BufReader::new(out).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let (mut all, mut console) = (Vec::new(), Console::default());
    let ends = Instant::now() + LONGEST;
    loop {
        match heard.recv_timeout(Duration::from_millis(200)) {
            Ok(line) => {
                let _ = writeln!(copy, "{line}");
                if let Some(told) = console.hear(&line) {
                    eprintln!("  {name}  {told}");
                }
                all.push(line);
            }
            Err(RecvTimeoutError::Disconnected) => return Ok((all, console)),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if command::asked_to_end() {
            return Err(Failure::Interrupted);
        }
        if Instant::now() > ends {
            all.push(format!("(nothing more was waited for after {} s)", LONGEST.as_secs()));
            return Ok((all, console));
        }
    }
}

/// A guest that does not outlive this.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
