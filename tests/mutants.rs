//! One broken codec for each check of the kit: the kit must name that check, or it does not bite.
#![allow(clippy::panic)]

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use meshwire::testkit::toy::framed::Message;
use meshwire::testkit::{Check, Kit, Sample, toy};
use meshwire::{
    Attribute, Body, Codec, Conn, ConnState, Cx, DecodeError, Depth, Detection, EncodeError, Event, Head, Kind,
    LocalReply, Outcome, Output, Protocol, ProtocolTraits, RoutingKey, Scope, Sent, Stats, Step, StreamId,
};

/// A codec with a mistake in it: every call goes to `inner`, which the mistake may alter on the way in or out.
struct Broken<M> {
    inner: Box<dyn Codec>,
    mistake: M,
    /// What the inner codec counts, unless the mistake alters it.
    stats: Stats,
}

/// A mistake: what is not written here is done right.
#[allow(unused_variables)]
trait Mistake: Send + Clone {
    fn decode(&mut self, inner: &mut dyn Codec, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        inner.decode(input, cx)
    }
    fn decode_eof(
        &mut self,
        inner: &mut dyn Codec,
        input: &mut BytesMut,
        cx: &mut Cx<'_>,
    ) -> Result<Step, DecodeError> {
        inner.decode_eof(input, cx)
    }
    fn encode(&mut self, inner: &mut dyn Codec, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        inner.encode(event, cx)
    }
    fn reply(&mut self, inner: &mut dyn Codec, stream: StreamId, reply: &LocalReply<'_>) -> Option<Event> {
        inner.reply(stream, reply)
    }
    fn release(&mut self, inner: &mut dyn Codec, stream: StreamId, n: usize, cx: &mut Cx<'_>) {
        inner.release(stream, n, cx);
    }
    fn heartbeat(&mut self, inner: &mut dyn Codec, cx: &mut Cx<'_>) -> bool {
        inner.heartbeat(cx)
    }
    fn state(&self, state: ConnState) -> ConnState {
        state
    }
    fn stats(&self, stats: &mut Stats) {}
    fn detect(&self, inner: &dyn Protocol, prefix: &[u8]) -> Detection {
        inner.detect(prefix)
    }
}

impl<M: Mistake> Broken<M> {
    fn count(&mut self) {
        self.stats = self.inner.stats().clone();
        self.mistake.stats(&mut self.stats);
    }
}

impl<M: Mistake> Codec for Broken<M> {
    fn decode(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        let step = self.mistake.decode(&mut *self.inner, input, cx);
        self.count();
        step
    }

    fn decode_eof(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        let step = self.mistake.decode_eof(&mut *self.inner, input, cx);
        self.count();
        step
    }

    fn encode(&mut self, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        self.mistake.encode(&mut *self.inner, event, cx)
    }

    fn state(&self) -> ConnState {
        self.mistake.state(self.inner.state())
    }

    fn reply(&mut self, stream: StreamId, reply: &LocalReply<'_>) -> Option<Event> {
        self.mistake.reply(&mut *self.inner, stream, reply)
    }

    fn capacity(&self, stream: StreamId) -> usize {
        self.inner.capacity(stream)
    }

    fn release(&mut self, stream: StreamId, n: usize, cx: &mut Cx<'_>) {
        self.mistake.release(&mut *self.inner, stream, n, cx);
    }

    fn heartbeat(&mut self, cx: &mut Cx<'_>) -> bool {
        self.mistake.heartbeat(&mut *self.inner, cx)
    }

    fn go_away(&mut self, cx: &mut Cx<'_>) {
        self.inner.go_away(cx);
    }

    fn set_depth(&mut self, depth: &Arc<Depth>) {
        self.inner.set_depth(depth);
    }

    fn next_deadline(&self) -> Option<Duration> {
        self.inner.next_deadline()
    }

    fn on_deadline(&mut self, cx: &mut Cx<'_>) {
        self.inner.on_deadline(cx);
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }
}

/// A toy whose codecs all make the same mistake.
struct Mutant<M> {
    inner: &'static dyn Protocol,
    mistake: M,
}

