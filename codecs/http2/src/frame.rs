//! Frames: nine bytes, then a payload (RFC 9113, section 4.1).

/// Bytes in front of each payload.
pub(crate) const HEADER: usize = 9;

/// What a client sends first (RFC 9113, section 3.4).
pub(crate) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The largest payload that we take: what everyone may send unless told otherwise (section 4.2).
pub(crate) const MAX_PAYLOAD: usize = 16_384;

pub(crate) const DATA: u8 = 0x0;
pub(crate) const HEADERS: u8 = 0x1;
pub(crate) const PRIORITY: u8 = 0x2;
pub(crate) const RST_STREAM: u8 = 0x3;
pub(crate) const SETTINGS: u8 = 0x4;
pub(crate) const PUSH_PROMISE: u8 = 0x5;
pub(crate) const PING: u8 = 0x6;
pub(crate) const GOAWAY: u8 = 0x7;
pub(crate) const WINDOW_UPDATE: u8 = 0x8;
pub(crate) const CONTINUATION: u8 = 0x9;

/// Flags; 0x1 is ACK on SETTINGS and PING.
pub(crate) const ACK: u8 = 0x1;
pub(crate) const END_STREAM: u8 = 0x1;
pub(crate) const END_HEADERS: u8 = 0x4;
pub(crate) const PADDED: u8 = 0x8;
pub(crate) const PRIORITIZED: u8 = 0x20;

/// The largest id, window and increment: 31 bits.
pub(crate) const MAX_31: u32 = 0x7fff_ffff;

/// The fixed part of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) len: usize,
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
}

impl Header {
    #[inline]
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let &[l0, l1, l2, kind, flags, s0, s1, s2, s3] = bytes.first_chunk::<HEADER>()?;
        let len = u32::from_be_bytes([0, l0, l1, l2]) as usize;
        // The reserved bit is ignored (section 4.1).
        let stream = u32::from_be_bytes([s0, s1, s2, s3]) & MAX_31;
        Some(Self { len, kind, flags, stream })
    }

    #[inline]
    pub(crate) const fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The bytes of this header; the length is one that was cut to fit.
    #[inline]
    pub(crate) const fn bytes(self) -> [u8; HEADER] {
        let [_, l0, l1, l2] = (self.len as u32).to_be_bytes();
        let [s0, s1, s2, s3] = self.stream.to_be_bytes();
        [l0, l1, l2, self.kind, self.flags, s0, s1, s2, s3]
    }
}

/// Appends a whole frame with a short payload.
pub(crate) fn put(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    out.extend_from_slice(&Header { len: payload.len(), kind, flags, stream }.bytes());
    out.extend_from_slice(payload);
}

/// Appends a block that `write` makes, as HEADERS and, past `max` bytes, CONTINUATION frames. Where `write` refuses,
/// nothing was appended.
pub(crate) fn put_block<T, E>(
    out: &mut Vec<u8>,
    stream: u32,
    end_stream: bool,
    max: usize,
    write: impl FnOnce(&mut Vec<u8>) -> Result<T, E>,
) -> Result<T, E> {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER]);
    let value = match write(out) {
        Ok(value) => value,
        Err(error) => {
            out.truncate(start);
            return Err(error);
        }
    };
    let body = start.saturating_add(HEADER);
    let len = out.len().saturating_sub(body);
    let end = if end_stream { END_STREAM } else { 0 };
    if len <= max {
        patch(out, start, Header { len, kind: HEADERS, flags: end | END_HEADERS, stream });
        return Ok(value);
    }
    let rest = out.split_off(body.saturating_add(max));
    patch(out, start, Header { len: max, kind: HEADERS, flags: end, stream });
    let mut pieces = rest.chunks(max.max(1)).peekable();
    while let Some(piece) = pieces.next() {
        let flags = if pieces.peek().is_none() { END_HEADERS } else { 0 };
        put(out, CONTINUATION, flags, stream, piece);
    }
    Ok(value)
}

fn patch(out: &mut [u8], at: usize, header: Header) {
    if let Some(place) = out.get_mut(at..at.saturating_add(HEADER)) {
        place.copy_from_slice(&header.bytes());
    }
}

/// The content of a payload that may be padded, and how many bytes in front of it and behind it are not content
/// (section 6.1); `None` where the padding is longer than the payload.
pub(crate) fn unpadded(header: Header, first: u8) -> Option<(usize, usize)> {
    if !header.has(PADDED) {
        return Some((0, 0));
    }
    let pad = usize::from(first);
    // The byte that says so is part of what may not be passed.
    (pad < header.len).then_some((1, pad))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_back() {
        let header = Header { len: 0x01_0203, kind: HEADERS, flags: 0x25, stream: 0x7fff_fffe };
        assert_eq!(Header::read(&header.bytes()), Some(header));
        assert_eq!(Header::read(&header.bytes()[..8]), None);
        let mut reserved = header.bytes();
        reserved[5] |= 0x80;
        assert_eq!(Header::read(&reserved), Some(header));
    }

    #[test]
    fn a_long_block_goes_on_in_continuations() {
        for len in [0usize, 9, 10, 11, 20, 25] {
            let mut out = vec![1, 2, 3];
            let block: Vec<u8> = (0..len as u8).collect();
            let write = |out: &mut Vec<u8>| -> Result<(), ()> {
                out.extend_from_slice(&block);
                Ok(())
            };
            put_block(&mut out, 5, true, 10, write).unwrap();
            let (mut at, mut got, mut kinds) = (3, Vec::new(), Vec::new());
            while let Some(header) = Header::read(&out[at..]) {
                at += HEADER;
                got.extend_from_slice(&out[at..at + header.len]);
                at += header.len;
                kinds.push((header.kind, header.flags));
                assert!(header.len <= 10 && header.stream == 5);
            }
            assert_eq!((at, got), (out.len(), block.clone()));
            assert_eq!(kinds[0].0, HEADERS);
            assert_eq!(kinds[0].1 & END_STREAM, END_STREAM);
            assert!(kinds[1..].iter().all(|(kind, _)| *kind == CONTINUATION));
            let ends: Vec<_> = kinds.iter().map(|(_, flags)| flags & END_HEADERS != 0).collect();
            assert!(ends.last().unwrap() & !ends[..ends.len() - 1].contains(&true));
        }
    }

    #[test]
    fn a_refused_block_leaves_nothing() {
        let mut out = vec![7];
        let result = put_block(&mut out, 1, false, 10, |out| -> Result<(), &str> {
            out.push(1);
            Err("no")
        });
        assert_eq!((result, out), (Err("no"), vec![7]));
    }

    #[test]
    fn padding_is_shorter_than_its_frame() {
        let header = |len| Header { len, kind: DATA, flags: PADDED, stream: 1 };
        assert_eq!(unpadded(header(256), 255), Some((1, 255)));
        assert_eq!(unpadded(header(255), 255), None);
        assert_eq!(unpadded(header(1), 0), Some((1, 0)));
        assert_eq!(unpadded(header(0), 0), None);
    }
}
