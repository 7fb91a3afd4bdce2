//! The begin of a message: its name, type and sequence id, in each encoding (Apache Thrift's specification of the binary and
//! of the compact protocol; the JSON protocol's lists).

use std::ops::Range;

use meshwire::frame::{Fault, Parse};
use meshwire::{Limit, Outcome};

use crate::layout::Encoding;
use crate::varint::{self, Varint};

/// Types of messages.
pub(crate) mod kind {
    pub(crate) const CALL: u8 = 1;
    pub(crate) const REPLY: u8 = 2;
    pub(crate) const EXCEPTION: u8 = 3;
    pub(crate) const ONE_WAY: u8 = 4;
}

/// Version and flag that strict binary begins with.
pub(crate) const BINARY: [u8; 2] = [0x80, 0x01];
/// What the compact protocol begins with.
pub(crate) const COMPACT: u8 = 0x82;
/// Its version, in the low bits of the next byte.
pub(crate) const COMPACT_VERSION: u8 = 1;
/// What the JSON protocol begins with: a list whose first value is its version.
pub(crate) const JSON: &[u8; 4] = b"[1,\"";
/// A name in JSON is scanned anew until it is whole.
pub(crate) const JSON_NAME: usize = 1024;

/// Where things are in the begin of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Begin {
    pub(crate) kind: u8,
    pub(crate) name: Range<usize>,
    pub(crate) id: u32,
    /// Where the id begins, and its bytes.
    pub(crate) id_at: usize,
    pub(crate) id_len: usize,
    /// Where the struct begins.
    pub(crate) end: usize,
}

/// What is looked at: the message begins at `at`, and its frame ends at `end` if it has one.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) seen: &'a [u8],
    pub(crate) at: usize,
    pub(crate) end: usize,
    pub(crate) max_name: usize,
}

impl Place<'_> {
    /// Whether the bytes before `to` are there.
    fn has(&self, to: usize) -> Result<bool, Fault> {
        if to > self.end {
            return Err(cut_short(self.at));
        }
        Ok(to <= self.seen.len())
    }
}

/// The encoding that a message in a frame begins like.
#[inline]
pub(crate) fn encoding(first: &[u8]) -> Option<Encoding> {
    match first {
        [0x80, 0x01, ..] => Some(Encoding::Binary),
        [COMPACT, version, ..] if version & 0x1f == COMPACT_VERSION => Some(Encoding::Compact),
        [b'[', b'1', ..] => Some(Encoding::Json),
        // Half of a name's length: nobody's names are longer.
        [0, _, ..] => Some(Encoding::OldBinary),
        _ => None,
    }
}

/// Reads the begin of a message.
pub(crate) fn read(encoding: Encoding, place: Place<'_>) -> Result<Parse<Begin>, Fault> {
    let begin = match encoding {
        Encoding::Binary => binary(place)?,
        Encoding::OldBinary => old_binary(place)?,
        Encoding::Compact => compact(place)?,
        Encoding::Json => json(place)?,
    };
    match begin {
        Parse::Done(begin) if !(kind::CALL..=kind::ONE_WAY).contains(&begin.kind) => {
            Err(Fault::new("message_type", "a message is a call, a reply, an exception or one-way", place.at))
        }
        begin => Ok(begin),
    }
}

fn binary(place: Place<'_>) -> Result<Parse<Begin>, Fault> {
    let at = place.at;
    let name_at = at.saturating_add(8);
    if !place.has(name_at)? {
        return Ok(Parse::Need(name_at));
    }
    match place.seen.get(at..name_at) {
        Some([0x80, 0x01, _, kind, len @ ..]) => fixed(place, *kind, len, name_at, 0),
        _ => Err(Fault::new("version", "a strict binary message begins with 80 01", at)),
    }
}

fn old_binary(place: Place<'_>) -> Result<Parse<Begin>, Fault> {
    let name_at = place.at.saturating_add(4);
    if !place.has(name_at)? {
        return Ok(Parse::Need(name_at));
    }
    let len = place.seen.get(place.at..name_at).unwrap_or_default();
    fixed(place, 0, len, name_at, 1)
}

/// The rest of either binary begin: a name of `len`, `type_len` bytes of type, four of id.
fn fixed(place: Place<'_>, kind: u8, len: &[u8], name_at: usize, type_len: usize) -> Result<Parse<Begin>, Fault> {
    let len = len.first_chunk().map_or(-1, |len| i32::from_be_bytes(*len));
    let Ok(len) = usize::try_from(len) else { return Err(negative(place.at)) };
    if len > place.max_name {
        return Err(long_name(place.at));
    }
    let name_end = name_at.saturating_add(len);
    let id_at = name_end.saturating_add(type_len);
    let end = id_at.saturating_add(4);
    if !place.has(end)? {
        return Ok(Parse::Need(end));
    }
    let kind = if type_len == 0 { kind } else { place.seen.get(name_end).copied().unwrap_or_default() };
    let id = place.seen.get(id_at..).and_then(|id| id.first_chunk()).map_or(0, |id| u32::from_be_bytes(*id));
    Ok(Parse::Done(Begin { kind, name: name_at..name_end, id, id_at, id_len: 4, end }))
}

