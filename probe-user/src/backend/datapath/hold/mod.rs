//! Holding packets back, for rules that delay.
//!
//! The kernel holds packets back in qdiscs alone, and the one that could (netem) is a module that many hosts lack, which
//! would have to replace what sits there. So `netsplit apply` leaves a process behind, the holder: the TC program sends
//! it the packets of a rule over a TAP device, and it hands them in again when they are due. A frame goes there and back
//! as it is, and a VLAN tag on it says where it was met (`probe_ebpf::abi::delay`).
//!
//! **Invariant: no cut depends on its holder.** It says every tenth of a second that it is there. A second after it last
//! did, the program lets packets pass at once. Its device, and the filter on it, end with it. It ends by itself when the
//! lease does, when the rules are gone, and when the pins are.

mod device;
mod holder;
mod lanes;
mod orders;
mod queue;
mod serve;

pub use device::Device;
pub(super) use device::{end, sweep};
pub(super) use holder::Holder;
pub(super) use lanes::{clear, take};
use orders::Orders;
pub(super) use orders::{LaneOrder, lanes_of};
pub use serve::serve;

/// What the names of the holders' devices begin with; the holder's process id follows.
const DEVICE: &str = "nsplit-";

/// Whether an interface is a holder's device, which no rule means.
pub(crate) fn is_device(name: &str) -> bool {
    name.strip_prefix(DEVICE).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
}

/// The devices of those who are to hold nothing more, by their indexes.
pub(super) type Ending = std::collections::BTreeSet<u32>;

/// The program on the holder's device.
pub(super) const RETURN: &str = "tc_held";

/// What went wrong with a holder.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// No device.
    #[error(
        "no TAP device could be made, which carries packets to whoever delays them; it takes /dev/net/tun and CONFIG_TUN \
         (`modprobe tun`)"
    )]
    Device(#[source] std::io::Error),
    /// It could not be put where it belongs.
    #[error("the holder's device could not be brought into the node's network namespace")]
    Place(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The process could not be started.
    #[error("the process that holds delayed packets could not be started")]
    Start(#[source] std::io::Error),
    /// It said why it cannot.
    #[error("delayed packets cannot be held: {0}")]
    Told(String),
    /// Too many at once.
    #[error(
        "a namespace can hold {limit} delayed rules, counted for each interface and each way; name `interfaces`"
    )]
    TooMany {
        /// How many there can be.
        limit: u32,
    },
    /// The maps.
    #[error(transparent)]
    Datapath(#[from] Box<super::DatapathError>),
}

impl HoldError {
    fn place(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Place(error.into())
    }
}
