//! Seeds of Hessian: every form of both dialects, and what lies about them.

use meshwire_hessian::{Dialect, put};

/// What both dialects have, in the one given.
fn shared(dialect: Dialect) -> Vec<(&'static str, Vec<u8>)> {
    let written = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        write(&mut out);
        out
    };
    vec![
        (
            "numbers",
            written(&|out| {
                put::list_begin(out, dialect, 20);
                [0, -16, 47, 48, -2048, 2047, 262_143, -262_144, i32::MAX, i32::MIN]
                    .iter()
                    .for_each(|n| put::int(out, *n));
                [0, -8, 15, 16, -2048, 262_143, 1 << 31, -(1 << 31), i64::MAX, i64::MIN]
                    .iter()
                    .for_each(|n| put::long(out, dialect, *n));
                put::list_end(out, dialect);
                [0.0, 1.0, -128.0, 32_767.0, 12.25, 1e300, f64::NAN].iter().for_each(|n| put::double(out, dialect, *n));
                put::date(out, dialect, 894_621_091_000);
                put::date(out, dialect, 894_621_060_000);
                put::null(out);
                put::bool(out, true);
                put::bool(out, false);
            }),
        ),
        (
            "texts",
            written(&|out| {
                for text in ["", "hello", "é中😀", "Где заканчивается значение", "中文字符串在这里"]
                {
                    put::string(out, dialect, text);
                    put::string(out, dialect, &text.repeat(9));
                }
                put::string(out, dialect, &"x".repeat(33_000));
                put::bytes(out, dialect, b"");
                put::bytes(out, dialect, &[0xff; 300]);
                put::bytes(out, dialect, &[0; 33_000]);
            }),
        ),
        (
            "objects",
            written(&|out| {
                put::typed_list_begin(out, dialect, "[com.example.Car", 3);
                put::class(out, dialect, "com.example.Car", &["color", "model", "next"]);
                for n in 0..3 {
                    put::instance(out, dialect, 0);
                    put::string(out, dialect, "red");
                    put::null(out);
                    put::reference(out, dialect, n);
                }
                put::list_end(out, dialect);
                put::class(out, dialect, "a.Empty", &[]);
                put::typed_map_begin(out, dialect, "java.util.TreeMap");
                put::string(out, dialect, "key");
                put::instance(out, dialect, 1);
                put::map_end(out, dialect);
                put::map(out, dialect, [("tenant", "red"), ("version", "1.0.0")]);
            }),
        ),
        (
            "deep",
            written(&|out| {
                (0..80).for_each(|_| put::list_begin(out, dialect, 1));
            }),
        ),
    ]
}

/// A name, values, and the settings behind them.
pub(crate) fn messages() -> Vec<(String, Vec<u8>, [u8; 2])> {
    let hessian2: [(&str, &[u8]); 21] = [
        ("open-lists", b"\x57\x90\x55\x04[intNZZ"),
        ("direct-lists", b"\x7a\x72\x04[int\x90\x91\x71\x90\x91"),
        ("types", b"VI\x00\x00\x00\x00\x90"),
        ("types-of-lists", b"\x7a\x70\x04[intV\xc8\x00\x91N"),
        ("maps", b"M\x01aHNNTFZM\x90\x78\x5bZZ"),
        ("map-odd", b"H\x01aZ"),
        ("classes-in-maps", b"HC\x01x\x90\x60C\x01y\x91\x01a\x61NZ"),
        ("classes-in-a-row", b"C\x01x\x90C\x01y\x90\x61"),
        ("class-and-end", b"HC\x01x\x90Z"),
        ("class-not-defined", b"O\x90"),
        ("class-huge", b"C\x01xI\x7f\xff\xff\xff\x01a"),
        ("many-classes", b"C\0\x90C\0\x90C\0\x90C\0\x90C\0\x90\x64"),
        ("references", b"\x7a\x51\x90\x51\x91"),
        ("list-huge", b"\x58I\x7f\xff\xff\xff\x90\x90\x90"),
        ("list-negative", b"\x58I\xff\xff\xff\xff"),
        ("small-ints", b"\x58\xa4\x90\x91\x92\x93\x94\x95\x96\x97\x98\x99\x9a\x9b\x9c\x9d\x9e\x9f\xa0\xa1\xa2\xa3"),
        ("half", b"\x02\xed\xa0\xbdZ"),
        ("pieces", b"R\0\x02\xed\xa0\xbd\xed\xb8\x80R\0\0\x30\x01aA\0\x01z\x20"),
        ("utf8", b"\x02\xf0\x9f\x98\x80\x01\xf0\x9f\x98\x80"),
        ("utf8-long", b"\x01\xe0\x9f\xbf"),
        ("utf8-two", b"\x1f\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc1\xa9\xc3\xa9"),
    ];
    let ant3: [(&str, &[u8]); 10] = [
        ("open-lists", b"Vt\0\x04[intV\x90zNz"),
        ("lengths", b"Vn\x02Vl\0\0\0\x01Nzv\x90\x90z"),
        ("types", b"Vn\x03Vt\0\x01yn\0zv\x90\x91NVu\x90Nzz"),
        ("type-or-true", b"VTz"),
        ("maps", b"Mt\0\x01aMT\x90zNz"),
        ("classes", b"O\x91\xe4\xb8\xad\x91\x01ao\x90o\x90N"),
        ("references", b"Vn\x03J\0K\0\0R\0\0\0\0z"),
        ("remote", b"rt\0\x01a\x01br\x01c"),
        ("too-many", b"Vn\x01NNz"),
        ("pieces", b"s\0\x02abs\0\0S\0\x01ab\0\x01z\x20"),
    ];
    let mut seeds = Vec::new();
    for (prefix, flag, dialect, own) in
        [("2", 0, Dialect::Hessian2, &hessian2[..]), ("ant", 1, Dialect::Ant3, &ant3[..])]
    {
        let own = own.iter().map(|(name, values)| (*name, values.to_vec()));
        for (n, (name, values)) in shared(dialect).into_iter().chain(own).enumerate() {
            // With the default limits and with small ones, in pieces of different length.
            for limits in [0, 2] {
                seeds.push((format!("{prefix}-{name}-{limits}"), values.clone(), [flag | limits, n as u8 * 5]));
            }
        }
    }
    seeds
}
