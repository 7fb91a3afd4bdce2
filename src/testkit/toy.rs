//! Two small protocols made to be awkward: they hold what real ones find hard, in a few lines each, and prove that the
//! traits can carry it. They are also examples of how a codec is written.

mod fields;
pub mod framed;
pub mod mux;

pub use framed::Framed;
pub use mux::Mux;
