//! Attachments, read: what fields are shown, whatever stands in the map, and where it ends.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;

use std::time::Duration;

use common::*;
use meshwire::{Attr, Attribute, Depth, Endpoint, Event, Head, Limit, Limits, Outcome, RoutingKey, Scope, Step};
use meshwire_dubbo::{ResultKind, result};
use meshwire_hessian::{Dialect, put};

const DIALECT: Dialect = Dialect::Hessian2;

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

/// The fields of a request with these entries, keys and values as they stand.
fn shown(entries: &[&[u8]]) -> Vec<String> {
    fields(&asked(&with_map(&raw_map(entries))))
}

// ----- values -----

#[test]
fn strings_are_their_text() {
    assert_eq!(shown(&[b"\x01a\x011", b"\x01b\x00", b"\x00\x01x"]), ["a=1", "b=", "=x"]);
    let long = "x".repeat(1000);
    assert_eq!(
        fields(&asked(&with_map(&map(&[("a", long.as_str()), ("b", "ü")])))),
        [format!("a={long}"), "b=ü".into()]
    );
}

#[test]
fn values_of_any_type_show_as_text() {
    for (value, text) in [
        (written(|out| put::int(out, 7)), "7"),
        (written(|out| put::int(out, -70_000)), "-70000"),
        (written(|out| put::int(out, i32::MIN)), "-2147483648"),
        (written(|out| put::long(out, DIALECT, 3)), "3"),
        (written(|out| put::long(out, DIALECT, i64::MAX)), "9223372036854775807"),
        (written(|out| put::double(out, DIALECT, 1.5)), "1.5"),
        (written(|out| put::double(out, DIALECT, 1e10)), "1.0E10"),
        (b"T".to_vec(), "true"),
        (b"F".to_vec(), "false"),
        (written(|out| put::date(out, DIALECT, 1_700_000_000_123)), "1700000000123"),
        (written(|out| put::date(out, DIALECT, 60_000)), "60000"),
        (b"\x22ab".to_vec(), "binary"),
        (b"H\x01k\x01vZ".to_vec(), "map"),
        (b"M\x11java.util.TreeMapZ".to_vec(), "map"),
        (b"\x78".to_vec(), "list"),
        (b"\x72\x07[stringNN".to_vec(), "list"),
        (b"\x57\x91Z".to_vec(), "list"),
        (b"C\x03a.B\x91\x01x\x60\x91".to_vec(), "object"),
        // The map of attachments is the first thing that can be referred to.
        (b"\x51\x90".to_vec(), "reference"),
    ] {
        assert_eq!(
            shown(&[b"\x01a\x011", &[b"\x01v", &value[..]].concat(), b"\x01z\x012"]),
            ["a=1", &format!("v={text}"), "z=2"],
            "{value:x?}"
        );
        // Alone, first and last as well.
        assert_eq!(shown(&[&[b"\x01v", &value[..]].concat()]), [format!("v={text}")], "{value:x?}");
    }
}

#[test]
fn a_null_is_no_field() {
    assert_eq!(shown(&[b"\x01aN", b"\x01b\x011"]), ["b=1"]);
    assert_eq!(shown(&[b"\x01b\x011", b"\x01aN"]), ["b=1"]);
    assert_eq!(shown(&[b"\x01b\x91", b"\x01aN"]), ["b=1"]);
    assert_eq!(shown(&[b"\x01aN"]), [""; 0]);
}

#[test]
fn of_one_name_the_last_counts() {
    assert_eq!(shown(&[b"\x01a\x011", b"\x01b\x012", b"\x01a\x013"]), ["a=3", "b=2"]);
    assert_eq!(shown(&[b"\x01a\x011", b"\x01b\x012", b"\x01aN"]), ["b=2"]);
    assert_eq!(shown(&[b"\x01aN", b"\x01b\x012", b"\x01a\x011"]), ["a=1", "b=2"]);
    assert_eq!(shown(&[b"\x01a\x011", b"\x01a\x92"]), ["a=2"]);
    // In Java they are two.
    assert_eq!(shown(&[b"\x01a\x011", b"\x01A\x012"]), ["a=1", "A=2"]);
    // Spelled in another way it is the same.
    assert_eq!(shown(&[b"\x01a\x011", b"S\0\x01a\x012"]), ["a=2"]);
}

