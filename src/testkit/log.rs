//! What was decoded, in a form that can be compared: bodies put together, everything else in the order it came.

use std::collections::HashMap;
use std::time::Duration;

use crate::error::{DecodeError, Scope};
use crate::event::{Event, Extension, ResetReason, StreamId};
use crate::head::{Head, Kind};
use crate::key::{Attr, Attribute, RoutingKey};
use crate::outcome::Outcome;

use super::check::Check;
use super::failure::Failure;

/// What one end decoded.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    pub(super) entries: Vec<Entry>,
    /// The newest message of each stream.
    newest: HashMap<StreamId, usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Message(Box<Message>),
    /// A message that never came to a head, or one that was cut: how much of it had been handed over means nothing.
    Error {
        code: &'static str,
        scope: Scope,
    },
    GoAway,
    Heartbeat {
        ack: bool,
    },
    Upgraded,
    Extension(Extension),
    Switch(&'static str),
    /// A reset of a stream that has no message in this direction.
    Reset(StreamId, ResetReason),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) stream: StreamId,
    pub(super) view: View,
    /// The head's own bytes.
    pub(super) head: Vec<u8>,
    pub(super) body: Vec<u8>,
    pub(super) trailers: Option<View>,
    /// What came behind the end: the bytes of a tunnel.
    pub(super) tunnel: Vec<u8>,
    pub(super) ending: Ending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Open,
    Ended,
    Reset(ResetReason),
}

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// What a head says, whatever its bytes.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct View {
    pub(super) kind: Kind,
    pub(super) attributes: Vec<Option<Vec<u8>>>,
    pub(super) fields: Option<Pairs>,
    pub(super) status: Option<u32>,
    pub(super) outcome: Outcome,
    pub(super) timeout: Option<Duration>,
}

impl View {
    pub(super) fn of(head: &Head) -> Self {
        let value = |attribute| match head.attribute(attribute) {
            Attr::Value(value) => Some(value.to_vec()),
            Attr::NotSeen | Attr::Absent => None,
        };
        Self {
            kind: head.kind(),
            attributes: Attribute::ALL.into_iter().map(value).collect(),
            fields: head.fields().map(|fields| fields.map(|(name, value)| (name.to_vec(), value.to_vec())).collect()),
            status: head.status(),
            outcome: head.outcome(),
            timeout: head.timeout(),
        }
    }

    pub(super) fn attribute(&self, attribute: Attribute) -> Option<&[u8]> {
        self.attributes.get(attribute as usize)?.as_deref()
    }
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.kind.name())?;
        for (attribute, value) in Attribute::ALL.into_iter().zip(&self.attributes) {
            if let Some(value) = value {
                write!(f, " {attribute}={}", value.escape_ascii())?;
            }
        }
        for (name, value) in self.fields.iter().flatten() {
            write!(f, " [{}: {}]", name.escape_ascii(), value.escape_ascii())?;
        }
        write!(f, " status={:?} outcome={} timeout={:?}", self.status, self.outcome, self.timeout)
    }
}

impl Message {
    /// What it says, without what may change on the way: its name, and the bytes of its head.
    pub(super) fn meaning(&self) -> Entry {
        Entry::Message(Box::new(Self { stream: StreamId::NEW, head: Vec::new(), ..self.clone() }))
    }
}

