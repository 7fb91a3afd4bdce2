//! Strings alone, as a protocol reads them: against a slow reader.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

use meshwire_hessian::{Dialect, Error, Read, Short, StringScan, Text, collect, is_ascii, put};
use proptest::prelude::*;

const D: Dialect = Dialect::Hessian2;
const A: Dialect = Dialect::Ant3;

/// The slow and obvious reader: units one by one, `None` for anything it does not like.
fn naive(bytes: &[u8], dialect: Dialect) -> Option<(Option<Vec<u16>>, usize)> {
    let (mut units, mut at) = (Vec::new(), 0);
    let piece = if dialect == D { b'R' } else { b's' };
    if *bytes.first()? == b'N' {
        return Some((None, 1));
    }
    loop {
        let tag = *bytes.get(at)?;
        at += 1;
        let len = match tag {
            0x00..=0x1f => tag as usize,
            0x30..=0x33 if dialect == D => {
                at += 1;
                (tag as usize - 0x30) * 256 + *bytes.get(at - 1)? as usize
            }
            tag if tag == b'S' || tag == piece => {
                at += 2;
                *bytes.get(at - 2)? as usize * 256 + *bytes.get(at - 1)? as usize
            }
            _ => return None,
        };
        let end = units.len() + len;
        while units.len() < end {
            let mut next = || {
                at += 1;
                bytes.get(at - 1).map(|byte| *byte as u32)
            };
            let lead = next()?;
            let more = [(0x80, 0), (0xc0, 9), (0xe0, 1), (0xf0, 2), (0xf8, 3)];
            let more = more.iter().find(|(below, _)| lead < *below)?.1;
            if more == 9 {
                return None;
            }
            let mut code = if more == 0 { lead } else { lead & (0x3f >> more) };
            for _ in 0..more {
                let byte = next()?;
                if byte & 0xc0 != 0x80 {
                    return None;
                }
                code = code << 6 | (byte & 0x3f);
            }
            if code < [0, 0x80, 0x800, 0x1_0000][more] || code > 0x10_ffff {
                return None;
            }
            if (0xd800..0xdc00).contains(&code) {
                let low = [next()?, next()?, next()?];
                let fits = low[0] == 0xed && (0xb0..0xc0).contains(&low[1]) && low[2] & 0xc0 == 0x80;
                if !fits || units.len() + 2 > end {
                    return None;
                }
                units.extend([code as u16, 0xdc00 | (low[1] as u16 & 0xf) << 6 | low[2] as u16 & 0x3f]);
                continue;
            }
            if code > 0xffff {
                units.extend(char::from_u32(code)?.encode_utf16(&mut [0; 2]).iter());
            } else {
                units.push(code as u16);
            }
        }
        if units.len() != end {
            return None;
        }
        if tag != piece {
            return Some((Some(units), at));
        }
    }
}

/// Units in UTF-8, pairs joined, lone surrogates as three bytes.
fn utf8(units: &[u16]) -> Vec<u8> {
    let mut out = Vec::new();
    for char in char::decode_utf16(units.iter().copied()) {
        match char {
            Ok(char) => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(lone) => {
                let unit = lone.unpaired_surrogate();
                out.extend([0xe0 | (unit >> 12) as u8, 0x80 | (unit >> 6 & 0x3f) as u8, 0x80 | (unit & 0x3f) as u8]);
            }
        }
    }
    out
}

fn value(bytes: &[u8], text: &Text, dialect: Dialect) -> Option<Vec<u8>> {
    let value = match text {
        Text::Null => None,
        Text::Plain(span) => Some(bytes[span.clone()].to_vec()),
        Text::Tangled(span) => Some(collect(bytes, span.clone(), dialect)),
    };
    assert_eq!(text.to_bytes(bytes).map(|text| text.to_vec()), value);
    value
}

