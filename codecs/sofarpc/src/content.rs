//! What the content of a SOFARPC call says of its destination, for calls whose header map says less.
//!
//! The content is a `SofaRequest` in Hessian and, behind it, the arguments, which are not looked at. Nothing but its first byte
//! says in which of two dialects it is: either begins with the definition of its class.

use std::borrow::Cow;
use std::ops::Range;

use meshwire::frame::Fault;
use meshwire::{Attribute, Head, Limit, Limits, Outcome};
use meshwire_hessian::{Dialect, Error, Read, Reader, Scanner, Text, find_fields};

use crate::destination::whole_name;
use crate::found::Found;
use crate::keys::SOFA_REQUEST;
use crate::name::UniqueName;
use crate::props::{self, Props};

/// What was made of a content, as the note of its head.
pub(crate) mod note {
    /// Its names were read.
    pub(crate) const READ: u32 = 1;
    /// What was asked for lies behind more bytes than are looked at.
    pub(crate) const TOO_FAR: u32 = 2;
    /// It is no `SofaRequest` in Hessian.
    pub(crate) const OTHER: u32 = 4;
}

/// The dialect of a content that begins so; `None` where no `SofaRequest` does.
pub(crate) const fn dialect(first: Option<&u8>) -> Option<Dialect> {
    match first {
        Some(b'O') => Some(Dialect::Ant3),
        Some(b'C') => Some(Dialect::Hessian2),
        _ => None,
    }
}

/// Reads contents.
#[derive(Debug)]
pub(crate) struct Content {
    hessian: meshwire_hessian::Limits,
    props: props::Limits,
    /// Kept for the memory that it has come to have; made when it is needed.
    scanner: Option<Box<Scanner>>,
}

impl Clone for Content {
    fn clone(&self) -> Self {
        Self { scanner: None, ..*self }
    }
}

/// What a `SofaRequest` says.
#[derive(Debug, Default)]
pub(crate) struct Request<'a> {
    pub(crate) service: Option<Name<'a>>,
    pub(crate) method: Option<Name<'a>>,
    props_at: Option<usize>,
}

/// One of its strings.
#[derive(Debug)]
pub(crate) struct Name<'a> {
    /// Where it stands, tag and all.
    pub(crate) at: Range<usize>,
    pub(crate) text: Cow<'a, [u8]>,
}

impl Content {
    pub(crate) const fn new(limits: &Limits) -> Self {
        let hessian = meshwire_hessian::Limits::DEFAULT.with_depth(limits.nesting);
        Self { hessian, props: props::Limits::new(limits), scanner: None }
    }

    fn scanner(&mut self, dialect: Dialect) -> &mut Scanner {
        let limits = self.hessian;
        let new = || Box::new(Scanner::new(dialect, limits));
        let scanner = self.scanner.get_or_insert_with(new);
        if scanner.dialect() == dialect {
            scanner.reset();
        } else {
            *scanner = new();
        }
        scanner
    }

    /// Gives back the memory that is kept for the next.
    pub(crate) fn trim(&mut self) {
        self.scanner = None;
    }

    /// The `SofaRequest` at `at`; `None` where another value stands, or how many bytes in all are worth another look.
    pub(crate) fn request<'a>(
        &mut self,
        seen: &'a [u8],
        at: usize,
        dialect: Dialect,
    ) -> Result<Read<Option<Request<'a>>>, Fault> {
        // A name is taken apart by numbers of 16 bits.
        let limit = self.props.field.min(usize::from(u16::MAX));
        let scanner = self.scanner(dialect);
        let object = match Reader::new(seen, at, scanner).begin_object().map_err(fault)? {
            Read::Done(object) => object,
            Read::Need(need) => return Ok(Read::Need(need)),
        };
        let is_call = |class: &Text| class.to_bytes(seen).is_some_and(|class| *class == SOFA_REQUEST[..]);
        if !object.is_some_and(|object| is_call(&object.class)) {
            return Ok(Read::Done(None));
        }
        scanner.reset();
        let names = ["targetServiceUniqueName", "methodName", "requestProps"];
        let [service, method, props_at] = match find_fields(seen, at, scanner, names).map_err(fault)? {
            Read::Done(found) => found,
            Read::Need(need) => return Ok(Read::Need(need)),
        };
        let mut name = |at: Option<usize>| {
            let Some(at) = at else { return Ok(Read::Done(None)) };
            let mut reader = Reader::new(seen, at, scanner);
            let text = match reader.text().map_err(fault)? {
                Read::Done(text) => text.to_bytes(seen),
                Read::Need(need) => return Ok(Read::Need(need)),
            };
            if text.as_ref().is_some_and(|text| text.len() > limit) {
                return Err(Fault::limit(Limit::Field, "a name in the content is too long", at));
            }
            let end = reader.at();
            Ok(Read::Done(text.map(|text| Name { at: at..end, text })))
        };
        Ok(match (name(service)?, name(method)?) {
            (Read::Done(service), Read::Done(method)) => Read::Done(Some(Request { service, method, props_at })),
            (Read::Need(need), _) | (_, Read::Need(need)) => Read::Need(need),
        })
    }

    /// The properties of `request`, which was read last.
    pub(crate) fn props<'a>(&mut self, seen: &'a [u8], request: &Request<'a>) -> Result<Read<Props>, Fault> {
        match (request.props_at, self.scanner.as_deref_mut()) {
            (Some(at), Some(scanner)) => Props::read(&mut Reader::new(seen, at, scanner), seen, self.props),
            _ => Ok(Read::Done(Props::default())),
        }
    }
}

