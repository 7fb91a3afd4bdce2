//! A message's head: its own bytes, where things are in them, and the edits laid over them.

mod arena;
mod edits;
mod fields;
mod format;
mod kind;
#[cfg(feature = "http")]
mod map;
mod text;

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;

pub use self::arena::Arena;
pub use self::edits::FieldEdit;
pub use self::fields::Fields;
pub use self::format::{CheckAttribute, CheckField, HeadFormat, NextField};
pub use self::kind::Kind;

use self::edits::{Action, Edits};
use crate::error::EditError;
use crate::event::StreamId;
use crate::key::{Attr, Attribute, RoutingKey};
use crate::outcome::Outcome;

const NOT_SEEN: u32 = u32::MAX;
const ABSENT: u32 = u32::MAX - 1;
/// The value lies in the edits: it is edited, or it does not lie in one piece on the wire.
const OWNED: u32 = u32::MAX - 2;
const NONE: u32 = u32::MAX;

/// The head of a message, and behind it in the same buffer as much of the data as came with it.
///
/// The attributes that routes match are spans of the head's own bytes; all other fields are walked on demand. Edits are
/// laid over the bytes, which stay as they came, so that what nobody edits goes out as it was.
#[derive(Clone)]
pub struct Head {
    bytes: Bytes,
    format: &'static HeadFormat,
    edits: Option<Box<Edits>>,
    id: u64,
    tag: u32,
    /// Where each attribute begins, or one of the marks above; apart from the lengths to pack.
    at: [u32; Attribute::COUNT],
    len: [u16; Attribute::COUNT],
    data_at: u32,
    fields_at: u32,
    status: u32,
    timeout: u32,
    note: u32,
    kind: Kind,
    outcome: Outcome,
    named: bool,
    end: bool,
    /// Bytes behind the data, or [`TAIL_FOLLOWS`].
    tail: u8,
    /// The bytes are one frame, from its first byte to its last, as a length-framed wire brought it.
    whole_frame: bool,
}

/// What closes the message comes as its trailers.
const TAIL_FOLLOWS: u8 = u8::MAX;

const _: () = assert!(size_of::<Head>() <= 128, "a head is moved through several calls: it must stay small");

const TOO_MUCH: &str = "edits of more than 4 GiB";

#[cold]
fn with_attribute(edits: Option<Box<Edits>>, attribute: Attribute, value: &[u8]) -> Box<Edits> {
    let mut edits = edits.unwrap_or_default();
    // No wire has heads of 4 GiB, past which nothing is put.
    let _ = edits.put_attribute(attribute, value);
    edits
}

/// For codecs: how a head is made.
impl Head {
    /// A head of which nothing is known yet but its bytes, all of them head.
    #[inline]
    pub fn new(format: &'static HeadFormat, kind: Kind, stream: StreamId, bytes: Bytes) -> Self {
        let data_at = bytes.len() as u32;
        Self {
            bytes,
            format,
            edits: None,
            id: stream.id(),
            tag: stream.tag(),
            at: format.blank,
            len: [0; Attribute::COUNT],
            data_at,
            fields_at: NONE,
            status: NONE,
            timeout: NONE,
            note: 0,
            kind,
            outcome: Outcome::Unknown,
            named: !stream.is_new(),
            end: false,
            tail: 0,
            whole_frame: false,
        }
    }

    /// The head's bytes end, and its data begins, at `at`.
    #[inline]
    pub fn set_data_at(&mut self, at: usize) {
        self.whole_frame = false;
        self.data_at = at.min(self.bytes.len()) as u32;
    }

    /// `attribute` is the bytes at `span`.
    #[inline]
    pub fn set_span(&mut self, attribute: Attribute, span: Range<usize>) {
        if !self.mark_span(attribute, &span) {
            let bytes = self.bytes.clone();
            self.set_owned(attribute, bytes.get(span).unwrap_or_default());
        }
    }

    /// The same for a head whose bytes, `source`, are yet to be [attached](Self::attach).
    #[inline]
    pub fn set_span_in(&mut self, attribute: Attribute, source: &[u8], span: Range<usize>) {
        if !self.mark_span(attribute, &span) {
            self.set_owned(attribute, source.get(span).unwrap_or_default());
        }
    }

    /// `attribute` is `len` bytes from `at` on: the same as [`set_span`](Self::set_span) with nothing left to check.
    #[inline]
    pub fn set_short_span(&mut self, attribute: Attribute, at: u32, len: u16) {
        // One that began at a mark would lie past every buffer there is, and be no value either way.
        self.mark(attribute, at, len);
    }

