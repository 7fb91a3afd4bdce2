//! Which protocols an `Upgrade` may lead to.

use meshwire::Head;

use crate::config::Config;
use crate::format::{self, line};
use crate::grammar;
use crate::note::{Framing, Note};
use crate::parse::span;
use crate::write::declared_length;

/// What becomes of the `Upgrade` of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer<'a> {
    /// There is none that counts.
    None,
    /// None of its protocols may pass: it is removed, and whatever follows is HTTP.
    Refused,
    /// This protocol, and no other.
    Only(&'a [u8]),
    /// This protocol; others beside it are removed.
    Among(&'a [u8]),
}

impl<'a> Offer<'a> {
    #[inline]
    pub(crate) fn of(head: &'a Head, config: &Config) -> Self {
        Self::find(head, |protocol| config.allows(protocol))
    }

    fn find(head: &'a Head, allows: impl Fn(&[u8]) -> bool) -> Self {
        if format::note(head).is_none_or(|note| !note.has(Note::UPGRADE)) {
            return Self::None;
        }
        // An Upgrade may be ignored, and one of a request that has a body is: what ends where would be a puzzle.
        if head.kind().is_request() && !has_no_body(head) {
            return Self::Refused;
        }
        let (mut found, mut others) = (None, false);
        let mut at = head.fields_at().unwrap_or(usize::MAX);
        while let Some((name, value, next)) = line(head.bytes(), at) {
            at = next;
            if !name.eq_ignore_ascii_case(b"upgrade") {
                continue;
            }
            for protocol in grammar::list(value) {
                if found.is_none() && allows(protocol) {
                    found = Some(protocol);
                } else {
                    others = true;
                }
            }
        }
        match found {
            None => Self::Refused,
            Some(protocol) if others => Self::Among(protocol),
            Some(protocol) => Self::Only(protocol),
        }
    }

    pub(crate) const fn protocol(self) -> Option<&'a [u8]> {
        match self {
            Self::None | Self::Refused => None,
            Self::Only(protocol) | Self::Among(protocol) => Some(protocol),
        }
    }

    /// Whether the head must not go out with the `Upgrade` it has.
    pub(crate) const fn must_strip(self) -> bool {
        matches!(self, Self::Refused | Self::Among(_))
    }
}

/// Notes in the head which protocol it may become; false if there is none.
pub(crate) fn mark(head: &mut Head, allows: impl Fn(&[u8]) -> bool) -> bool {
    let Some(protocol) = Offer::find(head, allows).protocol() else { return false };
    let at = span(head.bytes(), protocol).start;
    let Some(note) = Note::new(head.note()).with_switch_at(at) else { return false };
    head.set_note(note.bits());
    true
}

/// What [`mark`] has noted: for [`Head::upgrade`].
pub(crate) fn marked(head: &Head) -> Option<&[u8]> {
    let rest = head.bytes().get(Note::new(head.note()).switch_at()?..)?;
    let end = rest.iter().position(|b| matches!(b, b',' | b' ' | b'\t' | b'\r')).unwrap_or(rest.len());
    rest.get(..end)
}

fn has_no_body(head: &Head) -> bool {
    match format::note(head).map(Note::framing) {
        Some(Framing::None) => true,
        Some(Framing::Length) => matches!(declared_length(head), Ok(Some(0))),
        _ => false,
    }
}
