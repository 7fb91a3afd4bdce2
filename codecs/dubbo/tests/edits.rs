//! Attachments, edited: what goes out is the message that came with its map changed, and nothing else.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;

use common::*;
use meshwire::{Attribute, Depth, EncodeError, FieldEdit, Head, Limits, RoutingKey};
use meshwire_dubbo::{ResultKind, result};

/// A request with arguments that any edit must leave alone, and these attachments.
fn with_args(map: &[u8]) -> Vec<u8> {
    request(&join(&[&args_front(), map]))
}

fn args_front() -> Vec<u8> {
    join(&[&front("La/B;ILjava/lang/String;"), b"C\x03a.B\x91\x01x\x60\x91", b"\x93", &s("wörld 😀")])
}

/// The body that goes out for `map`, edited, behind the arguments.
fn edited(map: &[u8], edit: impl FnOnce(&mut Head)) -> Vec<u8> {
    let came = with_args(map);
    let mut head = asked(&came);
    edit(&mut head);
    let shown = last_wins(list(&head));
    let out = sent(head, 99).unwrap();
    let body = body_of(&out);
    assert_eq!(out[..4], came[..4], "the flag");
    assert_eq!(out[4..12], 99u64.to_be_bytes(), "the id");
    let args = args_front();
    assert_eq!(body[..args.len()], args, "what stands before the map");
    assert_eq!(last_wins(list(&asked(&out))), shown, "what the next reader sees");
    body[args.len()..].to_vec()
}

const ABC: [(&str, &str); 3] = [("a", "1"), ("b", "2"), ("c", "3")];

#[test]
fn a_field_is_set_where_it_stood() {
    for (n, name) in ["a", "b", "c"].into_iter().enumerate() {
        let mut wanted = ABC;
        wanted[n].1 = "new";
        assert_eq!(edited(&map(&ABC), |head| head.set_field(name.as_bytes(), b"new").unwrap()), map(&wanted));
    }
    assert_eq!(
        edited(&map(&ABC), |head| head.set_field(b"d", b"4").unwrap()),
        map(&[&ABC[..], &[("d", "4")]].concat())
    );
}

#[test]
fn a_request_of_plain_arguments_is_edited_as_any_other() {
    let long = "v".repeat(200);
    let typed = join(&[b"M", &s("java.util.HashMap"), &s("a"), &s("1"), &s("b"), &s("2"), b"Z"]);
    let maps = [
        map(&ABC),
        typed,
        map(&[("a", &long), ("b", "2")]),
        map(&[("é", "ü"), ("a", "1")]),
        raw_map(&[b"\x01a\x93", b"\x01bN"]),
        b"HZ".to_vec(),
        b"N".to_vec(),
        Vec::new(),
    ];
    let edits: [fn(&mut Head); 6] = [
        |head| head.add_field(b"new", b"4").unwrap(),
        |head| head.add_field(b"a", b"4").unwrap(),
        |head| head.set_field(b"A", b"4").unwrap(),
        |head| head.remove_field(b"b").unwrap(),
        |head| head.set_field("ö".as_bytes(), "ä".as_bytes()).unwrap(),
        |head| head.set_field(b"b", b"5").unwrap(),
    ];
    // In ASCII and of one byte each; a length that is no ASCII, in front of one that is.
    let plain = [
        join(&[&front("")]),
        join(&[&front("Ljava/lang/String;ZI"), &s("x"), b"T", b"\x93"]),
        join(&[&front("IJLjava/lang/String;Ljava/lang/String;"), b"\x93\xe4", &s(&long), b"N"]),
        join(&[&front("Ljava/lang/String;"), &s("wörld")]),
    ];
    for (map, edit) in maps.iter().flat_map(|map| edits.map(|edit| (map, edit))) {
        let wanted = edited(map, edit);
        for args in &plain {
            let mut head = asked(&request(&join(&[args, map])));
            edit(&mut head);
            let out = sent(head, 99).unwrap();
            assert_eq!(body_of(&out)[..args.len()], args[..]);
            assert_eq!(body_of(&out)[args.len()..], wanted, "{}", map.escape_ascii());
            asked(&out);
        }
    }
}

