//! The exit codes, a promise to scripts.

use std::fmt;

use miette::Diagnostic;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// As expected.
    Success = 0,
    /// An expectation failed.
    ExpectationFailed = 1,
    /// Bad usage or a bad file.
    Usage = 2,
    /// The host cannot: a missing capability, kernel feature or dependency.
    HostCannot = 3,
    /// The run is invalid: a cut never hit a packet that it had to hit, or leaked.
    RunInvalid = 4,
    /// Interrupted, and reverted.
    Interrupted = 130,
}

impl ExitCode {
    /// The exit code of an error that reached the top: [`HostCannot`] says so itself, all else is [`Self::Usage`].
    pub fn of(report: &miette::Report) -> Self {
        if report.downcast_ref::<HostCannot>().is_some() { Self::HostCannot } else { Self::Usage }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

/// Wraps an error to say that this host cannot do what was asked: exit code 3.
#[derive(Debug)]
pub struct HostCannot {
    /// What failed, with its causes behind `source()`.
    pub error: Box<dyn std::error::Error + Send + Sync>,
    /// The way out.
    pub help: Option<String>,
}

impl HostCannot {
    /// An error with the way out.
    pub fn new(error: impl std::error::Error + Send + Sync + 'static, help: Option<String>) -> Self {
        Self { error: Box::new(error), help }
    }
}

impl fmt::Display for HostCannot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for HostCannot {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

impl Diagnostic for HostCannot {
    fn help(&self) -> Option<Box<dyn fmt::Display + '_>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }
}
