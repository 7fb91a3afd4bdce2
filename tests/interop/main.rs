//! Real peers that talk to each other through the example proxy `sidecar`, with nothing of this
//! workspace at either end; and conformance suites, against the sidecar and against the example `server`.
//!
//! `peers.toml` lists the peers and the cells (who talks to whom, and about what); `install.sh`
//! installs them, this program installs nothing. It runs where `MESHWIRE_INTEROP` is set, and else
//! says that it does not. With `MESHWIRE_INTEROP=required` a missing peer is a failure; with any other
//! value its cells are left out.
//!
//! ```text
//! tests/interop/install.sh
//! MESHWIRE_INTEROP=required cargo test --test interop             # every cell
//! cargo test --test interop -- --direct                           # no sidecar: are the peers well?
//! MESHWIRE_INTEROP=1 cargo test --test interop -- 'curl -> nginx' # some cells
//! ```

mod shared;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use meshwire::Outcome;
use serde::Deserialize;

use shared::Shared;

/// A server, and the sidecar before it, must be ready within this time.
const READY: Duration = Duration::from_secs(60);
/// A client must say what came of its next case within this time.
const CASE: Duration = Duration::from_secs(90);
/// A server whose input has ended must end within this time, or is killed.
const END: Duration = Duration::from_secs(5);
/// Servers end by themselves after so many seconds, should this program have been killed.
const SERVER_LIFE: &str = "600";

fn main() -> ExitCode {
    let options = Options::parse();
    if !options.asked {
        println!("interop: skipped: no peers are asked for (MESHWIRE_INTEROP is not set)");
        return ExitCode::SUCCESS;
    }
    match run(options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            println!("interop: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<bool, String> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop");
    let plan = Plan::load(&home)?;
    Run::new(options, home)?.all(&plan)
}

struct Options {
    /// Whether to do anything.
    asked: bool,
    /// Whether a missing peer is a failure.
    required: bool,
    /// Whether clients connect to the servers themselves.
    direct: bool,
    /// Parts of the names of the cells to run; none: all of them.
    filters: Vec<String>,
}

impl Options {
    fn parse() -> Self {
        let mode = std::env::var("MESHWIRE_INTEROP").unwrap_or_default();
        // `cargo test` may pass on flags that are meant for libtest; they mean nothing here.
        let (flags, filters): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|a| a.starts_with('-'));
        let direct = flags.iter().any(|f| f == "--direct");
        Self { asked: direct || !mode.is_empty(), required: mode == "required", direct, filters }
    }

    fn selects(&self, cell: &Cell) -> bool {
        let name = cell.name();
        self.filters.is_empty() || self.filters.iter().any(|f| name.contains(f.as_str()))
    }
}

