//! Reading here and there: values one by one, maps, objects, fields by name.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod oracle;
#[path = "oracle/writer.rs"]
mod writer;

use meshwire_hessian::{Dialect, Error, Kind, Limits, Read, Reader, Scalar, Scanner, Text, collect, find_fields, put};
use oracle::{Oracle, Value};
use proptest::prelude::*;
use writer::Writer;

const D: Dialect = Dialect::Hessian2;
const A: Dialect = Dialect::Ant3;

#[track_caller]
fn done<T>(read: Result<Read<T>, Error>) -> T {
    read.expect("it is well-formed").done().expect("it is all there")
}

fn text(bytes: &[u8], text: &Text) -> String {
    String::from_utf8(text.to_bytes(bytes).unwrap_or_default().to_vec()).unwrap()
}

/// A request as SOFA's clients write it, more or less.
fn request(dialect: Dialect) -> Vec<u8> {
    let mut out = Vec::new();
    put::class(
        &mut out,
        dialect,
        "com.alipay.sofa.rpc.core.request.SofaRequest",
        &["targetAppName", "methodName", "targetServiceUniqueName", "requestProps", "methodArgSigs"],
    );
    put::instance(&mut out, dialect, 0);
    put::null(&mut out);
    put::string(&mut out, dialect, "reserve");
    put::string(&mut out, dialect, "com.example.Shop:1.0");
    put::map_begin(&mut out, dialect);
    put::string(&mut out, dialect, "tenant");
    put::string(&mut out, dialect, "red");
    put::string(&mut out, dialect, "deadline");
    put::int(&mut out, 3000);
    put::map_end(&mut out, dialect);
    put::typed_list_begin(&mut out, dialect, "[string", 1);
    put::string(&mut out, dialect, "java.lang.String");
    put::list_end(&mut out, dialect);
    out
}

#[test]
fn the_fields_of_an_object() {
    for dialect in [D, A] {
        let bytes = request(dialect);
        let mut scanner = Scanner::new(dialect, Limits::DEFAULT);
        let mut reader = Reader::new(&bytes, 0, &mut scanner);
        assert_eq!(done(reader.kind()), Kind::Object);
        let object = done(reader.begin_object()).expect("an object");
        assert_eq!(text(&bytes, &object.class), "com.alipay.sofa.rpc.core.request.SofaRequest");
        assert_eq!((object.fields, object.field_names(&bytes).count()), (5, 5));
        assert_eq!(object.field_name(&bytes, 1).map(|name| text(&bytes, &name)).as_deref(), Some("methodName"));
        assert_eq!(object.field_name(&bytes, 5), None);
        assert_eq!(done(reader.text()), Text::Null);
        assert_eq!(text(&bytes, &done(reader.text())), "reserve");
        done(reader.skip());
        assert!(done(reader.begin_map()));
        let mut props = Vec::new();
        while !done(reader.end_of_map()) {
            let key = done(reader.text());
            let value = done(reader.scalar()).expect("a scalar");
            props.push((text(&bytes, &key), value.to_text(&bytes).expect("no null").to_vec()));
        }
        assert_eq!(props, [("tenant".to_owned(), b"red".to_vec()), ("deadline".to_owned(), b"3000".to_vec())]);
        assert!(!done(reader.begin_map()), "a list is no map");
        assert_eq!(done(reader.begin_object()), None);
        let span = done(reader.skip());
        assert_eq!(span.end, bytes.len());
        assert_eq!(reader.kind(), Ok(Read::Need(bytes.len() + 1)));
        // The scan of the same bytes knows the same.
        let mut whole = Scanner::new(dialect, Limits::DEFAULT);
        done(whole.skip(&bytes).map(|_| Read::Done(())));
        assert_eq!((scanner.containers(), scanner.refers()), (whole.containers(), whole.refers()));
        assert_eq!(scanner.offset(), bytes.len() as u64);
    }
}

#[test]
fn fields_by_name() {
    for dialect in [D, A] {
        let bytes = request(dialect);
        let mut scanner = Scanner::new(dialect, Limits::DEFAULT);
        let names = ["targetServiceUniqueName", "requestProps", "methodName", "nothing"];
        let [service, props, method, nothing] = done(find_fields(&bytes, 0, &mut scanner, names));
        assert_eq!(nothing, None);
        for (at, wanted) in [(service, "com.example.Shop:1.0"), (method, "reserve")] {
            let mut again = Scanner::new(dialect, Limits::DEFAULT);
            let found = done(Reader::new(&bytes, at.expect("found"), &mut again).text());
            assert_eq!(text(&bytes, &found), wanted);
        }
        let mut reader = Reader::new(&bytes, props.expect("found"), &mut scanner);
        assert!(done(reader.begin_map()));

        // As far as the last of them is enough, and less asks for more and changes nothing.
        let service = service.expect("found");
        for end in 0..bytes.len() {
            let mut scanner = Scanner::new(dialect, Limits::DEFAULT);
            let found = find_fields(&bytes[..end], 0, &mut scanner, ["methodName", "targetServiceUniqueName"]);
            match found.expect("it is well-formed") {
                Read::Done([method, found]) => {
                    assert!(end >= service);
                    assert_eq!((method.is_some(), found), (true, Some(service)));
                }
                Read::Need(need) => {
                    assert!(end < service && need > end && need <= bytes.len(), "{need} with {end}");
                    assert_eq!(scanner.containers(), 0);
                }
            }
        }
        let mut scanner = Scanner::new(dialect, Limits::DEFAULT);
        assert_eq!(done(find_fields(b"N", 0, &mut scanner, ["a"])), [None]);
        assert_eq!(done(find_fields(&bytes, 0, &mut scanner, [])), []);
    }
}

