//! What a connection holds does not grow with what passes through it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)] // a test that cannot go on panics

#[path = "../examples/sidecar/connection.rs"]
#[allow(dead_code)]
mod connection;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use meshwire::io::Dial;
use meshwire::{Protocol, RouteTable};
use meshwire_dubbo::{Call, Dubbo};
use meshwire_http1::Http1;
use peak_alloc::PeakAlloc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use connection::{Destination, Shared};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const BODY: u64 = 1 << 30;
const ALLOWED: usize = 2 << 20;

const ROUTES: &str = "virtual_hosts: [{hosts: ['*'], routes: [{cluster: sink}]}]";

/// Sends `front`, a body and `behind` through a proxy to a server that reads it all and answers `answer`; how far memory rose.
async fn rise(protocol: Arc<dyn Protocol>, front: Vec<u8>, behind: &[u8], answer: Vec<u8>) -> usize {
    rise_by(ROUTES, protocol, front, b'x', behind, answer, 0).await
}

/// The same by these routes, with a body of `filler` to which the proxy adds so many bytes.
async fn rise_by(
    routes: &str,
    protocol: Arc<dyn Protocol>,
    front: Vec<u8>,
    filler: u8,
    behind: &[u8],
    answer: Vec<u8>,
    added: u64,
) -> usize {
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = upstream.local_addr().unwrap().to_string().parse().unwrap();
    let (_running, draining) = watch::channel(false);
    let shared = Arc::new(Shared {
        table: Arc::new(RouteTable::from_yaml(routes).unwrap()),
        clusters: Arc::new(HashMap::from([(
            "sink".to_owned(),
            Destination { address, protocol: None, heartbeat: None },
        )])),
        registry: Arc::default(),
        connect: Arc::new(Dial::default()),
        log: None,
        draining,
    });
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (io, _) = listener.accept().await.unwrap();
    let proxy = tokio::spawn(connection::serve(io, protocol, Arc::default(), BytesMut::new(), shared));
    let piece = vec![filler; 64 * 1024];
    let mut buffer = vec![0; 64 * 1024];
    let at_least = match added {
        // Fields in front may go.
        0 => BODY + front.len() as u64 - 1024,
        added => BODY + (front.len() + behind.len()) as u64 + added,
    };
    let answer_len = answer.len();
    tokio::task::yield_now().await;

    let idle = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let server = tokio::spawn(async move {
        let (mut io, _) = upstream.accept().await.unwrap();
        let mut received = 0;
        while received < at_least {
            let n = io.read(&mut buffer).await.unwrap();
            assert_ne!(n, 0, "the proxy closed the connection after {received} bytes");
            received += n as u64;
        }
        io.write_all(&answer).await.unwrap();
        io
    });
    client.write_all(&front).await.unwrap();
    for _ in 0..BODY / piece.len() as u64 {
        client.write_all(&piece).await.unwrap();
    }
    client.write_all(behind).await.unwrap();
    let mut got = vec![0; answer_len.min(12)];
    client.read_exact(&mut got).await.unwrap();
    let peak = MEMORY.peak_usage();
    drop((client, server.await.unwrap()));
    let _ = tokio::time::timeout(Duration::from_secs(5), proxy).await;
    peak.saturating_sub(idle)
}

/// One after the other: the counter counts the whole process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_1_gib_takes_less_than_2_mib() {
    let head = format!("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: {BODY}\r\n\r\n");
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec();
    let http1 = rise(Arc::new(Http1::default()), head.into_bytes(), b"", answer).await;

    let mut call = Call::new("com.example.Photos", "upload").head(1).bytes().to_vec();
    let length = u32::try_from(call.len() as u64 - 16 + BODY).unwrap();
    call[12..16].copy_from_slice(&length.to_be_bytes());
    let answer = meshwire_dubbo::value(meshwire::StreamId::new(1), "ok").bytes().to_vec();
    let dubbo = rise(Arc::new(Dubbo::default()), call, b"", answer).await;

    // One argument, a list of numbers, and an attachment that is added behind it.
    let none = Call::new("com.example.Photos", "upload").with_arg("").head(1);
    let front = none.bytes().strip_suffix(b"\x00HZ").unwrap();
    let mut call = [front, b"\x58I", &u32::try_from(BODY).unwrap().to_be_bytes()].concat();
    let length = u32::try_from(call.len() as u64 - 16 + BODY + 2).unwrap();
    call[12..16].copy_from_slice(&length.to_be_bytes());
    let routes = "virtual_hosts: [{hosts: ['*'], routes: [{cluster: sink, request_fields: {set: {tenant: red}}}]}]";
    let answer = meshwire_dubbo::value(meshwire::StreamId::new(1), "ok").bytes().to_vec();
    let added = b"\x06tenant\x03red".len() as u64;
    let edited = rise_by(routes, Arc::new(Dubbo::default()), call, 0x90, b"HZ", answer, added).await;

    let mut call = meshwire_sofarpc::Call::new("com.example.Photos:1.0", "upload").head(1).bytes().to_vec();
    call[18..22].copy_from_slice(&u32::try_from(BODY).unwrap().to_be_bytes());
    let answer = meshwire_sofarpc::Answer::default().head(meshwire::StreamId::new(1)).bytes().to_vec();
    let bolt = rise(Arc::new(meshwire_sofarpc::Bolt::default()), call, b"", answer).await;

    // As a first message it would be longer than any that is told from other protocols'.
    let pinned = |transport| Arc::new(meshwire_thrift::Thrift::new().with_transport(transport));
    let call = |transport| meshwire_thrift::Call::new("Photos:upload").in_transport(transport).head(1);
    let answer = |asked: meshwire::Head| meshwire_thrift::Answer::new("upload").head(asked.stream()).bytes().to_vec();
    let framed = meshwire_thrift::Transport::Framed;
    let mut front = call(framed).bytes().to_vec();
    let length = u32::try_from(front.len() as u64 - 4 + BODY).unwrap();
    front[..4].copy_from_slice(&length.to_be_bytes());
    let thrift = rise(pinned(framed), front, b"", answer(call(framed))).await;

    let unframed = meshwire_thrift::Transport::Unframed;
    let mut front = call(unframed).bytes().to_vec();
    // One string, and behind it the end of the arguments.
    front.pop();
    front.extend([0x0b, 0x00, 0x01]);
    front.extend(u32::try_from(BODY).unwrap().to_be_bytes());
    let without = rise(pinned(unframed), front, &[0x00], answer(call(unframed))).await;

    let all = [
        ("http1", http1),
        ("dubbo", dubbo),
        ("dubbo edited", edited),
        ("bolt", bolt),
        ("thrift", thrift),
        ("thrift unframed", without),
    ];
    println!("peak over idle: {}", all.map(|(name, bytes)| format!("{name} {} KiB", bytes / 1024)).join(", "));
    for (name, bytes) in all {
        assert!(bytes < ALLOWED, "{name}: {bytes} bytes");
    }
}