// ---- peers.toml

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    protocol: Vec<ProtocolCases>,
    peer: Vec<Peer>,
    cell: Vec<Cell>,
    cannot: Vec<Cannot>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProtocolCases {
    name: String,
    /// What the sidecar speaks to the server, where it is another protocol; such cells need the sidecar.
    upstream: Option<String>,
    /// The sidecar answers itself for services called `interop.reply.OUTCOME`; such cells need it.
    #[serde(default)]
    replies: bool,
    /// Not the sidecar stands before the server, but a relay with one connection for all clients.
    #[serde(default)]
    shared: bool,
    cases: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Peer {
    name: String,
    kind: Vec<Kind>,
    /// What `see` must print; without it any version will do.
    version: Option<String>,
    see: Vec<String>,
    start: Vec<String>,
    /// No sidecar stands before this server: it is made of the codecs itself.
    #[serde(default)]
    bare: bool,
    /// The only cases a client is there for, and why.
    #[serde(default)]
    only: Vec<String>,
    why: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Client,
    Server,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cell {
    protocol: String,
    client: String,
    server: String,
    cases: Vec<String>,
}

impl Cell {
    fn name(&self) -> String {
        format!("{}: {} -> {}", self.protocol, self.client, self.server)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cannot {
    peer: String,
    /// At which end; without it at both.
    #[serde(rename = "as")]
    end: Option<Kind>,
    cases: Vec<String>,
    why: String,
}

impl Plan {
    fn load(home: &Path) -> Result<Self, String> {
        let path = home.join("peers.toml");
        let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let plan: Self = toml::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
        plan.check()?;
        Ok(plan)
    }

    fn peer(&self, name: &str) -> Result<&Peer, String> {
        self.peer.iter().find(|p| p.name == name).ok_or_else(|| format!("peers.toml: no peer {name}"))
    }

    fn protocol(&self, name: &str) -> Option<&ProtocolCases> {
        self.protocol.iter().find(|p| p.name == name)
    }

    /// Whether nothing is tried without something between the two.
    fn needs_proxy(&self, protocol: &str) -> bool {
        self.protocol(protocol).is_some_and(|p| p.upstream.is_some() || p.shared)
    }

    fn is_bare(&self, cell: &Cell) -> bool {
        self.peer(&cell.server).is_ok_and(|server| server.bare)
    }

    /// No case is left out without a reason, and no reason is given for a case that is run.
    fn check(&self) -> Result<(), String> {
        for cell in &self.cell {
            let name = cell.name();
            let known = self.protocol(&cell.protocol);
            let known = known.ok_or_else(|| format!("peers.toml: {name}: unknown protocol"))?;
            let (client, server) = (self.peer(&cell.client)?, self.peer(&cell.server)?);
            if !client.kind.contains(&Kind::Client) || !server.kind.contains(&Kind::Server) {
                return Err(format!("peers.toml: {name}: a peer at the wrong end"));
            }
            if cell.cases.is_empty() {
                return Err(format!("peers.toml: {name}: an empty cell"));
            }
            if let Some(case) = cell.cases.iter().find(|c| !known.cases.contains(c)) {
                return Err(format!("peers.toml: {name}: unknown case {case}"));
            }
            for case in &known.cases {
                let excused = self.excuse(client, Kind::Client, case).or(self.excuse(server, Kind::Server, case));
                match (cell.cases.iter().filter(|c| *c == case).count(), excused) {
                    (0, Some(_)) | (1, None) => {}
                    (0, None) => return Err(format!("peers.toml: {name}: {case} is left out without a reason")),
                    (1, Some(why)) => return Err(format!("peers.toml: {name}: {case} is run, though {why}")),
                    (_, _) => return Err(format!("peers.toml: {name}: {case} is there twice")),
                }
            }
        }
        Ok(())
    }

    /// Why this peer does not do this case at this end.
    fn excuse<'a>(&'a self, peer: &'a Peer, end: Kind, case: &str) -> Option<&'a str> {
        let has = |cases: &[String]| cases.iter().any(|c| c == case);
        if !peer.only.is_empty() && !has(&peer.only) {
            return Some(peer.why.as_deref().unwrap_or("it is there for others"));
        }
        let mut reasons = self.cannot.iter();
        reasons.find(|c| c.peer == peer.name && c.end.is_none_or(|e| e == end) && has(&c.cases)).map(|c| c.why.as_str())
    }
}

// ---- the run

struct Run {
    options: Options,
    /// Where the peers are; their working directory.
    home: PathBuf,
    /// Logs, configuration and data of this run.
    work: PathBuf,
    passed: usize,
    failed: usize,
}

impl Run {
    fn new(options: Options, home: PathBuf) -> Result<Self, String> {
        let work = std::env::temp_dir().join(format!("meshwire-interop-{}", std::process::id()));
        fs::create_dir_all(&work).map_err(|e| format!("{}: {e}", work.display()))?;
        Ok(Self { options, home, work, passed: 0, failed: 0 })
    }

    fn all(mut self, plan: &Plan) -> Result<bool, String> {
        let began = Instant::now();
        let possible = |c: &&Cell| !self.options.direct || !plan.needs_proxy(&c.protocol) || plan.is_bare(c);
        let cells: Vec<&Cell> = plan.cell.iter().filter(|c| self.options.selects(c)).filter(possible).collect();
        if cells.is_empty() {
            return Err("no cell has such a name".into());
        }
        let missing = self.look_for_peers(plan, &cells)?;
        let sidecar = if self.options.direct { None } else { Some(sidecar()?) };

        println!();
        row(["client", "server", "protocol", "case", "result", "time"], "");
        // A server, and a sidecar before it, is started once for all the clients that talk to it.
        let mut by_server: BTreeMap<(&str, &str), Vec<&Cell>> = BTreeMap::new();
        let mut count = 0;
        for cell in cells {
            if let Some(gone) = [&cell.client, &cell.server].into_iter().find(|p| missing.contains(p.as_str())) {
                self.leave_out(cell, gone);
                count += usize::from(self.options.required);
            } else {
                by_server.entry((&cell.protocol, &cell.server)).or_default().push(cell);
                count += 1;
            }
        }
        for ((protocol, server), cells) in by_server {
            let cases = plan.protocol(protocol);
            let before = sidecar.as_deref().and_then(|program| Some(Sidecar { program, cases: cases? }));
            self.cells_of(plan, server, &cells, before)?;
        }

        println!();
        for cannot in &plan.cannot {
            println!("{} cannot {}: {}", cannot.peer, cannot.cases.join(", "), cannot.why);
        }
        let (passed, failed) = (self.passed, self.failed);
        println!("took {:.0} s", began.elapsed().as_secs_f64());
        println!("interop: {count} cells, {} cases, {failed} failed", passed + failed);
        println!("{passed} passed, {failed} failed");
        if failed == 0 {
            let _ = fs::remove_dir_all(&self.work);
        } else {
            println!("logs are in {}", self.work.display());
        }
        Ok(failed == 0 && (passed > 0 || !self.options.required))
    }

    /// Prints the version of every peer of these cells; answers with those that are not there.
    fn look_for_peers<'a>(&self, plan: &'a Plan, cells: &[&'a Cell]) -> Result<BTreeSet<&'a str>, String> {
        let mut missing = BTreeSet::new();
        let names: BTreeSet<&str> = cells.iter().flat_map(|c| [c.client.as_str(), c.server.as_str()]).collect();
        for name in names {
            let peer = plan.peer(name)?;
            match self.see(peer) {
                Ok(version) => println!("{name} {version}"),
                Err(reason) => {
                    println!("{name} is missing: {reason}");
                    missing.insert(name);
                }
            }
        }
        Ok(missing)
    }

    fn see(&self, peer: &Peer) -> Result<String, String> {
        let output = self.command(&peer.see)?.stdin(Stdio::null()).output().map_err(|e| e.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout);
        let said = text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default();
        if !output.status.success() || said.is_empty() {
            return Err(format!("`{}` failed", peer.see.join(" ")));
        }
        match &peer.version {
            Some(version) if !said.contains(version.as_str()) => Err(format!("found {said}, not {version}")),
            _ => Ok(said.to_owned()),
        }
    }

    fn leave_out(&mut self, cell: &Cell, gone: &str) {
        for case in &cell.cases {
            if self.options.required {
                self.report(cell, case, Err(format!("{gone} is missing")), Duration::ZERO);
            } else {
                row([&cell.client, &cell.server, &cell.protocol, case, "-", ""], &format!("{gone} is missing"));
            }
        }
    }

    /// All the cells of one server.
    fn cells_of(
        &mut self,
        plan: &Plan,
        server: &str,
        cells: &[&Cell],
        sidecar: Option<Sidecar<'_>>,
    ) -> Result<(), String> {
        match self.start(plan.peer(server)?, sidecar) {
            Ok((server, proxy, port)) => {
                for cell in cells {
                    self.cell(plan, cell, port)?;
                }
                // First the one that connects, then the one that it connects to.
                drop(proxy);
                drop(server);
            }
            Err(reason) => {
                for (cell, case) in cells.iter().flat_map(|cell| cell.cases.iter().map(move |case| (cell, case))) {
                    self.report(cell, case, Err(reason.clone()), Duration::ZERO);
                }
            }
        }
        Ok(())
    }

    /// Starts a server and the sidecar before it; the port is the one that clients connect to.
    fn start(&self, peer: &Peer, sidecar: Option<Sidecar<'_>>) -> Result<(Process, Option<Proxy>, u16), String> {
        let port = free_port()?;
        let mut command = self.command(&peer.start)?;
        command.args(["server", &port.to_string(), SERVER_LIFE]);
        let mut server = Process::spawn(command, &self.work.join(format!("{}-server.log", peer.name)), END)?;
        let ready = format!("READY {port}");
        server.wait_for(READY, |line| (line == ready).then_some(()))?;

        let Some(sidecar) = sidecar.filter(|_| !peer.bare) else { return Ok((server, None, port)) };
        if sidecar.cases.shared {
            let (relay, port) = Shared::start(port)?;
            return Ok((server, Some(Proxy::Shared(relay)), port));
        }
        let config = self.work.join(format!("{}-sidecar.yaml", peer.name));
        fs::write(&config, sidecar.config(port)).map_err(|e| format!("{}: {e}", config.display()))?;
        let mut command = Command::new(sidecar.program);
        command.arg("--config").arg(&config);
        // It does not look at its input: it is killed.
        let log = self.work.join(format!("{}-sidecar.log", peer.name));
        let mut proxy = Process::spawn(command, &log, Duration::ZERO)?;
        let port = proxy.wait_for(READY, listening)?;
        Ok((server, Some(Proxy::Sidecar(proxy)), port))
    }

    /// One client, all its cases.
    fn cell(&mut self, plan: &Plan, cell: &Cell, port: u16) -> Result<(), String> {
        let peer = plan.peer(&cell.client)?;
        let mut command = self.command(&peer.start)?;
        command.args(["client", &format!("127.0.0.1:{port}")]).args(&cell.cases);
        let log = self.work.join(format!("{}-{}-client.log", cell.client, cell.server));
        let mut client = match Process::spawn(command, &log, Duration::ZERO) {
            Ok(client) => client,
            Err(reason) => {
                for case in &cell.cases {
                    self.report(cell, case, Err(reason.clone()), Duration::ZERO);
                }
                return Ok(());
            }
        };
        // Cases run in order, each says its line; the time of the first is also the time to start.
        let mut gone = None;
        for case in &cell.cases {
            let began = Instant::now();
            let result = match &gone {
                Some(reason) => Err(String::clone(reason)),
                None => match client.wait_for(CASE, |line| outcome(line, case)) {
                    Ok(result) => result,
                    Err(reason) => {
                        gone = Some(reason.clone());
                        Err(reason)
                    }
                },
            };
            self.report(cell, case, result, began.elapsed());
        }
        Ok(())
    }

    fn report(&mut self, cell: &Cell, case: &str, result: Result<String, String>, took: Duration) {
        let (word, remark) = match &result {
            Ok(remark) => ("ok", remark),
            Err(reason) => ("FAILED", reason),
        };
        if result.is_ok() {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
        let time = format!("{:.2} s", took.as_secs_f64());
        row([&cell.client, &cell.server, &cell.protocol, case, word, &time], remark);
    }

    fn command(&self, words: &[String]) -> Result<Command, String> {
        let (program, arguments) = words.split_first().ok_or("peers.toml: an empty command")?;
        let work = self.work.to_string_lossy();
        let mut command = Command::new(program);
        command.args(arguments.iter().map(|a| a.replace("{work}", &work)));
        command.current_dir(&self.home).env("INTEROP_WORK", &self.work);
        Ok(command)
    }
}

fn row(columns: [&str; 6], remark: &str) {
    let [client, server, protocol, case, result, time] = columns;
    let line = format!("{client:<15} {server:<15} {protocol:<9} {case:<15} {result:<7} {time:>8}  {remark}");
    println!("{}", line.trim_end());
}

/// What a client's line says about this case, if it is about this case.
fn outcome(line: &str, case: &str) -> Option<Result<String, String>> {
    let rest = line.strip_prefix(case)?.strip_prefix(' ')?;
    match rest.split_once(' ').unwrap_or((rest, "")) {
        ("ok", remark) => Some(Ok(remark.to_owned())),
        ("FAIL", reason) => Some(Err(reason.to_owned())),
        _ => None,
    }
}

// ---- the sidecar

/// The sidecar's program: what `MESHWIRE_SIDECAR` names, else built here (at once, where it is fresh).
fn sidecar() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("MESHWIRE_SIDECAR") {
        return Ok(path.into());
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--release", "--example", "sidecar"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .map_err(|e| format!("cargo: {e}"))?;
    if !status.success() {
        return Err("the sidecar does not build".into());
    }
    // This program is TARGET/PROFILE/deps/interop-HASH.
    let exe = std::env::current_exe().map_err(|e| e.to_string())?;
    let target = exe.ancestors().nth(3).ok_or("this program is in no target directory")?;
    let path = target.join("release/examples/sidecar");
    if path.exists() { Ok(path) } else { Err(format!("{} is not there", path.display())) }
}

/// What stands before a server, and ends with this value.
#[allow(dead_code)] // held, and dropped
enum Proxy {
    Sidecar(Process),
    Shared(Shared),
}

struct Sidecar<'a> {
    program: &'a Path,
    cases: &'a ProtocolCases,
}

impl Sidecar<'_> {
    fn config(&self, port: u16) -> String {
        let upstream = self.cases.upstream.as_ref().map_or_else(String::new, |name| format!("    protocol: {name}\n"));
        let replies: String = if self.cases.replies { Outcome::ALL.map(reply).concat() } else { String::new() };
        format!(
            "\
listeners:
  - name: in
    address: 127.0.0.1:0
    protocol: auto
routes:
  virtual_hosts:
{replies}\
\x20   - hosts: [\"*\"]
      routes:
        - cluster: backend
clusters:
  - name: backend
    address: 127.0.0.1:{port}
    heartbeat_ms: 1000
{upstream}"
        )
    }
}

/// The virtual host of a service for which the sidecar answers.
fn reply(outcome: Outcome) -> String {
    format!(
        "    - hosts: [interop.reply.{outcome}]
      routes:
        - reply: {{outcome: {outcome}, message: \"answered here: {outcome}\"}}
"
    )
}

/// The port in the line in which the sidecar says where it listens.
fn listening(line: &str) -> Option<u16> {
    if !line.contains("listen") {
        return None;
    }
    let (_, port) = line.rsplit_once("127.0.0.1:")?;
    port.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

// ---- processes

/// A child that ends when this value does.
struct Process {
    child: Child,
    lines: Receiver<String>,
    log: PathBuf,
    /// How long to wait for it after its input has ended, before it is killed.
    patience: Duration,
}

impl Process {
    fn spawn(mut command: Command, log: &Path, patience: Duration) -> Result<Self, String> {
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
    fn wait_for<T>(&mut self, patience: Duration, wanted: impl Fn(&str) -> Option<T>) -> Result<T, String> {
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

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|e| e.to_string())?;
    Ok(listener.local_addr().map_err(|e| e.to_string())?.port())
}
