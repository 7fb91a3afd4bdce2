//! [`Check::Detection`]: it agrees with decoding, and it does not hang.

use crate::codec::{Detection, Role};
use crate::depth::Depth;
use crate::event::{Event, Step};
use crate::testkit::check::Check;
use crate::testkit::end::End;
use crate::testkit::failure::{Failure, require};
use crate::testkit::kit::Kit;
use crate::testkit::rng::Rng;
use crate::testkit::sample::Sample;

/// Detection sees no more than this.
const MOST: usize = 1024;
const NOISE: usize = 2000;

pub(super) fn make(kit: &Kit<'_>, sample: &Sample) -> Result<usize, Failure> {
    let protocol = kit.protocol;
    if protocol.traits().server_first || sample.requests.is_empty() {
        return Ok(0);
    }
    let first = first_message(kit, sample)?;
    let (mut asked, mut yes) = (0, false);
    for len in 0..=sample.requests.len().min(MOST) {
        let prefix = sample.requests.get(..len).unwrap_or_default();
        let (answer, again) = (protocol.detect(prefix), protocol.detect(prefix));
        let fail =
            |what: &str| Failure::new(Check::Detection, format!("{answer:?} at {len} bytes of a sample: {what}"));
        require(answer == again, Check::Detection, || format!("{answer:?} at {len} bytes, and then {again:?}"))?;
        match answer {
            Detection::No => return Err(fail("it decodes")),
            Detection::Yes if len < asked => return Err(fail(&format!("{asked} were asked for"))),
            Detection::Yes => yes = true,
            Detection::NeedMore(_) if yes => return Err(fail("it was Yes before")),
            Detection::NeedMore(n) if n <= len => return Err(fail("so many are there")),
            Detection::NeedMore(n) if n > MOST => return Err(fail("no more than 1,024 are looked at")),
            // Whoever sent a whole message waits for its answer, and sends no more.
            Detection::NeedMore(_) if len >= first => return Err(fail("the first message is whole")),
            Detection::NeedMore(n) => asked = n,
        }
    }
    require(yes, Check::Detection, || "never sure".to_owned())?;
    noise(kit)?;
    Ok(1)
}

/// Noise that detection takes must not be refused by decoding at its first message.
fn noise(kit: &Kit<'_>) -> Result<(), Failure> {
    let mut rng = Rng::new(kit.seed);
    for _ in 0..NOISE {
        let bytes = rng.bytes(64);
        if kit.protocol.detect(&bytes) != Detection::Yes {
            continue;
        }
        let mut end = End::new(kit.protocol, Role::Server, &kit.limits, &Depth::ALL);
        end.feed(&bytes);
        if let Err(error) = end.decode()? {
            let detail = format!("Yes to noise, {}, that decoding refuses: {error}", bytes.escape_ascii());
            return Err(Failure::new(Check::Detection, detail));
        }
    }
    Ok(())
}

/// How many bytes the first request takes.
fn first_message(kit: &Kit<'_>, sample: &Sample) -> Result<usize, Failure> {
    let mut end = End::new(kit.protocol, Role::Server, &kit.limits, &Depth::ALL);
    for (at, byte) in sample.requests.iter().enumerate() {
        end.feed(&[*byte]);
        while let Ok(Step::Event(event)) = end.decode()? {
            let whole = event.is_end() || matches!(event, Event::Heartbeat { .. } | Event::GoAway);
            if whole {
                return Ok(at.saturating_add(1));
            }
        }
    }
    Ok(sample.requests.len())
}
