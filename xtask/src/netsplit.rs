//! The netsplit of this checkout.

use std::{env, process::Command};

use crate::{command, failure::Failure};

/// Builds it, beside this program. As this program was built: so their dependencies are built once, and both land in
/// the same folder.
pub(crate) fn build() -> Result<(), Failure> {
    command::run(command::cargo().args(["build", "--quiet", "--package", "probe-user"]))
}

/// A call of it, from the checkout's root.
pub(crate) fn call() -> Result<Command, Failure> {
    let this = env::current_exe().map_err(Failure::io("cannot find the folder of this program"))?;
    let mut command = Command::new(this.with_file_name("netsplit"));
    command.current_dir(crate::root());
    Ok(command)
}
