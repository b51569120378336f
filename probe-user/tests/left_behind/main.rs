//! Never left behind: netsplit is killed, stopped, raced, and loses its ground at random moments; traffic must
//! come back by itself, `revert --all` must leave nothing, and what is others' must stay.
//!
//! A binary of its own, since it ends every cut of the machine. `cargo xtask torture` runs it at length.

#![allow(clippy::unwrap_used, reason = "a test ends where its surroundings fail it")]

#[path = "../harness/mod.rs"]
mod harness;

mod dice;
mod foreign;
mod ground;
mod hold;
mod look;
mod loss;
mod plan;
mod round;
mod row;
mod sign;
mod stream;
mod tally;

use std::{
    env,
    sync::Barrier,
    thread,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use ground::part_from_the_machine;
use plan::{CYCLE, ROW, ROWS, kinds};
use row::{Common, Row};

/// What the environment says of a run's length and place.
fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{variable}={text}: {error}")))
}

/// What a number of rounds shows: by default each kind of them once.
#[test]
fn nothing_is_left_behind() {
    let by_chance =
        || u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let seed = number("NETSPLIT_TORTURE_SEED").unwrap_or_else(by_chance);
    let first = usize::try_from(number("NETSPLIT_TORTURE_FIRST").unwrap_or(0)).unwrap();
    let rounds = number("NETSPLIT_TORTURE_ROUNDS").map_or(CYCLE, |rounds| usize::try_from(rounds).unwrap());
    eprintln!("seed {seed}, rounds {first} to {}", first + rounds - 1);

    part_from_the_machine();
    // A map that some process keeps open is no cut.
    let before = look::objects();
    let hangs = before.iter().any(|object| object.starts_with("link"));
    assert!(!hangs, "cuts of others are in force, and this test would end them: {before:?}");

    let begun = Instant::now();
    let common = Common::new(seed, before);
    let mut rows: Vec<_> = (0..ROWS).map(|_| Row::default()).collect();
    let last = first + rounds;
    for batch in (first..last).step_by(ROW * ROWS) {
        let numbers: Vec<_> = (batch..last.min(batch + ROW * ROWS)).collect();
        let parts: Vec<_> = numbers.chunks(ROW).collect();
        let barrier = Barrier::new(parts.len());
        thread::scope(|scope| {
            for (at, (row, part)) in rows.iter_mut().zip(&parts).enumerate() {
                let (common, barrier) = (&common, &barrier);
                let ender = batch / ROW % parts.len();
                scope.spawn(move || row.play(common, part, barrier, at == ender));
            }
        });
        let failures = common.failures.lock().unwrap();
        assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    }
    let tally = common.tally.into_inner().unwrap();
    let per_round = begun.elapsed() / u32::try_from(rounds).unwrap();
    eprintln!("{tally}\n{per_round:.2?} a round, seed {seed}");
    if first == 0 && rounds >= CYCLE {
        let lacks = tally.lacks(&[kinds(false), kinds(true)].concat());
        assert!(lacks.is_empty(), "never exercised: {lacks:?}");
    }
    if rounds >= 4 * CYCLE {
        let lacks = tally.phases_lacking();
        assert!(lacks.is_empty(), "no signal landed in {lacks:?}");
    }
}
