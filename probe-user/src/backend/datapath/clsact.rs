//! Filters of a clsact qdisc, for kernels before 6.6.
//!
//! They hang on the interface and have no pin. They are known by the id of the program that they run, which
//! the kernel tells, so none is lost that a killed controller had no time to write down.
//!
//! A qdisc can carry no word of who made it. So the installation says it, and each filter of ours says it once
//! more by its handle: where the pins are gone, the filters still tell whether the qdisc goes with them. Only a
//! qdisc whose maker was killed before its first filter, and whose pins are lost too, is nobody's then: it is
//! empty, does nothing, and stays, since it may as well have been there before.

use aya::programs::{
    SchedClassifier, TcAttachType,
    tc::{NlOptions, SchedClassifierLink, TcAttachOptions, TcError, TcHandle, qdisc_add_clsact},
};
use rtnetlink::{
    packet_core::{NLM_F_ACK, NLM_F_DUMP, Nla, NlasIterator},
    packet_route::{
        RouteNetlinkMessage,
        tc::{TcAttribute, TcHandle as Parent, TcMessage, TcOption},
    },
};
use serde::{Deserialize, Serialize};

use super::{DatapathError, Installation, Pins, banks, object};
use crate::{
    backend::{Interface, InterfaceError, interfaces, netlink::ask},
    cluster::within_file,
};

/// An interface whose clsact qdisc netsplit uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clsact {
    /// The interface's name.
    pub interface: String,
    /// Its index.
    pub ifindex: u32,
    /// Whether the qdisc was not there before.
    pub made_qdisc: bool,
}

/// The handle of our filters on a qdisc that we made; on one that was there before, the kernel chooses.
const ON_OUR_QDISC: u32 = 0x6e73_706c;

/// A filter at one of the two hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Filter {
    direction: TcAttachType,
    priority: u16,
    handle: u32,
    /// The BPF program that it runs, if it runs one.
    program: Option<u32>,
}

/// Attaches `program`, whose pin is `name`, as a filter, unless it already is one.
pub(super) fn attach(
    pins: &Pins,
    installed: &mut Installation,
    interface: &Interface,
    direction: TcAttachType,
    program: &mut SchedClassifier,
    name: &'static str,
) -> Result<(), DatapathError> {
    ensure_qdisc(pins, installed, interface)?;
    let ours = object::program_id(pins, name)?;
    if ours.is_some() && filters(interface.index)?.iter().any(|filter| filter.program == ours) {
        return Ok(());
    }
    let made = installed.clsact.iter().any(|known| known.ifindex == interface.index && known.made_qdisc);
    // Without a priority of its own the kernel puts it before all others: a foreign filter that says "accept"
    // would end the line before us.
    let handle = if made { ON_OUR_QDISC.into() } else { TcHandle::AUTO_ASSIGN };
    let options = TcAttachOptions::Netlink(NlOptions { handle, ..NlOptions::default() });
    let id = program.attach_with_options(&interface.name, direction, options).map_err(|source| {
        DatapathError::Attach { program: name, interface: interface.name.clone(), source: Box::new(source) }
    })?;
    if let Ok(link) = program.take_link(id) {
        // Dropped, the link would detach its filter, which is to stay.
        std::mem::forget(link);
    }
    Ok(())
}

/// Whether a filter of this interface runs the program with this pin.
pub(super) fn runs(pins: &Pins, ifindex: u32, name: &'static str) -> Result<bool, DatapathError> {
    let ours = object::program_id(pins, name)?;
    Ok(ours.is_some() && filters(ifindex)?.iter().any(|filter| filter.program == ours))
}

/// Makes the qdisc if it is not there. Written down before it is true, so that it is never left behind.
fn ensure_qdisc(
    pins: &Pins,
    installed: &mut Installation,
    interface: &Interface,
) -> Result<(), DatapathError> {
    let present = qdiscs()?.contains(&interface.index);
    if !installed.clsact.iter().any(|known| known.ifindex == interface.index) {
        installed.clsact.push(Clsact {
            interface: interface.name.clone(),
            ifindex: interface.index,
            made_qdisc: !present,
        });
        banks::write_installation(pins, installed)?;
    }
    if present {
        return Ok(());
    }
    match qdisc_add_clsact(&interface.name) {
        Ok(()) | Err(TcError::AlreadyAttached) => Ok(()),
        Err(error) => Err(failed(&interface.name, "created")(Box::new(error))),
    }
}

/// Takes away every filter that runs a program of this datapath, then the qdiscs that netsplit made, unless
/// somebody else uses them by now. Needs the programs' pins.
pub(super) fn detach_all(pins: &Pins, installed: &Installation) -> Result<(), DatapathError> {
    if installed.clsact.is_empty() {
        return Ok(());
    }
    let ours: Vec<_> =
        object::program_names().into_iter().filter_map(|name| object::program_id(pins, name).ok()?).collect();
    let Some(file) = pins.home() else {
        // The interfaces went with their namespace, and the filters with the interfaces.
        tracing::debug!("the namespace is gone");
        return Ok(());
    };
    within_file(&file, || installed.clsact.iter().try_for_each(|clsact| detach(clsact, &ours)))
        .unwrap_or_else(|error| {
            tracing::debug!(%error, "the namespace went at this moment");
            Ok(())
        })
}

