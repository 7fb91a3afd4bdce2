//! The driver: codecs over tokio's I/O traits.

mod adapter;
mod connect;
mod driver;
mod relay;
mod wire;

pub use adapter::{AdapterError, FramedCodec};
pub use connect::{Address, AddressError, Connect, Dial, Stream};
pub use driver::{Driver, DriverError};
pub use relay::RelayDriver;
pub use wire::Wire;
