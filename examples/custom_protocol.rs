//! `custom_protocol`: a protocol that the library does not know, written against its public API alone.
//!
//! It is memcached's binary protocol. A frame is 24 bytes of header, then extras, key and value; an answer repeats the
//! `opaque` of its request, which is the id. A key such as `users:42` names the service `users`; the method is the name
//! of the opcode. [`Format`] says where things are in a frame, and `FrameCodec` makes a codec of that.
//!
//! What no other protocol has are *quiet* requests (`getq`, `setq`): they are answered only if the answer is of
//! interest, and that there is none shows once a later request is answered, at a NOOP at the latest. Somebody would have
//! to remember them until then. Here nobody does: a quiet request is passed on as the one that is always answered, and
//! what the client would not have been told is not written to it. Its opcode travels as the tag of the stream's name.
//!
//! `stat` is refused, since its answer is many frames. A NOOP speaks for one upstream connection: whoever spreads the
//! keys of one client over several must hold its answer back until the others have answered.

use meshwire::frame::{Fault, Frame, FrameCodec, FrameFormat, FrameKind, IdField, Parse, Rebuilt, Scan};
use meshwire::{
    Attribute, Codec, Conn, Correlation, Depth, Detection, EncodeError, Head, HeadFormat, LocalReply, Outcome,
    Protocol, ProtocolTraits, StreamId,
};

const REQUEST: u8 = 0x80;
const RESPONSE: u8 = 0x81;

/// In the order of their opcodes; 0x1f is nobody's.
const NAMES: &str = "get set add replace delete increment decrement quit flush getq noop version getk getkq append \
    prepend stat setq addq replaceq deleteq incrementq decrementq quitq flushq appendq prependq verbosity touch gat \
    gatq ? sasl_list sasl_auth sasl_step gatk gatkq";

fn name(opcode: u8) -> &'static str {
    NAMES.split_ascii_whitespace().nth(opcode.into()).unwrap_or("?")
}

fn opcode(name: &[u8]) -> Option<u8> {
    NAMES.split_ascii_whitespace().position(|known| known.as_bytes() == name && known != "?")?.try_into().ok()
}

/// The request that asks the same and is always answered.
fn loud(name: &str) -> &str {
    name.strip_suffix('q').unwrap_or(name)
}

/// The status that a quiet request keeps to itself: a get finds nothing, any other succeeds.
fn unsaid(name: &str) -> u32 {
    u32::from(name.starts_with('g'))
}

/// Statuses, and under them what they mean. A local reply takes the first that fits.
const STATUSES: [u8; 15] = [0x00, 0x01, 0x03, 0x04, 0x05, 0x02, 0x06, 0x07, 0x20, 0x81, 0x83, 0x85, 0x82, 0x86, 0x84];
const OUTCOMES: &str = "success success too_large bad_request exception exception exception no_route denied \
    unimplemented unimplemented overloaded overloaded unavailable server_error";

fn statuses() -> impl Iterator<Item = (u32, &'static str)> {
    STATUSES.iter().map(|status| u32::from(*status)).zip(OUTCOMES.split_ascii_whitespace())
}

static HEAD: HeadFormat = HeadFormat::new("memcached", "memcached")
    .without(&Attribute::ALL)
    .editable(&[Attribute::Method])
    .with_attribute_check(|_, value| opcode(value).map(drop).ok_or("a method that is no opcode"));

struct Format;