#[test]
fn a_key_that_is_no_string_hides_nothing_else() {
    let object = b"C\x03a.B\x90\x60";
    for key in [&b"N"[..], b"\x91", b"T", b"\x22ab", b"\x78", b"HZ", object, b"\x51\x90"] {
        for value in [&b"\x01x"[..], b"N", b"\x91", b"HZ", b"\x51\x90"] {
            let entry = [key, value].concat();
            assert_eq!(shown(&[b"\x01a\x011", &entry, b"\x01b\x012"]), ["a=1", "b=2"], "{entry:x?}");
            assert_eq!(shown(&[&entry, b"\x01b\x012"]), ["b=2"], "{entry:x?}");
            assert_eq!(shown(&[b"\x01b\x92", &entry]), ["b=2"], "{entry:x?}");
            assert_eq!(shown(&[&entry]), [""; 0], "{entry:x?}");
        }
    }
}

#[test]
fn a_class_in_front_of_a_string_hides_nothing() {
    assert_eq!(shown(&[b"\x01aC\x01c\x90\x01x", b"\x01b\x012"]), ["a=x", "b=2"]);
    assert_eq!(shown(&[b"\x01aC\x01c\x90N", b"\x01b\x012"]), ["b=2"]);
    assert_eq!(shown(&[b"C\x01c\x90\x01a\x01x", b"\x01b\x012"]), ["a=x", "b=2"]);
    assert_eq!(group(&asked(&with_map(&raw_map(&[b"\x05groupC\x01c\x90\x01x"])))).as_deref(), Some("x"));
}

#[test]
fn keys_and_values_in_pieces_and_with_surrogates() {
    let emoji = b"\x02\xed\xa0\xbd\xed\xb8\x80"; // 😀 as Java writes it
    assert_eq!(shown(&[&join(&[b"\x01k", emoji]), b"\x01b\x012"]), ["k=😀", "b=2"]);
    assert_eq!(shown(&[&join(&[emoji, b"\x01v"]), b"\x01b\x012"]), ["😀=v", "b=2"]);
    assert_eq!(shown(&[b"R\0\x02te\x04nantR\0\x01r\x02ed", b"\x01b\x012"]), ["tenant=red", "b=2"]);
    // A pair cut between two pieces is one character all the same.
    assert_eq!(shown(&[b"\x01kR\0\x02\xed\xa0\xbd\xed\xb8\x80\x01x"]), ["k=😀x"]);
    // Half a pair, after which Go's reader would lose step, in an attachment and in an argument.
    for half in [&b"\x01\xed\xa0\xbd"[..], b"R\0\x01\xed\xa0\xbd\x01\xed\xb8\x80"] {
        let error = refused(&with_map(&join(&[b"H\x01k", half, b"Z"])));
        assert_eq!((error.code, error.outcome()), ("surrogate", Outcome::BadRequest));
    }
    // In one sequence of four bytes it counts as two units.
    assert_eq!(shown(&[b"\x01k\x02\xf0\x9f\x98\x80"]), ["k=😀"]);
    assert_eq!(shown(&[b"\x06tenant\x011", b"R\0\x02te\x04nant\x012"]), ["tenant=2"]);
}

#[test]
fn lookups_go_by_name() {
    let head = asked(&with_map(&map(&[("tenant", "red"), ("Trace", "1")])));
    assert_eq!(head.field(b"Tenant"), Attr::Value(b"red"));
    assert_eq!(head.field(b"trace"), Attr::Value(b"1"));
    assert_eq!(head.field(b"other"), Attr::Absent);
    assert!(!head.is_edited());
}

// ----- maps -----

#[test]
fn whatever_is_a_map_or_none() {
    for map in [&b""[..], b"N", b"HZ", b"M\x11java.util.HashMapZ", b"M\x00Z"] {
        assert_eq!(fields(&asked(&with_map(map))), [""; 0], "{map:x?}");
        assert_eq!(group(&asked(&with_map(map))), None);
        assert_eq!(asked(&with_map(map)).attribute(Attribute::Group), Attr::Absent);
    }
    assert_eq!(fields(&asked(&with_map(b"M\x11java.util.HashMap\x01a\x011Z"))), ["a=1"]);
    // A type by its number: the first argument is a list of it.
    let typed = request(&join(&[&front("[Ljava/util/Map;"), b"\x71\x01tN", b"M\x90\x01a\x011Z"]));
    assert_eq!(fields(&asked(&typed)), ["a=1"]);
}

