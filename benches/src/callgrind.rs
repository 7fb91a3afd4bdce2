//! Instructions, counted by callgrind: the program runs itself again under valgrind, once for each side of a case.

use std::ffi::OsString;
use std::hint::black_box;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::case::{Case, Instructions, Side};

/// Makes the program count for its parent: `--collect CASE SIDE`.
pub const COLLECT: &str = "--collect";

/// Batches that run before those that are counted.
const WARM_UP: u32 = 3;

/// Says what is missing for instructions to be counted.
///
/// # Errors
///
/// One line for whoever asked.
pub fn available() -> Result<(), String> {
    let probe = Command::new("valgrind").arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output();
    match probe {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("--instructions needs valgrind, and `valgrind --version` failed: {}", output.status)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err("--instructions needs valgrind, which is not installed (Debian: apt-get install valgrind)".into())
        }
        Err(error) => Err(format!("--instructions needs valgrind, which cannot be run: {error}")),
    }
}

/// Counts the instructions of both sides.
///
/// # Errors
///
/// What valgrind or the program under it said.
pub fn count(case: &Case) -> Result<Instructions, String> {
    let name = case.name.as_str();
    // Both at once: instructions do not depend on what else runs.
    let (ours, theirs) = std::thread::scope(|scope| {
        let ours = scope.spawn(|| run(name, OURS));
        let theirs = run(name, THEIRS);
        (ours.join(), theirs)
    });
    let messages = f64::from(case.collect) * f64::from(case.batch);
    let ours = ours.map_err(|_| "a thread panicked")??;
    Ok(Instructions { ours: ours as f64 / messages, theirs: theirs? as f64 / messages })
}

const OURS: &str = "ours";
const THEIRS: &str = "theirs";

fn run(case: &str, side: &str) -> Result<u64, String> {
    let program =
        std::env::current_exe().map_err(|error| format!("this program does not know where it is: {error}"))?;
    let counts = Scratch::new(side);
    let mut out = OsString::from("--callgrind-out-file=");
    out.push(&counts.0);
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=*counted_batch*"])
        .arg(out)
        .arg(program)
        .args([COLLECT, case, side])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("valgrind cannot be run: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{case} ({side}) failed under valgrind: {}\n{said}", output.status));
    }
    let text = std::fs::read_to_string(&counts.0).map_err(|error| format!("callgrind left no counts: {error}"))?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals:").or(line.strip_prefix("summary:")));
    match total.and_then(|total| total.split_whitespace().next()?.parse().ok()) {
        Some(0) | None => Err(format!("callgrind counted nothing in {case} ({side})")),
        Some(count) => Ok(count),
    }
}

/// A file that is gone afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("meshwire-callgrind-{}-{name}", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What the program does under valgrind: runs one side of `case`, so that only the batches are counted.
///
/// # Errors
///
/// There is no such side.
pub fn collect(case: &Case, side: &str) -> Result<(), String> {
    let mut side = match side {
        OURS => (case.ours)(),
        THEIRS => (case.theirs)(),
        other => return Err(format!("no side is called {other}")),
    };
    for _ in 0..WARM_UP {
        side.prepare();
        side.run();
    }
    for _ in 0..case.collect {
        side.prepare();
        counted_batch(&mut *side);
    }
    Ok(())
}

/// Callgrind counts from here to its end, and knows it by its name.
#[inline(never)]
fn counted_batch(side: &mut dyn Side) {
    side.run();
    // Not the last thing it does: a call at the end could become a jump, which has no end.
    black_box(());
}
