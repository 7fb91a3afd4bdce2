use meshwire::FieldEdit;
use proptest::prelude::*;

use super::super::tests::{entries, hex, text};
use super::super::{NESTING, Serial};
use super::*;

/// What lies behind the length.
fn sized(value: &[u8]) -> Vec<u8> {
    [&u32::try_from(value.len()).unwrap().to_be_bytes(), value].concat()
}

fn read(digits: &str) -> Result<Option<String>, &'static str> {
    text(Serial::Jsonb, &hex(digits))
}

fn shown(digits: &str) -> Vec<String> {
    entries(Serial::Jsonb, &hex(digits)).unwrap()
}

#[test]
fn strings_of_every_kind() {
    for (digits, wanted) in [
        ("0000000149", ""),
        ("000000064e322e302e32", "2.0.2"),
        ("000000024ae9", "é"),
        ("000000064e6772fcdf65", "grüße"),
        ("000000067c04164e4c75", "世界"),
        ("000000087a0661f09f988062", "a😀b"),
        ("000000024a00", "\0"),
        ("00000004 7902 61e9", "aé"),
        ("00000008 79 4800000002 61e9", "aé"),
        ("00000006 79380261e9 49", ""),
        ("00000006 7b04 4e16 754c", "世界"),
        ("00000008 7b06 fffe 164e 4c75", "世界"),
        ("00000008 7b06 feff 4e16 754c", "世界"),
        ("00000006 7d04 d83d de00", "😀"),
        ("00000002 7c00", ""),
    ] {
        let read = read(digits);
        if wanted.is_empty() && digits.ends_with("49") && digits.len() > 12 {
            assert_eq!(read, Err("length"), "{digits}");
        } else {
            assert_eq!(read.unwrap().as_deref(), Some(wanted), "{digits}");
        }
    }
    assert_eq!(read("00000001af"), Ok(None));
    let long = format!("0000003379 3830 {}", "78".repeat(48));
    assert_eq!(read(&long).unwrap().unwrap(), "x".repeat(48));
    let longer = format!("0000012f79392c{}", "78".repeat(300));
    assert_eq!(read(&longer).unwrap().unwrap(), "x".repeat(300));
}

#[test]
fn what_is_no_string_is_refused() {
    for (digits, code) in [
        ("00000000", "string"),
        ("0000000105", "string"),
        ("00000002bd05", "string"),
        ("00000001b1", "string"),
        ("00000002a6a5", "string"),
        ("00000003 7f 4a61", "string"),
        ("00000003 4a6161", "length"),
        ("00000001 4a", "truncated"),
        ("00000004 7a02 c328", "utf8"),
        ("00000005 7a03 eda080", "utf8"),
        ("00000005 7c03 616161", "utf16"),
        ("00000004 7d02 d83d", "utf16"),
        ("00000004 7d02 de00", "utf16"),
        ("00000004 7e02 b0a1", "string"),
        ("00000003 7a ff 61", "length"),
        ("00000003 7a e1 61", "length"),
        ("00000006 7a 4800000005", "truncated"),
    ] {
        assert_eq!(read(digits), Err(code), "{digits}");
    }
}

#[test]
fn attachments_of_every_class_of_map() {
    let wanted = ["path=com.example.Greeter", "interface=com.example.Greeter", "version=1.0.0", "group=g"];
    let entries = "4d706174685c636f6d2e6578616d706c652e4772656574657252696e746572666163655c636f6d2e6578616d706c652e4772656574\
                   65725076657273696f6e4e312e302e304e67726f75704a67a5";
    // HashMap, LinkedHashMap by the short name that fastjson2 has for it, ConcurrentHashMap, an unmodifiable map.
    for front in [
        "0000004fa6",
        "00000054924b4c4d00a6",
        "00000063925a436f6e63757272656e74486173684d617000a6",
        "00000077926e6a6176612e7574696c2e436f6c6c656374696f6e7324556e6d6f6469666961626c654d617000a6",
    ] {
        assert_eq!(shown(&format!("{front}{entries}")), wanted);
    }
    assert!(shown("00000002a6a5").is_empty());
    assert!(shown("00000001af").is_empty());
}

