//! What comes from one end, and what is owed to it.

use std::collections::VecDeque;

use meshwire::{Limits, Stats};

use super::Side;
use crate::budget::Budgets;
use crate::frame::{HEADER, MAX_PAYLOAD};
use crate::settings::Settings;

/// SETTINGS of one end that the other may leave unacknowledged and still be told apart.
const UNACKNOWLEDGED: usize = 64;

#[derive(Debug)]
pub(super) struct Flow {
    pub(super) rx: Rx,
    /// Bytes that must be there before the input is worth another look.
    pub(super) need: usize,
    /// What this end has said of itself.
    pub(super) settings: Settings,
    pub(super) settled: bool,
    /// The largest frame that it ever said it takes.
    pub(super) takes: usize,
    /// A block of fields that goes on in CONTINUATION frames.
    pub(super) block: Option<Block>,
    pub(super) budgets: Budgets,
    /// Frames for this end that wait until the one before them is whole.
    pub(super) held: Vec<u8>,
    /// Credit for the connection that this end is owed: for data that went no further.
    pub(super) credit: u32,
    /// Tables that the client has announced and the server not acknowledged, and the one that holds.
    tables: VecDeque<u32>,
    table: u32,
    /// The next block to the client must begin by saying that its table is no larger (RFC 7541, section 4.2).
    pub(super) owes_size: Option<usize>,
    /// PINGs of the server's own on their way to the client that look like ours.
    pub(super) foreign: u32,
    /// Ours has not come back.
    pub(super) pinged: bool,
    pub(super) stats: Stats,
}

/// What is read next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rx {
    Preface,
    Frame,
    /// Inside a frame.
    Body(Body),
}

/// What is left of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body {
    pub(super) left: usize,
    pub(super) drop: bool,
    /// The stream whose block is spoilt behind it.
    pub(super) poison: Option<u32>,
}

/// A block that is not whole yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// The stream that it came on.
    pub(super) stream: u32,
    pub(super) end: bool,
    pub(super) poison: bool,
    pub(super) frames: usize,
}

impl Flow {
    pub(super) fn new(from: Side, limits: &Limits) -> Self {
        let (rx, need) = match from {
            Side::Down => (Rx::Preface, 1),
            Side::Up => (Rx::Frame, HEADER),
        };
        Self {
            rx,
            need,
            settings: Settings::initial(),
            settled: false,
            takes: MAX_PAYLOAD,
            block: None,
            budgets: Budgets::new(limits),
            held: Vec::new(),
            credit: 0,
            tables: VecDeque::new(),
            table: 4096,
            owes_size: None,
            foreign: 0,
            pinged: false,
            stats: Stats::default(),
        }
    }

    /// Whether what came from here ends with a whole message part, so that something else may follow at the other end.
    pub(super) const fn is_between(&self) -> bool {
        let inside = matches!(self.rx, Rx::Preface | Rx::Body(Body { drop: false, .. }));
        self.settled && self.block.is_none() && !inside
    }

    /// The table that the settings just read announce.
    pub(super) fn table_announced(&mut self) {
        let size = u32::try_from(self.settings.table).unwrap_or(u32::MAX);
        let full = self.tables.len() >= UNACKNOWLEDGED;
        match self.tables.back_mut() {
            // Nobody has so many settings under way: the smallest of them is always right.
            Some(last) if full => *last = size.min(*last),
            _ => self.tables.push_back(size),
        }
    }

    /// From here on what the other end writes keeps to it.
    pub(super) fn table_acknowledged(&mut self) {
        let Some(size) = self.tables.pop_front() else { return };
        if size < self.table {
            let owed = self.owes_size.unwrap_or(usize::MAX);
            self.owes_size = Some(owed.min(size as usize));
        }
        self.table = size;
    }

    pub(super) fn trim(&mut self) {
        self.held.shrink_to_fit();
    }
}
