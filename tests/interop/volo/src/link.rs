//! A client with connections of its own, of which one is used after the other.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use volo::net::Address;
use volo::net::conn::{OwnedReadHalf, OwnedWriteHalf};
use volo::net::dial::{DefaultMakeTransport, MakeTransport};
use volo_thrift::Protocol;
use volo_thrift::codec::default::DefaultMakeCodec;
use volo_thrift::codec::default::framed::MakeFramedCodec;
use volo_thrift::codec::default::thrift::MakeThriftCodec;
use volo_thrift::codec::default::ttheader::MakeTTHeaderCodec;

use crate::MUX;
use crate::echo::{WiderClient, WiderClientBuilder};

#[derive(Clone)]
pub struct Link {
    pub client: WiderClient,
    connections: Arc<AtomicUsize>,
}

impl Link {
    /// The client of a service; only TTHeader carries the service's name.
    pub fn new(flavour: &str, address: SocketAddr, service: &str) -> Result<Self, String> {
        let connections = Arc::default();
        let transport = Counting { inner: DefaultMakeTransport::new(), count: Arc::clone(&connections) };
        let builder = WiderClientBuilder::new(service)
            .address(address)
            .make_transport(transport)
            .rpc_timeout(Some(Duration::from_secs(30)))
            .multiplex(flavour == MUX);
        let binary = MakeThriftCodec::new();
        let compact = MakeThriftCodec::new().with_protocol(Protocol::ApacheCompact);
        let client = match flavour {
            "framed-binary" => builder.make_codec(DefaultMakeCodec::new(MakeFramedCodec::new(binary))).build(),
            "framed-compact" => builder.make_codec(DefaultMakeCodec::new(MakeFramedCodec::new(compact))).build(),
            "buffered-binary" => builder.make_codec(DefaultMakeCodec::new(binary)).build(),
            "buffered-compact" => builder.make_codec(DefaultMakeCodec::new(compact)).build(),
            "ttheader-framed" => builder.make_codec(DefaultMakeCodec::ttheader_framed()).build(),
            "ttheader-binary" | MUX => {
                builder.make_codec(DefaultMakeCodec::new(MakeTTHeaderCodec::new(binary))).build()
            }
            "ttheader-compact" => builder.make_codec(DefaultMakeCodec::new(MakeTTHeaderCodec::new(compact))).build(),
            _ => return Err(format!("no such flavour: {flavour}")),
        };
        Ok(Self { client, connections })
    }

    /// How many were opened.
    pub fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }
}

#[derive(Clone)]
struct Counting {
    inner: DefaultMakeTransport,
    count: Arc<AtomicUsize>,
}

impl MakeTransport for Counting {
    type ReadHalf = OwnedReadHalf;
    type WriteHalf = OwnedWriteHalf;

    async fn make_transport(&self, address: Address) -> io::Result<(OwnedReadHalf, OwnedWriteHalf)> {
        self.count.fetch_add(1, SeqCst);
        self.inner.make_transport(address).await
    }

    fn set_connect_timeout(&mut self, timeout: Option<Duration>) {
        self.inner.set_connect_timeout(timeout);
    }

    fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.inner.set_read_timeout(timeout);
    }

    fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.inner.set_write_timeout(timeout);
    }
}
