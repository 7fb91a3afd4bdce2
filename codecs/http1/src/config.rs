//! What an [`Http1`](crate::Http1) was told.

/// Shared by all connections of one protocol value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) via: Option<String>,
    pub(crate) pipeline: usize,
    pub(crate) assume_get: bool,
    pub(crate) upgrades: Vec<String>,
    pub(crate) h2c: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { via: None, pipeline: 1, assume_get: false, upgrades: vec!["websocket".to_owned()], h2c: false }
    }
}

impl Config {
    /// Whether a connection may become `protocol`.
    pub(crate) fn allows(&self, protocol: &[u8]) -> bool {
        self.upgrades.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(protocol))
    }
}
