//! The verb: for each kernel its image, the guest's files, the boot, and the verdict.

use std::time::Instant;

use clap::ValueEnum;

use super::{binaries, guest, image::Image, initramfs};
use crate::{failure::Failure, needs::Group, setup};

/// Run the kernel tests on other kernels, under emulation; whatever a guest does not report is a failure.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which kernel.
    #[arg(long, value_enum, default_value = "all")]
    kernel: Which,
    /// Get the kernels from Debian's archive again.
    #[arg(long)]
    fresh: bool,
}

impl Args {
    /// Every kernel, as `cargo xtask test` wants them.
    pub(crate) const fn all() -> Self {
        Self { kernel: Which::All, fresh: false }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    #[value(name = "6.1")]
    Oldest,
    #[value(name = "6.12")]
    Backports,
    All,
}

/// A kernel that Debian 12 offers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kernel {
    /// What it is called here.
    pub(super) name: &'static str,
    /// The package that depends on the newest of its images.
    pub(super) package: &'static str,
    /// What of the tests it cannot have: parts of their names.
    pub(super) lacks: &'static [&'static str],
}

/// Debian 12's own, the oldest that netsplit claims. There is no TCX before 6.6.
const OLDEST: Kernel = Kernel { name: "6.1", package: "linux-image-cloud-amd64", lacks: &["tcx"] };

/// The one that Debian 12 offers beside it, and Debian 13's own.
const BACKPORTS: Kernel = Kernel { name: "6.12", package: "linux-image-6.12-cloud-amd64", lacks: &[] };

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    setup::ensure(&[Group::Guests])?;
    let kernels: &[Kernel] = match args.kernel {
        Which::Oldest => &[OLDEST],
        Which::Backports => &[BACKPORTS],
        Which::All => &[OLDEST, BACKPORTS],
    };
    let binaries = binaries::build()?;
    let mut failed = Vec::new();
    // Each of them to its end: what one refuses, the other may refuse, too.
    for kernel in kernels {
        let began = Instant::now();
        eprintln!("\n── Linux {}", kernel.name);
        let image = Image::of(kernel, args.fresh)?;
        let archive = initramfs::make(kernel, &image, &binaries)?;
        let outcome = guest::boot(kernel, &image, &archive);
        let took = began.elapsed().as_secs();
        match outcome {
            Ok(()) => eprintln!("Linux {}: all is well, after {took} s", kernel.name),
            Err(Failure::Failed(why)) => {
                eprintln!("Linux {}: FAILED after {took} s: {why}", kernel.name);
                failed.push(kernel.name);
            }
            Err(other) => return Err(other),
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(format!("the tests failed on Linux {}", failed.join(" and "))))
}
