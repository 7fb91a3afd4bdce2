//! meshwire, and programs in Go, on the same Dubbo requests in turns. `go/compare.sh` builds all of them and runs this.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use meshwire_benches::alloc::{self, Counting};
use meshwire_benches::case::Side;
use meshwire_benches::go::{Cost, Peer};
use meshwire_benches::invocations::{self, Request};
use meshwire_benches::measure;
use meshwire_benches::sides::{Receive, Scan};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const USAGE: &str = "\
usage: against-go [--json] [--check] MOSN HESSIAN2 [FILTER]

MOSN      the program go/mosn
HESSIAN2  the program go/hessian2
FILTER    only requests with this in their name
--json    a line of JSON for each comparison
--check   fail where a target is missed";

const ROUNDS: usize = 9;
/// Turns that each program has in a round. The fastest counts: in the others something else ran as well.
const TURNS: usize = 6;
/// How many milliseconds a turn has: enough for Go to collect its garbage several times.
const TURN: u32 = 12;
/// How many times MOSN's time meshwire's must go into.
const MOSN_TARGET: f64 = 10.0;

#[derive(Default)]
struct Options {
    json: bool,
    check: bool,
    others: Vec<OsString>,
}

fn main() -> ExitCode {
    let mut options = Options::default();
    for argument in std::env::args_os().skip(1) {
        match argument.to_str() {
            Some("--json") => options.json = true,
            Some("--check") => options.check = true,
            _ => options.others.push(argument),
        }
    }
    match compare(&options) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(missed) => {
            eprintln!("{missed} targets missed");
            if options.check { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Compares everything: how many targets were missed.
fn compare(options: &Options) -> Result<usize, String> {
    let (mosn, hessian2, filter) = match &options.others[..] {
        [mosn, hessian2] => (mosn, hessian2, ""),
        [mosn, hessian2, filter] => (mosn, hessian2, filter.to_str().ok_or(USAGE)?),
        _ => return Err(USAGE.into()),
    };
    let start = |program| Peer::start(program).map_err(|error| format!("{}: {error}", Path::new(program).display()));
    let (mut mosn, mut hessian2) = (start(mosn)?, start(hessian2)?);
    let dir = Scratch::new().map_err(|error| format!("no place for frames: {error}"))?;
    if !options.json {
        println!(
            "{:<14} {:>8} {:<9} {:>11} {:>6} {:>7} {:>12} {:>8} {:>7}  peer; target",
            "request", "bytes", "what", "meshwire ns", "GB/s", "allocs", "peer ns", "allocs", "faster"
        );
    }
    let mut missed = 0;
    for request in invocations::requests() {
        if !request.name.contains(filter) {
            continue;
        }
        let file = dir.0.join(request.name);
        std::fs::write(&file, &request.frame).map_err(|error| format!("{}: {error}", file.display()))?;
        // So many of them that the clock is read for a few microseconds of work at least.
        let batch = (16 * 1024 / request.frame.len()).max(1);
        let mut receive = Receive::new(request.frame.clone(), batch);
        let row = Row { request: &request, what: "decode", peer: "MOSN's decoder", target: Some(MOSN_TARGET) };
        missed += row.print(options.json, rounds(&mut receive, batch, &mut mosn, &file)?);
        let mut scan = Scan::new(request.payload().to_vec(), request.values);
        let row = Row { request: &request, what: "skip", peer: "dubbo-go-hessian2", target: None };
        missed += row.print(options.json, rounds(&mut scan, 1, &mut hessian2, &file)?);
    }
    Ok(missed)
}

/// What came of a comparison: the medians over rounds.
struct Compared {
    ours: Cost,
    theirs: Cost,
    /// The peer's time over ours.
    faster: f64,
}

fn rounds(
    ours: &mut dyn Side,
    batch: usize,
    theirs: &mut Peer,
    file: &Path,
) -> Result<Result<Compared, String>, String> {
    turn(ours, batch);
    // What a peer cannot read is told, and no reason to end.
    if let Err(why) = theirs.turn(file, TURN) {
        return Ok(Err(why));
    }
    let mut costs = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let (mut best, mut their_best) = (turn(ours, batch), theirs.turn(file, TURN)?);
        for _ in 1..TURNS {
            best = best.faster(turn(ours, batch));
            their_best = their_best.faster(theirs.turn(file, TURN)?);
        }
        costs.push((best, their_best));
    }
    let of = |value: fn(&(Cost, Cost)) -> f64| median(costs.iter().map(value).collect());
    let ours = Cost { ns: of(|(ours, _)| ours.ns), allocs: of(|(ours, _)| ours.allocs), allocated: 0.0 };
    let theirs = Cost {
        ns: of(|(_, theirs)| theirs.ns),
        allocs: of(|(_, theirs)| theirs.allocs),
        allocated: of(|(_, theirs)| theirs.allocated),
    };
    Ok(Ok(Compared { ours, theirs, faster: of(|(ours, theirs)| theirs.ns / ours.ns) }))
}

/// Our turn, as long as the peer's: the mean, as Go's is.
fn turn(side: &mut dyn Side, batch: usize) -> Cost {
    let (mut spent, mut batches, before) = (Duration::ZERO, 0.0, alloc::count());
    while spent < Duration::from_millis(u64::from(TURN)) {
        spent += measure::batch(side);
        batches += batch as f64;
    }
    Cost { ns: spent.as_secs_f64() * 1e9 / batches, allocs: (alloc::count() - before) as f64 / batches, allocated: 0.0 }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

struct Row<'a> {
    request: &'a Request,
    what: &'static str,
    peer: &'static str,
    target: Option<f64>,
}

impl Row<'_> {
    /// Prints it: 1 where the target was missed.
    fn print(&self, json: bool, compared: Result<Compared, String>) -> usize {
        let Self { request: Request { name, frame, .. }, what, peer, target } = self;
        let Compared { ours, theirs, faster } = match compared {
            Ok(compared) => compared,
            Err(why) => {
                eprintln!("{name} {what}: {peer} cannot: {why}");
                return usize::from(target.is_some());
            }
        };
        let met = target.map(|target| faster >= target);
        if json {
            println!(
                r#"{{"request":"{name}","bytes":{},"what":"{what}","peer":"{peer}","ns":{:.1},"allocs":{:.3},"peer_ns":{:.1},"peer_allocs":{:.1},"peer_allocated":{:.0},"faster":{faster:.1}}}"#,
                frame.len(),
                ours.ns,
                ours.allocs,
                theirs.ns,
                theirs.allocs,
                theirs.allocated
            );
        } else {
            print!(
                "{name:<14} {:>8} {what:<9} {:>11.1} {:>6.2} {:>7.3} {:>12.1} {:>8.0} {faster:>7.1}  {peer}",
                frame.len(),
                ours.ns,
                frame.len() as f64 / ours.ns,
                ours.allocs,
                theirs.ns,
                theirs.allocs
            );
            match (target, met) {
                (Some(target), Some(true)) => println!("; x {target}: pass"),
                (Some(target), _) => println!("; x {target}: MISS"),
                _ => println!(),
            }
        }
        usize::from(met == Some(false))
    }
}

/// A directory that is gone afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> std::io::Result<Self> {
        let dir = std::env::temp_dir().join(format!("meshwire-frames-{}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        Ok(Self(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
