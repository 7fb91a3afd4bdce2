//! Attachments, edited: against a way that is slow and plain, over anything that one writer can write.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;
#[path = "../../hessian/tests/oracle/mod.rs"]
mod oracle;
#[path = "../../hessian/tests/oracle/writer.rs"]
mod writer;

use common::*;
use meshwire::{Attribute, Depth, EncodeError, Endpoint, Event, Head, Limits, RoutingKey, StreamId};
use meshwire_hessian::{Dialect, Limits as HessianLimits};
use oracle::{Oracle, Value};
use proptest::prelude::*;
use writer::Writer;

/// An entry of a map: its key, if that is a string, and its bytes.
#[derive(Clone, Debug)]
struct Entry {
    name: Option<String>,
    bytes: Vec<u8>,
    /// It begins or defines what can be named by a number.
    counts: bool,
}

fn put_pair(name: &str, value: &str) -> Entry {
    Entry { name: Some(name.to_owned()), bytes: join(&[&s(name), &s(value)]), counts: false }
}

#[derive(Clone, Debug)]
enum Edit {
    Set(String, String),
    Add(String, String),
    Remove(String),
    Group(String),
}

/// The edits one by one, as `Head::fields` explains them; `None` where something goes that others may name.
fn naively(mut entries: Vec<Entry>, edits: &[Edit], refers: bool) -> Option<Vec<Entry>> {
    let mut gone = false;
    let is = |entry: &Entry, name: &str| entry.name.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(name));
    let mut drop_where = |entries: &mut Vec<Entry>, which: &dyn Fn(&Entry) -> bool| {
        gone |= entries.iter().any(|entry| which(entry) && entry.counts);
        entries.retain(|entry| !which(entry));
    };
    for edit in edits {
        match edit {
            Edit::Remove(name) => drop_where(&mut entries, &|entry| is(entry, name)),
            Edit::Set(name, value) => {
                let at = entries.iter().position(|entry| is(entry, name)).unwrap_or(entries.len());
                let at = at - entries[..at].iter().filter(|entry| is(entry, name)).count();
                drop_where(&mut entries, &|entry| is(entry, name));
                entries.insert(at, put_pair(name, value));
            }
            Edit::Add(name, value) => {
                drop_where(&mut entries, &|entry| entry.name.as_deref() == Some(name));
                entries.push(put_pair(name, value));
            }
            Edit::Group(value) => {
                let at =
                    entries.iter().position(|entry| entry.name.as_deref() == Some("group")).unwrap_or(entries.len());
                drop_where(&mut entries, &|entry| entry.name.as_deref() == Some("group"));
                entries.insert(at.min(entries.len()), put_pair("group", value));
            }
        }
    }
    (!(gone && refers)).then_some(entries)
}

fn apply(head: &mut Head, edits: &[Edit]) {
    for edit in edits {
        match edit {
            Edit::Set(name, value) => head.set_field(name.as_bytes(), value.as_bytes()).unwrap(),
            Edit::Add(name, value) => head.add_field(name.as_bytes(), value.as_bytes()).unwrap(),
            Edit::Remove(name) => head.remove_field(name.as_bytes()).unwrap(),
            Edit::Group(value) => head.set_attribute(Attribute::Group, value.as_bytes()).unwrap(),
        }
    }
}

/// Names of which a few come often.
fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[abAB]", Just("tenant".to_owned()), Just("Tenant".to_owned()), "[a-z]{1,3}", "\\PC{1,40}"].prop_filter(
        "it names the destination",
        |name| {
            !["path", "interface", "version", "group", "timeout"].iter().any(|known| known.eq_ignore_ascii_case(name))
        },
    )
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (name(), "\\PC{0,40}").prop_map(|(name, value)| Edit::Set(name, value)),
        (name(), "\\PC{0,40}").prop_map(|(name, value)| Edit::Add(name, value)),
        name().prop_map(Edit::Remove),
    ]
}

/// Each name is edited once: an added field and a set one of the same name are two to `Head::fields`, and one to a map.
fn edits() -> impl Strategy<Value = Vec<Edit>> {
    (prop::collection::vec(edit(), 1..5), prop::option::weighted(0.2, "\\PC{0,9}")).prop_map(|(edits, group)| {
        let mut names = Vec::new();
        let mut once: Vec<Edit> = edits
            .into_iter()
            .filter(|edit| {
                let (Edit::Set(name, _) | Edit::Add(name, _) | Edit::Remove(name)) = edit else { return false };
                let name = name.to_ascii_lowercase();
                !names.contains(&name) && {
                    names.push(name);
                    true
                }
            })
            .collect();
        once.extend(group.map(Edit::Group));
        once
    })
}

#[derive(Clone, Debug)]
struct Case {
    args: Vec<u8>,
    types: String,
    /// Before the first entry: nothing, a null, a map with or without a type.
    begin: Vec<u8>,
    entries: Vec<Entry>,
    behind: Vec<u8>,
    refers: bool,
}

