//! Where a request goes: what its header map says of service and method.

use std::ops::Range;

use meshwire::frame::Fault;
use meshwire::{Attribute, Head, Limit};

use crate::found::{Found, Place};
use crate::keys::{METHOD, SERVICE, TARGET_SERVICE};
use crate::map::{Entries, Malformed};
use crate::shape::Shape;

/// What a header map may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MapLimits {
    pub(crate) fields: usize,
    pub(crate) field: usize,
}

/// Checks the map at `at` in `seen`, and finds the destination in it.
pub(crate) fn read(seen: &[u8], at: Range<usize>, limits: MapLimits, last: &mut Shape) -> Result<Found, Fault> {
    match like_last(seen.get(at.clone()).unwrap_or_default(), limits, last) {
        Some(found) => Ok(found),
        None => walk(seen, at, limits),
    }
}

/// Puts what was found in a map that begins at `begins` into `head`. What a SOFARPC call lacks may be elsewhere.
#[inline(always)]
pub(crate) fn put(found: Found, begins: usize, is_call: bool, head: &mut Head) {
    let begins = begins as u32;
    let Found { service, version, unique_id, method } = found;
    let named = service.is_some() || !is_call;
    set(head, Attribute::Service, begins, service, named);
    set(head, Attribute::Version, begins, version, named);
    set(head, Attribute::Group, begins, unique_id, named);
    set(head, Attribute::Method, begins, method, !is_call);
}

/// What is found by the [shape](Shape) of the last map, or by [`plain`]; `None` says only that [`read`] must look closer. Not
/// inlined: in the middle of all that a codec does there are no registers left for it.
#[inline(never)]
pub(crate) fn like_last(map: &[u8], limits: MapLimits, last: &mut Shape) -> Option<Found> {
    if let Some(found) = last.find(map) {
        return Some(found);
    }
    let found = plain(map, limits)?;
    if last.wants(map) {
        last.remember(map, entries(map), whole_name(map, found), found);
    }
    Some(found)
}

/// The entries of a map without nulls: each key, and where its value stands.
fn entries(map: &[u8]) -> impl Iterator<Item = (&[u8], Place)> {
    let mut entries = Entries::new(map);
    std::iter::from_fn(move || {
        let (key, value) = entries.next().ok()???;
        Some((key, Place::ending_at(map.len().wrapping_sub(entries.left()), value.len())))
    })
}

/// The name of the service as it stands in the map.
pub(crate) fn whole_name(map: &[u8], found: Found) -> &[u8] {
    let last = if found.unique_id.is_some() { found.unique_id } else { found.version };
    let end = if last.is_some() { last.end() } else { found.service.end() };
    map.get(usize::from(found.service.at)..end).unwrap_or_default()
}

/// What is not there may be elsewhere, if not `settled`.
#[inline(always)]
fn set(head: &mut Head, attribute: Attribute, begins: u32, place: Place, settled: bool) {
    if place.is_some() {
        head.set_short_span(attribute, begins.wrapping_add(u32::from(place.at)), place.len);
    } else if settled {
        head.set_absent(attribute);
    }
}

/// Reads a map as nearly every request has it: no nulls, no key that matters twice, within the limits. `None` says only that
/// [`walk`] must look closer.
#[inline(never)]
fn plain(map: &[u8], limits: MapLimits) -> Option<Found> {
    let (mut service, mut target, mut method) = (Place::default(), Place::default(), Place::default());
    let mut twice = false;
    let mut rest = map;
    let mut count = 0usize;
    while let Some((len, behind)) = rest.split_first_chunk::<4>() {
        // A null is longer than any map.
        let key_len = u32::from_be_bytes(*len) as usize;
        let value_at = key_len.checked_add(4)?;
        let [l0, l1, l2, l3] = *behind.get(key_len..value_at)? else { return None };
        let value_len = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
        rest = behind.get(value_at.checked_add(value_len)?..)?;
        count = count.wrapping_add(1);
        let place = Place::ending_at(map.len().wrapping_sub(rest.len()), value_len);
        match (key_len, behind.get(..key_len)?) {
            (7, key) if key == SERVICE => {
                twice |= service.is_some();
                service = place;
            }
            (24, key) if key == TARGET_SERVICE => {
                twice |= target.is_some();
                target = place;
            }
            (21, key) if key == METHOD => {
                twice |= method.is_some();
                method = place;
            }
            _ => {}
        }
    }
    let both = service.is_some() && target.is_some();
    let refused = twice || !rest.is_empty() || map.len() > limits.field || count > limits.fields;
    if refused || both && service.of(map) != target.of(map) {
        return None;
    }
    Some(Found::new(map, if target.is_some() { target } else { service }, method))
}

