//! What becomes of a request that a route matches.

use std::time::Duration;

use super::condition::Condition;
use super::document::{FieldEdits, Reply, Weight};
use super::table::NotSeen;
use crate::depth::Depth;
use crate::error::EditError;
use crate::head::Head;
use crate::key::RoutingKey;
use crate::outcome::{LocalReply, Outcome};

/// A route of a [`RouteTable`](crate::RouteTable).
///
/// It fills a cache line: in a table too large for the cache, one wait brings all that most requests need of it.
#[derive(Debug)]
#[repr(align(64))]
pub struct Route {
    pub(super) conditions: Box<[Condition]>,
    pub(super) action: Action,
    pub(super) timeout: Option<Duration>,
    pub(super) more: Option<Box<More>>,
}

const _: () = assert!(size_of::<Route>() == 64, "what is seldom needed belongs into `More`");

/// What most routes, or most requests, do without.
#[derive(Debug)]
pub(super) struct More {
    pub(super) name: Option<Box<str>>,
    pub(super) retry: Option<Retry>,
    pub(super) request: FieldEdits,
    pub(super) response: FieldEdits,
}

impl More {
    pub(super) const fn is_empty(&self) -> bool {
        self.name.is_none() && self.retry.is_none() && self.request.is_empty() && self.response.is_empty()
    }
}

#[derive(Debug)]
pub(super) enum Action {
    Cluster(Box<str>),
    /// The total is the sum of the weights and not zero.
    Weighted {
        clusters: Box<[Weight]>,
        total: u32,
    },
    Reply(Box<Reply>),
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum Target<'t> {
    /// To this cluster.
    Cluster(&'t str),
    /// Nowhere: the proxy gives this answer.
    Reply(LocalReply<'t>),
}

impl Route {
    /// Its name, for logs.
    pub fn name(&self) -> Option<&str> {
        self.more.as_ref()?.name.as_deref()
    }

    /// Where the request goes. `random` chooses among weighted clusters: one number for a request gives one answer.
    pub fn target(&self, random: u64) -> Target<'_> {
        match &self.action {
            Action::Cluster(cluster) => Target::Cluster(cluster),
            Action::Weighted { clusters, total } => Target::Cluster(pick(clusters, *total, random)),
            Action::Reply(reply) => Target::Reply(LocalReply::new(reply.outcome, &reply.message)),
        }
    }

    /// From the end of the request to the end of the answer, retries included.
    pub const fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// When to try again, if ever.
    pub fn retry(&self) -> Option<&Retry> {
        self.more.as_ref()?.retry.as_ref()
    }

    /// Edits the fields of a request.
    ///
    /// # Errors
    ///
    /// [`EditError`] where the protocol has no place for a field. Edits before that one are made: such a head is
    /// not to be forwarded.
    pub fn apply_request(&self, head: &mut Head) -> Result<(), EditError> {
        self.more.as_ref().map_or(Ok(()), |more| more.request.apply(head))
    }

    /// Edits the fields of an answer.
    ///
    /// # Errors
    ///
    /// As [`apply_request`](Self::apply_request).
    pub fn apply_response(&self, head: &mut Head) -> Result<(), EditError> {
        self.more.as_ref().map_or(Ok(()), |more| more.response.apply(head))
    }

    /// What [`apply_response`](Self::apply_response) does, if anything: for whoever must remember it until the answer.
    pub fn response_edits(&self) -> Option<&FieldEdits> {
        self.more.as_ref().map(|more| &more.response).filter(|edits| !edits.is_empty())
    }

    /// Whether every condition holds. What was not seen matters only if no other condition fails: the answer does
    /// not depend on the order in which they are looked at.
    pub(super) fn admits<K: RoutingKey + ?Sized>(&self, key: &K) -> Result<bool, NotSeen<'_>> {
        let mut unseen = None;
        for condition in &self.conditions {
            match condition.holds(key) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(what) if unseen.is_none() || what.is_of_fields() => unseen = Some(what),
                Err(_) => {}
            }
        }
        unseen.map_or(Ok(true), Err)
    }

    /// `depth` and what this route looks at.
    pub(super) fn deepen(&self, depth: Depth) -> Depth {
        self.conditions.iter().fold(depth, |depth, condition| condition.deepen(depth))
    }
}

