//! The bytes of edits, one behind the other.

/// So many bytes need no memory of their own: a trace context has 66 with its name, and heads that are edited have, most of
/// them, one edit.
const FEW: usize = 80;

/// Bytes that are asked for by their place.
#[derive(Clone)]
pub(super) struct Text {
    few: [u8; FEW],
    /// All of them, once they are more.
    many: Vec<u8>,
    len: u32,
}

/// Where one of them lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    at: u32,
    len: u32,
}

impl Default for Text {
    fn default() -> Self {
        Self { few: [0; FEW], many: Vec::new(), len: 0 }
    }
}

impl Text {
    /// Puts `bytes` behind the others; `None`, and nothing is put, past 4 GiB of them.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Option<Span> {
        let len = u32::try_from(bytes.len()).ok()?;
        let span = Span { at: self.len, len };
        let (at, end) = (self.len as usize, self.len.checked_add(len)?);
        if self.many.is_empty() {
            if let Some(place) = self.few.get_mut(at..end as usize) {
                place.copy_from_slice(bytes);
                self.len = end;
                return Some(span);
            }
            self.many.reserve(end as usize);
            self.many.extend_from_slice(self.few.get(..at).unwrap_or_default());
        }
        self.many.extend_from_slice(bytes);
        self.len = end;
        Some(span)
    }

    pub(super) fn get(&self, span: Span) -> &[u8] {
        let all = if self.many.is_empty() { &self.few[..] } else { &self.many };
        all.get(span.at as usize..).and_then(|rest| rest.get(..span.len as usize)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_read_the_same() {
        for piece in [0, 1, FEW - 1, FEW, FEW + 1, 7] {
            let mut text = Text::default();
            let spans: Vec<_> =
                (0..40u8).map(|n| (vec![n; piece], text.put(&vec![n; piece]).expect("small"))).collect();
            for (bytes, span) in &spans {
                assert_eq!(text.get(*span), bytes);
            }
            assert_eq!(text.clone().get(spans[39].1), [39].repeat(piece));
            assert_eq!(text.many.is_empty(), 40 * piece <= FEW);
        }
    }
}
