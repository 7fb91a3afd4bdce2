//! What a length-framed protocol says about its frames.

use super::checksum::Checksum;
use super::id::IdField;
use crate::depth::Depth;
use crate::error::EncodeError;
use crate::event::StreamId;
use crate::head::{Head, HeadFormat};
use crate::limits::Limit;
use crate::outcome::{LocalReply, Outcome};

/// A length-framed protocol: a fixed header, a length, a payload. What is said here depends on the bytes alone (what a
/// format keeps between two calls may only save it work); partial input, limits, streaming, skipping, ids, checksums, edits
/// and the window are the [`FrameCodec`](super::FrameCodec)'s.
pub trait FrameFormat: Send {
    /// How its heads are read.
    fn head_format(&self) -> &'static HeadFormat;

    /// Reads the frame's header from the first bytes of a frame; at least one byte is there.
    ///
    /// # Errors
    ///
    /// A [`Fault`] here means that the boundary is unknown: the connection is lost.
    fn frame(&self, seen: &[u8]) -> Result<Parse<Frame>, Fault>;

    /// Reads what `depth` asks for and puts it into `head` ([`Head::set_span_in`] with `seen` as the source).
    /// `seen` begins with the frame and ends before its trailer; all of a small message is there. `scan` is what the
    /// call before left, so that a byte at a time stays linear. What lies behind [`Scan::end`] is never shown: what `depth`
    /// asks for there stays not seen, or, where it may not, is asked for all the same, which costs the message.
    ///
    /// # Errors
    ///
    /// A [`Fault`] here costs this message only.
    fn head(
        &mut self,
        frame: &Frame,
        seen: &[u8],
        depth: &Depth,
        scan: &mut Scan,
        head: &mut Head,
    ) -> Result<Parse<()>, Fault>;

    /// What a whole frame of [`FrameKind::Control`] says.
    ///
    /// # Errors
    ///
    /// A [`Fault`] here costs this message only.
    fn control(&self, frame: &Frame, seen: &[u8]) -> Result<Control, Fault> {
        let _ = (frame, seen);
        Ok(Control::Ignored)
    }

    /// Appends the answer to a heartbeat, without its trailer; false where none is owed.
    fn heartbeat_ack(&self, frame: &Frame, seen: &[u8], out: &mut Vec<u8>) -> bool {
        let _ = (frame, seen, out);
        false
    }

    /// Appends a heartbeat named `id`, without its trailer; false where the protocol has none. `like` is the tag of the
    /// message that passed last in either direction, 0 before the first: where a connection may speak several versions,
    /// what says nothing of its own should speak the one that is spoken.
    fn heartbeat(&self, id: u64, like: u32, out: &mut Vec<u8>) -> bool {
        let _ = (id, like, out);
        false
    }

    /// Appends what asks the peer to open no more exchanges, without its trailer; false where the protocol has none.
    /// `like` is as for [`heartbeat`](Self::heartbeat).
    fn go_away(&self, id: u64, like: u32, out: &mut Vec<u8>) -> bool {
        let _ = (id, like, out);
        false
    }

    /// Appends the native form of a local answer, without its trailer; false where none is owed.
    fn reply(&self, stream: StreamId, reply: &LocalReply<'_>, out: &mut Vec<u8>) -> bool {
        let _ = (stream, reply, out);
        false
    }

    /// Whether the frame of `head` may go out under the name of [`Head::stream`] as it is, its id apart; false where it
    /// must be [rebuilt](Self::rebuild), say because the tag of that name asks for another version of the protocol.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] for what must not be sent on at all: what can be read may mean something else to the next reader.
    #[inline]
    fn is_sendable(&self, frame: &Frame, head: &Head) -> Result<bool, EncodeError> {
        let _ = (frame, head);
        Ok(true)
    }

    /// The id of the frame of `head`, and its checksum where it has one: what [`frame`](Self::frame) and
    /// [`is_sendable`](Self::is_sendable) would say of a frame that came whole and was not edited, without reading all of its
    /// header once more. `None`, the default: they are asked.
    #[inline]
    fn sendable_id(&self, head: &Head) -> Option<(IdField, Option<&'static Checksum>)> {
        let _ = head;
        None
    }

    /// Whether any frame has a checksum; false spares a look at what was rebuilt.
    #[inline]
    fn has_checksums(&self) -> bool {
        true
    }

    /// Appends the front of the frame anew with the id of [`Head::stream`] and every edit of `head`: called where
    /// overwriting the id in place is not enough (edits; an id of variable length; what
    /// [`is_sendable`](Self::is_sendable) does not let pass). What is appended holds the whole header. `out` holds what goes out
    /// before it: places in the frame count from where it ended.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] where an edit has no place.
    fn rebuild(&mut self, frame: &Frame, head: &Head, out: &mut Vec<u8>) -> Result<Rebuilt, EncodeError> {
        let _ = (frame, head, out);
        Err(EncodeError::NoPlace { protocol: self.head_format().protocol(), what: "edits" })
    }

    /// Gives back memory that is kept for messages to come: the connection is idle.
    fn trim(&mut self) {}
}

/// What a parse over a prefix came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum Parse<T> {
    /// It is all there.
    Done(T),
    /// So many bytes in all, counted from the frame's first, are needed before it is worth another look.
    Need(usize),
}