/// An `Object` of every kind among attachments, one of them used twice.
fn mixed() -> Vec<u8> {
    let front =
        hex("00000145a64c61727292505b537472696e6700964a704a714d64617465ac000000004a62b14c646563b902387d4a64b53ff800
        00000000004d6d617032a64e67726f75704e696e6e6572a54a66b7402000004a6ce54d6c697374964a78014d757569649110000000000000
        000100000000000000025074696d656f7574440bb84a6eaf4d706f6a6f9250573324506f6a6f01a67f4c61676502037f4d6e616d65034a6e
        7f4d7461677304964a614a62a54e706f6a6f329201a67f02037f034a6e7f04964a614a62a57c02164e7c024c754e6279746573924b5b4205
        9101094b746d9250547265654d617006a64e67726f75704e696e6e6572a54c74656e79383c");
    [&front[..], &[b'x'; 60], &hex("4c6d6170934f242e6d617032a5")].concat()
}

#[test]
fn values_of_every_kind_among_attachments() {
    let ten = format!("ten={}", "x".repeat(60));
    assert_eq!(
        entries(Serial::Jsonb, &mixed()).unwrap(),
        [
            "arr is [String",
            "date is date",
            "b:true",
            "dec is BigDecimal",
            "d:1.5",
            "map2 is {}",
            "f:2.5",
            "l:5",
            "list is []",
            "uuid is byte[]",
            "timeout:3000",
            "n is null",
            "pojo is W3$Pojo",
            "pojo2 is object",
            "世=界",
            "bytes is [B",
            "tm is TreeMap",
            &ten,
            "map is reference",
        ]
    );
}

#[test]
fn numbers_of_every_width() {
    for (digits, wanted) in [
        ("00", "0"),
        ("f0", "-16"),
        ("2f", "47"),
        ("37ef", "-17"),
        ("3830", "48"),
        ("3000", "-2048"),
        ("3fff", "2047"),
        ("440800", "2048"),
        ("400000", "-262144"),
        ("47ffff", "262143"),
        ("4800040000", "262144"),
        ("487fffffff", "2147483647"),
        ("e0", "0"),
        ("d8", "-8"),
        ("ef", "15"),
        ("d010", "16"),
        ("c800", "-2048"),
        ("d7ff", "2047"),
        ("c40800", "2048"),
        ("c7ffff", "262143"),
        ("bf00040000", "262144"),
        ("be0000010000000000", "1099511627776"),
        ("bc012c", "300"),
        ("bdff", "-1"),
        ("b0", "false"),
        ("b2", "0.0"),
        ("b3", "1.0"),
        ("b4e5", "5.0"),
        ("b53fe0000000000000", "0.5"),
        ("b605", "5.0"),
        ("b73f000000", "0.5"),
        ("bad07b", "123"),
        ("b807", "7"),
    ] {
        let map = sized(&[&hex("a64a61"), &hex(digits)[..], &[tag::END]].concat());
        assert_eq!(entries(Serial::Jsonb, &map).unwrap(), [format!("a:{wanted}")], "{digits}");
    }
}

#[test]
fn other_values_are_passed_over_whole() {
    for (digits, wanted) in [
        ("b901bb0a1a249b1f10a06c96aff3", "BigDecimal"),
        ("b901ba05", "BigDecimal"),
        ("bb0a029d42b64e76714244cb", "BigInteger"),
        ("903878", "char"),
        ("924b5b42009103010203", "[B"),
        ("ab0000018bcfe5687b", "date"),
        ("a807e8010203040506", "date"),
        ("a907e80102", "date"),
        ("a701020300", "date"),
        ("aebf6553f10005", "date"),
        ("aa07e80102030405064c555443", "date"),
        ("911000112233445566778899aabbccddeeff", "byte[]"),
        ("94", "[]"),
        ("a40101", "[]"),
        ("a6014a62a5", "{}"),
        ("7f01", "symbol"),
        ("7f4a6101", "symbol"),
        ("927f4a610194", "object"),
    ] {
        let map = sized(&[&hex("a64a61"), &hex(digits)[..], &hex("4a62 4a63 a5")].concat());
        assert_eq!(entries(Serial::Jsonb, &map).unwrap(), [format!("a is {wanted}"), "b=c".into()], "{digits}");
    }
}

#[test]
fn attachments_that_are_none_are_refused() {
    for (value, code) in [
        ("", "truncated"),
        ("4a61", "map"),
        ("94", "map"),
        ("924b4c4d00af", "map"),
        ("924b4c4d0094", "map"),
        ("a6", "truncated"),
        ("a64a61", "truncated"),
        ("a64a614a62", "truncated"),
        ("a64a614a62a500", "length"),
        ("a6014a62a5", "key"),
        ("a6af4a62a5", "key"),
        ("a67f4a61004a62a5", "key"),
        ("a67f004a62a5", "key"),
        ("a6934a244a62a5", "key"),
        ("a64a61a5", "jsonb"),
        ("a64a6180a5", "jsonb"),
        ("a64a61a4487fffffff01a5", "jsonb"),
        ("a64a61a4487fffffff01", "truncated"),
        ("a64a61b44a61a5", "jsonb"),
        ("a64a61b901b1a5", "jsonb"),
    ] {
        assert_eq!(entries(Serial::Jsonb, &sized(&hex(value))), Err(code), "{value}");
    }
}

#[test]
fn containers_lie_in_each_other_so_deep_and_no_deeper() {
    // The map itself is the first of them.
    for (extra, fits) in [(NESTING as usize - 1, true), (NESTING as usize, false), (1 << 20, false)] {
        for (open, close) in
            [(&[0x95][..], &[][..]), (&[tag::OBJECT, 0x4a, b'k'], &[tag::END]), (&[tag::TYPED, 0x4a, b'k', 0], &[])]
        {
            let value = [&b"\xa6\x4aa"[..], &open.repeat(extra), &[0], &close.repeat(extra), &[tag::END]].concat();
            assert_eq!(entries(Serial::Jsonb, &sized(&value)).map_err(|_| ()).is_ok(), fits, "{extra} {open:x?}");
        }
    }
}

#[test]
fn the_class_of_a_map_and_what_is_not_edited_stay() {
    let before = hex(
        "000000599250547265654d617000a64e67726f75704a6752696e746572666163655c636f6d2e6578616d706c652e477265657465724d
        706174685c636f6d2e6578616d706c652e477265657465725076657273696f6e4e312e302e30a5",
    );
    let after = Serial::Jsonb.edit_map(&before, 0..before.len(), [FieldEdit::Set(b"group", b"h")].into_iter()).unwrap();
    let mut wanted = before.clone();
    wanted[22] = b'h';
    assert_eq!(after, wanted);
}

#[test]
fn what_another_entry_may_refer_to_stays() {
    let mixed = mixed();
    let remove = |name: &'static str| {
        Serial::Jsonb.edit_map(&mixed, 0..mixed.len(), [FieldEdit::Remove(name.as_bytes())].into_iter())
    };
    // Of `pojo` the second has the class and the names, and `map` is at `map2`.
    for name in ["pojo", "map2", "list"] {
        assert_eq!(remove(name), Err("an attachment that another one may refer to"), "{name}");
    }
    for name in ["timeout", "ten", "n", "世"] {
        let after = remove(name).unwrap();
        assert_eq!(entries(Serial::Jsonb, &after).unwrap().len(), 18, "{name}");
    }
}

