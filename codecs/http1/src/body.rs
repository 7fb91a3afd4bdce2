//! Bodies on their way in and out: the framing taken off, and put on again.

use bytes::{Bytes, BytesMut};
use meshwire::{EncodeError, Head, HeadFormat, Limit, Limits, Output, RoutingKey, StreamId};

use crate::chunked::{Chunk, Chunked};
use crate::fault::Fault;
use crate::format::TRAILERS;
use crate::grammar;
use crate::write::check_semantics;

/// A body that is being received.
#[derive(Debug)]
pub(crate) struct Inbound {
    framing: In,
    /// Bytes of the message so far, its head included.
    taken: u64,
}

#[derive(Debug)]
enum In {
    Length(u64),
    Chunked(Chunked),
    Close,
}

/// What came of one step.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Content; and whether it is the last.
    Data(Bytes, bool),
    /// The trailer section, which is the end.
    Trailers(Bytes),
    /// Nothing before so many more bytes.
    More(usize),
    /// There is no room for content.
    Full,
}

impl Inbound {
    /// A body of which `left` bytes are still to come, behind `taken` bytes of the message.
    pub(crate) const fn length(left: u64, taken: u64) -> Self {
        Self { framing: In::Length(left), taken }
    }

    pub(crate) const fn chunked(taken: u64) -> Self {
        Self { framing: In::Chunked(Chunked::new()), taken }
    }

    pub(crate) const fn until_close(taken: u64) -> Self {
        Self { framing: In::Close, taken }
    }

    /// Whether the end of input is the end of the body.
    pub(crate) const fn ends_with_input(&self) -> bool {
        matches!(self.framing, In::Close)
    }

    /// The next piece, with at most `room` bytes of content.
    pub(crate) fn next(&mut self, input: &mut BytesMut, room: usize, limits: &Limits) -> Result<Piece, Fault> {
        match &mut self.framing {
            _ if room == 0 => Ok(Piece::Full),
            In::Length(left) => {
                let n = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len()).min(room);
                if n == 0 && *left > 0 {
                    return Ok(Piece::More(1));
                }
                *left = left.saturating_sub(n as u64);
                Ok(Piece::Data(input.split_to(n).freeze(), *left == 0))
            }
            In::Chunked(chunked) => loop {
                match chunked.next(input, room, limits)? {
                    // The whole chunk is judged by its size, before any of it is taken.
                    Chunk::Begins(n) => {
                        self.taken = self.taken.saturating_add(n);
                        check_message(self.taken, limits)?;
                    }
                    Chunk::Data(data) => return Ok(Piece::Data(data, false)),
                    // The blank line alone.
                    Chunk::End(section) if section.len() <= 2 => return Ok(Piece::Data(Bytes::new(), true)),
                    Chunk::End(section) => return Ok(Piece::Trailers(section)),
                    Chunk::More(n) => return Ok(Piece::More(n)),
                }
            },
            In::Close => {
                let n = input.len().min(room);
                if n == 0 {
                    return Ok(Piece::More(1));
                }
                self.taken = self.taken.saturating_add(n as u64);
                check_message(self.taken, limits)?;
                Ok(Piece::Data(input.split_to(n).freeze(), false))
            }
        }
    }
}

/// Refuses a message of `n` bytes where that is too many.
pub(crate) fn check_message(n: u64, limits: &Limits) -> Result<(), Fault> {
    match limits.message {
        Some(limit) if n > limit => Err(Fault::limit(Limit::Message, "the message is too long")),
        _ => Ok(()),
    }
}

/// A body that is being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outbound {
    /// So many bytes are still to come.
    Length(u64),
    /// Each piece is a chunk.
    Chunked,
    /// Pieces as they are: until the connection closes, or in a tunnel.
    Raw,
    /// There must be none.
    Nothing,
    /// What there is goes nowhere: the answer to HEAD (RFC 9110, section 9.3.2).
    Discard,
}

impl Outbound {
    /// Whether `n` bytes may follow, the last ones if `end`.
    pub(crate) const fn check(self, stream: StreamId, n: usize, end: bool) -> Result<(), EncodeError> {
        let left = match self {
            Self::Length(left) => left,
            Self::Nothing => 0,
            Self::Chunked | Self::Raw | Self::Discard => return Ok(()),
        };
        if n as u64 > left {
            Err(EncodeError::TooLong(stream))
        } else if end && (n as u64) < left {
            Err(EncodeError::TooShort(stream))
        } else {
            Ok(())
        }
    }

    /// Writes `data`, which was checked.
    pub(crate) fn put(&mut self, data: Bytes, end: bool, output: &mut Output) {
        match self {
            Self::Nothing | Self::Discard => {}
            Self::Length(left) => {
                *left = left.saturating_sub(data.len() as u64);
                output.put_bytes(data);
            }
            Self::Raw => output.put_bytes(data),
            Self::Chunked => {
                // An empty chunk would be the last one.
                if !data.is_empty() {
                    output.append(|out| put_size(out, data.len()));
                    output.put_bytes(data);
                    output.put(if end { b"\r\n0\r\n\r\n" } else { b"\r\n" });
                } else if end {
                    output.put(b"0\r\n\r\n");
                }
            }
        }
    }

    /// Writes the end of the body and `trailers`. Where the framing has no place for them they may be left out
    /// (RFC 9110, section 6.5).
    pub(crate) fn put_trailers(self, trailers: &Head, output: &mut Output) {
        if self != Self::Chunked {
            return;
        }
        output.append(|out| {
            out.extend_from_slice(b"0\r\n");
            if is_own(trailers) {
                out.extend_from_slice(trailers.head_bytes());
                return;
            }
            for (name, value) in trailers.fields().into_iter().flatten() {
                for part in [name, &b": "[..], grammar::trim(value), b"\r\n"] {
                    out.extend_from_slice(part);
                }
            }
            out.extend_from_slice(b"\r\n");
        });
    }
}

/// Whether trailers are as this protocol's parser has accepted them.
fn is_own(trailers: &Head) -> bool {
    std::ptr::eq::<HeadFormat>(trailers.format(), &TRAILERS) && !trailers.is_edited()
}

/// Refuses trailers that would say more than trailers may.
pub(crate) fn check_trailers(trailers: &Head) -> Result<(), EncodeError> {
    check_semantics(trailers)?;
    let good = is_own(trailers)
        || trailers.fields().into_iter().flatten().all(|(name, value)| {
            grammar::is_token(name)
                && grammar::is_value(value)
                && !crate::parse::is_hop(name)
                && !crate::parse::is_fixed(name)
        });
    let what = "a trailer that is malformed, or has no place behind the content";
    if good { Ok(()) } else { Err(EncodeError::Invalid { protocol: crate::NAME, what }) }
}

fn put_size(out: &mut Vec<u8>, n: usize) {
    let digits = (usize::BITS.saturating_sub(n.leading_zeros())).div_ceil(4).max(1);
    for place in (0..digits).rev() {
        let digit = (n >> place.saturating_mul(4)) & 0xf;
        out.push(char::from_digit(digit as u32, 16).map_or(b'0', |c| c as u8));
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_sizes() {
        for n in [0usize, 1, 15, 16, 255, 256, 4096, 65_535, usize::MAX] {
            let mut out = Vec::new();
            put_size(&mut out, n);
            assert_eq!(out, format!("{n:x}\r\n").into_bytes());
        }
    }
}
