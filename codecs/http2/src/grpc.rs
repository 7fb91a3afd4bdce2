//! gRPC over HTTP/2 (its `PROTOCOL-HTTP2` document): statuses, deadlines, messages for people, and gRPC-Web as far as
//! it can be told from gRPC.

use std::borrow::Cow;
use std::time::Duration;

use meshwire::Outcome;

/// The answer is what was asked for.
pub const OK: u32 = 0;
/// Given up, as a rule by the one who asked.
pub const CANCELLED: u32 = 1;
/// An error without a status; what servers make of an exception that nobody caught.
pub const UNKNOWN: u32 = 2;
/// The request makes no sense, whatever the state of the system.
pub const INVALID_ARGUMENT: u32 = 3;
/// No answer in time.
pub const DEADLINE_EXCEEDED: u32 = 4;
/// The application does not know the thing that was asked for.
pub const NOT_FOUND: u32 = 5;
/// The thing to be made is there.
pub const ALREADY_EXISTS: u32 = 6;
/// Refused for who asks, who is known.
pub const PERMISSION_DENIED: u32 = 7;
/// A quota, a queue or a size limit.
pub const RESOURCE_EXHAUSTED: u32 = 8;
/// The system is not in the state that the request needs.
pub const FAILED_PRECONDITION: u32 = 9;
/// Another one was faster.
pub const ABORTED: u32 = 10;
/// Past the end of something.
pub const OUT_OF_RANGE: u32 = 11;
/// No such service or method.
pub const UNIMPLEMENTED: u32 = 12;
/// The other end, or something on the way, failed inside.
pub const INTERNAL: u32 = 13;
/// Cannot be reached or does not serve now.
pub const UNAVAILABLE: u32 = 14;
/// Data is lost.
pub const DATA_LOSS: u32 = 15;
/// Refused because nobody knows who asks.
pub const UNAUTHENTICATED: u32 = 16;

/// What the value of a `grpc-status` means; [`Outcome::Unknown`] for a code that gRPC does not define.
///
/// | code | outcome |
/// | --- | --- |
/// | 0 | `Success` |
/// | 1 | `Cancelled` |
/// | 3 | `BadRequest` |
/// | 4 | `Timeout` |
/// | 7, 16 | `Denied` |
/// | 8 | `Overloaded` |
/// | 12 | `NoRoute` |
/// | 13, 15 | `ServerError` |
/// | 14 | `Unavailable` |
/// | 2, 5, 6, 9, 10, 11 | `Exception`: the application says these |
///
/// ```
/// use meshwire::Outcome;
/// use meshwire_http2::grpc;
///
/// assert_eq!(grpc::outcome(grpc::UNIMPLEMENTED), Outcome::NoRoute);
/// assert_eq!(grpc::outcome(99), Outcome::Unknown);
/// ```
pub const fn outcome(code: u32) -> Outcome {
    match code {
        OK => Outcome::Success,
        CANCELLED => Outcome::Cancelled,
        INVALID_ARGUMENT => Outcome::BadRequest,
        DEADLINE_EXCEEDED => Outcome::Timeout,
        PERMISSION_DENIED | UNAUTHENTICATED => Outcome::Denied,
        RESOURCE_EXHAUSTED => Outcome::Overloaded,
        UNIMPLEMENTED => Outcome::NoRoute,
        INTERNAL | DATA_LOSS => Outcome::ServerError,
        UNAVAILABLE => Outcome::Unavailable,
        UNKNOWN | NOT_FOUND | ALREADY_EXISTS | FAILED_PRECONDITION | ABORTED | OUT_OF_RANGE => Outcome::Exception,
        _ => Outcome::Unknown,
    }
}