/// A value, to be written without any of the code here.
#[derive(Clone, Debug)]
enum Tree {
    Raw(Vec<u8>),
    Text(String, u8),
    Array(Vec<Tree>),
    Object(Vec<(Tree, Tree)>),
    Typed(Box<Tree>),
}

impl Tree {
    fn put(&self, out: &mut Vec<u8>) {
        let len = |out: &mut Vec<u8>, len: usize| {
            out.push(0x48);
            out.extend_from_slice(&u32::try_from(len).unwrap().to_be_bytes());
        };
        match self {
            Self::Raw(bytes) => out.extend_from_slice(bytes),
            Self::Text(text, kind) => {
                let units = text.encode_utf16();
                let bytes: Vec<u8> = match kind {
                    0 => text.bytes().collect(),
                    1 => units.flat_map(u16::to_le_bytes).collect(),
                    _ => units.flat_map(u16::to_be_bytes).collect(),
                };
                out.push([0x7a, 0x7c, 0x7d][usize::from(*kind)]);
                len(out, bytes.len());
                out.extend_from_slice(&bytes);
            }
            Self::Array(items) => {
                out.push(0xa4);
                len(out, items.len());
                items.iter().for_each(|item| item.put(out));
            }
            Self::Object(entries) => {
                out.push(0xa6);
                entries.iter().for_each(|(name, value)| {
                    name.put(out);
                    value.put(out);
                });
                out.push(0xa5);
            }
            Self::Typed(value) => {
                out.extend_from_slice(&[0x92, 0x4a, b'T', 3]);
                value.put(out);
            }
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Raw(bytes) if bytes[0] == 0xaf => " is null".into(),
            Self::Raw(bytes) => format!(":{}", i32::from_be_bytes(*bytes[1..].first_chunk().unwrap())),
            Self::Text(text, _) => format!("={text}"),
            Self::Array(_) => " is []".into(),
            Self::Object(_) => " is {}".into(),
            Self::Typed(_) => " is T".into(),
        }
    }
}

