//! The short way to a codec for length-framed protocols: a [`FrameFormat`] says where things are in a frame,
//! [`FrameCodec`] does everything else once.

mod codec;
mod format;

pub use codec::FrameCodec;
pub use format::{Checksum, Control, Fault, Frame, FrameFormat, FrameKind, IdField, Parse, Rebuilt, Scan};
