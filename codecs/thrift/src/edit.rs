//! Heads written anew: with edits, under an id of another length, in another transport.

use meshwire::frame::{Frame, Parse, Rebuilt};
use meshwire::{Attribute, EncodeError, FieldEdit, Head, Kind, RoutingKey};

use crate::begin;
use crate::config::Config;
use crate::envelope::{self, FIXED, LENGTH, MAX_HEADER};
use crate::format::HEAD;
use crate::found::{self, Found};
use crate::info::{Block, Entry, Walk, Writer};
use crate::keys;
use crate::layout::{Encoding, Layout, Transport};
use crate::varint::{self, Varint};
use crate::{tag, wrap};

pub(crate) fn check_field(name: &[u8], value: &[u8]) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("a field without a name");
    }
    if name.len().saturating_add(value.len()) > MAX_HEADER {
        return Err("a field that is longer than a header may be");
    }
    Ok(())
}

pub(crate) fn check_attribute(_: Attribute, value: &[u8]) -> Result<(), &'static str> {
    if value.is_empty() || value.len() > MAX_HEADER {
        return Err("a name that is empty or longer than 64 KiB");
    }
    if value.contains(&b':') {
        return Err("a colon in a name: it stands between service and method");
    }
    Ok(())
}

pub(crate) const fn invalid(what: &'static str) -> EncodeError {
    EncodeError::Invalid { protocol: HEAD.protocol(), what }
}

pub(crate) const fn no_place(what: &'static str) -> EncodeError {
    EncodeError::NoPlace { protocol: HEAD.protocol(), what }
}

/// The layout that a message laid out like `from` goes out in.
pub(crate) fn layout_for(config: &Config, from: Layout, head: &Head) -> Result<Layout, EncodeError> {
    let asked = head.stream().tag();
    let mut to = match (head.kind(), config.transport) {
        (Kind::Response, _) if asked & tag::KNOWN != 0 => tag::layout(asked),
        (Kind::Response, _) | (_, None) => from,
        (_, Some(transport)) if transport == from.transport => from,
        (_, Some(transport)) => Layout::new(transport, from.encoding),
    };
    if !to.encoding.has_structs_of(from.encoding) {
        // Volo's exceptions are binary whatever was asked in, and its clients look at what they get.
        to.encoding = from.encoding;
    }
    let pinned = config.encoding.filter(|_| head.kind() != Kind::Response).unwrap_or(to.encoding);
    if !pinned.has_structs_of(from.encoding) {
        return Err(invalid("a message goes on in the encoding it came in: its arguments are not written anew"));
    }
    match (to.transport, to.encoding) {
        (Transport::Framed | Transport::THeader, Encoding::Json) => {}
        (_, Encoding::Json) => return Err(no_place("JSON in this transport")),
        (Transport::Dubbo, Encoding::Compact) => return Err(no_place("the compact protocol in this transport")),
        (Transport::Dubbo, _) => to.encoding = Encoding::Binary,
        _ => {}
    }
    Ok(to)
}

/// The parts of a message's name, with the edits of `head`.
pub(crate) fn name<'a>(
    config: &Config,
    to: Transport,
    head: &'a Head,
    old: &'a [u8],
) -> Result<[&'a [u8]; 3], EncodeError> {
    let from = tag::transport(head.note());
    // In Dubbo's frame the service has a place of its own, and a colon in the name means nothing.
    let (service, method) = if from == Transport::Dubbo { (None, old) } else { begin::split(old) };
    let method = head.edited(Attribute::Method).unwrap_or(method);
    if from == Transport::Dubbo && to != Transport::Dubbo && method.contains(&b':') {
        // It was not routed by what would be its service.
        return Err(invalid("a colon in the name of Dubbo's method, which means something in other transports"));
    }
    let strips = config.strips_service && head.kind().is_request();
    let service = match head.edited(Attribute::Service) {
        _ if strips => None,
        // It has a place of its own.
        Some(_) if to == Transport::Dubbo || to == Transport::TTHeader && service.is_none() => None,
        None if to == Transport::Dubbo && from != Transport::Dubbo => None,
        Some(service) => Some(service),
        None => service,
    };
    Ok(match service {
        Some(service) => [service, b":", method],
        None => [b"", b"", method],
    })
}

