use meshwire::FieldEdit;
use proptest::prelude::*;

use super::super::tests::{entries, sized, text};
use super::super::{NESTING, Serial};

fn lines(json: &str) -> Result<Option<String>, &'static str> {
    text(Serial::JsonLines, json.as_bytes())
}

fn map(json: &str) -> Result<Vec<String>, &'static str> {
    let lines = entries(Serial::JsonLines, format!("{json}\n").as_bytes());
    assert_eq!(entries(Serial::JsonSized, &sized(json)), lines);
    lines
}

#[test]
fn strings_as_fastjson_gson_and_jackson_write_them() {
    for (json, wanted) in [
        (r#""2.0.2""#, "2.0.2"),
        (r#""""#, ""),
        (r#""a😀b""#, "a😀b"),
        (r#""q\"b\\s/sl<>&='""#, "q\"b\\s/sl<>&='"),
        (r#""q\"b\\s/sl\u003c\u003e\u0026\u003d\u0027""#, "q\"b\\s/sl<>&='"),
        (r#""\u0000\u001F\u007F\u2028\n\r\t\b\f""#, "\0\u{1f}\u{7f}\u{2028}\n\r\t\u{8}\u{c}"),
        ("\"\\u0000\\u001F\u{7f}\u{2028}\\n\\r\\t\\b\\f\"", "\0\u{1f}\u{7f}\u{2028}\n\r\t\u{8}\u{c}"),
        (r#""\ud83d\ude00\/""#, "😀/"),
        (" \t\"a\" ", "a"),
    ] {
        for end in ["\n", "\r\n", "", "\r"] {
            assert_eq!(lines(&format!("{json}{end}")).unwrap().as_deref(), Some(wanted), "{json}");
        }
        assert_eq!(text(Serial::JsonSized, &sized(json)).unwrap().as_deref(), Some(wanted), "{json}");
    }
    assert_eq!(lines("null\n"), Ok(None));
}

#[test]
fn what_readers_would_not_agree_on_is_refused() {
    for (json, code) in [
        ("", "truncated"),
        ("\n", "truncated"),
        (" \t\r\n", "truncated"),
        ("'a'\n", "string"),
        ("a\n", "string"),
        ("12\n", "string"),
        ("{\"a\":1}\n", "string"),
        ("true\n", "string"),
        ("/*c*/\"a\"\n", "string"),
        ("\0\0\"a\"\n", "string"),
        ("\u{feff}\"a\"\n", "string"),
        ("nullx\n", "json"),
        ("nul\n", "string"),
        ("\"a\" x\n", "json"),
        ("\"a\"\"b\"\n", "json"),
        ("\"a\n", "json"),
        ("\"a\\", "json"),
        ("\"a\\x41\"\n", "json"),
        ("\"a\\'\"\n", "json"),
        ("\"\\u12\"\n", "json"),
        ("\"a\tb\"\n", "json"),
        ("\"\\ud800\"\n", "utf16"),
        ("\"\\ude00\\ud83d\"\n", "utf16"),
        ("\"\\ud83dx\"\n", "utf16"),
        ("\"a\"\rnull\n", "line"),
    ] {
        assert_eq!(lines(json), Err(code), "{json:?}");
    }
    assert_eq!(text(Serial::JsonLines, b"\"\xff\"\n"), Err("utf8"));
    assert_eq!(text(Serial::JsonLines, b"\"\xed\xa0\x80\"\n"), Err("utf8"));
    assert_eq!(text(Serial::JsonSized, b"\0\0\0\0"), Err("string"));
}

#[test]
fn attachments_as_they_are_written() {
    let fastjson = r#"{"timeout":3000,"l":5,"b":true,"d":1.5,"dec":-1.25e+3,"n":null,"list":["x",1],"map":{"group":"inner"},"map2":{"$ref":"$.map"},"pojo":{"age":3,"name":"n","tags":["a","b"]},"世":"界=&","date":0,"e":""}"#;
    assert_eq!(
        map(fastjson).unwrap(),
        [
            "timeout:3000",
            "l:5",
            "b:true",
            "d:1.5",
            "dec:-1.25e+3",
            "n is null",
            "list is []",
            "map is {}",
            "map2 is {}",
            "pojo is {}",
            "世=界=&",
            "date:0",
            "e="
        ]
    );
    assert_eq!(map(r#"{"group":"g\u003d"}"#).unwrap(), ["group=g="]);
    assert_eq!(map(" { \"a\" : \"b\" , \"c\" : [ ] } ").unwrap(), ["a=b", "c is []"]);
    assert_eq!(map(r#"{"a":"1","a":"2"}"#).unwrap(), ["a=1", "a=2"]);
    assert_eq!(map(r#"{"@type":"java.util.HashMap","path":"p"}"#).unwrap(), ["path=p"]);
    assert!(map(r#"{"@type":"java.util.HashMap"}"#).unwrap().is_empty());
    assert!(map("null").unwrap().is_empty());
    assert!(map("{}").unwrap().is_empty());
}

#[test]
fn classes_as_the_extension_writes_them() {
    let json = r#"{"@type":"java.util.LinkedHashMap","timeout":3000,"l":5L,"b":true,"d":1.5D,"f":2.5F,"dec":1.25,"n":null,"set":Set["x"],"tree":TreeSet[],"map":{"@type":"java.util.HashMap","group":"inner"},"map2":{"$ref":"$.map"},"date":new Date(0),"by":1B,"sh":1S}"#;
    assert_eq!(
        entries(Serial::JsonSized, &sized(json)).unwrap(),
        [
            "timeout:3000",
            "l:5",
            "b:true",
            "d:1.5",
            "f:2.5",
            "dec:1.25",
            "n is null",
            "set is []",
            "tree is []",
            "map is {}",
            "map2 is {}",
            "date is date",
            "by:1",
            "sh:1"
        ]
    );
    for json in [r#"{"a":1L}"#, r#"{"a":Set[]}"#, r#"{"a":new Date(0)}"#] {
        assert_eq!(entries(Serial::JsonLines, format!("{json}\n").as_bytes()), Err("json"), "{json}");
    }
    for json in [r#"{"a":Set{}}"#, r#"{"a":Set}"#, r#"{"a":Tree[]}"#, r#"{"a":new Date()}"#, r#"{"a":1X}"#] {
        assert_eq!(entries(Serial::JsonSized, &sized(json)), Err("json"), "{json}");
    }
}

#[test]
fn attachments_that_readers_would_not_agree_on_are_refused() {
    for (json, code) in [
        ("[]", "map"),
        ("\"{}\"", "map"),
        ("1", "map"),
        ("{", "json"),
        ("{a:1}", "json"),
        ("{1:\"b\"}", "json"),
        ("{'a':1}", "json"),
        ("{\"a\":'b'}", "json"),
        ("{\"a\":b}", "json"),
        ("{\"a\"=1}", "json"),
        ("{\"a\":1;\"b\":2}", "json"),
        ("{\"a\":1,}", "json"),
        ("{,\"a\":1}", "json"),
        ("{\"a\":[1,]}", "json"),
        ("{\"a\":[1}", "json"),
        ("{\"a\":01}", "json"),
        ("{\"a\":+1}", "json"),
        ("{\"a\":.5}", "json"),
        ("{\"a\":1.}", "json"),
        ("{\"a\":1e}", "json"),
        ("{\"a\":-}", "json"),
        ("{\"a\":NaN}", "json"),
        ("{\"a\":undefined}", "json"),
        ("{\"a\":nullx}", "json"),
        ("{\"a\":\"b\"} x", "json"),
        ("{/*c*/\"a\":1}", "json"),
        ("{\"a\":\"b\",\"@type\":\"java.util.HashMap\"}", "key"),
        ("{\"@type\":{}}", "key"),
        ("{\"@type\":\"a\",\"@type\":\"b\"}", "key"),
        ("{\"$ref\":\"$\"}", "key"),
        ("{\"\\u0024ref\":\"$\"}", "key"),
        ("{\"a\":\"\\ud800\"}", "utf16"),
        ("{\"\\ud800\":1}", "utf16"),
    ] {
        assert_eq!(map(json), Err(code), "{json}");
    }
}

#[test]
fn containers_lie_in_each_other_so_deep_and_no_deeper() {
    // The map itself is the first of them.
    for (extra, fits) in [(NESTING as usize - 1, true), (NESTING as usize, false), (1 << 20, false)] {
        let json = format!("{{\"a\":{}{}}}", "[".repeat(extra), "]".repeat(extra));
        assert_eq!(map(&json).is_ok(), fits, "{extra}");
        let json = format!("{{\"a\":{}0{}}}", "{\"b\":".repeat(extra), "}".repeat(extra));
        assert_eq!(map(&json).is_ok(), fits, "{extra}");
    }
}

fn edit(json: &str, edits: &[FieldEdit<'_>]) -> Result<String, &'static str> {
    let bytes = json.as_bytes();
    let lines = Serial::JsonLines.edit_map(bytes, 0..bytes.len(), edits.iter().copied());
    let trimmed = json.trim_end();
    let values = sized(trimmed);
    let values = Serial::JsonSized.edit_map(&values, 0..values.len(), edits.iter().copied());
    let lines = lines.map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(values, lines.clone().map(|json| sized(json.trim_end())));
    lines
}

#[test]
fn what_is_not_edited_keeps_its_spelling() {
    let before =
        "{\"@type\":\"java.util.HashMap\" , \"a\\u0062\" : \"\\u0063\" ,\"x\":[ 1 ],\"t\":3000,\"x\":null}\r\n";
    let kept = r#"{"@type":"java.util.HashMap","a\u0062" : "\u0063","x":[ 1 ],"#;
    assert_eq!(edit(before, &[FieldEdit::Set(b"T", b"5")]).unwrap(), format!("{kept}\"T\":\"5\",\"x\":null}}\r\n"));
    assert_eq!(
        edit(before, &[FieldEdit::Remove(b"X"), FieldEdit::Set(b"AB", b"\"")]).unwrap(),
        "{\"@type\":\"java.util.HashMap\",\"AB\":\"\\\"\",\"t\":3000}\r\n"
    );
    assert_eq!(edit("{}", &[FieldEdit::Remove(b"a"), FieldEdit::Add(b"a", b"")]).unwrap(), "{\"a\":\"\"}");
    assert_eq!(edit("null\n", &[]).unwrap(), "{}\n");
}

#[test]
fn what_cannot_be_edited_says_why() {
    let referred = r#"{"a":{"x":1},"b":{"$ref":"$.a"},"c":1}"#;
    let refused = Err("an attachment that another one may refer to");
    assert_eq!(edit(referred, &[FieldEdit::Set(b"a", b"")]), refused.map(|()| String::new()));
    assert!(edit(referred, &[FieldEdit::Remove(b"b")]).is_ok());
    assert!(edit(referred, &[FieldEdit::Remove(b"c")]).is_ok());
    assert!(edit(referred, &[FieldEdit::Remove(b"a"), FieldEdit::Remove(b"b")]).is_ok());
    assert_eq!(edit("{]", &[]), Err("attachments that are malformed"));
    assert_eq!(edit("{}", &[FieldEdit::Add(b"@type", b"x")]), Err("a name that has a meaning of its own to fastjson"));
}

/// A value as JSON, spelled at random, and what is to be shown of it.
fn values() -> impl Strategy<Value = (String, String)> {
    let scalar = prop_oneof![
        strings().prop_map(|(json, text)| (json, format!("={text}"))),
        Just(("null".to_owned(), " is null".to_owned())),
        any::<bool>().prop_map(|value| (value.to_string(), format!(":{value}"))),
        "-?(0|[1-9][0-9]{0,6})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?"
            .prop_map(|json| (json.clone(), format!(":{json}"))),
    ];
    scalar.prop_recursive(5, 30, 4, |value| {
        let space = "[ \\t]{0,2}";
        prop_oneof![
            (prop::collection::vec(value.clone(), 0..4), space).prop_map(|(items, space)| {
                let items: Vec<String> = items.into_iter().map(|(json, _)| format!("{space}{json}{space}")).collect();
                (format!("[{}]", items.join(",")), " is []".into())
            }),
            (prop::collection::vec((strings(), value), 0..4), space).prop_map(|(entries, space)| {
                let entries: Vec<String> = entries
                    .into_iter()
                    .map(|((name, _), (value, _))| format!("{space}{name}{space}:{space}{value}"))
                    .collect();
                (format!("{{{}}}", entries.join(",")), " is {}".into())
            }),
        ]
    })
}

/// A string as JSON, each character spelled one way or another, and as itself.
fn strings() -> impl Strategy<Value = (String, String)> {
    prop::collection::vec((any::<char>(), any::<bool>()), 0..8).prop_map(|chars| {
        let mut json = String::from("\"");
        for (char, escape) in &chars {
            if *escape || matches!(char, '"' | '\\' | '\0'..='\u{1f}') {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    json.push_str(&format!("\\u{unit:04x}"));
                }
            } else {
                json.push(*char);
            }
        }
        json.push('"');
        (json, chars.into_iter().map(|(char, _)| char).collect())
    })
}

proptest! {
    #[test]
    fn any_map_is_read_and_cut_off_nowhere(
        map in prop::collection::vec((strings(), values()), 0..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let wanted: Vec<String> = map.iter().map(|((_, name), (_, value))| format!("{name}{value}")).collect();
        let json: Vec<String> = map.iter().map(|((name, _), (value, _))| format!("{name}:{value}")).collect();
        let json = format!("{{{}}}", json.join(","));
        prop_assert_eq!(entries(Serial::JsonLines, format!("{json}\n").as_bytes()).unwrap(), &wanted[..]);
        prop_assert_eq!(entries(Serial::JsonSized, &sized(&json)).unwrap(), &wanted[..]);

        let cut = &json.as_bytes()[..cut.index(json.len())];
        prop_assert!(entries(Serial::JsonLines, &[cut, b"\n"].concat()).is_err());
    }
}
