//! The bytes in these tests were written by Dubbo 3.3.6 with fastjson2 2.0.56, Dubbo 2.7.23 with fastjson 1.2.83 and gson
//! 2.8.5, and Dubbo's extensions 3.2.0, and what is written here was read by them.

use proptest::prelude::*;

use super::*;

const ALL: [Serial; 5] = [Serial::Jsonb, Serial::JsonLines, Serial::JsonSized, Serial::Protobuf, Serial::ProtobufJson];

pub(super) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// JSON behind its length.
pub(super) fn sized(json: &str) -> Vec<u8> {
    [&u32::try_from(json.len()).unwrap().to_be_bytes(), json.as_bytes()].concat()
}

/// The string that is all of `bytes`; `None` is null.
pub(super) fn text(serial: Serial, bytes: &[u8]) -> Result<Option<String>, &'static str> {
    match serial.text(Body::whole(bytes), 0).map_err(|fault| fault.code)? {
        Parse::Done((text, end)) => {
            assert_eq!(end, bytes.len());
            Ok(text.bytes(bytes).map(|text| String::from_utf8(text.to_vec()).unwrap()))
        }
        Parse::Need(need) => panic!("{need} of {}", bytes.len()),
    }
}

/// The attachments that are all of `bytes`.
pub(super) fn entries(serial: Serial, bytes: &[u8]) -> Result<Vec<String>, &'static str> {
    let mut found = Vec::new();
    let show = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let end = serial.entries(Body::whole(bytes), 0, &mut |name, value| {
        let name = show(name);
        found.push(match value {
            Value::Null => format!("{name} is null"),
            Value::Text(text) => format!("{name}={}", show(text)),
            Value::Scalar(text) => format!("{name}:{}", show(text)),
            Value::Other(name_of_type) => format!("{name} is {}", show(name_of_type)),
        });
        Ok(())
    });
    assert_eq!(end.map_err(|fault| fault.code)?, bytes.len());
    Ok(found)
}

/// A request with two arguments, and its attachments.
fn bodies() -> Vec<(Serial, Vec<u8>, usize)> {
    let jsonb = hex(
        "000000064e322e302e32 000000145c636f6d2e6578616d706c652e47726565746572 00000001af 000000067c04164e4c75
         0000001c644c6a6176612f6c616e672f537472696e673b4c574224506f6a6f3b 000000024a71
         000000289250574224506f6a6f00a67f4c61676501037f4d6e616d65024a6e7f4d7461677303964a614a62a5
         0000004fa64d706174685c636f6d2e6578616d706c652e4772656574657252696e746572666163655c636f6d2e6578616d706c652e47726565
         7465725076657273696f6e4e312e302e304e67726f75704a67a5",
    );
    let lines = "\"2.0.2\"\n\"com.example.Greeter\"\nnull\n\"世界\"\n\"Ljava/lang/String;I\"\n\"q\\\"b\\\\s/sl\\u003c\"\n\
                 {\"name\":\"n\",\"age\":3,\"tags\":[\"a\",\"b\"]}\n{\"path\":\"com.example.Greeter\",\"group\":\"g\"}\n";
    let with_returns = lines.replace('\n', "\r\n");
    let values: Vec<u8> = lines.lines().flat_map(sized).collect();
    let protobuf = hex(
        "070a05322e302e32 150a13636f6d2e6578616d706c652e47726565746572 070a05302e302e30 0a0a0873617948656c6c6f
         230a214c636f6d2f676f6f676c652f70726f746f6275662f537472696e6756616c75653b 070a05776f726c64 00
         c0010a0a0a0567726f757012016712b1010a0567726f757012a7010a59747970652e676f6f676c65617069732e636f6d2f6f72672e61706163
         68652e647562626f2e636f6d6d6f6e2e73657269616c697a652e70726f746f6275662e737570706f72742e777261707065722e417474616368
         6d656e74124a0a106a6176612e6c616e672e537472696e6712360a2f747970652e676f6f676c65617069732e636f6d2f676f6f676c652e7072
         6f746f6275662e537472696e6756616c756512030a0167",
    );
    vec![
        (Serial::Jsonb, jsonb, 4),
        (Serial::JsonLines, lines.as_bytes().to_vec(), 2),
        (Serial::JsonLines, with_returns.into_bytes(), 2),
        (Serial::JsonLines, lines.trim_end().as_bytes().to_vec(), 2),
        (Serial::JsonSized, values, 2),
        (Serial::Protobuf, protobuf, 1),
    ]
}

