//! The serializations that Dubbo has numbers for.
//!
//! They are those of `org.apache.dubbo.common.serialize.Constants` in 2.7.23 and 3.3, and of the extensions that number
//! themselves. The header has five bits for them.

pub(crate) const HESSIAN2: u8 = 2;
pub(crate) const FASTJSON: u8 = 6;
pub(crate) const GSON: u8 = 16;
pub(crate) const JACKSON: u8 = 18;
pub(crate) const PROTOBUF_JSON: u8 = 21;
pub(crate) const PROTOBUF: u8 = 22;
pub(crate) const FASTJSON2: u8 = 23;

/// The name of a serialization, as Dubbo's configuration spells it; `None` for numbers that nobody is known to use.
pub(crate) const fn name(id: u8) -> Option<&'static str> {
    Some(match id {
        HESSIAN2 => "hessian2",
        3 => "java",
        4 => "compactedjava",
        FASTJSON => "fastjson",
        7 => "nativejava",
        8 => "kryo",
        9 => "fst",
        10 => "native-hessian",
        11 => "avro",
        12 => "protostuff",
        GSON => "gson",
        JACKSON => "jackson",
        PROTOBUF_JSON => "protobuf-json",
        PROTOBUF => "protobuf",
        FASTJSON2 => "fastjson2",
        25 => "kryo2",
        27 => "msgpack",
        28 => "fury",
        29 => "fury-compatible",
        31 => "custom",
        _ => return None,
    })
}

/// Why nothing can be seen of a request in a serialization that is not read; `None` for those that are.
pub(crate) const fn why_hidden(id: u8) -> Option<&'static str> {
    macro_rules! hides {
        ($what:literal) => {
            Some(concat!($what, " hides the service and the method: configure a default service"))
        };
    }
    match id {
        HESSIAN2 | FASTJSON | GSON | JACKSON | PROTOBUF_JSON | PROTOBUF | FASTJSON2 => None,
        3 => hides!("java (3)"),
        4 => hides!("compactedjava (4)"),
        7 => hides!("nativejava (7)"),
        8 => hides!("kryo (8)"),
        9 => hides!("fst (9)"),
        10 => hides!("native-hessian (10)"),
        11 => hides!("avro (11)"),
        12 => hides!("protostuff (12)"),
        25 => hides!("kryo2 (25)"),
        27 => hides!("msgpack (27)"),
        28 => hides!("fury (28)"),
        29 => hides!("fury-compatible (29)"),
        31 => hides!("custom (31)"),
        _ => hides!("a serialization with a number that is not known"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serial::Serial;

    #[test]
    fn a_serialization_is_read_or_says_what_it_hides() {
        for id in 0..=31 {
            let read = id == HESSIAN2 || Serial::of(id, None).is_some();
            assert_eq!(why_hidden(id).is_none(), read, "{id}");
            if let (Some(name), Some(why)) = (name(id), why_hidden(id)) {
                assert!(why.starts_with(&format!("{name} ({id}) hides ")), "{why}");
            }
        }
        assert_eq!(why_hidden(8), Some("kryo (8) hides the service and the method: configure a default service"));
        assert_eq!(name(0), None);
    }
}
