//! What an answer brings: the flag in front of its value.

use meshwire::frame::Parse;
use meshwire::{Head, Outcome};

use crate::body::Known;
use crate::hessian;
use crate::serial;
use crate::wire::HEADER_LEN;

/// What an answer with status [`OK`](crate::status::OK) brings. Servers of 2.0.2 and later add attachments if the request's
/// version says that the client reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(clippy::exhaustive_enums)] // the flags of a protocol that no longer changes
pub enum ResultKind {
    /// What the service threw.
    Exception = 0,
    /// What the method returned.
    Value = 1,
    /// The method returned null, or nothing.
    Null = 2,
    /// What the service threw, and attachments behind it.
    ExceptionWithAttachments = 3,
    /// What the method returned, and attachments behind it.
    ValueWithAttachments = 4,
    /// Null, and attachments behind it.
    NullWithAttachments = 5,
}

impl ResultKind {
    const ALL: [Self; 6] = [
        Self::Exception,
        Self::Value,
        Self::Null,
        Self::ExceptionWithAttachments,
        Self::ValueWithAttachments,
        Self::NullWithAttachments,
    ];

    fn from_flag(flag: u8) -> Option<Self> {
        Self::ALL.get(usize::from(flag)).copied()
    }

    /// Whether the service threw.
    pub const fn is_exception(self) -> bool {
        matches!(self, Self::Exception | Self::ExceptionWithAttachments)
    }

    /// Whether it brings nothing, apart from attachments.
    pub const fn is_null(self) -> bool {
        matches!(self, Self::Null | Self::NullWithAttachments)
    }

    /// The same with attachments behind it.
    #[must_use]
    pub(crate) const fn with_attachments(self) -> Self {
        match self {
            Self::Exception | Self::ExceptionWithAttachments => Self::ExceptionWithAttachments,
            Self::Value | Self::ValueWithAttachments => Self::ValueWithAttachments,
            Self::Null | Self::NullWithAttachments => Self::NullWithAttachments,
        }
    }

    /// Whether attachments follow.
    pub const fn has_attachments(self) -> bool {
        matches!(self, Self::ExceptionWithAttachments | Self::ValueWithAttachments | Self::NullWithAttachments)
    }
}

/// What an answer brings; `None` for requests, for answers with another status than [`OK`](crate::status::OK), and
/// where the serialization is none that this crate reads.
///
/// ```
/// use meshwire::StreamId;
/// use meshwire_dubbo::{ResultKind, result, value};
///
/// assert_eq!(result(&value(StreamId::new(1), "hello")), Some(ResultKind::Value));
/// ```
pub fn result(head: &Head) -> Option<ResultKind> {
    if !std::ptr::eq(head.format(), &crate::format::HEAD) {
        return None;
    }
    head.note().checked_sub(1).and_then(|flag| ResultKind::from_flag(flag as u8))
}

/// How many of a frame's bytes [`read`] looks at.
pub(crate) const RESULT_END: usize = HEADER_LEN + 6;

/// The flag in front of a result, and where it ends in the frame. A null without a flag, which dubbo-remoting writes, ends
/// where it begins.
pub(crate) fn flag(serialization: u8, seen: &[u8]) -> Option<(ResultKind, usize)> {
    let (flag, end) = match (Known::of(serialization, seen)?, seen.get(HEADER_LEN)) {
        (Known::Hessian, Some(&hessian::NULL)) => (ResultKind::Null as u8, HEADER_LEN),
        (Known::Hessian, tag) => (hessian::small_int(*tag?)?, HEADER_LEN.saturating_add(1)),
        (Known::Other(serial), _) => match serial.flag(serial::Body::whole(seen), HEADER_LEN) {
            Ok(Parse::Done(flag)) => flag,
            _ => return None,
        },
    };
    Some((ResultKind::from_flag(flag)?, end))
}

/// Reads the flag of an answer with status OK: what it means, and the note of its head.
pub(crate) fn read(serialization: u8, seen: &[u8]) -> (Outcome, u32) {
    match flag(serialization, seen) {
        Some((kind, _)) => {
            let outcome = if kind.is_exception() { Outcome::Exception } else { Outcome::Success };
            (outcome, (kind as u32).saturating_add(1))
        }
        // Java's own client refuses such an answer; a proxy passes it on.
        None if Known::of(serialization, seen).is_some() => (Outcome::Unknown, 0),
        // Opaque: the status is all there is to know.
        None => (Outcome::Success, 0),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use meshwire::{Kind, StreamId};

    use super::*;

    fn kind(serialization: u8, body: &[u8]) -> (Outcome, Option<ResultKind>) {
        let mut seen = vec![0; HEADER_LEN];
        seen.extend_from_slice(body);
        let mut head = Head::new(&crate::format::HEAD, Kind::Response, StreamId::new(1), Bytes::new());
        let (outcome, note) = read(serialization, &seen);
        head.set_note(note);
        (outcome, result(&head))
    }

    #[test]
    fn flags_in_each_serialization() {
        for (n, wanted) in ResultKind::ALL.into_iter().enumerate() {
            let n = n as u8;
            assert_eq!(wanted as u8, n);
            let outcome = if wanted.is_exception() { Outcome::Exception } else { Outcome::Success };
            for (serialization, body) in [
                (2, &[0x90 + n, b'x'][..]),
                (6, &[b'0' + n, b'\n', b'x']),
                (23, &[0, 0, 0, 1, n, b'x']),
                (23, &[0, 0, 0, 2, 0xbd, n]),
            ] {
                assert_eq!(kind(serialization, body), (outcome, Some(wanted)), "{serialization} {n}");
            }
        }
    }

    #[test]
    fn a_null_without_a_flag() {
        assert_eq!(kind(2, b"N"), (Outcome::Success, Some(ResultKind::Null)));
    }

    #[test]
    fn unknown_flags_are_data() {
        for (serialization, body) in [
            (2, &b""[..]),
            (2, &[0x96]),
            (2, &[0x8f]),
            (2, b"\x05hello"),
            (6, b"9\n"),
            (6, b"x\n"),
            (23, &[0, 0, 0, 1]),
        ] {
            assert_eq!(kind(serialization, body), (Outcome::Unknown, None), "{body:x?}");
        }
        assert_eq!(kind(8, b"?"), (Outcome::Success, None));
    }
}
