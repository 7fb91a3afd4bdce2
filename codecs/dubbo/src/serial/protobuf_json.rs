//! Protobuf messages as JSON, each on a line of its own. A string is one of JSON's; attachments are
//!
//! ```text
//! {"attachments":{"group":"g"},"attachmentsV2":{"group":{"@type":...,"type":"java.lang.String","data":{"value":"g",...}}}}
//! ```
//!
//! the second of them from Dubbo 3's extension on, as in [`protobuf`](super::protobuf).

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use meshwire::frame::{Fault, Parse};

use super::json::grammar::Cursor;
use super::json::{line, put_string};
use super::{Body, Each, Text, Value, bad_utf8, no_map, truncated};

pub(super) fn entries(body: Body<'_>, at: usize, each: &mut Each<'_>) -> Result<usize, Fault> {
    if body.is_whole() && body.from(at).is_empty() {
        // Java writes nothing for a null.
        return Ok(at);
    }
    let Parse::Done((value, end)) = line(body, at)? else { return Err(truncated(at)) };
    if std::str::from_utf8(body.slice(&value)).is_err() {
        return Err(bad_utf8(at));
    }
    let seen = body.seen;
    let (mut strings, mut typed) = (None, None);
    object(seen, &value, true, &mut |name, value| {
        let place = match name.bytes(seen) {
            Some(b"attachments") => &mut strings,
            Some(b"attachmentsV2") => &mut typed,
            _ => return Err(unlike(value.start)),
        };
        if place.replace(value.clone()).is_some() { Err(unlike(value.start)) } else { Ok(()) }
    })?;
    let mut known: HashMap<Vec<u8>, Text> = HashMap::new();
    if let Some(strings) = strings {
        object(seen, &strings, false, &mut |name, value| {
            let text = text(seen, value)?;
            let key = name.bytes(seen).unwrap_or_default();
            each(key, Value::Text(text.bytes(seen).unwrap_or_default()))?;
            known.insert(key.to_vec(), text);
            Ok(())
        })?;
    }
    if let Some(typed) = typed {
        object(seen, &typed, false, &mut |name, value| {
            let first = known.get(name.bytes(seen).unwrap_or_default()).ok_or_else(|| unlike(value.start))?;
            let (mut class, mut data) = (Text::Null, None);
            object(seen, value, false, &mut |name, value| {
                match name.bytes(seen) {
                    Some(b"type") => class = text(seen, value)?,
                    Some(b"data") => data = Some(value.clone()),
                    _ => {}
                }
                Ok(())
            })?;
            if class.bytes(seen) != Some(b"java.lang.String") {
                return Ok(());
            }
            let mut second = Text::Owned(Vec::new());
            if let Some(data) = data {
                object(seen, &data, false, &mut |name, value| {
                    if name.bytes(seen) == Some(b"value") {
                        second = text(seen, value)?;
                    }
                    Ok(())
                })?;
            }
            if first.bytes(seen) == second.bytes(seen) { Ok(()) } else { Err(unlike(value.start)) }
        })?;
    }
    Ok(end)
}

#[cold]
fn unlike(at: usize) -> Fault {
    Fault::new("protobuf", "attachments must be two maps, each entry the same in both", at)
}

/// Takes the entries of an object: the name, and where the value is.
type Take<'t> = dyn FnMut(&Text, &Range<usize>) -> Result<(), Fault> + 't;

/// Shows `each` the entries of the object at `range`. Names stand once, as protobuf's own reader wants it.
fn object(seen: &[u8], range: &Range<usize>, ends: bool, each: &mut Take<'_>) -> Result<(), Fault> {
    let mut cursor = Cursor::new(seen, range, false);
    if !cursor.passes(b'{') {
        return Err(no_map(range.start));
    }
    let mut names = HashSet::new();
    let mut first = true;
    while !cursor.passes(b'}') {
        if !first {
            cursor.expect(b',')?;
        }
        first = false;
        let name = cursor.text()?;
        cursor.expect(b':')?;
        cursor.peek();
        let start = cursor.at;
        cursor.skip(1)?;
        if !names.insert(name.bytes(seen).unwrap_or_default().to_vec()) {
            return Err(Fault::new("key", "a name that stands twice", start));
        }
        each(&name, &(start..cursor.at))?;
    }
    if ends { cursor.end() } else { Ok(()) }
}

/// The string at `range`.
fn text(seen: &[u8], range: &Range<usize>) -> Result<Text, Fault> {
    Cursor::new(seen, range, false).text()
}

/// A `ThrowableProto`: the name of a class and a message.
pub(super) fn put_exception(out: &mut Vec<u8>, class: &str, message: &str) {
    out.extend_from_slice(b"{\"originalClassName\":");
    put_string(out, class);
    out.extend_from_slice(b",\"originalMessage\":");
    put_string(out, message);
    out.extend_from_slice(b"}\n");
}

#[cfg(test)]
mod tests {
    use super::super::Serial;
    use super::super::tests::entries;

    const ATTACHMENT: &str =
        "type.googleapis.com/org.apache.dubbo.common.serialize.protobuf.support.wrapper.Attachment";

    fn typed(name: &str, class: &str, data: &str) -> String {
        format!(r#""{name}":{{"@type":"{ATTACHMENT}","type":"{class}","data":{{"@type":"a type",{data}}}}}"#)
    }

    fn read(json: &str) -> Result<Vec<String>, &'static str> {
        let line = format!("{json}\n");
        entries(Serial::ProtobufJson, line.as_bytes())
    }

    #[test]
    fn attachments_of_both_versions() {
        let strings = r#""attachments":{"timeout":"3000","e":"","group":"g\u003d"}"#;
        let typed = [
            typed("timeout", "java.lang.Integer", r#""value":3000"#),
            typed("e", "java.lang.String", r#""value":"""#),
            typed("group", "java.lang.String", r#""value":"g=""#),
        ]
        .join(",");
        let wanted = ["timeout=3000", "e=", "group=g="];
        assert_eq!(read(&format!("{{{strings}}}")).unwrap(), wanted);
        assert_eq!(read(&format!("{{{strings},\"attachmentsV2\":{{{typed}}}}}")).unwrap(), wanted);
        assert!(read("{}").unwrap().is_empty());
        assert!(entries(Serial::ProtobufJson, b"").unwrap().is_empty());
    }

    #[test]
    fn attachments_that_say_one_thing_here_and_another_there_are_refused() {
        let group = |value: &str| typed("group", "java.lang.String", &format!("\"value\":\"{value}\""));
        for (json, code) in [
            (format!(r#"{{"attachments":{{"group":"g"}},"attachmentsV2":{{{}}}}}"#, group("h")), "protobuf"),
            (format!(r#"{{"attachmentsV2":{{{}}}}}"#, group("h")), "protobuf"),
            (r#"{"attachments":{"group":"g","group":"h"}}"#.into(), "key"),
            (r#"{"attachments":{},"attachments":{}}"#.into(), "key"),
            (r#"{"group":"g"}"#.into(), "protobuf"),
            (r#"{"attachments":{"group":1}}"#.into(), "json"),
            (r#"{"attachments":[]}"#.into(), "map"),
            ("null".into(), "map"),
            ("{} x".into(), "json"),
        ] {
            assert_eq!(read(&json), Err(code), "{json}");
        }
    }
}