/// Nothing that JSON would have to escape.
pub(crate) fn check_name(encoding: Encoding, name: &[&[u8]]) -> Result<(), EncodeError> {
    let plain = |byte: &u8| *byte >= b' ' && *byte != b'"' && *byte != b'\\';
    if encoding == Encoding::Json && !name.iter().all(|part| part.iter().all(plain)) {
        return Err(invalid("a name that JSON would escape"));
    }
    Ok(())
}

/// Appends everything in front of the struct, or of what is compressed.
pub(crate) fn rebuild(config: &Config, found: &Found, head: &Head, out: &mut Vec<u8>) -> Result<Rebuilt, EncodeError> {
    let bytes = head.bytes();
    let from = found.layout;
    let mut to = layout_for(config, from, head)?;
    let is_same = to.transport == from.transport;
    let id = match to.transport {
        Transport::Framed | Transport::Unframed => u64::from(narrow(found, head)?),
        _ => head.stream().id(),
    };
    if found.keeps_id {
        // What an answer to it must be like has no say in what is not written anew.
        to = from;
        let edits_name = head.edited(Attribute::Service).or(head.edited(Attribute::Method)).is_some();
        if edits_name || config.strips_service && head.kind().is_request() || !is_same {
            return Err(no_place("another name or transport: the message is compressed, or has a checksum"));
        }
    }
    match to.transport {
        Transport::Framed => out.extend_from_slice(&[0; LENGTH]),
        Transport::THeader | Transport::TTHeader => put_header(found, to, head, id, out)?,
        Transport::Dubbo => put_dubbo(found, head, id, out)?,
        Transport::Unframed => {}
    }
    if !matches!(to.transport, Transport::THeader | Transport::TTHeader) && head.field_edits().next().is_some() {
        return Err(no_place("fields in this transport"));
    }
    let message_at = out.len();
    let replaced = if found.keeps_id {
        if to.framed_inside {
            out.extend_from_slice(
                bytes.get(found.message_at.saturating_sub(LENGTH)..found.message_at).unwrap_or_default(),
            );
        }
        found.message_at
    } else {
        if to.framed_inside {
            out.extend_from_slice(&[0; LENGTH]);
        }
        let old = bytes.get(found.name.clone()).unwrap_or_default();
        let name = name(config, to.transport, head, old)?;
        check_name(to.encoding, &name)?;
        let own = match to.transport {
            // Only the frame's counts.
            Transport::Dubbo => own_id(found, bytes),
            _ => found::apart(id).1,
        };
        begin::put(to.encoding, found.kind, &name, own, out);
        found.payload_at
    };
    let behind = found.len.saturating_sub(replaced);
    let total = out.len().saturating_add(behind);
    wrap::put_lengths(to, Some(message_at), total, out)?;
    Ok(Rebuilt { replaced, ..Rebuilt::default() })
}

/// Appends the front of a compact message in a plain frame, under another id and otherwise as it is.
pub(crate) fn rename_compact(frame: &Frame, head: &Head, out: &mut Vec<u8>) -> Result<Rebuilt, EncodeError> {
    let (bytes, id_at) = (head.bytes(), frame.id.at);
    let id = u32::try_from(head.stream().id()).map_err(|_| invalid("the id is wider than the wire's"))?;
    let Varint::Done(_, old) = varint::read(bytes.get(id_at..).unwrap_or_default()) else {
        return Err(invalid("the head holds no whole message header"));
    };
    let replaced = id_at.saturating_add(old);
    out.extend_from_slice(&[0; LENGTH]);
    out.extend_from_slice(bytes.get(LENGTH..id_at).unwrap_or_default());
    varint::put(id, out);
    let behind = usize::try_from(frame.len).unwrap_or(usize::MAX).saturating_sub(replaced);
    let total = out.len().saturating_add(behind);
    wrap::put_lengths(Layout::new(Transport::Framed, Encoding::Compact), None, total, out)?;
    Ok(Rebuilt { replaced, ..Rebuilt::default() })
}