fn detach(clsact: &Clsact, ours: &[u32]) -> Result<(), DatapathError> {
    detach_from(clsact.ifindex, ours, clsact.made_qdisc).map(drop)
}

/// Takes the filters that run one of these programs from an interface of the calling thread's namespace, and
/// the qdisc too if netsplit made it and nobody else uses it by now. Says how many filters there were.
fn detach_from(ifindex: u32, programs: &[u32], made_qdisc: bool) -> Result<usize, DatapathError> {
    let mut met = filters(ifindex)?;
    met.retain(|filter| filter.program.is_some_and(|program| programs.contains(&program)));
    let Some(interface) = interfaces(None)?.into_iter().find(|interface| interface.index == ifindex) else {
        return Ok(0);
    };
    for Filter { direction, priority, handle, .. } in &met {
        // Dropped, the link detaches its filter. By the name of now: interfaces can be renamed.
        let handle = TcHandle::from(*handle);
        drop(SchedClassifierLink::attached(&interface.name, *direction, *priority, handle, None));
    }
    let made_qdisc = made_qdisc || met.iter().any(|filter| filter.handle == ON_OUR_QDISC);
    if made_qdisc && qdiscs()?.contains(&ifindex) && filters(ifindex)?.is_empty() {
        remove_qdisc(&interface)?;
    }
    Ok(met.len())
}

/// Does so on every interface of the calling thread's namespace, whatever is written down.
pub(super) fn sweep(programs: &[u32]) -> Result<usize, DatapathError> {
    qdiscs()?.into_iter().try_fold(0, |met, ifindex| Ok(met + detach_from(ifindex, programs, false)?))
}

fn remove_qdisc(interface: &Interface) -> Result<(), DatapathError> {
    let qdisc = RouteNetlinkMessage::DelQueueDiscipline(on(interface.index, Parent::CLSACT));
    ask(qdisc, NLM_F_ACK).map(drop).map_err(|error| failed(&interface.name, "removed")(Box::new(error)))
}

fn failed(
    interface: &str,
    verb: &'static str,
) -> impl FnOnce(Box<dyn std::error::Error + Send + Sync>) -> DatapathError {
    move |source| DatapathError::Clsact { interface: interface.to_owned(), verb, source }
}

/// What hangs on an interface at one place.
fn on(ifindex: u32, parent: Parent) -> TcMessage {
    let mut message = TcMessage::default();
    // The kernel counts interfaces in an int.
    message.header.index = i32::try_from(ifindex).unwrap_or(i32::MAX);
    message.header.parent = parent;
    message
}

/// The interfaces that have a clsact qdisc.
fn qdiscs() -> Result<Vec<u32>, InterfaceError> {
    let question = RouteNetlinkMessage::GetQueueDiscipline(TcMessage::default());
    let answers = ask(question, NLM_F_DUMP).map_err(InterfaceError::List)?;
    let is_clsact = |it: &TcAttribute| matches!(it, TcAttribute::Kind(kind) if kind == "clsact");
    let found = answers.iter().filter_map(|answer| match answer {
        RouteNetlinkMessage::NewQueueDiscipline(qdisc) if qdisc.attributes.iter().any(is_clsact) => {
            u32::try_from(qdisc.header.index).ok()
        }
        _ => None,
    });
    Ok(found.collect())
}

/// The filters of both hooks. An interface that is gone has none.
fn filters(ifindex: u32) -> Result<Vec<Filter>, InterfaceError> {
    let mut found = Vec::new();
    for (direction, minor) in
        [(TcAttachType::Ingress, Parent::MIN_INGRESS), (TcAttachType::Egress, Parent::MIN_EGRESS)]
    {
        let parent = Parent { major: Parent::CLSACT.major, minor };
        let question = RouteNetlinkMessage::GetTrafficFilter(on(ifindex, parent));
        let answers = ask(question, NLM_F_DUMP).map_err(InterfaceError::List)?;
        found.extend(answers.iter().filter_map(|answer| match answer {
            RouteNetlinkMessage::NewTrafficFilter(message) => Some(filter(direction, message)),
            _ => None,
        }));
    }
    Ok(found)
}

fn filter(direction: TcAttachType, message: &TcMessage) -> Filter {
    let program = message.attributes.iter().find_map(|attribute| match attribute {
        TcAttribute::Options(options) => options.iter().find_map(program),
        _ => None,
    });
    Filter {
        direction,
        // `tcm_info` holds the priority above the protocol (rtnetlink(7)).
        priority: (message.header.info >> 16) as u16,
        handle: message.header.handle.into(),
        program,
    }
}

/// `TCA_BPF_ID` of `linux/pkt_cls.h`.
const TCA_BPF_ID: u16 = 11;

/// The id of the program among a BPF filter's options, which come as the bytes of nested attributes.
fn program(options: &TcOption) -> Option<u32> {
    let TcOption::Other(options) = options else { return None };
    let mut bytes = vec![0; options.value_len()];
    options.emit_value(&mut bytes);
    NlasIterator::new(&bytes)
        .filter_map(Result::ok)
        .find(|nla| nla.kind() == TCA_BPF_ID)
        .and_then(|nla| Some(u32::from_ne_bytes(nla.value().try_into().ok()?)))
}
