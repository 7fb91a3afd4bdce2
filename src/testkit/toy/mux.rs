//! A multiplexed protocol: streams that the client names as it opens them, credit for each and for the connection,
//! replies owed while decoding, streams refused, reset and retired.
//!
//! ```text
//! frame:    type u8  flags u8  length u16  stream u32 | payload (at most 16 KiB)
//! client:   "TMUX", then SETTINGS, then anything         server: SETTINGS, then anything
//! HEAD      request: service  method, a byte of length in front of each; response: status u8; then fields, each a byte
//!           of length and a name, two bytes of length and a value. Flags: 1 end, 2 one-way
//! DATA      flag 1: end                                  RESET     reason u8
//! WINDOW    u32 bytes, of a stream or (0) of all         PING      8 bytes; flag 4: the answer
//! GO_AWAY   u32 the last stream that is served           SETTINGS  u16 streams at once, u32 bytes of a stream
//! ```
//!
//! Nothing is sent that needs the peer's settings before they have come. The credit of the connection is twice a
//! stream's.

mod codec;
mod sample;
mod wire;

use crate::codec::{Codec, Conn, Correlation, Detection, Protocol, ProtocolTraits};

pub use sample::samples;

/// The protocol.
///
/// ```
/// use meshwire::testkit::toy;
/// use meshwire::{Correlation, Protocol};
///
/// assert_eq!(toy::Mux.traits().correlation, Correlation::Assigned);
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct Mux;

impl Protocol for Mux {
    fn name(&self) -> &'static str {
        wire::NAME
    }

    fn detect(&self, prefix: &[u8]) -> Detection {
        let start = wire::PREFACE.iter().chain(&[wire::SETTINGS]);
        if prefix.iter().zip(start.clone()).any(|(seen, known)| seen != known) {
            return Detection::No;
        }
        let whole = start.count();
        if prefix.len() < whole { Detection::NeedMore(whole) } else { Detection::Yes }
    }

    fn traits(&self) -> ProtocolTraits {
        let mut traits = ProtocolTraits::new(Correlation::Assigned, wire::NAME);
        traits.verbatim = true;
        traits.interleaved = true;
        traits.field_edits = true;
        traits.cancel = true;
        traits.heartbeat = true;
        traits.one_way = true;
        traits
    }

    fn codec(&self, conn: Conn) -> Box<dyn Codec> {
        Box::new(codec::Mux::new(conn))
    }
}
