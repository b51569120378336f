//! `cargo xtask fuzz`: libFuzzer against what has to hold for any input.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{command, failure::Failure, needs::Group, setup};

/// Search for inputs that break the decoder, the replies, the policy parser, the resolver or the tables.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this one; without it each in turn.
    #[arg(value_enum)]
    target: Option<Target>,
    /// How long for each, such as `20s` or `10m`.
    #[arg(long = "for", value_name = "TIME", default_value = "10m", value_parser = time)]
    time: Duration,
    /// Put what was found that reaches new code into the committed corpus.
    #[arg(long)]
    keep: bool,
}

impl Args {
    /// A short time for each, as `cargo xtask test` wants it.
    pub(crate) const fn slice() -> Self {
        Self { target: None, time: Duration::from_secs(20), keep: false }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Target {
    Decoder,
    Replies,
    Policy,
    Resolver,
    Tables,
}

impl Target {
    const ALL: [Self; 5] = [Self::Decoder, Self::Replies, Self::Policy, Self::Resolver, Self::Tables];

    const fn name(self) -> &'static str {
        match self {
            Self::Decoder => "decoder",
            Self::Replies => "replies",
            Self::Policy => "policy",
            Self::Resolver => "resolver",
            Self::Tables => "tables",
        }
    }

    /// The longest input worth trying: a frame, a page of a policy, what a few choices take.
    const fn longest(self) -> usize {
        match self {
            Self::Decoder | Self::Replies => 1600,
            Self::Policy => 2048,
            Self::Resolver | Self::Tables => 512,
        }
    }
}

/// What makes rustc put libFuzzer's counters and comparisons into the code: options of LLVM, so stable Rust has them.
const INSTRUMENTED: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Named, so that build scripts and macros run without the counters.
const TRIPLE: &str = "x86_64-unknown-linux-gnu";

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    setup::ensure(&[Group::Fuzz])?;
    let folder = crate::root().join("target/fuzz");
    command::run(
        command::cargo()
            .args([
                "build",
                "--quiet",
                "--profile",
                "fuzz",
                "--package",
                "netsplit-fuzz",
                "--features",
                "libfuzzer",
            ])
            .args(["--bins", "--target", TRIPLE, "--target-dir"])
            .arg(&folder)
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env("RUSTFLAGS", INSTRUMENTED),
    )?;
    let targets = args.target.map_or(Target::ALL.to_vec(), |target| vec![target]);
    targets.into_iter().try_for_each(|target| campaign(target, args, &folder))
}

/// One campaign. What breaks a check is written beside the build and ends it; what only reaches new code is kept
/// there, too, so that the next campaign goes on from it.
fn campaign(target: Target, args: &Args, folder: &Path) -> Result<(), Failure> {
    let name = target.name();
    eprintln!("\n── {name}, for {} s", args.time.as_secs());
    let package = crate::root().join("probe-user/fuzz");
    let committed = package.join("corpus").join(name);
    let program = folder.join(TRIPLE).join("fuzz").join(format!("fuzz-{name}"));
    let found = new_folder(folder.join("corpus").join(name))?;
    let broken = new_folder(folder.join("broken").join(name))?;
    let mut search = Command::new(&program);
    search
        .arg(format!("-max_total_time={}", args.time.as_secs()))
        .arg(format!("-max_len={}", target.longest()))
        .args(["-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1", "-verbosity=0"])
        .arg(format!("-artifact_prefix={}/", broken.display()));
    if target == Target::Policy {
        search.arg(format!("-dict={}", package.join("policy.dict").display()));
    }
    command::run(search.arg(&found).arg(&committed)).map_err(|failure| match failure {
        Failure::Ended { .. } | Failure::Failed(_) => Failure::Failed(format!(
            "the {name} broke; mend it, then put the input, which is in {}, into {}",
            broken.display(),
            committed.display()
        )),
        other => other,
    })?;
    if args.keep {
        let merge = ["-merge=1", "-verbosity=0"];
        command::run(Command::new(&program).args(merge).arg(&committed).arg(&found))?;
    }
    Ok(())
}

fn new_folder(path: PathBuf) -> Result<PathBuf, Failure> {
    fs::create_dir_all(&path).map_err(Failure::io(format!("cannot make {}", path.display())))?;
    Ok(path)
}

fn time(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.trim_end_matches(char::is_alphabetic).len());
    let seconds = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => 0,
    };
    match number.parse::<u32>() {
        Ok(number) if number > 0 && seconds > 0 => Ok(Duration::from_secs(u64::from(number) * seconds)),
        _ => Err("write a number and s, m or h, as in 20s or 10m".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(time("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(time("10m"), Ok(Duration::from_mins(10)));
        assert_eq!(time("1h"), Ok(Duration::from_hours(1)));
        for odd in ["", "m", "0s", "-1s", "10 minutes", "1.5m"] {
            assert!(time(odd).is_err(), "{odd}");
        }
    }
}
