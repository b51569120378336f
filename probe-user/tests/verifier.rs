//! This kernel's verifier takes every program of the object, with room to spare.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Instant;

use aya::{EbpfLoader, programs::Program};
use netsplit::backend::datapath::object;

/// The kernel gives up at a million (`BPF_COMPLEXITY_LIMIT_INSNS`); another kernel's verifier may need more than this one's.
const MOST_INSTRUCTIONS: u32 = 500_000;

#[test]
fn every_program_is_accepted() {
    let mut object = EbpfLoader::new().load(object()).unwrap();
    let names: Vec<String> = object.programs().map(|(name, _)| name.to_owned()).collect();
    assert!(names.len() >= 3, "{names:?}");
    let mut refused = Vec::new();
    for name in &names {
        let program = object.program_mut(name).unwrap();
        let began = Instant::now();
        let loaded = match program {
            Program::Xdp(program) => program.load(),
            Program::SchedClassifier(program) => program.load(),
            other => panic!("{name} is neither XDP's nor TC's: {:?}", other.prog_type()),
        };
        if let Err(error) = loaded {
            eprintln!("{name}: {error:?}");
            refused.push(name);
            continue;
        }
        let looked_at = program.info().unwrap().verified_instruction_count();
        eprintln!("{name}: {looked_at:?} instructions looked at, {:.1} s", began.elapsed().as_secs_f64());
        assert!(looked_at.is_none_or(|looked_at| looked_at <= MOST_INSTRUCTIONS), "{name}: {looked_at:?}");
    }
    assert!(refused.is_empty(), "refused: {refused:?}");
}
