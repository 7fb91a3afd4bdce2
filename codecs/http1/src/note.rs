//! The word that a head carries for this codec: how its body is framed, and what forwarding it takes.

/// The bits of a head's note. The upper twenty are where the value of `Content-Length` begins, or 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Note(u32);

/// How a body ends, as its head says (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is none.
    None,
    /// After so many bytes.
    Length,
    /// With the last chunk.
    Chunked,
    /// With the connection.
    Close,
}

const FRAMING: u32 = 3;
const LENGTH_AT: u32 = 12;

impl Note {
    /// It has fields of the connection, apart from `Transfer-Encoding`.
    pub(crate) const HOP: Self = Self(1 << 2);
    /// `Connection` names further fields.
    pub(crate) const LISTED: Self = Self(1 << 3);
    /// `Connection: close`.
    pub(crate) const CLOSE: Self = Self(1 << 4);
    /// `Connection: keep-alive`.
    pub(crate) const KEEP: Self = Self(1 << 5);
    /// `Connection: upgrade`, and an `Upgrade`.
    pub(crate) const UPGRADE: Self = Self(1 << 6);
    /// HTTP/1.0.
    pub(crate) const OLD: Self = Self(1 << 7);
    /// The request-target is in absolute-form.
    pub(crate) const ABSOLUTE: Self = Self(1 << 8);
    /// `forward` was called.
    pub(crate) const FORWARDED: Self = Self(1 << 9);
    /// It has framing fields that say nothing here, and would mislead the next reader.
    pub(crate) const STRAY: Self = Self(1 << 10);
    /// `Host` is missing, or is not what the request-target says.
    pub(crate) const REHOST: Self = Self(1 << 11);

    pub(crate) const fn new(bits: u32) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    pub(crate) const fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }

    #[must_use]
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn framing(self) -> Framing {
        match self.0 & FRAMING {
            0 => Framing::None,
            1 => Framing::Length,
            2 => Framing::Chunked,
            _ => Framing::Close,
        }
    }

    #[must_use]
    pub(crate) const fn with_framing(self, framing: Framing) -> Self {
        let bits = match framing {
            Framing::None => 0,
            Framing::Length => 1,
            Framing::Chunked => 2,
            Framing::Close => 3,
        };
        Self((self.0 & !FRAMING) | bits)
    }

    /// Where the digits of `Content-Length` begin, if the note has room to say so.
    pub(crate) const fn length_at(self) -> Option<usize> {
        match self.0 >> LENGTH_AT {
            0 => None,
            at => Some(at as usize),
        }
    }

    #[must_use]
    pub(crate) const fn with_length_at(self, at: usize) -> Self {
        if at < 1 << 20 { Self(self.0 | (at as u32) << LENGTH_AT) } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_overlaps() {
        let note = Note::HOP.and(Note::REHOST).with_framing(Framing::Close).with_length_at((1 << 20) - 1);
        assert!(note.has(Note::HOP) && note.has(Note::REHOST) && !note.has(Note::STRAY) && !note.has(Note::LISTED));
        assert_eq!((note.framing(), note.length_at()), (Framing::Close, Some((1 << 20) - 1)));
        assert_eq!(Note::default().with_length_at(1 << 20).length_at(), None);
    }
}
