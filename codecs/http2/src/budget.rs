//! What a peer may do that moves nothing forward: so much at once, then so much a second.

use std::time::Duration;

use meshwire::{Limit, Limits, Output, TokenBucket};

/// The budgets of one connection. What moves something forward gives back: a client that pings for every message it
/// gets, as gRPC's do, is healthy however fast it is.
#[derive(Debug)]
pub(crate) struct Budgets {
    resets: TokenBucket,
    idle_frames: TokenBucket,
    window_updates: TokenBucket,
    small_data: TokenBucket,
    replies: Replies,
}

/// DATA with less content than this is small: what it costs to hold is more than what it holds.
pub(crate) const SMALL: usize = 256;

/// WINDOW_UPDATE frames that a DATA frame of ours earns: one for its stream, one for the connection, and those of
/// peers that give credit back in small change.
const EARNED: u32 = 10;

/// Frames that a peer may have under way for a stream that we reset: a head, some content, trailers.
const STRAGGLERS: u32 = 4;

/// A stream that was open for so long before it was reset has cost its sender what an answer would have.
const PREMATURE: Duration = Duration::from_millis(10);

impl Budgets {
    pub(crate) const fn new(limits: &Limits) -> Self {
        Self {
            resets: TokenBucket::new(limits.resets),
            idle_frames: TokenBucket::new(limits.idle_frames),
            window_updates: TokenBucket::new(limits.window_updates),
            small_data: TokenBucket::new(limits.small_data),
            replies: Replies { count: 0, mark: 0, limit: limits.replies },
        }
    }

    /// The peer reset a stream that was open for `age` and had been `answered`, at least in part.
    pub(crate) fn reset(&mut self, age: Duration, answered: bool, now: Duration) -> Result<(), Limit> {
        if answered || age >= PREMATURE {
            return Ok(());
        }
        self.provoked(now)
    }

    /// The peer makes us reset a stream.
    pub(crate) fn provoked(&mut self, now: Duration) -> Result<(), Limit> {
        self.resets.take(now).then_some(()).ok_or(Limit::Resets)
    }

    /// A frame without content or consequence.
    pub(crate) fn idle(&mut self, now: Duration) -> Result<(), Limit> {
        self.idle_frames.take(now).then_some(()).ok_or(Limit::IdleFrames)
    }

    pub(crate) fn window_update(&mut self, now: Duration) -> Result<(), Limit> {
        self.window_updates.take(now).then_some(()).ok_or(Limit::WindowUpdates)
    }

    /// A DATA frame with `n` bytes of content has come, which the holder gets.
    #[inline]
    pub(crate) fn data_in(&mut self, n: usize, now: Duration) -> Result<(), Limit> {
        self.idle_frames.give(1);
        if n < SMALL {
            return self.small_data.take(now).then_some(()).ok_or(Limit::SmallData);
        }
        Ok(())
    }

    /// The holder let go of data.
    #[inline]
    pub(crate) fn released(&mut self) {
        self.small_data.give(1);
    }

    /// A DATA frame has come that nobody holds.
    #[inline]
    pub(crate) fn moved(&mut self) {
        self.idle_frames.give(1);
    }

    /// The peer was sent what it must answer.
    pub(crate) fn expect_answer(&mut self) {
        self.idle_frames.give(1);
    }

    /// We have sent a DATA frame.
    #[inline]
    pub(crate) fn data_out(&mut self) {
        self.idle_frames.give(1);
        self.window_updates.give(EARNED);
    }

    /// An exchange has come to its end in order.
    #[inline]
    pub(crate) fn finished(&mut self) {
        self.resets.give(1);
        self.idle_frames.give(1);
    }

    /// We have reset a stream: what the peer had under way for it is no mistake.
    pub(crate) fn expect_stragglers(&mut self) {
        self.idle_frames.give(STRAGGLERS);
    }

    /// A control reply is about to be queued.
    pub(crate) fn reply(&mut self, output: &Output) -> Result<(), Limit> {
        self.replies.count(output)
    }
}

/// Control replies that the peer has not read yet.
#[derive(Debug)]
struct Replies {
    count: usize,
    /// Up to where in all that was ever queued it must have left before the count begins anew.
    mark: u64,
    limit: usize,
}

impl Replies {
    fn count(&mut self, output: &Output) -> Result<(), Limit> {
        let written = output.total().saturating_sub(output.len() as u64);
        if written >= self.mark {
            // What was counted before has left; the first byte of what is counted now has not.
            self.count = 0;
            self.mark = output.total().saturating_add(1);
        }
        self.count = self.count.saturating_add(1);
        if self.count > self.limit {
            return Err(Limit::Replies);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(7);

    #[test]
    fn only_what_was_never_worked_on_counts_as_rapid() {
        let mut limits = Limits::default();
        limits.resets.burst = 2;
        limits.resets.per_second = 0;
        let mut budgets = Budgets::new(&limits);
        for _ in 0..10_000 {
            assert_eq!(budgets.reset(Duration::ZERO, true, NOW), Ok(()));
            assert_eq!(budgets.reset(PREMATURE, false, NOW), Ok(()));
        }
        assert_eq!(budgets.reset(Duration::ZERO, false, NOW), Ok(()));
        assert_eq!(budgets.reset(Duration::ZERO, false, NOW), Ok(()));
        assert_eq!(budgets.reset(Duration::ZERO, false, NOW), Err(Limit::Resets));
        budgets.finished();
        assert_eq!(budgets.reset(Duration::ZERO, false, NOW), Ok(()));
        assert_eq!(budgets.provoked(NOW), Err(Limit::Resets));
    }

    #[test]
    fn small_data_that_is_let_go_of_costs_nothing() {
        let mut limits = Limits::default();
        limits.small_data.burst = 3;
        limits.small_data.per_second = 0;
        let mut budgets = Budgets::new(&limits);
        for _ in 0..1000 {
            assert_eq!(budgets.data_in(1, NOW), Ok(()));
            budgets.released();
        }
        assert!((0..3).all(|_| budgets.data_in(SMALL - 1, NOW).is_ok()));
        assert_eq!(budgets.data_in(SMALL, NOW), Ok(()));
        assert_eq!(budgets.data_in(SMALL - 1, NOW), Err(Limit::SmallData));
    }

    #[test]
    fn replies_count_until_they_have_left() {
        let mut limits = Limits::default();
        limits.replies = 2;
        let mut budgets = Budgets::new(&limits);
        let mut output = Output::new();
        let mut reply = |output: &mut Output| {
            let result = budgets.reply(output);
            output.put(b"0123456789");
            result
        };
        assert!(reply(&mut output).is_ok() && reply(&mut output).is_ok());
        assert_eq!(reply(&mut output), Err(Limit::Replies));
        output.advance(30);
        assert!(reply(&mut output).is_ok() && reply(&mut output).is_ok());
        assert_eq!(reply(&mut output), Err(Limit::Replies));
    }
}