/// What a reader of bytes, and not of characters, would take for the attachments.
#[test]
fn an_argument_that_looks_like_the_attachments_is_none() {
    let decoy = map(&[("x", "1")]);
    // Three units in four bytes: one value too many to whoever counts bytes.
    let text = "\u{e9}\0\0";
    for (types, args) in [
        ("Ljava/lang/String;Ljava/util/Map;", join(&[&s(text), &decoy])),
        ("Ljava/lang/String;ILjava/util/Map;", join(&[&s(text), b"\x91", &decoy])),
        ("Ljava/lang/String;ZLjava/util/Map;", join(&[&s(text), b"T", &decoy])),
    ] {
        for depth in [Depth::BOUNDARY, Depth::ROUTE, Depth::ALL] {
            let body = join(&[&front(types), &args]);
            let came = request(&join(&[&body, &map(&ABC)]));
            let mut head = decode(&mut server_at(depth, Limits::default()), &came).unwrap();
            head.add_field(b"d", b"4").unwrap();
            let wanted = request(&join(&[&body, &map(&[&ABC[..], &[("d", "4")]].concat())]));
            assert_eq!(sent(head, 7).unwrap(), wanted);
        }
    }
    // A method whose name could be the types of its arguments.
    let body = join(&[&front_of("a.B", "1", "I", "Ljava/util/Map;"), &decoy]);
    let came = request(&join(&[&body, &map(&ABC)]));
    for wanted in [Attribute::Service, Attribute::Version, Attribute::Method] {
        let depth = Depth::BOUNDARY.with(wanted);
        let mut head = decode(&mut server_at(depth, Limits::default()), &came).unwrap();
        head.add_field(b"d", b"4").unwrap();
        let wanted = request(&join(&[&body, &map(&[&ABC[..], &[("d", "4")]].concat())]));
        assert_eq!(sent(head, 7).unwrap(), wanted);
    }
}

#[test]
fn a_field_is_removed_wherever_it_stood() {
    for n in 0..3 {
        let mut wanted = ABC.to_vec();
        let (name, _) = wanted.remove(n);
        assert_eq!(edited(&map(&ABC), |head| head.remove_field(name.as_bytes()).unwrap()), map(&wanted));
    }
    let all = |head: &mut Head| ["c", "a", "b"].iter().for_each(|name| head.remove_field(name.as_bytes()).unwrap());
    assert_eq!(edited(&map(&ABC), all), b"HZ");
    assert_eq!(edited(&map(&ABC), |head| head.remove_field(b"none").unwrap()), map(&ABC));
    assert_eq!(edited(b"N", |head| head.remove_field(b"none").unwrap()), b"N");
    assert_eq!(edited(b"", |head| head.remove_field(b"none").unwrap()), b"");
}

#[test]
fn a_field_is_added_behind_the_others() {
    assert_eq!(
        edited(&map(&ABC), |head| head.add_field(b"d", b"4").unwrap()),
        map(&[&ABC[..], &[("d", "4")]].concat())
    );
    // A key stands once in a map.
    assert_eq!(
        edited(&map(&ABC), |head| head.add_field(b"a", b"4").unwrap()),
        map(&[("b", "2"), ("c", "3"), ("a", "4")])
    );
    let twice = |head: &mut Head| {
        head.add_field(b"d", b"4").unwrap();
        head.add_field(b"d", b"5").unwrap();
    };
    assert_eq!(edited(&map(&ABC), twice), map(&[&ABC[..], &[("d", "5")]].concat()));
    // In another case it is another key.
    assert_eq!(edited(&map(&[("a", "1")]), |head| head.add_field(b"A", b"2").unwrap()), map(&[("a", "1"), ("A", "2")]));
}

#[test]
fn a_map_is_made_where_there_is_none() {
    for none in [&b""[..], b"N", b"HZ"] {
        assert_eq!(edited(none, |head| head.set_field(b"a", b"1").unwrap()), map(&[("a", "1")]), "{none:x?}");
        assert_eq!(edited(none, |head| head.add_field(b"a", b"1").unwrap()), map(&[("a", "1")]), "{none:x?}");
    }
    let typed = b"M\x11java.util.HashMap\x01a\x011Z";
    assert_eq!(
        edited(typed, |head| head.set_field(b"b", b"2").unwrap()),
        b"M\x11java.util.HashMap\x01a\x011\x01b\x012Z"
    );
    assert_eq!(edited(typed, |head| head.remove_field(b"a").unwrap()), b"M\x11java.util.HashMapZ");
}

