//! What a frame's header alone must keep to.

use super::{Side, Splice, Wrong};
use crate::code::Code;
use crate::frame::{self, Header};

const fn protocol(name: &'static str, detail: &'static str) -> Result<(), Wrong> {
    Err(Wrong::Rule(Code::PROTOCOL_ERROR, name, detail))
}

const fn size(detail: &'static str) -> Result<(), Wrong> {
    Err(Wrong::Rule(Code::FRAME_SIZE_ERROR, "frame_size", detail))
}

impl Splice {
    #[inline]
    pub(super) fn check(&self, from: Side, header: Header) -> Result<(), Wrong> {
        let flow = self.flow(from);
        if header.len > self.flow(from.other()).takes {
            return size("a payload is larger than the other end's MAX_FRAME_SIZE");
        }
        if let Some(block) = flow.block {
            return if header.kind == frame::CONTINUATION && header.stream == block.stream {
                Ok(())
            } else {
                protocol("continuation", "a head that goes on is followed by CONTINUATION of its stream only")
            };
        }
        if header.kind == frame::DATA && header.stream != 0 && flow.settled {
            return Ok(());
        }
        if !flow.settled && (header.kind != frame::SETTINGS || header.has(frame::ACK)) {
            return protocol("settings", "SETTINGS come first");
        }
        match header.kind {
            frame::SETTINGS | frame::PING | frame::GOAWAY if header.stream != 0 => {
                return protocol("stream", "a frame of the connection is on stream 0");
            }
            frame::DATA | frame::HEADERS | frame::PRIORITY | frame::RST_STREAM | frame::PUSH_PROMISE
                if header.stream == 0 =>
            {
                return protocol("stream", "a frame of a stream is not on stream 0");
            }
            frame::CONTINUATION => return protocol("continuation", "CONTINUATION without a head that goes on"),
            frame::PUSH_PROMISE if from == Side::Down || !self.down.settings.push => {
                return protocol("push", "pushes were not allowed");
            }
            _ => {}
        }
        let fits = match header.kind {
            frame::PRIORITY => header.len == 5,
            frame::RST_STREAM | frame::WINDOW_UPDATE => header.len == 4,
            frame::SETTINGS if header.has(frame::ACK) => header.len == 0,
            frame::SETTINGS => header.len.is_multiple_of(6) && header.len <= super::WHOLE,
            frame::PING => header.len == 8,
            frame::GOAWAY => header.len >= 8,
            _ => true,
        };
        if fits { Ok(()) } else { size("a payload is not as long as its type asks") }
    }
}
