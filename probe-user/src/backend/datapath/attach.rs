//! Programs on interfaces: attached, found again, taken away.
//!
//! XDP and TCX programs hang on BPF links, which are pinned and so outlive the process; removing the pin
//! detaches them, from any namespace. Filters of a clsact qdisc, for kernels before 6.6, hang on the
//! interface itself: see [`super::clsact`].

use aya::programs::{
    LinkOrder, ProgramError, SchedClassifier, TcAttachType, Xdp, XdpMode as AyaXdpMode,
    links::{FdLink, LinkError, PinnedLink},
    tc::TcAttachOptions,
};
use aya_obj::programs::XdpAttachType;
use serde::{Deserialize, Serialize};

use super::{DatapathError, Installation, Pins, banks, clsact, hold, object};
use crate::backend::{Attachment, Interface, XdpMode, XdpState, interfaces};

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
    Clsact,
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
    let here = |attached: &Attached| attached.ifindex == interface.index && attached.hook == hook;
    if let Some(at) = installed.attached.iter().position(here) {
        // What is written down may have been detached since by somebody else: a cut must not count on it.
        if still_sits(pins, &installed.attached[at])? {
            return Ok(());
        }
        installed.attached.remove(at);
    }
    let mode = match attachment {
        // Pinned by a controller that had no time to write it down.
        Attachment::Xdp | Attachment::XdpGeneric if is_pinned(pins, hook, interface) => {
            xdp_mode(pins, interface)?
        }
        Attachment::TcIngress | Attachment::TcEgress if is_pinned(pins, hook, interface) => AttachMode::Tcx,
        Attachment::Xdp => attach_xdp(pins, interface, &[AyaXdpMode::Driver, AyaXdpMode::Skb])?,
        Attachment::XdpGeneric => attach_xdp(pins, interface, &[AyaXdpMode::Skb])?,
        Attachment::TcIngress => attach_tc(pins, installed, interface, TcAttachType::Ingress, flavour)?,
        Attachment::TcEgress => attach_tc(pins, installed, interface, TcAttachType::Egress, flavour)?,
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

/// Whether what is written down still hangs where it did. A link whose pin is gone went with it.
fn still_sits(pins: &Pins, attached: &Attached) -> Result<bool, DatapathError> {
    let name = match (&attached.mode, attached.hook) {
        (AttachMode::Clsact, Attachment::TcEgress) => object::TC_EGRESS,
        (AttachMode::Clsact, _) => object::TC_INGRESS,
        _ => return Ok(pins.path(&link_name(attached.hook, attached.ifindex)).exists()),
    };
    clsact::runs(pins, attached.ifindex, name)
}

fn is_pinned(pins: &Pins, hook: Attachment, interface: &Interface) -> bool {
    pins.path(&link_name(hook, interface.index)).exists()
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
    object::ensure(pins, &[object::XDP])?;
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
    let found = interfaces(ours)?.into_iter().find(|found| found.index == interface.index);
    Ok(match found.map(|found| found.xdp) {
        Some(XdpState::Ours(XdpMode::Native)) => AttachMode::Native,
        _ => AttachMode::Generic,
    })
}

fn attach_tc(
    pins: &Pins,
    installed: &mut Installation,
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
    object::ensure(pins, &[name])?;
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
    clsact::attach(pins, installed, interface, direction, &mut program, name)?;
    Ok(AttachMode::Clsact)
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
    // Their holders see that the pins are gone, and hand in what they hold.
    let held = hold::take(pins, |_| true).unwrap_or_default();
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
    clsact::detach_all(pins, &installed)?;
    for name in names.iter().filter(|name| !name.starts_with("link-")) {
        pins.remove(name)?;
    }
    pins.remove_folder()?;
    Ok(hold::end(pins, &held)?)
}
