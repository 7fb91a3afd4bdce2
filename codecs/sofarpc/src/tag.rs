//! What an answer must know of its request: the tag of a [`StreamId`](meshwire::StreamId).

use crate::Version;

/// The serialization.
const CODEC: u32 = 0xff;
/// Protocol 0x02.
pub(crate) const V2: u32 = 0x0100;
/// The version of protocol 0x02 is 2.
pub(crate) const VER1_2: u32 = 0x0200;
/// A checksum follows.
pub(crate) const CRC: u32 = 0x0400;
/// No answer is owed.
pub(crate) const ONE_WAY: u32 = 0x0800;
/// The content is a `SofaRequest`.
pub(crate) const SOFA: u32 = 0x1000;
/// The content begins as Hessian 2 final has it, not as Ant's 3.x dialect.
pub(crate) const FINAL: u32 = 0x2000;
/// It is a tag of this codec at all.
pub(crate) const KNOWN: u32 = 0x4000;

/// The bits that say how a frame is laid out.
pub(crate) const LAYOUT: u32 = V2 | VER1_2;
/// Those, and whether it is closed by a checksum.
pub(crate) const VERSION: u32 = LAYOUT | CRC;

/// The bits of a version.
pub(crate) const fn of(version: Version) -> u32 {
    match version {
        Version::V1 => 0,
        Version::V2 => V2,
        Version::V2Unchecked => V2 | VER1_2,
        Version::V2Checked => V2 | VER1_2 | CRC,
    }
}

/// The serialization.
pub(crate) const fn codec(tag: u32) -> u8 {
    (tag & CODEC) as u8
}

/// The version; v1 for a tag that says nothing.
pub(crate) const fn version(tag: u32) -> Version {
    match (tag & V2 != 0, tag & VER1_2 != 0, tag & CRC != 0) {
        (false, ..) => Version::V1,
        (true, false, _) => Version::V2,
        (true, true, false) => Version::V2Unchecked,
        (true, true, true) => Version::V2Checked,
    }
}