#[test]
fn several_edits_at_once() {
    let edit = |head: &mut Head| {
        head.set_field(b"c", b"33").unwrap();
        head.remove_field(b"a").unwrap();
        head.set_field(b"z", b"26").unwrap();
        head.add_field(b"y", b"25").unwrap();
        head.set_attribute(Attribute::Group, b"g").unwrap();
    };
    let wanted = [("b", "2"), ("c", "33"), ("z", "26"), ("y", "25"), ("group", "g")];
    let came = with_args(&map(&ABC));
    let mut head = asked(&came);
    edit(&mut head);
    assert_eq!(fields(&head), ["b=2", "c=33", "z=26", "y=25"]);
    let out = sent(head, 7).unwrap();
    assert_eq!(body_of(&out)[args_front().len()..], map(&wanted));
    assert_eq!(group(&asked(&out)).as_deref(), Some("g"));
}

#[test]
fn names_are_found_without_regard_to_case_as_everywhere() {
    let came = map(&[("Tenant", "1"), ("x", "2"), ("tenant", "3")]);
    assert_eq!(edited(&came, |head| head.set_field(b"TENANT", b"9").unwrap()), map(&[("TENANT", "9"), ("x", "2")]));
    assert_eq!(edited(&came, |head| head.remove_field(b"tenanT").unwrap()), map(&[("x", "2")]));
}

#[test]
fn a_name_that_stands_twice_stands_once_where_it_is_edited() {
    let twice = raw_map(&[b"\x01a\x011", b"\x01b\x012", b"\x01aN"]);
    assert_eq!(edited(&twice, |head| head.set_field(b"a", b"9").unwrap()), map(&[("a", "9"), ("b", "2")]));
    assert_eq!(edited(&twice, |head| head.remove_field(b"a").unwrap()), map(&[("b", "2")]));
}

#[test]
fn entries_nobody_edits_keep_their_bytes() {
    let odd: [&[u8]; 6] = [
        b"\x01a\x60\x92",
        b"R\0\x02te\x04nant\x02\xed\xa0\xbd\xed\xb8\x80",
        b"N\x91",
        b"\x91\x01x",
        b"S\0\x01d\xd4\x00\x01",
        b"\x01eHZ",
    ];
    let end = b"\x01z\x019";
    let wanted = join(&[b"H", &odd.concat(), end, b"Z"]);
    assert_eq!(edited(&raw_map(&odd), |head| head.set_field(b"z", b"9").unwrap()), wanted);
    let front = raw_map(&[&[&b"\x01z\x01-"[..]], &odd[..]].concat());
    assert_eq!(edited(&front, |head| head.set_field(b"z", b"9").unwrap()), join(&[b"H", end, &odd.concat(), b"Z"]));
    assert_eq!(edited(&front, |head| head.remove_field(b"z").unwrap()), raw_map(&odd));
    assert_eq!(
        edited(&raw_map(&odd), |head| head.remove_field("tenant".as_bytes()).unwrap()),
        raw_map(&[odd[0], odd[2], odd[3], odd[4], odd[5]])
    );
}

#[test]
fn what_stands_behind_the_map_stays_there() {
    for behind in [&b"garbage"[..], b"\xff\xff", &map(&[("path", "other")])] {
        let came = join(&[&map(&ABC), behind]);
        assert_eq!(
            edited(&came, |head| head.set_field(b"b", b"9").unwrap()),
            join(&[&map(&[("a", "1"), ("b", "9"), ("c", "3")]), behind])
        );
        assert_eq!(
            edited(&came, |head| head.set_field(b"d", b"4").unwrap()),
            join(&[&map(&[&ABC[..], &[("d", "4")]].concat()), behind])
        );
        assert_eq!(
            edited(&join(&[b"N", behind]), |head| head.set_field(b"d", b"4").unwrap()),
            join(&[&map(&[("d", "4")]), behind])
        );
    }
}