    /// A span longer than 16 bits say is not recorded: it is rare, and the head stays small.
    #[inline]
    fn mark_span(&mut self, attribute: Attribute, span: &Range<usize>) -> bool {
        match (u32::try_from(span.start), u16::try_from(span.len())) {
            (Ok(start), Ok(len)) if start < OWNED => {
                self.mark(attribute, start, len);
                true
            }
            _ => false,
        }
    }

    /// Gives a head that was made over a buffer its bytes; its data begins at `data_at`.
    #[inline]
    pub fn attach(&mut self, bytes: Bytes, data_at: usize) {
        self.whole_frame = false;
        self.data_at = data_at.min(bytes.len()) as u32;
        self.bytes = bytes;
    }

    /// Where the data will begin in bytes that are yet to be [attached](Self::with_bytes).
    #[inline]
    pub(crate) fn will_have_data_at(&mut self, at: usize) {
        self.data_at = at as u32;
    }

    /// The rest of [`attach`](Self::attach), for a head that is about to be moved: the bytes go straight to where it goes.
    #[inline(always)]
    pub(crate) fn with_bytes(self, bytes: Bytes) -> Self {
        let before = self.bytes;
        if before.is_empty() {
            // As good as always: nothing is held, and to drop it would be a call through a table.
            std::mem::forget(before);
        }
        Self { bytes, ..self }
    }

    /// `attribute` is `value`, which does not lie in one piece in the head's bytes.
    // The edits alone are handed on: a head whose address goes nowhere can be made in registers.
    #[inline]
    pub fn set_owned(&mut self, attribute: Attribute, value: &[u8]) {
        self.edits = Some(with_attribute(self.edits.take(), attribute, value));
        self.mark(attribute, OWNED, 0);
    }

    /// Bytes of the codec's own, kept beside the head's: fields that do not lie on the wire as they read, for
    /// [`HeadFormat::with_fields`] to find them in.
    pub fn set_aside(&mut self, bytes: impl Into<Box<[u8]>>) {
        self.edits.get_or_insert_default().aside = bytes.into();
    }

    /// What was [set aside](Self::set_aside).
    pub fn aside(&self) -> &[u8] {
        self.edits.as_ref().map_or(&[], |edits| &edits.aside)
    }

    /// The message does not carry `attribute`.
    #[inline]
    pub fn set_absent(&mut self, attribute: Attribute) {
        self.mark(attribute, ABSENT, 0);
    }

    #[inline]
    fn mark(&mut self, attribute: Attribute, at: u32, len: u16) {
        if let (Some(a), Some(l)) = (self.at.get_mut(attribute as usize), self.len.get_mut(attribute as usize)) {
            *a = at;
            *l = len;
        }
    }

    /// The fields can be walked, and the first one begins at `at`.
    #[inline]
    pub fn set_fields_at(&mut self, at: usize) {
        self.fields_at = at as u32;
    }

    /// The wire's own status code, and what it means.
    #[inline]
    pub fn set_status(&mut self, status: u32, outcome: Outcome) {
        self.status = status;
        self.outcome = outcome;
    }

    /// What an answer means, where the wire has no status code.
    #[inline]
    pub fn set_outcome(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    /// How long the sender waits, counted from now.
    pub fn set_timeout(&mut self, timeout: Duration) {
        // A wait of 49 days and more says the same as none.
        self.timeout = u32::try_from(timeout.as_millis()).unwrap_or(NONE);
    }

    /// The same in milliseconds.
    #[inline]
    pub const fn set_timeout_millis(&mut self, timeout: u32) {
        self.timeout = timeout;
    }

    /// Whether the message ends with the data in here.
    #[inline]
    pub fn set_end(&mut self, end: bool) {
        self.whole_frame = false;
        self.end = end;
    }

    /// A word for the codec's own use (say, how the body is framed).
    #[inline]
    pub fn set_note(&mut self, note: u32) {
        self.note = note;
    }

    /// The codec's own word.
    #[inline]
    pub const fn note(&self) -> u32 {
        self.note
    }

    /// The last `n` bytes close the frame and are no data: a checksum. At most 8.
    #[inline]
    pub(crate) fn set_tail(&mut self, n: usize) {
        self.whole_frame = false;
        self.tail = n.min(8) as u8;
    }

    /// The bytes that it is about to be given are one whole frame.
    #[inline]
    pub(crate) const fn set_whole_frame(&mut self) {
        self.whole_frame = true;
    }

    #[inline]
    pub(crate) const fn is_whole_frame(&self) -> bool {
        self.whole_frame
    }

    /// What closes the frame comes behind the body, as its trailers.
    pub(crate) const fn set_tail_follows(&mut self) {
        self.tail = TAIL_FOLLOWS;
    }

    #[inline]
    pub(crate) const fn tail_follows(&self) -> bool {
        self.tail == TAIL_FOLLOWS
    }

    /// How many bytes of it stand behind the data.
    #[inline]
    pub(crate) const fn tail_len(&self) -> usize {
        if self.tail == TAIL_FOLLOWS { 0 } else { self.tail as usize }
    }

    /// What closes the frame behind its data, where it came with the head: the checksum of a length-framed message.
    #[inline]
    pub fn tail(&self) -> &[u8] {
        self.bytes.get(self.data_end()..).unwrap_or_default()
    }

    #[inline]
    fn data_end(&self) -> usize {
        self.bytes.len().saturating_sub(self.tail_len())
    }

    /// The format it was made with.
    #[inline]
    pub const fn format(&self) -> &'static HeadFormat {
        self.format
    }

