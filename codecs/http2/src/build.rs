//! Heads that somebody writes: checked by the rules that hold for those of peers.

use bytes::Bytes;
use meshwire::{EncodeError, Event, Head, Limits, LocalReply, StreamId};

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
        let body = if reply.message.is_empty() { String::new() } else { format!("{}\n", reply.message) };
        let mut event =
            response(status::status(reply.outcome), &[("content-type", Flavor::Http.content_type())], body).ok()?;
        if asked.is_head
            && let Event::Head(head) = &mut event
        {
            let _ = head.take_data();
        }
        event
    };
    event.set_stream(stream);
    Some(event)
}

/// The same behind a head that is out already: gRPC has its status in the trailers, others have no place for one there.
pub(crate) fn late_reply(stream: StreamId, asked: Asked, reply: &LocalReply<'_>) -> Option<Event> {
    if asked.flavor != Flavor::Grpc {
        return None;
    }
    let code = grpc::code(reply.outcome).to_string();
    let text = grpc::percent_encode(reply.message);
    let mut event = trailers(&[("grpc-status", &code), ("grpc-message", &text)]).ok()?;
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
pub(crate) fn take(mut list: FieldList) -> Result<Bytes, EncodeError> {
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

pub(crate) const fn invalid(what: &'static str) -> EncodeError {
    EncodeError::Invalid { protocol: crate::NAME, what }
}

pub(crate) const fn refused(malformed: Malformed) -> EncodeError {
    invalid(malformed.detail)
}

#[cfg(test)]
mod tests {
    use meshwire::{Attribute, Outcome, RoutingKey};
    use proptest::prelude::*;

    use super::*;
    use crate::message::Asked;
    use crate::testing::lines;

    fn head(event: Result<Event, EncodeError>) -> Head {
        match event.unwrap() {
            Event::Head(head) => head,
            other => panic!("no head: {other:?}"),
        }
    }

    #[test]
    fn requests() {
        let built = head(request("POST", "/a", "h", &[("X-A", " 1 "), ("Cookie", "a=b")], "body"));
        assert_eq!(
            lines(built.head_bytes()),
            [
                ":method: POST",
                ":scheme: http",
                ":authority: h",
                ":path: /a",
                "x-a: 1",
                "cookie: a=b",
                "content-length: 4"
            ]
        );
        assert_eq!((built.data(), built.is_end()), (&b"body"[..], true));
        assert_eq!(built.fields().unwrap().count(), 3);
        // Zeros would be fields without names.
        let built = head(request("POST", "/a", "h", &[], [0; 64]));
        assert_eq!((built.fields().unwrap().count(), built.data().len()), (1, 64));
        let built = head(request("GET", "/", "", &[(":scheme", "https")], ""));
        assert_eq!(lines(built.head_bytes()), [":method: GET", ":path: /", ":scheme: https"]);
        let built = head(request("PUT", "/", "", &[], ""));
        assert_eq!(lines(built.head_bytes()).last().unwrap(), "content-length: 0");
        let built = head(request("POST", "/s/m", "", &[("Content-Type", "application/grpc")], "x"));
        assert_eq!(lines(built.head_bytes()).last().unwrap(), "content-type: application/grpc");
        let built = head(request("OPTIONS", "*", "h", &[], ""));
        assert_eq!(built.attribute(Attribute::Path).value(), Some(&b"*"[..]));
    }

    #[test]
    fn tunnels_stay_open() {
        let built = head(request("CONNECT", "", "a:1", &[], ""));
        assert_eq!((lines(built.head_bytes()).len(), built.is_end()), (2, false));
        let built = head(request("CONNECT", "/chat", "a", &[(":protocol", "websocket")], ""));
        assert_eq!((built.upgrade(), built.is_end()), (Some(&b"websocket"[..]), false));
    }

    #[test]
    fn what_a_peer_would_refuse_is_not_built() {
        let fields: [&[(&str, &str)]; 9] = [
            &[("a b", "")],
            &[("", "")],
            &[("x", "a\r\nb")],
            &[("connection", "close")],
            &[("te", "gzip")],
            &[("content-length", "3")],
            &[("content-length", "4"), ("content-length", "4")],
            &[("host", "other")],
            &[(":x", "y")],
        ];
        for fields in fields {
            assert!(request("POST", "/", "h", fields, "body").is_err(), "{fields:?}");
        }
        let many = vec![("x", "y"); 200];
        assert!(request("GET", "/", "h", &many, "").is_err());
        assert!(request("GET", "", "h", &[], "").is_err() && request("GET", "/", "u@h", &[], "").is_err());
        assert!(request("CONNECT", "/", "a:1", &[], "").is_err());
        for (status, body) in [(101, ""), (99, ""), (1000, ""), (204, "x"), (304, "x"), (103, "x")] {
            assert!(response(status, &[], body).is_err(), "{status}");
        }
        assert!(response(200, &[("content-length", "3")], "").is_err());
        assert!(trailers(&[(":status", "200")]).is_err() && trailers(&[("content-length", "1")]).is_err());
    }

    #[test]
    fn answers() {
        let built = head(response(200, &[("X", "y")], "body"));
        assert_eq!(lines(built.head_bytes()), [":status: 200", "x: y", "content-length: 4"]);
        assert_eq!((built.data(), built.is_end()), (&b"body"[..], true));
        let built = head(response(103, &[("link", "x")], ""));
        assert_eq!((built.kind(), built.is_end()), (meshwire::Kind::Interim, false));
        assert_eq!(lines(head(response(304, &[("content-length", "5")], "")).head_bytes()).len(), 2);
    }

    #[test]
    fn local_replies() {
        let asked = Asked::default();
        for outcome in Outcome::ALL {
            let local = LocalReply::new(outcome, "50 % of it\n");
            let built = head(Ok(reply(StreamId::new(5), asked, &local).unwrap()));
            assert_eq!((built.outcome(), built.stream(), built.is_end()), (outcome, StreamId::new(5), true));
            assert_eq!(built.data(), b"50 % of it\n\n");
            for flavor in [Flavor::Grpc, Flavor::Web, Flavor::WebText] {
                let built = head(Ok(reply(StreamId::new(5), Asked { flavor, ..asked }, &local).unwrap()));
                assert_eq!(built.outcome(), grpc::outcome(grpc::code(outcome)));
                assert_eq!(
                    lines(built.head_bytes()),
                    [
                        ":status: 200".to_owned(),
                        format!("content-type: {}", flavor.content_type()),
                        format!("grpc-status: {}", grpc::code(outcome)),
                        "grpc-message: 50 %25 of it%0A".to_owned()
                    ]
                );
                assert!(built.is_end() && built.data().is_empty());
            }
        }
        let empty = LocalReply::new(Outcome::Timeout, "");
        let built = head(Ok(reply(StreamId::new(5), Asked { flavor: Flavor::Grpc, ..asked }, &empty).unwrap()));
        assert_eq!(lines(built.head_bytes()).len(), 3);
        let local = LocalReply::new(Outcome::Timeout, "late");
        let built = head(Ok(reply(StreamId::new(5), Asked { is_head: true, ..asked }, &local).unwrap()));
        assert_eq!((lines(built.head_bytes())[2].as_str(), built.data()), ("content-length: 5", &b""[..]));
    }

    proptest! {
        #[test]
        fn what_is_built_reads_the_same(
            method in "[A-Z]{1,7}",
            path in "/[!-\"$-~]{0,40}",
            authority in "[a-z.-]{1,20}(:[0-9]{1,4})?",
            fields in prop::collection::vec(("[a-zA-Z-]{1,12}", "[!-~]([ -~]{0,20}[!-~])?"), 0..6),
            body in prop::collection::vec(any::<u8>(), 0..20),
        ) {
            let pairs: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            if let Ok(Event::Head(head)) = request(&method, &path, &authority, &pairs, &body) {
                prop_assert_eq!(head.data(), &body[..]);
                prop_assert_eq!(head.attribute(Attribute::Path).value(), Some(path.as_bytes()));
                prop_assert_eq!(head.attribute(Attribute::Authority).value(), Some(authority.as_bytes()));
                let read: Vec<_> = head.fields().unwrap().take(pairs.len()).collect();
                let given: Vec<_> = fields.iter().map(|(n, v)| (n.to_ascii_lowercase(), v)).collect();
                for ((name, value), (given_name, given_value)) in read.iter().zip(&given) {
                    prop_assert_eq!((*name, *value), (given_name.as_bytes(), given_value.as_bytes()));
                }
            } else {
                let known = ["te", "host", "content-length", "upgrade", "connection", "keep-alive"];
                let refused = fields.iter().any(|(name, _)| known.iter().any(|known| name.eq_ignore_ascii_case(known)));
                prop_assert!(refused || method == "CONNECT");
            }
        }
    }
}
