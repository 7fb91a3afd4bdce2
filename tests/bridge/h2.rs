//! A far end that speaks HTTP/2 in frames written by hand.

use std::time::Duration;

use meshwire_http2::hpack::Decoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::proxy::within;
use crate::frames::{self as wire, Frame, Pairs};

/// Long enough for what is not to come.
const SILENCE: Duration = Duration::from_millis(40);

pub(super) struct Frames {
    io: DuplexStream,
    decoder: Decoder,
    /// Frames of settings that the peer has sent.
    pub(super) settings: Vec<Vec<u8>>,
    /// Whether data is paid for as it comes.
    pub(super) generous: bool,
}

/// A block of fields as it came: `name: value`, bytes past ASCII as Latin-1 has them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) stream: u32,
    pub(super) end: bool,
    pub(super) fields: Vec<String>,
}

/// What a block should be.
pub(super) fn said(stream: u32, end: bool, fields: &[&str]) -> Block {
    Block { stream, end, fields: fields.iter().map(|line| (*line).to_owned()).collect() }
}

impl Frames {
    fn new(io: DuplexStream) -> Self {
        Self { io, decoder: Decoder::new(4096), settings: Vec::new(), generous: true }
    }

    pub(super) async fn client(io: DuplexStream) -> Self {
        Self::client_with(io, &[]).await
    }

    pub(super) async fn client_with(io: DuplexStream, settings: &[(u16, u32)]) -> Self {
        let mut end = Self::new(io);
        end.send(wire::PREFACE).await;
        end.send(wire::settings(settings)).await;
        end
    }

    /// A server that says `settings` once it was greeted.
    pub(super) async fn server(io: DuplexStream, settings: &[(u16, u32)]) -> Self {
        let mut end = Self::new(io);
        let mut preface = [0; 24];
        within(end.io.read_exact(&mut preface)).await.unwrap();
        assert_eq!(preface, wire::PREFACE);
        end.send(wire::settings(settings)).await;
        end
    }

    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within(self.io.write_all(bytes.as_ref())).await.unwrap();
    }

    pub(super) async fn headers(&mut self, stream: u32, end: bool, fields: Pairs<'_>) {
        self.send(wire::headers(stream, end, fields)).await;
    }

    pub(super) async fn data(&mut self, stream: u32, end: bool, data: impl AsRef<[u8]>) {
        self.send(wire::data(stream, end, data.as_ref())).await;
    }

    async fn read(&mut self) -> Option<Frame> {
        let mut front = [0; 9];
        if let Err(error) = self.io.read_exact(&mut front).await {
            assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
            return None;
        }
        let len = u32::from_be_bytes([0, front[0], front[1], front[2]]) as usize;
        let mut payload = vec![0; len];
        self.io.read_exact(&mut payload).await.unwrap();
        let stream = u32::from_be_bytes(front[5..].try_into().unwrap());
        Some(Frame { kind: front[3], flags: front[4], stream, payload })
    }

    /// The next frame that is of a message or ends something; what a connection owes is paid on the way.
    pub(super) async fn try_next(&mut self) -> Option<Frame> {
        loop {
            let frame = within(self.read()).await?;
            match frame.kind {
                wire::SETTINGS if frame.flags & wire::ACK == 0 => {
                    self.settings.push(frame.payload);
                    self.send(wire::ack()).await;
                }
                wire::PING if frame.flags & wire::ACK == 0 => {
                    self.send(wire::frame(wire::PING, wire::ACK, 0, &frame.payload)).await;
                }
                wire::SETTINGS | wire::PING | wire::WINDOW_UPDATE => {}
                wire::DATA if self.generous && !frame.payload.is_empty() => {
                    let n = frame.payload.len() as u32;
                    self.send(wire::credit(0, n)).await;
                    if frame.flags & wire::END_STREAM == 0 {
                        self.send(wire::credit(frame.stream, n)).await;
                    }
                    return Some(frame);
                }
                _ => return Some(frame),
            }
        }
    }

    pub(super) async fn next(&mut self) -> Frame {
        self.try_next().await.expect("the connection goes on")
    }

    /// The next block of fields.
    pub(super) async fn head(&mut self) -> Block {
        let frame = self.next().await;
        assert_eq!((frame.kind, frame.flags & wire::END_HEADERS), (wire::HEADERS, wire::END_HEADERS), "{frame:?}");
        self.block(&frame)
    }

    pub(super) fn block(&mut self, frame: &Frame) -> Block {
        let mut fields = Vec::new();
        let latin1 = |bytes: &[u8]| bytes.iter().map(|b| char::from(*b)).collect::<String>();
        self.decoder.decode(&frame.payload, |f| fields.push(latin1(f.name) + ": " + &latin1(f.value))).unwrap();
        Block { stream: frame.stream, end: frame.flags & wire::END_STREAM != 0, fields }
    }

    /// The data of `stream` up to its end, and the fields behind it.
    pub(super) async fn body(&mut self, stream: u32) -> (Vec<u8>, Option<Vec<String>>) {
        let mut data = Vec::new();
        loop {
            let frame = self.next().await;
            assert_eq!(frame.stream, stream, "{frame:?}");
            let end = frame.flags & wire::END_STREAM != 0;
            match frame.kind {
                wire::DATA => data.extend(frame.payload),
                wire::HEADERS => {
                    assert!(end, "{frame:?}");
                    return (data, Some(self.block(&frame).fields));
                }
                _ => panic!("{frame:?}"),
            }
            if end {
                return (data, None);
            }
        }
    }

    /// `n` bytes of data of `stream`, which goes on.
    pub(super) async fn bytes(&mut self, stream: u32, n: usize) -> Vec<u8> {
        let mut data = Vec::new();
        while data.len() < n {
            let frame = self.next().await;
            assert_eq!(
                (frame.kind, frame.stream, frame.flags & wire::END_STREAM),
                (wire::DATA, stream, 0),
                "{frame:?}"
            );
            data.extend(frame.payload);
        }
        assert_eq!(data.len(), n);
        data
    }

    /// `stream` is ended by an empty frame.
    pub(super) async fn end_of(&mut self, stream: u32) {
        let frame = self.next().await;
        assert_eq!((frame.kind, frame.stream, frame.flags), (wire::DATA, stream, wire::END_STREAM), "{frame:?}");
        assert!(frame.payload.is_empty());
    }

    /// The code with which `stream` is reset.
    pub(super) async fn reset_of(&mut self, stream: u32) -> u32 {
        let frame = self.next().await;
        assert_eq!((frame.kind, frame.stream), (wire::RST_STREAM, stream), "{frame:?}");
        frame.code()
    }

    /// Nothing of any message comes for now.
    pub(super) async fn silence(&mut self) {
        if let Ok(frame) = tokio::time::timeout(SILENCE, self.try_next()).await {
            panic!("{frame:?}");
        }
    }

    /// We have said all.
    pub(super) async fn finish(&mut self) {
        self.io.shutdown().await.unwrap();
    }
}
