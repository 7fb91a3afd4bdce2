//! The short way to a codec for length-framed protocols: a [`FrameFormat`] says where things are in a frame,
//! [`FrameCodec`] does everything else once.

mod checksum;
mod codec;
mod format;
mod id;
mod sending;

pub use checksum::Checksum;
pub use codec::FrameCodec;
pub use format::{Control, Fault, Frame, FrameFormat, FrameKind, Parse, Rebuilt, Scan, Watch};
pub use id::IdField;
