//! Structs of Thrift, as code that Apache's compiler generates writes them.

use meshwire_thrift::Encoding;
use thrift::protocol::{
    TBinaryOutputProtocol, TCompactOutputProtocol, TFieldIdentifier, TListIdentifier, TMapIdentifier, TOutputProtocol,
    TStructIdentifier, TType,
};

/// The arguments of a call that reserves what an order is for, with a note of so many bytes.
pub fn order(encoding: Encoding, note: usize) -> Vec<u8> {
    written(encoding, |arguments| {
        arguments.nested(1, |order| {
            order.string(1, "A-2024-771042");
            order.i64(2, 771_042);
            order.i32(3, 2);
            order.list(4, TType::Struct, 2, |lines| lines.repeat(2, line));
            order.string(5, &"x".repeat(note));
            order.bool(6, true);
            order.nested(7, |address| {
                address.string(1, "Hafenstrasse 4");
                address.string(2, "Bremen");
                address.string(3, "28217");
            });
        });
        arguments.map(2, &[("tenant", "blue"), ("trace", "4bf92f3577b34da6a3ce929d0e0e4736")]);
    })
}

/// So many lines of an order.
pub fn lines(encoding: Encoding, n: usize) -> Vec<u8> {
    written(encoding, |arguments| arguments.list(1, TType::Struct, n, |lines| lines.repeat(n, line)))
}

/// So many structs of 32 strings of 100 bytes.
pub fn strings(encoding: Encoding, n: usize) -> Vec<u8> {
    let string = "x".repeat(100);
    written(encoding, |arguments| {
        arguments.list(1, TType::Struct, n, |structs| {
            structs.repeat(n, |fields| (1..=32).for_each(|id| fields.string(id, &string)));
        });
    })
}

/// So many structs in which structs, lists and maps nest.
pub fn nested(encoding: Encoding, n: usize) -> Vec<u8> {
    written(encoding, |arguments| {
        arguments.list(1, TType::Struct, n, |structs| {
            structs.repeat(n, |fields| {
                fields.string(1, "GT-1187");
                fields.i32(2, 3);
                fields.nested(3, |price| {
                    price.i64(1, 1_999_000);
                    price.bool(2, true);
                    price.double(3, 0.19);
                });
                fields.list(4, TType::I32, 6, |list| (0..6).for_each(|n| done(list.0.write_i32(n * 77))));
                fields.map(5, &[("colour", "green"), ("origin", "Gelderland")]);
                fields.list(6, TType::List, 2, |lists| {
                    for _ in 0..2 {
                        done(lists.0.write_list_begin(&TListIdentifier::new(TType::String, 2)));
                        done(lists.0.write_string("blue"));
                        done(lists.0.write_string("boxed"));
                        done(lists.0.write_list_end());
                    }
                });
            });
        });
    })
}

fn line(line: &mut Values<'_>) {
    line.string(1, "GT-1187");
    line.i32(2, 2);
    line.i64(3, 1_999_000);
    line.list(4, TType::String, 2, |tags| {
        done(tags.0.write_string("tools"));
        done(tags.0.write_string("new"));
    });
}

fn written(encoding: Encoding, fields: impl Fn(&mut Values<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    match encoding {
        Encoding::Compact => Values(&mut TCompactOutputProtocol::new(&mut out)).repeat(1, fields),
        _ => Values(&mut TBinaryOutputProtocol::new(&mut out, true)).repeat(1, fields),
    }
    out
}

/// Where values go.
struct Values<'a>(&'a mut dyn TOutputProtocol);

impl Values<'_> {
    /// So many structs.
    fn repeat(&mut self, n: usize, fields: impl Fn(&mut Self)) {
        for _ in 0..n {
            done(self.0.write_struct_begin(&TStructIdentifier::new("")));
            fields(self);
            done(self.0.write_field_stop());
            done(self.0.write_struct_end());
        }
    }

    fn field(&mut self, id: i16, kind: TType, value: impl FnOnce(&mut Self)) {
        done(self.0.write_field_begin(&TFieldIdentifier::new("", kind, id)));
        value(self);
        done(self.0.write_field_end());
    }

    fn nested(&mut self, id: i16, fields: impl Fn(&mut Self)) {
        self.field(id, TType::Struct, |values| values.repeat(1, fields));
    }

    fn list(&mut self, id: i16, kind: TType, n: usize, elements: impl FnOnce(&mut Self)) {
        self.field(id, TType::List, |values| {
            done(values.0.write_list_begin(&TListIdentifier::new(kind, n as i32)));
            elements(values);
            done(values.0.write_list_end());
        });
    }

    fn map(&mut self, id: i16, entries: &[(&str, &str)]) {
        self.field(id, TType::Map, |values| {
            let begin = TMapIdentifier::new(TType::String, TType::String, entries.len() as i32);
            done(values.0.write_map_begin(&begin));
            for (key, value) in entries {
                done(values.0.write_string(key));
                done(values.0.write_string(value));
            }
            done(values.0.write_map_end());
        });
    }

    fn string(&mut self, id: i16, value: &str) {
        self.field(id, TType::String, |values| done(values.0.write_string(value)));
    }

    fn i32(&mut self, id: i16, value: i32) {
        self.field(id, TType::I32, |values| done(values.0.write_i32(value)));
    }

    fn i64(&mut self, id: i16, value: i64) {
        self.field(id, TType::I64, |values| done(values.0.write_i64(value)));
    }

    fn double(&mut self, id: i16, value: f64) {
        self.field(id, TType::Double, |values| done(values.0.write_double(value)));
    }

    fn bool(&mut self, id: i16, value: bool) {
        self.field(id, TType::Bool, |values| done(values.0.write_bool(value)));
    }
}

/// Memory takes whatever is written.
fn done(written: thrift::Result<()>) {
    written.expect("written");
}
