//! HTTP/1.1 for [meshwire]: heads, framing, and the duties of an intermediary, at both ends of a connection
//! (RFC 9112, RFC 9110, RFC 9931).
//!
//! A head is handed over as soon as it is complete, in its own bytes; a body streams behind it without its framing.
//! What is not exactly HTTP is refused: requests are smuggled in what two readers read differently.
//!
//! ```
//! use meshwire::{Attr, Conn, Endpoint, Event, Protocol, RoutingKey, Step};
//! use meshwire_http1::{Http1, response};
//!
//! let mut server = Endpoint::new(Http1::default().codec(Conn::server()));
//! server.input().extend_from_slice(b"GET /users HTTP/1.1\r\nHost: example.com\r\n\r\n");
//! let Step::Event(Event::Head(head)) = server.decode()? else { panic!("no head") };
//! assert_eq!(head.host(), Attr::Value(b"example.com"));
//!
//! let mut answer = response(200, &[("Content-Type", "text/plain")], "nobody\n")?;
//! answer.set_stream(head.stream());
//! let _ = server.send(&mut answer)?;
//! assert!(server.output_mut().take().starts_with(b"HTTP/1.1 200 OK\r\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Ends
//!
//! * A server decodes pipelined requests up to [`Limits::pipelined`](meshwire::Limits::pipelined) and writes answers in
//!   their order: an answer before its turn is [`Blocked`](meshwire::Sent::Blocked), and a `Capacity` of its stream
//!   follows.
//! * A request that is refused waits for the answers owed before it; then the codec writes its own, the error is
//!   returned, and the connection closes.
//! * The head of a CONNECT, or of an Upgrade that may pass, does not end its stream: after 2xx or 101 comes
//!   [`Upgraded`](meshwire::Event::Upgraded) and the tunnel, after any other answer an empty, last `Body`. Bytes that
//!   came early wait for either (RFC 9931).
//! * What `Connection`, framing fields and `Upgrade` say is the codec's; edits of the connection's fields are refused.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))] // lengths come from the wire

mod body;
mod build;
mod chunked;
mod client;
mod config;
mod detect;
mod fault;
mod format;
mod grammar;
mod h2c;
mod note;
mod parse;
#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
pub mod parts;
mod plain;
mod protocol;
mod scan;
mod server;
mod status;
mod upgrade;
mod websocket;
mod write;

pub use build::{request, response};
pub use protocol::Http1;
pub use status::{outcome, status};

/// The protocol's name.
const NAME: &str = "http1";

/// What heads mean: joined with whatever else speaks HTTP.
const SEMANTICS: &str = "http";