#[test]
fn a_class_of_the_first_value_is_known_in_the_second() {
    let bytes = b"C\x01x\x91\x01a\x60N\x60\x91";
    let mut scanner = Scanner::new(D, Limits::DEFAULT);
    done(scanner.skip(bytes).map(|_| Read::Done(())));
    let at = scanner.offset() as usize;
    let [found] = done(find_fields(bytes, at, &mut scanner, ["a"]));
    assert_eq!(found, Some(bytes.len() - 1));
    // Not so where the definition is not among the bytes.
    let mut scanner = Scanner::new(D, Limits::DEFAULT);
    done(scanner.skip(&[&b"HN"[..], &[b'x'; 0], b"C\x01x\x91\x01a\x60NZ"].concat()).map(|_| Read::Done(())));
    let error = find_fields(b"\x60\x91", 0, &mut scanner, ["a"]).expect_err("no name is there");
    assert_eq!(error.code, "class");
    // A class that is defined in no bytes at all.
    let mut scanner = Scanner::new(D, Limits::DEFAULT);
    let error = Reader::new(b"N\x60", 1, &mut scanner).begin_object().expect_err("no class");
    assert_eq!((error.code, error.at), ("class", 1));
}

#[test]
fn what_is_cut_changes_nothing() {
    let bytes = b"C\x01x\x91\x01a\x60\x79\x71\x01tNN";
    let mut scanner = Scanner::new(D, Limits::DEFAULT);
    for end in 0..bytes.len() - 1 {
        let mut reader = Reader::new(&bytes[..end], 0, &mut scanner);
        let Ok(Read::Need(need)) = reader.skip() else { panic!("{end} bytes are not enough") };
        assert!(need > end && need < bytes.len());
        assert_eq!(reader.at(), 0);
        assert_eq!((scanner.containers(), scanner.refers(), scanner.offset()), (0, false, 0));
    }
    let mut reader = Reader::new(bytes, 0, &mut scanner);
    assert_eq!(done(reader.skip()), 0..bytes.len() - 1);
    assert_eq!((scanner.containers(), scanner.refers()), (5, true));
}

#[test]
fn faults_have_their_place() {
    let mut scanner = Scanner::new(D, Limits::DEFAULT);
    let mut faults = |bytes: &[u8], at: usize, read: fn(&mut Reader<'_, '_>) -> Result<(), Error>| {
        scanner.reset();
        let mut reader = Reader::new(bytes, at, &mut scanner);
        let error = read(&mut reader).expect_err("it is broken");
        assert_eq!(reader.at(), at);
        (error.code, error.at)
    };
    assert_eq!(faults(b"N\x90", 1, |reader| reader.text().map(drop)), ("string", 1));
    assert_eq!(faults(b"NZ", 1, |reader| reader.kind().map(drop)), ("end", 1));
    assert_eq!(faults(b"N\x40", 1, |reader| reader.scalar().map(drop)), ("tag", 1));
    assert_eq!(faults(b"NM\x90", 1, |reader| reader.begin_map().map(drop)), ("type", 2));
    assert_eq!(faults(b"N\x79\x51\x91", 1, |reader| reader.skip().map(drop)), ("reference", 3));
    // A definition stands before an end.
    scanner.reset();
    let mut reader = Reader::new(b"HC\x01x\x90Z", 0, &mut scanner);
    assert!(done(reader.begin_map()));
    assert_eq!(reader.kind().map_err(|error| (error.code, error.at)), Err(("end", 5)));
    assert_eq!(reader.end_of_map().map_err(|error| (error.code, error.at)), Err(("end", 5)));
}

#[test]
fn an_exception() {
    let mut bytes = Vec::new();
    put::exception(&mut bytes, "java.lang.RuntimeException", "no such method");
    assert_eq!(bytes, b"C\x1ajava.lang.RuntimeException\x91\x0ddetailMessage\x60\x0eno such method");
}

