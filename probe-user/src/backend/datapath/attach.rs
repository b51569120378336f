//! Programs on interfaces: attached, found again, taken away.
//!
//! XDP and TCX programs hang on BPF links, which are pinned and so outlive the process; removing the pin
//! detaches them, from any namespace. Filters of a clsact qdisc, for kernels before 6.6, hang on the
//! interface itself and are written down with [`Installation`].

use aya::programs::{
    LinkOrder, ProgramError, SchedClassifier, TcAttachType, Xdp, XdpMode as AyaXdpMode,
    links::{FdLink, LinkError, PinnedLink},
    tc::{NlOptions, SchedClassifierLink, TcAttachOptions, TcError, TcHandle, qdisc_add_clsact},
};
use aya_obj::programs::XdpAttachType;
use serde::{Deserialize, Serialize};

use super::{DatapathError, Installation, Pins, banks, object};
use crate::{
    backend::{Attachment, Interface, XdpMode, XdpState, interface::blocking, interfaces},
    cluster::{Target, within},
};

/// A program on an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// The interface's name.
    pub interface: String,
    /// Its index.
    pub ifindex: u32,
    /// Which program.
    pub hook: Attachment,
    /// How it hangs there.
    pub mode: AttachMode,
}

/// How a program hangs on an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttachMode {
    /// XDP in the driver.
    Native,
    /// XDP in the stack.
    Generic,
    /// A TCX link.
    Tcx,
    /// A filter of a clsact qdisc.
    Clsact {
        /// The filter's priority.
        priority: u16,
        /// The filter's handle.
        handle: u32,
        /// Whether netsplit made the qdisc.
        made_qdisc: bool,
    },
}

/// Which flavour of TC to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum TcFlavour {
    /// TCX where the kernel has it, clsact where it has not.
    #[default]
    Auto,
    /// TCX, Linux 6.6 and later.
    Tcx,
    /// A clsact qdisc.
    Clsact,
}

/// What is to be attached.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Where.
    pub interface: &'a Interface,
    /// What.
    pub attachment: Attachment,
    /// Which flavour of TC.
    pub flavour: TcFlavour,
}

pub(super) fn attach(
    pins: &Pins,
    installed: &mut Installation,
    wanted: &Wanted<'_>,
) -> Result<(), DatapathError> {
    let Wanted { interface, attachment, flavour } = *wanted;
    // The two flavours of XDP are one program in one place.
    let hook = if attachment == Attachment::XdpGeneric { Attachment::Xdp } else { attachment };
    let sits = |attached: &Attached| attached.ifindex == interface.index && attached.hook == hook;
    if installed.attached.iter().any(sits) {
        return Ok(());
    }
    let mode = match attachment {
        Attachment::Xdp => attach_xdp(pins, interface, &[AyaXdpMode::Driver, AyaXdpMode::Skb])?,
        Attachment::XdpGeneric => attach_xdp(pins, interface, &[AyaXdpMode::Skb])?,
        Attachment::TcIngress => attach_tc(pins, interface, TcAttachType::Ingress, flavour)?,
        Attachment::TcEgress => attach_tc(pins, interface, TcAttachType::Egress, flavour)?,
    };
    installed.attached.push(Attached {
        interface: interface.name.clone(),
        ifindex: interface.index,
        hook,
        mode,
    });
    banks::write_installation(pins, installed)?;
    Ok(())
}

fn link_name(hook: Attachment, ifindex: u32) -> String {
    let hook = match hook {
        Attachment::Xdp | Attachment::XdpGeneric => "xdp",
        Attachment::TcIngress => "tc-ingress",
        Attachment::TcEgress => "tc-egress",
    };
    format!("link-{hook}-{ifindex}")
}

fn pin_link(
    pins: &Pins,
    link: Result<FdLink, LinkError>,
    hook: Attachment,
    ifindex: u32,
) -> Result<(), DatapathError> {
    let path = pins.path(&link_name(hook, ifindex));
    let link = link.map_err(|source| DatapathError::Link { path: path.clone(), source })?;
    link.pin(&path).map(drop).map_err(|source| DatapathError::AyaPin { path, source })
}

fn attach_xdp(pins: &Pins, interface: &Interface, modes: &[AyaXdpMode]) -> Result<AttachMode, DatapathError> {
    let failed = |source| DatapathError::Attach {
        program: "the XDP program",
        interface: interface.name.clone(),
        source: Box::new(source),
    };
    let mut program = Xdp::from_pin(pins.path(object::XDP), XdpAttachType::Interface).map_err(failed)?;
    let mut last = None;
    for &mode in modes {
        match program.attach_to_if_index(interface.index, mode) {
            Ok(id) => {
                let link = program.take_link(id).map_err(failed)?;
                pin_link(pins, FdLink::try_from(link), Attachment::Xdp, interface.index)?;
                return xdp_mode(pins, interface);
            }
            Err(error) => {
                tracing::debug!(interface = interface.name, ?mode, %error, "XDP did not attach");
                last = Some(error);
            }
        }
    }
    Err(failed(last.unwrap_or(ProgramError::NotLoaded)))
}

