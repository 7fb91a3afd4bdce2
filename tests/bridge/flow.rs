//! Large bodies through small windows: what nobody reads is not held.

use meshwire::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::proxy::{Setup, to_http1, to_http2, within};
use crate::frames::{self as wire, GET, OK, POST};

const BODY: usize = 8 << 20;
const WINDOW: usize = 32 * 1024;
const PIPE: usize = 16 * 1024;
/// What a proxy may hold of a body for one stream: its window on one side, and what is queued on the other.
const HELD: usize = 512 * 1024;

fn narrow(setup: Setup) -> Setup {
    setup.pipe(PIPE).limits(|limits: &mut Limits| {
        limits.window = WINDOW;
        limits.connection_window = 2 * WINDOW;
    })
}

fn byte(n: usize) -> u8 {
    (n % 251) as u8
}

fn piece(at: usize, n: usize) -> Vec<u8> {
    (at..at + n).map(byte).collect()
}

/// Writes a body in frames, as far as the windows that `end` was told of allow.
async fn send_frames(
    mut io: tokio::io::WriteHalf<tokio::io::DuplexStream>,
    mut credit: tokio::sync::mpsc::Receiver<(u32, usize)>,
) {
    let (mut connection, mut stream, mut at) = (65_535, WINDOW, 0);
    while at < BODY {
        let n = connection.min(stream).min(16_384).min(BODY - at);
        if n == 0 {
            let (id, more) = credit.recv().await.unwrap();
            if id == 0 {
                connection += more
            } else {
                stream += more
            }
            continue;
        }
        io.write_all(&wire::data(1, at + n == BODY, &piece(at, n))).await.unwrap();
        (connection, stream, at) = (connection - n, stream - n, at + n);
    }
    std::future::pending::<()>().await;
}

/// The frames that come, of which only credit matters.
async fn read_credit(
    mut io: tokio::io::ReadHalf<tokio::io::DuplexStream>,
    credit: tokio::sync::mpsc::Sender<(u32, usize)>,
) {
    let mut front = [0; 9];
    while io.read_exact(&mut front).await.is_ok() {
        let len = u32::from_be_bytes([0, front[0], front[1], front[2]]) as usize;
        let mut payload = vec![0; len];
        io.read_exact(&mut payload).await.unwrap();
        if front[3] == wire::WINDOW_UPDATE {
            let id = u32::from_be_bytes(front[5..].try_into().unwrap());
            credit.send((id, u32::from_be_bytes(payload.try_into().unwrap()) as usize)).await.unwrap();
        }
    }
}

/// Sends a body as fast as the windows allow, until told otherwise.
fn pump(io: tokio::io::DuplexStream) {
    let (read, write) = tokio::io::split(io);
    let (told, credit) = tokio::sync::mpsc::channel(64);
    tokio::spawn(read_credit(read, told));
    tokio::spawn(send_frames(write, credit));
}

#[tokio::test]
async fn an_upload_to_http_1_1() {
    let mut proxy = narrow(to_http1()).start();
    let mut io = proxy.client();
    let length = BODY.to_string();
    io.write_all(&wire::hello()).await.unwrap();
    io.write_all(&wire::ack()).await.unwrap();
    io.write_all(&wire::headers(1, false, &[POST, &[("content-length", &length)]].concat())).await.unwrap();
    pump(io);
    let mut server = proxy.text_server().await;
    server.head().await;
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    for at in (0..BODY).step_by(64 * 1024) {
        assert!(server.bytes(64 * 1024).await == piece(at, 64 * 1024), "at {at}");
    }
    assert!(proxy.queued() <= HELD, "{}", proxy.queued());
}

#[tokio::test]
async fn a_download_from_http_2() {
    let mut proxy = narrow(to_http2()).start();
    let mut client = proxy.text_client();
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let mut io = proxy.accept().await;
    io.read_exact(&mut [0; 24]).await.unwrap();
    let length = BODY.to_string();
    io.write_all(&wire::settings(&[])).await.unwrap();
    io.write_all(&wire::headers(1, false, &[OK, &[("content-length", &length)]].concat())).await.unwrap();
    pump(io);
    client.head().await;
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    for at in (0..BODY).step_by(64 * 1024) {
        assert!(client.bytes(64 * 1024).await == piece(at, 64 * 1024), "at {at}");
    }
    assert!(proxy.queued() <= HELD, "{}", proxy.queued());
}

