use super::super::Serial;
use super::super::tests::{entries, hex, text};

const ANY: &[u8] = b"type.googleapis.com/";
const ATTACHMENT: &[u8] = b"org.apache.dubbo.common.serialize.protobuf.support.wrapper.Attachment";
const STRING: &[u8] = b"google.protobuf.StringValue";

/// A field with a length.
fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    super::put_varint(&mut out, bytes.len());
    out.extend_from_slice(bytes);
    out
}

fn any(name: &[u8], message: &[u8]) -> Vec<u8> {
    [field(0x0a, &[ANY, name].concat()), field(0x12, message)].concat()
}

/// An entry of the first map.
fn string(name: &str, value: &str) -> Vec<u8> {
    field(0x0a, &[field(0x0a, name.as_bytes()), field(0x12, value.as_bytes())].concat())
}

/// An entry of the second.
fn typed(name: &str, class: &str, message_name: &[u8], message: &[u8]) -> Vec<u8> {
    let attachment = [field(0x0a, class.as_bytes()), field(0x12, &any(message_name, message))].concat();
    field(0x12, &[field(0x0a, name.as_bytes()), field(0x12, &any(ATTACHMENT, &attachment))].concat())
}

fn typed_string(name: &str, value: &str) -> Vec<u8> {
    let message = if value.is_empty() { Vec::new() } else { field(0x0a, value.as_bytes()) };
    typed(name, "java.lang.String", STRING, &message)
}

fn map(parts: &[Vec<u8>]) -> Vec<u8> {
    let message = parts.concat();
    let mut out = Vec::new();
    super::put_varint(&mut out, message.len());
    out.extend_from_slice(&message);
    out
}

fn read(parts: &[Vec<u8>]) -> Result<Vec<String>, &'static str> {
    entries(Serial::Protobuf, &map(parts))
}

#[test]
fn strings() {
    for (digits, wanted) in [
        ("00", ""),
        ("020a00", ""),
        ("070a05322e302e32", "2.0.2"),
        ("080a06e4b896e7958c", "世界"),
        ("87000a05322e302e32", "2.0.2"),
        ("080a8500322e302e32", "2.0.2"),
    ] {
        assert_eq!(text(Serial::Protobuf, &hex(digits)).unwrap().as_deref(), Some(wanted), "{digits}");
    }
    for (digits, code) in [
        ("020805", "string"),
        ("060a0161 0a0162", "string"),
        ("0612016112 0162", "string"),
        ("050a01611a00", "string"),
        ("030a0261", "string"),
        ("010a", "string"),
        ("030a01ff", "utf8"),
        ("050a016100", "truncated"),
        ("8080808080 01", "length"),
    ] {
        assert_eq!(text(Serial::Protobuf, &hex(digits)), Err(code), "{digits}");
    }
}

#[test]
fn attachments_of_both_versions() {
    let real = hex(
        "c0010a0a0a0567726f757012016712b1010a0567726f757012a7010a59747970652e676f6f676c65617069732e636f6d2f6f72672e61706163
         68652e647562626f2e636f6d6d6f6e2e73657269616c697a652e70726f746f6275662e737570706f72742e777261707065722e417474616368
         6d656e74124a0a106a6176612e6c616e672e537472696e6712360a2f747970652e676f6f676c65617069732e636f6d2f676f6f676c652e7072
         6f746f6275662e537472696e6756616c756512030a0167",
    );
    assert_eq!(real, map(&[string("group", "g"), typed_string("group", "g")]));
    assert_eq!(entries(Serial::Protobuf, &real).unwrap(), ["group=g"]);
    assert_eq!(read(&[string("group", "g"), string("path", "")]).unwrap(), ["group=g", "path="]);
    let mixed = [
        string("timeout", "3000"),
        string("n", "null"),
        string("e", ""),
        typed("timeout", "java.lang.Integer", b"google.protobuf.Int32Value", &hex("08b817")),
        typed("n", "null", b"google.protobuf.Empty", b""),
        typed_string("e", ""),
    ];
    assert_eq!(read(&mixed).unwrap(), ["timeout=3000", "n=null", "e="]);
    assert!(read(&[]).unwrap().is_empty());
    assert!(entries(Serial::Protobuf, b"").unwrap().is_empty());
}

#[test]
fn attachments_that_say_one_thing_here_and_another_there_are_refused() {
    for (parts, code) in [
        (vec![string("group", "g"), typed_string("group", "h")], "protobuf"),
        (vec![string("group", "g"), typed_string("group", "g"), typed_string("path", "p")], "protobuf"),
        (vec![typed("n", "java.lang.Integer", b"google.protobuf.Int32Value", b"")], "protobuf"),
        (vec![string("a", "1"), string("a", "2"), typed_string("a", "1")], "protobuf"),
        (vec![field(0x1a, b"")], "protobuf"),
        (vec![field(0x0a, &[field(0x0a, b"a"), field(0x0a, b"b")].concat())], "protobuf"),
        (vec![field(0x0a, &field(0x0a, b"\xff"))], "utf8"),
        (vec![field(0x0a, &field(0x12, b"\xff"))], "utf8"),
        (vec![field(0x0a, &[0x0a, 5])], "truncated"),
        (vec![vec![0x0a]], "length"),
    ] {
        assert_eq!(read(&parts), Err(code), "{parts:x?}");
    }
}
