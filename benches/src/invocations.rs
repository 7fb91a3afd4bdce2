//! Dubbo requests whose arguments are more than a few strings: what must be skipped to get at the attachments.

use crate::hessian::Values;
use crate::samples;

/// An attachment that each of them has: who can tell has found the end of the arguments.
pub const ATTACHMENT: (&str, &str) = ("group", "blue");

/// What is called.
pub const SERVICE: &str = "com.example.inventory.api.StockService";

/// What a call of `reserve` brings.
#[derive(Clone, Debug)]
pub struct Arguments {
    /// What they are, in a word.
    pub name: &'static str,
    /// Their types, as a JVM descriptor.
    pub types: &'static str,
    /// How many there are.
    pub count: usize,
    /// One behind the other.
    pub bytes: Vec<u8>,
}

impl Arguments {
    fn new(name: &'static str, types: &'static str, count: usize, write: impl FnOnce(&mut Values)) -> Self {
        Self { name, types, count, bytes: Values::of(write) }
    }

    /// The request that brings them, in a frame.
    pub fn frame(&self) -> Vec<u8> {
        let payload = Values::of(|values| {
            ["2.0.2", SERVICE, "1.2.0", "reserve", self.types].into_iter().for_each(|text| values.string(text));
        });
        let attachments = Values::of(|values| {
            values.map(|values| {
                let fields = [("path", SERVICE), ("interface", SERVICE), ("version", "1.2.0"), ("timeout", "3000")];
                for (key, value) in fields.into_iter().chain([("remote.application", "orders"), ATTACHMENT]) {
                    values.string(key);
                    values.string(value);
                }
            });
        });
        let length = payload.len() + self.bytes.len() + attachments.len();
        // A request in Hessian 2 that waits for an answer.
        let mut frame = vec![0xda, 0xbb, 0xc2, 0];
        frame.extend(1u64.to_be_bytes());
        frame.extend((length as u32).to_be_bytes());
        [frame, payload, self.bytes.clone(), attachments].concat()
    }
}

/// Each kind of arguments.
pub fn all() -> Vec<Arguments> {
    vec![mixed(), orders(), string(), text(), objects(), maps()]
}

/// A request on the wire.
#[derive(Clone, Debug)]
pub struct Request {
    /// What it is, in a word.
    pub name: &'static str,
    /// Its frame.
    pub frame: Vec<u8>,
    /// Values in its payload: four strings, the types, the arguments, the attachments.
    pub values: usize,
}

impl Request {
    /// What lies behind the header.
    pub fn payload(&self) -> &[u8] {
        &self.frame[HEADER..]
    }
}

/// Bytes of a frame's header.
const HEADER: usize = 16;

/// An ordinary call of 450 bytes, and one for each kind of arguments.
pub fn requests() -> Vec<Request> {
    let mut requests = vec![Request { name: "call-450", frame: samples::dubbo(450), values: 8 }];
    requests.extend(all().iter().map(|arguments| Request {
        name: arguments.name,
        frame: arguments.frame(),
        values: 6 + arguments.count,
    }));
    requests
}

/// One of each type that Java passes, an order among them.
pub fn mixed() -> Arguments {
    let types = "Ljava/lang/String;JIDZLjava/util/Date;[BLjava/util/List;Ljava/util/Map;Lcom/example/Order;";
    Arguments::new("mixed", types, 10, |values| {
        values.string("A-2024-771042");
        values.long(771_042);
        values.int(1_500);
        values.double(0.19);
        values.bool(true);
        values.date(1_764_480_123_456);
        values.binary(&[0x5a; 48]);
        values.list(3, |tags| ["tools", "garden", "new"].into_iter().for_each(|tag| tags.string(tag)));
        values.map(|entries| {
            entries.string("tenant");
            entries.string("blue");
            entries.string("attempt");
            entries.int(2);
            entries.string("deadline");
            entries.long(1_764_480_003_000);
            entries.string("trace");
            entries.string("4bf92f3577b34da6a3ce929d0e0e4736");
        });
        order(values, 0);
    })
}

/// 64 KiB of orders.
pub fn orders() -> Arguments {
    const N: usize = 240;
    Arguments::new("orders", "Ljava/util/List;", 1, |values| {
        values.list(N, |orders| (0..N).for_each(|n| order(orders, n)));
    })
}

/// One string of 1 MiB, in ASCII.
pub fn string() -> Arguments {
    Arguments::new("string-1m", "Ljava/lang/String;", 1, |values| values.string(&"x".repeat(1 << 20)))
}

/// One string of about 1 MiB that is hardly ASCII.
pub fn text() -> Arguments {
    const SENTENCE: &str = "\u{5e93}\u{5b58}\u{4e0d}\u{8db3}\u{ff0c}\u{8bf7}\u{7a0d}\u{540e} ABC-17\u{3002}";
    Arguments::new("text-1m", "Ljava/lang/String;", 1, |values| {
        values.string(&SENTENCE.repeat((1 << 20) / SENTENCE.len()));
    })
}

/// Ten thousand small objects.
pub fn objects() -> Arguments {
    const N: usize = 10_000;
    Arguments::new("objects-10000", "Ljava/util/List;", 1, |values| {
        values.list(N, |points| {
            for n in 0..N {
                points.object("com.example.Stock", &["sku", "shelf", "count", "reserved"], |fields| {
                    fields.string(&format!("GT-{n:04}"));
                    fields.int(n as i32);
                    fields.long(n as i64 * 77);
                    fields.bool(n % 3 == 0);
                });
            }
        });
    })
}

/// Maps in maps in maps.
pub fn maps() -> Arguments {
    fn nested(values: &mut Values, depth: usize) {
        values.map(|entries| {
            for n in 0..6 {
                entries.string(&format!("region-{depth}-{n}"));
                match depth {
                    0 => entries.int(n * 1_000),
                    _ => nested(entries, depth - 1),
                }
            }
        });
    }
    Arguments::new("maps", "Ljava/util/Map;", 1, |values| nested(values, 4))
}

fn order(values: &mut Values, n: usize) {
    let fields = ["id", "number", "lines", "address", "note", "paid", "weight"];
    values.object("com.example.Order", &fields, |order| {
        order.long(771_042 + n as i64);
        order.string("A-2024-771042");
        order.list(4, |lines| {
            for sku in ["GT-1187", "GT-2043", "KB-0007", "ZX-9999"] {
                lines.object("com.example.Line", &["sku", "count", "cents", "tags"], |line| {
                    line.string(sku);
                    line.int(2);
                    line.long(1_999_000);
                    line.list(2, |tags| ["tools", "new"].into_iter().for_each(|tag| tags.string(tag)));
                });
            }
        });
        order.object("com.example.Address", &["street", "city", "zip", "country"], |address| {
            ["Hafenstrasse 4", "Bremen", "28217", "DE"].into_iter().for_each(|text| address.string(text));
        });
        order.string("Please ring twice, and leave it with the neighbours if nobody is in; they know about it.");
        order.bool(true);
        order.double(12.75);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invocations_have_the_sizes_that_their_names_say() {
        for arguments in all() {
            let expected = match arguments.name {
                "mixed" => 600,
                "orders" => 64 << 10,
                "string-1m" | "text-1m" => 1 << 20,
                _ => continue,
            };
            let size = arguments.bytes.len();
            assert!(size.abs_diff(expected) < expected / 5, "{}: {size} of {expected}", arguments.name);
        }
    }
}
