//! Child processes, and what they say.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// A child that ends when this value does.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    log: PathBuf,
    /// How long to wait for it after its input has ended, before it is killed.
    patience: Duration,
}

impl Process {
    pub(crate) fn spawn(mut command: Command, log: &Path, patience: Duration) -> Result<Self, String> {
        let file = File::create(log).map_err(|e| format!("{}: {e}", log.display()))?;
        let program = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file);
        let mut child = command.spawn().map_err(|e| format!("{program}: {e}"))?;
        let (sender, lines) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            // Reads to the end even when nobody listens, or the child would block on a full pipe.
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        Ok(Self { child, lines, log: log.to_owned(), patience })
    }

    /// The first line of output that `wanted` knows.
    pub(crate) fn wait_for<T>(&mut self, patience: Duration, wanted: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        let end = Instant::now() + patience;
        let log = self.log.display();
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if let Some(found) = wanted(line.trim_end()) {
                        return Ok(found);
                    }
                }
                Err(RecvTimeoutError::Timeout) => return Err(format!("nothing in {} s ({log})", patience.as_secs())),
                Err(RecvTimeoutError::Disconnected) => return Err(format!("it ended before it was done ({log})")),
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let end = Instant::now() + self.patience;
        while Instant::now() < end {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|e| e.to_string())?;
    Ok(listener.local_addr().map_err(|e| e.to_string())?.port())
}
