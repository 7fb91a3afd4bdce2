//! Heads written anew: with edits, or in the version of the request that they answer.

use std::ops::Range;

use meshwire::frame::{Parse, Rebuilt};
use meshwire::{Attribute, EncodeError, FieldEdit, Head, Kind};
use meshwire_hessian::put;

use crate::content::{self, Content, note};
use crate::format::HEAD;
use crate::keys::{METHOD, SERVICE, SOFA_REQUEST, TARGET_SERVICE};
use crate::map::{self, Entries};
use crate::props;
use crate::tag;
use crate::wire::{Header, SHORT_MAX, is_hessian};

/// What may be set as a field: the keys that name the destination are attributes, so that both keys of a service, and what
/// the proxy routes by, stay one.
pub(crate) fn check_field(name: &[u8], value: &[u8]) -> Result<(), &'static str> {
    if SERVICE.eq_ignore_ascii_case(name) || TARGET_SERVICE.eq_ignore_ascii_case(name) {
        return Err("a service among its fields: set the attribute");
    }
    if METHOD.eq_ignore_ascii_case(name) {
        return Err("a method among its fields: set the attribute");
    }
    if name.len().saturating_add(value.len()) > SHORT_MAX {
        return Err("a field that is longer than a header map may be");
    }
    Ok(())
}

pub(crate) fn check_attribute(attribute: Attribute, value: &[u8]) -> Result<(), &'static str> {
    if value.is_empty() || value.len() > SHORT_MAX {
        return Err("a name that is empty or longer than a header map may be");
    }
    if attribute == Attribute::Service && value.contains(&b':') {
        return Err("a colon in a service's name: what follows it is the version");
    }
    Ok(())
}

/// Appends the fixed header, the class and the header map, and the content up to the name of another service.
pub(crate) fn rebuild(head: &Head, content: &mut Content, out: &mut Vec<u8>) -> Result<Rebuilt, EncodeError> {
    let bytes = head.bytes();
    let Ok(Parse::Done(mut header)) = Header::read(bytes) else {
        return Err(invalid("the head holds no frame header"));
    };
    let (class_at, map_at, content_at) = (header.fixed(), header.map_at(), header.content_at());
    let (Some(class), Some(old)) = (bytes.get(class_at..map_at), bytes.get(map_at..content_at)) else {
        return Err(invalid("the head holds no whole header map"));
    };
    let mut map = Vec::with_capacity(old.len().saturating_add(64));
    let mut renamed = None;
    if head.is_edited() {
        let in_content = class == SOFA_REQUEST.as_slice() && is_hessian(header.codec);
        put_edited(head, old, in_content, &mut map)?;
        if in_content && let Some(service) = head.edited(Attribute::Service) {
            renamed = rename(head, content_at, service, content);
        }
    } else {
        map.extend_from_slice(old);
    }
    if map.len() > SHORT_MAX {
        return Err(invalid("a header map of more than 32,767 bytes, which Java would take for a negative length"));
    }
    let asked = head.stream().tag();
    if head.kind() == Kind::Response && asked & tag::KNOWN != 0 && (asked ^ header.tag()) & tag::LAYOUT != 0 {
        header.version = asked & tag::VERSION;
    }
    header.id = head.stream().id() as u32;
    header.map = map.len() as u16;
    let (old, new) = renamed.unwrap_or((content_at..content_at, Vec::new()));
    let content = u64::from(header.content).saturating_sub(old.len() as u64).saturating_add(new.len() as u64);
    header.content = u32::try_from(content).ok().filter(|content| *content <= i32::MAX as u32).ok_or(TOO_LONG)?;
    header.put(out);
    out.extend_from_slice(class);
    out.extend_from_slice(&map);
    out.extend_from_slice(bytes.get(content_at..old.start).unwrap_or_default());
    out.extend_from_slice(&new);
    Ok(Rebuilt { replaced: old.end, ..Rebuilt::default() })
}

const TOO_LONG: EncodeError = invalid("a content of more than 2 GiB");