/// Reads a string that comes so many bytes at a time; how often it was asked comes with it.
fn read(bytes: &[u8], dialect: Dialect, step: usize) -> Result<Option<(Text, usize, usize)>, Error> {
    let (mut scan, mut have, mut calls) = (StringScan::in_dialect(0, dialect), 0, 0);
    loop {
        calls += 1;
        match scan.run(&bytes[..have])? {
            Read::Done(text) => return Ok(Some((text, scan.at, calls))),
            Read::Need(need) => {
                assert!(need > have, "asked for {need} with {have} there");
                if need > bytes.len() {
                    return Ok(None);
                }
                have = need.max(have + step).min(bytes.len());
            }
        }
    }
}

fn written(text: &str, dialect: Dialect) -> Vec<u8> {
    let mut out = Vec::new();
    put::string(&mut out, dialect, text);
    out
}

#[test]
fn each_form_and_its_edges() {
    for (units, front, draft) in [
        (0, &[0x00][..], &[0x00][..]),
        (31, &[0x1f], &[0x1f]),
        (32, &[0x30, 0x20], &[0x53, 0x00, 0x20]),
        (1023, &[0x33, 0xff], &[0x53, 0x03, 0xff]),
        (1024, &[0x53, 0x04, 0x00], &[0x53, 0x04, 0x00]),
        (32768, &[0x53, 0x80, 0x00], &[0x53, 0x80, 0x00]),
        (32769, &[0x52, 0x80, 0x00], &[0x73, 0x80, 0x00]),
    ] {
        let text = "x".repeat(units);
        for (dialect, front) in [(D, front), (A, draft)] {
            let bytes = written(&text, dialect);
            assert!(bytes.starts_with(front), "{units}");
            let (read, end, _) = read(&bytes, dialect, 1).unwrap().unwrap();
            assert_eq!(value(&bytes, &read, dialect).unwrap(), text.as_bytes());
            assert_eq!(end, bytes.len());
        }
        let bytes = written(&text, D);
        let short = Short::guess(&bytes, 0).map(|short| bytes[short.at..short.end()].to_vec());
        assert_eq!(short, (units <= 32768).then(|| text.into_bytes()));
    }
}

#[test]
fn lengths_count_utf16_units() {
    // é is one unit of two bytes, 中 one of three, 😀 two units: as surrogates of three bytes each, or in four.
    assert_eq!(written("é中", D), [2, 0xc3, 0xa9, 0xe4, 0xb8, 0xad]);
    let surrogates = [2, 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80];
    assert_eq!(written("😀", A), surrogates);
    for bytes in [&surrogates[..], &[2, 0xf0, 0x9f, 0x98, 0x80]] {
        let (text, end, _) = read(bytes, D, 1).unwrap().unwrap();
        assert_eq!(end, bytes.len());
        assert_eq!(value(bytes, &text, D).unwrap(), "😀".as_bytes());
    }
}

#[test]
fn pieces_become_one() {
    let bytes = b"R\0\x02abR\0\0\x30\x03cdeX";
    let (text, end, _) = read(bytes, D, 1).unwrap().unwrap();
    assert_eq!((value(bytes, &text, D).unwrap(), end), (b"abcde".to_vec(), bytes.len() - 1));
    assert!(text.is(bytes, "abcde") && !text.is(bytes, "abcd"));
    let bytes = b"s\0\x02abs\0\0S\0\x03cdeX";
    let (text, end, _) = read(bytes, A, 1).unwrap().unwrap();
    assert_eq!((value(bytes, &text, A).unwrap(), end), (b"abcde".to_vec(), bytes.len() - 1));
    // The second half of a pair, alone.
    let (text, ..) = read(&[1, 0xed, 0xb8, 0x80], D, 1).unwrap().unwrap();
    assert_eq!(value(&[1, 0xed, 0xb8, 0x80], &text, D).unwrap(), [0xed, 0xb8, 0x80]);
}