    /// Where the fields begin, if they were seen.
    pub const fn fields_at(&self) -> Option<usize> {
        if self.fields_at == NONE { None } else { Some(self.fields_at as usize) }
    }

    /// The new value of `attribute`, if it was edited.
    pub fn edited(&self, attribute: Attribute) -> Option<&[u8]> {
        self.edits.as_ref().filter(|edits| edits.is_edited(attribute)).and_then(|edits| edits.attribute(attribute))
    }

    /// The edits of fields, in the order they were made.
    pub fn field_edits(&self) -> impl Iterator<Item = FieldEdit<'_>> {
        self.edits.iter().flat_map(|edits| edits.fields())
    }

    /// Whether anything was edited: if not, the head's own bytes are what goes out.
    #[inline]
    pub fn is_edited(&self) -> bool {
        self.edits.as_ref().is_some_and(|edits| edits.is_any())
    }

    /// Head, data and [tail](Self::tail), as they came.
    #[inline]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Takes the data out: what is left is the head alone.
    pub fn take_data(&mut self) -> Bytes {
        let end = self.data_end();
        self.bytes.truncate(end);
        self.whole_frame = false;
        self.tail = 0;
        self.bytes.split_off((self.data_at as usize).min(end))
    }
}

/// For everyone.
impl Head {
    /// The protocol's name.
    pub const fn protocol(&self) -> &'static str {
        self.format.protocol
    }

    /// Request or response.
    #[inline]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The stream it belongs to.
    #[inline]
    pub const fn stream(&self) -> StreamId {
        if self.named { StreamId::new(self.id).with_tag(self.tag) } else { StreamId::NEW.with_tag(self.tag) }
    }

    /// Renames the stream: the codec writes the new name.
    #[inline]
    pub const fn set_stream(&mut self, stream: StreamId) {
        self.id = stream.id();
        self.tag = stream.tag();
        self.named = !stream.is_new();
    }

    /// The head's bytes as they came, without the data.
    pub fn head_bytes(&self) -> &[u8] {
        self.bytes.get(..self.data_at as usize).unwrap_or(&self.bytes)
    }

    /// The data that came with the head.
    #[inline]
    pub fn data(&self) -> &[u8] {
        self.bytes.get(self.data_at as usize..self.data_end()).unwrap_or_default()
    }

    /// Whether the message ends with [`data`](Self::data).
    #[inline]
    pub const fn is_end(&self) -> bool {
        self.end
    }

    /// The wire's own status code (responses).
    pub const fn status(&self) -> Option<u32> {
        if self.status == NONE { None } else { Some(self.status) }
    }

    /// What became of the request (responses); [`Outcome::Unknown`] in requests.
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// How long the sender waits, where the message says so.
    pub const fn timeout(&self) -> Option<Duration> {
        if self.timeout == NONE { None } else { Some(Duration::from_millis(self.timeout as u64)) }
    }

    /// The first field called `name`, without regard to ASCII case; [`Attr::NotSeen`] where fields were not decoded.
    pub fn field(&self, name: &[u8]) -> Attr<'_> {
        match self.fields() {
            None => Attr::NotSeen,
            Some(mut fields) => fields
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
                .map_or(Attr::Absent, |(_, value)| Attr::Value(value)),
        }
    }

    /// Applies what the protocol asks of an intermediary (HTTP: hop-by-hop fields, version, request-target).
    pub fn forward(&mut self) {
        (self.format.forward)(self);
    }

    /// The protocol that this exchange asks (a request) or agrees (an answer) to become a tunnel of: HTTP/1.1's `Upgrade`
    /// where the codec lets it pass, HTTP/2's `:protocol` (RFC 8441). [Forwarding](Self::forward) does not take it away.
    /// A plain CONNECT names none.
    pub fn upgrade(&self) -> Option<&[u8]> {
        (self.format.upgrade)(self)
    }

    /// The id that the message can only go out under, on a wire that takes any: one that stands in a part of it which is not
    /// written anew (Thrift's compressed messages). It needs a connection where no exchange under way has it.
    pub fn kept_id(&self) -> Option<u64> {
        (self.format.kept_id)(self)
    }

    /// Moves its bytes out of the read buffer into `arena`, so that a head that must wait does not pin 64 KiB.
    pub fn detach(&mut self, arena: &mut Arena) {
        self.bytes = arena.copy(&self.bytes);
    }

    /// Sets the field called `name`, in place of all that have that name.
    ///
    /// # Errors
    ///
    /// [`EditError`] where the protocol has no place for the field, or where a head's edits would come to more than 4 GiB.
    pub fn set_field(&mut self, name: &[u8], value: &[u8]) -> Result<(), EditError> {
        self.check_field(name, value)?;
        self.edit_field(name, value, Action::Set)
    }

    /// Adds a field behind the others.
    ///
    /// # Errors
    ///
    /// [`EditError`] where the protocol has no place for the field, or where a head's edits would come to more than 4 GiB.
    pub fn add_field(&mut self, name: &[u8], value: &[u8]) -> Result<(), EditError> {
        self.check_field(name, value)?;
        self.edit_field(name, value, Action::Add)
    }

    /// Removes every field called `name`.
    ///
    /// # Errors
    ///
    /// [`EditError`] where the protocol's fields cannot be edited, or where a head's edits would come to more than 4 GiB.
    pub fn remove_field(&mut self, name: &[u8]) -> Result<(), EditError> {
        self.check_field(name, b"")?;
        self.edit_field(name, b"", Action::Remove)
    }

    fn check_field(&self, name: &[u8], value: &[u8]) -> Result<(), EditError> {
        let check = self.format.check_field.ok_or(EditError::new(self.format.protocol, "edited fields"))?;
        check(name, value).map_err(|what| EditError::new(self.format.protocol, what))
    }

    fn edit_field(&mut self, name: &[u8], value: &[u8], action: Action) -> Result<(), EditError> {
        let edits = self.edits.get_or_insert_default();
        edits.put_field(name, value, action).ok_or(EditError::new(self.format.protocol, TOO_MUCH))
    }

    /// Gives `attribute` a new value.
    ///
    /// # Errors
    ///
    /// [`EditError`] where the protocol has no place for it, or where a head's edits would come to more than 4 GiB.
    pub fn set_attribute(&mut self, attribute: Attribute, value: &[u8]) -> Result<(), EditError> {
        if self.format.editable & (1 << attribute as u8) == 0 {
            return Err(EditError::new(self.format.protocol, attribute.name()));
        }
        if let Some(check) = self.format.check_attribute {
            check(attribute, value).map_err(|what| EditError::new(self.format.protocol, what))?;
        } else if let Some(check) = self.format.check_field {
            check(attribute.name().as_bytes(), value).map_err(|what| EditError::new(self.format.protocol, what))?;
        }
        let edits = self.edits.get_or_insert_default();
        let too_much = EditError::new(self.format.protocol, TOO_MUCH);
        edits.put_attribute(attribute, value).ok_or(too_much)?;
        edits.mark_edited(attribute);
        self.mark(attribute, OWNED, 0);
        Ok(())
    }

    /// Sends the message to another service.
    ///
    /// # Errors
    ///
    /// [`EditError`] where the protocol has no place for one, or where a head's edits would come to more than 4 GiB.
    pub fn set_service(&mut self, service: &[u8]) -> Result<(), EditError> {
        self.set_attribute(Attribute::Service, service)
    }
}