#[test]
fn what_is_no_map_is_refused() {
    for (value, code) in [
        (&b"\x01a"[..], "attachments"),
        (b"\x91", "attachments"),
        (b"T", "attachments"),
        (b"\x78", "attachments"),
        (b"C\x03a.B\x90\x60", "attachments"),
        (b"Z", "end"),
        (b"\x40", "tag"),
    ] {
        let bytes = with_map(value);
        let error = refused(&bytes);
        assert_eq!((error.code, error.outcome()), (code, Outcome::BadRequest), "{value:x?}");
        assert!(matches!(error.scope, Scope::Message(_)));
        // A class definition is passed over: the object itself is what is wrong.
        let at = if value[0] == b'C' { bytes.len() - 1 } else { bytes.len() - value.len() };
        if code != "attachments" || value[0] != b'C' {
            assert_eq!(error.offset as usize, at, "{value:x?}");
        }
    }
}

#[test]
fn a_map_that_is_cut_is_refused() {
    let whole = join(&[&front("I"), b"\x91", &raw_map(&[b"\x01a\x011", b"\x01m\x78", b"\x01b\xe1"])]);
    for n in front("I").len()..whole.len() {
        // A body that ends where its arguments end has no attachments, and is none that is cut.
        if n != front("I").len() + 1 {
            assert_eq!(refused(&request(&whole[..n])).code, "cut_short", "{n}");
        }
    }
    asked(&request(&whole));
}

#[test]
fn what_stands_behind_the_map_is_passed_over() {
    for behind in [&b"garbage"[..], b"\xff", &map(&[("a", "2"), ("path", "other")])] {
        let bytes = with_map(&join(&[&map(&[("a", "1")]), behind]));
        assert_eq!(fields(&asked(&bytes)), ["a=1"]);
        assert_eq!(sent(asked(&bytes), 7).unwrap(), bytes);
    }
}

#[test]
fn classes_and_references_reach_from_arguments_into_attachments() {
    // A class defined in the arguments, an instance of it in an attachment.
    let args = b"C\x03a.B\x91\x01x\x60\x91";
    let attachments = raw_map(&[b"\x01a\x60\x92", b"\x01b\x51\x90", b"\x01c\x51\x92", b"\x01d\x011"]);
    let bytes = request(&join(&[&front("La/B;"), args, &attachments]));
    assert_eq!(fields(&asked(&bytes)), ["a=object", "b=reference", "c=reference", "d=1"]);
    // Of three containers begun so far, none has the number 3.
    let wrong = raw_map(&[b"\x01a\x60\x92", b"\x01c\x51\x93"]);
    assert_eq!(refused(&request(&join(&[&front("La/B;"), args, &wrong]))).code, "reference");
    // A class that nobody has defined.
    assert_eq!(refused(&with_map(&raw_map(&[b"\x01a\x60"]))).code, "class");
    // The definition in one attachment, the instance in the next.
    assert_eq!(shown(&[b"\x01aC\x03a.B\x90\x60", b"\x01b\x60"]), ["a=object", "b=object"]);
}

// ----- limits -----

fn limited(bytes: &[u8], limits: &Limits) -> Result<Vec<String>, (Option<Limit>, Outcome)> {
    decode(&mut server_at(deep(), limits.clone()), bytes)
        .map(|head| fields(&head))
        .map_err(|error| (error.limit, error.outcome()))
}

#[test]
fn the_number_of_entries_is_limited() {
    let names: Vec<String> = (0..129).map(|n| format!("k{n}")).collect();
    let entries: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v")).collect();
    let limits = Limits::default();
    assert_eq!(limited(&with_map(&map(&entries[..128])), &limits).unwrap().len(), 128);
    assert_eq!(limited(&with_map(&map(&entries)), &limits), Err((Some(Limit::Fields), Outcome::TooLarge)));
    // Whatever they are: duplicates, nulls, nameless ones.
    let mut limits = Limits::default();
    limits.fields = 3;
    for entry in [&b"\x01a\x011"[..], b"\x01aN", b"\x91\x91", b"N\x91"] {
        assert!(limited(&with_map(&raw_map(&[entry; 3])), &limits).is_ok());
        assert_eq!(limited(&with_map(&raw_map(&[entry; 4])), &limits), Err((Some(Limit::Fields), Outcome::TooLarge)));
    }
    limits.fields = 0;
    assert!(limited(&with_map(b"HZ"), &limits).is_ok());
    assert!(limited(&with_map(&map(&[("a", "1")])), &limits).is_err());
}