/// A frame, as its header tells.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Frame {
    /// Its whole size on the wire, trailer included.
    pub len: u64,
    /// Where the header ends and the payload begins.
    pub payload_at: usize,
    /// What it is.
    pub kind: FrameKind,
    /// Its id.
    pub id: IdField,
    /// What the codec must know again when the answer passes: the tag of the message's [`StreamId`].
    pub tag: u32,
    /// The checksum behind the payload, if there is one.
    pub checksum: Option<&'static Checksum>,
    /// What [`FrameFormat::head`] need not read again.
    pub note: u64,
}

impl Frame {
    /// A frame without a checksum.
    #[inline]
    pub const fn new(kind: FrameKind, len: u64, payload_at: usize, id: IdField) -> Self {
        Self { len, payload_at, kind, id, tag: 0, checksum: None, note: 0 }
    }

    /// The same frame with what its answer must know.
    #[inline]
    #[must_use]
    pub const fn with_tag(mut self, tag: u32) -> Self {
        self.tag = tag;
        self
    }

    /// The same frame with what [`FrameFormat::head`] need not read again.
    #[inline]
    #[must_use]
    pub const fn with_note(mut self, note: u64) -> Self {
        self.note = note;
        self
    }

    /// The same frame with a checksum behind its payload, counted in `len`.
    #[inline]
    #[must_use]
    pub const fn with_checksum(mut self, checksum: &'static Checksum) -> Self {
        self.checksum = Some(checksum);
        self
    }

    /// Bytes behind the payload.
    #[inline]
    pub(super) fn trailer(&self) -> usize {
        self.checksum.map_or(0, |checksum| checksum.len)
    }
}

/// What a frame is to an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum FrameKind {
    /// A request that is owed an answer.
    Request,
    /// A request that gets none.
    OneWay,
    /// An answer.
    Response,
    /// Neither: a heartbeat, a go-away, an event. It is small, and waited for in full.
    Control,
}

/// What a control frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Control {
    /// A heartbeat that wants an answer.
    Heartbeat,
    /// The answer to one.
    HeartbeatAck,
    /// The peer takes no new requests.
    GoAway,
    /// Nothing that forwarding must know.
    Ignored,
}

/// Where a scan of a head stands. What the numbers mean is the format's, but for `end`; all begin at 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct Scan {
    /// How far it came.
    pub at: usize,
    /// Where what it was reading there began.
    pub from: usize,
    /// What it was reading there.
    pub state: u32,
    /// How many bytes of the frame will be shown at most: all of a message that is waited for, [`Limits::head`] of a larger
    /// one.
    ///
    /// [`Limits::head`]: crate::Limits::head
    pub end: usize,
}

impl Scan {
    /// The begin of a scan of a frame of which so many bytes will be shown.
    #[inline]
    pub const fn new(end: usize) -> Self {
        Self { at: 0, from: 0, state: 0, end }
    }
}

/// What [`FrameFormat::rebuild`] wrote.
#[derive(Default)]
#[allow(clippy::exhaustive_structs)]
pub struct Rebuilt {
    /// How many of the head's old bytes the new ones stand for.
    pub replaced: usize,
    /// How many payload bytes at the end of the old message, a checksum apart, are left out.
    pub cut: usize,
    /// What follows in their place.
    pub tail: Vec<u8>,
    /// Looks at the payload as it passes, from `replaced` on, where the new frame is right only if the rest of the old one is
    /// what it was taken for.
    pub watch: Option<Box<dyn Watch>>,
}

impl Rebuilt {
    /// Whether what was written is the whole message, whose payload ends at `end` of the head's bytes.
    pub(super) fn is_all(&self, end: usize) -> bool {
        self.replaced >= end && self.tail.is_empty() && self.watch.is_none()
    }
}

impl std::fmt::Debug for Rebuilt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rebuilt")
            .field("replaced", &self.replaced)
            .field("cut", &self.cut)
            .field("tail", &self.tail)
            .field("watched", &self.watch.is_some())
            .finish()
    }
}

/// Looks at a payload that streams past. A message that turns out to be another than the new frame was made for is broken off
/// before its end: nobody is shown it whole.
pub trait Watch: Send {
    /// The next bytes of the payload as it came; `end` with the last of them, which may be none.
    ///
    /// # Errors
    ///
    /// What is wrong, for the [`EncodeError::Invalid`] that the message ends in.
    fn pass(&mut self, bytes: &[u8], end: bool) -> Result<(), &'static str>;
}

/// Why a frame is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// A stable name of what is wrong.
    pub code: &'static str,
    /// The rule, for people.
    pub detail: &'static str,
    /// Where in the frame.
    pub at: usize,
    /// The limit that was passed, if it was one.
    pub limit: Option<Limit>,
    /// What a local reply should say.
    pub outcome: Outcome,
}

impl Fault {
    /// A malformed frame.
    pub const fn new(code: &'static str, detail: &'static str, at: usize) -> Self {
        Self { code, detail, at, limit: None, outcome: Outcome::BadRequest }
    }

    /// A frame that passes `limit`.
    pub const fn limit(limit: Limit, detail: &'static str, at: usize) -> Self {
        Self { code: limit.name(), detail, at, limit: Some(limit), outcome: Outcome::TooLarge }
    }

    /// The same fault with another outcome.
    #[must_use]
    pub const fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }
}
