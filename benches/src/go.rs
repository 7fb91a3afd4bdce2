//! Programs in Go that read frames, each in a process of its own (`go/` has them): asked through a pipe, so that they and
//! meshwire take turns.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A program that runs. It ends with its standard input.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// What one reading of a frame cost.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Nanoseconds.
    pub ns: f64,
    /// Allocations.
    pub allocs: f64,
    /// Bytes in them.
    pub allocated: f64,
}

impl Cost {
    /// The one that took less time.
    #[must_use]
    pub fn faster(self, other: Self) -> Self {
        if other.ns < self.ns { other } else { self }
    }
}

impl Peer {
    /// Starts `program`.
    ///
    /// # Errors
    ///
    /// It cannot be run.
    pub fn start(program: &OsStr) -> io::Result<Self> {
        let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (requests, answers) = (child.stdin.take(), child.stdout.take());
        let answers = BufReader::new(answers.ok_or(io::ErrorKind::BrokenPipe)?);
        Ok(Self { child, requests, answers })
    }

    /// Lets it read the frame in `file` for so many milliseconds.
    ///
    /// # Errors
    ///
    /// What it says is wrong with the frame, or that it is gone.
    pub fn turn(&mut self, file: &Path, millis: u32) -> Result<Cost, String> {
        let gone = |error| format!("the peer has gone: {error}");
        let requests = self.requests.as_mut().ok_or("the peer has no input")?;
        writeln!(requests, "{millis} {}", file.display()).map_err(gone)?;
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(gone)?;
        let numbers: Vec<f64> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
        match numbers[..] {
            [ns, allocs, allocated] => Ok(Cost { ns, allocs, allocated }),
            _ => Err(line.trim().to_owned()),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.requests.take());
        let _ = self.child.wait();
    }
}
