//! HPACK (RFC 7541), of use without the rest of this crate: a decoder, an encoder, and the Huffman code.
//!
//! ```
//! use meshwire::Limits;
//! use meshwire_http2::hpack::{Decoder, Encoder, Field, FieldList, Fields, Indexing, ListLimits};
//!
//! let (mut encoder, mut block) = (Encoder::new(), Vec::new());
//! encoder.begin(&mut block);
//! for (name, value) in [(":method", "GET"), (":path", "/"), ("x-tenant", "blue")] {
//!     encoder.encode(&Field::new(name.as_bytes(), value.as_bytes()), Indexing::Auto, &mut block);
//! }
//!
//! let mut decoder = Decoder::new(4096);
//! let mut list = FieldList::new(ListLimits::of(&Limits::default()));
//! decoder.decode_into(&block, &mut list)?;
//! let fields = list.take();
//! let tenant = Fields::new(&fields).find(|f| f.name == b"x-tenant").ok_or("no tenant")?;
//! assert_eq!(tenant.value, b"blue");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod decoder;
mod encoder;
mod error;
mod field;
pub mod huffman;
mod index;
mod integer;
mod known;
mod list;
mod policy;
pub(crate) mod record;
mod statics;
mod table;

pub use decoder::Decoder;
pub use encoder::{Encoder, Indexing};
pub use error::HpackError;
pub use field::Field;
pub use known::Known;
pub use list::{FieldList, Fields, ListLimits};