/// Where the name of the service stands in the content, and what takes its place, so that servers that go by it and servers
/// that go by the header map run the same. Of a message that streams that is known only where the content was read.
fn rename(head: &Head, content_at: usize, service: &[u8], content: &mut Content) -> Option<(Range<usize>, Vec<u8>)> {
    if !head.is_end() && head.note() & note::READ == 0 {
        return None;
    }
    let seen = head.bytes().get(..content_at.saturating_add(head.data().len()))?;
    let dialect = content::dialect(seen.get(content_at))?;
    // What cannot be read is left as it is: no server runs it.
    let request = content.request(seen, content_at, dialect).ok()?.done()??;
    let name = request.service?;
    let rest = name.text.iter().position(|byte| *byte == b':').and_then(|colon| name.text.get(colon..));
    let new = [service, rest.unwrap_or_default()].concat();
    let mut string = Vec::with_capacity(new.len().saturating_add(3));
    put::string(&mut string, dialect, std::str::from_utf8(&new).ok()?);
    Some((name.at, string))
}

/// Appends the entries of `old` with the edits of `head`; those that hold a null stay as they are.
fn put_edited(head: &Head, old: &[u8], in_content: bool, map: &mut Vec<u8>) -> Result<(), EncodeError> {
    let service = head.edited(Attribute::Service);
    let method = head.edited(Attribute::Method);
    if method.is_some() && in_content {
        return Err(no_place("another method: the server takes it from the content"));
    }
    let in_aside = |edit| match edit {
        FieldEdit::Set(name, _) | FieldEdit::Add(name, _) | FieldEdit::Remove(name) => props::is_aside(head, name),
    };
    if head.field_edits().any(in_aside) {
        return Err(no_place("a field that stands in the content: not every server goes by the header map"));
    }
    let (mut service_placed, mut method_placed) = (service.is_none(), method.is_none());
    let mut written: Vec<&[u8]> = Vec::new();
    let mut entries = Entries::new(old);
    loop {
        let begun = old.len().saturating_sub(entries.left());
        let Ok(next) = entries.next() else { return Err(invalid("the header map that is to be edited is malformed")) };
        let Some(entry) = next else { break };
        let raw = old.get(begun..old.len().saturating_sub(entries.left())).unwrap_or_default();
        let Some((key, value)) = entry else {
            map.extend_from_slice(raw);
            continue;
        };
        match (service, method) {
            (Some(service), _) if key == SERVICE || key == TARGET_SERVICE => {
                let rest = value.iter().position(|byte| *byte == b':').and_then(|colon| value.get(colon..));
                map::put(key, &[service, rest.unwrap_or_default()].concat(), map);
                service_placed = true;
                continue;
            }
            (_, Some(method)) if key == METHOD => {
                map::put(key, method, map);
                method_placed = true;
                continue;
            }
            _ => {}
        }
        match instead_of(head, key) {
            None => map.extend_from_slice(raw),
            Some(FieldEdit::Set(name, value)) if !written.contains(&name) => {
                map::put(name, value, map);
                written.push(name);
            }
            Some(_) => {}
        }
    }
    if !service_placed {
        return Err(no_place("a service: the header map names none"));
    }
    if !method_placed && let Some(method) = method {
        map::put(METHOD, method, map);
    }
    for edit in head.field_edits() {
        match edit {
            FieldEdit::Add(name, value) => map::put(name, value, map),
            FieldEdit::Set(name, value) if !written.contains(&name) => map::put(name, value, map),
            FieldEdit::Set(..) | FieldEdit::Remove(_) => {}
        }
    }
    Ok(())
}

/// The edit that stands in place of the fields called `key`.
fn instead_of<'a>(head: &'a Head, key: &[u8]) -> Option<FieldEdit<'a>> {
    head.field_edits().find(|edit| match edit {
        FieldEdit::Set(name, _) | FieldEdit::Remove(name) => name.eq_ignore_ascii_case(key),
        FieldEdit::Add(..) => false,
    })
}

const fn invalid(what: &'static str) -> EncodeError {
    EncodeError::Invalid { protocol: HEAD.protocol(), what }
}

const fn no_place(what: &'static str) -> EncodeError {
    EncodeError::NoPlace { protocol: HEAD.protocol(), what }
}
