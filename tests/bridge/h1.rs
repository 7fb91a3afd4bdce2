//! A far end that speaks HTTP/1.1 as text.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::proxy::within;

/// Long enough for what is not to come.
const SILENCE: Duration = Duration::from_millis(40);

pub(super) struct Text {
    io: DuplexStream,
}

impl Text {
    pub(super) const fn new(io: DuplexStream) -> Self {
        Self { io }
    }

    pub(super) async fn send(&mut self, text: impl AsRef<[u8]>) {
        within(self.io.write_all(text.as_ref())).await.unwrap();
    }

    /// The next bytes are these.
    pub(super) async fn expect(&mut self, text: impl AsRef<[u8]>) {
        let expected = text.as_ref();
        let mut got = Vec::new();
        while got.len() < expected.len() {
            let mut buf = vec![0; expected.len() - got.len()];
            let read = tokio::time::timeout(Duration::from_secs(5), self.io.read(&mut buf)).await;
            let n = read.ok().map_or(0, Result::unwrap);
            got.extend_from_slice(&buf[..n]);
            assert!(
                n > 0 && expected.starts_with(&got),
                "got\n{}\ninstead of\n{}",
                String::from_utf8_lossy(&got),
                String::from_utf8_lossy(expected)
            );
        }
    }

    /// A head, whatever it says.
    pub(super) async fn head(&mut self) -> String {
        let mut got = Vec::new();
        while !got.ends_with(b"\r\n\r\n") {
            got.push(within(self.io.read_u8()).await.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&got))));
        }
        String::from_utf8_lossy(&got).into_owned()
    }

    pub(super) async fn bytes(&mut self, n: usize) -> Vec<u8> {
        let mut got = vec![0; n];
        within(self.io.read_exact(&mut got)).await.unwrap();
        got
    }

    /// Nothing comes for now.
    pub(super) async fn silence(&mut self) {
        let mut buf = [0; 256];
        if let Ok(read) = tokio::time::timeout(SILENCE, self.io.read(&mut buf)).await {
            panic!("{:?}", String::from_utf8_lossy(&buf[..read.unwrap()]));
        }
    }

    /// All that comes up to the end.
    pub(super) async fn rest(&mut self) -> String {
        let mut got = Vec::new();
        within(self.io.read_to_end(&mut got)).await.unwrap();
        String::from_utf8_lossy(&got).into_owned()
    }

    /// The peer has said all.
    pub(super) async fn end(&mut self) {
        assert_eq!(self.rest().await, "");
    }

    /// We have said all.
    pub(super) async fn finish(&mut self) {
        self.io.shutdown().await.unwrap();
    }

    pub(super) fn into_io(self) -> DuplexStream {
        self.io
    }
}