/// Reads any map.
#[cold]
#[inline(never)]
fn walk(seen: &[u8], at: Range<usize>, limits: MapLimits) -> Result<Found, Fault> {
    check(seen, at.clone(), limits)?;
    let map = seen.get(at.clone()).unwrap_or_default();
    let mut entries = Entries::new(map);
    let (mut service, mut target, mut method) = (Place::default(), Place::default(), Place::default());
    while let Ok(Some(entry)) = entries.next() {
        let Some((key, value)) = entry else { continue };
        let slot = match key {
            _ if key == SERVICE => &mut service,
            _ if key == TARGET_SERVICE => &mut target,
            _ if key == METHOD => &mut method,
            _ => continue,
        };
        let end = map.len().saturating_sub(entries.left());
        if slot.is_some() {
            // Readers disagree on which of two counts.
            let detail = "a key of the header map that names the destination stands there twice";
            return Err(Fault::new("twice", detail, at.start.saturating_add(end)));
        }
        *slot = Place::ending_at(end, value.len());
    }
    if service.is_some() && target.is_some() && service.of(map) != target.of(map) {
        // Some servers dispatch by one of them, some by the other.
        let detail = "service and sofa_head_target_service name different services";
        return Err(Fault::new("contradiction", detail, at.start.saturating_add(usize::from(target.at))));
    }
    Ok(Found::new(map, if target.is_some() { target } else { service }, method))
}