impl Request<'_> {
    /// Refuses one that names another destination than `map`, in which this was found: servers run the method of the content,
    /// and the service of either.
    pub(crate) fn check(&self, map: &[u8], found: Found) -> Result<(), Fault> {
        let differs = |name: &Option<Name<'_>>, in_map: &[u8]| {
            name.as_ref().filter(|name| *name.text != *in_map).map(|name| name.at.start)
        };
        if let Some(at) = differs(&self.service, whole_name(map, found)).filter(|_| found.service.is_some()) {
            let detail = "the header map and the content name different services";
            return Err(Fault::new("contradiction", detail, at));
        }
        if let Some(at) = differs(&self.method, found.method.of(map)).filter(|_| found.method.is_some()) {
            let detail = "the header map and the content name different methods";
            return Err(Fault::new("contradiction", detail, at));
        }
        Ok(())
    }
}

/// What the reader says, as a fault of the message.
pub(crate) fn fault(error: Error) -> Fault {
    match error.code {
        "depth" => Fault::limit(Limit::Nesting, error.detail, error.at),
        code if error.limit => Fault::new(code, error.detail, error.at).with_outcome(Outcome::TooLarge),
        code => Fault::new(code, error.detail, error.at),
    }
}

/// What the header map lacks is what `request` says, or absent.
pub(crate) fn set_missing(head: &mut Head, found: Found, request: Option<&Request<'_>>) {
    let (service, method) = request.map_or((None, None), |request| (request.service.as_ref(), request.method.as_ref()));
    if !found.service.is_some() {
        set_service(head, service);
    }
    match method {
        _ if found.method.is_some() => {}
        Some(name) => name.set(head, Attribute::Method, 0..name.text.len()),
        None => head.set_absent(Attribute::Method),
    }
}

/// The service is what `name` says, and version and group are.
fn set_service(head: &mut Head, name: Option<&Name<'_>>) {
    let parsed = name.map_or(UniqueName::Interface, |name| UniqueName::parse(&name.text));
    let len = name.map_or(0, |name| name.text.len());
    let (service, version, group) = match parsed {
        UniqueName::Interface => (0..len, None, None),
        UniqueName::Version(colon) => (0..colon.into(), Some(behind(colon)..len), None),
        UniqueName::UniqueId(one, two) => (0..one.into(), Some(behind(one)..two.into()), Some(behind(two)..len)),
    };
    let parts = [(Attribute::Service, Some(service)), (Attribute::Version, version), (Attribute::Group, group)];
    for (attribute, part) in parts {
        match (name, part) {
            (Some(name), Some(part)) => name.set(head, attribute, part),
            _ => head.set_absent(attribute),
        }
    }
}

const fn behind(colon: u16) -> usize {
    (colon as usize).saturating_add(1)
}

impl Name<'_> {
    fn set(&self, head: &mut Head, attribute: Attribute, part: Range<usize>) {
        // In one piece, it ends where its text ends.
        let begin = self.at.end.saturating_sub(self.text.len()).saturating_add(part.start);
        let text = self.text.get(part).unwrap_or_default();
        match (&self.text, u32::try_from(begin), u16::try_from(text.len())) {
            (Cow::Borrowed(_), Ok(begin), Ok(len)) => head.set_short_span(attribute, begin, len),
            _ => head.set_owned(attribute, text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_told_by_its_name() {
        let limits = meshwire_hessian::Limits::DEFAULT.with_depth(1).with_classes(0);
        let says = |bytes| fault(Scanner::new(Dialect::Hessian2, limits).skip(bytes).unwrap_err());
        let deep = says(b"\x79\x79\x90");
        assert_eq!((deep.limit, deep.outcome), (Some(Limit::Nesting), Outcome::TooLarge));
        let classes = says(b"C\x01a\x90\x60");
        assert_eq!((classes.code, classes.outcome), ("classes", Outcome::TooLarge));
        assert_eq!(says(b"Z").outcome, Outcome::BadRequest);
    }

    #[test]
    fn an_idle_connection_keeps_nothing_of_what_was_scanned() {
        let mut content = Content::new(&Limits::default());
        let _ = content.request(b"O\x90", 0, Dialect::Hessian2);
        assert!(content.scanner.is_some());
        content.trim();
        assert!(content.scanner.is_none());
    }
}
