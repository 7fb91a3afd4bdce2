//! A server codec and a client codec with the relay between them: both roles of a protocol at once, on bytes from
//! either side.

use std::time::Duration;

use meshwire::{
    Arena, Attribute, Codec, Detection, Endpoint, Head, Kind, Link, LocalReply, MAX_DETECT, Outcome, Protocol, Relay,
    RelayStep, RoutingKey,
};

use crate::checked::Checked;
use crate::input::{self, Choices, Settings};
use crate::witness::Witnessed;

/// Reads that are cut as the settings say.
const READS: usize = 200;

/// Bytes of an input of [`bridge`] that nobody sent: which protocols, settings.
const BRIDGE: usize = 1 + Settings::LEN;

/// One protocol over `data`: requests for the server codec, responses for the client codec, in turn.
pub(crate) fn run(protocol: &dyn Protocol, data: &[u8]) {
    let (wire, mut tail) = input::split_tail(data, Settings::LEN);
    let settings = input::settings(&mut tail);
    check_detection(protocol, wire);
    exchange(Relayed::between(protocol, protocol, None, settings), wire);
}

/// One protocol from whoever asks and another to whoever answers; a third, which reads what the second writes, is the
/// witness that nothing else goes out than what was sent on.
pub(crate) fn bridge(down: &dyn Protocol, up: &dyn Protocol, reader: &dyn Protocol, data: &[u8]) {
    let (wire, mut tail) = input::split_tail(data, BRIDGE);
    let _protocols: u8 = tail.arbitrary().unwrap_or_default();
    let settings = input::settings(&mut tail);
    exchange(Relayed::between(down, up, Some(reader), settings), wire);
}

/// Which protocols an input of [`bridge`] is for.
pub(crate) fn protocols_of(data: &[u8]) -> u8 {
    let (_, mut tail) = input::split_tail(data, BRIDGE);
    tail.arbitrary().unwrap_or_default()
}

/// What the two ends sent, in turn.
fn exchange(mut relayed: Relayed, wire: &[u8]) {
    // A codec may have something to say before the first byte.
    relayed.run();
    for (n, segment) in input::segments(wire).into_iter().enumerate() {
        let mut rest = segment;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(relayed.read_size(rest.len()));
            let end = if n % 2 == 0 { Some(relayed.down()) } else { relayed.up() };
            if let Some(end) = end {
                end.input().extend_from_slice(now);
            }
            relayed.run();
            rest = later;
        }
    }
    relayed.finish();
}

/// Detection is pure, and more bytes never turn a verdict round.
fn check_detection(protocol: &dyn Protocol, wire: &[u8]) {
    let mut verdict = None;
    for n in 0..=wire.len().min(MAX_DETECT) {
        let now = protocol.detect(&wire[..n]);
        match (verdict, now) {
            (None, Detection::NeedMore(total)) => {
                assert!(total > n && total <= MAX_DETECT, "{total} bytes wanted at {n}")
            }
            (None, known) => verdict = Some(known),
            (Some(before), now) => assert_eq!(before, now, "the verdict changes at byte {n}"),
        }
    }
}

/// The relay with one upstream, and what decides for it.
pub(crate) struct Relayed {
    pub(crate) settings: Settings,
    pub(crate) choices: Choices,
    relay: Relay,
    link: Link,
    arena: Arena,
    now: Duration,
    reads: usize,
    /// What was sent on, in order.
    pub(crate) forwarded: Vec<Asked>,
}

/// What a request asks for, as far as forwarding leaves it alone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    kind: Kind,
    method: Option<Vec<u8>>,
    path: Option<Vec<u8>>,
}

impl Asked {
    pub(crate) fn of(head: &Head) -> Self {
        let value = |attribute| head.attribute(attribute).value().map(<[u8]>::to_vec);
        Self { kind: head.kind(), method: value(Attribute::Method), path: value(Attribute::Path) }
    }
}

