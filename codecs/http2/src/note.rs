//! The word that a head carries for this codec: what is known of it, so that it is found out once.

use crate::grpc::Flavor;

/// The protocol that an extended CONNECT asks for (RFC 8441): by number, so that the answer can name it again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Protocol {
    /// It is no extended CONNECT.
    #[default]
    None,
    /// RFC 8441.
    Websocket,
    /// RFC 9298.
    ConnectUdp,
    /// RFC 9484.
    ConnectIp,
    /// TCP through templates, WebTransport over HTTP/2: drafts.
    ConnectTcp,
    Webtransport,
    /// One that nobody here knows; an answer cannot name it.
    Other,
}

impl Protocol {
    const NAMED: [(Self, &[u8]); 5] = [
        (Self::Websocket, b"websocket"),
        (Self::ConnectUdp, b"connect-udp"),
        (Self::ConnectIp, b"connect-ip"),
        (Self::ConnectTcp, b"connect-tcp"),
        (Self::Webtransport, b"webtransport"),
    ];

    pub(crate) fn of(name: &[u8]) -> Self {
        Self::NAMED
            .into_iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(name))
            .map_or(Self::Other, |(known, _)| known)
    }

    pub(crate) fn name(self) -> Option<&'static [u8]> {
        Self::NAMED.into_iter().find(|(known, _)| *known == self).map(|(_, name)| name)
    }

    pub(crate) const fn is_some(self) -> bool {
        !matches!(self, Self::None)
    }

    const fn from_bits(bits: u32) -> Self {
        match bits & 7 {
            0 => Self::None,
            1 => Self::Websocket,
            2 => Self::ConnectUdp,
            3 => Self::ConnectIp,
            4 => Self::ConnectTcp,
            5 => Self::Webtransport,
            _ => Self::Other,
        }
    }
}

const PROTOCOL: u32 = 8;

/// The bits of a head's note.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Note(u32);

impl Note {
    /// A HEAD request.
    pub(crate) const IS_HEAD: Self = Self(1 << 2);
    /// A CONNECT request, extended or not.
    pub(crate) const CONNECT: Self = Self(1 << 3);
    /// It has a `content-length` that tells the length of the body.
    pub(crate) const LENGTH: Self = Self(1 << 4);
    /// It has one that tells nothing, and would mislead the next reader.
    pub(crate) const STRAY: Self = Self(1 << 5);
    /// It has an authority in `host` alone.
    pub(crate) const REHOST: Self = Self(1 << 6);

    /// `forward` was called.
    pub(crate) const FORWARDED: Self = Self(1 << 11);

    pub(crate) const fn new(bits: u32) -> Self {
        Self(bits)
    }

    pub(crate) const fn of(flavor: Flavor) -> Self {
        Self(flavor as u32)
    }

    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    pub(crate) const fn flavor(self) -> Flavor {
        Flavor::from_bits(self.0)
    }

    pub(crate) const fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }

    pub(crate) const fn protocol(self) -> Protocol {
        Protocol::from_bits(self.0 >> PROTOCOL)
    }

    #[must_use]
    pub(crate) const fn with_protocol(self, protocol: Protocol) -> Self {
        Self(self.0 | (protocol as u32) << PROTOCOL)
    }

    #[must_use]
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_overlaps() {
        for flavor in [Flavor::Http, Flavor::Grpc, Flavor::Web, Flavor::WebText] {
            for (protocol, name) in Protocol::NAMED {
                let note = Note::of(flavor).with_protocol(protocol);
                assert_eq!((note.flavor(), note.protocol(), protocol.name()), (flavor, protocol, Some(name)));
                assert_eq!(Protocol::of(name), protocol);
                for bit in [Note::IS_HEAD, Note::CONNECT, Note::LENGTH, Note::STRAY, Note::REHOST, Note::FORWARDED] {
                    assert!(!note.has(bit) && note.and(bit).has(bit));
                    assert_eq!((note.and(bit).flavor(), note.and(bit).protocol()), (flavor, protocol));
                }
            }
        }
        assert_eq!(Note::default().with_protocol(Protocol::of(b"x")).protocol(), Protocol::Other);
        assert!(Protocol::Other.is_some() && Protocol::Other.name().is_none() && !Protocol::None.is_some());
    }
}
