//! What an [`Http2`](crate::Http2) was told.

/// Shared by all connections of one protocol value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) scheme: &'static str,
    pub(crate) via: Option<String>,
    pub(crate) extended_connect: bool,
    pub(crate) extension_frames: bool,
    pub(crate) observe: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { scheme: "http", via: None, extended_connect: true, extension_frames: false, observe: false }
    }
}