#[test]
fn the_bytes_of_an_entry_are_limited() {
    let mut limits = Limits::default();
    limits.field = 20;
    // Two tags, a name of one byte.
    for (n, fits) in [(17, true), (18, false)] {
        let bytes = with_map(&map(&[("z", "1"), ("a", &"v".repeat(n)), ("b", "1")]));
        let read = limited(&bytes, &limits);
        assert_eq!(read.is_ok(), fits, "{read:?}");
        if !fits {
            assert_eq!(read, Err((Some(Limit::Field), Outcome::TooLarge)));
        }
    }
    // What is no string counts as it stands there, shown or not.
    for (n, fits) in [(17, true), (18, false)] {
        let list = join(&[b"\x01a\x58", &[0x90 + n as u8], &vec![0x90; n - 1], b"\x90"]);
        let read = limited(&with_map(&raw_map(&[&list])), &limits);
        assert_eq!(read.is_ok(), n == 16 || fits && list.len() <= 20, "{} bytes: {read:?}", list.len());
    }
}

#[test]
fn nesting_is_limited() {
    // The value itself is the first container; how deep it lies is counted from where it is read.
    let nested = |n: usize| join(&[b"\x01a", &vec![0x79; n], b"N"]);
    let mut limits = Limits::default();
    for nesting in [1, 6, 64] {
        limits.nesting = nesting;
        assert_eq!(limited(&with_map(&raw_map(&[&nested(nesting)])), &limits), Ok(vec!["a=list".to_owned()]));
        let error = limited(&with_map(&raw_map(&[&nested(nesting + 1)])), &limits).unwrap_err();
        assert_eq!(error.1, Outcome::TooLarge);
        let argument = |n: usize| request(&join(&[&front("[I"), &vec![0x79; n], b"N", b"N"]));
        assert!(limited(&argument(nesting), &limits).is_ok());
        assert_eq!(limited(&argument(nesting + 1), &limits).unwrap_err().1, Outcome::TooLarge);
    }
}

// A limit has a name, a row of `Stats::tripped`: that of nesting too.
#[test]
fn too_deep_says_which_limit_it_was() {
    let bytes = with_map(&raw_map(&[&join(&[b"\x01a", &[0x79; 65], b"N"])]));
    let mut end = server_at(deep(), Limits::default());
    let error = decode(&mut end, &bytes).unwrap_err();
    assert_eq!(error.limit, Some(Limit::Nesting));
    assert_eq!(end.codec().stats().tripped(Limit::Nesting), 1);
}

/// The second walk over a map whose values do not lie there as they read must not count what it holds twice.
#[test]
fn many_classes_and_containers_are_read_as_often_as_needed() {
    // As many classes as a message may define: 1024.
    let mut value = b"\x01a".to_vec();
    for _ in 0..1024 {
        value.extend(b"C\x01c\x90");
    }
    value.push(b'N');
    let mut limits = Limits::default();
    limits.whole = 1 << 20;
    assert_eq!(limited(&with_map(&raw_map(&[&value, b"\x01b\x91"])), &limits).unwrap(), ["b=1"]);
}

// ----- depth -----

#[test]
fn a_map_is_looked_at_only_where_it_is_asked_for() {
    let bytes = with_map(b"\x91");
    for depth in [Depth::BOUNDARY, Depth::ROUTE, Depth::BOUNDARY.with(Attribute::Method)] {
        let head = decode(&mut server_at(depth, Limits::default()), &bytes).unwrap();
        assert!(head.fields().is_none());
        assert_eq!(head.attribute(Attribute::Group), Attr::NotSeen);
        assert_eq!(head.field(b"a"), Attr::NotSeen);
        assert_eq!(head.why_unseen(), None);
    }
    for depth in
        [Depth::BOUNDARY.with_all_fields(), Depth::BOUNDARY.with(Attribute::Group), Depth::ROUTE.with_field("x")]
    {
        assert!(decode(&mut server_at(depth.clone(), Limits::default()), &bytes).is_err());
        let good = with_map(&map(&[("a", "1"), ("group", "g")]));
        let head = decode(&mut server_at(depth, Limits::default()), &good).unwrap();
        assert_eq!((fields(&head), group(&head)), (vec!["a=1".to_owned(), "group=g".to_owned()], Some("g".to_owned())));
    }
}

