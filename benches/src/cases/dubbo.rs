//! Dubbo requests, forwarded: of 450 bytes, with attachments read and edited or not; and of 1 MiB, which stream.

mod stream;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use meshwire::{Attribute, Conn, Cx, Depth, Event, Head, Limits, Output, Protocol, RoutingKey, Step, StreamId};
use meshwire_dubbo::{Dubbo, value};

use super::forward::{Forward, Work};
use crate::case::{Case, Target};
use crate::samples;

pub(super) fn cases() -> Vec<Case> {
    let work = Work {
        protocol: || Box::new(Dubbo::default()),
        requests: [samples::dubbo(450), samples::dubbo(450)],
        answer: value(StreamId::new(1), "reserved"),
        depth: Depth::ROUTE,
        look,
        read: 16,
        held: 0,
        number: None,
    };
    let bound = |case: Case| case.target(Target::Over(45.0)).target(Target::Instructions(3.0));
    let group = Depth::ROUTE.with(Attribute::Group);
    let all = Depth::ROUTE.with_all_fields();
    let mut cases = vec![
        bound(work.clone().case("dubbo/forward-450/16-a-read")),
        bound(Work { read: 1, ..work.clone() }.case("dubbo/forward-450/1-a-read")),
        Work { held: 100, ..work.clone() }.case("dubbo/forward-450/100-in-flight"),
        Work { depth: group, look: look_at_group, ..work.clone() }.case("dubbo/forward-450/group"),
        Work { depth: all, look: look_at_all, ..work.clone() }.case("dubbo/forward-450/all-attachments"),
        edited(&work, "added", add, |fields| fields.push(own("x-mesh", "blue-7"))).target(Target::Over(120.0)),
        edited(&work, "changed", change, |fields| {
            fields.iter_mut().filter(|field| field.0 == b"timeout").for_each(|field| *field = own("timeout", "1500"));
        }),
        edited(&work, "removed", remove, |fields| fields.retain(|field| field.0 != b"timeout")),
    ];
    cases.extend(stream::cases());
    cases
}

/// Reads what a Dubbo route matches.
fn look(head: &mut Head) {
    black_box(head.attribute(Attribute::Service).value());
    black_box(head.attribute(Attribute::Method).value());
    black_box(head.attribute(Attribute::Version).value());
}

fn look_at_group(head: &mut Head) {
    look(head);
    assert_eq!(head.attribute(Attribute::Group).value(), Some(&b"blue"[..]));
}

fn look_at_all(head: &mut Head) {
    look(head);
    let mut n = 0;
    for field in head.fields().into_iter().flatten() {
        black_box(field);
        n += 1;
    }
    assert_eq!(n, 6, "every attachment is seen");
}

fn add(head: &mut Head) {
    look(head);
    assert!(head.add_field(b"x-mesh", b"blue-7").is_ok());
}

fn change(head: &mut Head) {
    look(head);
    assert!(head.set_field(b"timeout", b"1500").is_ok());
}

fn remove(head: &mut Head) {
    look(head);
    assert!(head.remove_field(b"timeout").is_ok());
}

/// Requests whose attachments are edited, which allocates. What goes out is looked at before it is measured.
fn edited(work: &Work, name: &str, edit: fn(&mut Head), expect: fn(&mut Vec<Field>)) -> Case {
    let work = Work { look: edit, ..work.clone() };
    let (proof, mut case) = (work.clone(), work.case(&format!("dubbo/forward-450/{name}")));
    let make = case.ours;
    case.ours = Box::new(move || {
        let mut expected = attachments(&proof.requests[0]);
        expect(&mut expected);
        assert_eq!(attachments(&Forward::new(&proof).first()), expected);
        make()
    });
    case.targets.clear();
    case
}

type Field = (Vec<u8>, Vec<u8>);

fn own(name: &str, value: &str) -> Field {
    (name.into(), value.into())
}

/// The attachments of a request, read by a codec that waits for all of it.
fn attachments(request: &[u8]) -> Vec<Field> {
    let mut limits = Limits::default();
    limits.whole = request.len();
    let conn = Conn::server().with_limits(Arc::new(limits)).with_depth(Depth::all());
    let mut output = Output::new();
    let step = Dubbo::default().codec(conn).decode(&mut request.into(), &mut Cx::new(&mut output, Duration::ZERO));
    let Ok(Step::Event(Event::Head(head))) = &step else { panic!("{step:?}") };
    assert!(head.is_end());
    head.fields().expect("seen").map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
}
