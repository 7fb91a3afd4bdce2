//! The walk over a header map.

use http::HeaderMap;
use http::header::{HeaderValue, Iter};

/// The map's own walk, which cannot be cloned: how far it went is counted, and a clone goes as far again.
pub(super) struct MapFields<'a> {
    map: &'a HeaderMap,
    walk: Iter<'a, HeaderValue>,
    passed: usize,
}

impl<'a> MapFields<'a> {
    pub(super) fn new(map: &'a HeaderMap) -> Self {
        Self { map, walk: map.iter(), passed: 0 }
    }
}

impl<'a> Iterator for MapFields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.walk.next()?;
        self.passed = self.passed.saturating_add(1);
        // Of white space, a value that passed the map's own check holds spaces and tabs only.
        Some((name.as_str().as_bytes(), value.as_bytes().trim_ascii()))
    }
}

impl Clone for MapFields<'_> {
    fn clone(&self) -> Self {
        let mut clone = Self::new(self.map);
        if let Some(last) = self.passed.checked_sub(1) {
            let _ = clone.walk.nth(last);
        }
        Self { passed: self.passed, ..clone }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_goes_on_where_the_original_stands() {
        let mut map = HeaderMap::new();
        for (name, value) in [("a", "1"), ("b", " 2\t"), ("a", "3"), ("c", ""), ("b", "4")] {
            map.append(name, HeaderValue::from_static(value));
        }
        let all: Vec<_> = MapFields::new(&map).collect();
        assert_eq!(all.len(), 5);
        assert!(all.contains(&(b"b", b"2")));
        let mut walk = MapFields::new(&map);
        for n in 0..=all.len() {
            assert_eq!(walk.clone().collect::<Vec<_>>(), all[n..]);
            assert_eq!(walk.next(), all.get(n).copied());
        }
    }
}