/// The code of a local reply. Where gRPC has one of its own, the client reads the same outcome again:
///
/// | outcome | code | read as |
/// | --- | --- | --- |
/// | success | 0 | the same |
/// | exception | 2 | the same |
/// | bad request | 3 | the same |
/// | no route | 12 | the same |
/// | unimplemented | 12 | no route |
/// | unavailable | 14 | the same |
/// | timeout | 4 | the same |
/// | overloaded | 8 | the same |
/// | too large | 8 | overloaded |
/// | denied | 7 | the same |
/// | cancelled | 1 | the same |
/// | server error | 13 | the same |
/// | bad response, unknown | 13 | server error |
///
/// Two outcomes share a code only where both or neither can have been executed ([`Outcome::executed`]), so that a
/// retry decides alike.
///
/// ```
/// use meshwire::Outcome;
/// use meshwire_http2::grpc;
///
/// assert_eq!(grpc::code(Outcome::Timeout), grpc::DEADLINE_EXCEEDED);
/// ```
pub const fn code(outcome: Outcome) -> u32 {
    match outcome {
        Outcome::Success => OK,
        Outcome::Exception => UNKNOWN,
        Outcome::BadRequest => INVALID_ARGUMENT,
        Outcome::NoRoute | Outcome::Unimplemented => UNIMPLEMENTED,
        Outcome::Unavailable => UNAVAILABLE,
        Outcome::Timeout => DEADLINE_EXCEEDED,
        Outcome::Overloaded | Outcome::TooLarge => RESOURCE_EXHAUSTED,
        Outcome::Denied => PERMISSION_DENIED,
        Outcome::Cancelled => CANCELLED,
        _ => INTERNAL,
    }
}

/// Which protocol a message's `content-type` says that it carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Flavor {
    /// None that this crate knows.
    #[default]
    Http,
    /// gRPC, Triple included.
    Grpc,
    /// gRPC-Web: a status behind a body is part of the body.
    Web,
    /// The same in base64.
    WebText,
}

const TYPE: &[u8] = b"application/grpc";

impl Flavor {
    /// That of a `content-type`.
    #[inline]
    pub(crate) fn of(content_type: &[u8]) -> Self {
        match content_type.split_at_checked(TYPE.len()) {
            Some((front, behind)) if front == TYPE || front.eq_ignore_ascii_case(TYPE) => Self::behind(behind),
            _ => Self::Http,
        }
    }

    fn behind(mut rest: &[u8]) -> Self {
        if matches!(rest, [] | [b'+', ..]) {
            return Self::Grpc;
        }
        let mut flavor = Self::Grpc;
        for (name, more) in [(&b"-web"[..], Self::Web), (b"-text", Self::WebText)] {
            match rest.split_at_checked(name.len()) {
                Some((front, behind)) if front.eq_ignore_ascii_case(name) => (flavor, rest) = (more, behind),
                _ => break,
            }
        }
        match rest.first() {
            None | Some(b'+' | b';' | b' ' | b'\t') => flavor,
            // `-text-base64` is another way to say `-text`.
            Some(b'-') if flavor == Self::WebText => flavor,
            Some(_) => Self::Http,
        }
    }

    /// Whether an answer tells its status in fields of its own.
    #[inline]
    pub(crate) const fn is_grpc(self) -> bool {
        !matches!(self, Self::Http)
    }

    /// What a local reply is called.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Http => "text/plain; charset=utf-8",
            Self::Grpc => "application/grpc",
            Self::Web => "application/grpc-web",
            Self::WebText => "application/grpc-web-text",
        }
    }

    pub(crate) const fn from_bits(bits: u32) -> Self {
        match bits & 3 {
            1 => Self::Grpc,
            2 => Self::Web,
            3 => Self::WebText,
            _ => Self::Http,
        }
    }
}

/// The value of `grpc-status`; `None` where it is no number.
#[inline]
pub(crate) fn status(value: &[u8]) -> Option<u32> {
    crate::rules::decimal(value).and_then(|code| u32::try_from(code).ok())
}