impl FrameFormat for Format {
    fn head_format(&self) -> &'static HeadFormat {
        &HEAD
    }

    fn frame(&self, seen: &[u8]) -> Result<Parse<Frame>, Fault> {
        let kind = match seen {
            [REQUEST, ..] => FrameKind::Request,
            [RESPONSE, ..] => FrameKind::Response,
            _ => return Err(Fault::new("magic", "a frame begins with 80 or 81", 0)),
        };
        let Some(&[_, opcode, k0, k1, extras, _, _, _, l0, l1, l2, l3, i0, i1, i2, i3]) = seen.first_chunk() else {
            return Ok(Parse::Need(16));
        };
        let body = u32::from_be_bytes([l0, l1, l2, l3]);
        let front = u32::from(u16::from_be_bytes([k0, k1])).saturating_add(extras.into());
        if front > body {
            return Err(Fault::new("length", "extras and key are longer than the body they are in", 8));
        }
        let id = IdField::new(u32::from_be_bytes([i0, i1, i2, i3]).into(), 12, 4);
        // Extras and key belong to the head, so that the value alone is data.
        let (len, payload_at) = (u64::from(body).saturating_add(24), (front as usize).saturating_add(24));
        Ok(Parse::Done(Frame::new(kind, len, payload_at, id).with_tag(opcode.into())))
    }

    fn head(
        &mut self,
        frame: &Frame,
        seen: &[u8],
        _: &Depth,
        _: &mut Scan,
        head: &mut Head,
    ) -> Result<Parse<()>, Fault> {
        let Some(&[_, code, _, _, extras, _, s0, s1]) = seen.first_chunk() else { return Ok(Parse::Need(8)) };
        let (at, method) = (usize::from(extras).saturating_add(24), name(code));
        let Some(key) = seen.get(at..frame.payload_at) else { return Ok(Parse::Need(frame.payload_at)) };
        if frame.kind == FrameKind::Response {
            let status = u32::from(u16::from_be_bytes([s0, s1]));
            let meaning = statuses().find(|(known, _)| *known == status).and_then(|(_, name)| Outcome::from_name(name));
            head.set_status(status, meaning.unwrap_or(Outcome::Unknown));
        } else if method == "stat" {
            return Err(Fault::new("stat", "its answer is many frames", 1).with_outcome(Outcome::Unimplemented));
        } else if let Some(n) = key.iter().position(|byte| *byte == b':') {
            head.set_span_in(Attribute::Service, seen, at..at.saturating_add(n));
        } else {
            head.set_owned(Attribute::Service, b"memcached");
        }
        // As an edit where `rebuild` must be asked what to write.
        let edit = frame.kind == FrameKind::Response || method != loud(method);
        if !edit || head.set_attribute(Attribute::Method, loud(method).as_bytes()).is_err() {
            head.set_owned(Attribute::Method, method.as_bytes());
        }
        Ok(Parse::Done(()))
    }

    fn rebuild(&mut self, _: &Frame, head: &Head, out: &mut Vec<u8>) -> Result<Rebuilt, EncodeError> {
        let (asked, answer) = (head.stream().tag() as u8, !head.kind().is_request());
        let (method, code) = (name(asked), head.edited(Attribute::Method).and_then(opcode).unwrap_or(asked));
        if answer && method != loud(method) && head.is_end() && head.status() == Some(unsaid(method)) {
            // All of it is left out.
            return Ok(Rebuilt { replaced: head.bytes().len(), ..Rebuilt::default() });
        }
        if let Some([magic, _, rest @ ..]) = head.bytes().first_chunk::<12>() {
            out.extend([*magic, if answer && loud(method) == name(code) { asked } else { code }]);
            out.extend(rest);
        }
        out.extend((head.stream().id() as u32).to_be_bytes());
        Ok(Rebuilt { replaced: 16, ..Rebuilt::default() })
    }

    fn reply(&self, stream: StreamId, reply: &LocalReply<'_>, out: &mut Vec<u8>) -> bool {
        let (asked, outcome) = (stream.tag() as u8, reply.outcome.name());
        // A get that succeeds here has found nothing: there is no value to give.
        let empty = |status: u32| status != 0 || unsaid(name(asked)) == 0;
        let found = statuses().find(|(status, known)| *known == outcome && empty(*status));
        let status = found.map_or(0x84, |(status, _)| status as u8); // internal error
        out.extend([RESPONSE, asked, 0, 0, 0, 0, 0, status]);
        out.extend((reply.message.len() as u32).to_be_bytes());
        out.extend((stream.id() as u32).to_be_bytes().into_iter().chain([0; 8]));
        out.extend(reply.message.as_bytes());
        true
    }
}

struct Memcached;

impl Protocol for Memcached {
    fn name(&self) -> &'static str {
        "memcached"
    }

    fn detect(&self, prefix: &[u8]) -> Detection {
        match (prefix, Format.frame(prefix)) {
            // Data type and vbucket are reserved and 0; the magic alone would claim too much.
            ([REQUEST, code, _, _, _, 0, 0, 0, ..], Ok(Parse::Done(_))) if name(*code) != "?" => Detection::Yes,
            ([], _) | ([REQUEST, ..], Ok(Parse::Need(_))) => Detection::NeedMore(16),
            _ => Detection::No,
        }
    }

    fn traits(&self) -> ProtocolTraits {
        ProtocolTraits::new(Correlation::Id { bits: 32 }, HEAD.semantics())
    }

    fn codec(&self, conn: Conn) -> Box<dyn Codec> {
        Box::new(FrameCodec::new(Format, conn))
    }
}

