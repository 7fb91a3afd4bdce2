//! A server behind the proxy: it answers every request of its protocol.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;

use meshwire::io::{Driver, DriverError};
use meshwire::{Conn, Event, Head, Sent};
use tokio::net::{TcpListener, TcpStream};

use crate::connection::detect;
use crate::traffic::Traffic;

/// Serves connections of any of the protocols until the demo ends.
pub(crate) async fn serve(listener: TcpListener, traffic: Arc<Vec<Traffic>>) -> io::Result<()> {
    loop {
        let (io, _) = listener.accept().await?;
        let traffic = Arc::clone(&traffic);
        tokio::spawn(async move {
            if let Err(error) = connection(io, &traffic).await {
                eprintln!("upstream: {error}");
            }
        });
    }
}

async fn connection(mut io: TcpStream, traffic: &[Traffic]) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    io.set_nodelay(true)?;
    let mut builder = meshwire::Registry::builder();
    for traffic in traffic {
        builder = builder.with_shared(Arc::clone(&traffic.protocol));
    }
    let (protocol, seen) = detect(&mut io, &builder.build()?, std::time::Duration::from_secs(5)).await?;
    let Some(traffic) = traffic.iter().find(|traffic| traffic.protocol.name() == protocol.name()) else {
        return Ok(());
    };
    let mut driver = Driver::new(io, protocol.codec(Conn::server()));
    *driver.endpoint().input() = seen;
    let mut open: HashMap<u64, (Head, Vec<u8>)> = HashMap::new();
    // What the client takes later: windows are narrow.
    let mut answers: VecDeque<Event> = VecDeque::new();
    while let Some(event) = driver.next().await {
        let event = match event {
            // The proxy has closed the connection behind its client.
            Err(DriverError::Io(error)) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(()),
            event => event?,
        };
        if matches!(event, Event::Capacity { .. }) {
            send(&mut driver, &mut answers).await?;
        }
        let (Some(stream), end) = (event.stream(), event.is_end()) else { continue };
        driver.release(stream, event.data_len());
        match event {
            Event::Head(head) => {
                let data = head.data().to_vec();
                open.insert(stream.id(), (head, data));
            }
            Event::Body(body) => {
                if let Some((_, data)) = open.get_mut(&stream.id()) {
                    data.extend_from_slice(&body.data);
                }
            }
            Event::Trailers(_) => {}
            _ => continue,
        }
        if !end {
            continue;
        }
        let Some((head, data)) = open.remove(&stream.id()) else { continue };
        for mut event in (traffic.answer)(&head, &data) {
            event.set_stream(stream);
            answers.push_back(event);
        }
        send(&mut driver, &mut answers).await?;
    }
    Ok(())
}

/// As much as the client takes now.
async fn send(driver: &mut Driver<TcpStream>, answers: &mut VecDeque<Event>) -> Result<(), DriverError> {
    while let Some(mut event) = answers.pop_front() {
        if driver.send(&mut event)? == Sent::Blocked {
            answers.push_front(event);
            break;
        }
    }
    driver.flush().await?;
    Ok(())
}
