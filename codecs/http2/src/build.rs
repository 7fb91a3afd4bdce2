//! Heads that somebody writes: checked by the rules that hold for those of peers.

use bytes::Bytes;
use meshwire::{EncodeError, Event, Head, Limits, LocalReply, Outcome, StreamId};

use crate::grpc::{self, Flavor};
use crate::hpack::{Field, FieldList, ListLimits};
use crate::message::{self, Asked, Facts, Rules};
use crate::rules::Malformed;
use crate::{rules, status};

/// A request with a body that is whole, ready to be encoded or routed. An empty `authority` or `path` is none.
///
/// Names may be in any case, and go out in lower case. Pseudo-fields among `fields` stand in place of those made here:
/// `:scheme`, which is `http`, and `:protocol`, which makes an extended CONNECT (RFC 8441). Without a `content-length`
/// among them one is added for a body that is no gRPC, and for a method that usually has a body.
///
/// ```
/// use meshwire::{Attr, Attribute, RoutingKey};
///
/// let fields = [("content-type", "application/grpc"), ("te", "trailers")];
/// let event = meshwire_http2::request("POST", "/pkg.Users/Find", "example.com", &fields, "\0\0\0\0\0").unwrap();
/// let meshwire::Event::Head(head) = &event else { unreachable!() };
/// assert_eq!(head.attribute(Attribute::Service), Attr::Value(b"pkg.Users"));
/// assert_eq!(head.attribute(Attribute::Method), Attr::Value(b"Find"));
/// assert!(meshwire_http2::request("GET", "/a b", "example.com", &[], "").is_err());
/// ```
///
/// # Errors
///
/// [`EncodeError::Invalid`] where a server would refuse it.
pub fn request(
    method: &str,
    path: &str,
    authority: &str,
    fields: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> Result<Event, EncodeError> {
    let body = body.as_ref();
    let given = |name: &str| fields.iter().any(|(known, _)| *known == name);
    let bare = method == "CONNECT" && !given(":protocol");
    let mut list = FieldList::new(ListLimits::of(&Limits::default()));
    for (name, value) in
        [(":method", method), (":scheme", if bare { "" } else { "http" }), (":authority", authority), (":path", path)]
    {
        if !value.is_empty() && !given(name) {
            list.push(&Field::new(name.as_bytes(), value.as_bytes()));
        }
    }
    // RFC 9110, section 8.6: a method that gives content a meaning says so even when there is none.
    let owed = !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH");
    push_fields(&mut list, fields, owed.then_some(body.len()));
    let block = take(list)?;
    let rules = Rules { extended_connect: true };
    let (mut head, facts) = message::request(block, StreamId::NEW, false, rules).map_err(refused)?;
    check_length(&facts, body)?;
    put_data(&mut head, body);
    // What follows a CONNECT is a tunnel.
    head.set_end(!(facts.connect && body.is_empty()));
    Ok(Event::Head(head))
}

/// An answer with a body that is whole. Its stream is that of the request: see [`Event::set_stream`].
///
/// ```
/// use meshwire::{Outcome, StreamId};
///
/// let mut event = meshwire_http2::response(404, &[("content-type", "text/plain")], "no such user\n").unwrap();
/// event.set_stream(StreamId::new(1));
/// let meshwire::Event::Head(head) = &event else { unreachable!() };
/// assert_eq!((head.status(), head.outcome()), (Some(404), Outcome::NoRoute));
///
/// // Without a body an answer may be gRPC's trailers-only.
/// let fields = [("content-type", "application/grpc"), ("grpc-status", "14")];
/// let event = meshwire_http2::response(200, &fields, "").unwrap();
/// let meshwire::Event::Head(head) = &event else { unreachable!() };
/// assert_eq!(head.outcome(), Outcome::Unavailable);
/// ```
///
/// # Errors
///
/// [`EncodeError::Invalid`] where a client would refuse it.
pub fn response(status: u16, fields: &[(&str, &str)], body: impl AsRef<[u8]>) -> Result<Event, EncodeError> {
    let body = body.as_ref();
    let mut list = FieldList::new(ListLimits::of(&Limits::default()));
    list.push(&Field::new(b":status", status.to_string().as_bytes()));
    // RFC 9110, section 8.6: no Content-Length where no content can be.
    let bodyless = matches!(status, 100..=199 | 204 | 304);
    push_fields(&mut list, fields, (!bodyless).then_some(body.len()));
    let block = take(list)?;
    let interim = (100..200).contains(&status);
    let end = body.is_empty() && !interim;
    let (mut head, facts) = message::response(block, StreamId::NEW, end, Asked::default()).map_err(refused)?;
    if facts.bodyless && !body.is_empty() {
        return Err(invalid("an answer that has no body"));
    }
    if !facts.bodyless {
        check_length(&facts, body)?;
    }
    put_data(&mut head, body);
    head.set_end(!interim);
    Ok(Event::Head(head))
}

/// The fields behind a body; their stream is that of the message.
///
/// ```
/// let event = meshwire_http2::trailers(&[("grpc-status", "0")]).unwrap();
/// let meshwire::Event::Trailers(head) = &event else { unreachable!() };
/// assert_eq!(head.outcome(), meshwire::Outcome::Success);
/// ```
///
/// # Errors
///
/// [`EncodeError::Invalid`] where a peer would refuse them.
pub fn trailers(fields: &[(&str, &str)]) -> Result<Event, EncodeError> {
    let mut list = FieldList::new(ListLimits::of(&Limits::default()));
    push_fields(&mut list, fields, None);
    message::trailers(take(list)?, StreamId::NEW, Flavor::Http).map(Event::Trailers).map_err(refused)
}

/// The answer that the proxy gives itself to `asked`: for gRPC a status without a message of its own, trailers alone.
pub(crate) fn reply(stream: StreamId, asked: Asked, reply: &LocalReply<'_>) -> Option<Event> {
    let mut event = if asked.flavor.is_grpc() {
        let code = grpc::code(reply.outcome).to_string();
        let text = grpc::percent_encode(reply.message);
        let fields =
            [("content-type", asked.flavor.content_type()), ("grpc-status", code.as_str()), ("grpc-message", &text)];
        let fields = fields.split_at_checked(if text.is_empty() { 2 } else { 3 }).unwrap_or_default().0;
        response(200, fields, "").ok()?
    } else {
        let body =
            if reply.message.is_empty() || asked.is_head { String::new() } else { format!("{}\n", reply.message) };
        // A 2xx would open the tunnel that was asked for.
        let status = match reply.outcome {
            Outcome::Success if asked.connect => 501,
            outcome => status::status(outcome),
        };
        response(status, &[("content-type", Flavor::Http.content_type())], body).ok()?
    };
    event.set_stream(stream);
    Some(event)
}

/// Puts pseudo-fields first, then the others, and a length where one is owed and nobody has given it.
fn push_fields(list: &mut FieldList, fields: &[(&str, &str)], length: Option<usize>) {
    let is_pseudo = |name: &str| name.starts_with(':');
    let mut put = |name: &str, value: &str| {
        list.push(&Field::new(name.to_ascii_lowercase().as_bytes(), rules::trim(value.as_bytes())));
    };
    for (name, value) in fields.iter().filter(|(name, _)| is_pseudo(name)) {
        put(name, value);
    }
    let mut owed = true;
    for (name, value) in fields.iter().filter(|(name, _)| !is_pseudo(name)) {
        owed &= !name.eq_ignore_ascii_case("content-length");
        owed &= !(name.eq_ignore_ascii_case("content-type") && Flavor::of(value.as_bytes()).is_grpc());
        put(name, value);
    }
    if let Some(n) = length.filter(|_| owed) {
        put("content-length", &n.to_string());
    }
}

/// The fields without the spare room behind them.
fn take(mut list: FieldList) -> Result<Bytes, EncodeError> {
    if list.over().is_some() {
        return Err(invalid("more fields than the default limits allow"));
    }
    Ok(Bytes::copy_from_slice(&list.take()))
}

fn check_length(facts: &Facts, body: &[u8]) -> Result<(), EncodeError> {
    match facts.content_length {
        Some(n) if n != body.len() as u64 => Err(invalid("the body has another length than content-length says")),
        _ => Ok(()),
    }
}

fn put_data(head: &mut Head, body: &[u8]) {
    if !body.is_empty() {
        let at = head.head_bytes().len();
        head.attach([head.head_bytes(), body].concat().into(), at);
    }
}

const fn invalid(what: &'static str) -> EncodeError {
    EncodeError::Invalid { protocol: crate::NAME, what }
}

const fn refused(malformed: Malformed) -> EncodeError {
    invalid(malformed.detail)
}
