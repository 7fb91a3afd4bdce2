//! Requests that a later one was answered before.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Owed;

/// They may be as many as may be open at all, and any of them may be answered next: nothing here walks over them.
#[derive(Debug, Default)]
pub(super) struct Passed {
    /// In the order they came.
    all: BTreeMap<u64, Owed>,
    by_name: HashMap<u64, u64>,
    by_wire: BTreeSet<(u64, u64)>,
    next: u64,
    given_up: usize,
}

impl Passed {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn push(&mut self, owed: Owed) {
        // Names are told apart by who gives them; a second one would be found no more.
        let _ = self.remove(owed.name);
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.by_name.insert(owed.name, number);
        self.by_wire.insert((owed.wire, number));
        self.given_up = self.given_up.saturating_add(usize::from(owed.given_up));
        self.all.insert(number, owed);
    }

    pub(super) fn get(&self, name: u64) -> Option<Owed> {
        self.all.get(self.by_name.get(&name)?).copied()
    }

    /// The name of the oldest with this id.
    pub(super) fn name_of(&self, wire: u64) -> Option<u64> {
        let (_, number) = self.by_wire.range((wire, 0)..=(wire, u64::MAX)).next()?;
        self.all.get(number).map(|owed| owed.name)
    }

    pub(super) fn remove(&mut self, name: u64) -> Option<Owed> {
        let number = self.by_name.remove(&name)?;
        self.forget(number)
    }

    pub(super) fn pop_oldest(&mut self) -> Option<Owed> {
        let (number, owed) = self.all.first_key_value().map(|(number, owed)| (*number, *owed))?;
        self.by_name.remove(&owed.name);
        self.forget(number)
    }

    fn forget(&mut self, number: u64) -> Option<Owed> {
        let owed = self.all.remove(&number)?;
        self.by_wire.remove(&(owed.wire, number));
        self.given_up = self.given_up.saturating_sub(usize::from(owed.given_up));
        Some(owed)
    }

    /// Nobody will answer the request called `name`.
    pub(super) fn give_up(&mut self, name: u64) {
        if let Some(owed) = self.by_name.get(&name).and_then(|number| self.all.get_mut(number)) {
            self.given_up = self.given_up.saturating_add(usize::from(!owed.given_up));
            owed.given_up = true;
        }
    }

    pub(super) const fn has_given_up(&self) -> bool {
        self.given_up > 0
    }

    pub(super) fn trim(&mut self) {
        self.by_name.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a list that is walked over.
        #[test]
        fn is_a_list_in_the_order_they_came(ops in prop::collection::vec((0u8..5, 0u64..12, 0u64..4), 0..120)) {
            let (mut passed, mut list) = (Passed::default(), Vec::<Owed>::new());
            for (op, name, wire) in ops {
                let known = list.iter().position(|owed| owed.name == name);
                match op {
                    0 | 1 if known.is_none() => {
                        let owed = Owed { name, wire, given_up: false };
                        passed.push(owed);
                        list.push(owed);
                    }
                    2 => prop_assert_eq!(passed.remove(name), known.map(|at| list.remove(at))),
                    3 => {
                        let oldest = if list.is_empty() { None } else { Some(list.remove(0)) };
                        prop_assert_eq!(passed.pop_oldest(), oldest);
                    }
                    _ => {
                        passed.give_up(name);
                        list.iter_mut().filter(|owed| owed.name == name).for_each(|owed| owed.given_up = true);
                    }
                }
                prop_assert_eq!((passed.len(), passed.is_empty()), (list.len(), list.is_empty()));
                prop_assert_eq!(passed.get(name), list.iter().find(|owed| owed.name == name).copied());
                let first = list.iter().find(|owed| owed.wire == wire).map(|owed| owed.name);
                prop_assert_eq!(passed.name_of(wire), first);
                prop_assert_eq!(passed.has_given_up(), list.iter().any(|owed| owed.given_up));
                prop_assert_eq!((passed.by_name.len(), passed.by_wire.len()), (list.len(), list.len()));
            }
        }
    }
}
