//! The same requests and answers in each serialization that is read.

use super::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum In {
    Hessian,
    Lines(u8),
    Sized,
    Jsonb,
    Protobuf,
    ProtobufJson,
}

pub(crate) const READ: [In; 8] =
    [In::Hessian, In::Lines(6), In::Lines(16), In::Lines(18), In::Sized, In::Jsonb, In::Protobuf, In::ProtobufJson];

impl In {
    pub(crate) fn id(self) -> u8 {
        match self {
            Self::Hessian => 2,
            Self::Lines(id) => id,
            Self::Sized => 6,
            Self::Jsonb => 23,
            Self::Protobuf => 22,
            Self::ProtobufJson => 21,
        }
    }

    pub(crate) fn is_protobuf(self) -> bool {
        matches!(self, Self::Protobuf | Self::ProtobufJson)
    }

    /// A value of so many bytes.
    pub(crate) fn framed(self, value: &[u8]) -> Vec<u8> {
        match self {
            Self::Hessian => value.to_vec(),
            Self::Lines(_) | Self::ProtobufJson => join(&[value, b"\n"]),
            Self::Sized | Self::Jsonb => join(&[&(value.len() as u32).to_be_bytes(), value]),
            Self::Protobuf => join(&[&[value.len() as u8], value]),
        }
    }

    pub(crate) fn text(self, text: &str) -> Vec<u8> {
        match self {
            Self::Hessian => s(text),
            Self::Jsonb => self.framed(&jsonb(text)),
            Self::Protobuf if text.is_empty() => self.framed(b""),
            Self::Protobuf => self.framed(&pb(0x0a, text.as_bytes())),
            _ => self.framed(format!("{text:?}").as_bytes()),
        }
    }

    pub(crate) fn null(self) -> Vec<u8> {
        match self {
            Self::Hessian => b"N".to_vec(),
            Self::Jsonb => self.framed(b"\xaf"),
            // Protobuf has no null: Java writes no version as this.
            Self::Protobuf | Self::ProtobufJson => self.text("0.0.0"),
            _ => self.framed(b"null"),
        }
    }

    pub(crate) fn map(self, entries: &[(&str, &str)]) -> Vec<u8> {
        let json = || {
            let entries: Vec<String> = entries.iter().map(|(name, value)| format!("{name:?}:{value:?}")).collect();
            format!("{{{}}}", entries.join(","))
        };
        match self {
            Self::Hessian => map(entries),
            Self::Jsonb => {
                let entries: Vec<u8> =
                    entries.iter().flat_map(|(name, value)| [jsonb(name), jsonb(value)].concat()).collect();
                self.framed(&join(&[b"\xa6", &entries, b"\xa5"]))
            }
            Self::Protobuf => {
                let entry = |(name, value): &(&str, &str)| {
                    pb(0x0a, &join(&[&pb(0x0a, name.as_bytes()), &pb(0x12, value.as_bytes())]))
                };
                self.framed(&entries.iter().flat_map(entry).collect::<Vec<u8>>())
            }
            Self::ProtobufJson => self.framed(format!("{{\"attachments\":{}}}", json()).as_bytes()),
            _ => self.framed(json().as_bytes()),
        }
    }

    /// The flag of a result, as Java writes it.
    pub(crate) fn flag(self, flag: u8) -> Vec<u8> {
        match self {
            Self::Hessian => vec![0x90 + flag],
            Self::Jsonb => self.framed(&[0xbd, flag]),
            Self::Protobuf if flag == 0 => self.framed(b""),
            Self::Protobuf => self.framed(&[8, flag]),
            Self::Sized => self.framed(&[b'0' + flag, b'B']),
            _ => self.framed(&[b'0' + flag]),
        }
    }

    /// A request of `service`, version `version`, with one argument.
    pub(crate) fn request(
        self,
        service: &str,
        version: Option<&str>,
        method: &str,
        attachments: &[(&str, &str)],
    ) -> Vec<u8> {
        let version = version.map_or_else(|| self.null(), |version| self.text(version));
        let front = join(&[&self.text("2.0.2"), &self.text(service), &version, &self.text(method)]);
        let rest = join(&[&self.text("Ljava/lang/String;"), &self.text("ü\"x"), &self.map(attachments)]);
        frame(0xc0 | self.id(), 0, 7, &join(&[&front, &rest]))
    }

    pub(crate) fn answer(self, parts: &[&[u8]]) -> Vec<u8> {
        frame(self.id(), 20, 7, &parts.concat())
    }
}

pub(crate) fn jsonb(text: &str) -> Vec<u8> {
    match text.len() {
        n @ 0..0x30 if text.is_ascii() => join(&[&[0x49 + n as u8], text.as_bytes()]),
        n @ 0..0x30 => join(&[&[0x7a, n as u8], text.as_bytes()]),
        n @ 0..0x800 if text.is_ascii() => join(&[&[0x79, 0x38 | (n >> 8) as u8, n as u8], text.as_bytes()]),
        n => panic!("{n} bytes"),
    }
}

pub(crate) fn pb(tag: u8, bytes: &[u8]) -> Vec<u8> {
    join(&[&[tag, bytes.len() as u8], bytes])
}