impl RoutingKey for Head {
    #[inline]
    fn attribute(&self, attribute: Attribute) -> Attr<'_> {
        let (Some(&at), Some(&len)) = (self.at.get(attribute as usize), self.len.get(attribute as usize)) else {
            return Attr::NotSeen;
        };
        if at < OWNED {
            let at = at as usize;
            return self.bytes.get(at..at.saturating_add(usize::from(len))).map_or(Attr::Absent, Attr::Value);
        }
        match at {
            NOT_SEEN => Attr::NotSeen,
            ABSENT => Attr::Absent,
            _ => self.edits.as_ref().and_then(|edits| edits.attribute(attribute)).map_or(Attr::Absent, Attr::Value),
        }
    }

    fn fields(&self) -> Option<Fields<'_>> {
        self.fields_at().map(|at| Fields::of_head(self, at))
    }

    fn why_unseen(&self) -> Option<&'static str> {
        (self.format.why_unseen)(self)
    }
}

impl std::fmt::Debug for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = f.debug_struct("Head");
        out.field("protocol", &self.format.protocol).field("kind", &self.kind).field("stream", &self.stream());
        for attribute in Attribute::ALL {
            if let Attr::Value(value) = self.attribute(attribute) {
                out.field(attribute.name(), &String::from_utf8_lossy(value));
            }
        }
        if let Some(status) = self.status() {
            out.field("status", &status).field("outcome", &self.outcome);
        }
        out.field("data", &self.data().len()).field("end", &self.end).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fields are `name=value;` runs.
    fn next<'a>(_: &'a Head, bytes: &'a [u8], cursor: &mut usize) -> Option<(&'a [u8], &'a [u8])> {
        let rest = bytes.get(*cursor..)?;
        let end = rest.iter().position(|b| *b == b';')?;
        let eq = rest.iter().position(|b| *b == b'=')?;
        *cursor += end + 1;
        Some((&rest[..eq], &rest[eq + 1..end]))
    }

    static FORMAT: HeadFormat = HeadFormat::new("test", "test")
        .without(&[Attribute::Group])
        .editable(&[Attribute::Service])
        .with_fields(next)
        .with_field_edits(|name, _| if name == b"bad" { Err("a bad field") } else { Ok(()) });

    fn head() -> Head {
        let mut head = Head::new(
            &FORMAT,
            Kind::Request,
            StreamId::new(7).with_tag(3),
            Bytes::from_static(b"svc a=1;b=2;A=3;data"),
        );
        head.set_span(Attribute::Service, 0..3);
        head.set_fields_at(4);
        head.set_data_at(16);
        head
    }

    fn list(head: &Head) -> String {
        head.fields()
            .unwrap()
            .map(|(n, v)| format!("{}={} ", String::from_utf8_lossy(n), String::from_utf8_lossy(v)))
            .collect()
    }

    #[test]
    fn not_seen_absent_and_value_are_three_things() {
        let head = head();
        assert_eq!(head.attribute(Attribute::Service), Attr::Value(b"svc"));
        assert_eq!(head.attribute(Attribute::Method), Attr::NotSeen);
        assert_eq!(head.attribute(Attribute::Group), Attr::Absent);
        assert_eq!((head.data(), head.stream().tag()), (&b"data"[..], 3));
    }

    #[test]
    fn edits_lie_over_the_bytes() {
        let mut head = head();
        assert_eq!(list(&head), "a=1 b=2 A=3 ");
        head.set_field(b"a", b"9").unwrap();
        head.remove_field(b"B").unwrap();
        head.set_field(b"new", b"n").unwrap();
        head.add_field(b"a", b"10").unwrap();
        assert_eq!(list(&head), "a=9 new=n a=10 ");
        head.set_service(b"other").unwrap();
        assert_eq!(head.host(), Attr::NotSeen);
        assert_eq!(head.attribute(Attribute::Service), Attr::Value(b"other"));
        assert_eq!(head.edited(Attribute::Service), Some(&b"other"[..]));
        assert_eq!(&head.bytes()[..], b"svc a=1;b=2;A=3;data");
    }

    #[test]
    fn a_later_edit_of_a_field_replaces_an_earlier_one() {
        let mut head = head();
        head.add_field(b"x", b"1").unwrap();
        head.remove_field(b"x").unwrap();
        head.remove_field(b"b").unwrap();
        head.set_field(b"b", b"7").unwrap();
        assert_eq!(list(&head), "a=1 b=7 A=3 ");
    }

    #[test]
    fn what_has_no_place_is_refused() {
        let mut head = head();
        assert_eq!(head.set_field(b"bad", b"").unwrap_err().what, "a bad field");
        assert_eq!(head.set_attribute(Attribute::Version, b"1").unwrap_err().what, "version");
        assert!(!head.is_edited());
    }

    #[test]
    fn an_attribute_in_pieces_is_owned_without_being_an_edit() {
        let mut head = head();
        head.set_owned(Attribute::Method, &[b'm'; 70_000]);
        assert_eq!(head.attribute(Attribute::Method), Attr::Value(&[b'm'; 70_000]));
        assert!(!head.is_edited() && head.edited(Attribute::Method).is_none());
    }

    #[test]
    fn a_detached_head_reads_the_same() {
        let mut arena = Arena::new();
        let (mut one, two) = (head(), head());
        one.detach(&mut arena);
        assert_eq!(list(&one), list(&two));
        assert_ne!(one.bytes().as_ptr(), two.bytes().as_ptr());
    }
}
