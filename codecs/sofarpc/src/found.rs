//! Where in a header map the destination stands.

use crate::name::UniqueName;

/// The destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) service: Place,
    pub(crate) version: Place,
    pub(crate) unique_id: Place,
    pub(crate) method: Place,
}

/// Bytes of a map, which is no longer than 16 bits say. No value begins at 0: that is nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) at: u16,
    pub(crate) len: u16,
}

impl Place {
    #[inline(always)]
    pub(crate) const fn ending_at(end: usize, len: usize) -> Self {
        Self { at: end.wrapping_sub(len) as u16, len: len as u16 }
    }

    #[inline(always)]
    pub(crate) const fn is_some(self) -> bool {
        self.at != 0
    }

    #[inline(always)]
    pub(crate) const fn end(self) -> usize {
        (self.at as usize).wrapping_add(self.len as usize)
    }

    #[inline(always)]
    pub(crate) fn of(self, map: &[u8]) -> &[u8] {
        let at = usize::from(self.at);
        map.get(at..at.wrapping_add(usize::from(self.len))).unwrap_or_default()
    }

    /// What stands before the byte `n`, and what stands behind it.
    #[inline(always)]
    const fn split(self, n: u16) -> (Self, Self) {
        let skipped = n.wrapping_add(1);
        let behind = Self { at: self.at.wrapping_add(skipped), len: self.len.wrapping_sub(skipped) };
        (Self { at: self.at, len: n }, behind)
    }
}

impl Found {
    /// Both names are there.
    #[inline(always)]
    pub(crate) const fn is_complete(&self) -> bool {
        self.service.is_some() && self.method.is_some()
    }

    /// Takes the name of a service apart.
    #[inline(always)]
    pub(crate) fn new(map: &[u8], name: Place, method: Place) -> Self {
        let mut found = Self { service: name, method, ..Self::default() };
        if !name.is_some() {
            return found;
        }
        match UniqueName::parse(name.of(map)) {
            UniqueName::Interface => {}
            UniqueName::Version(colon) => (found.service, found.version) = name.split(colon),
            UniqueName::UniqueId(one, two) => {
                (found.service, found.version) = name.split(one);
                (found.version, found.unique_id) = found.version.split(two.wrapping_sub(one).wrapping_sub(1));
            }
        }
        found
    }
}
