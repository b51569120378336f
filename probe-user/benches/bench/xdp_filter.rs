//! xdp-filter of Debian's xdp-tools, loaded as its manual page says.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use netsplit::backend::{XdpState, bring_up, interfaces};

use crate::{Explain, Failure, harness, kernel::program_by_id};

/// It, as it was loaded.
#[derive(Debug)]
pub(crate) struct XdpFilter {
    program: OwnedFd,
}

impl XdpFilter {
    /// Loads it with all its features, dropping TCP to `port` by default.
    pub(crate) fn load(port: u16) -> Result<Self, Failure> {
        harness::in_fresh_namespace(|| {
            bring_up("lo").explain("no lo")?;
            harness::run("xdp-filter", &["load", "--mode", "skb", "--policy", "allow", "lo"]);
            harness::run("xdp-filter", &["port", "--mode", "dst", "--proto", "tcp", &port.to_string()]);
            let all = interfaces(None).explain("no interfaces")?;
            let id = all.iter().find_map(|interface| match interface.xdp {
                XdpState::Foreign { program } => Some(program),
                _ => None,
            });
            let id =
                id.ok_or_else(|| Failure::new("xdp-filter said that it was loaded, and is not there"))?;
            let program = program_by_id(id).explain("xdp-filter's program")?;
            Ok(Self { program })
        })
    }

    /// The program that packets meet.
    pub(crate) fn program(&self) -> BorrowedFd<'_> {
        self.program.as_fd()
    }
}
