//! What the fuzz targets found.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use meshwire::{Detection, EncodeError, Protocol, StreamId};
use meshwire_http2::Http2;

#[test]
fn what_is_refused_for_want_of_credit_was_not_begun() {
    let mut end = server_with(|_| {});
    feed(&mut end, [settings(&[(4, 10)]), headers(1, true, GET)].concat()).unwrap();
    let mut answer = open_answer(1, OK);
    let _ = end.send(&mut answer).unwrap();
    end.set_eof();
    assert!(events(&mut end, true).unwrap().is_empty());
    end.output_mut().take();
    let error = end.send(&mut body(1, true, &b"more than ten bytes"[..])).unwrap_err();
    assert!(matches!(error, EncodeError::Refused(_)), "{error}");
    assert!(end.output().is_empty());
    // What there is credit for still goes out.
    let _ = end.send(&mut body(1, true, &b"ten bytes."[..])).unwrap();
    assert_eq!(wrote(&mut end, DATA).payload, b"ten bytes.");
    assert_eq!(answer.stream(), Some(StreamId::new(1)));
}

#[test]
fn a_preface_that_goes_wrong_late_is_ours_all_the_same() {
    for bytes in [&b"PRI * HTTP/2.0\r\n"[..], b"PRI * HTTP/2.0\r\n\r\nSM", b"PRI * HTTP/2.0\r\nHost: a\r\n\r\n"] {
        assert_eq!(Http2::default().detect(bytes), Detection::Yes);
    }
    assert_eq!(Http2::default().detect(b"PRI * HTTP/2.0\n"), Detection::No);
}
