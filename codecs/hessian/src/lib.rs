#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))] // lengths come from the wire

mod dialect;
mod error;
mod limits;
mod number;
pub mod put;
mod reader;
mod scalar;
mod scanner;
mod stack;
mod text;
mod utf8;
mod walk;

pub use dialect::{Dialect, Kind};
pub use error::{Error, Progress, Read};
pub use limits::Limits;
pub use reader::{FieldNames, Object, Reader, find_fields};
pub use scalar::Scalar;
pub use scanner::Scanner;
pub use text::{Short, StringScan, Text, collect, is_ascii};