#[test]
fn new_texts_of_any_length_and_script() {
    for text in [
        "",
        "x",
        &"x".repeat(31),
        &"x".repeat(32),
        &"ü".repeat(1023),
        &"中".repeat(1024),
        &"😀".repeat(40),
        &"x".repeat(32_000),
    ] {
        edited(&map(&ABC), |head| head.set_field(b"b", text.as_bytes()).unwrap());
        if !text.is_empty() {
            edited(&map(&ABC), |head| head.set_field(text.as_bytes(), b"v").unwrap());
        }
    }
    // Longer than one piece may be, whatever the limits of the next reader are.
    let mut limits = Limits::default();
    (limits.field, limits.whole) = (1 << 20, 1 << 20);
    let long = "a😀".repeat(40_000);
    let mut head = asked(&with_args(&map(&ABC)));
    head.set_field(b"b", long.as_bytes()).unwrap();
    let out = sent(head, 7).unwrap();
    let read = decode(&mut server_at(deep(), limits), &out).unwrap();
    assert_eq!(list(&read)[1].1, long);
}

#[test]
fn a_group_is_edited_where_it_stands() {
    let set = |group: &str| {
        let group = group.to_owned();
        move |head: &mut Head| head.set_attribute(Attribute::Group, group.as_bytes()).unwrap()
    };
    let with = |group: &str| map(&[("a", "1"), ("group", group), ("b", "2")]);
    for (came, wanted) in [
        (with("g"), with("h")),
        (raw_map(&[b"\x01a\x011", b"\x05groupN", b"\x01b\x012"]), with("h")),
        (map(&[("a", "1")]), map(&[("a", "1"), ("group", "h")])),
        (b"N".to_vec(), map(&[("group", "h")])),
    ] {
        let mut head = asked(&with_args(&came));
        set("h")(&mut head);
        assert_eq!(group(&head).as_deref(), Some("h"));
        let out = sent(head, 7).unwrap();
        assert_eq!(body_of(&out)[args_front().len()..], wanted);
        assert_eq!(group(&asked(&out)).as_deref(), Some("h"));
    }
    // Servers know it by its exact name: others are other attachments.
    let mut head = asked(&with_args(&map(&[("GROUP", "x"), ("group", "g")])));
    set("h")(&mut head);
    assert_eq!(body_of(&sent(head, 7).unwrap())[args_front().len()..], map(&[("GROUP", "x"), ("group", "h")]));
}

#[test]
fn other_attributes_have_no_place_for_edits() {
    let mut head = asked(&with_args(b"HZ"));
    for attribute in Attribute::ALL {
        let has_place = matches!(attribute, Attribute::Service | Attribute::Version | Attribute::Group);
        assert_eq!(head.set_attribute(attribute, b"x").is_ok(), has_place, "{attribute}");
    }
    assert!(head.set_attribute(Attribute::Group, b"\xff").is_err());
    assert!(head.set_field(b"a", b"\xed\xa0\x80").is_err(), "a lone surrogate is no UTF-8");
}

#[test]
fn an_edit_without_having_seen_the_fields_is_made_all_the_same() {
    let came = with_args(&map(&ABC));
    for depth in [Depth::BOUNDARY, Depth::ROUTE] {
        let mut head = decode(&mut server_at(depth, Limits::default()), &came).unwrap();
        assert!(head.fields().is_none());
        head.set_field(b"b", b"9").unwrap();
        head.remove_field(b"a").unwrap();
        assert_eq!(fields(&asked(&sent(head, 7).unwrap())), ["b=9", "c=3"]);
    }
}

#[test]
fn a_body_that_cannot_be_read_is_not_edited() {
    for body in [
        &b"\x052.0.2\x90"[..],
        &join(&[&front("x"), b"HZ"]),
        &join(&[&front("I"), b"\x40", b"HZ"]),
        &join(&[&front("II"), b"\x91", b"HZ", b"\x91"]),
        &join(&[&front("I"), b"\x91", b"\x91"]),
        &join(&[&front("I"), b"\x91", b"H\x01a"]),
        &join(&[&front(""), &[0x79; 100], b"NZ"]),
        &front("I"),
    ] {
        let mut head = decode(&mut server_at(Depth::BOUNDARY, Limits::default()), &request(body)).unwrap();
        head.set_field(b"a", b"1").unwrap();
        let error = sent(head, 7).unwrap_err();
        assert!(matches!(error, EncodeError::Invalid { .. }), "{error}");
    }
}

