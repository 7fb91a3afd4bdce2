//! What the tests of bodies share: frames made by hand, and both ends.
#![allow(dead_code, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

pub(crate) mod written;

use meshwire::{
    Attribute, Conn, DecodeError, Depth, EncodeError, Endpoint, Event, Head, Limits, Protocol, RoutingKey, Sent, Step,
    StreamId,
};
use meshwire_dubbo::Dubbo;
use meshwire_hessian::{Dialect, put};

/// What a proxy asks for that looks at fields.
pub(crate) fn deep() -> Depth {
    Depth::ALL
}

pub(crate) fn server_at(depth: Depth, limits: Limits) -> Endpoint {
    Endpoint::new(Dubbo::default().codec(Conn::server().with_limits(limits).with_depth(depth)))
}

pub(crate) fn client_at(depth: Depth, limits: Limits) -> Endpoint {
    Endpoint::new(Dubbo::default().codec(Conn::client().with_limits(limits).with_depth(depth)))
}

/// Limits under which a message of more than a few bytes does not come whole, and `head` bytes are looked at.
pub(crate) fn streaming(head: usize) -> Limits {
    let mut limits = Limits::default();
    (limits.whole, limits.head) = (24, head);
    limits
}

pub(crate) fn frame(flag: u8, status: u8, id: u64, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xda, 0xbb, flag, status];
    bytes.extend(id.to_be_bytes());
    bytes.extend((body.len() as u32).to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

pub(crate) fn request(body: &[u8]) -> Vec<u8> {
    frame(0xc2, 0, 7, body)
}

pub(crate) fn answer(body: &[u8]) -> Vec<u8> {
    frame(0x02, 20, 7, body)
}

/// A string in Hessian 2.
pub(crate) fn s(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    put::string(&mut out, Dialect::Hessian2, text);
    out
}

pub(crate) fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// What stands before the arguments.
pub(crate) fn front_of(service: &str, version: &str, method: &str, types: &str) -> Vec<u8> {
    let version = if version == "null" { b"N".to_vec() } else { s(version) };
    join(&[&s("2.0.2"), &s(service), &version, &s(method), &s(types)])
}

/// The same of most tests: `a.B`, version `1.0.0`, `hi`.
pub(crate) fn front(types: &str) -> Vec<u8> {
    front_of("a.B", "1.0.0", "hi", types)
}

/// A map of strings.
pub(crate) fn map(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    put::map(&mut out, Dialect::Hessian2, entries.iter().copied());
    out
}

/// A map of anything: keys and values as they stand.
pub(crate) fn raw_map(entries: &[&[u8]]) -> Vec<u8> {
    join(&[b"H", &entries.concat(), b"Z"])
}

/// A request without arguments and with these attachments.
pub(crate) fn with_map(map: &[u8]) -> Vec<u8> {
    request(&join(&[&front(""), map]))
}

pub(crate) fn decode(end: &mut Endpoint, bytes: &[u8]) -> Result<Head, DecodeError> {
    end.input().extend_from_slice(bytes);
    match end.decode()? {
        Step::Event(Event::Head(head)) => Ok(head),
        other => panic!("{other:?}"),
    }
}

/// The head of a whole request with everything seen.
pub(crate) fn asked(bytes: &[u8]) -> Head {
    decode(&mut server_at(deep(), Limits::default()), bytes).unwrap()
}

pub(crate) fn refused(bytes: &[u8]) -> DecodeError {
    decode(&mut server_at(deep(), Limits::default()), bytes).map(|head| panic!("{:?}", list(&head))).unwrap_err()
}

/// The head of a whole answer with everything seen.
pub(crate) fn answered(bytes: &[u8]) -> Head {
    decode(&mut client_at(deep(), Limits::default()), bytes).unwrap()
}

pub(crate) fn list(head: &Head) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    head.fields().unwrap().map(|(name, value)| (text(name), text(value))).collect()
}

/// The fields as `name=value`.
pub(crate) fn fields(head: &Head) -> Vec<String> {
    list(head).into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

pub(crate) fn group(head: &Head) -> Option<String> {
    head.attribute(Attribute::Group).value().map(|group| String::from_utf8_lossy(group).into_owned())
}

/// What goes out for a whole head, called `id`; nothing at all where it is refused.
pub(crate) fn sent(mut head: Head, id: u64) -> Result<Vec<u8>, EncodeError> {
    let is_request = head.kind().is_request();
    head.set_stream(StreamId::new(id).with_tag(head.stream().tag()));
    let limits = Limits::default();
    let mut out = if is_request { client_at(deep(), limits) } else { server_at(deep(), limits) };
    let result = out.send(&mut Event::Head(head));
    let bytes = out.output_mut().take().to_vec();
    match result {
        Ok(Sent::All) => Ok(bytes),
        Ok(Sent::Blocked) => panic!("blocked"),
        Err(error) => {
            assert!(bytes.is_empty(), "{error}, and yet {bytes:x?}");
            Err(error)
        }
    }
}

/// The body of a frame, whose length must be right.
pub(crate) fn body_of(frame: &[u8]) -> &[u8] {
    let len = u32::from_be_bytes(frame[12..16].try_into().unwrap());
    assert_eq!(frame.len() - 16, len as usize, "the length in the header");
    &frame[16..]
}

/// A message on its way through a proxy: decoded in `pieces`, edited, sent on. What came out, and the error that ended it.
pub(crate) fn passed(
    from: &mut Endpoint,
    to: &mut Endpoint,
    pieces: &[&[u8]],
    mut edit: impl FnMut(&mut Head),
) -> (Vec<u8>, Option<EncodeError>) {
    let (mut out, mut over) = (Vec::new(), false);
    for piece in pieces {
        from.input().extend_from_slice(piece);
        loop {
            let mut event = match from.decode() {
                Ok(Step::Event(event)) => event,
                Ok(Step::NeedMore(_)) => break,
                other => panic!("{other:?}"),
            };
            assert!(!over, "{event:?} behind the end");
            over = event.is_end();
            if let Event::Head(head) = &mut event {
                edit(head);
            }
            let (stream, n) = (event.stream().unwrap(), event.data_len());
            match to.send(&mut event) {
                Ok(Sent::All) => {}
                Ok(Sent::Blocked) => panic!("blocked"),
                Err(error) => {
                    out.extend(to.output_mut().take());
                    return (out, Some(error));
                }
            }
            from.release(stream, n);
            out.extend(to.output_mut().take());
        }
    }
    (out, None)
}

pub(crate) fn method(head: &Head) -> Option<String> {
    head.attribute(Attribute::Method).value().map(|method| String::from_utf8_lossy(method).into_owned())
}

/// Of fields of one name the last, sorted: what a map makes of them. In which order they stand is told from bytes.
pub(crate) fn last_wins(fields: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for (name, value) in fields {
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some((_, last)) => *last = value,
            None => all.push((name, value)),
        }
    }
    all.sort();
    all
}

pub(crate) fn asked_in(version: &str) -> Head {
    let body =
        join(&[&if version == "null" { b"N".to_vec() } else { s(version) }, &s("a.B"), b"N", &s("hi"), b"\0", b"N"]);
    asked(&request(&body))
}

/// An answer's head as a proxy sends it down: under the name of the request it answers.
pub(crate) fn named(bytes: &[u8], asked: &Head) -> Head {
    let mut head = answered(bytes);
    head.set_stream(asked.stream());
    head
}