// ----- the protocol ends here; what follows shows it at work -----

mod common;

use bytes::Bytes;
use meshwire::Kind;

fn main() -> std::process::ExitCode {
    common::run("custom_protocol", std::sync::Arc::new(Memcached), demo)
}

fn demo() -> Result<(), common::Failed> {
    let requests = [
        request(0x01, 1, &[0; 8], b"users:42", b"Ada"),
        request(0x0d, 2, b"", b"users:41", b""),
        request(0x0d, 3, b"", b"users:42", b""),
        request(0x00, 4, b"", b"secrets:1", b""),
        request(0x10, 5, b"", b"", b""),
        request(0x0a, 6, b"", b"", b""),
    ];
    println!("Six requests: set, getkq of a key that is not there, getkq of one that is, get, stat, noop.\n");
    let received =
        common::demo(&Memcached, &requests.concat(), |head| match (head.bytes().get(1), head.bytes().get(24..)) {
            (Some(0x0c), Some(b"users:42")) => answer(head, 0x00, &[0; 4], b"users:42", b"Ada"),
            (Some(0x0c), _) => answer(head, 0x01, b"", b"", b"Not found"),
            _ => answer(head, 0x00, b"", b"", b""),
        })?;
    println!("\nWhat the client was told; of the key that is not there, nothing:\n");
    println!("{:>6}  {:<10} {:<14} value", "opaque", "opcode", "outcome");
    let mut rest = &*received;
    while let (Ok(Parse::Done(frame)), Some(code)) = (Format.frame(rest), rest.get(1)) {
        let (message, behind) = rest.split_at_checked(frame.len as usize).ok_or("an answer is cut short")?;
        let mut head = Head::new(&HEAD, Kind::Response, StreamId::NEW, Bytes::copy_from_slice(message));
        let _ = Format.head(&frame, message, &Depth::ALL, &mut Scan::new(message.len()), &mut head);
        let value = String::from_utf8_lossy(message.get(frame.payload_at..).unwrap_or_default());
        println!("{:>6}  {:<10} {:<14} {value}", frame.id.value, name(*code), head.outcome().name());
        rest = behind;
    }
    Ok(())
}

fn request(opcode: u8, opaque: u32, extras: &[u8], key: &[u8], value: &[u8]) -> Vec<u8> {
    frame(REQUEST, opcode, 0, opaque, extras, key, value)
}

fn answer(head: &Head, status: u16, extras: &[u8], key: &[u8], value: &[u8]) -> Vec<u8> {
    frame(
        RESPONSE,
        head.bytes().get(1).copied().unwrap_or_default(),
        status,
        head.stream().id() as u32,
        extras,
        key,
        value,
    )
}

