//! meshwire: codecs for the protocols of a service mesh, and one route table for all of them.
//!
//! A proxy links this crate, one codec crate for each protocol it speaks, and nothing else changes when another
//! protocol comes: the meaning of a destination is fixed once ([`RoutingKey`]), a codec decodes what forwarding needs
//! and leaves the rest as bytes ([`Head`]), and the wire format is all that a plugin ([`Protocol`]) holds.
//!
//! A [`Codec`] is sans-I/O: it is given the bytes that came and the [`Output`] for those that go, and never sees a
//! socket, a clock or a runtime.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))] // lengths come from the wire

mod codec;
mod depth;
mod endpoint;
mod error;
mod event;
pub mod frame;
mod head;
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub mod io;
mod key;
mod limits;
#[cfg(feature = "nom")]
#[cfg_attr(docsrs, doc(cfg(feature = "nom")))]
pub mod nom;
mod outcome;
mod output;
mod registry;
mod relay;
pub mod route;
#[cfg(feature = "testkit")]
#[cfg_attr(docsrs, doc(cfg(feature = "testkit")))]
pub mod testkit;

pub use codec::{Codec, Conn, ConnState, Correlation, Cx, Detection, Protocol, ProtocolTraits, Role};
pub use depth::Depth;
pub use endpoint::Endpoint;
pub use error::{DecodeError, EditError, EncodeError, Scope};
pub use event::{Body, Event, Extension, Reset, ResetReason, Sent, Step, StreamId, Switch};
pub use head::{Arena, CheckAttribute, CheckField, FieldEdit, Fields, Head, HeadFormat, Kind, NextField};
pub use key::{Attr, Attribute, Key, PathView, RoutingKey};
pub use limits::{Limit, Limits, Rate, Stats, TokenBucket};
pub use outcome::{Executed, LocalReply, Outcome};
pub use output::Output;
pub use registry::{MAX_DETECT, Registry, RegistryBuilder, RegistryError, Sniffed};
pub use relay::{Done, ExchangeId, Link, Relay, RelayStep};
pub use route::RouteTable;

/// The README's examples run with the documentation's.
#[cfg(all(doctest, feature = "yaml"))]
#[doc = include_str!("../README.md")]
struct Readme;