/// The value of `grpc-timeout`, rounded up to whole milliseconds: at most eight digits, and a unit.
///
/// `None` for anything else. The document does not say what becomes of such a request: servers that are strict refuse
/// it themselves, others wait without end, so that a proxy passes it on and sets no deadline of its own.
pub(crate) fn timeout(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if digits.len() > 8 {
        return None;
    }
    let n = crate::rules::decimal(digits)?;
    let millis = match unit {
        b'H' => n.saturating_mul(3_600_000),
        b'M' => n.saturating_mul(60_000),
        b'S' => n.saturating_mul(1_000),
        b'm' => n,
        b'u' => n.div_ceil(1_000),
        b'n' => n.div_ceil(1_000_000),
        _ => return None,
    };
    Some(Duration::from_millis(millis))
}

/// A timeout as `grpc-timeout` says it: in the finest unit that eight digits have room for.
///
/// ```
/// use std::time::Duration;
///
/// assert_eq!(meshwire_http2::grpc::timeout_value(Duration::from_millis(1500)), "1500000u");
/// ```
pub fn timeout_value(timeout: Duration) -> String {
    const DIGITS: u128 = 99_999_999;
    let nanos = timeout.as_nanos();
    for (unit, size) in [('n', 1), ('u', 1_000), ('m', 1_000_000), ('S', 1_000_000_000), ('M', 60_000_000_000)] {
        let n = nanos.div_ceil(size);
        if n <= DIGITS {
            return format!("{n}{unit}");
        }
    }
    format!("{}H", nanos.div_ceil(3_600_000_000_000).min(DIGITS))
}

/// The path of a call, taken apart: the service between the first slash and the last, and the method behind it.
#[inline]
pub(crate) fn call(path: &[u8]) -> Option<(std::ops::Range<usize>, std::ops::Range<usize>)> {
    let slash = memchr::memrchr(b'/', path)?;
    // No service before it, no method behind it: nobody's call.
    let method = slash.saturating_add(1);
    (path.first() == Some(&b'/') && slash > 1 && method < path.len()).then_some((1..slash, method..path.len()))
}

/// A text as the value of `grpc-message`: UTF-8 whose bytes other than printable ASCII are percent-encoded.
///
/// ```
/// assert_eq!(meshwire_http2::grpc::percent_encode("100 % of\n"), "100 %25 of%0A");
/// ```
pub fn percent_encode(text: &str) -> Cow<'_, str> {
    let is_plain = |b: u8| matches!(b, b' '..=b'~') && b != b'%';
    // A value has no white space around it (RFC 9113, section 8.2.1): what is there is encoded too.
    let trimmed = text.trim_matches(' ');
    if trimmed.len() == text.len() && text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let from = text.find(|c| c != ' ').unwrap_or(text.len());
    let to = from.saturating_add(trimmed.len());
    let mut out = String::with_capacity(text.len().saturating_add(16));
    for (at, b) in text.bytes().enumerate() {
        if is_plain(b) && (from..to).contains(&at) {
            out.push(char::from(b));
        } else {
            const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
            let digit = |n: u8| HEX.get(usize::from(n)).copied().unwrap_or_default();
            out.extend(['%', digit(b >> 4), digit(b & 0xf)]);
        }
    }
    out.into()
}

