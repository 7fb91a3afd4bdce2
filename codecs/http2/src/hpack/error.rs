//! What can be wrong with a block.

/// Why a block cannot be decoded. The tables of both ends differ from here on: the connection is lost
/// (`COMPRESSION_ERROR`, RFC 9113, section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{}", self.detail())]
#[non_exhaustive]
pub enum HpackError {
    /// The block ends inside a field.
    Truncated,
    /// An integer is longer than five bytes behind its prefix, or more than 32 bits wide (RFC 7541, section 5.1).
    Integer,
    /// Index 0, or one behind the last entry of the tables (RFC 7541, sections 2.3.3 and 6.1).
    Index,
    /// A Huffman-coded string holds the end-of-string symbol, or its padding is longer than seven bits or not all ones
    /// (RFC 7541, section 5.2).
    Huffman,
    /// A change of the table's size behind the first field of the block (RFC 7541, section 4.2).
    UpdatePlace,
    /// More than two changes of the table's size in one block (RFC 7541, section 4.2).
    UpdateCount,
    /// The table is to be larger than announced (RFC 7541, section 6.3).
    UpdateTooLarge,
    /// The announced size was reduced, and the next block did not begin by following (RFC 9113, section 4.3.1).
    UpdateMissing,
    /// The fields come to more than four times the limit of the list: no peer that means well sends them
    /// (RFC 9113, section 10.5.1).
    ListTooLarge,
}

impl HpackError {
    /// The rule that was broken, for people.
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Truncated => "the block ends inside a field",
            Self::Integer => "an integer is too large",
            Self::Index => "an index names no entry of the tables",
            Self::Huffman => "a Huffman-coded string is malformed",
            Self::UpdatePlace => "a table size update is not at the start of its block",
            Self::UpdateCount => "more than two table size updates in one block",
            Self::UpdateTooLarge => "a table size update is above the announced maximum",
            Self::UpdateMissing => {
                "the block does not begin with the table size update that a reduced maximum calls for"
            }
            Self::ListTooLarge => "the fields come to more than four times the limit",
        }
    }
}
