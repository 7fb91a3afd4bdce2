//! What `inspect` prints for people.

use std::io::{self, Write};

use meshwire::Event;

use crate::record::Record;

pub(crate) struct Table<W: Write> {
    out: W,
    colour: bool,
    hex: bool,
    begun: bool,
    rows: usize,
    errors: usize,
}

const RED: &str = "31";
const GREEN: &str = "32";
const BLUE: &str = "34";
const GREY: &str = "90";

impl<W: Write> Table<W> {
    pub(crate) fn new(out: W, colour: bool, hex: bool) -> Self {
        Self { out, colour, hex, begun: false, rows: 0, errors: 0 }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(crate) fn put(&mut self, record: &Record, event: Option<&Event>) -> io::Result<()> {
        if !std::mem::replace(&mut self.begun, true) {
            let heading = format!(
                "{:>9}  {:<2} {:<9} {:>8}  {:<8} {:>8} {:>8}  {}",
                "OFFSET", "", "EVENT", "STREAM", "KIND", "DATA", "WIRE", "WHAT"
            );
            let heading = self.paint(GREY, &heading);
            writeln!(self.out, "{heading}")?;
        }
        self.rows += 1;
        let (arrow, colour) = match (record.event, record.dir) {
            ("error", _) => ("!!", RED),
            (_, "request") => ("->", BLUE),
            _ => ("<-", GREEN),
        };
        let number = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
        let kind = if record.interim.is_some() { "interim" } else { record.kind.unwrap_or_default() };
        let front = format!("{:>9}  {arrow} {:<9}", record.offset, record.event);
        let front = self.paint(colour, &front);
        writeln!(
            self.out,
            "{front} {:>8}  {kind:<8} {:>8} {:>8}  {}",
            record.stream.as_deref().unwrap_or_default(),
            number(record.data.map(|n| n as u64)),
            number(record.wire),
            what(record)
        )?;
        for (name, value) in record.fields.iter().flatten() {
            let field = self.paint(GREY, &format!("{name}: {value}"));
            writeln!(self.out, "{:>56}{field}", "")?;
        }
        if record.event == "error" {
            self.errors += 1;
        }
        if let (true, Some(event)) = (self.hex, event) {
            match event {
                Event::Head(head) => {
                    self.dump("head", head.head_bytes())?;
                    self.dump("data", head.data())?;
                    self.dump("checksum", head.tail())?;
                }
                Event::Trailers(trailers) => self.dump("checksum", trailers.tail())?,
                Event::Body(body) => self.dump("data", &body.data)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn dump(&mut self, part: &str, bytes: &[u8]) -> io::Result<()> {
        for (n, row) in bytes.chunks(16).enumerate() {
            let hex: String = row.iter().map(|b| format!("{b:02x} ")).collect();
            let text: String =
                row.iter().map(|b| if (0x20..0x7f).contains(b) { char::from(*b) } else { '.' }).collect();
            let label = if n == 0 { part } else { "" };
            let line = self.paint(GREY, &format!("{label:>15} {:06x}  {hex:<48} {text}", n * 16));
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }

    pub(crate) fn finish(&mut self, clean: bool) -> io::Result<()> {
        let colour = if clean { GREEN } else { RED };
        let plural = |n: usize| if n == 1 { "" } else { "s" };
        let (events, errors) = (self.rows - self.errors, self.errors);
        let line = format!("{events} event{}, {errors} error{}", plural(events), plural(errors));
        let line = self.paint(colour, &line);
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }
}

fn what(record: &Record) -> String {
    let mut parts = Vec::new();
    if let Some(code) = record.code {
        let message = record.message.unwrap_or_default();
        let scope = record.scope.unwrap_or_default();
        let begun = record.message_offset.unwrap_or_default();
        return format!("{code} ({scope}, message at {begun}): {message}");
    }
    if let Some(method) = &record.method {
        parts.push(method.clone());
    }
    if let Some(path) = &record.path {
        parts.push(path.clone());
    }
    if let Some(host) = &record.host {
        parts.push(format!("host={host}"));
    }
    for (name, value) in [("version", &record.version), ("group", &record.group)] {
        if let Some(value) = value {
            parts.push(format!("{name}={value}"));
        }
    }
    if let Some(status) = record.status {
        parts.push(status.to_string());
    }
    if let Some(outcome) = record.outcome {
        parts.push(outcome.to_owned());
    }
    if let Some(timeout) = record.timeout_ms {
        parts.push(format!("timeout={timeout}ms"));
    }
    if let Some(reason) = record.reason {
        parts.push(reason.to_owned());
    }
    if let Some(checksum) = &record.checksum {
        parts.push(format!("checksum={checksum}"));
    }
    if record.end == Some(true) {
        parts.push("end".to_owned());
    }
    parts.join(" ")
}
