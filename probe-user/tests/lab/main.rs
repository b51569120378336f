//! Real clusters: up, looked at, broken, mended, and gone without a trace.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod half;
mod heal;
mod life;
mod name;
mod two;
mod versions;
