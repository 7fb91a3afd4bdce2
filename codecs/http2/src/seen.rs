//! The walk over a decoded block: where things are, and what is wrong whatever the rest of the message says.

use std::ops::Range;
use std::time::Duration;

use meshwire::{Attribute, Head};

use crate::grpc::{self, Flavor};
use crate::hpack::record::{HEADER, Header, NAME_OK, VALUE_OK};
use crate::hpack::{Fields, Known};
use crate::rules::{self, Malformed};

const TWICE: Malformed = Malformed::new("pseudo", "a pseudo-field comes once");
const UNKNOWN: Malformed = Malformed::new("pseudo", "a pseudo-field that this message does not have");

/// Where a value lies in its block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    from: u32,
    to: u32,
}

impl At {
    /// The value is not there.
    pub(crate) const NONE: Self = Self { from: u32::MAX, to: 0 };

    #[inline]
    pub(crate) const fn is_some(self) -> bool {
        self.from <= self.to
    }

    #[inline]
    pub(crate) fn get(self, block: &[u8]) -> Option<&[u8]> {
        block.get(self.from as usize..self.to as usize)
    }

    #[inline]
    const fn len(self) -> usize {
        self.to.saturating_sub(self.from) as usize
    }

    pub(crate) fn part(self, span: Range<usize>) -> Self {
        let at = |offset: usize| self.from.saturating_add(offset as u32);
        Self { from: at(span.start), to: at(span.end) }
    }

    #[inline]
    pub(crate) fn mark(self, head: &mut Head, attribute: Attribute) {
        if self.is_some() {
            match u16::try_from(self.len()) {
                Ok(len) => head.set_short_span(attribute, self.from, len),
                Err(_) => head.set_span(attribute, self.from as usize..self.to as usize),
            }
        }
    }
}

/// A field as it lies in a block.
struct Record {
    known: Known,
    /// Name and value are what RFC 9113, section 8.2.1 allows.
    is_sound: bool,
    at: usize,
    name_at: usize,
    value_at: usize,
    next: usize,
}

impl Record {
    /// The one at `at`; `None` behind the last one.
    #[inline(always)]
    fn of(block: &[u8], at: usize) -> Option<Self> {
        let header = Header::of(block.get(at..)?)?;
        // A list is made of whole records: no sum is larger than it is.
        let name_at = at.wrapping_add(HEADER);
        let value_at = name_at.wrapping_add(header.name);
        Some(Self {
            known: Known::from_number(header.known),
            is_sound: header.flags & (NAME_OK | VALUE_OK) == NAME_OK | VALUE_OK,
            at,
            name_at,
            value_at,
            next: value_at.wrapping_add(header.value),
        })
    }

    #[inline]
    const fn value(&self) -> At {
        At { from: self.value_at as u32, to: self.next as u32 }
    }
}

/// As good as always in lower case.
#[inline]
fn is_trailers(te: &[u8]) -> bool {
    te == b"trailers" || te.eq_ignore_ascii_case(b"trailers")
}

/// Whether anything depends on a field of this name; on one without a number nothing does.
#[inline]
const fn matters(known: Known) -> bool {
    known.is_pseudo()
        || known.is_connection_specific()
        || matches!(
            known,
            Known::TE
                | Known::HOST
                | Known::CONTENT_LENGTH
                | Known::CONTENT_TYPE
                | Known::GRPC_TIMEOUT
                | Known::GRPC_STATUS
                | Known::TRI_SERVICE_VERSION
                | Known::TRI_SERVICE_GROUP
        )
}

/// Which block it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Request,
    Response,
    Trailers,
}

/// What is found in a block.
pub(crate) struct Seen {
    pub(crate) fields_at: usize,
    pub(crate) method: At,
    pub(crate) scheme: At,
    pub(crate) path: At,
    pub(crate) authority: At,
    pub(crate) protocol: At,
    pub(crate) status: At,
    pub(crate) host: At,
    pub(crate) version: At,
    pub(crate) group: At,
    pub(crate) has_triple: bool,
    pub(crate) flavor: Flavor,
    pub(crate) length: Option<u64>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) grpc_status: Option<Option<u32>>,
}

impl Seen {
    /// One that knows nothing yet.
    #[inline(always)]
    pub(crate) const fn new() -> Self {
        Self {
            fields_at: 0,
            method: At::NONE,
            scheme: At::NONE,
            path: At::NONE,
            authority: At::NONE,
            protocol: At::NONE,
            status: At::NONE,
            host: At::NONE,
            version: At::NONE,
            group: At::NONE,
            has_triple: false,
            flavor: Flavor::Http,
            length: None,
            timeout: None,
            grpc_status: None,
        }
    }