impl Log {
    /// Takes in what was decoded. `tunnel`: the connection is past an upgrade.
    pub(super) fn push(&mut self, event: &Event, tunnel: bool) -> Result<(), Failure> {
        let entry = match event {
            Event::Head(head) => {
                self.newest.insert(head.stream(), self.entries.len());
                // An interim answer is a head and nothing else; the answer follows under the same name.
                let whole = head.is_end() || head.kind() == Kind::Interim;
                let ending = if whole { Ending::Ended } else { Ending::Open };
                Entry::Message(Box::new(Message {
                    stream: head.stream(),
                    view: View::of(head),
                    head: head.head_bytes().to_vec(),
                    body: head.data().to_vec(),
                    trailers: None,
                    tunnel: Vec::new(),
                    ending,
                }))
            }
            Event::Body(body) => {
                let message = self.message(body.stream, tunnel)?;
                if message.ending == Ending::Open {
                    message.body.extend_from_slice(&body.data);
                    if body.end {
                        message.ending = Ending::Ended;
                    }
                } else {
                    message.tunnel.extend_from_slice(&body.data);
                }
                return Ok(());
            }
            Event::Trailers(trailers) => {
                let message = self.message(trailers.stream(), false)?;
                message.trailers = Some(View::of(trailers));
                message.ending = Ending::Ended;
                return Ok(());
            }
            Event::Reset(reset) => {
                if let Ok(message) = self.message(reset.stream, false) {
                    message.ending = Ending::Reset(reset.reason);
                    // How much had come before it depends on when it was read, not on what was sent.
                    return Ok(());
                }
                Entry::Reset(reset.stream, reset.reason)
            }
            Event::GoAway => Entry::GoAway,
            Event::Heartbeat { ack } => Entry::Heartbeat { ack: *ack },
            Event::Upgraded { .. } => Entry::Upgraded,
            Event::Extension(extension) => Entry::Extension(extension.clone()),
            Event::Switch(switch) => Entry::Switch(switch.protocol),
            // When the way is free again depends on when it was asked.
            Event::Capacity { .. } => return Ok(()),
        };
        self.entries.push(entry);
        Ok(())
    }

    /// Takes in that something was refused. A message that was under way is gone with it.
    pub(super) fn refused(&mut self, error: &DecodeError) {
        if let Some(stream) = error.stream()
            && let Ok(message) = self.message(stream, false)
        {
            message.body.clear();
        }
        self.entries.push(Entry::Error { code: error.code, scope: error.scope });
    }

    fn message(&mut self, stream: StreamId, tunnel: bool) -> Result<&mut Message, Failure> {
        let newest = self.newest.get(&stream).and_then(|at| self.entries.get_mut(*at));
        match newest {
            Some(Entry::Message(message)) if tunnel || message.ending == Ending::Open => Ok(message),
            Some(_) => Err(Failure::new(Check::Order, format!("an event of stream {stream} after its end"))),
            None => Err(Failure::new(Check::Order, format!("an event of stream {stream}, which has no head"))),
        }
    }

    pub(super) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Message(message) => Some(&**message),
            _ => None,
        })
    }

    pub(super) fn errors(&self) -> impl Iterator<Item = (&'static str, Scope)> + '_ {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Error { code, scope } => Some((*code, *scope)),
            _ => None,
        })
    }

    /// Where the two differ, if they do.
    pub(super) fn difference(&self, other: &Self) -> Option<String> {
        difference(&self.entries, &other.entries)
    }

    /// What the messages say.
    pub(super) fn meaning(&self) -> Vec<Entry> {
        self.messages().map(Message::meaning).collect()
    }
}

pub(super) fn difference(one: &[Entry], two: &[Entry]) -> Option<String> {
    let longer = one.len().max(two.len());
    let at = (0..longer).find(|at| one.get(*at) != two.get(*at))?;
    let show = |entry: Option<&Entry>| entry.map_or_else(|| "nothing".to_owned(), Entry::to_string);
    Some(format!("event {at} should be {}, and is {}", show(one.get(at)), show(two.get(at))))
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Message(message) => {
                let Message { stream, view, body, trailers, tunnel, ending, head } = &**message;
                let from = body.get(..body.len().min(64)).unwrap_or_default().escape_ascii();
                write!(f, "{{stream {stream}, {view:?}, head {} bytes, body {} bytes", head.len(), body.len())?;
                write!(f, " \"{from}\", {trailers:?}, tunnel {} bytes, {ending:?}}}", tunnel.len())
            }
            other => write!(f, "{other:?}"),
        }
    }
}