/// The cluster in whose interval of `0..total` the number lies.
fn pick(clusters: &[Weight], total: u32, random: u64) -> &str {
    let mut left = random.checked_rem(u64::from(total)).unwrap_or_default();
    for choice in clusters {
        match left.checked_sub(u64::from(choice.weight)) {
            Some(rest) => left = rest,
            None => return &choice.cluster,
        }
    }
    // Not reached: the weights sum up to the total.
    clusters.first().map_or("", |choice| &choice.cluster)
}

/// When to try again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retry {
    /// How often after the first time; not zero.
    pub attempts: u32,
    /// The longest that one try may take, the first included.
    pub per_try_timeout: Option<Duration>,
    /// The upper bound of the wait before the first retry.
    pub backoff: Duration,
    /// The upper bound of every wait.
    pub max_backoff: Duration,
    /// A bit for each outcome.
    on: u32,
}

impl Retry {
    pub(super) fn new(attempts: u32, on: &[Outcome], per_try_timeout: Option<Duration>, backoff: Duration) -> Self {
        let on = on.iter().fold(0, |bits, outcome| bits | bit(*outcome));
        Self { attempts, per_try_timeout, backoff, max_backoff: backoff.saturating_mul(10), on }
    }

    /// Whether this outcome is worth another try. Whether the request may be sent twice is for
    /// [`Outcome::executed`] and the caller to say.
    pub const fn covers(&self, outcome: Outcome) -> bool {
        self.on & bit(outcome) != 0
    }

    /// How long to wait before retry `n`, the first being 0: evenly spread below a bound that doubles each time, so
    /// that those who failed together do not come back together.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use meshwire::route::document::{self, Document, VirtualHost};
    /// use meshwire::{Key, Outcome, RouteTable};
    ///
    /// let mut route = document::Route::to("demo");
    /// route.retry = Some(document::Retry::new([Outcome::Unavailable]));
    /// let table = RouteTable::new(Document::new([VirtualHost::new(["*"], [route])]))?;
    ///
    /// let retry = table.lookup(&Key::new(), 0).unwrap().route().retry().unwrap();
    /// assert!(retry.covers(Outcome::Unavailable) && !retry.covers(Outcome::Timeout));
    /// assert!((0..100).all(|random| retry.wait(0, random) < Duration::from_millis(25)));
    /// assert!((0..100).all(|random| retry.wait(60, random) < Duration::from_millis(250)));
    /// # Ok::<(), meshwire::route::RouteError>(())
    /// ```
    pub fn wait(&self, n: u32, random: u64) -> Duration {
        let doubled = self.backoff.saturating_mul(1_u32.checked_shl(n).unwrap_or(u32::MAX));
        let bound = u64::try_from(doubled.min(self.max_backoff).as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(random.checked_rem(bound).unwrap_or_default())
    }
}

const fn bit(outcome: Outcome) -> u32 {
    1 << outcome as u8
}

const _: () = assert!(Outcome::ALL.len() <= 32, "a retry has a bit for each outcome");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_weight_is_an_interval() {
        let weight = |cluster: &str, weight| Weight { cluster: cluster.into(), weight };
        let clusters = [weight("none", 0), weight("a", 3), weight("nor", 0), weight("b", 1)];
        let picked: Vec<&str> = (0..9).map(|random| pick(&clusters, 4, random)).collect();
        assert_eq!(picked, ["a", "a", "a", "b", "a", "a", "a", "b", "a"]);
        assert_eq!(pick(&[weight("x", u32::MAX)], u32::MAX, u64::MAX), "x");
    }

    #[test]
    fn waits_double_up_to_the_bound() {
        let retry = Retry::new(9, &[Outcome::Timeout], None, Duration::from_millis(25));
        let longest = |n| (0..400_000_000).step_by(999_983).map(|random| retry.wait(n, random)).max().unwrap();
        for (n, bound) in [(0, 25), (1, 50), (2, 100), (3, 200), (4, 250), (31, 250), (32, 250), (u32::MAX, 250)] {
            let longest = longest(n);
            assert!(longest < Duration::from_millis(bound) && longest > Duration::from_millis(bound * 9 / 10), "{n}");
        }
    }
}