fn narrow(found: &Found, head: &Head) -> Result<u32, EncodeError> {
    match u32::try_from(head.stream().id()) {
        Ok(id) => Ok(id),
        // It has kept the one that it came with, which is Dubbo's or that of a header.
        Err(_) if head.stream().id() == found.id.value => Ok(own_id(found, head.bytes())),
        Err(_) => Err(invalid("the id is wider than the wire's")),
    }
}

/// The id of the message itself.
fn own_id(found: &Found, bytes: &[u8]) -> u32 {
    let place = begin::Place { seen: bytes, at: found.message_at, end: found.len, max_name: usize::MAX };
    match begin::read(found.layout.encoding, place) {
        Ok(Parse::Done(begin)) => begin.id,
        _ => 0,
    }
}

/// Appends a THeader or TTHeader.
fn put_header(found: &Found, to: Layout, head: &Head, id: u64, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let bytes = head.bytes();
    let transport = to.transport;
    let is_same = transport == found.layout.transport;
    out.extend_from_slice(&[0; LENGTH]);
    out.extend_from_slice(if transport == Transport::THeader { &envelope::THEADER } else { &envelope::TTHEADER });
    // Flags, as they came.
    let flags = if is_same { bytes.get(LENGTH + 2..LENGTH + 4) } else { None };
    out.extend_from_slice(flags.unwrap_or(&[0, 0]));
    out.extend_from_slice(&(id as u32).to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    let begun = out.len();
    if is_same {
        // Protocol and transforms.
        out.extend_from_slice(bytes.get(FIXED..found.info.start).unwrap_or_default());
    } else {
        out.extend_from_slice(&[wrap::number_of(to.encoding), 0]);
    }
    let old = bytes.get(found.name.clone()).unwrap_or_default();
    let service = head
        .edited(Attribute::Service)
        .filter(|_| to.transport == Transport::TTHeader && begin::split(old).0.is_none());
    if is_same && head.field_edits().next().is_none() && service.is_none() {
        out.extend_from_slice(bytes.get(found.info.clone()).unwrap_or_default());
    } else {
        put_fields(found, transport, service, head, out)?;
    }
    while !out.len().saturating_sub(begun).is_multiple_of(4) {
        out.push(0);
    }
    let size = out.len().saturating_sub(begun);
    if size > MAX_HEADER {
        return Err(invalid("a header of more than 64 KiB"));
    }
    let words = ((size / 4) as u16).to_be_bytes();
    if let Some(to) = begun.checked_sub(2).and_then(|at| out.get_mut(at..begun)) {
        to.copy_from_slice(&words);
    }
    Ok(())
}

/// Appends the fields with their edits: what is set stands where its first namesake stood, what is added behind the others.
fn put_fields(
    found: &Found,
    transport: Transport,
    mut service: Option<&[u8]>,
    head: &Head,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let mut writer = Writer::new(transport, out);
    let has_fields = matches!(found.layout.transport, Transport::THeader | Transport::TTHeader);
    let mut written: Vec<&[u8]> = Vec::new();
    let renamed = service.is_some();
    let mut rest: &[u8] = &[];
    if has_fields {
        let start = crate::info::start(found.info.start);
        let mut walk = Walk::new(head.bytes(), found.layout.transport, start);
        loop {
            let Ok(next) = walk.next() else { return Err(invalid("the header that is to be edited is malformed")) };
            let Some(entry) = next else { break };
            let is_service = entry.block == Block::Numbered && entry.number == keys::TO_SERVICE;
            let entry = match instead_of(head, entry.name) {
                // One that stands there again would be taken for it.
                _ if is_service && renamed => match service.take() {
                    Some(value) => Entry { value, ..entry },
                    None => continue,
                },
                None => entry,
                Some(FieldEdit::Set(name, value)) if !written.contains(&name) => {
                    written.push(name);
                    // A numbered key has no other name; text is written as it was set.
                    Entry { name, value, ..entry }
                }
                Some(_) => continue,
            };
            let Some(entry) = in_transport(entry, transport) else { continue };
            writer.put(entry).map_err(invalid)?;
        }
        if transport == found.layout.transport {
            rest = walk.rest();
        }
    }
    if let Some(value) = service {
        let number = keys::TO_SERVICE;
        writer.put(Entry { block: Block::Numbered, number, name: b"", value }).map_err(invalid)?;
    }
    for edit in head.field_edits() {
        let (name, value) = match edit {
            FieldEdit::Add(name, value) => (name, value),
            FieldEdit::Set(name, value) if !written.contains(&name) => (name, value),
            FieldEdit::Set(..) | FieldEdit::Remove(_) => continue,
        };
        let number = if transport == Transport::TTHeader { keys::number(name) } else { None };
        if renamed && number == Some(keys::TO_SERVICE) {
            continue;
        }
        let block = if number.is_some() { Block::Numbered } else { Block::Text };
        writer.put(Entry { block, number: number.unwrap_or_default(), name, value }).map_err(invalid)?;
    }
    writer.finish();
    // Readers stop there, so that what is new stands in front.
    out.extend_from_slice(rest);
    Ok(())
}

/// The same entry where it goes in another kind of header; `None` where it means nothing there.
fn in_transport(entry: Entry<'_>, to: Transport) -> Option<Entry<'_>> {
    Some(match (entry.block, to) {
        (Block::Persistent, Transport::TTHeader) => Entry { block: Block::Text, ..entry },
        (Block::Numbered, Transport::THeader) if entry.name.is_empty() => return None,
        (Block::Numbered, Transport::THeader) => Entry { block: Block::Text, ..entry },
        (Block::Token, Transport::THeader) => return None,
        _ => entry,
    })
}

/// The edit that stands in place of the fields called `name`.
fn instead_of<'a>(head: &'a Head, name: &[u8]) -> Option<FieldEdit<'a>> {
    if name.is_empty() {
        return None;
    }
    head.field_edits().find(|edit| match edit {
        FieldEdit::Set(known, _) | FieldEdit::Remove(known) => known.eq_ignore_ascii_case(name),
        FieldEdit::Add(..) => false,
    })
}

