//! tokio-util's `Decoder` and `Encoder` for protocols for which that model is enough.

use std::io;

use bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};

use crate::codec::{Conn, Protocol};
use crate::endpoint::Endpoint;
use crate::error::{DecodeError, EncodeError};
use crate::event::{Event, Sent, Step};

/// A codec as `tokio_util::codec` wants one, for `Framed`.
///
/// That model fits length-framed protocols. It has no place for what a decoder owes its peer: an answer to a heartbeat
/// goes out with the next item that is sent (send [`Event::Capacity`], which is nothing on the wire, to send it now).
/// And it knows no backpressure: data counts as consumed when it is handed over. Where either matters, use
/// [`Driver`](super::Driver).
#[derive(Debug)]
pub struct FramedCodec {
    end: Endpoint,
}

/// Why a `Framed` stream or sink fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdapterError {
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The peer sent what the codec refuses.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The codec cannot write an event.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Another message is under way, or the wire's turn has not come; `Framed` cannot wait for it.
    #[error("the codec does not take this event now: finish the message under way first")]
    Blocked,
    /// The protocol interleaves messages or answers in order, which `Framed` cannot drive.
    #[error("{0} cannot be driven through Framed: use the driver")]
    Unsuitable(&'static str),
}

impl FramedCodec {
    /// One end of a connection of `protocol`.
    ///
    /// # Errors
    ///
    /// [`AdapterError::Unsuitable`] unless its exchanges are told apart by id and messages do not interleave.
    pub fn new(protocol: &dyn Protocol, conn: Conn) -> Result<Self, AdapterError> {
        let traits = protocol.traits();
        if traits.interleaved || !matches!(traits.correlation, crate::codec::Correlation::Id { .. }) {
            return Err(AdapterError::Unsuitable(protocol.name()));
        }
        Ok(Self { end: Endpoint::new(protocol.codec(conn)) })
    }
}

impl Decoder for FramedCodec {
    type Item = Event;
    type Error = AdapterError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Event>, AdapterError> {
        let (codec, mut cx) = self.end.codec_mut();
        let event = match codec.decode(src, &mut cx)? {
            Step::Event(event) => event,
            Step::NeedMore(_) | Step::Paused | Step::Closed => return Ok(None),
        };
        if let (Some(stream), n @ 1..) = (event.stream(), event.data_len()) {
            codec.release(stream, n, &mut cx);
        }
        Ok(Some(event))
    }

    fn decode_eof(&mut self, src: &mut BytesMut) -> Result<Option<Event>, AdapterError> {
        let (codec, mut cx) = self.end.codec_mut();
        match codec.decode_eof(src, &mut cx)? {
            Step::Event(event) => Ok(Some(event)),
            Step::NeedMore(_) | Step::Paused | Step::Closed => Ok(None),
        }
    }
}

impl Encoder<Event> for FramedCodec {
    type Error = AdapterError;

    fn encode(&mut self, mut event: Event, dst: &mut BytesMut) -> Result<(), AdapterError> {
        let sent = {
            let (codec, mut cx) = self.end.codec_mut();
            codec.encode(&mut event, &mut cx)
        };
        let output = self.end.output_mut();
        while !output.is_empty() {
            let chunk = output.chunk();
            let n = chunk.len();
            dst.extend_from_slice(chunk);
            output.advance(n);
        }
        match sent? {
            Sent::All => Ok(()),
            Sent::Blocked => Err(AdapterError::Blocked),
        }
    }
}