fn texts() -> impl Strategy<Value = Tree> {
    (".{0,20}", 0..3_u8).prop_map(|(text, kind)| Tree::Text(text, kind))
}

fn trees() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        texts(),
        Just(Tree::Raw(vec![0xaf])),
        any::<i32>().prop_map(|n| Tree::Raw([&[0x48], &n.to_be_bytes()[..]].concat())),
    ];
    leaf.prop_recursive(6, 40, 5, |tree| {
        prop_oneof![
            prop::collection::vec(tree.clone(), 0..5).prop_map(Tree::Array),
            prop::collection::vec((texts(), tree.clone()), 0..5).prop_map(Tree::Object),
            tree.prop_map(|tree| Tree::Typed(Box::new(tree))),
        ]
    })
}

proptest! {
    #[test]
    fn any_map_is_read_and_edited(
        map in prop::collection::vec((texts(), trees()), 0..8),
        removed in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let wanted: Vec<(String, String)> = map.iter().map(|(name, value)| {
            let Tree::Text(name, _) = name else { unreachable!() };
            (name.clone(), value.shown())
        }).collect();
        let show = |entries: &[(String, String)]| -> Vec<String> {
            entries.iter().map(|(name, value)| format!("{name}{value}")).collect()
        };
        let mut value = Vec::new();
        Tree::Object(map).put(&mut value);
        let bytes = sized(&value);
        prop_assert_eq!(entries(Serial::Jsonb, &bytes).unwrap(), show(&wanted));

        let cut = cut.index(value.len());
        prop_assert!(entries(Serial::Jsonb, &sized(&value[..cut])).is_err());

        if !wanted.is_empty() {
            let name = wanted[removed.index(wanted.len())].0.clone();
            let edits = [FieldEdit::Remove(name.as_bytes()), FieldEdit::Add(b"new", b"v")];
            let after = Serial::Jsonb.edit_map(&bytes, 0..bytes.len(), edits.into_iter()).unwrap();
            let mut wanted = wanted;
            wanted.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
            wanted.push(("new".into(), "=v".into()));
            prop_assert_eq!(entries(Serial::Jsonb, &after).unwrap(), show(&wanted));
        }
    }
}
