//! A request that goes to another service or version than it came for.

use meshwire::frame::Fault;
use meshwire::{Attribute, Head};

use super::entries::put_string;
use crate::body::Body;
use crate::wire::HEADER_LEN;

/// Another destination.
#[derive(Clone, Copy)]
pub(super) struct Renamed<'h> {
    service: Option<&'h [u8]>,
    version: Option<&'h [u8]>,
}

impl<'h> Renamed<'h> {
    pub(super) fn of(head: &'h Head) -> Self {
        Self { service: head.edited(Attribute::Service), version: head.edited(Attribute::Version) }
    }

    pub(super) const fn is_any(self) -> bool {
        self.service.is_some() || self.version.is_some()
    }

    /// The new value of an attachment that names it too.
    pub(super) fn attachment(self, name: &[u8]) -> Option<&'h [u8]> {
        match name {
            b"path" | b"interface" => self.service,
            b"version" => self.version,
            _ => None,
        }
    }

    /// Appends the front of a request up to the version of its service; where the old one ends.
    pub(super) fn put(self, bytes: &[u8], body: &Body<'_>, out: &mut Vec<u8>) -> Result<usize, Fault> {
        let (_, service_at) = body.text(bytes, HEADER_LEN)?;
        let (_, version_at) = body.text(bytes, service_at)?;
        let (_, end) = body.text(bytes, version_at)?;
        out.extend_from_slice(bytes.get(HEADER_LEN..service_at).unwrap_or_default());
        for (new, old) in [(self.service, service_at..version_at), (self.version, version_at..end)] {
            match new {
                Some(new) => put_string(new, out),
                None => out.extend_from_slice(bytes.get(old).unwrap_or_default()),
            }
        }
        Ok(end)
    }
}