impl Case {
    fn body(&self, entries: &[Entry], front: &[u8]) -> Vec<u8> {
        let all: Vec<u8> = entries.iter().flat_map(|entry| entry.bytes.clone()).collect();
        let end: &[u8] = if self.begin.len() > 1 || self.begin == b"H" { b"Z" } else { b"" };
        join(&[front, &self.args, &self.begin, &all, end, &self.behind])
    }
}

/// Arguments and attachments of any type, in any legal form, written by one writer: numbers reach from one into the other.
fn case(args: impl Strategy<Value = usize>) -> impl Strategy<Value = Case> {
    let keys = prop::collection::vec((name(), 0u8..12), 0..6);
    (
        prop::collection::vec(any::<u8>(), 0..300),
        args,
        0u8..5,
        keys,
        prop_oneof![4 => Just(Vec::new()), 1 => Just(b"behind".to_vec())],
    )
        .prop_map(|(choices, args, begin, keys, behind)| {
            let mut writer = Writer::new(&choices, Dialect::Hessian2);
            for _ in 0..args {
                writer.value(0);
            }
            let args_len = writer.out.len();
            let types = "Ljava/lang/Object;".repeat(args);
            let begin: &[u8] = match begin {
                0 => b"",
                1 => b"N",
                2 => b"M\x11java.util.HashMap",
                _ => b"H",
            };
            let keys = if begin.len() > 1 || begin == b"H" { keys } else { Vec::new() };
            let mut entries = Vec::new();
            for (name, how) in keys {
                let from = writer.out.len();
                match how {
                    // A key that is no string.
                    0 => writer.out.push(b'N'),
                    1 => writer.out.push(0x95),
                    // In pieces.
                    2 => {
                        writer.out.extend(b"R\0\0");
                        writer.out.extend(s(&name));
                    }
                    _ => writer.out.extend(s(&name)),
                }
                let value_at = writer.out.len();
                if how > 7 {
                    writer.out.extend(s("text"));
                } else {
                    writer.value(0);
                }
                let value = &writer.out[value_at..];
                let counts = !matches!(
                    value.first(),
                    Some(
                        0..=0x1f
                        | 0x30..=0x33
                        | b'S'
                        | b'R'
                        | b'N'
                        | b'T'
                        | b'F'
                        | 0x80..=0xff
                        | b'I'
                        | b'L'
                        | b'D'
                        | 0x20..=0x2f
                        | 0x34..=0x3f
                        | b'A'
                        | b'B'
                        | 0x59
                        | 0x5b..=0x5f
                        | 0x4a
                        | 0x4b
                        | 0x51,
                    )
                );
                entries.push(Entry { name: (how > 1).then_some(name), bytes: writer.out[from..].to_vec(), counts });
            }
            // Whether anything at all names another: read by the slow decoder.
            let whole = join(&[
                &writer.out[..args_len],
                begin,
                &writer.out[args_len..],
                if begin.is_empty() || begin == b"N" { b"" } else { b"Z" },
            ]);
            let mut oracle = Oracle::new(&whole, Dialect::Hessian2, HessianLimits::DEFAULT);
            for _ in 0..args + usize::from(!begin.is_empty()) {
                oracle.value().unwrap();
            }
            assert_eq!(oracle.at, whole.len());
            let behind = if begin.is_empty() { Vec::new() } else { behind };
            Case {
                args: writer.out[..args_len].to_vec(),
                types,
                begin: begin.to_vec(),
                entries,
                behind,
                refers: oracle.refers,
            }
        })
}

/// What a map of these entries reads as: by the slow decoder.
fn decoded(body: &[u8], values: usize) -> Vec<(Value, Value)> {
    let mut oracle = Oracle::new(body, Dialect::Hessian2, HessianLimits::DEFAULT);
    for _ in 0..values {
        oracle.value().unwrap();
    }
    match oracle.value() {
        Ok(Value::Map(_, entries)) => entries,
        other => panic!("{other:?}"),
    }
}