/// Reads a request as far as it is there: where its attachments begin, or how many bytes are needed.
fn walk(serial: Serial, body: Body<'_>) -> Result<Parse<usize>, Fault> {
    let mut at = 0;
    for _ in 0..5 {
        at = match serial.text(body, at)? {
            Parse::Done((_, end)) => end,
            Parse::Need(need) => return Ok(Parse::Need(need)),
        };
    }
    for _ in 0..2 {
        at = match serial.skip(body, at)? {
            Parse::Done(end) => end,
            Parse::Need(need) => return Ok(Parse::Need(need)),
        };
    }
    Ok(match serial.skip(body, at)? {
        Parse::Done(end) => {
            assert_eq!(end, body.len);
            Parse::Done(at)
        }
        Parse::Need(need) => Parse::Need(need),
    })
}

#[test]
fn a_serialization_is_told_by_its_id_and_fastjson_by_its_first_byte() {
    assert_eq!(Serial::of(2, None), None);
    assert_eq!(Serial::of(6, Some(b'"')), Some(Serial::JsonLines));
    assert_eq!(Serial::of(6, Some(0)), Some(Serial::JsonSized));
    assert_eq!(Serial::of(6, Some(b'\t')), Some(Serial::JsonLines));
    for (id, serial) in [
        (16, Serial::JsonLines),
        (18, Serial::JsonLines),
        (21, Serial::ProtobufJson),
        (22, Serial::Protobuf),
        (23, Serial::Jsonb),
    ] {
        assert_eq!(Serial::of(id, None), Some(serial));
        assert_eq!(Serial::of(id, Some(0)), Some(serial));
    }
}

#[test]
fn a_request_is_read_from_its_first_string_to_its_attachments() {
    for (serial, bytes, attachments) in bodies() {
        let Ok(Parse::Done(at)) = walk(serial, Body::whole(&bytes)) else { panic!("{serial:?}") };
        assert_eq!(entries(serial, &bytes[at..]).unwrap().len(), attachments, "{serial:?}");
    }
}

#[test]
fn what_is_not_there_is_waited_for_and_no_more() {
    for (serial, bytes, _) in bodies() {
        for cut in 0..bytes.len() {
            let found = walk(serial, Body::new(&bytes[..cut], bytes.len()));
            let Ok(Parse::Need(need)) = found else { panic!("{serial:?} {cut}: {found:?}") };
            assert!(need > cut && need <= bytes.len(), "{serial:?} {cut}: {need}");
            // The same bytes, but they are all there will be.
            let cut_off = walk(serial, Body::whole(&bytes[..cut]));
            assert!(matches!(cut_off, Err(_) | Ok(Parse::Done(_))), "{serial:?} {cut} {cut_off:?}");
            // The last line ends where the body does, whatever is missing of it; others end in nothing.
            assert!(cut_off.is_err() || serial == Serial::JsonLines, "{serial:?} {cut}");
        }
    }
}

#[test]
fn a_value_that_ends_behind_its_message_is_not_waited_for() {
    for (serial, bytes) in [
        (Serial::Jsonb, hex("7fffffff 49")),
        (Serial::JsonSized, hex("00010000 22")),
        (Serial::Protobuf, hex("ffffffff07 0a")),
    ] {
        assert_eq!(serial.text(Body::new(&bytes, 1000), 0).unwrap_err().code, "truncated", "{serial:?}");
        assert_eq!(serial.skip(Body::new(&bytes, 1000), 0).unwrap_err().code, "truncated", "{serial:?}");
    }
    for (serial, bytes) in [
        (Serial::Jsonb, hex("80000000")),
        (Serial::JsonSized, hex("ffffffff")),
        (Serial::Protobuf, hex("ffffffffff01")),
    ] {
        assert_eq!(serial.text(Body::new(&bytes, usize::MAX), 0).unwrap_err().code, "length", "{serial:?}");
    }
}

#[test]
fn a_line_in_small_pieces_is_looked_through_a_few_times() {
    let line = format!("\"{}\"\n", "x".repeat(100_000));
    let mut calls = 0;
    let mut seen = 0;
    while let Ok(Parse::Need(need)) = Serial::JsonLines.skip(Body::new(&line.as_bytes()[..seen], line.len()), 0) {
        seen = need;
        calls += 1;
    }
    assert!(seen == line.len() && calls < 20, "{seen} after {calls}");
}

