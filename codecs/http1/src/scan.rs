//! The search for the blank line that ends a head or a trailer section.

/// How far the search went, so that a byte at a time costs O(n).
///
/// A line ends with CR LF, and with nothing else: what this search accepts, the parser behind it must accept as a line
/// end too, or a head would end in two places at once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scan {
    /// Where the line under way began.
    pub(crate) line: usize,
    /// Bytes looked at.
    pub(crate) seen: usize,
    /// Lines ended.
    pub(crate) lines: usize,
    /// Where the first line ended, its CR LF included; 0 while it has not.
    pub(crate) first: usize,
}

/// What a search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The blank line ends here.
    End(usize),
    /// Not yet.
    More,
    /// A line ends here without a CR.
    BareLf(usize),
}

impl Scan {
    /// Goes on in `bytes`, which begins as it did in the last call.
    #[inline]
    pub(crate) fn run(&mut self, bytes: &[u8]) -> Found {
        let from = self.seen;
        for lf in memchr::memchr_iter(b'\n', bytes.get(from..).unwrap_or_default()) {
            let at = from.saturating_add(lf);
            if at.checked_sub(1).and_then(|cr| bytes.get(cr)) != Some(&b'\r') {
                return Found::BareLf(at);
            }
            let next = at.saturating_add(1);
            if at == self.line.saturating_add(1) {
                return Found::End(next);
            }
            self.line = next;
            self.lines = self.lines.saturating_add(1);
            if self.first == 0 {
                self.first = next;
            }
        }
        self.seen = bytes.len();
        Found::More
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_cr_lf_ends_a_line() {
        assert_eq!(Scan::default().run(b"a\r\nb\r\n\r\nc"), Found::End(8));
        assert_eq!(Scan::default().run(b"\r\n"), Found::End(2));
        assert_eq!(Scan::default().run(b"a\r\n\r"), Found::More);
        assert_eq!(Scan::default().run(b"a\n\r\n"), Found::BareLf(1));
        assert_eq!(Scan::default().run(b"a\r\n\n"), Found::BareLf(3));
        assert_eq!(Scan::default().run(b"\n"), Found::BareLf(0));
    }

    proptest! {
        #[test]
        fn any_split_finds_the_same(bytes in prop::collection::vec(prop::sample::select(&b"a\r\n"[..]), 0..40)) {
            let mut whole = Scan::default();
            let found = whole.run(&bytes);
            let mut steps = Scan::default();
            let stepped = (0..=bytes.len()).map(|n| steps.run(&bytes[..n])).find(|found| *found != Found::More);
            prop_assert_eq!(stepped.unwrap_or(Found::More), found);
            prop_assert_eq!((steps.lines, steps.first), (whole.lines, whole.first));
        }
    }
}