/// Checks the map at `at` in `seen`.
pub(crate) fn check(seen: &[u8], at: Range<usize>, limits: MapLimits) -> Result<(), Fault> {
    let mut entries = Entries::new(seen.get(at.clone()).unwrap_or_default());
    let mut count = 0usize;
    loop {
        let begun = at.end.saturating_sub(entries.left());
        let entry = match entries.next() {
            Ok(None) => return Ok(()),
            Ok(Some(entry)) => entry,
            Err(Malformed) => {
                let at = at.end.saturating_sub(entries.left());
                return Err(Fault::new("header_map", "the header map does not end with an entry", at));
            }
        };
        count = count.saturating_add(1);
        if count > limits.fields {
            return Err(Fault::limit(Limit::Fields, "the header map has too many entries", begun));
        }
        if entry.is_some_and(|(key, value)| key.len().saturating_add(value.len()) > limits.field) {
            return Err(Fault::limit(Limit::Field, "an entry of the header map is too long", begun));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: MapLimits = MapLimits { fields: 6, field: 60 };

    fn string(bytes: Option<&[u8]>) -> Vec<u8> {
        match bytes {
            Some(bytes) => [&(bytes.len() as u32).to_be_bytes(), bytes].concat(),
            None => vec![0xff; 4],
        }
    }

    /// Keys that matter, keys as long as those, and any other.
    fn key() -> impl Strategy<Value = Option<Vec<u8>>> {
        let known: [&[u8]; 6] = [SERVICE, TARGET_SERVICE, METHOD, b"Service", b"sofa_head_target_servicE", b""];
        prop_oneof![
            8 => prop::sample::select(known.to_vec()).prop_map(|key| Some(key.to_vec())),
            2 => prop::collection::vec(any::<u8>(), 0..80).prop_map(Some),
            1 => Just(None),
        ]
    }

    fn value() -> impl Strategy<Value = Option<Vec<u8>>> {
        prop_oneof![
            8 => prop::sample::select(vec!["a:1", "b:2", "", "a"]).prop_map(|value| Some(value.as_bytes().to_vec())),
            1 => prop::collection::vec(any::<u8>(), 0..80).prop_map(Some),
            1 => Just(None),
        ]
    }

    proptest! {
        /// The way of nearly every request finds what the careful one finds, and takes nothing that it refuses.
        #[test]
        fn the_plain_way_and_the_careful_one(
            entries in prop::collection::vec((key(), value()), 0..8),
            garbage in prop_oneof![9 => Just(Vec::new()), 1 => prop::collection::vec(any::<u8>(), 1..9)],
            before in 1usize..40,
        ) {
            let mut map: Vec<u8> = entries
                .iter()
                .flat_map(|(key, value)| [string(key.as_deref()), string(value.as_deref())].concat())
                .collect();
            map.extend(garbage);
            let seen = [&vec![0; before], &map[..], b"content"].concat();
            let at = before..before + map.len();
            let careful = walk(&seen, at.clone(), LIMITS);
            match plain(&map, LIMITS) {
                Some(found) => prop_assert_eq!(Ok(found), careful),
                // It gives up where there is a null, something to refuse, or one of the sums is past its limit.
                None => prop_assert!(
                    careful.is_err() || map.len() > LIMITS.field || entries.iter().any(|(k, v)| k.is_none() || v.is_none())
                ),
            }
        }

        /// What is found by the shape of the last map is what would have been found without it.
        #[test]
        fn maps_of_one_shape_and_of_others(
            maps in prop::collection::vec(prop::collection::vec((0usize..6, 0usize..6), 1..6), 2..12),
        ) {
            let limits = MapLimits { fields: 128, field: 1 << 15 };
            let keys: [&[u8]; 6] = [SERVICE, TARGET_SERVICE, METHOD, b"Service", b"sofa_head_target_servicE", b"rpcId"];
            let values: [&[u8]; 6] = [b"com.example.a:1.0", b"com.example.b:1.0", b"com.example:a:1.0", b"get", b"put", b""];
            let mut last = Shape::default();
            // Each three times, so that it is remembered.
            for entries in maps.iter().flat_map(|map| [map, map, map]) {
                let map: Vec<u8> = entries
                    .iter()
                    .flat_map(|(key, value)| [string(Some(keys[*key])), string(Some(values[*value]))].concat())
                    .collect();
                prop_assert_eq!(like_last(&map, limits, &mut last), plain(&map, limits));
            }
        }
    }

    #[test]
    fn a_shape_is_remembered() {
        let limits = MapLimits { fields: 128, field: 1 << 15 };
        let mut last = Shape::default();
        let map = |service: &[u8], method: &[u8], id: &[u8]| {
            [SERVICE.as_slice(), service, METHOD, method, b"id", id].map(|text| string(Some(text))).concat()
        };
        let (get, put) = (map(b"a.B:1", b"get", b"1"), map(b"a.B:1", b"put", b"2"));
        for n in 0..3 {
            assert_eq!(last.find(&get).is_some(), n == 2);
            like_last(&get, limits, &mut last);
        }
        assert_eq!(last.find(&put), plain(&put, limits));
        for other in [map(b"a.C:1", b"get", b"1"), map(b"a.B:12", b"get", b""), map(b"a.B:1", b"gets", b"")] {
            assert_eq!(last.find(&other), None);
        }
    }

    #[test]
    fn what_is_remembered_of_a_shape_is_bounded() {
        let limits = MapLimits { fields: 128, field: 1 << 15 };
        let remembered = |name: usize, entries: usize| {
            let service = [SERVICE.as_slice(), &vec![b'x'; name]].map(|text| string(Some(text))).concat();
            let field = [b"k".as_slice(), b"v"].map(|text| string(Some(text))).concat();
            let map = [service, field.repeat(entries - 1)].concat();
            let mut last = Shape::default();
            for _ in 0..3 {
                assert_eq!(like_last(&map, limits, &mut last), plain(&map, limits));
            }
            last.find(&map).is_some()
        };
        assert!(remembered(96, 16));
        assert!(!remembered(97, 16));
        assert!(!remembered(96, 17));
    }
}
