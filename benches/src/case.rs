//! What is measured, and what it should come to.

use std::fmt;

/// One of the two things that a case compares.
pub trait Side {
    /// What a batch needs and nobody measures: bytes that a socket would have read.
    fn prepare(&mut self) {}

    /// One batch of messages.
    fn run(&mut self);
}

/// meshwire on one side, a peer on the other, doing the same to the same messages.
pub struct Case {
    /// `protocol/what/variant`.
    pub name: String,
    /// What the other side is.
    pub peer: &'static str,
    /// Messages in a batch, on either side.
    pub batch: u32,
    /// Batches whose instructions are counted.
    pub collect: u32,
    /// Whether allocations between batches are meshwire's too: it keeps the read buffer there.
    pub count_prepare: bool,
    /// meshwire.
    pub ours: Make,
    /// The peer.
    pub theirs: Make,
    /// What the comparison should come to.
    pub targets: Vec<Target>,
    /// Says what is missing on this machine for the peer to run.
    pub needs: fn() -> std::result::Result<(), String>,
}

/// Makes a side, ready to run.
pub type Make = Box<dyn Fn() -> Box<dyn Side>>;

impl Case {
    /// A case without targets.
    pub fn new<A: Side + 'static, B: Side + 'static>(
        name: impl Into<String>,
        peer: &'static str,
        batch: u32,
        ours: impl Fn() -> A + 'static,
        theirs: impl Fn() -> B + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            peer,
            batch,
            collect: 20,
            count_prepare: true,
            ours: Box::new(move || Box::new(ours())),
            theirs: Box::new(move || Box::new(theirs())),
            targets: Vec::new(),
            needs: || Ok(()),
        }
    }

    /// The same case with a target.
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.targets.push(target);
        self
    }

    /// The same case, left out where `needs` says that something is missing.
    #[must_use]
    pub fn needing(mut self, needs: fn() -> std::result::Result<(), String>) -> Self {
        self.needs = needs;
        self
    }

    /// The same case, counting instructions of so many batches.
    #[must_use]
    pub const fn collecting(mut self, batches: u32) -> Self {
        self.collect = batches;
        self
    }

    /// The same case, in which allocations between batches are the benchmark's own.
    #[must_use]
    pub const fn own_prepare(mut self) -> Self {
        self.count_prepare = false;
        self
    }
}

/// What a case should come to.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// At most so many nanoseconds a message more than the peer.
    Over(f64),
    /// At most so many nanoseconds a message.
    Within(f64),
    /// At most so many times the peer's time.
    Time(f64),
    /// At most so many times the peer's instructions.
    Instructions(f64),
    /// At most so many allocations a message.
    Allocations(f64),
}

impl Target {
    /// Whether it is met; `None` where it was not measured.
    pub fn met(self, result: &Result) -> Option<bool> {
        match self {
            Self::Over(ns) => Some(result.over <= ns),
            Self::Within(ns) => Some(result.ns <= ns),
            Self::Time(ratio) => Some(result.ratio <= ratio),
            Self::Instructions(ratio) => Some(result.instructions?.ratio() <= ratio),
            Self::Allocations(n) => Some(result.allocs <= n),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Over(ns) => write!(f, "peer + {ns} ns"),
            Self::Within(ns) => write!(f, "{ns:.0} ns"),
            Self::Time(ratio) => write!(f, "time x {ratio:.2}"),
            Self::Instructions(ratio) => write!(f, "instructions x {ratio:.2}"),
            Self::Allocations(n) => write!(f, "{n} allocs"),
        }
    }
}

/// What a case came to, for each message.
#[derive(Clone, Copy, Debug)]
pub struct Result {
    /// Nanoseconds of meshwire.
    pub ns: f64,
    /// Nanoseconds of the peer.
    pub peer_ns: f64,
    /// Time over the peer's.
    pub ratio: f64,
    /// Nanoseconds more than the peer.
    pub over: f64,
    /// meshwire's allocations.
    pub allocs: f64,
    /// Instructions, where they were counted.
    pub instructions: Option<Instructions>,
}

/// Instructions a message.
#[derive(Clone, Copy, Debug)]
pub struct Instructions {
    /// meshwire's.
    pub ours: f64,
    /// The peer's.
    pub theirs: f64,
}

impl Instructions {
    /// Instructions over the peer's.
    pub fn ratio(self) -> f64 {
        self.ours / self.theirs
    }
}
