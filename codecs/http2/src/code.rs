//! Error codes (RFC 9113, section 7).

use meshwire::ResetReason;

/// Why a stream or a connection ends, as the wire says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) u32);

impl Code {
    pub(crate) const NO_ERROR: Self = Self(0x0);
    pub(crate) const PROTOCOL_ERROR: Self = Self(0x1);
    pub(crate) const INTERNAL_ERROR: Self = Self(0x2);
    pub(crate) const FLOW_CONTROL_ERROR: Self = Self(0x3);
    pub(crate) const SETTINGS_TIMEOUT: Self = Self(0x4);
    pub(crate) const STREAM_CLOSED: Self = Self(0x5);
    pub(crate) const FRAME_SIZE_ERROR: Self = Self(0x6);
    pub(crate) const REFUSED_STREAM: Self = Self(0x7);
    pub(crate) const CANCEL: Self = Self(0x8);
    pub(crate) const COMPRESSION_ERROR: Self = Self(0x9);
    pub(crate) const ENHANCE_YOUR_CALM: Self = Self(0xb);

    /// What the end of a stream means. Codes that nobody knows are INTERNAL_ERROR (section 7).
    pub(crate) const fn reason(self) -> ResetReason {
        match self {
            Self::NO_ERROR => ResetReason::NoError,
            Self::PROTOCOL_ERROR => ResetReason::Malformed,
            Self::REFUSED_STREAM => ResetReason::Refused,
            Self::CANCEL => ResetReason::Cancelled,
            Self::ENHANCE_YOUR_CALM => ResetReason::Overloaded,
            _ => ResetReason::Internal,
        }
    }

    /// How to say `reason`.
    pub(crate) const fn of(reason: ResetReason) -> Self {
        match reason {
            ResetReason::NoError => Self::NO_ERROR,
            ResetReason::Malformed => Self::PROTOCOL_ERROR,
            ResetReason::Refused => Self::REFUSED_STREAM,
            ResetReason::Cancelled => Self::CANCEL,
            ResetReason::Overloaded => Self::ENHANCE_YOUR_CALM,
            _ => Self::INTERNAL_ERROR,
        }
    }
}