#[test]
fn a_group_is_an_attribute() {
    let read = |entries: &[&[u8]]| group(&asked(&with_map(&raw_map(entries))));
    assert_eq!(read(&[b"\x05group\x01g"]).as_deref(), Some("g"));
    assert_eq!(read(&[b"\x05group\x01g", b"\x05group\x01h"]).as_deref(), Some("h"));
    assert_eq!(read(&[b"\x05group\x01g", b"\x05groupN"]), None);
    assert_eq!(read(&[b"\x05group\x00"]).as_deref(), Some(""));
    assert_eq!(read(&[b"\x05groupN"]), None);
    assert_eq!(read(&[b"\x05Group\x01g", b"\x06group \x01g"]), None);
    assert_eq!(read(&[b"\x05groupR\0\x01a\x02\xed\xa0\xbd\xed\xb8\x80"]).as_deref(), Some("a😀"));
    assert_eq!(read(&[b"S\0\x05groupS\0\x01g"]).as_deref(), Some("g"));
    let long = "g".repeat(20_000);
    assert_eq!(group(&asked(&with_map(&map(&[("a", "1"), ("group", &long)])))), Some(long));
}

#[test]
fn a_timeout_is_text_or_a_number() {
    let read = |value: &[u8]| asked(&with_map(&raw_map(&[&join(&[b"\x07timeout", value])]))).timeout();
    for (value, millis) in [
        (&b"\x043000"[..], Some(3000)),
        (b"\xd4\x0b\xb8", Some(3000)),
        (b"\xe1", Some(1)),
        (b"\x011", Some(1)),
        (b"\x05 200 ", Some(200)),
        (b"S\0\x0242", Some(42)),
        (b"R\0\x014\x012", Some(42)),
        (b"\x010", None),
        (b"\x90", None),
        (b"\x8f", None),
        (b"\x02-1", None),
        (b"\x00", None),
        (b"\x033s!", None),
        (b"\x041e10", None),
        (b"N", None),
        (b"T", None),
        (b"\x78", None),
        (b"\x5c", None), // the double 1.0
        (b"L\x7f\xff\xff\xff\xff\xff\xff\xff", None),
    ] {
        assert_eq!(read(value), millis.map(Duration::from_millis), "{value:x?}");
    }
    // The last counts, and the exact name does.
    let twice = asked(&with_map(&map(&[("timeout", "1"), ("timeout", "2"), ("Timeout", "3")])));
    assert_eq!(twice.timeout(), Some(Duration::from_millis(2)));
    // 49 days and more say the same as none.
    assert_eq!(read(b"\x0a4294967294"), Some(Duration::from_millis(4_294_967_294)));
    assert_eq!(read(b"\x0a4294967295"), None);
    assert_eq!(read(b"\x0a4294967296"), None);
    // No answer has one.
    assert_eq!(answered(&answer(&join(&[b"\x95", &map(&[("timeout", "5")])]))).timeout(), None);
}

// ----- answers -----

#[test]
fn answers_with_and_without_attachments() {
    let attachments = map(&[("a", "1"), ("b", "2")]);
    for (body, kind, shown) in [
        (join(&[b"\x91\x01v", &attachments]), ResultKind::Value, false),
        (join(&[b"\x92", &attachments]), ResultKind::Null, false),
        (join(&[b"\x90\x01e", &attachments]), ResultKind::Exception, false),
        (join(&[b"\x94\x01v", &attachments]), ResultKind::ValueWithAttachments, true),
        (join(&[b"\x95", &attachments]), ResultKind::NullWithAttachments, true),
        (join(&[b"\x93C\x01E\x91\x01m\x60\x01x", &attachments]), ResultKind::ExceptionWithAttachments, true),
        (join(&[b"\x94H\x01k\x51\x90Z", &attachments]), ResultKind::ValueWithAttachments, true),
    ] {
        let head = answered(&answer(&body));
        assert_eq!(result(&head), Some(kind));
        assert_eq!(fields(&head), if shown { vec!["a=1", "b=2"] } else { vec![] }, "{kind:?}");
        assert_eq!(head.attribute(Attribute::Group), Attr::NotSeen);
        assert_eq!(sent(head, 7).unwrap(), answer(&body));
    }
    for map in [&b""[..], b"N", b"HZ"] {
        assert_eq!(fields(&answered(&answer(&join(&[b"\x95", map])))), [""; 0]);
    }
    // What the names of a destination say in an answer is nobody's affair.
    let odd = answered(&answer(&join(&[b"\x95", &raw_map(&[b"\x04path\x91", b"\x05groupN", b"\x07version\x011"])])));
    assert_eq!(fields(&odd), ["path=1", "version=1"]);
}

