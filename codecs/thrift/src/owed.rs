//! Requests that wait for their answers, by the names that their holder knows and the ids on the wire.

mod passed;

use std::collections::VecDeque;

use self::passed::Passed;

/// A request that is still owed an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owed {
    /// What the holder calls it: the id on the wire, unless that is taken.
    pub(crate) name: u64,
    pub(crate) wire: u64,
    /// Given up: nothing comes, and whoever waits for it must not take another answer for it.
    pub(crate) given_up: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// In the order they came.
    waiting: VecDeque<Owed>,
    /// Those that a later one was answered before: slow, or one-way, whatever their type says.
    passed: Passed,
    /// How many wait whose ids were taken.
    repeated: usize,
    /// The high half of the names of those.
    times: u32,
    /// The highest id since nothing was owed: those above it are free.
    highest: u32,
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.waiting.len().saturating_add(self.passed.len())
    }

    /// Those that are sure to wait for an answer.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) const fn repeated(&self) -> usize {
        self.repeated
    }

    /// A name for a request whose id is `wire`: its low half, unless one under way has it.
    #[inline]
    pub(crate) fn name(&mut self, wire: u64) -> u64 {
        let low = wire as u32;
        if self.waiting.is_empty() && self.passed.is_empty() {
            (self.times, self.highest) = (0, low);
            return u64::from(low);
        }
        if low > self.highest {
            self.highest = low;
            return u64::from(low);
        }
        self.name_again(low)
    }

    #[inline(never)]
    fn name_again(&mut self, low: u32) -> u64 {
        let name = u64::from(low);
        if self.passed.get(name).is_none() && self.waiting.iter().all(|owed| owed.name != name) {
            return name;
        }
        self.times = self.times.wrapping_add(1);
        u64::from(self.times) << 32 | name
    }

    #[inline]
    pub(crate) fn push(&mut self, name: u64, wire: u64) {
        self.repeated = self.repeated.saturating_add(usize::from(is_repeated(name)));
        self.waiting.push_back(Owed { name, wire, given_up: false });
    }

    /// The id on the wire of the request called `name`, and whether its turn has come: where it is one of several with that
    /// id, or every answer must be in its turn.
    #[inline]
    pub(crate) fn turn(&self, name: u64, strict: bool) -> Option<(u64, bool)> {
        match self.waiting.front() {
            Some(owed) if owed.name == name => Some((owed.wire, true)),
            _ => self.turn_behind(name, strict),
        }
    }

    #[inline(never)]
    fn turn_behind(&self, name: u64, strict: bool) -> Option<(u64, bool)> {
        if let Some(owed) = self.passed.get(name) {
            return Some((owed.wire, true));
        }
        match self.waiting.iter().position(|owed| owed.name == name) {
            Some(at) => {
                let wire = self.waiting.get(at)?.wire;
                let waits = self.waiting.iter().take(at).any(|earlier| strict || earlier.wire == wire);
                Some((wire, !waits))
            }
            None => None,
        }
    }

    /// The request called `name` is answered.
    #[inline]
    pub(crate) fn answered(&mut self, name: u64) {
        match self.waiting.front() {
            Some(owed) if owed.name == name => drop(self.pop()),
            _ => self.answered_early(name),
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<Owed> {
        let owed = self.waiting.pop_front()?;
        self.repeated = self.repeated.saturating_sub(usize::from(is_repeated(owed.name)));
        Some(owed)
    }

    #[inline(never)]
    fn answered_early(&mut self, name: u64) {
        if self.passed.remove(name).is_some() {
            return;
        }
        match self.waiting.iter().position(|owed| owed.name == name) {
            // Those whose ids are taken again keep their turn.
            Some(at) if self.repeated > 0 => {
                self.waiting.remove(at);
                self.repeated = self.repeated.saturating_sub(usize::from(is_repeated(name)));
            }
            Some(at) => {
                self.waiting.drain(..at).for_each(|owed| self.passed.push(owed));
                self.waiting.pop_front();
            }
            None => {}
        }
    }

    /// The request that an answer with this id is to, which is done with it: the first one, unless the id tells another.
    #[inline]
    pub(crate) fn answered_by(&mut self, wire: u64) -> Option<u64> {
        match self.waiting.front() {
            Some(owed) if owed.wire == wire => self.pop().map(|owed| owed.name),
            _ => self.answered_late(wire),
        }
    }

    #[inline(never)]
    fn answered_late(&mut self, wire: u64) -> Option<u64> {
        let waiting = self.waiting.iter().find(|owed| owed.wire == wire);
        match waiting.map(|owed| owed.name).or_else(|| self.passed.name_of(wire)) {
            Some(name) => {
                self.answered_early(name);
                Some(name)
            }
            None => self.pop().map(|owed| owed.name),
        }
    }

    /// Nobody counts on any answer.
    pub(crate) fn pass_all(&mut self) {
        self.waiting.drain(..).for_each(|owed| self.passed.push(owed));
        self.repeated = 0;
    }

    /// Forgets the oldest request that others have passed.
    pub(crate) fn forget(&mut self) -> Option<Owed> {
        self.passed.pop_oldest()
    }

    /// Nobody will answer the request called `name`.
    pub(crate) fn give_up(&mut self, name: u64) {
        match self.waiting.iter_mut().find(|owed| owed.name == name) {
            Some(owed) => owed.given_up = true,
            None => self.passed.give_up(name),
        }
    }

    /// Whether something was given up, and nothing else is owed but what waits for that.
    pub(crate) fn is_stuck(&self, strict: bool) -> bool {
        let mut open = self.waiting.iter().filter(|owed| !owed.given_up);
        let given_up = self.passed.has_given_up() || self.waiting.iter().any(|owed| owed.given_up);
        given_up && open.all(|owed| self.turn(owed.name, strict).is_some_and(|(_, turn)| !turn))
    }

    pub(crate) fn trim(&mut self) {
        self.waiting.shrink_to_fit();
        self.passed.trim();
    }
}

/// Names above what the wire has room for are given where its ids are taken.
#[inline]
const fn is_repeated(name: u64) -> bool {
    name >> 32 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(queue: &mut Queue, wire: u64) -> u64 {
        let name = queue.name(wire);
        queue.push(name, wire);
        name
    }

    #[test]
    fn ids_of_their_own_are_the_names_and_have_no_turn() {
        let mut queue = Queue::default();
        for wire in [7, 9, 3] {
            assert_eq!(ask(&mut queue, wire), wire);
        }
        assert_eq!(queue.turn(3, false), Some((3, true)));
        assert_eq!(queue.turn(3, true), Some((3, false)));
        queue.answered(3);
        assert_eq!((queue.waiting(), queue.len(), queue.turn(3, false)), (0, 2, None));
        // They may still be answered, or are forgotten.
        assert_eq!(queue.turn(9, false), Some((9, true)));
        queue.answered(9);
        assert_eq!(queue.forget().map(|owed| owed.wire), Some(7));
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn the_same_id_again_has_another_name_and_waits_its_turn() {
        let mut queue = Queue::default();
        let names = [0; 4].map(|wire| ask(&mut queue, wire));
        assert_eq!(names[0], 0);
        assert!((1..4).all(|n| names[n] >> 32 == n as u64 && names[n] as u32 == 0));
        assert_eq!(queue.repeated(), 3);
        for (n, name) in names.into_iter().enumerate() {
            let waits = names.iter().skip(n + 1).all(|later| queue.turn(*later, false) == Some((0, false)));
            assert!(waits && queue.turn(name, false) == Some((0, true)));
            queue.answered(name);
        }
        assert_eq!((queue.len(), queue.repeated()), (0, 0));
        assert_eq!(queue.name(0), 0);
    }

    #[test]
    fn others_do_not_wait_for_those_that_share_an_id() {
        let mut queue = Queue::default();
        let names = [5, 5, 6].map(|wire| ask(&mut queue, wire));
        queue.answered(names[2]);
        assert_eq!(queue.waiting(), 2);
        assert_eq!(queue.turn(names[1], false), Some((5, false)));
        queue.answered(names[0]);
        assert_eq!(queue.turn(names[1], false), Some((5, true)));
    }

    #[test]
    fn an_answer_is_found_by_its_id_else_by_order() {
        let mut queue = Queue::default();
        for wire in 1..=4 {
            ask(&mut queue, wire);
        }
        assert_eq!(queue.answered_by(3), Some(3));
        assert_eq!(queue.answered_by(1), Some(1));
        assert_eq!(queue.answered_by(77), Some(4));
        assert_eq!(queue.answered_by(77), None);
        assert_eq!(queue.answered_by(2), Some(2));
    }

    #[test]
    fn what_is_given_up_is_stuck_once_nothing_else_is_owed() {
        let mut queue = Queue::default();
        let names = [0, 8, 0].map(|wire| ask(&mut queue, wire));
        assert!(!queue.is_stuck(false));
        queue.give_up(names[0]);
        assert!(!queue.is_stuck(false) && queue.is_stuck(true));
        queue.answered(names[1]);
        assert!(queue.is_stuck(false), "the other one waits for an answer that does not come");
    }
}
