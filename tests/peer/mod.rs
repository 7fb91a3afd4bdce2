//! Real servers and clients, and an example proxy between them.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Whether all of these are installed. If not, a test has nothing to do, unless `MESHWIRE_INTEROP=required` says that
/// it must.
pub(crate) fn are_installed(programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |program: &&&str| std::env::split_paths(&path).any(|dir| dir.join(program).is_file());
    let missing: Vec<_> = programs.iter().filter(|program| !is_there(program)).collect();
    if missing.is_empty() {
        return true;
    }
    let required = std::env::var_os("MESHWIRE_INTEROP").is_some_and(|value| value == "required");
    assert!(!required, "{missing:?} is not installed, and MESHWIRE_INTEROP=required");
    // Written past the harness, which would keep it to itself.
    let _ = writeln!(std::io::stderr(), "skipped: {missing:?} is not installed");
    false
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A process that ends with its test.
pub(crate) struct Running {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdout, lines) = (child.stdout.take().unwrap(), Arc::<Mutex<Vec<String>>>::default());
        let into = Arc::clone(&lines);
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                into.lock().unwrap().push(line);
            }
        });
        Self { child, lines }
    }

    /// Waits for a line with this in it.
    pub(crate) fn line(&self, part: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(line) = self.lines.lock().unwrap().iter().find(|line| line.contains(part)) {
                return line.clone();
            }
            assert!(Instant::now() < deadline, "no line with {part:?} in {:?}", self.lines.lock().unwrap());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that listens on `port`, once it does.
pub(crate) fn server(command: &mut Command, port: u16) -> Running {
    let mut running = Running::start(command);
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(running.child.try_wait().unwrap().is_none(), "{command:?} has ended");
        assert!(Instant::now() < deadline, "{command:?} does not listen");
        thread::sleep(Duration::from_millis(10));
    }
    running
}

/// The example as a proxy to `upstream`, and its port.
pub(crate) fn proxy(example: &str, upstream: u16) -> (Running, u16) {
    let upstream = format!("127.0.0.1:{upstream}");
    let mut command = Command::new(built(example));
    let running = Running::start(command.args(["--listen", "127.0.0.1:0", "--upstream", &upstream, "--verbose"]));
    let line = running.line("listening on ");
    let port = line.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap();
    (running, port)
}

/// The example's program. It has tests of its own, so that `cargo test` alone builds these and not the program.
fn built(example: &str) -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    let profile = exe.ancestors().nth(2).unwrap();
    let name = profile.file_name().and_then(|name| name.to_str()).unwrap();
    let status = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .args(["build", "--quiet", "--example", example, "--profile", if name == "debug" { "dev" } else { name }])
        .arg("--target-dir")
        .arg(profile.parent().unwrap())
        .status();
    assert!(status.unwrap().success(), "cargo build --example {example}");
    profile.join("examples").join(example)
}

/// Runs a client to its end, with `input` as what it reads.
pub(crate) fn client(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    let writer = thread::spawn(move || {
        // A client that has read enough closes early.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}