/// How much goes in before nothing goes in any more, and what comes out in the end.
async fn upload_text(chunked: bool) {
    let mut proxy = narrow(to_http2()).start();
    let mut client = proxy.client();
    let framing = if chunked { "Transfer-Encoding: chunked".to_owned() } else { format!("Content-Length: {BODY}") };
    client.write_all(format!("POST / HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n").as_bytes()).await.unwrap();
    let mut server = super::h2::Frames::server(proxy.accept().await, &[(4, 1000)]).await;
    server.generous = false;
    server.head().await;
    let chunk = move |at: usize| {
        let data = piece(at, 64 * 1024);
        if !chunked {
            return data;
        }
        let end = if at + data.len() == BODY { "0\r\n\r\n" } else { "" };
        [format!("{:x}\r\n", data.len()).as_bytes(), &data, b"\r\n", end.as_bytes()].concat()
    };
    let mut taken = 0;
    let short = std::time::Duration::from_millis(100);
    let mut left = chunk(0);
    let mut at = left.len().min(64 * 1024);
    while let Ok(n) = tokio::time::timeout(short, client.write(&left)).await {
        taken += n.as_ref().unwrap();
        left.drain(..n.unwrap());
        if left.is_empty() {
            left = chunk(at);
            at += 64 * 1024;
        }
    }
    assert!(taken <= HELD, "{taken} bytes were taken that nobody reads");
    // The rest goes as it is read.
    let writer = tokio::spawn(async move {
        client.write_all(&left).await.unwrap();
        while at < BODY {
            client.write_all(&chunk(at)).await.unwrap();
            at += 64 * 1024;
        }
        client
    });
    server.generous = true;
    server.send(wire::credit(1, 1_000_000)).await;
    server.send(wire::credit(0, 1_000_000)).await;
    let (body, trailers) = server.body(1).await;
    assert!(body.len() == BODY && trailers.is_none(), "{}", body.len());
    assert!(body == piece(0, BODY));
    within(writer).await.unwrap();
    assert!(proxy.queued() <= HELD, "{}", proxy.queued());
}

#[tokio::test]
async fn an_upload_to_http_2() {
    upload_text(false).await;
}

#[tokio::test]
async fn a_chunked_upload_to_http_2() {
    upload_text(true).await;
}

#[tokio::test]
async fn a_download_from_http_1_1() {
    let mut proxy = narrow(to_http1()).start();
    let mut client = super::h2::Frames::client_with(proxy.client(), &[(4, 1000)]).await;
    client.headers(1, true, GET).await;
    let mut server = proxy.accept().await;
    let mut buf = [0; 512];
    assert!(server.read(&mut buf).await.unwrap() > 0);
    server.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    let short = std::time::Duration::from_millis(100);
    let mut at = 0;
    while at < BODY {
        let data = piece(at, 4096);
        match tokio::time::timeout(short, server.write(&data)).await {
            Ok(n) => at += n.unwrap(),
            Err(_) => break,
        }
    }
    assert!(at <= HELD, "{at} bytes were taken that nobody reads");
    let writer = tokio::spawn(async move {
        while at < BODY {
            let data = piece(at, 4096.min(BODY - at));
            server.write_all(&data).await.unwrap();
            at += data.len();
        }
    });
    assert!(!client.head().await.end);
    client.send(wire::credit(1, 1_000_000)).await;
    let (body, _) = client.body(1).await;
    assert!(body == piece(0, BODY));
    within(writer).await.unwrap();
    assert!(proxy.queued() <= HELD, "{}", proxy.queued());
}

/// One stream that nobody reads does not stop another.
#[tokio::test]
async fn a_stream_that_stalls_stalls_alone() {
    let mut proxy = narrow(Setup::new(meshwire_http2::Http2::default(), meshwire_http2::Http2::default())).start();
    let mut client = super::h2::Frames::client_with(proxy.client(), &[(4, 0)]).await;
    client.headers(1, true, GET).await;
    client.headers(3, true, GET).await;
    let mut server = proxy.frame_server().await;
    assert_eq!((server.head().await.stream, server.head().await.stream), (1, 3));
    server.headers(1, false, OK).await;
    server.data(1, false, &piece(0, 16_000)).await;
    server.data(1, false, &piece(0, 16_000)).await;
    server.headers(3, false, OK).await;
    server.data(3, true, "hi").await;
    assert_eq!((client.head().await.stream, client.head().await.stream), (1, 3));
    client.send(wire::credit(3, 100)).await;
    assert_eq!(client.body(3).await.0, b"hi");
}
