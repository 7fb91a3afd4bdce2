//! HPACK (RFC 7541), of use without the rest of this crate: a decoder, an encoder, and the Huffman code.

mod field;
mod known;

pub use field::{Field, FieldList, Fields, ListLimits};
pub use known::Known;
