//! HTTP/2 and gRPC for [meshwire]: HPACK, frames, streams, and the duties of an intermediary, at both ends of a
//! connection (RFC 9113, RFC 7541, RFC 8441, and gRPC over HTTP/2).
//!
//! A head is handed over with its fields in the order of the wire, pseudo-fields included, and with what HPACK said of
//! each: a field that must never be indexed stays one on the next hop. Nothing is allocated for a head but its share of
//! a block of memory that many heads have in common.
//!
//! ```
//! use meshwire::{Attr, Attribute, Conn, Endpoint, Event, Protocol, RoutingKey, Step};
//! use meshwire_http2::{Http2, request, response};
//!
//! let http = Http2::default();
//! let (mut client, mut server) = (Endpoint::new(http.codec(Conn::client())), Endpoint::new(http.codec(Conn::server())));
//!
//! let mut call = request("POST", "/shop.Cart/Add", "cart.example.com", &[("content-type", "application/grpc")], "")?;
//! let _ = client.send(&mut call)?;
//! server.input().extend_from_slice(&client.output_mut().take());
//! let Step::Event(Event::Head(head)) = server.decode()? else { panic!("no head") };
//! assert_eq!(head.host(), Attr::Value(b"cart.example.com"));
//! assert_eq!(head.attribute(Attribute::Service), Attr::Value(b"shop.Cart"));
//! assert_eq!(head.attribute(Attribute::Method), Attr::Value(b"Add"));
//!
//! let mut answer = response(200, &[("content-type", "application/grpc"), ("grpc-status", "0")], "")?;
//! answer.set_stream(head.stream());
//! let _ = server.send(&mut answer)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Ends
//!
//! * A connection begins with the preface, by prior knowledge or after ALPN (RFC 9113, section 3); what goes out first is
//!   written by the first call. After an `Upgrade: h2c` that HTTP/1.1 was told to allow, it begins with the request that
//!   asked for it ([`Conn::switch`](meshwire::Conn)).
//! * A request is named as it is written. While the peer takes no further stream it is
//!   [`Blocked`](meshwire::Sent::Blocked); once there are no more ids, or after the peer's GOAWAY, the connection is
//!   `draining`, and streams that the peer did not look at come back as [`Refused`](meshwire::ResetReason::Refused).
//! * Credit follows [`release`](meshwire::Codec::release): a stream's once half its window was released, and the
//!   connection's likewise. Padding is credited at once.
//! * `go_away` on a server says GOAWAY twice, a round trip apart, so that no request is lost on the way; the state turns to
//!   `close` when the last stream has ended.
//! * A malformed message costs its stream: it is reset, and the error says so. A head that passes a limit keeps its stream
//!   for the answer ([`reply`](meshwire::Codec::reply)). Tables stay in step whatever becomes of a block.
//! * CONNECT and extended CONNECT (RFC 8441) are heads that do not end, then bodies both ways. HTTP/1.1's upgrades and
//!   these are written in each other's terms.
//!
//! # What frames cost
//!
//! What moves nothing forward is paid from budgets ([`Limits`](meshwire::Limits)) that fill up again with time, and with
//! work: a ping for every message, or credit for every frame, is healthy at any rate. A reset costs something if the stream
//! was open for less than 10 ms and had no answer. Whoever passes a budget gets GOAWAY with ENHANCE_YOUR_CALM, the error
//! and [`Stats::tripped`](meshwire::Stats::tripped) name it.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))] // lengths come from the wire

mod budget;
mod build;
mod code;
mod config;
mod connection;
mod format;
mod frame;
pub mod grpc;
pub mod hpack;
mod message;
mod note;
#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
pub mod parts;
mod protocol;
mod rules;
mod seen;
mod settings;
mod splice;
mod status;
mod stream;
#[cfg(test)]
mod testing;
mod window;
mod write;

pub use build::{request, response, trailers};
pub use protocol::Http2;
pub use splice::{Ending, Ends, Exchange, ReplyAs, Side, Splice};
pub use status::{outcome, status};

/// The protocol's name.
const NAME: &str = "http2";

/// What heads mean: joined with whatever else speaks HTTP.
const SEMANTICS: &str = "http";
