//! Random bytes, for names and seeds.

use rustix::rand::{GetRandomFlags, getrandom};

use crate::clock::BootInstant;

/// The kernel's pool answers always once the machine is up; should it not, the clock will do.
pub(super) fn bytes<const N: usize>() -> [u8; N] {
    const { assert!(N <= 8) };
    let mut bytes = [0; N];
    if getrandom(&mut bytes[..], GetRandomFlags::empty()).is_err() {
        bytes.copy_from_slice(&BootInstant::now().ns.to_be_bytes()[8 - N..]);
    }
    bytes
}
