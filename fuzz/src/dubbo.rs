//! Dubbo with its attachments edited: whatever comes, what goes out reads as what was shown, and a body that streams ends as
//! the same body that was waited for.

use meshwire::{
    Attribute, Conn, Depth, Endpoint, Event, Head, Limits, Protocol, Role, RoutingKey, Sent, Step, StreamId,
};
use meshwire_dubbo::{Call, Dubbo};

use crate::input::{self, Choices, Settings};

/// Messages of an input that are looked at.
const MESSAGES: usize = 16;

/// What both ends sent, each message for itself.
pub(crate) fn run(data: &[u8]) {
    let (wire, mut tail) = input::split_tail(data, Settings::LEN);
    let settings = input::settings(&mut tail);
    let mut choices = Choices::new(settings.seed);
    for (n, segment) in input::segments(wire).into_iter().enumerate() {
        let role = if n % 2 == 0 { Role::Server } else { Role::Client };
        for frame in frames(segment).take(MESSAGES) {
            message(frame, role, settings, &mut choices);
        }
    }
}

/// The frames that `wire` begins with, cut where their lengths say.
fn frames(mut wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = u32::from_be_bytes(wire.get(12..16)?.try_into().ok()?);
        let (frame, rest) = wire.split_at_checked(usize::try_from(length).ok()?.checked_add(16)?)?;
        wire = rest;
        Some(frame)
    })
}

/// An end in the role given that waits for all of a message, or for none.
fn end(role: Role, depth: Depth, wide: bool) -> Endpoint {
    let mut limits = Limits::default();
    limits.fields = 10_000;
    if wide {
        (limits.whole, limits.head, limits.field) = (1 << 24, 1 << 24, 1 << 24);
    } else {
        (limits.whole, limits.head) = (0, 64);
    }
    let conn = if role == Role::Server { Conn::server() } else { Conn::client() };
    Endpoint::new(Dubbo::new().codec(conn.with_limits(limits).with_depth(depth)))
}

/// The names of edits.
const NAMES: [&str; 4] = ["tenant", "a", "k1", "\u{1f600}"];

/// What is read, without what has the name of an edit in another case: only where all is there, that goes.
fn exact(frame: &[u8], role: Role) -> Option<Pairs> {
    let mut pairs = read(frame, role)?;
    pairs.retain(|(name, _)| {
        !NAMES.iter().any(|edited| edited.as_bytes() != name && edited.as_bytes().eq_ignore_ascii_case(name))
    });
    Some(pairs)
}

const fn other(role: Role) -> Role {
    match role {
        Role::Server => Role::Client,
        Role::Client => Role::Server,
    }
}

fn message(frame: &[u8], role: Role, settings: Settings, choices: &mut Choices) {
    let depth = [Depth::ALL, Depth::ROUTE, Depth::BOUNDARY, Depth::ROUTE.with_field("tenant")];
    let depth = depth[choices.below(depth.len())].clone();
    let mut reader = end(role, depth, true);
    reader.input().extend_from_slice(frame);
    let Ok(Step::Event(Event::Head(mut head))) = reader.decode() else { return };
    assert!(head.is_end() && head.bytes() == frame);
    let edits: Vec<u8> = (0..1 + choices.below(4)).map(|_| choices.below(256) as u8).collect();
    edit(&mut head, role, &edits, false);
    let shown = shown(&head);
    let mut writer = end(other(role), Depth::BOUNDARY, true);
    if let Ok(sent) = writer.send(&mut Event::Head(head)) {
        assert_eq!(sent, Sent::All);
        let out = writer.output_mut().take();
        check(&out, role, shown.as_deref());
    }
    let streamed = streamed(frame, role, &edits, settings, choices);
    // The same edits without those that take away, of the same message.
    let mut reader = end(role, Depth::BOUNDARY, true);
    reader.input().extend_from_slice(frame);
    let Ok(Step::Event(Event::Head(mut head))) = reader.decode() else { return };
    edit(&mut head, role, &edits, true);
    let mut writer = end(other(role), Depth::BOUNDARY, true);
    let whole = writer.send(&mut Event::Head(head)).is_ok().then(|| writer.output_mut().take());
    // A whole is refused where what is set takes the place of something that others may name; and what is not read as it came,
    // such as a group that is no string, only a whole is rid of.
    if let (Some(streamed), Some(whole), Some(_)) = (streamed, whole, read(frame, role)) {
        assert_eq!(exact(&streamed, role), exact(&whole, role), "a stream reads as something else than the whole");
    }
}

