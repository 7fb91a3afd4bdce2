//! [`Check::Streaming`], [`Check::Window`] and [`Check::ResetCredit`]: a body larger than any buffer, and who is in its
//! way.

use bytes::Bytes;

use crate::codec::{Correlation, Role};
use crate::event::{Body, Event, Step, StreamId};
use crate::head::Head;
use crate::testkit::check::Check;
use crate::testkit::end::End;
use crate::testkit::failure::{Failure, require};
use crate::testkit::kit::Kit;
use crate::testkit::pair::{Happened, Pair, Ticket};
use crate::testkit::sample::{Large, Sample};

/// A body where any number of bytes may follow.
const SOME: u64 = 4 * 1024 * 1024;
/// What a driver reads at once, at most: an end may go past its window by as much.
const READ: usize = 64 * 1024;
/// Resets, each of a stream that has used up its window.
const RESETS: usize = 8;

/// A request with a large body, ready to be sent.
pub(super) struct Upload {
    head: Head,
    pub(super) rest: u64,
    pattern: Bytes,
}

/// The body repeats itself after so many bytes, no power of two: lost and doubled pieces show.
const PATTERN: usize = 65_521;

impl Upload {
    pub(super) fn of(kit: &Kit<'_>, sample: &Sample) -> Result<Option<Self>, Failure> {
        let Some(Large { front, rest }) = &sample.large else { return Ok(None) };
        let mut end = End::new(kit.protocol, Role::Server, &kit.limits, &crate::depth::Depth::ROUTE);
        end.feed(front);
        loop {
            match end.decode()? {
                Ok(Step::Event(Event::Head(mut head))) => {
                    require(!head.is_end(), Check::Sample, || "the large request has no body to come".to_owned())?;
                    head.forward();
                    let pattern = (0..PATTERN + READ).map(|n| (n % PATTERN % 251) as u8).collect();
                    return Ok(Some(Self { head, rest: rest.unwrap_or(SOME), pattern }));
                }
                Ok(Step::Event(_)) => {}
                Ok(step) => {
                    let detail = format!("the large request's head does not decode: {step:?}");
                    return Err(Failure::new(Check::Sample, detail));
                }
                Err(error) => return Err(Failure::new(Check::Sample, format!("the large request: {error}"))),
            }
        }
    }

    /// So many bytes of the body, from this one on.
    fn body(&self, at: u64, n: usize) -> Bytes {
        let from = usize::try_from(at.rem_euclid(PATTERN as u64)).unwrap_or_default();
        self.pattern.slice(from..from.saturating_add(n).min(self.pattern.len()))
    }

    /// All of it, as events.
    pub(super) fn events(&self, kit: &Kit<'_>, id: u64) -> Vec<Event> {
        let name = match kit.protocol.traits().correlation {
            Correlation::Id { .. } => StreamId::new(id).with_tag(self.head.stream().tag()),
            Correlation::Assigned | Correlation::Ordered => StreamId::NEW.with_tag(self.head.stream().tag()),
        };
        let mut head = self.head.clone();
        head.set_stream(name);
        let mut events = vec![Event::Head(head)];
        let mut at = 0;
        while at < self.rest {
            let n = usize::try_from(self.rest.saturating_sub(at)).unwrap_or(usize::MAX).min(READ / 2);
            let data = self.body(at, n);
            at = at.saturating_add(data.len() as u64);
            events.push(Event::Body(Body { stream: name, data, end: at == self.rest }));
        }
        events
    }
}

/// An upload under way, and what its receiver holds.
struct Transfer<'a> {
    pair: Pair,
    upload: &'a Upload,
    ticket: Ticket,
    stream: Option<StreamId>,
    /// Data bytes, those that came with the head included: where it ends and the body begins is the codec's choice.
    got: u64,
    held: usize,
    ended: bool,
    reset: bool,
    most_unread: usize,
}

impl<'a> Transfer<'a> {
    fn new(kit: &Kit<'_>, upload: &'a Upload) -> Self {
        let mut pair = Pair::with(kit.protocol, &kit.limits, &crate::depth::Depth::ROUTE).with_seed(kit.seed);
        let ticket = pair.send(Role::Client, upload.events(kit, 1));
        Self { pair, upload, ticket, stream: None, got: 0, held: 0, ended: false, reset: false, most_unread: 0 }
    }

    /// Runs until nothing moves. The receiver releases what it gets, or holds it.
    fn run(&mut self, hold: bool, check: Check) -> Result<(), Failure> {
        while let Some(happened) = self.pair.poll()? {
            self.most_unread = self.most_unread.max(self.pair.end(Role::Server).unread());
            let event = match happened {
                Happened::Received(Role::Server, event) => event,
                Happened::Received(Role::Client, _) => continue,
                Happened::Refused(role, error) => {
                    return Err(Failure::new(check, format!("the {role:?} refuses it: {error}")));
                }
                Happened::NotSent(role, _, error) => {
                    return Err(Failure::new(check, format!("the {role:?} cannot send it: {error}")));
                }
            };
            let Some(stream) = event.stream() else { continue };
            let n = event.data_len();
            match &event {
                Event::Head(head) => {
                    (self.stream, self.ended, self.reset, self.got) = (Some(stream), event.is_end(), false, 0);
                    self.compare(head.data(), check)?;
                }
                Event::Body(body) => {
                    self.compare(&body.data, check)?;
                    self.ended |= body.end;
                }
                Event::Reset(_) => self.reset = true,
                Event::Trailers(_) => self.ended = true,
                _ => {}
            }
            if hold && !self.reset {
                self.held = self.held.saturating_add(n);
            } else {
                self.pair.release(Role::Server, stream, n);
            }
        }
        Ok(())
    }

