//! [`Check::OpenMessage`] and [`Check::Capacity`]: a large message goes out, and others wait for its end.

use crate::codec::{Correlation, Role};
use crate::depth::Depth;
use crate::event::{Event, Sent, Step, StreamId};
use crate::outcome::{LocalReply, Outcome};
use crate::testkit::check::Check;
use crate::testkit::end::End;
use crate::testkit::failure::{Failure, require};
use crate::testkit::kit::Kit;
use crate::testkit::pair::{Happened, Pair};
use crate::testkit::sample::Sample;

use super::pair::{exchanges, is_one_way};
use super::streaming::Upload;

/// Two ends, the client of which has a message half out.
struct Half {
    client: End,
    server: End,
    rest: Vec<Event>,
    name: StreamId,
}

impl Half {
    fn new(kit: &Kit<'_>, upload: &Upload) -> Result<Self, Failure> {
        let mut client = End::new(kit.protocol, Role::Client, &kit.limits, &Depth::ROUTE);
        let mut server = End::new(kit.protocol, Role::Server, &kit.limits, &Depth::ROUTE);
        // What ends say to each other first is said.
        rest(&mut client)?;
        rest(&mut server)?;
        let mut events = upload.events(kit, 1);
        let mut head = events.remove(0);
        let sent = client.encode(&mut head);
        require(sent == Ok(Sent::All), Check::OpenMessage, || format!("the first head is not sent: {sent:?}"))?;
        let name = head.stream().unwrap_or(StreamId::NEW);
        let mut half = Self { client, server, rest: events, name };
        half.carry()?;
        Ok(half)
    }

    /// Carries bytes to the server, which throws away what it decodes; the control events among it.
    fn carry(&mut self) -> Result<Vec<Event>, Failure> {
        let bytes = self.client.take_output();
        let mut control = Vec::new();
        // A real peer reads in pieces, and its window is not for nothing.
        for piece in bytes.chunks(16 * 1024) {
            self.server.feed(piece);
            loop {
                match self.server.decode()? {
                    Ok(Step::Event(event)) => {
                        if let Some(stream) = event.stream() {
                            self.server.release(stream, event.data_len());
                        }
                        if matches!(event, Event::Heartbeat { .. } | Event::GoAway) {
                            control.push(event);
                        }
                    }
                    Ok(_) => break,
                    Err(error) => {
                        let detail = format!("the message no longer decodes: {error}");
                        return Err(Failure::new(Check::OpenMessage, detail));
                    }
                }
            }
        }
        Ok(control)
    }

    /// Sends the rest of the message; what control events came with it.
    fn finish(&mut self) -> Result<Vec<Event>, Failure> {
        let mut control = Vec::new();
        for mut event in std::mem::take(&mut self.rest) {
            event.set_stream(self.name);
            let sent = self.client.encode(&mut event);
            require(sent == Ok(Sent::All), Check::OpenMessage, || format!("its body is not sent: {sent:?}"))?;
            control.extend(self.carry()?);
        }
        Ok(control)
    }
}

fn rest(end: &mut End) -> Result<(), Failure> {
    while let Ok(Step::Event(_)) = end.decode()? {}
    Ok(())
}

pub(super) fn held(kit: &Kit<'_>, sample: &Sample) -> Result<usize, Failure> {
    let Some(upload) = Upload::of(kit, sample)? else { return Ok(0) };
    let traits = kit.protocol.traits();
    if traits.interleaved {
        return Ok(0);
    }
    let mut half = Half::new(kit, &upload)?;
    // From the peer: something to answer.
    let asked = half.server.heartbeat();
    let bytes = half.server.take_output();
    half.client.feed(&bytes);
    let mut heard = false;
    while let Ok(Step::Event(event)) = half.client.decode()? {
        heard |= matches!(event, Event::Heartbeat { ack: false });
    }
    require(heard || !asked, Check::OpenMessage, || "a heartbeat is not heard while a message goes out".to_owned())?;
    silent(&half, "the answer to a heartbeat")?;
    let asks = half.client.heartbeat();
    silent(&half, "a heartbeat")?;
    half.client.go_away();
    silent(&half, "a go-away")?;
    let control = half.finish()?;
    let of = |ack| control.iter().filter(|event| matches!(event, Event::Heartbeat { ack: a } if *a == ack)).count();
    require(of(true) == usize::from(asked) && of(false) == usize::from(asks), Check::OpenMessage, || {
        format!("behind the message, what was owed should come, and this does: {control:?}")
    })?;
    Ok(1)
}