impl<M: Mistake + Sync + 'static> Protocol for Mutant<M> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn detect(&self, prefix: &[u8]) -> Detection {
        self.mistake.detect(self.inner, prefix)
    }

    fn traits(&self) -> ProtocolTraits {
        self.inner.traits()
    }

    fn codec(&self, conn: Conn) -> Box<dyn Codec> {
        Box::new(Broken { inner: self.inner.codec(conn), mistake: self.mistake.clone(), stats: Stats::default() })
    }
}

// ----- how they are run -----

#[track_caller]
fn caught<M: Mistake + Sync + 'static>(check: Check, inner: &'static dyn Protocol, samples: Vec<Sample>, mistake: M) {
    let mutant = Mutant { inner, mistake };
    match Kit::new(&mutant).with_samples(samples).with_mutations(100).run() {
        Ok(_) => panic!("{check} lets it pass"),
        Err(failure) => assert_eq!(failure.check, check, "{failure}"),
    }
}

#[track_caller]
fn framed<M: Mistake + Sync + 'static>(check: Check, mistake: M) {
    // The second sample is large, and slow in debug builds.
    caught(check, &toy::Framed, toy::framed::samples().into_iter().take(1).collect(), mistake);
}

#[track_caller]
fn mux<M: Mistake + Sync + 'static>(check: Check, mistake: M) {
    caught(check, &toy::Mux, toy::mux::samples(), mistake);
}

/// Exchanges with small ids, answered in order.
fn orderly() -> Vec<Sample> {
    let requests = (1..4).map(|id| Message::request(id, "shop.Cart", "add").with_body(vec![id as u8; 9]).bytes());
    let responses = (1..4).map(|id| Message::response(id, Outcome::Success).with_body(vec![id as u8; 5]).bytes());
    vec![Sample::new("orderly", requests.collect::<Vec<_>>().concat(), responses.collect::<Vec<_>>().concat())]
}

#[derive(Clone)]
struct Faithful;
impl Mistake for Faithful {}

