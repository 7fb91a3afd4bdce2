//! The shape of the last header map, and what was found in it.
//!
//! The place of each entry is told by the lengths of all before it: to walk a map is to wait for one load after the other.
//! But one client's calls of one method have maps of one shape: the same keys in the same places, the same service, values of
//! the same lengths. Where the shape is known the loads need not wait for each other, and what was found once stands there
//! again. The walk is the oracle of a test in [`destination`](crate::destination).

use crate::found::{Found, Place};
use crate::keys::{METHOD, SERVICE, TARGET_SERVICE};

/// Lengths of a map that is remembered, two an entry.
const LENGTHS: usize = 32;
/// Bytes of the longest name of a service that is remembered.
const NAME: usize = 96;

/// The shape of a map; of none, before the first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    map_len: usize,
    /// Where each length stands, and its bytes.
    lengths: Vec<(u32, [u8; 4])>,
    /// Keys that name the destination.
    keys: Keys,
    /// What both keys of the service say.
    name: Vec<u8>,
    found: Found,
    /// How long the map was that had another shape. Only the second of one length in a row is remembered: clients that take
    /// turns would else pay for what they do not use.
    missed: usize,
}

/// Where keys stand that name the destination.
#[derive(Clone, Copy, Debug, Default)]
struct Keys {
    service: Place,
    target: Place,
    method: Place,
}

impl Shape {
    /// What is found in a map of this shape; `None` where it has another.
    #[inline]
    pub(crate) fn find(&self, map: &[u8]) -> Option<Found> {
        if map.len() != self.map_len {
            return None;
        }
        for (at, len) in &self.lengths {
            let at = *at as usize;
            if map.get(at..at.wrapping_add(4))? != len {
                return None;
            }
        }
        let Keys { service, target, method } = self.keys;
        let same =
            is(map, method, METHOD) && self.names(map, service, SERVICE) && self.names(map, target, TARGET_SERVICE);
        same.then_some(self.found)
    }

    /// Whether the key that stood there stands there, with the same value.
    #[inline(always)]
    fn names<const N: usize>(&self, map: &[u8], key: Place, known: &[u8; N]) -> bool {
        let at = key.end().wrapping_add(4);
        !key.is_some()
            || is(map, key, known) && map.get(at..at.wrapping_add(self.name.len())) == Some(self.name.as_slice())
    }

    /// Whether `map`, in which nothing was found so, is worth to be remembered.
    pub(crate) fn wants(&mut self, map: &[u8]) -> bool {
        std::mem::replace(&mut self.missed, map.len()) == map.len()
    }

    /// Remembers a map: its entries, each with the place of its value, the service's name, and what was found.
    pub(crate) fn remember<'a>(
        &mut self,
        map: &[u8],
        entries: impl Iterator<Item = (&'a [u8], Place)>,
        name: &[u8],
        found: Found,
    ) {
        // None has this length.
        self.map_len = usize::MAX;
        self.lengths.clear();
        self.keys = Keys::default();
        for (key, value) in entries {
            let value_len_at = usize::from(value.at).wrapping_sub(4);
            let key = (key, Place::ending_at(value_len_at, key.len()));
            let key_len_at = usize::from(key.1.at).wrapping_sub(4);
            for at in [key_len_at, value_len_at] {
                let len = map.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
                self.lengths.push((at as u32, len));
            }
            match key {
                (key, place) if key == SERVICE => self.keys.service = place,
                (key, place) if key == TARGET_SERVICE => self.keys.target = place,
                (key, place) if key == METHOD => self.keys.method = place,
                // It may be one of them in the next map.
                (other, _) if [SERVICE.len(), TARGET_SERVICE.len(), METHOD.len()].contains(&other.len()) => return,
                _ => {}
            }
            if self.lengths.len() > LENGTHS {
                return;
            }
        }
        if name.len() <= NAME {
            self.name.clear();
            self.name.extend_from_slice(name);
            self.found = found;
            self.map_len = map.len();
        }
    }
}

/// Whether the key `known` stands where one was, if one was.
#[inline(always)]
fn is<const N: usize>(map: &[u8], key: Place, known: &[u8; N]) -> bool {
    !key.is_some() || map.get(usize::from(key.at)..).and_then(<[u8]>::first_chunk::<N>) == Some(known)
}
