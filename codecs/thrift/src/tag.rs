//! What an answer must know of its request: the tag of a [`StreamId`](meshwire::StreamId). A head's own word is made of the
//! same bits.

use crate::layout::{Encoding, Layout, Transport};

const TRANSPORT: u32 = 0x07;
pub(crate) const ENCODING: u32 = 0x18;
/// The bit in which the two binary encodings differ.
pub(crate) const OLD: u32 = 0x08;
const FRAMED_INSIDE: u32 = 0x20;
/// It is a tag of this codec at all.
pub(crate) const KNOWN: u32 = 0x40;
/// No answer is owed.
pub(crate) const ONE_WAY: u32 = 0x80;
/// The message is compressed.
pub(crate) const COMPRESSED: u32 = 0x0100;
/// It goes out under its own id or not at all.
pub(crate) const KEEPS_ID: u32 = 0x0200;

/// The bits that say how a message is laid out.
pub(crate) const LAYOUT: u32 = TRANSPORT | ENCODING | FRAMED_INSIDE;

#[inline]
pub(crate) const fn of(layout: Layout) -> u32 {
    let framed_inside = if layout.framed_inside { FRAMED_INSIDE } else { 0 };
    KNOWN | layout.transport as u32 | (layout.encoding as u32) << 3 | framed_inside
}

/// The layout; that of framed binary for a tag that says nothing.
#[inline]
pub(crate) const fn layout(tag: u32) -> Layout {
    let encoding = match tag & ENCODING {
        0x08 => Encoding::OldBinary,
        0x10 => Encoding::Compact,
        0x18 => Encoding::Json,
        _ => Encoding::Binary,
    };
    Layout { transport: transport(tag), encoding, framed_inside: tag & FRAMED_INSIDE != 0 }
}

#[inline]
pub(crate) const fn transport(tag: u32) -> Transport {
    match tag & TRANSPORT {
        1 => Transport::Unframed,
        2 => Transport::THeader,
        3 => Transport::TTHeader,
        4 => Transport::Dubbo,
        _ => Transport::Framed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_comes_back() {
        for transport in Transport::ALL {
            for encoding in Encoding::ALL {
                for framed_inside in [false, true] {
                    let known = Layout { transport, encoding, framed_inside };
                    assert_eq!(layout(of(known)), known);
                    assert_eq!(layout(of(known) | ONE_WAY | COMPRESSED), known);
                }
            }
        }
        assert_eq!(layout(0), Layout::new(Transport::Framed, Encoding::Binary));
    }
}
