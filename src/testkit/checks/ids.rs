//! [`Check::Ids`]: names as far as the wire can say them.

use crate::codec::{Correlation, Role};
use crate::event::{Event, StreamId};
use crate::testkit::check::Check;
use crate::testkit::end::End;
use crate::testkit::failure::{Failure, require};
use crate::testkit::kit::Kit;
use crate::testkit::pair::{Happened, Pair};
use crate::testkit::sample::Sample;

use super::pair::{exchanges, is_one_way, named};

pub(super) fn make(kit: &Kit<'_>, sample: &Sample) -> Result<usize, Failure> {
    let exchanges = exchanges(kit, sample)?;
    let Some(exchange) = exchanges.iter().find(|exchange| !is_one_way(exchange)) else { return Ok(0) };
    let Correlation::Id { bits } = kit.protocol.traits().correlation else {
        // Where the codec names streams, the pair sees that it does; that the name is told is seen here.
        return told(kit, sample, &exchange.request);
    };
    let max = u64::MAX.checked_shr(64u32.saturating_sub(u32::from(bits))).unwrap_or_default();
    let odd = 0x8182_8384_8586_8788 & max;
    let mut cases = 0usize;
    for id in
        [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, odd, max >> 1, (max >> 1).wrapping_add(1), max.wrapping_sub(1), max]
    {
        let id = id & max;
        let name = StreamId::new(id).with_tag(exchange.stream.tag());
        let mut pair = Pair::with(kit.protocol, &kit.limits, &sample.depth);
        pair.send(Role::Client, named(&exchange.request, name));
        let asked = received(&mut pair, Role::Server)?;
        require(asked == Some(name), Check::Ids, || format!("request {id} arrived as {asked:?}"))?;
        let asked = asked.unwrap_or(name);
        require(asked.tag() == name.tag(), Check::Ids, || {
            format!("the same request came with tag {:#x} and with {:#x}", name.tag(), asked.tag())
        })?;
        pair.send(Role::Server, named(&exchange.response, asked));
        let answered = received(&mut pair, Role::Client)?;
        require(answered == Some(name), Check::Ids, || format!("the answer to {id} arrived as {answered:?}"))?;
        cases = cases.saturating_add(1);
    }
    if let Some(wide) = max.checked_add(1) {
        let mut client = End::new(kit.protocol, Role::Client, &kit.limits, &sample.depth);
        let mut events = named(&exchange.request, StreamId::new(wide).with_tag(exchange.stream.tag()));
        let sent = events.first_mut().map(|event| client.encode(event));
        require(matches!(sent, Some(Err(_))), Check::Ids, || {
            format!("id {wide} has no place in {bits} bits, and was taken: it can only run into another")
        })?;
    }
    Ok(cases)
}

/// Carries what is on its way, and says under which name the last head came at `role`.
fn received(pair: &mut Pair, role: Role) -> Result<Option<StreamId>, Failure> {
    let mut name = None;
    while let Some(happened) = pair.poll()? {
        match happened {
            Happened::Received(at, event) => {
                if let Some(stream) = event.stream() {
                    pair.release(at, stream, event.data_len());
                }
                if let (true, Event::Head(head)) = (at == role, &event) {
                    name = Some(head.stream());
                }
            }
            Happened::Refused(at, error) => {
                return Err(Failure::new(Check::Ids, format!("refused by the {at:?}: {error}")));
            }
            Happened::NotSent(at, _, error) => {
                return Err(Failure::new(Check::Ids, format!("cannot be sent by the {at:?}: {error}")));
            }
        }
    }
    Ok(name)
}

/// A head that was encoded says which name it got, and two under way never get the same.
fn told(kit: &Kit<'_>, sample: &Sample, request: &[Event]) -> Result<usize, Failure> {
    let mut pair = Pair::with(kit.protocol, &kit.limits, &sample.depth);
    let tickets = [(); 3].map(|()| pair.send(Role::Client, request.iter().cloned()));
    received(&mut pair, Role::Server)?;
    let names: Vec<_> = tickets.into_iter().filter_map(|ticket| pair.name(Role::Client, ticket)).collect();
    require(!names.is_empty(), Check::Ids, || "the name a head got is not told".to_owned())?;
    for (n, name) in names.iter().enumerate() {
        let twice = names.iter().skip(n.saturating_add(1)).any(|other| other == name);
        require(!twice, Check::Ids, || format!("two requests under way are both called {name}"))?;
    }
    Ok(names.len())
}
