//! `inspect`: reads recorded bytes and says what is in them.

mod args;
mod record;
mod side;
mod table;

use std::collections::HashMap;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use meshwire::{Body, Conn, Correlation, Depth, Endpoint, Event, Limits, Protocol, Registry, Sniffed, Step, StreamId};

use args::Args;
use record::Record;
use side::Side;
use table::Table;

fn main() -> ExitCode {
    let args = match args::parse() {
        Ok(Some(args)) => args,
        Ok(None) => {
            println!("{}", args::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => return usage(&error),
    };
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        // A reader that has seen enough (`| head`) is no failure.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(Failure::Output(error)) => usage(&error.to_string()),
        Err(Failure::Usage(error)) => usage(&error),
    }
}

fn usage(error: &str) -> ExitCode {
    eprintln!("inspect: {error}\nTry `inspect --help`.");
    ExitCode::from(2)
}

enum Failure {
    Usage(String),
    Output(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

fn read(path: Option<&Path>) -> Result<Option<Vec<u8>>, Failure> {
    let Some(path) = path else { return Ok(None) };
    std::fs::read(path).map(Some).map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}

/// Whether everything could be decoded.
fn run(args: &Args) -> Result<bool, Failure> {
    let requests = read(args.requests.as_deref())?;
    let responses = read(args.responses.as_deref())?;
    let registry = registry(requests.is_none()).map_err(Failure::Usage)?;
    let protocol = choose(&registry, args.protocol.as_deref(), requests.as_deref(), responses.as_deref())
        .map_err(Failure::Usage)?;
    // Nothing here waits: answers come from a file, and data is gone as soon as it is counted.
    let mut limits = Limits::default();
    (limits.pipelined, limits.open) = (usize::MAX, usize::MAX);
    let limits = Arc::new(limits);
    let depth = Arc::new(args.depth.clone());
    let side = |dir, conn: Conn, bytes| {
        let conn = conn.with_limits(Arc::clone(&limits)).with_depth(Arc::clone(&depth));
        Side::new(dir, Endpoint::new(protocol.codec(conn)), bytes, args.chunk)
    };
    let colour = args.colour.unwrap_or_else(|| io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    let out = BufWriter::new(io::stdout().lock());
    let mut inspection = Inspection {
        requests: requests.map(|bytes| side("request", Conn::server(), bytes)),
        responses: responses.map(|bytes| side("response", Conn::client(), bytes)),
        correlation: protocol.traits().correlation,
        protocol: protocol.name(),
        depth: args.depth.clone(),
        asked: HashMap::new(),
        asked_as: HashMap::new(),
        report: if args.json { Report::Json(out) } else { Report::Table(Table::new(out, colour, args.hex)) },
        clean: true,
    };
    inspection.run()?;
    inspection.report.finish(inspection.clean)?;
    Ok(inspection.clean)
}

fn registry(responses_alone: bool) -> Result<Registry, String> {
    Registry::builder()
        .with(meshwire_http1::Http1::default().assume_get(responses_alone))
        .with(meshwire_http2::Http2::default().observe(true))
        .with(meshwire_dubbo::Dubbo::default())
        .with(meshwire_sofarpc::Bolt::default())
        .with(meshwire_thrift::Thrift::new())
        .build()
        .map_err(|error| error.to_string())
}

fn choose(
    registry: &Registry,
    name: Option<&str>,
    requests: Option<&[u8]>,
    responses: Option<&[u8]>,
) -> Result<Arc<dyn Protocol>, String> {
    let names = || registry.protocols().iter().map(|p| p.name()).collect::<Vec<_>>().join(", ");
    if let Some(name) = name {
        let found = registry.by_port(name).ok_or_else(|| format!("no protocol {name:?}: there is {}", names()));
        return found.map(Arc::clone);
    }
    let sniffed = match requests {
        Some(bytes) => match registry.sniff(bytes) {
            Sniffed::Protocol(protocol) => Some(Arc::clone(protocol)),
            _ => None,
        },
        // A server's bytes have no magic of their own: whoever can read the first message is it.
        None => {
            let mut can = registry.protocols().iter().filter(|p| reads(p.as_ref(), responses.unwrap_or_default()));
            can.next().filter(|_| can.next().is_none()).map(Arc::clone)
        }
    };
    sniffed.ok_or_else(|| format!("the bytes do not tell the protocol: give --protocol, one of {}", names()))
}

fn reads(protocol: &dyn Protocol, bytes: &[u8]) -> bool {
    let mut end = Endpoint::new(protocol.codec(Conn::client()));
    end.input().extend_from_slice(bytes);
    loop {
        match end.decode() {
            // Says nothing of what the other end has sent.
            Ok(Step::Event(Event::Capacity { .. })) => {}
            step => return matches!(step, Ok(Step::Event(Event::Head(_) | Event::Heartbeat { .. }))),
        }
    }
}

enum Report<W: Write> {
    Json(W),
    Table(Table<W>),
}

impl<W: Write> Report<W> {
    fn put(&mut self, record: &Record, event: Option<&Event>) -> io::Result<()> {
        match self {
            Self::Json(out) => {
                serde_json::to_writer(&mut *out, record)?;
                out.write_all(b"\n")
            }
            Self::Table(table) => table.put(record, event),
        }
    }

    fn finish(&mut self, clean: bool) -> io::Result<()> {
        match self {
            Self::Json(out) => out.flush(),
            Self::Table(table) => table.finish(clean),
        }
    }
}

struct Inspection<W: Write> {
    requests: Option<Side>,
    responses: Option<Side>,
    correlation: Correlation,
    protocol: &'static str,
    depth: Depth,
    /// What the client calls a stream, by what the server calls it, and the other way.
    asked: HashMap<u64, StreamId>,
    asked_as: HashMap<u64, StreamId>,
    report: Report<W>,
    clean: bool,
}

impl<W: Write> Inspection<W> {
    /// Both directions alternately, each as far as it can go.
    fn run(&mut self) -> io::Result<()> {
        loop {
            let asked = self.run_side(true, false)?;
            let answered = self.run_side(false, self.requests.is_some())?;
            // An answer to nothing is looked at only when no more requests come: then it is an error.
            if !asked && !answered && !self.run_side(false, false)? {
                return Ok(());
            }
        }
    }

    /// Whether anything came of it. With `in_turn`, an ordered wire waits for its next request first.
    fn run_side(&mut self, asking: bool, in_turn: bool) -> io::Result<bool> {
        let mut moved = false;
        loop {
            // What the other end does not take yet waits in memory, as the file does: where one direction stops must not
            // depend on how the other was cut.
            self.pass_on(true);
            self.pass_on(false);
            let side = if asking { &mut self.requests } else { &mut self.responses };
            let Some(side) = side else { return Ok(false) };
            let state = side.end.codec().state();
            let waits = in_turn && self.correlation == Correlation::Ordered && state.open == 0 && !state.tunnel;
            if side.done || waits {
                return Ok(moved);
            }
            match side.end.decode() {
                Ok(Step::Event(event)) => self.event(asking, event)?,
                Ok(Step::NeedMore(_)) if side.feed() => {}
                Ok(Step::NeedMore(_) | Step::Paused) => return Ok(moved),
                Ok(Step::Closed) => side.done = true,
                Err(error) => {
                    side.done = error.is_fatal();
                    self.clean = false;
                    let mut record = Record::error(side.dir, &error);
                    record.stream = error.stream().map(|stream| on_wire(self.correlation, stream));
                    self.report.put(&record, None)?;
                }
            }
            moved = true;
        }
    }

    fn event(&mut self, asking: bool, mut event: Event) -> io::Result<()> {
        let side = if asking { &mut self.requests } else { &mut self.responses };
        let Some(side) = side else { return Ok(()) };
        let stats = side.end.codec().stats();
        let (begun, wire) = (stats.message_at, stats.bytes_in.saturating_sub(stats.message_at));
        let control_id = stats.control_id;
        if let Some(stream) = event.stream() {
            side.end.release(stream, event.data_len());
        }
        // How much of a body came with its head depends on where a read ended: it is said apart, unless the message
        // is whole by the protocol's own rule.
        let framed = matches!(self.correlation, Correlation::Id { .. });
        let mut behind = None;
        if let Event::Head(head) = &mut event
            && !head.data().is_empty()
            && !(framed && head.is_end())
        {
            let (stream, end) = (head.stream(), head.is_end());
            behind = Some(Event::Body(Body { stream, data: head.take_data(), end }));
            head.set_end(false);
        }
        let dir = side.dir;
        let ends = |event: &Event| event.is_end() || matches!(event, Event::Heartbeat { .. } | Event::GoAway);
        for event in std::iter::once(&event).chain(&behind) {
            if let Some(mut record) = Record::of(dir, self.protocol, begun, event, &self.depth) {
                record.wire = (framed && ends(event)).then_some(wire);
                record.stream = event.stream().map(|stream| on_wire(self.correlation, stream));
                if matches!(event, Event::Heartbeat { .. } | Event::GoAway) {
                    record.stream = control_id.map(|id| id.to_string());
                }
                self.report.put(&record, Some(event))?;
            }
        }
        side.untold.extend(
            std::iter::once(event).chain(behind).filter(|event| {
                matches!(event, Event::Head(_) | Event::Body(_) | Event::Trailers(_) | Event::Reset(_))
            }),
        );
        Ok(())
    }

    /// Tells one end what the other has read, under the name it has there, as far as it takes it.
    fn pass_on(&mut self, asking: bool) {
        let (own, other) =
            if asking { (&mut self.requests, &mut self.responses) } else { (&mut self.responses, &mut self.requests) };
        let (Some(own), Some(other)) = (own, other) else { return };
        while let Some(mut event) = own.untold.pop_front() {
            let Some(named) = event.stream() else { continue };
            let names = if asking { &self.asked } else { &self.asked_as };
            let asks = asking && matches!(event, Event::Head(_));
            let name = match self.correlation {
                Correlation::Id { .. } => Some(named),
                _ if asks => Some(StreamId::NEW),
                _ => names.get(&named.id()).copied(),
            };
            // What belongs to nothing was reported as an error where it was read.
            let Some(name) = name else { continue };
            event.set_stream(name);
            let sent = other.tell(&mut event);
            if asks && let Some(name) = event.stream().filter(|name| !name.is_new()) {
                self.asked.insert(named.id(), name);
                self.asked_as.insert(name.id(), named);
            }
            if !sent {
                event.set_stream(named);
                own.untold.push_front(event);
                return;
            }
        }
    }
}

/// The id of a stream. An end that is given one again has a name of its own for it, wider than the wire's ids.
fn on_wire(correlation: Correlation, stream: StreamId) -> String {
    let id = match correlation {
        Correlation::Id { bits } if bits < 64 => stream.id() & !(u64::MAX << bits),
        _ => stream.id(),
    };
    id.to_string()
}