#[test]
fn flags_are_read_as_they_are_written() {
    for serial in ALL {
        for flag in 0..6 {
            let mut bytes = Vec::new();
            serial.put_flag(&mut bytes, flag);
            let len = bytes.len();
            bytes.extend_from_slice(b"\nrest of the body");
            let read = serial.flag(Body::whole(&bytes), 0).unwrap();
            assert_eq!(read, Parse::Done((flag, len)), "{serial:?} {flag}");
            for cut in 0..len {
                let found = serial.flag(Body::new(&bytes[..cut], bytes.len()), 0);
                assert!(
                    matches!(found, Ok(Parse::Need(need)) if need > cut && need <= len),
                    "{serial:?} {cut} {found:?}"
                );
            }
        }
    }
    for (serial, bytes, flag) in [
        (Serial::Jsonb, &hex("0000000105")[..], 5),
        (Serial::Jsonb, &hex("00000002bd05"), 5),
        (Serial::JsonLines, b"5\r\n", 5),
        (Serial::JsonSized, b"\0\0\0\x015", 5),
        (Serial::JsonSized, b"\0\0\0\x025B", 5),
        (Serial::Protobuf, b"\0", 0),
        (Serial::Protobuf, &hex("020805"), 5),
    ] {
        assert_eq!(serial.flag(Body::whole(bytes), 0), Ok(Parse::Done((flag, bytes.len()))), "{serial:?} {bytes:x?}");
    }
    for (serial, bytes) in [
        (Serial::Jsonb, &hex("00000005 48 00000001")[..]),
        (Serial::Jsonb, &hex("00000001 af")),
        (Serial::Jsonb, &hex("00000002 4a31")),
        (Serial::JsonLines, b"\"1\"\n"),
        (Serial::JsonLines, b"10\n"),
        (Serial::JsonLines, b"-1\n"),
        (Serial::JsonSized, b"\0\0\0\x03105"),
        (Serial::JsonSized, b"\0\0\0\x0210"),
        (Serial::Protobuf, &hex("03080501")),
        (Serial::Protobuf, &hex("020a00")),
    ] {
        assert_eq!(serial.flag(Body::whole(bytes), 0).unwrap_err().code, "flag", "{serial:?} {bytes:x?}");
    }
}

#[test]
fn strings_are_read_as_they_are_written() {
    let (short, long) = ("x".repeat(48), "x".repeat(3000));
    let longer = "世".repeat(100_000);
    for serial in ALL {
        for wanted in ["", "a", "grüße", "a😀b", "q\"b\\s/\u{0}\u{1f}\u{7f}\u{2028}\n\r\t", &long, &short, &longer]
        {
            let mut bytes = Vec::new();
            serial.put_text(&mut bytes, wanted);
            assert_eq!(text(serial, &bytes).unwrap().as_deref(), Some(wanted), "{serial:?}");
        }
    }
}

#[test]
fn a_null_is_what_java_compares_a_heartbeat_with() {
    for (serial, wanted) in [
        (Serial::Jsonb, &hex("00000001af")[..]),
        (Serial::JsonLines, b"null\n"),
        (Serial::JsonSized, b"\0\0\0\x04null"),
        (Serial::Protobuf, b""),
        (Serial::ProtobufJson, b""),
    ] {
        let mut bytes = Vec::new();
        serial.put_null(&mut bytes);
        assert_eq!(bytes, wanted, "{serial:?}");
        assert_eq!(entries(serial, &bytes), Ok(vec![]), "{serial:?}");
        if !bytes.is_empty() {
            assert_eq!(text(serial, &bytes), Ok(None));
        }
    }
}