#[test]
fn an_opaque_body_is_not_edited() {
    for flag in [0xc3, 0xc4, 0xc8, 0xc9, 0xcb, 0xcc, 0xd5, 0xd6, 0xdc] {
        let mut head =
            decode(&mut server_at(Depth::BOUNDARY, Limits::default()), &frame(flag, 0, 7, b"opaque")).unwrap();
        head.set_field(b"a", b"1").unwrap();
        assert!(sent(head, 7).is_err(), "{flag:x}");
    }
}

/// An edit, and the map that it makes.
type Made = (fn(&mut Head), Vec<u8>);

/// Messages are written anew as a whole or in pieces, by their size: 4 KiB is where it changes.
#[test]
fn messages_of_any_size_are_edited_alike() {
    for size in [4000, 4080, 4094, 4095, 4096, 4097, 4100, 5000, 60_000] {
        for behind in [&b""[..], b"behind"] {
            let rest = 16 + front("[B").len() + 3 + map(&ABC).len() + behind.len();
            let bytes = vec![b'Z'; size - rest];
            let args = join(&[b"B", &(bytes.len() as u16).to_be_bytes(), &bytes]);
            let whole = |map: &[u8]| request(&join(&[&front("[B"), &args, map, behind]));
            let came = whole(&map(&ABC));
            assert_eq!(came.len(), size);
            let edits: [Made; 5] = [
                (|head| head.set_field(b"a", b"9").unwrap(), map(&[("a", "9"), ("b", "2"), ("c", "3")])),
                (|head| head.set_field(b"c", b"99").unwrap(), map(&[("a", "1"), ("b", "2"), ("c", "99")])),
                (|head| head.remove_field(b"b").unwrap(), map(&[("a", "1"), ("c", "3")])),
                (|head| head.add_field(b"d", b"4").unwrap(), map(&[&ABC[..], &[("d", "4")]].concat())),
                (|head| head.remove_field(b"none").unwrap(), map(&ABC)),
            ];
            for (edit, wanted) in edits {
                let mut head = asked(&came);
                edit(&mut head);
                assert!(sent(head, 7).unwrap() == whole(&wanted), "{size}");
            }
        }
    }
}

#[test]
fn more_edits_than_have_a_bit() {
    let names: Vec<String> = (0..100).map(|n| format!("k{n:03}")).collect();
    let entries: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "old")).collect();
    let mut head = asked(&with_args(&map(&entries)));
    for name in &names {
        head.set_field(name.as_bytes(), b"new").unwrap();
    }
    let out = sent(head, 7).unwrap();
    let wanted: Vec<(String, String)> = names.iter().map(|name| (name.clone(), "new".to_owned())).collect();
    assert_eq!(last_wins(list(&asked(&out))), wanted);
    assert_eq!(body_of(&out).windows(3).filter(|three| three == b"new").count(), 100);
}

// ----- references -----

#[test]
fn what_later_values_may_refer_to_is_not_taken_away() {
    let class = &b"\x01aC\x03a.B\x90\x61"[..]; // beside class 0 of the arguments
    for (gone, stays) in [
        (&b"\x01a\x78"[..], &b"\x01b\x51\x92"[..]),
        (b"\x01aHZ", b"\x01b\x51\x92"),
        (b"\x01aM\x01tZ", b"\x01bM\x90Z"),
        (b"\x01a\x70\x01t", b"\x01b\x70\x90"),
        (class, b"\x01b\x61"),
        (b"\x01aC\x03a.B\x90N", b"\x01b\x61"),
        // It stays in front of what goes: its number says the same, but nobody counts.
        (b"\x01a\x78", b"\x01b\x51\x90"),
    ] {
        let came = with_args(&raw_map(&[gone, stays]));
        for edit in [
            (|head: &mut Head| head.remove_field(b"a").unwrap()) as fn(&mut Head),
            |head| head.set_field(b"a", b"1").unwrap(),
            |head| head.add_field(b"a", b"1").unwrap(),
        ] {
            let mut head = asked(&came);
            edit(&mut head);
            let error = sent(head, 7).unwrap_err();
            assert!(matches!(error, EncodeError::NoPlace { .. }), "{error}");
        }
        // What refers may go, and what is neither may too; nothing is put before what is counted.
        edited(&raw_map(&[gone, stays, b"\x01c\x011"]), |head| head.set_field(b"c", b"2").unwrap());
        edited(&raw_map(&[b"\x01c\x011", gone, stays]), |head| head.remove_field(b"c").unwrap());
        edited(&raw_map(&[gone, stays]), |head| head.set_field(b"new", b"2").unwrap());
    }
}

