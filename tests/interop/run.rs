//! The run: starts what the cells need, and tells what came of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Options;
use crate::plan::{Cell, Peer, Plan};
use crate::process::{Process, free_port};
use crate::shared::Shared;
use crate::sidecar::{self, Proxy, Sidecar, listening};

/// A server, and the sidecar before it, must be ready within this time.
const READY: Duration = Duration::from_secs(60);
/// A client must say what came of its next case within this time.
const CASE: Duration = Duration::from_secs(90);
/// A server whose input has ended must end within this time, or is killed.
const END: Duration = Duration::from_secs(5);
/// Servers end by themselves after so many seconds, should this program have been killed.
const SERVER_LIFE: &str = "600";

pub(crate) struct Run {
    options: Options,
    /// Where the peers are; their working directory.
    home: PathBuf,
    /// Logs, configuration and data of this run.
    work: PathBuf,
    passed: usize,
    failed: usize,
}

impl Run {
    pub(crate) fn new(options: Options, home: PathBuf) -> Result<Self, String> {
        let work = std::env::temp_dir().join(format!("meshwire-interop-{}", std::process::id()));
        fs::create_dir_all(&work).map_err(|e| format!("{}: {e}", work.display()))?;
        Ok(Self { options, home, work, passed: 0, failed: 0 })
    }

    pub(crate) fn all(mut self, plan: &Plan) -> Result<bool, String> {
        let began = Instant::now();
        let cells: Vec<&Cell> = plan.cell.iter().filter(|c| self.options.selects(c)).collect();
        if cells.is_empty() {
            return Err("no cell has such a name".into());
        }
        let missing = self.look_for_peers(plan, &cells)?;
        let sidecar = if self.options.direct { None } else { Some(sidecar::build()?) };

        println!();
        row(["client", "server", "protocol", "case", "result", "time"], "");
        // A server, and a sidecar before it, is started once for all the clients that talk to it.
        let mut by_server: BTreeMap<(&str, Option<&str>, &str), Vec<&Cell>> = BTreeMap::new();
        let mut count = 0;
        for cell in cells {
            if let Some(gone) = [&cell.client, &cell.server].into_iter().find(|p| missing.contains(p.as_str())) {
                self.leave_out(cell, gone);
                count += usize::from(self.options.required);
            } else {
                by_server.entry((&cell.protocol, cell.flavour.as_deref(), &cell.server)).or_default().push(cell);
                count += 1;
            }
        }
        for ((protocol, flavour, server), cells) in by_server {
            let cases = plan.protocol(protocol)?;
            let before = sidecar.as_deref().map(|program| Sidecar { program, cases });
            self.cells_of(plan, flavour, server, &cells, before)?;
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
                row([&cell.client, &cell.server, &cell.speech(), case, "-", ""], &format!("{gone} is missing"));
            }
        }
    }

    /// All the cells of one server.
    fn cells_of(
        &mut self,
        plan: &Plan,
        flavour: Option<&str>,
        server: &str,
        cells: &[&Cell],
        sidecar: Option<Sidecar<'_>>,
    ) -> Result<(), String> {
        match self.start(plan.peer(server)?, flavour, sidecar) {
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
    fn start(
        &self,
        peer: &Peer,
        flavour: Option<&str>,
        sidecar: Option<Sidecar<'_>>,
    ) -> Result<(Process, Option<Proxy>, u16), String> {
        let port = free_port()?;
        let mut command = self.command(&peer.start)?;
        command.args(flavour).args(["server", &port.to_string(), SERVER_LIFE]);
        let name = [&peer.name, flavour.unwrap_or("any")].join("-");
        let mut server = Process::spawn(command, &self.work.join(format!("{name}-server.log")), END)?;
        let ready = format!("READY {port}");
        server.wait_for(READY, |line| (line == ready).then_some(()))?;

        let Some(sidecar) = sidecar.filter(|_| !peer.bare) else { return Ok((server, None, port)) };
        if let Some(protocol) = &sidecar.cases.shared {
            let (relay, port) = Shared::start(port, protocol)?;
            return Ok((server, Some(Proxy::Shared(relay)), port));
        }
        let config = self.work.join(format!("{name}-sidecar.yaml"));
        fs::write(&config, sidecar.config(port)).map_err(|e| format!("{}: {e}", config.display()))?;
        let mut command = Command::new(sidecar.program);
        command.arg("--config").arg(&config);
        // It does not look at its input: it is killed.
        let log = self.work.join(format!("{name}-sidecar.log"));
        let mut proxy = Process::spawn(command, &log, Duration::ZERO)?;
        let port = proxy.wait_for(READY, listening)?;
        Ok((server, Some(Proxy::Sidecar(proxy)), port))
    }

    /// One client, all its cases.
    fn cell(&mut self, plan: &Plan, cell: &Cell, port: u16) -> Result<(), String> {
        let peer = plan.peer(&cell.client)?;
        let mut command = self.command(&peer.start)?;
        command.args(&cell.flavour).args(["client", &format!("127.0.0.1:{port}")]).args(&cell.cases);
        let name = [&cell.client, &cell.server, cell.flavour.as_deref().unwrap_or("any")].join("-");
        let log = self.work.join(format!("{name}-client.log"));
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
        row([&cell.client, &cell.server, &cell.speech(), case, word, &time], remark);
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
    let line = format!("{client:<15} {server:<15} {protocol:<23} {case:<15} {result:<7} {time:>8}  {remark}");
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