#[test]
fn an_error_has_no_attachments() {
    for status in [30, 31, 40, 60, 70, 80, 100, 200] {
        let head = answered(&frame(0x02, status, 7, b"\x95H\x01a\x011Z"));
        assert_eq!((fields(&head), result(&head)), (vec![], None));
    }
}

#[test]
fn a_bad_map_in_an_answer_costs_the_answer() {
    for body in [&b"\x95\x91"[..], b"\x94\x01v\x01m", b"\x94", b"\x93\x40N", b"\x95H\x01a"] {
        let error = decode(&mut client_at(deep(), Limits::default()), &answer(body)).unwrap_err();
        assert!(matches!(error.scope, Scope::Message(_)));
        assert_eq!(error.outcome(), Outcome::BadResponse, "{body:x?}");
        // Nobody who does not ask for fields is troubled.
        assert!(decode(&mut client_at(Depth::ROUTE, Limits::default()), &answer(body)).is_ok());
    }
}

#[test]
fn answers_are_limited_as_requests_are() {
    let mut limits = Limits::default();
    (limits.fields, limits.field, limits.nesting) = (2, 10, 2);
    let read = |entries: &[&[u8]]| {
        let body = join(&[b"\x95", &raw_map(entries)]);
        decode(&mut client_at(deep(), limits.clone()), &answer(&body)).map_err(|error| error.outcome())
    };
    assert!(read(&[b"\x01a\x011", b"\x01a\x79\x79N"]).is_ok());
    assert_eq!(read(&[&b"\x01a\x011"[..]; 3]).unwrap_err(), Outcome::TooLarge);
    assert!(read(&[b"\x01a\x071234567"]).is_ok());
    assert_eq!(read(&[b"\x01a\x0812345678"]).unwrap_err(), Outcome::TooLarge);
    assert_eq!(read(&[b"\x01a\x79\x79\x79N"]).unwrap_err(), Outcome::TooLarge);
}

// What is opaque was not seen: that it holds no attachments nobody can say.
#[test]
fn fields_of_an_opaque_answer_are_not_seen() {
    for flag in [0x03, 0x08, 0x0b] {
        let head = answered(&frame(flag, 20, 7, b"opaque"));
        assert!(head.fields().is_none(), "{flag:x}");
    }
}

// ----- pieces -----

/// All that a head shows.
fn said(head: &Head) -> String {
    let attributes: Vec<_> = Attribute::ALL.map(|attribute| format!("{:?}", head.attribute(attribute))).to_vec();
    format!("{attributes:?} {:?} {:?}", head.fields().map(|_| fields(head)), head.timeout())
}

#[test]
fn every_split_of_a_map_says_the_same() {
    let args = b"C\x03a.B\x91\x01x\x60\x91";
    let attachments = raw_map(&[
        b"\x01a\x60\x92",
        b"\x05group\x02gg",
        b"\x04path\x03a.B",
        b"\x07timeout\xd4\x0b\xb8",
        b"R\0\x02te\x04nantR\0\x02\xed\xa0\xbd\xed\xb8\x80\0",
        b"\x91N",
        b"\x01c\x51\x92",
    ]);
    let bytes = request(&join(&[&front("La/B;"), args, &attachments, b"behind"]));
    let wanted = said(&asked(&bytes));
    assert!(wanted.contains("tenant=😀") && wanted.contains("3s"), "{wanted}");
    for limits in [Limits::default(), streaming(bytes.len()), streaming(10_000)] {
        for at in 1..bytes.len() {
            let mut end = server_at(deep(), limits.clone());
            end.input().extend_from_slice(&bytes[..at]);
            assert!(matches!(end.decode(), Ok(Step::NeedMore(_))), "{at}");
            let head = decode(&mut end, &bytes[at..]).unwrap();
            assert_eq!(said(&head), wanted, "{at}");
        }
        let mut end: Endpoint = server_at(deep(), limits);
        for (n, byte) in bytes.iter().enumerate() {
            end.input().extend_from_slice(&[*byte]);
            match end.decode() {
                Ok(Step::NeedMore(_)) => assert!(n + 1 < bytes.len()),
                Ok(Step::Event(Event::Head(head))) => assert_eq!((n + 1, said(&head)), (bytes.len(), wanted.clone())),
                other => panic!("{other:?}"),
            }
        }
    }
}
