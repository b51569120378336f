//! The guest's files: an init, the test binaries, the programs that they call with their libraries, and the modules of
//! the network.

use std::{
    collections::BTreeSet,
    fmt::Write,
    fs::{self, File},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    binaries::{self, Binaries, SUITES},
    image::Image,
    run::Kernel,
};
use crate::{command, failure::Failure};

/// What init and the tests call.
const PROGRAMS: [&str; 24] = [
    "sh",
    "bash",
    "mount",
    "mkdir",
    "cat",
    "cut",
    "uname",
    "sleep",
    "ip",
    "tc",
    "nft",
    "iptables",
    "ip6tables",
    "bpftool",
    "nsenter",
    "unshare",
    "setpriv",
    "kmod",
    "env",
    "head",
    "true",
    "umount",
    "sysctl",
    "ipcrm",
];

/// The modules that tests may ask for, by folder or file below `kernel/`; the kernel loads them by itself through
/// modprobe.
const MODULES: [&str; 7] = [
    "net",
    "lib",
    "crypto",
    "drivers/net/veth.ko",
    "drivers/net/dummy.ko",
    "drivers/net/ifb.ko",
    "drivers/net/tun.ko",
];

/// What programs are not linked to, and open: iptables' matches, and the names of protocols for nft.
const OPENED: [&str; 2] = ["/usr/lib/x86_64-linux-gnu/xtables", "/etc/protocols"];

/// Makes the archive that the kernel unpacks into its root.
pub(super) fn make(kernel: &Kernel, image: &Image, binaries: &Binaries) -> Result<PathBuf, Failure> {
    let folder = crate::root().join("target/kernels").join(kernel.name);
    let root = tempfile::tempdir_in(&folder)
        .map_err(Failure::io(format!("cannot make a folder in {}", folder.display())))?;
    let root = root.path();
    for empty in ["proc", "sys", "dev", "tmp", "run", "root", "etc", "suites", "bin", "sbin"] {
        make_folder(&root.join(empty))?;
    }
    write(
        &root.join("etc/passwd"),
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
        0o644,
    )?;
    write(&root.join("init"), include_str!("init.sh"), 0o755)?;
    for program in PROGRAMS {
        let found = command::find(program)
            .ok_or_else(|| Failure::HostCannot(format!("{program} is not here; the guests need it")))?;
        copy(&found, &root.join("bin").join(program))?;
        put_libraries(root, &found)?;
    }
    link("../bin/kmod", &root.join("sbin/modprobe"))?;
    for opened in OPENED {
        copy_all(Path::new(opened), &inside(root, Path::new(opened)))?;
    }
    put_suites(root, kernel, binaries)?;
    put_modules(root, image)?;
    let archive = folder.join("initramfs.cpio");
    pack(root, &archive)?;
    Ok(archive)
}

fn put_suites(root: &Path, kernel: &Kernel, binaries: &Binaries) -> Result<(), Failure> {
    let mut list = String::new();
    for ((suite, only), binary) in SUITES.iter().zip(&binaries.suites) {
        binaries::strip(binary, &root.join("suites").join(suite))?;
        put_libraries(root, binary)?;
        let skip: String = kernel.lacks.iter().fold(String::new(), |words, lack| words + " --skip " + lack);
        // Writing to a String cannot fail.
        let _ = writeln!(list, "{suite} {}{skip}", only.join(" "));
    }
    write(&root.join("suites/list"), &list, 0o644)?;
    // Tests name policies from their package's folder.
    let checkout = inside(root, crate::root());
    make_folder(&checkout.join("probe-user"))?;
    copy_all(&crate::root().join("policies"), &checkout.join("policies"))?;
    let netsplit = inside(root, &binaries.netsplit);
    make_folder(netsplit.parent().unwrap_or(root))?;
    binaries::strip(&binaries.netsplit, &netsplit)
}