/// Asks the kernel in which mode the program really runs.
fn xdp_mode(pins: &Pins, interface: &Interface) -> Result<AttachMode, DatapathError> {
    let ours = object::program_id(pins, object::XDP)?;
    let found = interfaces(Some(ours))?.into_iter().find(|found| found.index == interface.index);
    Ok(match found.map(|found| found.xdp) {
        Some(XdpState::Ours(XdpMode::Native)) => AttachMode::Native,
        _ => AttachMode::Generic,
    })
}

fn attach_tc(
    pins: &Pins,
    interface: &Interface,
    direction: TcAttachType,
    flavour: TcFlavour,
) -> Result<AttachMode, DatapathError> {
    let (name, hook, described) = match direction {
        TcAttachType::Egress => (object::TC_EGRESS, Attachment::TcEgress, "the TC egress program"),
        _ => (object::TC_INGRESS, Attachment::TcIngress, "the TC ingress program"),
    };
    let failed = |source| DatapathError::Attach {
        program: described,
        interface: interface.name.clone(),
        source: Box::new(source),
    };
    let mut program = SchedClassifier::from_pin(pins.path(name)).map_err(failed)?;
    if flavour != TcFlavour::Clsact {
        // First in line: a foreign program that says "accept" would end the line before us.
        let first = TcAttachOptions::TcxOrder(LinkOrder::first());
        match program.attach_with_options(&interface.name, direction, first) {
            Ok(id) => {
                let link = program.take_link(id).map_err(failed)?;
                pin_link(pins, FdLink::try_from(link), hook, interface.index)?;
                return Ok(AttachMode::Tcx);
            }
            Err(error) if flavour == TcFlavour::Tcx => return Err(failed(error)),
            Err(error) => tracing::debug!(interface = interface.name, %error, "no TCX, trying clsact"),
        }
    }
    let made_qdisc = match qdisc_add_clsact(&interface.name) {
        Ok(()) => true,
        Err(error) if already_exists(&error) => false,
        Err(error) => return Err(DatapathError::tc(&interface.name, "created", error)),
    };
    let options = NlOptions { priority: 1, ..NlOptions::default() };
    let id = program
        .attach_with_options(&interface.name, direction, TcAttachOptions::Netlink(options))
        .map_err(failed)?;
    let link = program.take_link(id).map_err(failed)?;
    let mode = AttachMode::Clsact {
        priority: link.priority().map_err(failed)?,
        handle: link.handle().map_err(failed)?.into(),
        made_qdisc,
    };
    // Dropped, the link would detach its filter; the filter is to stay, and the installation tells of it.
    std::mem::forget(link);
    Ok(mode)
}

fn already_exists(error: &TcError) -> bool {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = source {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return io.raw_os_error() == Some(libc::EEXIST);
        }
        source = error.source();
    }
    matches!(error, TcError::AlreadyAttached)
}

/// Detaches everything of a datapath and removes its folder. Whatever is missing already is fine.
pub(super) fn remove_all(pins: &Pins) -> Result<(), DatapathError> {
    if !pins.exists() {
        return Ok(());
    }
    let installed = banks::read_installation(pins).unwrap_or_else(|error| {
        tracing::debug!(%error, "nothing to read of what is installed; links are found by their pins");
        Installation::default()
    });
    pins.unseal()?;
    let names = pins.names()?;
    for name in names.iter().filter(|name| name.starts_with("link-")) {
        let path = pins.path(name);
        match PinnedLink::from_pin(&path) {
            // The last reference goes with the returned link, and the program with it.
            Ok(link) => {
                drop(link.unpin().map_err(|source| DatapathError::Pin { path, verb: "removed", source })?);
            }
            Err(_) => pins.remove(name)?,
        }
    }
    detach_filters(&installed)?;
    for name in names.iter().filter(|name| !name.starts_with("link-")) {
        pins.remove(name)?;
    }
    pins.remove_folder()
}

fn detach_filters(installed: &Installation) -> Result<(), DatapathError> {
    let filters: Vec<_> =
        installed.attached.iter().filter(|one| matches!(one.mode, AttachMode::Clsact { .. })).collect();
    if filters.is_empty() {
        return Ok(());
    }
    let target = installed.target.clone().unwrap_or(Target::Local);
    match within(&target, || filters.iter().try_for_each(|filter| detach_filter(filter))) {
        Ok(result) => result,
        Err(error) => {
            // The interfaces went with their namespace, and the filters with the interfaces.
            tracing::debug!(%error, "the namespace is gone");
            Ok(())
        }
    }
}

fn detach_filter(filter: &Attached) -> Result<(), DatapathError> {
    let AttachMode::Clsact { priority, handle, made_qdisc } = filter.mode else { return Ok(()) };
    let direction = match filter.hook {
        Attachment::TcEgress => TcAttachType::Egress,
        _ => TcAttachType::Ingress,
    };
    let link =
        SchedClassifierLink::attached(&filter.interface, direction, priority, TcHandle::from(handle), None);
    let Ok(link) = link else {
        // The interface is gone.
        return Ok(());
    };
    drop(link);
    if made_qdisc { remove_clsact(filter) } else { Ok(()) }
}

fn remove_clsact(filter: &Attached) -> Result<(), DatapathError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| DatapathError::Clsact {
        interface: filter.interface.clone(),
        verb: "removed",
        source,
    };
    let index = i32::try_from(filter.ifindex).map_err(|error| failed(Box::new(error)))?;
    blocking(async |handle| handle.qdisc().del(index).execute().await)?
        .map_err(|error| failed(Box::new(error)))
}