fn check_against_the_naive_way(case: &Case, edits: &[Edit], is_answer: bool) -> Result<(), TestCaseError> {
    let wide = || {
        let mut limits = Limits::default();
        (limits.whole, limits.head) = (1 << 20, 1 << 20);
        limits
    };
    let (front, args) =
        if is_answer { (b"\x94".to_vec(), 1) } else { (front(&case.types), case.types.matches(';').count()) };
    let wrap = |body: &[u8]| if is_answer { answer(body) } else { request(body) };
    let came = wrap(&case.body(&case.entries, &front));
    let mut end = if is_answer { client_at(deep(), wide()) } else { server_at(deep(), wide()) };
    let head = decode(&mut end, &came);
    prop_assert!(head.is_ok(), "{:?}", head.err());
    let mut head = head.unwrap();
    // A name that stands twice already makes what is shown another thing than what stands there.
    let mut edited = Vec::new();
    apply(&mut head, edits);
    edited.extend(last_wins(list(&head)));
    let changes = edits.iter().any(|edit| match edit {
        Edit::Remove(name) => {
            case.entries.iter().any(|entry| entry.name.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(name)))
        }
        _ => true,
    });
    let out = sent(head, 7);
    let Some(wanted) = naively(case.entries.clone(), edits, case.refers) else {
        prop_assert!(matches!(out, Err(EncodeError::NoPlace { .. })), "{out:?}");
        return Ok(());
    };
    prop_assert!(out.is_ok(), "{:?}", out.err());
    let out = out.unwrap();
    let mut made = case.clone();
    if changes && (case.begin.is_empty() || case.begin == b"N") {
        made.begin = b"H".to_vec();
    }
    prop_assert_eq!(out.escape_ascii().to_string(), wrap(&made.body(&wanted, &front)).escape_ascii().to_string());
    // And the next reader sees what was shown.
    let mut end = if is_answer { client_at(deep(), wide()) } else { server_at(deep(), wide()) };
    let read = decode(&mut end, &out).unwrap();
    let without_group =
        |fields: Vec<(String, String)>| fields.into_iter().filter(|(name, _)| name != "group").collect::<Vec<_>>();
    prop_assert_eq!(without_group(last_wins(list(&read))), without_group(edited));
    if !made.begin.is_empty() && made.begin != b"N" {
        let values = decoded(&body_of(&out)[front.len()..], args);
        prop_assert_eq!(values.len(), wanted.len());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn requests_against_the_naive_way(case in case(0usize..3), edits in edits()) {
        check_against_the_naive_way(&case, &edits, false)?;
    }

    #[test]
    fn answers_against_the_naive_way(mut case in case(Just(1)), edits in edits()) {
        // The value is one, whatever it is.
        case.types = String::new();
        let edits: Vec<Edit> = edits.into_iter().filter(|edit| !matches!(edit, Edit::Group(_))).collect();
        prop_assume!(!edits.is_empty());
        check_against_the_naive_way(&case, &edits, true)?;
    }

    /// Whatever comes in, edits are made or refused, and what is made can be read.
    #[test]
    fn broken_bodies_are_edited_or_refused(case in case(0usize..3), edits in edits(), at: prop::sample::Index, byte: u8, cut: Option<prop::sample::Index>, depth in 0usize..4, is_answer: bool) {
        let mut body = case.body(&case.entries, &if is_answer { b"\x94".to_vec() } else { front(&case.types) });
        if !body.is_empty() {
            let at = at.index(body.len());
            body[at] = byte;
        }
        if let Some(cut) = cut {
            body.truncate(cut.index(body.len() + 1));
        }
        let depth = [Depth::ALL, Depth::ROUTE, Depth::BOUNDARY, Depth::BOUNDARY.with_field("a")][depth].clone();
        mutated(if is_answer { answer(&body) } else { request(&body) }, depth, is_answer, &edits)?;
    }

    #[test]
    fn any_bytes_are_edited_or_refused(flag: u8, status: u8, body in prop::collection::vec(any::<u8>(), 0..200), edits in edits(), is_answer: bool, deep: bool) {
        let depth = if deep { Depth::ALL } else { Depth::BOUNDARY };
        mutated(frame(flag, status, 7, &body), depth, is_answer, &edits)?;
    }
}

fn mutated(bytes: Vec<u8>, depth: Depth, is_answer: bool, edits: &[Edit]) -> Result<(), TestCaseError> {
    let mut end: Endpoint =
        if is_answer { client_at(depth, Limits::default()) } else { server_at(depth, Limits::default()) };
    end.input().extend_from_slice(&bytes);
    let Ok(meshwire::Step::Event(Event::Head(mut head))) = end.decode() else { return Ok(()) };
    if is_answer {
        head.set_stream(StreamId::new(7).with_tag(asked_in("2.0.2").stream().tag()));
    }
    let seen = head.fields().is_some();
    for edit in edits {
        let _ = match edit {
            Edit::Set(name, value) => head.set_field(name.as_bytes(), value.as_bytes()),
            Edit::Add(name, value) => head.add_field(name.as_bytes(), value.as_bytes()),
            Edit::Remove(name) => head.remove_field(name.as_bytes()),
            Edit::Group(value) => head.set_attribute(Attribute::Group, value.as_bytes()),
        };
    }
    let shown = seen.then(|| last_wins(list(&head)));
    let Ok(out) = sent(head.clone(), 7) else { return Ok(()) };
    body_of(&out);
    let mut wide = Limits::default();
    (wide.whole, wide.head, wide.fields) = (1 << 20, 1 << 20, 1 << 10);
    let mut end = if is_answer { client_at(deep(), wide) } else { server_at(deep(), wide) };
    let read = decode(&mut end, &out);
    // What was looked at when it came can be looked at when it goes.
    if let Some(shown) = shown {
        prop_assert!(read.is_ok(), "{:?}", read.err());
        let has_fields =
            |fields: Vec<(String, String)>| fields.into_iter().filter(|(name, _)| name != "group").collect::<Vec<_>>();
        let read = read.unwrap();
        prop_assert!(read.fields().is_some());
        prop_assert_eq!(has_fields(last_wins(list(&read))), has_fields(shown));
    }
    Ok(())
}
