//! What the unit tests of this crate share.

use bytes::Bytes;
use meshwire::{Attribute, Head, HeadFormat, Kind, Limits, StreamId};

use crate::hpack::{Field, FieldList, Fields, ListLimits};
use crate::write::Sink;

pub(crate) type Pairs<'a> = &'a [(&'a str, &'a str)];

/// The block of these fields.
pub(crate) fn block(fields: Pairs<'_>) -> Bytes {
    let mut list = FieldList::new(ListLimits::of(&Limits::default()));
    for (name, value) in fields {
        list.push(&Field::new(name.as_bytes(), value.as_bytes()));
    }
    assert_eq!(list.over(), None);
    list.take()
}

/// What every plain request begins with.
pub(crate) fn get() -> Vec<(&'static str, &'static str)> {
    vec![(":method", "GET"), (":scheme", "http"), (":path", "/users?id=1"), (":authority", "example.com")]
}

/// What was put, as `name: value` lines; `!` in front of what is never indexed.
#[derive(Default)]
pub(crate) struct Lines(pub(crate) Vec<String>);

impl Sink for Lines {
    fn put(&mut self, field: &Field<'_>) {
        assert!(field.name_ok && field.value_ok, "{field:?}");
        let mark = if field.never_indexed { "!" } else { "" };
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        self.0.push(format!("{mark}{}: {}", text(field.name), text(field.value)));
    }
}

/// The fields of a block.
pub(crate) fn lines(block: &[u8]) -> Vec<String> {
    let mut lines = Lines::default();
    Fields::new(block).for_each(|field| lines.put(&field));
    lines.0
}

/// Another protocol that means the same: lines of text, and an `Upgrade` that counts.
static OTHER: HeadFormat = HeadFormat::new("other", "http")
    .without(&Attribute::ALL)
    .editable(&[Attribute::Authority, Attribute::Service])
    .with_fields(next_line)
    .with_field_edits(|_, _| Ok(()))
    .with_upgrade(|head| {
        use meshwire::RoutingKey;
        let is_switch = head.status().is_none_or(|status| status == 101);
        head.fields()?.find(|(name, _)| is_switch && *name == b"Upgrade").map(|(_, value)| value)
    });

fn next_line<'a>(_: &'a Head, bytes: &'a [u8], cursor: &mut usize) -> Option<(&'a [u8], &'a [u8])> {
    let line = bytes.get(*cursor..)?.split(|b| *b == b'\n').next().filter(|line| !line.is_empty())?;
    *cursor += line.len() + 1;
    let colon = line.iter().position(|b| *b == b':')?;
    Some((&line[..colon], &line[colon + 1..]))
}

fn foreign(kind: Kind, lines: &str) -> Head {
    let mut head = Head::new(&OTHER, kind, StreamId::NEW, Bytes::copy_from_slice(lines.as_bytes()));
    head.set_fields_at(0);
    head
}

pub(crate) fn foreign_request(method: &str, path: &str, lines: &str) -> Head {
    let mut head = foreign(Kind::Request, lines);
    head.set_owned(Attribute::Verb, method.as_bytes());
    if !path.is_empty() {
        head.set_owned(Attribute::Path, path.as_bytes());
    }
    head
}

pub(crate) fn foreign_response(status: u32, lines: &str) -> Head {
    let kind = if matches!(status, 100 | 102..=199) { Kind::Interim } else { Kind::Response };
    let mut head = foreign(kind, lines);
    head.set_status(status, meshwire::Outcome::Unknown);
    head
}

pub(crate) fn foreign_trailers(lines: &str) -> Head {
    foreign(Kind::Trailers, lines)
}
