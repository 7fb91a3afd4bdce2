//! What stands between a client and a server.

use std::path::{Path, PathBuf};
use std::process::Command;

use meshwire::Outcome;

use crate::plan::ProtocolCases;
use crate::process::Process;
use crate::shared::Shared;

/// The sidecar's program: what `MESHWIRE_SIDECAR` names, else built here (at once, where it is fresh).
pub(crate) fn build() -> Result<PathBuf, String> {
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
pub(crate) enum Proxy {
    Sidecar(Process),
    Shared(Shared),
}

pub(crate) struct Sidecar<'a> {
    pub(crate) program: &'a Path,
    pub(crate) cases: &'a ProtocolCases,
}

impl Sidecar<'_> {
    pub(crate) fn config(&self, port: u16) -> String {
        let upstream = self.cases.upstream.as_ref().map_or_else(String::new, |name| format!("    protocol: {name}\n"));
        let replies: String =
            if self.cases.replies.is_some() { Outcome::ALL.map(reply).concat() } else { String::new() };
        let edits = if self.cases.edits.is_empty() { "" } else { EDITS };
        format!(
            "\
listeners:
  - name: in
    address: 127.0.0.1:0
    protocol: auto
routes:
  virtual_hosts:
{replies}{edits}\
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

/// The virtual hosts of the services of which the sidecar edits the requests: nothing is removed where it streams.
const EDITS: &str = "\
\x20   - hosts: [interop.Added]
      routes:
        - cluster: backend
          request_fields:
            add: {x-mesh: \"mesh é 😀\"}
            set: {x-set: new}
            remove: [x-gone]
    - hosts: [interop.Streamed]
      routes:
        - cluster: backend
          request_fields:
            add: {x-mesh: \"mesh é 😀\"}
            set: {x-set: new}
";

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
pub(crate) fn listening(line: &str) -> Option<u16> {
    if !line.contains("listen") {
        return None;
    }
    let (_, port) = line.rsplit_once("127.0.0.1:")?;
    port.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
