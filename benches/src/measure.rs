//! Time and allocations.

use std::time::{Duration, Instant};

use crate::alloc;
use crate::case::{Case, Result, Side};

const ROUNDS: usize = 31;
/// Turns that each side has in a round. The fastest counts: in the others something else ran as well.
const TURNS: u32 = 10;
const TURN: Duration = Duration::from_micros(300);
const WARM_UP: Duration = Duration::from_millis(20);
/// Messages over which allocations are spread: a block that serves many is charged to each of them.
const COUNTED: u32 = 4096;

/// Measures both sides of `case` in turns.
pub fn measure(case: &Case) -> Result {
    let (mut ours, mut theirs) = ((case.ours)(), (case.theirs)());
    let batches = [warm_up(&mut *ours), warm_up(&mut *theirs)];
    let allocs = allocations(&mut *ours, case);
    let mut pairs: Vec<(f64, f64)> = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let mut best = (f64::INFINITY, f64::INFINITY);
        for _ in 0..TURNS {
            best.0 = best.0.min(time(&mut *ours, batches[0]));
            best.1 = best.1.min(time(&mut *theirs, batches[1]));
        }
        pairs.push((best.0 / f64::from(case.batch), best.1 / f64::from(case.batch)));
    }
    let of = |value: fn(&(f64, f64)) -> f64| median(pairs.iter().map(value).collect());
    Result {
        ns: of(|pair| pair.0),
        peer_ns: of(|pair| pair.1),
        ratio: of(|pair| pair.0 / pair.1),
        over: of(|pair| pair.0 - pair.1),
        allocs,
        instructions: None,
    }
}

/// Runs a side until it is warm: how many batches make a turn.
fn warm_up(side: &mut dyn Side) -> u32 {
    let begun = Instant::now();
    let (mut best, mut batches) = (Duration::MAX, 0u32);
    while batches < 4 || begun.elapsed() < WARM_UP {
        best = best.min(batch(side));
        batches += 1;
    }
    (TURN.as_nanos() / best.as_nanos().max(1)).clamp(1, 10_000) as u32
}

/// Nanoseconds a batch takes, preparations apart.
fn time(side: &mut dyn Side, batches: u32) -> f64 {
    let spent: Duration = (0..batches).map(|_| batch(side)).sum();
    spent.as_secs_f64() * 1e9 / f64::from(batches)
}

/// Runs one batch: how long it took.
pub fn batch(side: &mut dyn Side) -> Duration {
    side.prepare();
    let begun = Instant::now();
    side.run();
    begun.elapsed()
}

fn allocations(side: &mut dyn Side, case: &Case) -> f64 {
    let batches = COUNTED.div_ceil(case.batch).clamp(4, 4096);
    let mut all = 0;
    for _ in 0..batches {
        let before = alloc::count();
        side.prepare();
        let prepared = alloc::count();
        side.run();
        all += alloc::count() - if case.count_prepare { before } else { prepared };
    }
    all as f64 / (f64::from(batches) * f64::from(case.batch))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
