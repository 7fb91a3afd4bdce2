//! How a message is wrapped, and how it is written.

/// What stands around a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// Four bytes of length in front: `TFramedTransport`.
    Framed,
    /// Nothing (`TBufferedTransport`): a message ends where its struct does.
    Unframed,
    /// `THeaderTransport` of fbthrift and Apache: a frame with key/value fields and transforms.
    THeader,
    /// `TTHeader` of Kitex and Volo: a frame with key/value fields, some of them under numbers.
    TTHeader,
    /// Dubbo's own frame around Thrift, with the service and an id of 64 bits.
    Dubbo,
}

impl Transport {
    /// Every transport.
    pub const ALL: [Self; 5] = [Self::Framed, Self::Unframed, Self::THeader, Self::TTHeader, Self::Dubbo];

    /// The name that documents and tools use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Framed => "framed",
            Self::Unframed => "unframed",
            Self::THeader => "theader",
            Self::TTHeader => "ttheader",
            Self::Dubbo => "dubbo",
        }
    }
}

impl std::fmt::Display for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// How a message is written: what Thrift itself calls a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// `TBinaryProtocol`, whose messages begin with a version.
    Binary,
    /// The same without the version ("non-strict").
    OldBinary,
    /// `TCompactProtocol`.
    Compact,
    /// `TJSONProtocol`, in frames.
    Json,
}

impl Encoding {
    /// Every encoding.
    pub const ALL: [Self; 4] = [Self::Binary, Self::OldBinary, Self::Compact, Self::Json];

    /// The name that documents and tools use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::OldBinary => "old_binary",
            Self::Compact => "compact",
            Self::Json => "json",
        }
    }

    /// Whether what follows the begin of a message is written alike.
    pub(crate) const fn has_structs_of(self, other: Self) -> bool {
        match self {
            Self::Binary | Self::OldBinary => matches!(other, Self::Binary | Self::OldBinary),
            Self::Compact => matches!(other, Self::Compact),
            Self::Json => matches!(other, Self::Json),
        }
    }
}

impl std::fmt::Display for Encoding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Transport and encoding of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) transport: Transport,
    pub(crate) encoding: Encoding,
    /// A frame of its own inside a `TTHeader`, as Volo writes it.
    pub(crate) framed_inside: bool,
}

impl Layout {
    pub(crate) const fn new(transport: Transport, encoding: Encoding) -> Self {
        Self { transport, encoding, framed_inside: false }
    }
}
