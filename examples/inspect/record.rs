//! One line of what `inspect` says: an event, or an error.

use meshwire::{Attr, Attribute, DecodeError, Depth, Event, Head, Kind, Outcome, RoutingKey};
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) struct Record {
    pub(crate) dir: &'static str,
    pub(crate) event: &'static str,
    pub(crate) offset: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stream: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) interim: Option<bool>,
    pub(crate) protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fields: Option<Vec<(String, String)>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) checksum: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wire: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_offset: Option<u64>,
}

impl Record {
    fn new(dir: &'static str, protocol: &'static str, event: &'static str, offset: u64) -> Self {
        Self {
            dir,
            event,
            offset,
            stream: None,
            kind: None,
            interim: None,
            protocol,
            host: None,
            service: None,
            method: None,
            version: None,
            group: None,
            path: None,
            status: None,
            outcome: None,
            timeout_ms: None,
            reason: None,
            fields: None,
            data: None,
            end: None,
            checksum: None,
            wire: None,
            code: None,
            scope: None,
            message: None,
            message_offset: None,
        }
    }

    /// What is to be said of `event`; `None` for events that only matter inside a proxy.
    pub(crate) fn of(
        dir: &'static str,
        protocol: &'static str,
        offset: u64,
        event: &Event,
        depth: &Depth,
    ) -> Option<Self> {
        let name = match event {
            Event::Head(_) => "head",
            Event::Body(_) => "body",
            Event::Trailers(_) => "trailers",
            Event::Reset(_) => "reset",
            Event::GoAway => "go_away",
            Event::Heartbeat { .. } => "heartbeat",
            Event::Upgraded { .. } => "upgraded",
            _ => return None,
        };
        let mut record = Self::new(dir, protocol, name, offset);
        record.stream = event.stream().map(|stream| stream.to_string());
        match event {
            Event::Head(head) => record.head(head, depth),
            Event::Body(body) => {
                record.data = Some(body.data.len());
                record.end = Some(body.end);
            }
            Event::Trailers(trailers) => {
                let fields = trailers.fields().into_iter().flatten();
                record.fields = Some(fields.map(|(name, value)| (text(name), text(value))).collect());
                record.outcome =
                    Some(trailers.outcome()).filter(|outcome| *outcome != Outcome::Unknown).map(Outcome::name);
                record.end = Some(true);
                record.checksum = hex(trailers.tail());
            }
            Event::Reset(reset) => record.reason = Some(reset.reason.name()),
            Event::Heartbeat { ack } => record.kind = Some(if *ack { "response" } else { "request" }),
            _ => {}
        }
        Some(record)
    }

    fn head(&mut self, head: &Head, depth: &Depth) {
        self.kind = Some(match head.kind() {
            Kind::Interim => "response",
            kind => kind.name(),
        });
        self.interim = (head.kind() == Kind::Interim).then_some(true);
        let request = head.kind().is_request();
        if request && !depth.is_boundary() {
            let value = |attr: Attr<'_>| attr.value().map(text);
            self.host = value(head.host());
            self.service = value(head.attribute(Attribute::Service));
            self.method = value(head.attribute(Attribute::Method));
            self.version = value(head.attribute(Attribute::Version));
            self.group = value(head.attribute(Attribute::Group));
            self.path = head.path().ok().flatten().map(|path| text(&path.to_bytes()));
        }
        self.status = head.status();
        self.outcome = (!request).then(|| head.outcome().name());
        self.timeout_ms = head.timeout().map(|timeout| timeout.as_millis() as u64);
        if depth.needs_fields() {
            self.fields = head.fields().map(|fields| fields.map(|(name, value)| (text(name), text(value))).collect());
        }
        self.data = Some(head.data().len());
        self.end = Some(head.is_end());
        self.checksum = hex(head.tail());
    }

    /// What is to be said of an error.
    pub(crate) fn error(dir: &'static str, error: &DecodeError) -> Self {
        let mut record = Self::new(dir, error.protocol, "error", error.offset);
        record.stream = error.stream().map(|stream| stream.to_string());
        record.code = Some(error.code);
        record.scope = Some(error.scope.name());
        record.message = Some(error.detail);
        record.message_offset = Some(error.message_offset);
        record
    }
}

fn hex(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
