//! A look into compressed messages, as far as one needs to look: what comes out is bounded by the room for it, whatever a
//! message would come to.

use std::cell::RefCell;

use meshwire::frame::{Fault, Parse};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// Room for a first look: most begins of messages are shorter.
const FIRST: usize = 256;

/// A decompressor that is kept from one look to the next.
#[derive(Clone, Default)]
pub(crate) struct Peek(RefCell<State>);

#[derive(Clone, Default)]
struct State {
    tables: Option<Box<DecompressorOxide>>,
    room: Vec<u8>,
}

impl std::fmt::Debug for Peek {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Peek")
    }
}

impl Peek {
    /// Lets `read` see the first bytes of what `compressed`, which begins at `at` in its frame and goes on if there is `more`,
    /// comes to; and more of them, up to `max`, while it asks for more. What it is given is all there will be where its
    /// second argument says so.
    pub(crate) fn with<T>(
        &self,
        compressed: &[u8],
        at: usize,
        more: bool,
        max: usize,
        mut read: impl FnMut(&[u8], bool) -> Result<Parse<T>, Fault>,
    ) -> Result<Parse<T>, Fault> {
        let Ok(mut state) = self.0.try_borrow_mut() else { return Ok(Parse::Need(at)) };
        let state = &mut *state;
        let tables = state.tables.get_or_insert_default();
        let mut room = FIRST.min(max);
        loop {
            state.room.clear();
            state.room.resize(room, 0);
            tables.init();
            let mut flags = TINFL_FLAG_PARSE_ZLIB_HEADER | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
            if more {
                flags |= TINFL_FLAG_HAS_MORE_INPUT;
            }
            let (status, _, written) = decompress(tables, compressed, &mut state.room, 0, flags);
            let (over, damaged) = match status {
                TINFLStatus::Done => (true, false),
                TINFLStatus::HasMoreOutput | TINFLStatus::NeedsMoreInput => (false, false),
                _ => (false, true),
            };
            let seen = state.room.get(..written).unwrap_or_default();
            match read(seen, over)? {
                Parse::Done(value) => return Ok(Parse::Done(value)),
                // Only where it hides what is looked for: whether it was there yet must not decide what is said.
                Parse::Need(_) if damaged => {
                    return Err(Fault::new("zlib", "the message's zlib stream is damaged or cut short", at));
                }
                Parse::Need(_) if over => {
                    return Err(Fault::new("cut_short", "the compressed message ends inside its begin", at));
                }
                Parse::Need(_) if status == TINFLStatus::NeedsMoreInput => {
                    // Twice as much each time: what comes a byte at a time is not read anew for each.
                    let again = compressed.len().max(32);
                    return Ok(Parse::Need(at.saturating_add(compressed.len()).saturating_add(again)));
                }
                Parse::Need(_) if room >= max => {
                    let detail = "the begin of a compressed message is longer than a head may be";
                    return Err(Fault::limit(meshwire::Limit::Head, detail, at));
                }
                Parse::Need(_) => room = room.saturating_mul(4).min(max),
            }
        }
    }
}