/// What a reader makes of values, in the decoder's terms; `None` where it gives the place only.
fn scalar(bytes: &[u8], scalar: Option<Scalar>, dialect: Dialect) -> Option<Value> {
    Some(match scalar? {
        Scalar::Null => Value::Null,
        Scalar::Bool(value) => Value::Bool(value),
        Scalar::Int(value) => Value::Int(value),
        Scalar::Long(value) => Value::Long(value),
        Scalar::Double(value) => Value::Double(value),
        Scalar::Date(value) => Value::Date(value),
        Scalar::String(Text::Tangled(span)) => {
            let text = collect(bytes, span, dialect);
            let text = String::from_utf8(text).ok()?;
            Value::Text(text.encode_utf16().collect())
        }
        Scalar::String(text) => {
            let text = String::from_utf8(text.to_bytes(bytes)?.to_vec()).ok()?;
            Value::Text(text.encode_utf16().collect())
        }
    })
}

proptest! {
    #[test]
    fn reads_what_the_decoder_does(choices in prop::collection::vec(any::<u8>(), 0..300), draft: bool) {
        let dialect = if draft { A } else { D };
        let mut writer = Writer::new(&choices, dialect);
        let values: Vec<Value> = (0..4).map(|_| writer.value(0)).collect();
        let bytes = writer.out;
        let mut scanner = Scanner::new(dialect, Limits::DEFAULT);
        let mut reader = Reader::new(&bytes, 0, &mut scanner);
        let mut oracle = Oracle::new(&bytes, dialect, Limits::DEFAULT);
        for value in values {
            prop_assert_eq!(oracle.value(), Ok(value.clone()));
            match &value {
                Value::Map(_, entries) => {
                    prop_assert!(done(reader.begin_map()));
                    for _ in entries {
                        prop_assert!(!done(reader.end_of_map()));
                        done(reader.skip_many(2));
                    }
                    prop_assert!(done(reader.end_of_map()));
                }
                Value::Object(class, fields) => {
                    let object = done(reader.begin_object()).expect("an object");
                    let class = &oracle.classes[*class];
                    let utf16 = |text: &Text| String::from_utf8(text.to_bytes(&bytes).unwrap().to_vec()).map(|text| text.encode_utf16().collect::<Vec<_>>());
                    let is = |text: &Text, wanted: &[u16]| utf16(text).map_or(true, |text| text == wanted);
                    prop_assert!(draft || is(&object.class, &class.name));
                    prop_assert_eq!(object.fields, fields.len());
                    for (n, (name, wanted)) in object.field_names(&bytes).zip(&class.fields).enumerate() {
                        prop_assert!(is(&name, wanted));
                        prop_assert_eq!(object.field_name(&bytes, n), Some(name));
                    }
                    done(reader.skip_many(fields.len()));
                }
                _ => {
                    let read = scalar(&bytes, done(reader.scalar()), dialect);
                    prop_assert!(read.is_none() || read.as_ref() == Some(&value), "{read:?} for {value:?}");
                }
            }
            prop_assert_eq!(reader.at(), oracle.at);
        }
    }

    #[test]
    fn what_is_put_is_read(int: i32, long: i64, double: f64, millis: i64, draft: bool, len in 0usize..2000) {
        let dialect = if draft { A } else { D };
        let (bytes, mut out) = (vec![7; len], Vec::new());
        put::int(&mut out, int);
        put::int(&mut out, int >> 20);
        put::long(&mut out, dialect, long);
        put::long(&mut out, dialect, long >> 40);
        put::double(&mut out, dialect, double);
        put::double(&mut out, dialect, f64::from(int) / 1000.0);
        put::double(&mut out, dialect, f64::from(int >> 18));
        put::date(&mut out, dialect, millis >> 4);
        put::date(&mut out, dialect, i64::from(int) * 60_000);
        put::bytes(&mut out, dialect, &bytes);
        put::typed_list_begin(&mut out, dialect, "a", len as u32);
        (0..len).for_each(|_| put::null(&mut out));
        put::list_end(&mut out, dialect);
        put::list_begin(&mut out, dialect, len as u32);
        (0..len).for_each(|n| put::reference(&mut out, dialect, (n % 2) as u32));
        put::list_end(&mut out, dialect);
        let mut oracle = Oracle::new(&out, dialect, Limits::DEFAULT);
        let mut next = || oracle.value().expect("it is well-formed");
        prop_assert_eq!(next(), Value::Int(int));
        prop_assert_eq!(next(), Value::Int(int >> 20));
        prop_assert_eq!(next(), Value::Long(long));
        prop_assert_eq!(next(), Value::Long(long >> 40));
        let Value::Double(read) = next() else { panic!("no double") };
        prop_assert_eq!(read.to_bits(), double.to_bits());
        prop_assert_eq!(next(), Value::Double(f64::from(int) / 1000.0));
        prop_assert_eq!(next(), Value::Double(f64::from(int >> 18)));
        prop_assert_eq!(next(), Value::Date(millis >> 4));
        prop_assert_eq!(next(), Value::Date(i64::from(int) * 60_000));
        prop_assert_eq!(next(), Value::Bytes(bytes));
        prop_assert_eq!(next().kind(), Kind::List);
        prop_assert_eq!(next().kind(), Kind::List);
        prop_assert_eq!(oracle.at, out.len());
    }
}