impl Relayed {
    pub(crate) fn between(
        down: &dyn Protocol,
        up: &dyn Protocol,
        reader: Option<&dyn Protocol>,
        settings: Settings,
    ) -> Self {
        let end = |codec: Box<dyn Codec>| Endpoint::new(codec).with_high_water(settings.high_water());
        let mut relay = Relay::new(end(Box::new(Checked::new(down, settings.server()))));
        let client = Box::new(Checked::new(up, settings.client()));
        let client: Box<dyn Codec> = match reader {
            Some(reader) => Box::new(Witnessed::new(client, reader)),
            None => client,
        };
        let link = relay.connect(end(client), &up.traits());
        let choices = Choices::new(settings.seed);
        Self {
            settings,
            choices,
            relay,
            link,
            arena: Arena::new(),
            now: Duration::ZERO,
            reads: 0,
            forwarded: Vec::new(),
        }
    }

    /// The end towards whoever asks.
    pub(crate) const fn down(&mut self) -> &mut Endpoint {
        self.relay.downstream()
    }

    /// The end towards whoever answers, while there is one.
    pub(crate) fn up(&mut self) -> Option<&mut Endpoint> {
        self.relay.upstream(self.link)
    }

    /// How much of `left` bytes the next read brings. After many small ones the rest comes at once: what a byte at a time
    /// can bring out, it has by then.
    pub(crate) fn read_size(&mut self, left: usize) -> usize {
        self.reads += 1;
        if self.reads > READS {
            return left;
        }
        match self.settings.chunk {
            0 => left,
            1 => 1,
            most => left.min(1 + self.choices.below(usize::from(most))),
        }
    }

    /// Goes on until nothing moves; what is written is thrown away.
    fn run(&mut self) {
        loop {
            self.turn();
            if self.settings.has(Settings::LAZY) && !self.choices.one_in(4) {
                return;
            }
            let written =
                self.down().output_mut().take().len() + self.up().map_or(0, |up| up.output_mut().take().len());
            if written == 0 {
                return;
            }
        }
    }

    /// Time passes, and the relay goes as far as it can; whether it got anywhere.
    pub(crate) fn turn(&mut self) -> bool {
        self.now += Duration::from_micros(50);
        self.relay.set_now(self.now);
        if self.settings.has(Settings::CONTROL) {
            self.control();
        }
        let mut moved = false;
        loop {
            match self.relay.poll() {
                RelayStep::Idle | RelayStep::Closed => return moved,
                RelayStep::Done(_) | RelayStep::Refused(_) => {}
                RelayStep::Request(exchange, mut head) => {
                    if self.settings.has(Settings::EDIT) {
                        // Refused where the protocol has no place for it.
                        let _ = head.set_field(b"x-tenant", b"blue");
                        let _ = head.set_service(b"com.example.Other");
                    }
                    if self.settings.has(Settings::DETACH) {
                        head.detach(&mut self.arena);
                    }
                    if self.settings.has(Settings::LOCAL) && self.choices.one_in(3) {
                        let outcome = Outcome::ALL[self.choices.below(Outcome::ALL.len())];
                        self.relay.respond(exchange, &LocalReply::new(outcome, "fuzzed").with_method(b"fuzz"));
                    } else {
                        self.forwarded.push(Asked::of(&head));
                        self.relay.forward(exchange, self.link, head);
                    }
                }
            }
            moved = true;
        }
    }

    /// Heartbeats, go-aways and idle moments, now and then.
    fn control(&mut self) {
        let what = self.choices.below(64);
        let link = self.link;
        let end = if what.is_multiple_of(2) { Some(self.relay.downstream()) } else { self.relay.upstream(link) };
        let Some(end) = end else { return };
        match what / 2 {
            0 => end.trim(),
            1 => {
                let (codec, mut cx) = end.codec_mut();
                codec.heartbeat(&mut cx);
            }
            2 => {
                let (codec, mut cx) = end.codec_mut();
                codec.go_away(&mut cx);
            }
            _ => {}
        }
    }

    /// The end of input on both sides. Nothing may be left open.
    pub(crate) fn finish(&mut self) {
        self.settings.flags &= !(Settings::LAZY | Settings::CONTROL);
        self.run();
        if let Some(up) = self.up() {
            up.set_eof();
        }
        self.run();
        self.down().set_eof();
        self.run();
        assert_eq!(self.relay.open(), 0, "exchanges stay open after both ends are gone");
    }
}
