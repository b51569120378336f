//! Packets that are handed to a holder in user space, and come back later.
//!
//! Out they go by a TAP device of the holder's, each with a VLAN tag (IEEE 802.1Q) that says where it was met; the tag
//! comes back with the frame, so that the holder has nothing to change in it.

/// How many delayed rules a namespace can hold, counted once for each interface and each way.
pub const MAX_LANES: u32 = 4094;

/// Where a delayed rule met a packet: the key of `LANES`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LaneKey {
    /// The rule's place in `COUNTERS`.
    pub counter: u32,
    /// The interface.
    pub ifindex: u32,
    /// A [`Way`](super::Way) as a number.
    pub way: u32,
}

/// Whom such a packet is handed to.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The holder's device, by its index.
    pub device: u32,
    /// The VLAN identifier that it goes out with: 1 to 4094.
    pub tag: u32,
}

/// Where a packet comes back from: the key of `ORIGINS`. The same numbers as [`Lane`], the other way round.
pub type Return = Lane;

/// Where it goes on.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The interface where it was met.
    pub ifindex: u32,
    /// A [`Way`](super::Way) as a number.
    pub way: u32,
}

const _: () = {
    assert!(size_of::<LaneKey>() == 12);
    assert!(size_of::<Lane>() == 8);
    assert!(size_of::<Origin>() == 8);
};