fn compact(place: Place<'_>) -> Result<Parse<Begin>, Fault> {
    let at = place.at;
    let id_at = at.saturating_add(2);
    if !place.has(id_at)? {
        return Ok(Parse::Need(id_at));
    }
    let kind = match place.seen.get(at..id_at) {
        Some([COMPACT, second]) if second & 0x1f == COMPACT_VERSION => second >> 5,
        _ => return Err(Fault::new("version", "a compact message begins with 82 and its version, 1", at)),
    };
    let (id, id_len) = match number(place, id_at)? {
        Parse::Done(number) => number,
        Parse::Need(need) => return Ok(Parse::Need(need)),
    };
    let (len, len_len) = match number(place, id_at.saturating_add(id_len))? {
        Parse::Done(number) => number,
        Parse::Need(need) => return Ok(Parse::Need(need)),
    };
    if len > i32::MAX as u32 {
        return Err(negative(id_at));
    }
    if len as usize > place.max_name {
        return Err(long_name(id_at));
    }
    let name_at = id_at.saturating_add(id_len).saturating_add(len_len);
    let end = name_at.saturating_add(len as usize);
    if !place.has(end)? {
        return Ok(Parse::Need(end));
    }
    Ok(Parse::Done(Begin { kind, name: name_at..end, id, id_at, id_len, end }))
}

/// The varint at `at`, and its bytes.
fn number(place: Place<'_>, at: usize) -> Result<Parse<(u32, usize)>, Fault> {
    let to = place.seen.len().min(place.end);
    match varint::read(place.seen.get(at..to).unwrap_or_default()) {
        Varint::Done(value, len) => Ok(Parse::Done((value, len))),
        Varint::More if to >= place.end => Err(cut_short(place.at)),
        Varint::More => Ok(Parse::Need(to.saturating_add(1))),
        Varint::TooLong => Err(Fault::new("varint", "a number of 32 bits takes at most five bytes", at)),
    }
}

fn json(place: Place<'_>) -> Result<Parse<Begin>, Fault> {
    let name_at = place.at.saturating_add(JSON.len());
    if !place.has(name_at)? {
        return Ok(Parse::Need(name_at));
    }
    if place.seen.get(place.at..name_at) != Some(JSON) {
        return Err(Fault::new("version", "a message in JSON begins with [1,\"", place.at));
    }
    let max = place.max_name.min(JSON_NAME);
    let to = place.seen.len().min(place.end);
    let rest = place.seen.get(name_at..to).unwrap_or_default();
    let looked_at = rest.get(..rest.len().min(max.saturating_add(1))).unwrap_or_default();
    let more = |at: usize| match at >= place.end {
        true => Err(cut_short(place.at)),
        false => Ok(Parse::Need(at.saturating_add(1))),
    };
    let Some(len) = memchr::memchr2(b'"', b'\\', looked_at) else {
        return if rest.len() > max { Err(long_name(name_at)) } else { more(to) };
    };
    let name_end = name_at.saturating_add(len);
    if rest.get(len) == Some(&b'\\') {
        return Err(Fault::new("name", "a method's name is plain", name_end));
    }
    // `",TYPE,ID,`
    let type_at = name_end.saturating_add(2);
    let id_at = type_at.saturating_add(2);
    let tail = place.seen.get(name_end..to).unwrap_or_default();
    let (kind, digits) = match tail {
        [b'"', b',', kind @ b'0'..=b'9', b',', digits @ ..] => (kind.wrapping_sub(b'0'), digits),
        _ if tail.len() < 4 => return more(to),
        _ => return Err(Fault::new("message_type", "a message's type is one digit", type_at)),
    };
    // A sign, and ten digits at most.
    let looked_at = digits.get(..digits.len().min(12)).unwrap_or_default();
    let Some(id_len) = memchr::memchr(b',', looked_at) else {
        return if digits.len() >= 12 { Err(bad_id(id_at)) } else { more(to) };
    };
    let text = std::str::from_utf8(looked_at.get(..id_len).unwrap_or_default()).unwrap_or_default();
    let Ok(id) = text.parse::<i32>() else { return Err(bad_id(id_at)) };
    let end = id_at.saturating_add(id_len).saturating_add(1);
    Ok(Parse::Done(Begin { kind, name: name_at..name_end, id: id as u32, id_at, id_len, end }))
}

/// Appends the begin of a message.
pub(crate) fn put(encoding: Encoding, kind: u8, name: &[&[u8]], id: u32, out: &mut Vec<u8>) {
    let len: usize = name.iter().map(|part| part.len()).sum();
    let put_name = |out: &mut Vec<u8>| name.iter().for_each(|part| out.extend_from_slice(part));
    match encoding {
        Encoding::Binary => {
            out.extend_from_slice(&BINARY);
            out.extend_from_slice(&[0, kind]);
            out.extend_from_slice(&(len as u32).to_be_bytes());
            put_name(out);
            out.extend_from_slice(&id.to_be_bytes());
        }
        Encoding::OldBinary => {
            out.extend_from_slice(&(len as u32).to_be_bytes());
            put_name(out);
            out.push(kind);
            out.extend_from_slice(&id.to_be_bytes());
        }
        Encoding::Compact => {
            out.extend_from_slice(&[COMPACT, kind << 5 | COMPACT_VERSION]);
            varint::put(id, out);
            varint::put(len as u32, out);
            put_name(out);
        }
        Encoding::Json => {
            out.extend_from_slice(JSON);
            put_name(out);
            out.extend_from_slice(&[b'"', b',', b'0'.wrapping_add(kind), b',']);
            out.extend_from_slice((id as i32).to_string().as_bytes());
            out.push(b',');
        }
    }
}

