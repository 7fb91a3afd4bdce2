//! Frames: what lies where.

use bytes::Bytes;

use crate::error::EncodeError;
use crate::event::{ResetReason, StreamId};
use crate::head::{Head, HeadFormat, Kind};
use crate::key::{Attribute, RoutingKey};
use crate::testkit::toy::fields::{check_field, next_field, outcome_of, put_field};

pub(super) const NAME: &str = "toy-mux";
pub(super) const PREFACE: [u8; 4] = *b"TMUX";
pub(super) const HEADER: usize = 8;
pub(super) const MAX_PAYLOAD: usize = 16 * 1024;

pub(super) const HEAD: u8 = 0;
pub(super) const DATA: u8 = 1;
pub(super) const RESET: u8 = 2;
pub(super) const WINDOW: u8 = 3;
pub(super) const PING: u8 = 4;
pub(super) const GO_AWAY: u8 = 5;
pub(super) const SETTINGS: u8 = 6;

pub(super) const END: u8 = 1;
pub(super) const ONE_WAY: u8 = 2;
pub(super) const ACK: u8 = 4;

/// In the tag: no answer is owed.
pub(super) const TAG_ONE_WAY: u32 = 1;

#[derive(Clone, Copy)]
pub(super) struct Header {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) len: usize,
    pub(super) stream: u32,
}

impl Header {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let &[kind, flags, a, b, c, d, e, f] = bytes.first_chunk::<HEADER>()?;
        let len = usize::from(u16::from_be_bytes([a, b]));
        Some(Self { kind, flags, len, stream: u32::from_be_bytes([c, d, e, f]) })
    }

    pub(super) const fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// A frame; its payload is no longer than [`MAX_PAYLOAD`].
pub(super) fn put(kind: u8, flags: u8, stream: u32, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

pub(super) static FORMAT: HeadFormat = HeadFormat::new(NAME, NAME)
    .without(&[Attribute::Authority, Attribute::Path, Attribute::Verb, Attribute::Version, Attribute::Group])
    .editable(&[Attribute::Service, Attribute::Method])
    .with_fields(|_, bytes, cursor| next_field(bytes, cursor))
    .with_field_edits(check_field);

/// The head whose payload this is; `None` where it is malformed.
pub(super) fn read_head(kind: Kind, stream: StreamId, payload: Bytes) -> Option<Head> {
    let mut head = Head::new(&FORMAT, kind, stream, payload.clone());
    let mut at = 0usize;
    if kind == Kind::Response {
        let status = *payload.first()?;
        head.set_status(u32::from(status), outcome_of(status));
        head.set_absent(Attribute::Service);
        head.set_absent(Attribute::Method);
        at = 1;
    } else {
        for attribute in [Attribute::Service, Attribute::Method] {
            let start = at.saturating_add(1);
            let end = start.saturating_add(usize::from(*payload.get(at)?));
            payload.get(start..end)?;
            head.set_span(attribute, start..end);
            at = end;
        }
    }
    let mut cursor = at;
    while next_field(&payload, &mut cursor).is_some() {}
    head.set_fields_at(at);
    (cursor == payload.len()).then_some(head)
}

/// The payload of a head, edits applied.
pub(super) fn write_head(head: &Head) -> Result<Vec<u8>, EncodeError> {
    if !head.is_edited() {
        return Ok(head.head_bytes().to_vec());
    }
    let mut out = Vec::new();
    if head.kind() == Kind::Response {
        out.push(head.status().unwrap_or_default() as u8);
    } else {
        for attribute in [Attribute::Service, Attribute::Method] {
            let name = head.attribute(attribute).value().unwrap_or_default();
            let Ok(n) = u8::try_from(name.len()) else {
                return Err(EncodeError::Invalid { protocol: NAME, what: "a name of more than 255 bytes" });
            };
            out.push(n);
            out.extend_from_slice(name);
        }
    }
    head.fields().into_iter().flatten().for_each(|(name, value)| put_field(name, value, &mut out));
    if out.len() > MAX_PAYLOAD {
        return Err(EncodeError::Invalid { protocol: NAME, what: "a head of more than 16 KiB" });
    }
    Ok(out)
}

const REASONS: [ResetReason; 6] = [
    ResetReason::Cancelled,
    ResetReason::Malformed,
    ResetReason::Refused,
    ResetReason::Internal,
    ResetReason::NoError,
    ResetReason::Overloaded,
];

pub(super) fn reason_of(code: u8) -> ResetReason {
    REASONS.get(usize::from(code)).copied().unwrap_or(ResetReason::Internal)
}

pub(super) fn code_of(reason: ResetReason) -> u8 {
    REASONS.iter().position(|known| *known == reason).map_or(u8::MAX, |at| at as u8)
}