fn silent(half: &Half, what: &str) -> Result<(), Failure> {
    let n = half.client.queued();
    require(n == 0, Check::OpenMessage, || format!("{what} of {n} bytes is written inside an open message"))
}

/// A second message while one is open: it waits, and is told when its turn has come.
pub(super) fn capacity(kit: &Kit<'_>, sample: &Sample) -> Result<usize, Failure> {
    let traits = kit.protocol.traits();
    let exchanges = exchanges(kit, sample)?;
    if traits.interleaved {
        let exchange = exchanges.iter().find(|exchange| !is_one_way(exchange));
        return exchange.map_or(Ok(0), |exchange| crowd(kit, sample, &exchange.request));
    }
    let Some(upload) = Upload::of(kit, sample)? else { return Ok(0) };
    let Some(second) = exchanges.first().and_then(|exchange| exchange.request.first()) else { return Ok(0) };
    let mut half = Half::new(kit, &upload)?;
    let mut second = second.clone();
    let tag = second.stream().map_or(0, StreamId::tag);
    second.set_stream(match traits.correlation {
        Correlation::Id { .. } => StreamId::new(2).with_tag(tag),
        Correlation::Assigned | Correlation::Ordered => StreamId::NEW.with_tag(tag),
    });
    let sent = half.client.encode(&mut second);
    require(sent == Ok(Sent::Blocked), Check::OpenMessage, || format!("a head inside an open message: {sent:?}"))?;
    silent(&half, "another head")?;
    half.finish()?;
    if traits.correlation == Correlation::Ordered {
        // Its turn may come with the answer only; the pair sees to that.
        return Ok(1);
    }
    let mut told = false;
    while let Ok(Step::Event(event)) = half.client.decode()? {
        told |= matches!(event, Event::Capacity { .. });
    }
    require(told, Check::Capacity, || "the message that was in the way has ended, and no Capacity follows".to_owned())?;
    let sent = half.client.encode(&mut second);
    require(sent == Ok(Sent::All), Check::Capacity, || format!("told to go on, and then {sent:?}"))?;
    Ok(1)
}

/// More requests at once than any peer serves: those behind wait, and each answer lets one on.
const CROWD: usize = 300;

fn crowd(kit: &Kit<'_>, sample: &Sample, request: &[Event]) -> Result<usize, Failure> {
    let mut pair = Pair::with(kit.protocol, &kit.limits, &sample.depth);
    for _ in 0..CROWD {
        pair.send(Role::Client, request.iter().cloned());
    }
    let (mut owed, mut answered, mut waited) = (Vec::new(), 0usize, 0usize);
    loop {
        match pair.poll()? {
            Some(Happened::Received(role, event)) => {
                let Some(stream) = event.stream() else { continue };
                pair.release(role, stream, event.data_len());
                if role == Role::Server && event.is_end() {
                    owed.push(stream);
                } else if role == Role::Client && matches!(event, Event::Head(_)) {
                    answered = answered.saturating_add(1);
                }
            }
            Some(other) => return Err(Failure::new(Check::Capacity, format!("{other:?}"))),
            None => {
                let waiting = pair.waiting(Role::Client);
                waited = waited.max(waiting);
                let Some(stream) = owed.pop() else {
                    return require(waiting == 0 && answered == CROWD, Check::Capacity, || {
                        format!("{answered} of {CROWD} answered, {waiting} still wait, and no Capacity follows")
                    })
                    .map(|()| waited);
                };
                let reply = LocalReply::new(Outcome::Unavailable, "said by the kit");
                let event = pair.reply(stream, &reply);
                let event = event.ok_or_else(|| Failure::new(Check::LocalReply, "nothing is said to be owed"))?;
                pair.send(Role::Server, [event]);
            }
        }
    }
}