/// Splits `Service:method` on its first colon.
#[inline]
pub(crate) fn split(name: &[u8]) -> (Option<&[u8]>, &[u8]) {
    match memchr::memchr(b':', name) {
        Some(colon) => {
            (name.get(..colon), colon.checked_add(1).and_then(|method| name.get(method..)).unwrap_or_default())
        }
        None => (None, name),
    }
}

#[cold]
const fn cut_short(at: usize) -> Fault {
    Fault::new("cut_short", "the frame ends inside the begin of its message", at)
}

#[cold]
const fn negative(at: usize) -> Fault {
    Fault::new("length", "a length is negative", at)
}

#[cold]
const fn long_name(at: usize) -> Fault {
    Fault::limit(Limit::Head, "a method's name is longer than a head may be", at).with_outcome(Outcome::TooLarge)
}

#[cold]
const fn bad_id(at: usize) -> Fault {
    Fault::new("id", "a sequence id is a number of 32 bits", at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(seen: &[u8]) -> Place<'_> {
        Place { seen, at: 0, end: usize::MAX, max_name: 64 }
    }

    #[test]
    fn each_encoding_reads_what_it_writes_and_needs_all_of_it() {
        for encoding in Encoding::ALL {
            for id in [0, 7, 300, u32::MAX, i32::MAX as u32] {
                let mut bytes = Vec::new();
                put(encoding, kind::CALL, &[b"Store:", b"reserve"], id, &mut bytes);
                let end = bytes.len();
                bytes.extend([0x7f; 8]);
                let Ok(Parse::Done(begin)) = read(encoding, place(&bytes)) else { panic!("{encoding} {id}") };
                assert_eq!((begin.kind, begin.id, begin.end), (kind::CALL, id, end), "{encoding}");
                assert_eq!(&bytes[begin.name.clone()], b"Store:reserve");
                for n in 0..end {
                    let Ok(Parse::Need(need)) = read(encoding, place(&bytes[..n])) else { panic!("{encoding} {n}") };
                    assert!(need > n && need <= end, "{encoding}: {need} at {n} of {end}");
                    let cut = Place { end: n, ..place(&bytes) };
                    assert_eq!(read(encoding, cut).map_err(|fault| fault.code), Err("cut_short"), "{encoding} {n}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_begin() {
        for (encoding, bytes, code) in [
            (Encoding::Binary, &b"\x80\x01\0\x05\0\0\0\x01a\0\0\0\0"[..], "message_type"),
            (Encoding::Binary, b"\x80\x02\0\x01\0\0\0\x01a\0\0\0\0", "version"),
            (Encoding::Binary, b"\x80\x01\0\x01\xff\xff\xff\xff", "length"),
            (Encoding::Binary, b"\x80\x01\0\x01\0\0\0\x41", "head"),
            (Encoding::OldBinary, b"\0\0\0\x01a\0\0\0\0\0", "message_type"),
            (Encoding::OldBinary, b"\0\0\0\x41", "head"),
            (Encoding::Compact, b"\x82\x22\0\x01a", "version"),
            (Encoding::Compact, b"\x82\x01\0\x01a", "message_type"),
            (Encoding::Compact, b"\x82\x21\x80\x80\x80\x80\x80\x01", "varint"),
            (Encoding::Compact, b"\x82\x21\0\xff\xff\xff\xff\x0f", "length"),
            (Encoding::Compact, b"\x82\x21\0\x41", "head"),
            (Encoding::Json, b"[2,\"a\",1,0,{}]", "version"),
            (Encoding::Json, b"[1,\"a\\n\",1,0,{}]", "name"),
            (Encoding::Json, b"[1,\"a\",10,0,{}]", "message_type"),
            (Encoding::Json, b"[1,\"a\",9,0,{}]", "message_type"),
            (Encoding::Json, b"[1,\"a\",1,99999999999,{}]", "id"),
            (Encoding::Json, b"[1,\"a\",1,1234567890123,{}]", "id"),
            (Encoding::Json, b"[1,\"a\",1,,{}]", "id"),
        ] {
            let read = read(encoding, place(bytes));
            assert_eq!(read.map_err(|fault| fault.code), Err(code), "{encoding} {}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_name_is_split_on_its_first_colon() {
        assert_eq!(split(b"Store:put:now"), (Some(&b"Store"[..]), &b"put:now"[..]));
        assert_eq!(split(b"put"), (None, &b"put"[..]));
        assert_eq!(split(b":put"), (Some(&b""[..]), &b"put"[..]));
    }
}