fn frame(magic: u8, opcode: u8, status: u16, opaque: u32, extras: &[u8], key: &[u8], value: &[u8]) -> Vec<u8> {
    let body = [extras, key, value].concat();
    let mut out = vec![magic, opcode];
    out.extend((key.len() as u16).to_be_bytes());
    out.extend([extras.len() as u8, 0]);
    out.extend(status.to_be_bytes());
    out.extend((body.len() as u32).to_be_bytes());
    out.extend(opaque.to_be_bytes());
    out.extend([0; 8]);
    out.extend(body);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshwire::testkit::{Check, Kit, Sample};
    use meshwire::{Endpoint, Relay, RelayStep};

    fn reply_to(opcode: u8, opaque: u32, status: u16, extras: &[u8], value: &[u8]) -> Vec<u8> {
        frame(RESPONSE, opcode, status, opaque, extras, b"", value)
    }

    #[test]
    fn conforms() {
        let requests = [
            request(0x01, 1, &[0; 8], b"users:42", b"Ada"),
            request(0x00, 2, b"", b"users:42", b""),
            request(0x09, 3, b"", b"plain", b""),
            request(0x05, u32::MAX, &[0; 20], b"orders:n", b""),
            request(0x0a, 5, b"", b"", b""),
        ];
        let responses = [
            reply_to(0x01, 1, 0, b"", b""),
            reply_to(0x00, 2, 0, &[0; 4], b"Ada"),
            reply_to(0x09, 3, 0, &[0; 4], b"found"),
            reply_to(0x05, u32::MAX, 6, b"", b"Non-numeric"),
            reply_to(0x0a, 5, 0, b"", b""),
        ];
        let mut large = request(0x01, 9, &[0; 8], b"big:1", &[0; 1_000_000]);
        large.truncate(100);
        let rest = 1_000_000 + 24 + 8 + 5 - 100;
        let sample = Sample::new("all", requests.concat(), responses.concat())
            .with_bad_request(request(0x10, 7, b"", b"", b""), request(0x0a, 8, b"", b"", b""))
            .with_large_request(large, Some(rest));
        let kit = Kit::new(&Memcached).with_sample(sample).with_outcomes(|outcome| match outcome {
            Outcome::Timeout | Outcome::BadResponse | Outcome::Cancelled | Outcome::Unknown => Outcome::ServerError,
            told => told,
        });
        let report = kit.run().unwrap_or_else(|failure| panic!("{failure}"));
        let skipped: Vec<_> = report.skipped().collect();
        assert_eq!(skipped, [Check::Verbatim, Check::Edits, Check::OneWay, Check::ResetCredit]);
    }

    /// What an upstream is sent for `requests`, and what the client is told once it answers `responses`.
    fn relayed(requests: &[u8], responses: &[u8]) -> (Vec<u8>, Vec<u8>, Relay) {
        let mut relay = Relay::new(Endpoint::new(Memcached.codec(Conn::server())));
        let link = relay.connect(Endpoint::new(Memcached.codec(Conn::client())), &Memcached.traits());
        let (mut sent, mut told) = (Vec::new(), Vec::new());
        relay.downstream().input().extend_from_slice(requests);
        for answers in [&[], responses] {
            relay.upstream(link).unwrap().input().extend_from_slice(answers);
            loop {
                match relay.poll() {
                    RelayStep::Request(exchange, head) => relay.forward(exchange, link, head),
                    RelayStep::Idle => break,
                    _ => {}
                }
            }
            sent.extend(relay.upstream(link).unwrap().output_mut().take());
            told.extend(relay.downstream().output_mut().take());
        }
        (sent, told, relay)
    }

    #[test]
    fn quiet_requests_are_asked_aloud_and_answered_quietly() {
        let twins: [(u8, u8); 15] = [
            (0x09, 0x00),
            (0x0d, 0x0c),
            (0x11, 0x01),
            (0x12, 0x02),
            (0x13, 0x03),
            (0x14, 0x04),
            (0x15, 0x05),
            (0x16, 0x06),
            (0x17, 0x07),
            (0x18, 0x08),
            (0x19, 0x0e),
            (0x1a, 0x0f),
            (0x1e, 0x1d),
            (0x24, 0x23),
            (0x0a, 0x0a), // noop, which has no twin
        ];
        for (quiet, loud) in twins {
            let asked = request(quiet, 7, &[0; 4], b"k", b"v");
            for status in [0, 1, 2] {
                let answer = |opcode| reply_to(opcode, 7, status, b"", b"text");
                let (sent, told, relay) = relayed(&asked, &answer(loud));
                assert_eq!(sent, request(loud, 7, &[0; 4], b"k", b"v"), "{quiet:#x}");
                let is_get = matches!(loud, 0x00 | 0x0c | 0x1d | 0x23);
                let silent = quiet != loud && status == u16::from(is_get);
                assert_eq!(told, if silent { Vec::new() } else { answer(quiet) }, "{quiet:#x}, status {status}");
                assert_eq!(relay.open(), 0, "{quiet:#x}: nobody waits");
            }
        }
    }

    #[test]
    fn a_large_value_is_not_taken_for_silence() {
        let value = vec![b'x'; 200_000];
        let (_, told, _) = relayed(&request(0x0d, 7, b"", b"k", b""), &reply_to(0x0c, 7, 0, &[0; 4], &value));
        assert_eq!(told, reply_to(0x0d, 7, 0, &[0; 4], &value));
    }

    #[test]
    fn ids_that_meet_are_told_apart() {
        let asked = [request(0x00, 7, b"", b"a:1", b""), request(0x00, 7, b"", b"b:1", b"")].concat();
        let answers = [reply_to(0x00, 7, 0, b"", b"a"), reply_to(0x00, 1, 0, b"", b"b")].concat();
        let (sent, told, _) = relayed(&asked, &answers);
        assert_eq!(sent, [request(0x00, 7, b"", b"a:1", b""), request(0x00, 1, b"", b"b:1", b"")].concat());
        assert_eq!(told, [reply_to(0x00, 7, 0, b"", b"a"), reply_to(0x00, 7, 0, b"", b"b")].concat());
    }
}