    /// Walks over all of `block`; written in place, since to move it would cost as much as to walk over a field or two.
    #[inline(always)]
    pub(crate) fn read(&mut self, block: &[u8], section: Section) -> Result<(), Malformed> {
        let mut at = 0;
        // Section 8.3: pseudo-fields come before all others.
        while let Some(record) = Record::of(block, at) {
            let slot = match (record.known, section) {
                (Known::METHOD, Section::Request) => &mut self.method,
                (Known::PATH, Section::Request) => &mut self.path,
                (Known::SCHEME, Section::Request) => &mut self.scheme,
                (Known::AUTHORITY, Section::Request) => &mut self.authority,
                (Known::PROTOCOL, Section::Request) => &mut self.protocol,
                (Known::STATUS, Section::Response) => &mut self.status,
                _ => break,
            };
            if slot.is_some() {
                return Err(TWICE);
            }
            *slot = record.value();
            at = record.next;
        }
        self.fields_at = at;
        while let Some(record) = Record::of(block, at) {
            at = record.next;
            // Most fields are nobody's business here.
            let plain = record.is_sound && !matters(record.known);
            if !plain || (record.known == Known::OTHER && block.get(record.name_at) == Some(&b':')) {
                self.take(block, record.at, section)?;
            }
        }
        Ok(())
    }

    /// A field that matters, or that is wrong.
    fn take(&mut self, block: &[u8], at: usize, section: Section) -> Result<(), Malformed> {
        let (Some(field), Some(record)) = (Fields::from(block, at).next(), Record::of(block, at)) else {
            return Ok(());
        };
        if !(field.name_ok & field.value_ok) {
            return Err(if field.name_ok {
                Malformed::new("field_value", "a value has no NUL, CR or LF, and no white space around it")
            } else {
                Malformed::new("field_name", "a name is a token in lower case")
            });
        }
        match field.known {
            Known::OTHER if field.name.first() == Some(&b':') => return Err(UNKNOWN),
            Known::METHOD | Known::PATH | Known::SCHEME | Known::AUTHORITY | Known::PROTOCOL | Known::STATUS => {
                return Err(self.stray_pseudo(field.known, section));
            }
            // Section 8.2.2.
            Known::CONNECTION
            | Known::KEEP_ALIVE
            | Known::PROXY_CONNECTION
            | Known::UPGRADE
            | Known::TRANSFER_ENCODING => {
                return Err(Malformed::new("connection_field", "HTTP/2 has no fields of the connection"));
            }
            Known::TE if section != Section::Request || !is_trailers(field.value) => {
                return Err(Malformed::new("connection_field", "TE says trailers, in requests, or is not there"));
            }
            // RFC 9110, section 6.5.1: what frames or routes a message comes before its content or not at all.
            Known::CONTENT_LENGTH | Known::HOST if section == Section::Trailers => {
                return Err(Malformed::new("trailers", "framing and routing fields have no place in trailers"));
            }
            Known::CONTENT_LENGTH => {
                // Two that say the same are refused as well: what two readers may read differently is malformed.
                let Some(length) = rules::decimal(field.value).filter(|_| self.length.is_none()) else {
                    return Err(Malformed::new("content_length", "content-length is one number"));
                };
                self.length = Some(length);
            }
            Known::CONTENT_TYPE => self.flavor = Flavor::of(field.value),
            Known::HOST if section == Section::Request => {
                if self.host.is_some() {
                    return Err(Malformed::new("host", "a request has one Host"));
                }
                self.host = record.value();
            }
            Known::GRPC_TIMEOUT if section == Section::Request => self.timeout = grpc::timeout(field.value),
            Known::GRPC_STATUS if section != Section::Request => {
                self.grpc_status.get_or_insert(grpc::status(field.value));
            }
            Known::TRI_SERVICE_VERSION if section == Section::Request => {
                self.version = record.value();
                self.has_triple = true;
            }
            Known::TRI_SERVICE_GROUP if section == Section::Request => {
                self.group = record.value();
                self.has_triple = true;
            }
            _ => {}
        }
        Ok(())
    }

    #[cold]
    fn stray_pseudo(&self, known: Known, section: Section) -> Malformed {
        match section {
            Section::Trailers => Malformed::new("pseudo", "trailers have no pseudo-fields"),
            Section::Request if known == Known::STATUS => UNKNOWN,
            Section::Response if known != Known::STATUS => UNKNOWN,
            _ => Malformed::new("pseudo", "pseudo-fields come before all others"),
        }
    }
}