#[test]
fn what_is_no_string_is_refused() {
    for (bytes, code, at) in [
        (&[0x90][..], "string", 0),                  // an int
        (b"R\0\x01aN", "string", 4),                 // null cannot be a later piece
        (&[1, 0xf0, 0x9f, 0x98, 0x80], "string", 1), // two units where one was announced
        (&[1, 0x80], "utf8", 1),
        (&[1, 0xc0, 0x80], "utf8", 1), // longer than need be
        (&[1, 0xc1, 0xa1], "utf8", 1),
        (&[1, 0xe0, 0x9f, 0xbf], "utf8", 1),
        (&[2, 0xf0, 0x8f, 0xbf, 0xbf], "utf8", 1),
        (&[2, 0xf4, 0x90, 0x80, 0x80], "utf8", 1),
        (&[2, b'a', 0xc3, b'b'], "utf8", 2),
    ] {
        let error = read(bytes, D, 1).unwrap_err();
        assert_eq!((error.code, error.at), (code, at), "{bytes:x?}");
        assert_eq!(naive(bytes, D), None, "{bytes:x?}");
    }
}

#[test]
fn a_byte_at_a_time_asks_no_more_than_it_must() {
    let bytes = written(&"中".repeat(20_000), D);
    let (_, _, calls) = read(&bytes, D, 1).unwrap().unwrap();
    // Each answer asks for as many bytes as there are units left: a geometric series.
    assert!(calls < 40, "{calls}");
}

fn dialect() -> impl Strategy<Value = Dialect> {
    prop_oneof![Just(D), Just(A)]
}

fn wire(dialect: Dialect) -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof!["[a-z.]{0,40}", "\\PC{0,40}", "[a😀中]{0,300}", "[éa]{0,100}"];
    let piece = (text, any::<bool>(), any::<bool>()).prop_map(move |(text, cut, four)| {
        let mut bytes = if four {
            let mut bytes = vec![b'S'];
            bytes.extend((text.encode_utf16().count() as u16).to_be_bytes());
            bytes.extend(text.as_bytes());
            bytes
        } else {
            written(&text, dialect)
        };
        if cut && bytes[0] == b'S' {
            bytes[0] = if dialect == D { b'R' } else { b's' };
        }
        bytes
    });
    prop_oneof![
        8 => prop::collection::vec(piece, 1..5).prop_map(|pieces| pieces.concat()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ]
}

proptest! {
    #[test]
    fn agrees_with_the_naive_reader(
        (dialect, bytes) in dialect().prop_flat_map(|dialect| (Just(dialect), wire(dialect))),
        step in 1usize..9,
        flip in any::<Option<(prop::sample::Index, u8)>>(),
    ) {
        let mut bytes = bytes;
        if let (Some((at, byte)), false) = (flip, bytes.is_empty()) {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let wanted = naive(&bytes, dialect).map(|(units, end)| (units.map(|units| utf8(&units)), end));
        let got = read(&bytes, dialect, step).ok().flatten().map(|(text, end, _)| (value(&bytes, &text, dialect), end));
        prop_assert_eq!(&got, &wanted);
        if dialect == D && let Some(short) = Short::guess(&bytes, 0) && bytes.get(..short.end()).is_some_and(is_ascii) {
            let text = (!short.null).then(|| bytes[short.at..short.end()].to_vec());
            prop_assert_eq!(Some((text, short.end())), wanted);
        }
    }

    #[test]
    fn a_plain_text_is_spelled_as_everywhere(text in "[a-z😀中é]{0,60}") {
        let bytes = written(&text, D);
        let (read, ..) = read(&bytes, D, 1).unwrap().unwrap();
        let surrogates = text.chars().any(|char| char.len_utf16() == 2);
        prop_assert_eq!(matches!(read, Text::Tangled(_)), surrogates);
    }

    #[test]
    fn ascii_is_what_the_standard_library_says(bytes in prop::collection::vec(0u8..0x80, 0..40), at: prop::sample::Index) {
        prop_assert!(is_ascii(&bytes));
        if !bytes.is_empty() {
            let mut bytes = bytes;
            let at = at.index(bytes.len());
            bytes[at] |= 0x80;
            prop_assert!(!is_ascii(&bytes));
        }
    }

    #[test]
    fn reads_what_it_writes(text in "\\PC{0,200}", dialect in dialect()) {
        let bytes = written(&text, dialect);
        let (read, end, _) = read(&bytes, dialect, 1).unwrap().unwrap();
        prop_assert_eq!(value(&bytes, &read, dialect).unwrap(), text.into_bytes());
        prop_assert_eq!(end, bytes.len());
    }
}
