//! The word that a head carries for this codec: how its body is framed, and what forwarding it takes.

/// The bits of a head's note. The upper nineteen are where the value of `Content-Length` begins, or the protocol of an
/// `Upgrade` that may pass, or 0.
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
const PLACE: u32 = 13;
const PLACES: usize = 1 << 19;

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
    /// An `Upgrade` that may pass: without content, what the upper bits tell is where its protocol is.
    const SWITCH: Self = Self(1 << 12);

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
        match self.0 >> PLACE {
            at @ 1.. if !self.has(Self::SWITCH) => Some(at as usize),
            _ => None,
        }
    }

    #[must_use]
    pub(crate) const fn with_length_at(self, at: usize) -> Self {
        if at < PLACES { Self(self.0 | (at as u32) << PLACE) } else { self }
    }

    /// Where the protocol begins that the connection may become.
    pub(crate) const fn switch_at(self) -> Option<usize> {
        if self.has(Self::SWITCH) { Some((self.0 >> PLACE) as usize) } else { None }
    }

    /// `None` where the note has no room to say it.
    pub(crate) const fn with_switch_at(self, at: usize) -> Option<Self> {
        let rest = self.0 & ((1 << PLACE) - 1);
        if at < PLACES { Some(Self(rest | Self::SWITCH.0 | (at as u32) << PLACE)) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_overlaps() {
        let note = Note::HOP.and(Note::REHOST).with_framing(Framing::Close).with_length_at(PLACES - 1);
        assert!(note.has(Note::HOP) && note.has(Note::REHOST) && !note.has(Note::STRAY) && !note.has(Note::LISTED));
        assert_eq!((note.framing(), note.length_at()), (Framing::Close, Some(PLACES - 1)));
        assert_eq!(Note::default().with_length_at(PLACES).length_at(), None);
        let note = note.with_switch_at(7).unwrap();
        assert!(note.has(Note::HOP) && note.has(Note::REHOST) && note.framing() == Framing::Close);
        assert_eq!((note.switch_at(), note.length_at()), (Some(7), None));
        assert_eq!(note.with_switch_at(PLACES), None);
    }
}
