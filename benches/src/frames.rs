//! HTTP/2 as a peer writes it, to the byte (RFC 9113, RFC 7541).

use meshwire_http2::hpack::huffman;

use crate::lists::List;

/// What a client sends first.
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Bytes in front of each payload.
pub const HEADER: usize = 9;

/// DATA.
pub const DATA: u8 = 0x0;
/// HEADERS.
pub const HEADERS: u8 = 0x1;
/// SETTINGS.
pub const SETTINGS: u8 = 0x4;
/// WINDOW_UPDATE.
pub const WINDOW_UPDATE: u8 = 0x8;
/// CONTINUATION.
pub const CONTINUATION: u8 = 0x9;

/// ACK.
pub const ACK: u8 = 0x1;
/// END_STREAM.
pub const END_STREAM: u8 = 0x1;
/// END_HEADERS.
pub const END_HEADERS: u8 = 0x4;

/// One frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// A HEADERS frame of a request without a body.
pub fn get(stream: u32, block: &[u8]) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, block)
}

/// SETTINGS that leave everything as it is but the windows of streams, and all the credit there can be for the
/// connection.
pub fn open_windows() -> Vec<u8> {
    const MOST: u32 = 0x7fff_ffff;
    let mut settings = vec![0x0, 0x4];
    settings.extend(MOST.to_be_bytes());
    let credit = (MOST - 0xffff).to_be_bytes();
    [frame(SETTINGS, 0, 0, &settings), frame(WINDOW_UPDATE, 0, 0, &credit)].concat()
}

/// Writes `stream` and those behind it into the frames of `requests`, which are `frames` a stream; the next free one
/// comes back.
pub fn rename(requests: &mut [u8], mut stream: u32, frames: usize) -> u32 {
    let (mut at, mut n) = (0, 0);
    while let Some(header) = requests.get_mut(at..at + HEADER) {
        header[5..].copy_from_slice(&stream.to_be_bytes());
        at += HEADER + u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
        n += 1;
        if n % frames == 0 {
            stream += 2;
        }
    }
    stream
}

/// How strings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Strings {
    Plain,
    Huffman,
}

/// A block of literals (RFC 7541, section 6.2), which go into the table or not; names that the static table has by
/// their index.
pub fn literals(list: &List, to_table: bool, strings: Strings) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in list {
        let index = static_name(name);
        match (to_table, index) {
            (true, Some(index)) => block.push(0x40 | index),
            (false, Some(index)) if index < 15 => block.push(index),
            (false, Some(index)) => block.extend([0x0f, index - 15]),
            (_, None) => {
                block.push(if to_table { 0x40 } else { 0 });
                string(name.as_bytes(), strings, &mut block);
            }
        }
        string(value.as_bytes(), strings, &mut block);
    }
    block
}

/// The block that names the fields of `list` once [`literals`] has put them, and nothing since, into the table.
pub fn indices(list: &List) -> Vec<u8> {
    (0..list.len()).map(|i| 0x80 | (61 + list.len() - i) as u8).collect()
}

fn static_name(name: &str) -> Option<u8> {
    Some(match name {
        ":authority" => 1,
        ":method" => 2,
        ":path" => 4,
        ":scheme" => 6,
        ":status" => 8,
        "accept-encoding" => 16,
        "content-type" => 31,
        "user-agent" => 58,
        _ => return None,
    })
}

fn string(plain: &[u8], strings: Strings, block: &mut Vec<u8>) {
    let (mark, bytes) = match strings {
        Strings::Plain => (0, plain.to_vec()),
        Strings::Huffman => {
            let mut coded = Vec::new();
            huffman::encode(plain, &mut coded);
            (0x80, coded)
        }
    };
    match bytes.len().checked_sub(0x7f) {
        None => block.push(mark | bytes.len() as u8),
        Some(mut rest) => {
            block.push(mark | 0x7f);
            while rest > 0x7f {
                block.push(rest as u8 | 0x80);
                rest >>= 7;
            }
            block.push(rest as u8);
        }
    }
    block.extend(bytes);
}
