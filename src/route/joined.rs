//! `/service/method` as one string that nobody has to write down.

/// The path of a message whose protocol has none.
#[derive(Clone, Copy)]
pub(super) struct Joined<'a> {
    pub(super) service: &'a [u8],
    pub(super) method: &'a [u8],
}

/// How two pieces of the same length are compared.
type Same = fn(&[u8], &[u8]) -> bool;

impl<'a> Joined<'a> {
    pub(super) fn len(self) -> usize {
        self.service.len().saturating_add(self.method.len()).saturating_add(2)
    }

    /// Whether `pattern` stands at `at`, all of it.
    pub(super) fn has_at(self, mut at: usize, mut pattern: &[u8], same: Same) -> bool {
        for piece in self.pieces() {
            let Some(piece) = piece.get(at..) else {
                at = at.saturating_sub(piece.len());
                continue;
            };
            at = 0;
            let n = piece.len().min(pattern.len());
            let (Some(here), Some((now, later))) = (piece.get(..n), pattern.split_at_checked(n)) else { return false };
            if !same(here, now) {
                return false;
            }
            pattern = later;
        }
        pattern.is_empty()
    }

    /// Whether `pattern` stands anywhere; `find` says whether it does in one piece.
    pub(super) fn contains(self, pattern: &[u8], same: Same, find: impl Fn(&[u8]) -> bool) -> bool {
        // What lies in neither name covers a slash. The first slash can only be where the pattern begins; around the
        // second there are as many places as the pattern, which comes from a document, is long.
        let slash = self.service.len().saturating_add(1);
        let before = slash.saturating_sub(pattern.len().saturating_sub(1));
        find(self.service)
            || find(self.method)
            || self.has_at(0, pattern, same)
            || (before..=slash).any(|at| self.has_at(at, pattern, same))
    }

    const fn pieces(self) -> [&'a [u8]; 4] {
        [b"/", self.service, b"/", self.method]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_compared_as_if_it_were_written_down() {
        let same: Same = |a, b| a == b;
        for (service, method) in [("aba", "ab"), ("", "ab"), ("ab", ""), ("", ""), ("a/b", "/a")] {
            let written = format!("/{service}/{method}");
            let joined = Joined { service: service.as_bytes(), method: method.as_bytes() };
            assert_eq!(joined.len(), written.len());
            for length in 1..=6 {
                for code in 0..3usize.pow(length) {
                    let pattern: String = (0..length).map(|n| ['a', 'b', '/'][code / 3usize.pow(n) % 3]).collect();
                    for at in 0..=written.len() {
                        let expected = written.as_bytes()[at..].starts_with(pattern.as_bytes());
                        assert_eq!(joined.has_at(at, pattern.as_bytes(), same), expected, "{pattern} in {written}");
                    }
                    let find = |piece: &[u8]| piece.windows(pattern.len()).any(|at| at == pattern.as_bytes());
                    let contains = joined.contains(pattern.as_bytes(), same, find);
                    assert_eq!(contains, written.contains(&pattern), "{pattern} in {written}");
                }
            }
        }
    }
}
