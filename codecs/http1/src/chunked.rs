//! The chunked transfer coding, decoded a piece at a time (RFC 9112, section 7.1).

use bytes::{Buf, Bytes, BytesMut};
use meshwire::{Limit, Limits};

use crate::fault::Fault;
use crate::parse;
use crate::scan::{Found, Scan};

/// Digits of a chunk size: what fits into 64 bits. Leading zeros count, or a size would never end.
const DIGITS: u8 = 16;

/// Where a chunked body stands.
#[derive(Debug)]
pub(crate) struct Chunked {
    at: At,
    /// Bytes of chunk extensions so far.
    extensions: usize,
}

#[derive(Debug)]
enum At {
    Size {
        size: u64,
        digits: u8,
    },
    /// White space behind a size: an extension must follow.
    Space {
        size: u64,
    },
    Extension {
        size: u64,
    },
    SizeLf {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataCr,
    DataLf,
    Trailers(Scan),
}

/// What came of one step.
#[derive(Debug)]
pub(crate) enum Chunk {
    /// Content, at most as much as was asked for.
    Data(Bytes),
    /// The end, with the trailer section: a blank line at least.
    End(Bytes),
    /// A chunk of so many bytes begins.
    Begins(u64),
    /// Nothing before so many more bytes.
    More(usize),
}

impl Chunked {
    pub(crate) const fn new() -> Self {
        Self { at: At::Size { size: 0, digits: 0 }, extensions: 0 }
    }

    /// The next piece. `room` is how much content may be handed out, and not 0. What is used up leaves `input`.
    pub(crate) fn next(&mut self, input: &mut BytesMut, room: usize, limits: &Limits) -> Result<Chunk, Fault> {
        let mut used = 0usize;
        loop {
            if let At::Data { left } = &mut self.at {
                input.advance(used);
                let n = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len()).min(room);
                if n == 0 {
                    return Ok(Chunk::More(1));
                }
                *left = left.saturating_sub(n as u64);
                if *left == 0 {
                    self.at = At::DataCr;
                }
                return Ok(Chunk::Data(input.split_to(n).freeze()));
            }
            if let At::Trailers(scan) = &mut self.at {
                input.advance(used);
                return Self::trailers(scan, input, limits);
            }
            let Some(&b) = input.get(used) else {
                input.advance(used);
                return Ok(Chunk::More(1));
            };
            let fault = |detail| Err(Fault::bad("chunk", detail).at(used));
            self.at = match (&self.at, b) {
                (At::Size { size, digits }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') if *digits < DIGITS => {
                    let digit = char::from(b).to_digit(16).unwrap_or_default();
                    At::Size { size: size << 4 | u64::from(digit), digits: digits.saturating_add(1) }
                }
                (At::Size { size, digits: 1.. }, b'\r') => At::SizeLf { size: *size },
                (At::Size { size, digits: 1.. }, b';') => At::Extension { size: *size },
                (At::Space { size }, b';') => At::Extension { size: *size },
                // White space is taken only where an extension follows; at the end of a size it is a smuggler's tool.
                (At::Size { size, digits: 1.. } | At::Space { size }, b' ' | b'\t') => At::Space { size: *size },
                (At::Space { .. }, _) => return fault("a chunk size ends with CR LF or an extension"),
                (At::Size { .. }, _) => return fault("a chunk size is hexadecimal digits"),
                (At::Extension { size }, b'\r') => At::SizeLf { size: *size },
                (At::Extension { .. }, 0..=8 | 10..=31 | 127) => {
                    return fault("a chunk extension holds no control character");
                }
                (At::Extension { size }, _) => At::Extension { size: *size },
                (At::SizeLf { size }, b'\n') => {
                    let size = *size;
                    input.advance(used.saturating_add(1));
                    self.at = if size == 0 { At::Trailers(Scan::default()) } else { At::Data { left: size } };
                    if size > 0 {
                        return Ok(Chunk::Begins(size));
                    }
                    used = 0;
                    continue;
                }
                (At::DataCr, b'\r') => At::DataLf,
                (At::DataLf, b'\n') => At::Size { size: 0, digits: 0 },
                (At::DataCr | At::DataLf, _) => return fault("a chunk ends with CR LF"),
                (At::SizeLf { .. } | At::Data { .. } | At::Trailers(_), _) => return fault("a line ends with CR LF"),
            };
            if matches!(self.at, At::Space { .. } | At::Extension { .. }) {
                self.extensions = self.extensions.saturating_add(1);
                if self.extensions > limits.chunk_extensions {
                    return Err(Fault::limit(Limit::ChunkExtensions, "the chunk extensions are too long").at(used));
                }
            }
            used = used.saturating_add(1);
        }
    }

    fn trailers(scan: &mut Scan, input: &mut BytesMut, limits: &Limits) -> Result<Chunk, Fault> {
        let too_long = || Err(Fault::limit(Limit::Trailers, "the trailers are too long"));
        match scan.run(input) {
            // The blank line is not counted.
            Found::End(n) if n.saturating_sub(2) > limits.trailers => too_long(),
            Found::End(n) => {
                if scan.lines > 0 {
                    parse::check_trailers(input.get(..n).unwrap_or_default(), scan, limits)?;
                }
                Ok(Chunk::End(input.split_to(n).freeze()))
            }
            Found::More if input.len() > limits.trailers.saturating_add(2) => too_long(),
            Found::More => Ok(Chunk::More(1)),
            Found::BareLf(at) => Err(Fault::bad("line_end", "a line ends with CR LF").at(at)),
        }
    }
}
