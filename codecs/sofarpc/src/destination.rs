//! Where a request goes: what its header map says of service and method.

use std::ops::Range;

use meshwire::frame::Fault;
use meshwire::{Attribute, Head, Limit};

use crate::map::{Entries, Malformed};
use crate::name::UniqueName;

/// The service, as every client writes it and Java's servers dispatch by it.
pub(crate) const SERVICE: &[u8] = b"service";
/// The service again.
pub(crate) const TARGET_SERVICE: &[u8] = b"sofa_head_target_service";
/// The method.
pub(crate) const METHOD: &[u8] = b"sofa_head_method_name";

/// The class of a call that says its service and method in its content, too.
pub(crate) const SOFA_REQUEST: &[u8] = b"com.alipay.sofa.rpc.core.request.SofaRequest";

/// Whether `class` is that one. Twelve times in a hundred thousand it is another of the same length: no branch before the end.
#[inline(always)]
pub(crate) fn is_call(class: &[u8]) -> bool {
    let (words, rest) = class.as_chunks::<8>();
    let (known, known_rest) = SOFA_REQUEST.as_chunks::<8>();
    words == known && rest == known_rest
}

/// What a header map may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MapLimits {
    pub(crate) fields: usize,
    pub(crate) field: usize,
}

/// Checks the map at `at` in `seen`, and reads the destination out of it. A SOFARPC call may have what is missing here in
/// its content.
#[inline(always)]
pub(crate) fn read(
    seen: &[u8],
    at: Range<usize>,
    is_call: bool,
    limits: MapLimits,
    head: &mut Head,
) -> Result<(), Fault> {
    head.set_fields_at(at.start);
    let found = match plain(seen.get(at.clone()).unwrap_or_default(), at.end, limits) {
        Some(found) => found,
        None => walk(seen, at, limits)?,
    };
    let Found { service, target, method } = found;
    let name = if target.is_some() { target } else { service };
    if name.is_some() {
        set_name(name, seen, head);
    } else if !is_call {
        for attribute in [Attribute::Service, Attribute::Version, Attribute::Group] {
            head.set_absent(attribute);
        }
    }
    if method.is_some() {
        head.set_short_span(Attribute::Method, method.at, method.len);
    } else if !is_call {
        head.set_absent(Attribute::Method);
    }
    Ok(())
}

#[inline(always)]
fn set_name(name: Span, seen: &[u8], head: &mut Head) {
    let end = name.at.wrapping_add(u32::from(name.len));
    let mut set = |attribute, from: u32, to: u32| {
        head.set_short_span(attribute, from, to.wrapping_sub(from) as u16);
    };
    match UniqueName::parse(name.of(seen)) {
        UniqueName::Interface => {
            set(Attribute::Service, name.at, end);
            head.set_absent(Attribute::Version);
            head.set_absent(Attribute::Group);
        }
        UniqueName::Version(colon) => {
            let colon = name.at.wrapping_add(u32::from(colon));
            set(Attribute::Service, name.at, colon);
            set(Attribute::Version, colon.wrapping_add(1), end);
            head.set_absent(Attribute::Group);
        }
        UniqueName::UniqueId(one, two) => {
            let (one, two) = (name.at.wrapping_add(u32::from(one)), name.at.wrapping_add(u32::from(two)));
            set(Attribute::Service, name.at, one);
            set(Attribute::Version, one.wrapping_add(1), two);
            set(Attribute::Group, two.wrapping_add(1), end);
        }
    }
}

/// Where the values of the keys that matter stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Found {
    service: Span,
    target: Span,
    method: Span,
}

/// Bytes of a frame. A head ends within 18 bits, a map is no longer than 16 bits say, and neither begins at 0: that is
/// nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Span {
    at: u32,
    len: u16,
}

impl Span {
    #[inline(always)]
    const fn ending_at(end: usize, len: usize) -> Self {
        Self { at: end.wrapping_sub(len) as u32, len: len as u16 }
    }

    #[inline(always)]
    const fn is_some(self) -> bool {
        self.at != 0
    }

    #[inline(always)]
    fn of(self, seen: &[u8]) -> &[u8] {
        let at = self.at as usize;
        seen.get(at..at.wrapping_add(usize::from(self.len))).unwrap_or_default()
    }
}

/// Reads a map as nearly every request has it: no nulls, no key that matters twice, within the limits. It ends at `end` of
/// the frame. `None` says only that [`walk`] must look closer.
#[inline(always)]
fn plain(map: &[u8], end: usize, limits: MapLimits) -> Option<Found> {
    let mut found = Found::default();
    let mut rest = map;
    let mut count = 0usize;
    while !rest.is_empty() {
        let (key, behind) = string(rest)?;
        let (value, behind) = string(behind)?;
        rest = behind;
        count = count.wrapping_add(1);
        let slot = match key.len() {
            7 if key == SERVICE => &mut found.service,
            24 if key == TARGET_SERVICE => &mut found.target,
            21 if key == METHOD => &mut found.method,
            _ => continue,
        };
        if slot.is_some() {
            return None;
        }
        *slot = Span::ending_at(end.wrapping_sub(rest.len()), value.len());
    }
    let both = found.service.is_some() && found.target.is_some();
    let one = !both || found.service.of_map(map, end) == found.target.of_map(map, end);
    (one && map.len() <= limits.field && count <= limits.fields).then_some(found)
}

#[inline(always)]
fn string(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, behind) = rest.split_first_chunk::<4>()?;
    behind.split_at_checked(u32::from_be_bytes(*len) as usize)
}

impl Span {
    /// The same in the map alone.
    #[inline(always)]
    fn of_map(self, map: &[u8], end: usize) -> &[u8] {
        let at = (self.at as usize).wrapping_sub(end.wrapping_sub(map.len()));
        map.get(at..at.wrapping_add(usize::from(self.len))).unwrap_or_default()
    }
}

/// Reads any map.
#[cold]
#[inline(never)]
fn walk(seen: &[u8], at: Range<usize>, limits: MapLimits) -> Result<Found, Fault> {
    check(seen, at.clone(), limits)?;
    let mut entries = Entries::new(seen.get(at.clone()).unwrap_or_default());
    let mut found = Found::default();
    while let Ok(Some(entry)) = entries.next() {
        let Some((key, value)) = entry else { continue };
        let slot = match key {
            SERVICE => &mut found.service,
            TARGET_SERVICE => &mut found.target,
            METHOD => &mut found.method,
            _ => continue,
        };
        let end = at.end.saturating_sub(entries.left());
        if slot.is_some() {
            // Readers disagree on which of two counts.
            let detail = "a key of the header map that names the destination stands there twice";
            return Err(Fault::new("twice", detail, end));
        }
        *slot = Span::ending_at(end, value.len());
    }
    let Found { service, target, .. } = found;
    if service.is_some() && target.is_some() && service.of(seen) != target.of(seen) {
        // Some servers dispatch by one of them, some by the other.
        let detail = "service and sofa_head_target_service name different services";
        return Err(Fault::new("contradiction", detail, target.at as usize));
    }
    Ok(found)
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
        let known = [SERVICE, TARGET_SERVICE, METHOD, b"Service", b"sofa_head_target_servicE", b""];
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
            match plain(&map, at.end, LIMITS) {
                Some(found) => prop_assert_eq!(Ok(found), careful),
                // It gives up where there is a null, something to refuse, or one of the sums is past its limit.
                None => prop_assert!(
                    careful.is_err() || map.len() > LIMITS.field || entries.iter().any(|(k, v)| k.is_none() || v.is_none())
                ),
            }
        }
    }
}
