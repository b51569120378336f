//! The ring buffer of hits, as its one reader sees it.

use std::{fmt, mem::size_of, ptr};

use aya::maps::{Map, MapData, RingBuf};
use probe_ebpf::abi::Hit;

use super::{DatapathError, Pins};

/// Reads hits. One reader at a time: what it takes, no other sees.
pub struct HitReader {
    ring: RingBuf<MapData>,
}

impl HitReader {
    pub(super) fn open(pins: &Pins) -> Result<Self, DatapathError> {
        const MAP: &str = "HITS";
        let failed = |source| DatapathError::Map { map: MAP, verb: "opened", source };
        let data = MapData::from_pin(pins.path(MAP)).map_err(failed)?;
        Ok(Self { ring: RingBuf::try_from(Map::RingBuf(data)).map_err(failed)? })
    }

    /// Hands over every hit that waits, oldest first.
    pub fn drain(&mut self, mut take: impl FnMut(&Hit)) {
        while let Some(item) = self.ring.next() {
            if item.len() >= size_of::<Hit>() {
                // SAFETY: the kernel wrote a `Hit`, made of integers alone, and its size was checked.
                let hit = unsafe { ptr::read_unaligned(item.as_ptr().cast::<Hit>()) };
                take(&hit);
            }
        }
    }
}

impl fmt::Debug for HitReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HitReader").finish_non_exhaustive()
    }
}
