//! What a contributor types: `cargo xtask setup`, `build-ebpf`, `demo`, `test`.

fn main() {}
