//! `framed`: Dubbo through tokio-util's `Framed`, for programs that think in streams and sinks.
//!
//! A server and a client in one process talk over loopback TCP.

use std::error::Error;

use futures_util::{SinkExt, StreamExt};
use meshwire::io::FramedCodec;
use meshwire::{Attribute, Conn, Event, RoutingKey};
use meshwire_dubbo::{Call, Dubbo};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::Framed;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(async move {
        let (io, _) = listener.accept().await?;
        let mut connection = Framed::new(io, FramedCodec::new(&Dubbo::default(), Conn::server())?);
        while let Some(event) = connection.next().await {
            let Event::Head(head) = event? else { continue };
            let method = String::from_utf8_lossy(head.attribute(Attribute::Method).value().unwrap_or_default());
            let answer = meshwire_dubbo::value(head.stream(), &format!("{method}: done"));
            connection.send(Event::Head(answer)).await?;
        }
        Ok::<_, Failure>(())
    });

    let io = TcpStream::connect(address).await?;
    let mut connection = Framed::new(io, FramedCodec::new(&Dubbo::default(), Conn::client())?);
    for (id, method) in (1..).zip(["find", "cancel", "refund"]) {
        let call = Call::new("com.example.shop.OrderService", method).with_arg("7");
        connection.send(Event::Head(call.head(id))).await?;
        let Some(event) = connection.next().await else { break };
        if let Event::Head(head) = event? {
            println!("call {}: {} with {} bytes", head.stream(), head.outcome(), head.data().len());
        }
    }
    drop(connection);
    server.await?
}