#[test]
fn a_container_nobody_refers_to_may_go() {
    // No object in the arguments, or it counts as a reference to its class.
    let body = |map: &[u8]| request(&join(&[&front("I"), b"\x91", map]));
    for gone in [&b"\x01a\x78"[..], b"\x01aHZ", b"\x01aM\x01tZ", b"\x01a\x72\x01tNN"] {
        let mut head = asked(&body(&raw_map(&[gone, b"\x01b\x7a\x91\x92"])));
        head.remove_field(b"a").unwrap();
        assert_eq!(sent(head, 7).unwrap(), body(&raw_map(&[b"\x01b\x7a\x91\x92"])));
    }
}

// ----- answers -----

const ATTACHMENTS: [&[u8]; 3] = [b"\x93C\x01E\x91\x01m\x60\x01x", b"\x94\x05hello", b"\x95"];

#[test]
fn attachments_of_answers_are_edited_where_there_are_any() {
    for (n, front) in ATTACHMENTS.iter().enumerate() {
        // Whatever the client is: it was sent some already.
        for version in ["2.0.2", "2.5.3", "null"] {
            let came = answer(&join(&[front, &map(&ABC)]));
            let mut head = named(&came, &asked_in(version));
            head.set_field(b"b", b"9").unwrap();
            head.remove_field(b"a").unwrap();
            head.add_field(b"d", b"4").unwrap();
            let out = sent(head, 7).unwrap();
            assert_eq!(out, answer(&join(&[front, &map(&[("b", "9"), ("c", "3"), ("d", "4")])])));
            assert_eq!(result(&answered(&out)).map(|kind| kind as usize), Some(n + 3));
        }
        for none in [&b""[..], b"N", b"HZ"] {
            let mut head = named(&answer(&join(&[front, none])), &asked_in("2.0.2"));
            head.set_field(b"a", b"1").unwrap();
            assert_eq!(sent(head, 7).unwrap(), answer(&join(&[front, &map(&[("a", "1")])])), "{none:x?}");
        }
    }
}

#[test]
fn an_answer_gets_attachments_where_its_client_reads_them() {
    let plain: [&[u8]; 3] = [b"\x90C\x01E\x91\x01m\x60\x01x", b"\x91\x05hello", b"\x92"];
    for (version, reads) in [
        ("2.0.2", true),
        ("2.0.3", true),
        ("2.0.10", true),
        ("2.0.99", true),
        ("2.0.1", false),
        ("2.0.0", false),
        ("2.0.100", false),
        ("2.5.3", false),
        ("2.6.12", false),
        ("3.0.0", false),
        ("", false),
        ("null", false),
    ] {
        let asked = asked_in(version);
        for (front, with) in plain.iter().zip(ATTACHMENTS) {
            let mut head = named(&answer(front), &asked);
            assert_eq!(fields(&head), [""; 0]);
            head.set_field(b"a", b"1").unwrap();
            match sent(head, 7) {
                Ok(out) => {
                    assert!(reads, "{version}");
                    assert_eq!(out, answer(&join(&[with, &map(&[("a", "1")])])));
                    assert_eq!(fields(&answered(&out)), ["a=1"]);
                }
                Err(error) => assert!(!reads && matches!(error, EncodeError::NoPlace { .. }), "{version}: {error}"),
            }
        }
    }
}