/// The libraries that a program is linked to, and the loader, where it looks for them.
fn put_libraries(root: &Path, program: &Path) -> Result<(), Failure> {
    let linked = command::output(Command::new("ldd").arg(program)).unwrap_or_default();
    for library in libraries(&linked) {
        let to = inside(root, &library);
        if !to.exists() {
            make_folder(to.parent().unwrap_or(root))?;
            copy(&library, &to)?;
        }
    }
    Ok(())
}

/// The files in what ldd prints.
fn libraries(ldd: &str) -> BTreeSet<PathBuf> {
    ldd.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect()
}

fn put_modules(root: &Path, image: &Image) -> Result<(), Failure> {
    let modules = Path::new("lib/modules").join(&image.release);
    let (from, to) = (image.tree.join(&modules), root.join(&modules));
    for wanted in MODULES {
        let below = Path::new("kernel").join(wanted);
        // Newer kernels have theirs compressed.
        let packed = below.with_extension("ko.xz");
        for below in [below, packed] {
            let source = from.join(&below);
            if source.is_dir() {
                copy_all(&source, &to.join(&below))?;
            } else if source.is_file() {
                make_folder(to.join(&below).parent().unwrap_or(root))?;
                copy(&source, &to.join(&below))?;
            }
        }
    }
    for about in ["modules.builtin", "modules.builtin.modinfo", "modules.order"] {
        copy(&from.join(about), &to.join(about))?;
    }
    let depmod = command::find("depmod").unwrap_or_else(|| "depmod".into());
    command::run_quietly(Command::new(depmod).arg("-b").arg(root).arg(&image.release))
}

fn pack(root: &Path, archive: &Path) -> Result<(), Failure> {
    let failed = || Failure::io(format!("cannot write {}", archive.display()));
    let names = root.with_extension("names");
    let mut list = String::new();
    list_all(root, Path::new(""), &mut list)?;
    write(&names, &list, 0o644)?;
    let done = (|| {
        let out = File::create(archive).map_err(failed())?;
        let names = File::open(&names).map_err(failed())?;
        let mut cpio = Command::new("cpio");
        cpio.args(["--create", "--format=newc", "--quiet"]).current_dir(root);
        command::run(cpio.stdin(names).stdout(Stdio::from(out)))
    })();
    let _ = fs::remove_file(&names);
    done
}

fn list_all(root: &Path, below: &Path, list: &mut String) -> Result<(), Failure> {
    let folder = root.join(below);
    let failed = || Failure::io(format!("cannot read {}", folder.display()));
    for entry in fs::read_dir(&folder).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        let name = below.join(entry.file_name());
        let _ = writeln!(list, "{}", name.display());
        if entry.file_type().map_err(failed())?.is_dir() {
            list_all(root, &name, list)?;
        }
    }
    Ok(())
}

fn inside(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

fn make_folder(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(Failure::io(format!("cannot make {}", path.display())))
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let done = fs::copy(from, to).map(drop);
    done.map_err(Failure::io(format!("cannot copy {} to {}", from.display(), to.display())))
}

fn copy_all(from: &Path, to: &Path) -> Result<(), Failure> {
    make_folder(to.parent().unwrap_or(to))?;
    command::run(Command::new("cp").args(["-r", "-T"]).arg(from).arg(to))
}

fn link(to: &str, at: &Path) -> Result<(), Failure> {
    symlink(to, at).map_err(Failure::io(format!("cannot make {}", at.display())))
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let failed = || Failure::io(format!("cannot write {}", path.display()));
    fs::write(path, text).map_err(failed())?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(failed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ldd_prints_names_the_libraries() {
        let said =
            "\tlinux-vdso.so.1 (0x7f)\n\tlibc.so.6 => /lib/x/libc.so.6 (0x7f)\n\t/lib64/ld.so.2 (0x7f)\n";
        let expected = ["/lib/x/libc.so.6", "/lib64/ld.so.2"].map(PathBuf::from);
        assert!(libraries(said).into_iter().eq(expected));
    }
}