/// Appends Dubbo's frame in front of the message.
fn put_dubbo(found: &Found, head: &Head, id: u64, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let bytes = head.bytes();
    let is_same = found.layout.transport == Transport::Dubbo;
    let old = bytes.get(found.service.clone()).unwrap_or_default();
    let service = match head.edited(Attribute::Service) {
        Some(service) => service,
        None if is_same => old,
        None => head.attribute(Attribute::Service).value().unwrap_or_default(),
    };
    let version = if is_same { bytes.get(envelope::DUBBO_VERSION).copied().unwrap_or(1) } else { 1 };
    // What other versions of Dubbo put between the service and the id stays.
    let between = if is_same { found.service.end..found.id.at } else { 0..0 };
    let between = bytes.get(between).unwrap_or_default();
    let size = service.len().saturating_add(between.len()).saturating_add(21);
    let size =
        u16::try_from(size).map_err(|_| invalid("a service's name that is longer than Dubbo's header can say"))?;
    out.extend_from_slice(&[0; LENGTH]);
    out.extend_from_slice(&envelope::DUBBO);
    out.extend_from_slice(&[0; LENGTH]);
    out.extend_from_slice(&size.to_be_bytes());
    out.push(version);
    out.extend_from_slice(&(service.len() as u32).to_be_bytes());
    out.extend_from_slice(service);
    out.extend_from_slice(between);
    out.extend_from_slice(&id.to_be_bytes());
    Ok(())
}
