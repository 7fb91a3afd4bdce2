//! What is configured of one [`Thrift`](crate::Thrift), shared by its connections.

use crate::layout::{Encoding, Layout, Transport};

#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    pub(crate) transport: Option<Transport>,
    pub(crate) encoding: Option<Encoding>,
    pub(crate) service: Option<Box<[u8]>>,
    pub(crate) strips_service: bool,
    pub(crate) multiplexes: Option<bool>,
    pub(crate) answers_in_order: bool,
    pub(crate) one_way: Vec<Box<[u8]>>,
}

impl Config {
    /// Whether messages laid out so are read.
    #[inline]
    pub(crate) fn allows(&self, layout: Layout) -> bool {
        let same = |pinned: Encoding| pinned.has_structs_of(layout.encoding);
        self.transport.is_none_or(|pinned| pinned == layout.transport) && self.encoding.is_none_or(same)
    }

    /// Whether a call of this name gets no answer, whatever its type says.
    #[inline]
    pub(crate) fn is_one_way(&self, name: &[u8]) -> bool {
        !self.one_way.is_empty() && self.one_way.iter().any(|known| **known == *name)
    }

    /// Whether answers are told apart by their ids, which a client then picks.
    pub(crate) fn by_id(&self) -> bool {
        self.multiplexes.unwrap_or(self.transport != Some(Transport::Unframed))
    }
}
