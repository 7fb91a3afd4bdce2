//! Upstreams that answer with the name of their cluster, and a client of each protocol.

use http_body_util::{BodyExt, Empty};
use meshwire::Event;
use meshwire::io::Driver;
use meshwire_dubbo::{Call, Dubbo, value};

use super::*;

pub(super) async fn run() -> Result<(), Failed> {
    let mut addresses = HashMap::new();
    for cluster in ["orders-v1", "orders-v2"] {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        addresses.insert(cluster.to_owned(), listener.local_addr()?.to_string());
        tokio::spawn(upstream(listener, cluster));
    }
    let front = Front::new(addresses)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.to_string();
    tokio::spawn(front.accept(listener));

    for version in [Version::HTTP_11, Version::HTTP_2] {
        for (path, holds) in
            [("/orders/7?full=1", "orders-v1"), ("/orders/7/cancel", "orders-v2"), ("/orders/7/refund", "by hand")]
        {
            check(&http(&port, version, path).await?, holds)?;
        }
    }
    for (method, holds) in [("find", "orders-v1"), ("cancel", "orders-v2"), ("refund", "by hand")] {
        check(&dubbo(&port, method).await?, holds)?;
    }
    Ok(())
}

fn check(said: &[u8], holds: &str) -> Result<(), Failed> {
    let said = String::from_utf8_lossy(said);
    if said.contains(holds) { Ok(()) } else { Err(format!("{said:?} is no answer of {holds}").into()) }
}

async fn http(port: &str, version: Version, path: &str) -> Result<Vec<u8>, Failed> {
    let io = TokioIo::new(TcpStream::connect(port).await?);
    let request = Request::builder().version(version);
    let answer = if version == Version::HTTP_2 {
        let request = request.uri(format!("http://shop.example.com{path}")).body(Empty::<Bytes>::new())?;
        let (mut sender, connection) = client::conn::http2::handshake(TokioExecutor::new(), io).await?;
        tokio::spawn(connection);
        sender.send_request(request).await?
    } else {
        let request = request.uri(path).header("host", "shop.example.com").body(Empty::<Bytes>::new())?;
        let (mut sender, connection) = client::conn::http1::handshake(io).await?;
        tokio::spawn(connection);
        sender.send_request(request).await?
    };
    Ok(answer.into_body().collect().await?.to_bytes().to_vec())
}

async fn dubbo(port: &str, method: &str) -> Result<Vec<u8>, Failed> {
    let mut driver = Driver::new(TcpStream::connect(port).await?, Dubbo::default().codec(Conn::client()));
    let call = Call::new("com.example.shop.OrderService", method).with_arg("7");
    let _ = driver.send(&mut Event::Head(call.head(1)))?;
    driver.flush().await?;
    while let Some(event) = driver.next().await {
        if let Event::Head(head) = event? {
            return Ok(head.data().to_vec());
        }
    }
    Err("no answer".into())
}

async fn upstream(listener: TcpListener, cluster: &'static str) -> Result<(), Failed> {
    let registry = registry()?;
    loop {
        let (mut io, _) = listener.accept().await?;
        let (protocol, seen) = detect(&mut io, &registry).await?;
        tokio::spawn(async move {
            if protocol.name() != "dubbo" {
                let service = service_fn(|_| async { Ok::<_, Infallible>(answer(Outcome::Success, cluster)) });
                let builder = auto::Builder::new(TokioExecutor::new());
                return builder.serve_connection(TokioIo::new(rewound(seen, io)), service).await;
            }
            let mut driver = Driver::new(io, protocol.codec(Conn::server()));
            *driver.endpoint().input() = seen;
            while let Some(event) = driver.next().await {
                if let Event::Head(head) = event? {
                    let _ = driver.send(&mut Event::Head(value(head.stream(), cluster)))?;
                    driver.flush().await?;
                }
            }
            Ok(())
        });
    }
}