#[test]
fn exceptions_that_java_throws() {
    let written = |serial: Serial, class: &str| {
        let mut bytes = Vec::new();
        serial.put_exception(&mut bytes, class, "no \"route\"").then_some(bytes)
    };
    assert_eq!(
        written(Serial::Jsonb, "java.lang.RuntimeException").unwrap(),
        hex(
            "0000003892636a6176612e6c616e672e52756e74696d65457863657074696f6e00a65664657461696c4d657373616765536e6f2022726f75746522a5"
        )
    );
    assert_eq!(
        written(Serial::JsonSized, "java.lang.RuntimeException").unwrap(),
        sized(r#"{"@type":"java.lang.RuntimeException","message":"no \"route\""}"#)
    );
    assert_eq!(
        written(Serial::Protobuf, "java.lang.Error").unwrap(),
        b"\x1d\x0a\x0fjava.lang.Error\x12\x0ano \"route\""
    );
    assert_eq!(
        written(Serial::ProtobufJson, "java.lang.Error").unwrap(),
        br#"{"originalClassName":"java.lang.Error","originalMessage":"no \"route\""}
"#
    );
    assert_eq!(written(Serial::JsonLines, "java.lang.Error"), None);
}

/// A map of strings as `put_map` writes it.
fn map(serial: Serial, entries: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    assert!(serial.put_map(&mut bytes, entries.iter().copied()));
    bytes
}

const EDITED: [Serial; 3] = [Serial::Jsonb, Serial::JsonLines, Serial::JsonSized];

#[test]
fn maps_are_edited() {
    for serial in EDITED {
        let before = map(serial, &[("a", "1"), ("group", "g"), ("b", "2"), ("Group", "h")]);
        let edits = [
            FieldEdit::Set(b"group", "gé\"".as_bytes()),
            FieldEdit::Remove(b"B"),
            FieldEdit::Add(b"a", b"3"),
            FieldEdit::Set(b"new", b""),
            FieldEdit::Remove(b"absent"),
        ];
        let after = serial.edit_map(&before, 0..before.len(), edits.into_iter()).unwrap();
        assert_eq!(after, map(serial, &[("group", "gé\""), ("a", "3"), ("new", "")]), "{serial:?}");
        // In the middle of a message, and with nothing to do.
        let message = [b"xx", &before[..], b"yy"].concat();
        let span = 2..message.len() - 2;
        assert_eq!(serial.edit_map(&message, span, [].into_iter()).unwrap(), before, "{serial:?}");
    }
}

#[test]
fn a_null_becomes_a_map() {
    for serial in EDITED {
        let mut null = Vec::new();
        serial.put_null(&mut null);
        let after = serial.edit_map(&null, 0..null.len(), [FieldEdit::Set(b"a", b"b")].into_iter()).unwrap();
        assert_eq!(after, map(serial, &[("a", "b")]), "{serial:?}");
    }
}

#[test]
fn what_cannot_be_edited_says_why() {
    for serial in ALL {
        let edit = || [FieldEdit::Set(b"a", b"\xff")].into_iter();
        let mut null = Vec::new();
        serial.put_null(&mut null);
        assert!(serial.edit_map(&null, 0..null.len(), edit()).is_err(), "{serial:?}");
        let more = [&null[..], b"null\n"].concat();
        assert!(serial.edit_map(&more, 0..more.len(), [].into_iter()).is_err(), "{serial:?}");
        assert!(serial.edit_map(&null, 0..null.len() + 1, [].into_iter()).is_err(), "{serial:?}");
        assert!(serial.edit_map(b"\0\0\0\x01?", 0..5, [].into_iter()).is_err(), "{serial:?}");
    }
}

/// Names and values that are anything.
fn strings() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec((".{0,60}", ".{0,60}"), 0..12)
        .prop_map(|entries| entries.into_iter().filter(|(name, _)| name != "@type" && name != "$ref").collect())
}

proptest! {
    #[test]
    fn maps_are_read_as_they_are_written(wanted in strings()) {
        for serial in EDITED {
            let bytes = map(serial, &wanted.iter().map(|(name, value)| (&**name, &**value)).collect::<Vec<_>>());
            let mut read = Vec::new();
            let end = serial.entries(Body::whole(&bytes), 0, &mut |name, value| {
                let Value::Text(value) = value else { panic!("{value:?}") };
                read.push((String::from_utf8(name.to_vec()).unwrap(), String::from_utf8(value.to_vec()).unwrap()));
                Ok(())
            });
            prop_assert_eq!(end, Ok(bytes.len()));
            prop_assert_eq!(&read, &wanted);
        }
    }

    #[test]
    fn mutated_bytes_panic_nowhere(
        which in 0..6_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let (serial, mut bytes, _) = bodies().swap_remove(which);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let cut = cut.index(bytes.len());
        for body in [Body::whole(&bytes), Body::whole(&bytes[..cut]), Body::new(&bytes[..cut], bytes.len())] {
            for at in 0..body.seen.len() {
                for result in [serial.skip(body, at), serial.text(body, at).map(|text| match text {
                    Parse::Done((_, end)) => Parse::Done(end),
                    Parse::Need(need) => Parse::Need(need),
                })] {
                    match result {
                        Ok(Parse::Done(end)) => prop_assert!(end > at && end <= body.seen.len()),
                        Ok(Parse::Need(need)) => prop_assert!(need > body.seen.len() && need <= body.len),
                        Err(_) => {}
                    }
                }
                let _ = serial.flag(body, at);
                let _ = serial.entries(body, at, &mut |_, _| Ok(()));
                let _ = serial.edit_map(body.seen, at..body.seen.len(), [FieldEdit::Remove(b"path")].into_iter());
            }
        }
    }
}
