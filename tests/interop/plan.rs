//! What `peers.toml` says: the peers, and who talks to whom about what.

use std::fs;
use std::path::Path;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    protocol: Vec<ProtocolCases>,
    peer: Vec<Peer>,
    /// Those that are written out; once loaded, those of the matrices too.
    pub(crate) cell: Vec<Cell>,
    matrix: Vec<Matrix>,
    pub(crate) cannot: Vec<Cannot>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProtocolCases {
    name: String,
    /// Ways to say the same, of which both peers must speak the one they use.
    #[serde(default)]
    flavours: Vec<String>,
    /// What the sidecar speaks to the server, where it is another protocol; such cells need the sidecar.
    pub(crate) upstream: Option<String>,
    /// The case in which the sidecar answers itself, for services called `interop.reply.OUTCOME`; it needs the sidecar.
    pub(crate) replies: Option<String>,
    /// The cases in which the sidecar edits the fields of requests to `interop.Added` and `interop.Streamed`; they need it.
    #[serde(default)]
    pub(crate) edits: Vec<String>,
    /// Not the sidecar stands before the server, but a relay with one connection for all clients, of this protocol.
    pub(crate) shared: Option<String>,
    cases: Vec<String>,
}

impl ProtocolCases {
    /// Those that mean nothing without the sidecar.
    fn sidecar_cases(&self) -> impl Iterator<Item = &String> {
        self.replies.iter().chain(&self.edits)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Peer {
    pub(crate) name: String,
    kind: Vec<Kind>,
    /// The flavours it can be started for.
    #[serde(default)]
    speaks: Vec<String>,
    /// What `see` must print; without it any version will do.
    pub(crate) version: Option<String>,
    pub(crate) see: Vec<String>,
    pub(crate) start: Vec<String>,
    /// No sidecar stands before this server: it is made of the codecs itself.
    #[serde(default)]
    pub(crate) bare: bool,
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
pub(crate) struct Cell {
    pub(crate) protocol: String,
    /// Only a matrix gives it one.
    #[serde(skip)]
    pub(crate) flavour: Option<String>,
    pub(crate) client: String,
    pub(crate) server: String,
    pub(crate) cases: Vec<String>,
}

impl Cell {
    pub(crate) fn name(&self) -> String {
        format!("{}: {} -> {}", self.speech(), self.client, self.server)
    }

    /// The protocol and its flavour.
    pub(crate) fn speech(&self) -> String {
        match &self.flavour {
            Some(flavour) => format!("{}/{flavour}", self.protocol),
            None => self.protocol.clone(),
        }
    }
}

/// A cell for each client, each server and each flavour that both speak, with every case that neither is excused from.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Matrix {
    protocol: String,
    clients: Vec<String>,
    servers: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cannot {
    pub(crate) peer: String,
    /// At which end; without it at both.
    #[serde(rename = "as")]
    end: Option<Kind>,
    /// In which flavours; without them in all.
    #[serde(default)]
    flavours: Vec<String>,
    pub(crate) cases: Vec<String>,
    pub(crate) why: String,
}

impl Plan {
    pub(crate) fn load(home: &Path) -> Result<Self, String> {
        let path = home.join("peers.toml");
        let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let mut plan: Self = toml::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
        plan.expand().and_then(|()| plan.check()).map_err(|e| format!("peers.toml: {e}"))?;
        Ok(plan)
    }

    /// Leaves out what is not tried without something between the two.
    pub(crate) fn without_proxy(&mut self) {
        let Self { protocol, peer, cell, .. } = self;
        cell.retain_mut(|cell| {
            let known = protocol.iter().find(|p| p.name == cell.protocol);
            let between = known.is_some_and(|p| p.upstream.is_some() || p.shared.is_some());
            let bare = peer.iter().any(|p| p.name == cell.server && p.bare);
            cell.cases.retain(|case| known.is_none_or(|p| !p.sidecar_cases().any(|needed| needed == case)));
            bare || !between
        });
    }

    pub(crate) fn peer(&self, name: &str) -> Result<&Peer, String> {
        self.peer.iter().find(|p| p.name == name).ok_or_else(|| format!("no peer {name}"))
    }

    pub(crate) fn protocol(&self, name: &str) -> Result<&ProtocolCases, String> {
        self.protocol.iter().find(|p| p.name == name).ok_or_else(|| format!("no protocol {name}"))
    }

    /// Adds the cells of the matrices.
    fn expand(&mut self) -> Result<(), String> {
        let mut cells = Vec::new();
        for matrix in &self.matrix {
            let protocol = self.protocol(&matrix.protocol)?;
            if protocol.flavours.is_empty() {
                return Err(format!("{}: a matrix without flavours", protocol.name));
            }
            for flavour in &protocol.flavours {
                for (client, server) in matrix.clients.iter().flat_map(|c| matrix.servers.iter().map(move |s| (c, s))) {
                    let ends = (self.peer(client)?, self.peer(server)?);
                    if !ends.0.speaks.contains(flavour) || !ends.1.speaks.contains(flavour) {
                        continue;
                    }
                    let mut cell = Cell {
                        protocol: protocol.name.clone(),
                        flavour: Some(flavour.clone()),
                        client: client.clone(),
                        server: server.clone(),
                        cases: Vec::new(),
                    };
                    let cases = protocol.cases.iter().filter(|case| self.excuse(&cell, ends, case).is_none());
                    cell.cases = cases.cloned().collect();
                    cells.push(cell);
                }
            }
        }
        self.cell.append(&mut cells);
        Ok(())
    }

    /// No case is left out without a reason, and no reason is given for a case that is run.
    fn check(&self) -> Result<(), String> {
        for cell in &self.cell {
            self.check_cell(cell).map_err(|reason| format!("{}: {reason}", cell.name()))?;
        }
        for protocol in &self.protocol {
            if let Some(case) = protocol.sidecar_cases().find(|c| !protocol.cases.contains(c)) {
                return Err(format!("{}: unknown case {case}", protocol.name));
            }
            let cells = || self.cell.iter().filter(|c| c.protocol == protocol.name);
            let spoken = |flavour: &&String| cells().any(|c| c.flavour.as_ref() == Some(flavour));
            if let Some(flavour) = protocol.flavours.iter().find(|f| !spoken(f)) {
                return Err(format!("{}: no cell speaks {flavour}", protocol.name));
            }
        }
        let known = |flavour: &&String| self.protocol.iter().any(|p| p.flavours.contains(flavour));
        let spoken = self.peer.iter().map(|p| (&p.name, &p.speaks));
        for (of, flavours) in spoken.chain(self.cannot.iter().map(|c| (&c.peer, &c.flavours))) {
            if let Some(flavour) = flavours.iter().find(|f| !known(f)) {
                return Err(format!("{of}: unknown flavour {flavour}"));
            }
        }
        Ok(())
    }

    fn check_cell(&self, cell: &Cell) -> Result<(), String> {
        let known = self.protocol(&cell.protocol)?;
        let ends = (self.peer(&cell.client)?, self.peer(&cell.server)?);
        if !ends.0.kind.contains(&Kind::Client) || !ends.1.kind.contains(&Kind::Server) {
            return Err("a peer at the wrong end".into());
        }
        if cell.flavour.is_none() != known.flavours.is_empty() {
            return Err("only a matrix says which flavour".into());
        }
        if cell.cases.is_empty() {
            return Err("an empty cell".into());
        }
        if let Some(case) = cell.cases.iter().find(|c| !known.cases.contains(c)) {
            return Err(format!("unknown case {case}"));
        }
        for case in &known.cases {
            let excused = self.excuse(cell, ends, case);
            match (cell.cases.iter().filter(|c| *c == case).count(), excused) {
                (0, Some(_)) | (1, None) => {}
                (0, None) => return Err(format!("{case} is left out without a reason")),
                (1, Some(why)) => return Err(format!("{case} is run, though {why}")),
                (_, _) => return Err(format!("{case} is there twice")),
            }
        }
        Ok(())
    }

    /// Why the client or the server of this cell does not do this case.
    fn excuse<'a>(&'a self, cell: &Cell, (client, server): (&'a Peer, &'a Peer), case: &str) -> Option<&'a str> {
        [(client, Kind::Client), (server, Kind::Server)].into_iter().find_map(|(peer, end)| {
            let has = |cases: &[String]| cases.iter().any(|c| c == case);
            if !peer.only.is_empty() && !has(&peer.only) {
                return Some(peer.why.as_deref().unwrap_or("it is there for others"));
            }
            let here = |c: &&Cannot| {
                let flavoured = c.flavours.is_empty() || cell.flavour.as_ref().is_some_and(|f| c.flavours.contains(f));
                c.peer == peer.name && c.end.is_none_or(|e| e == end) && flavoured && has(&c.cases)
            };
            self.cannot.iter().find(here).map(|c| c.why.as_str())
        })
    }
}