    fn compare(&mut self, data: &[u8], check: Check) -> Result<(), Failure> {
        let front = self.upload.head.data();
        let known = usize::try_from(self.got).ok().and_then(|got| front.get(got..)).unwrap_or_default();
        let (own, rest) = data.split_at_checked(known.len()).unwrap_or((data, &[]));
        require(known.starts_with(own), check, || "the data that came with the head is not what was sent".to_owned())?;
        self.got = self.got.saturating_add(own.len() as u64);
        for piece in rest.chunks(READ) {
            let at = self.got.saturating_sub(front.len() as u64);
            require(self.upload.body(at, piece.len()) == piece, check, || {
                format!("bytes {at} and on are not what was sent")
            })?;
            self.got = self.got.saturating_add(piece.len() as u64);
        }
        Ok(())
    }

    fn release(&mut self) {
        if let Some(stream) = self.stream {
            self.pair.release(Role::Server, stream, std::mem::take(&mut self.held));
        }
    }

    fn is_whole(&self) -> bool {
        self.ended && self.got == self.all()
    }

    fn all(&self) -> u64 {
        self.upload.rest.saturating_add(self.upload.head.data().len() as u64)
    }

    fn stands(&self) -> String {
        let (got, all) = (self.got, self.all());
        format!("{got} of {all} bytes came; {} requests are waiting", self.pair.waiting(Role::Client))
    }
}

pub(super) fn streaming(kit: &Kit<'_>, sample: &Sample) -> Result<usize, Failure> {
    let Some(upload) = Upload::of(kit, sample)? else { return Ok(0) };
    let mut transfer = Transfer::new(kit, &upload);
    transfer.run(false, Check::Streaming)?;
    let stands = transfer.stands();
    require(transfer.pair.waiting(Role::Client) == 0, Check::Capacity, || {
        format!("Blocked, and nothing follows: {stands}")
    })?;
    require(transfer.is_whole(), Check::Streaming, || stands)?;
    let (unread, most) = (transfer.most_unread, kit.limits.buffered().max(READ));
    require(unread <= most, Check::Streaming, || format!("{unread} bytes lay unread, where {most} may"))?;
    Ok(1)
}

pub(super) fn window(kit: &Kit<'_>, sample: &Sample) -> Result<usize, Failure> {
    let Some(upload) = Upload::of(kit, sample)? else { return Ok(0) };
    let most = kit.limits.window.saturating_add(READ);
    if upload.rest <= most as u64 {
        return Ok(0);
    }
    let mut transfer = Transfer::new(kit, &upload);
    let mut rounds = 0usize;
    loop {
        let before = transfer.got;
        transfer.run(true, Check::Window)?;
        let held = transfer.held;
        require(held <= most, Check::Window, || {
            format!("{held} bytes are handed over and not released; the window is {}", kit.limits.window)
        })?;
        if transfer.is_whole() {
            break;
        }
        require(transfer.got > before, Check::Window, || {
            format!("released, and nothing comes: {}", transfer.stands())
        })?;
        transfer.release();
        rounds = rounds.saturating_add(1);
    }
    Ok(rounds)
}

pub(super) fn reset_credit(kit: &Kit<'_>, sample: &Sample) -> Result<usize, Failure> {
    let Some(upload) = Upload::of(kit, sample)? else { return Ok(0) };
    if !kit.protocol.traits().cancel {
        return Ok(0);
    }
    let mut transfer = Transfer::new(kit, &upload);
    for round in 0..RESETS {
        transfer.run(true, Check::ResetCredit)?;
        let ticket = transfer.ticket;
        transfer.pair.reset(Role::Client, ticket);
        transfer.run(true, Check::ResetCredit)?;
        require(transfer.reset, Check::ResetCredit, || format!("reset {round} does not arrive"))?;
        // What was thrown away is released too, after the stream is gone.
        transfer.release();
        transfer.run(true, Check::ResetCredit)?;
        let open = (transfer.pair.state(Role::Client).open, transfer.pair.state(Role::Server).open);
        require(open == (0, 0), Check::State, || format!("after a reset, {open:?} exchanges are open"))?;
        transfer.ticket = transfer.pair.send(Role::Client, upload.events(kit, (round as u64).saturating_add(2)));
    }
    transfer.run(false, Check::ResetCredit)?;
    let stands = transfer.stands();
    require(transfer.is_whole(), Check::ResetCredit, || format!("after {RESETS} resets, {stands}"))?;
    Ok(RESETS)
}