/// What the fields of a head will be, edits of attributes included.
fn shown(head: &Head) -> Option<Pairs> {
    let renamed = |name: &[u8]| match name {
        b"path" | b"interface" => head.edited(Attribute::Service),
        b"version" => head.edited(Attribute::Version),
        _ => None,
    };
    let fields = head.fields()?.map(|(name, value)| (name, renamed(name).unwrap_or(value)));
    Some(pairs(fields, head.edited(Attribute::Group)))
}

/// The message as it goes out where nothing of it is waited for; `None` where it is broken off.
fn streamed(frame: &[u8], role: Role, edits: &[u8], settings: Settings, choices: &mut Choices) -> Option<Vec<u8>> {
    let (mut reader, mut writer) = (end(role, Depth::BOUNDARY, false), end(other(role), Depth::BOUNDARY, true));
    let (mut rest, mut out) = (frame, Vec::new());
    while !rest.is_empty() {
        let n = match settings.chunk {
            0 => rest.len(),
            1 => 1,
            most => rest.len().min(1 + choices.below(usize::from(most))),
        };
        let (piece, after) = rest.split_at(n);
        rest = after;
        reader.input().extend_from_slice(piece);
        while let Ok(Step::Event(mut event)) = reader.decode() {
            if let Event::Head(head) = &mut event {
                edit(head, role, edits, true);
            }
            let (stream, n) = (event.stream()?, event.data_len());
            let sent = writer.send(&mut event);
            out.extend(writer.output_mut().take());
            reader.release(stream, n);
            if sent.is_err() {
                assert!(out.is_empty() || out.len() < announced(&out), "a message that was broken off is complete");
                return None;
            }
            if event.is_end() {
                assert_eq!(out.len(), announced(&out), "the length that was announced");
                return Some(out);
            }
        }
    }
    None
}

fn announced(frame: &[u8]) -> usize {
    let length = frame.get(12..16).and_then(|length| length.try_into().ok()).map_or(u32::MAX, u32::from_be_bytes);
    16 + length as usize
}

/// Whether an edit is one of the destination.
const fn renames(edit: u8) -> bool {
    edit & 7 == 7 && edit >> 3 & 3 < 2
}

/// Edits by a few numbers; `adds`: those only that nothing is taken away by.
fn edit(head: &mut Head, role: Role, edits: &[u8], adds: bool) {
    if role == Role::Client {
        // As if a client had asked that reads attachments of answers.
        let asked = Call::new("a", "b").head(1).stream();
        head.set_stream(StreamId::new(head.stream().id()).with_tag(asked.tag()));
    }
    for edit in edits {
        let name = NAMES[usize::from(edit >> 3 & 3)].as_bytes();
        let _ = match edit & 7 {
            0 | 1 => head.set_field(name, b"red"),
            2 | 3 => head.add_field(name, "\u{1f600}\u{fc}".as_bytes()),
            4 | 5 if !adds => head.remove_field(name),
            6 if role == Role::Server => head.set_attribute(Attribute::Group, b"blue"),
            _ if renames(*edit) && role == Role::Server => {
                let attribute = if edit >> 3 & 1 == 0 { Attribute::Service } else { Attribute::Version };
                head.set_attribute(attribute, "n\u{fc}".as_bytes())
            }
            _ => head.set_field(name, &vec![b'x'; 32 << (edit >> 5)]),
        };
    }
}

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Fields as a map has them: of one name the last, sorted. A group that was edited is none of the head's fields.
fn pairs<'f>(fields: impl Iterator<Item = (&'f [u8], &'f [u8])>, group: Option<&'f [u8]>) -> Pairs {
    let mut all: Pairs = Vec::new();
    for (name, value) in fields.chain(group.map(|group| (&b"group"[..], group))) {
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some((_, last)) => *last = value.to_vec(),
            None => all.push((name.to_vec(), value.to_vec())),
        }
    }
    all.sort();
    all
}

/// What a reader that looks at everything says.
fn read(frame: &[u8], role: Role) -> Option<Pairs> {
    let mut reader = end(role, Depth::ALL, true);
    reader.input().extend_from_slice(frame);
    match reader.decode() {
        Ok(Step::Event(Event::Head(head))) => Some(pairs(head.fields()?, None)),
        _ => None,
    }
}

fn check(out: &[u8], role: Role, shown: Option<&[(Vec<u8>, Vec<u8>)]>) {
    assert_eq!(out.len(), announced(out), "the length of an edited message");
    // What was shown before can be shown again; what nobody has looked at may be anything.
    if let Some(shown) = shown {
        let read = read(out, role);
        assert_eq!(read.as_deref(), Some(shown), "an edited message reads as something else than was shown");
    }
}