/// The text in a `grpc-message`. What is not well encoded stays as it is, and what is no UTF-8 is replaced: a message
/// is never lost over its encoding.
///
/// ```
/// assert_eq!(meshwire_http2::grpc::percent_decode(b"100 %25 of%0A, 5% more"), "100 % of\n, 5% more");
/// ```
pub fn percent_decode(value: &[u8]) -> Cow<'_, str> {
    if !value.contains(&b'%') {
        return String::from_utf8_lossy(value);
    }
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&b, behind)) = rest.split_first() {
        match behind {
            [high, low, behind @ ..] if b == b'%' => {
                let digit = |b: u8| char::from(b).to_digit(16).and_then(|n| u8::try_from(n).ok());
                if let (Some(high), Some(low)) = (digit(*high), digit(*low)) {
                    out.push(high << 4 | low);
                    rest = behind;
                    continue;
                }
            }
            _ => {}
        }
        out.push(b);
        rest = behind;
    }
    String::from_utf8_lossy(&out).into_owned().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn replies_read_as_what_was_asked_or_as_a_neighbour_that_retries_alike() {
        for asked in Outcome::ALL {
            let read = outcome(code(asked));
            assert_eq!(read.executed(), asked.executed(), "{asked}");
            let lost =
                matches!(asked, Outcome::Unimplemented | Outcome::TooLarge | Outcome::BadResponse | Outcome::Unknown);
            assert_eq!(read == asked, !lost, "{asked} is read as {read}");
        }
        assert!((0..=16).all(|code| outcome(code) != Outcome::Unknown) && outcome(17) == Outcome::Unknown);
    }

    #[test]
    fn content_types() {
        for (value, flavor) in [
            ("application/grpc", Flavor::Grpc),
            ("application/grpc+proto", Flavor::Grpc),
            ("application/grpc;charset=utf-8", Flavor::Grpc),
            ("Application/gRPC", Flavor::Grpc),
            ("application/grpc-web", Flavor::Web),
            ("application/grpc-web+json", Flavor::Web),
            ("application/grpc-web-text", Flavor::WebText),
            ("application/grpc-web-text+proto", Flavor::WebText),
            ("application/grpc-web-text-base64", Flavor::WebText),
            ("application/grpcx", Flavor::Http),
            ("application/grpc-webx", Flavor::Http),
            ("application/grpc-x", Flavor::Http),
            ("application/grp", Flavor::Http),
            ("text/plain", Flavor::Http),
            ("", Flavor::Http),
        ] {
            assert_eq!(Flavor::of(value.as_bytes()), flavor, "{value}");
            assert_eq!(Flavor::from_bits(flavor as u32), flavor);
        }
    }

    #[test]
    fn timeouts() {
        for (value, millis) in [
            ("1S", 1_000),
            ("99999999H", 359_999_996_400_000),
            ("2M", 120_000),
            ("5m", 5),
            ("1u", 1),
            ("1001u", 2),
            ("1n", 1),
            ("0n", 0),
            ("0100m", 100),
        ] {
            assert_eq!(timeout(value.as_bytes()), Some(Duration::from_millis(millis)), "{value}");
        }
        for bad in ["", "S", "1", "1s", "-1S", "1 S", "100000000S", "1.5S", "1SS", "+1m"] {
            assert_eq!(timeout(bad.as_bytes()), None, "{bad}");
        }
        for (wait, value) in [
            (Duration::ZERO, "0n"),
            (Duration::from_nanos(99_999_999), "99999999n"),
            (Duration::from_nanos(100_000_000), "100000u"),
            (Duration::from_secs(99_999), "99999000m"),
            (Duration::from_secs(100_000), "100000S"),
            (Duration::MAX, "99999999H"),
        ] {
            assert_eq!(timeout_value(wait), value);
        }
    }

    #[test]
    fn calls() {
        let parts =
            |path: &'static str| call(path.as_bytes()).map(|(a, b)| (path.get(a).unwrap(), path.get(b).unwrap()));
        assert_eq!(parts("/pkg.Service/Method"), Some(("pkg.Service", "Method")));
        assert_eq!(parts("/a/b/c"), Some(("a/b", "c")));
        for none in ["", "/", "/a", "//m", "/s/", "s/m", "*"] {
            assert_eq!(parts(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn any_text_survives(text in any::<String>()) {
            let value = percent_encode(&text);
            prop_assert!(value.bytes().all(|b| (b' '..=b'~').contains(&b)) && value.trim() == value);
            prop_assert_eq!(percent_decode(value.as_bytes()), text.as_str());
        }

        #[test]
        fn any_bytes_decode(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = percent_decode(&bytes);
        }
    }
}
