//! Nanoseconds of single things that a program can do: the profile behind the figures.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use probe_ebpf::{decode::tcp_flag::ACK, frames::Frame};

use crate::{
    Explain, Failure, Plan,
    kernel::{Instruction, Kind, load, load_empty, make_map, test_run, update},
    report::{Better, Goal, Measurement, Row},
    statistics::Summary,
};

const METHOD: &str = "Programs of a few instructions that do one thing and let the packet pass, by BPF_PROG_TEST_RUN, in \
turn with the program that only lets it pass; the ratio is to that one, and what is above it is what the thing costs.";

/// `r0` to `r10` are the registers; `r10` is the end of the stack.
const STACK: u8 = 10;

fn helper(number: i32) -> Instruction {
    Instruction::new(0x85, 0, 0, 0, number)
}

fn copy(target: u8, source: u8) -> Instruction {
    Instruction::new(0xbf, target, source, 0, 0)
}

fn add(target: u8, value: i32) -> Instruction {
    Instruction::new(0x07, target, 0, 0, value)
}

/// `target = *(u32 *)(source + at)`
fn load_word(target: u8, source: u8, at: i16) -> Instruction {
    Instruction::new(0x61, target, source, at, 0)
}

/// `*(u32 *)(target + at) = value`
fn store_word(target: u8, at: i16, value: i32) -> Instruction {
    Instruction::new(0x62, target, 0, at, value)
}

/// Puts a map, or where its first element's value lies, into a register.
fn map_into(target: u8, map: &OwnedFd, value: bool) -> [Instruction; 2] {
    let pseudo = if value { 2 } else { 1 };
    [Instruction::new(0x18, target, pseudo, 0, map.as_raw_fd()), Instruction::new(0, 0, 0, 0, 0)]
}

/// A look-up with a key of these words, and a load from what it finds.
fn look_up(map: &OwnedFd, key: &[i32]) -> Vec<Instruction> {
    let size = i16::try_from(4 * key.len()).unwrap_or(0);
    let mut code: Vec<_> =
        (0_i16..).zip(key).map(|(word, &value)| store_word(STACK, 4 * word - size, value)).collect();
    code.extend([copy(2, STACK), add(2, -i32::from(size))]);
    code.extend(map_into(1, map, false));
    // `if r0 == 0` skips the load.
    code.extend([helper(1), Instruction::new(0x15, 0, 0, 1, 0), load_word(1, 0, 0)]);
    code
}

/// Something that costs.
struct Part {
    what: String,
    size: String,
    program: OwnedFd,
    // What the program uses goes with it.
    _map: Option<OwnedFd>,
}

impl Part {
    fn new(what: &str, size: &str, map: Option<OwnedFd>, mut code: Vec<Instruction>) -> io::Result<Self> {
        code.extend([Instruction::set(0, 2), Instruction::exit()]);
        let program = load(Kind::Xdp, &code).map_err(|error| io::Error::other(format!("{what}: {error}")))?;
        Ok(Self { what: what.to_owned(), size: size.to_owned(), program, _map: map })
    }
}

const HASH: u32 = 1;
const ARRAY: u32 = 2;
const PER_CPU_ARRAY: u32 = 6;
const LPM_TRIE: u32 = 11;
const RING_BUFFER: u32 = 27;
const NO_PREALLOC: u32 = 1;

/// An IPv4 address mapped into IPv6 as the words of a key.
fn mapped(address: u32) -> [u8; 16] {
    let mut bytes = [0; 16];
    (bytes[10], bytes[11]) = (0xff, 0xff);
    bytes[12..].copy_from_slice(&address.to_be_bytes());
    bytes
}

fn words(bytes: &[u8]) -> Vec<i32> {
    bytes.chunks_exact(4).map(|word| i32::from_ne_bytes([word[0], word[1], word[2], word[3]])).collect()
}