#[test]
fn no_mistake_is_no_failure() {
    for (inner, samples) in
        [(&toy::Framed as &'static dyn Protocol, toy::framed::samples()), (&toy::Mux, toy::mux::samples())]
    {
        let faithful = Mutant { inner, mistake: Faithful };
        let kit = Kit::new(&faithful).with_samples(samples).with_mutations(50);
        let _ = kit.run().unwrap_or_else(|failure| panic!("{failure}"));
    }
}

/// A mistake in one method: its state, and what it does.
macro_rules! mistake {
    ($name:ident { $($field:ident : $type:ty),* } $($method:tt)*) => {
        #[derive(Clone, Default)]
        struct $name { $($field: $type),* }
        impl Mistake for $name { $($method)* }
    };
}

// ----- one for each check -----

mistake!(StopsAfterTwo { events: usize }
    fn decode(&mut self, inner: &mut dyn Codec, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        if self.events == 2 {
            return Ok(Step::need(1));
        }
        let step = inner.decode(input, cx)?;
        self.events += usize::from(matches!(step, Step::Event(_)));
        Ok(step)
    }
);

#[test]
fn sample() {
    framed(Check::Sample, StopsAfterTwo::default());
}

mistake!(TakesAnything {}
    fn detect(&self, _: &dyn Protocol, prefix: &[u8]) -> Detection {
        if prefix.len() < 4 { Detection::NeedMore(4) } else { Detection::Yes }
    }
);

mistake!(WantsToSeeMuch {}
    fn detect(&self, inner: &dyn Protocol, prefix: &[u8]) -> Detection {
        if prefix.len() < 1000 { Detection::NeedMore(1000) } else { inner.detect(prefix) }
    }
);

mistake!(Wavers {}
    fn detect(&self, inner: &dyn Protocol, prefix: &[u8]) -> Detection {
        if prefix.len() == 9 { Detection::NeedMore(10) } else { inner.detect(prefix) }
    }
);

#[test]
fn detection() {
    framed(Check::Detection, TakesAnything::default());
    framed(Check::Detection, WantsToSeeMuch::default());
    framed(Check::Detection, Wavers::default());
}

mistake!(LosesAtASplit { split: bool }
    fn decode(&mut self, inner: &mut dyn Codec, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        let mut step = inner.decode(input, cx)?;
        if self.split && matches!(step, Step::Event(Event::Heartbeat { .. })) {
            step = inner.decode(input, cx)?;
        }
        self.split = matches!(step, Step::NeedMore(_)) && !input.is_empty();
        Ok(step)
    }
);

#[test]
fn chunking() {
    framed(Check::Chunking, LosesAtASplit::default());
}

mistake!(EndsTwice { ended: Option<StreamId> }
    fn decode(&mut self, inner: &mut dyn Codec, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        if let Some(stream) = self.ended.take() {
            return Ok(Step::Event(Event::Body(Body { stream, data: Bytes::new(), end: true })));
        }
        let step = inner.decode(input, cx)?;
        if let Step::Event(event) = &step && event.is_end() {
            self.ended = event.stream();
        }
        Ok(step)
    }
);

#[test]
fn order() {
    framed(Check::Order, EndsTwice::default());
}

mistake!(Asks { more: usize }
    fn decode(&mut self, inner: &mut dyn Codec, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        Ok(match inner.decode(input, cx)? {
            Step::NeedMore(n) => Step::need(n.get() + self.more),
            step => step,
        })
    }
);

#[test]
fn need_more() {
    // Off by one: whoever waits for the byte waits for ever.
    framed(Check::NeedMore, Asks { more: 1 });
    framed(Check::NeedMore, Asks { more: 1 << 20 });
}

mistake!(AnswersEachCall { before: usize }
    fn decode(&mut self, inner: &mut dyn Codec, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        if std::mem::replace(&mut self.before, input.len()) == input.len() {
            cx.output().put(&Message::heartbeat(1));
        }
        inner.decode(input, cx)
    }
);

#[test]
fn early_decode() {
    framed(Check::EarlyDecode, AnswersEachCall { before: usize::MAX });
}

mistake!(Reserves {}
    fn decode(&mut self, inner: &mut dyn Codec, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        if let Some(announced) = input.get(4..).and_then(<[u8]>::first_chunk) {
            let announced = u32::from_be_bytes(*announced);
            input.reserve(announced as usize);
        }
        inner.decode(input, cx)
    }
);

#[test]
fn reserve() {
    // By what the wire announces, which a stranger may have written.
    framed(Check::Reserve, Reserves::default());
}

mistake!(NeverRests {}
    fn decode(&mut self, inner: &mut dyn Codec, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        Ok(match inner.decode(input, cx)? {
            Step::NeedMore(_) => Step::Event(Event::Heartbeat { ack: true }),
            step => step,
        })
    }
);

#[test]
fn progress() {
    framed(Check::Progress, NeverRests::default());
}

mistake!(Miscounts {}
    fn stats(&self, stats: &mut Stats) {
        stats.bytes_in += 4 * stats.messages_in;
    }
);

#[test]
fn position() {
    framed(Check::Position, Miscounts::default());
}

mistake!(ClosesGladly {}
    fn decode_eof(&mut self, inner: &mut dyn Codec, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        Ok(inner.decode_eof(input, cx).unwrap_or(Step::Closed))
    }
);

mistake!(CallsItOtherwise {}
    fn decode_eof(&mut self, inner: &mut dyn Codec, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        inner.decode_eof(input, cx).map_err(|mut error| {
            error.code = "eof";
            error
        })
    }
);

#[test]
fn truncation() {
    framed(Check::Truncation, ClosesGladly::default());
    framed(Check::Truncation, CallsItOtherwise::default());
}

mistake!(Panics {}
    fn decode(&mut self, inner: &mut dyn Codec, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        inner.decode(input, cx).inspect_err(|error| assert_ne!(error.code, "kind", "unreachable: unknown kind"))
    }
);

#[test]
fn hostile() {
    framed(Check::Hostile, Panics::default());
}

mistake!(Forgets { failed: bool }
    fn decode(&mut self, inner: &mut dyn Codec, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        if self.failed {
            return Ok(Step::need(1));
        }
        inner.decode(input, cx).inspect_err(|error| self.failed = error.is_fatal())
    }
);

#[test]
fn sticky_error() {
    framed(Check::StickyError, Forgets::default());
}

mistake!(Readdresses {}
    fn encode(&mut self, inner: &mut dyn Codec, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        if let Event::Head(head) = event && head.kind().is_request() {
            let service = [b"via.", head.attribute(Attribute::Service).value().unwrap_or_default()].concat();
            let _ = head.set_service(&service);
        }
        inner.encode(event, cx)
    }
);

#[test]
fn verbatim() {
    framed(Check::Verbatim, Readdresses::default());
    mux(Check::Verbatim, Readdresses::default());
}

mistake!(Shouts {}
    fn encode(&mut self, inner: &mut dyn Codec, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        if let Event::Body(body) = event {
            body.data = body.data.to_ascii_uppercase().into();
        }
        inner.encode(event, cx)
    }
);

#[test]
fn round_trip() {
    mux(Check::RoundTrip, Shouts::default());
}

mistake!(DropsEdits {}
    fn encode(&mut self, inner: &mut dyn Codec, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        if let Event::Head(head) = event && head.is_edited() {
            let mut plain = Head::new(head.format(), head.kind(), head.stream(), head.bytes().clone());
            plain.set_data_at(head.head_bytes().len());
            plain.set_end(head.is_end());
            *head = plain;
        }
        inner.encode(event, cx)
    }
);

mistake!(CountsFromTheQueue {}
    fn encode(&mut self, inner: &mut dyn Codec, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        let is_edited = matches!(event, Event::Head(head) if head.is_edited());
        let queued = cx.output().len();
        let (mut own, now) = (Output::new(), cx.now());
        let sent = inner.encode(event, &mut Cx::new(&mut own, now));
        let mut bytes = own.take();
        // The last byte of the length.
        if let Some(length) = bytes.get_mut(7).filter(|_| is_edited) {
            *length = length.wrapping_add(queued as u8);
        }
        cx.output().put(&bytes);
        sent
    }
);

#[test]
fn edits() {
    framed(Check::Edits, DropsEdits::default());
    framed(Check::Edits, CountsFromTheQueue::default());
    mux(Check::Edits, DropsEdits::default());
}

mistake!(CutsIds {}
    fn encode(&mut self, inner: &mut dyn Codec, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        if let Some(stream) = event.stream() {
            event.set_stream(StreamId::new(u64::from(stream.id() as u32)).with_tag(stream.tag()));
        }
        inner.encode(event, cx)
    }
);

#[test]
fn ids() {
    caught(Check::Ids, &toy::Framed, orderly(), CutsIds::default());
}

mistake!(BlamesTheServer {}
    fn reply(&mut self, inner: &mut dyn Codec, stream: StreamId, reply: &LocalReply<'_>) -> Option<Event> {
        inner.reply(stream, &LocalReply::new(Outcome::ServerError, reply.message))
    }
);

#[test]
fn local_reply() {
    framed(Check::LocalReply, BlamesTheServer::default());
    mux(Check::LocalReply, BlamesTheServer::default());
}

mistake!(AnswersOneWay {}
    fn reply(&mut self, inner: &mut dyn Codec, stream: StreamId, reply: &LocalReply<'_>) -> Option<Event> {
        inner.reply(StreamId::new(stream.id()), reply)
    }
);

#[test]
fn one_way() {
    framed(Check::OneWay, AnswersOneWay::default());
    mux(Check::OneWay, AnswersOneWay::default());
}

mistake!(HangsUp { failed: Option<DecodeError> }
    fn decode(&mut self, inner: &mut dyn Codec, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        inner.decode(input, cx).map_err(|mut error| {
            error.scope = Scope::Connection;
            self.failed = Some(error.clone());
            error
        })
    }
    fn decode_eof(&mut self, inner: &mut dyn Codec, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        match &self.failed {
            Some(error) => Err(error.clone()),
            None => inner.decode_eof(input, cx),
        }
    }
);

#[test]
fn bad_message() {
    framed(Check::BadMessage, HangsUp::default());
    mux(Check::BadMessage, HangsUp::default());
}

mistake!(AlwaysBusy {}
    fn state(&self, mut state: ConnState) -> ConnState {
        state.sending = true;
        state
    }
);

#[test]
fn state() {
    framed(Check::State, AlwaysBusy::default());
}

mistake!(DamagesTheLate { seen: usize }
    fn decode(&mut self, inner: &mut dyn Codec, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        let mut step = inner.decode(input, cx)?;
        if let Step::Event(Event::Body(body)) = &mut step {
            self.seen += body.data.len();
            if self.seen > 200_000 {
                body.data = body.data.iter().map(|byte| !byte).collect();
            }
        }
        Ok(step)
    }
);

#[test]
fn streaming() {
    framed(Check::Streaming, DamagesTheLate::default());
    mux(Check::Streaming, DamagesTheLate::default());
}

mistake!(NeverPauses {}
    fn decode(&mut self, inner: &mut dyn Codec, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        let step = inner.decode(input, cx)?;
        if let Step::Event(event) = &step && let Some(stream) = event.stream() {
            inner.release(stream, event.data_len(), cx);
        }
        Ok(step)
    }
    fn release(&mut self, _: &mut dyn Codec, _: StreamId, _: usize, _: &mut Cx<'_>) {}
);

#[test]
fn window() {
    framed(Check::Window, NeverPauses::default());
    mux(Check::Window, NeverPauses::default());
}

mistake!(TellsNobody {}
    fn decode(&mut self, inner: &mut dyn Codec, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        loop {
            match inner.decode(input, cx)? {
                Step::Event(Event::Capacity { .. }) => {}
                step => return Ok(step),
            }
        }
    }
);

#[test]
fn capacity() {
    framed(Check::Capacity, TellsNobody::default());
}

mistake!(Interrupts {}
    fn heartbeat(&mut self, _: &mut dyn Codec, cx: &mut Cx<'_>) -> bool {
        cx.output().put(&Message::heartbeat(1));
        true
    }
);

#[test]
fn open_message() {
    framed(Check::OpenMessage, Interrupts::default());
}

mistake!(KeepsCredit { reset: HashSet<StreamId> }
    fn decode(&mut self, inner: &mut dyn Codec, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        let step = inner.decode(input, cx)?;
        if let Step::Event(Event::Reset(reset)) = &step {
            self.reset.insert(reset.stream);
        }
        Ok(step)
    }
    fn release(&mut self, inner: &mut dyn Codec, stream: StreamId, n: usize, cx: &mut Cx<'_>) {
        if !self.reset.contains(&stream) {
            inner.release(stream, n, cx);
        }
    }
);

#[test]
fn reset_credit() {
    mux(Check::ResetCredit, KeepsCredit::default());
}

mistake!(AnswersInOrder { asked: VecDeque<StreamId> }
    fn decode(&mut self, inner: &mut dyn Codec, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        let step = inner.decode(input, cx)?;
        if let Step::Event(Event::Head(head)) = &step && head.kind() == Kind::Request {
            self.asked.push_back(head.stream());
        }
        Ok(step)
    }
    fn encode(&mut self, inner: &mut dyn Codec, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        if let Event::Head(head) = event && head.kind() == Kind::Response && let Some(oldest) = self.asked.pop_front() {
            head.set_stream(oldest);
        }
        inner.encode(event, cx)
    }
);

#[test]
fn pair() {
    caught(Check::Pair, &toy::Framed, orderly(), AnswersInOrder::default());
}

mistake!(AlwaysDraining {}
    fn state(&self, mut state: ConnState) -> ConnState {
        state.draining = true;
        state
    }
);

#[test]
fn relay() {
    framed(Check::Relay, AlwaysDraining::default());
}