// An answer needs the version that the request was written in, however little of the request is looked at.
#[test]
fn what_the_client_reads_is_known_at_every_depth_that_reads_a_body() {
    let body = with_map(&map(&ABC));
    for depth in [
        Depth::ROUTE,
        Depth::BOUNDARY.with(Attribute::Service),
        Depth::BOUNDARY.with_all_fields(),
        Depth::BOUNDARY.with(Attribute::Group),
        Depth::BOUNDARY.with_field("x"),
    ] {
        let asked = decode(&mut server_at(depth.clone(), Limits::default()), &body).unwrap();
        let mut head = named(&answer(b"\x92"), &asked);
        head.set_field(b"a", b"1").unwrap();
        assert!(sent(head, 7).is_ok(), "{depth:?}");
    }
}

#[test]
fn an_error_or_a_bare_null_gets_none() {
    for bytes in [
        frame(0x02, 70, 7, b"\x03bad"),
        frame(0x02, 40, 7, b""),
        answer(b"N"),
        answer(b""),
        answer(b"\x96"),
        answer(b"\x05hello"),
    ] {
        let mut head = decode(&mut client_at(Depth::BOUNDARY, Limits::default()), &bytes).unwrap();
        head.set_stream(asked_in("2.0.2").stream());
        head.set_field(b"a", b"1").unwrap();
        let error = sent(head, 7).unwrap_err();
        assert!(matches!(error, EncodeError::NoPlace { .. }), "{error}");
    }
}

// A route that takes a field away does so for every answer, most of which never had it.
#[test]
fn what_is_not_there_is_taken_away_by_leaving_all_as_it_is() {
    for version in ["2.0.2", "2.5.3"] {
        for body in
            [&b"\x91\x05hello"[..], b"\x92", b"\x90\x01e", b"\x95N", b"\x95", b"\x94\x01vHZ", b"N", b"", b"\x96"]
        {
            let came = answer(body);
            let mut head = decode(&mut client_at(Depth::BOUNDARY, Limits::default()), &came).unwrap();
            head.set_stream(asked_in(version).stream());
            head.remove_field(b"server").unwrap();
            assert_eq!(sent(head, 7).ok(), Some(came), "{version} {}", body.escape_ascii());
        }
        let error = frame(0x02, 70, 7, b"\x03bad");
        let mut head = named(&error, &asked_in(version));
        head.remove_field(b"server").unwrap();
        assert_eq!(sent(head, 7).ok(), Some(error), "{version}");
    }
}

// Found by the fuzzer.
#[test]
fn what_stands_behind_an_answer_without_attachments_is_none_of_them() {
    for front in [&b"\x91\x01v"[..], b"\x92", b"\x90C\x03a.B\x91\x01x\x60\x91"] {
        for behind in [&map(&ABC)[..], b"N", b"HZ", b"garbage", b"H\x01a\x51\x90Z", b"\x91"] {
            let mut head = named(&answer(&join(&[front, behind])), &asked_in("2.0.2"));
            head.set_field(b"x", b"1").unwrap();
            assert_eq!(fields(&head), ["x=1"]);
            match sent(head, 7) {
                Ok(out) => assert_eq!(fields(&answered(&out)), ["x=1"], "{}", behind.escape_ascii()),
                Err(error) => {
                    assert!(matches!(error, EncodeError::Invalid { .. } | EncodeError::NoPlace { .. }), "{error}")
                }
            }
        }
    }
}

#[test]
fn an_answer_s_value_and_kind_stay_what_they_were() {
    let mut head = named(&answer(b"\x91\x05hello"), &asked_in("2.0.2"));
    head.set_field(b"a", b"1").unwrap();
    let out = answered(&sent(head, 7).unwrap());
    assert_eq!(result(&out), Some(ResultKind::ValueWithAttachments));
    assert!(out.data().starts_with(b"\x94\x05hello"));
}

#[test]
fn edits_are_what_a_head_says_they_are() {
    let mut head = asked(&with_args(b"N"));
    head.set_field(b"a", b"1").unwrap();
    head.remove_field(b"b").unwrap();
    let edits: Vec<FieldEdit<'_>> = head.field_edits().collect();
    assert_eq!(edits, [FieldEdit::Set(b"a", b"1"), FieldEdit::Remove(b"b")]);
}