fn parts() -> io::Result<Vec<Part>> {
    let mut parts = Vec::new();
    for (what, number) in [
        ("bpf_ktime_get_boot_ns", 125),
        ("bpf_ktime_get_ns", 5),
        ("bpf_ktime_get_coarse_ns", 160),
        ("bpf_jiffies64", 118),
        ("bpf_get_smp_processor_id", 8),
        ("bpf_get_prandom_u32", 7),
    ] {
        parts.push(Part::new(what, "", None, vec![helper(number)])?);
    }
    parts.push(Part::new("bpf_xdp_get_buff_len", "", None, vec![helper(188)])?);
    // r2 = data, r3 = data_end; r4 = r2 + 42; if r4 > r3 skip 3; loads of type, protocol and ports.
    let frame = vec![
        load_word(2, 1, 0),
        load_word(3, 1, 4),
        copy(4, 2),
        add(4, 42),
        Instruction::new(0x2d, 4, 3, 3, 0),
        load_word(5, 2, 12),
        load_word(5, 2, 20),
        load_word(5, 2, 34),
    ];
    parts.push(Part::new("loads of four words of the frame", "", None, frame)?);
    // A call over three instructions: the caller's `r0 = 2; exit` and the function's.
    let call = vec![Instruction::new(0x85, 0, 1, 0, 2), Instruction::set(0, 2), Instruction::exit()];
    parts.push(Part::new("a call of a BPF function", "", None, call)?);
    for (size, text) in [(16, "16 bytes"), (700 << 10, "700 KiB")] {
        let map = make_map(ARRAY, 4, size, 1, 0)?;
        let mut code = map_into(1, &map, true).to_vec();
        code.push(load_word(1, 1, 0));
        parts.push(Part::new("a load from global data", text, Some(map), code)?);
        let map = make_map(ARRAY, 4, size, 2, 0)?;
        let code = look_up(&map, &[1]);
        parts.push(Part::new("array look-up", text, Some(map), code)?);
    }
    let map = make_map(PER_CPU_ARRAY, 4, 32, 256, 0)?;
    let code = look_up(&map, &[1]);
    parts.push(Part::new("per-CPU array look-up", "256 elements", Some(map), code)?);
    for (entries, text) in [(1_u32, "1 entry"), (100_000, "100,000 entries")] {
        let address = |number: u32| mapped(0x0b00_0000 + 64 * number);
        let map = make_map(HASH, 16, 32, 1 << 17, NO_PREALLOC)?;
        let trie = make_map(LPM_TRIE, 24, 32, 1 << 17, NO_PREALLOC)?;
        let mut prefix = [0; 24];
        prefix[..4].copy_from_slice(&160_u32.to_ne_bytes());
        for number in 0..entries {
            update(&map, &address(number), &[1; 32])?;
            prefix[8..].copy_from_slice(&address(number));
            update(&trie, &prefix, &[1; 32])?;
        }
        let code = look_up(&map, &words(&address(entries / 2)));
        parts.push(Part::new("hash look-up, 16 bytes", text, Some(map), code)?);
        prefix[8..].copy_from_slice(&address(entries / 2));
        let code = look_up(&trie, &words(&prefix));
        parts.push(Part::new("LPM look-up, 20 bytes", text, Some(trie), code)?);
    }
    let ring = make_map(RING_BUFFER, 0, 0, 1 << 20, 0)?;
    let mut code = map_into(1, &ring, false).to_vec();
    // Reserved and discarded, so that nobody has to read.
    code.extend([Instruction::set(2, 56), Instruction::set(3, 0), helper(131)]);
    code.extend([Instruction::new(0x15, 0, 0, 3, 0), copy(1, 0), Instruction::set(2, 1), helper(133)]);
    parts.push(Part::new("a ring buffer's slot, discarded", "56 bytes", Some(ring), code)?);
    Ok(parts)
}

pub(crate) fn measure(plan: &Plan) -> Result<(Measurement, Vec<Goal>), Failure> {
    const WHAT: &str = "a program of single parts";
    let (rounds, repeats) = if plan.quick { (10, 10_000) } else { (100, 50_000) };
    let parts = parts().explain(WHAT)?;
    let empty = load_empty(Kind::Xdp).explain(WHAT)?;
    let frame = Frame::tcp(40000, 80, ACK).bytes();
    let ns = |program: &OwnedFd| {
        test_run(&program.as_fd(), &frame, repeats).map(|ran| f64::from(ran.ns)).explain(WHAT)
    };
    let mut bases = Vec::new();
    let mut samples = vec![Vec::new(); parts.len()];
    for _ in 0..rounds {
        bases.push(ns(&empty)?);
        for (part, samples) in parts.iter().zip(&mut samples) {
            samples.push(ns(&part.program)?);
        }
    }
    let rows = parts.iter().zip(&samples).filter_map(|(part, samples)| {
        let above: Vec<_> = samples.iter().zip(&bases).map(|(ns, base)| ns - base).collect();
        let (figures, base) = Summary::of(samples).zip(Summary::of(&bases))?;
        Some(Row {
            case: part.what.clone(),
            contender: "a program of its own".to_owned(),
            size: part.size.clone(),
            figures,
            above: Summary::of(&above).map(|above| above.median),
            ratio: Some(figures.median / base.median),
        })
    });
    let measurement = Measurement {
        name: "parts",
        title: "Nanoseconds of single things",
        unit: "ns",
        better: Better::Lower,
        method: METHOD,
        rows: rows.collect(),
    };
    Ok((measurement, Vec::new()))
}
