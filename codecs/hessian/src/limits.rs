//! What a message may ask for.

/// Bounds on one message, from one [`reset`](crate::Scanner::reset) to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Containers that may lie in one another. Each time bytes run out, what is missing is summed over those that are open.
    pub depth: usize,
    /// Classes that may be defined.
    pub classes: usize,
    /// Fields of one class.
    pub fields: usize,
    /// Lists, maps and objects, each of which a reference could name. They are counted only and take no memory.
    pub references: usize,
    /// Bytes.
    pub bytes: u64,
}

impl Limits {
    /// Enough for whatever an RPC framework sends, and for little else.
    pub const DEFAULT: Self = Self { depth: 64, classes: 1024, fields: 4096, references: 1 << 20, bytes: 1 << 31 };

    /// With another bound on containers in containers.
    #[must_use]
    pub const fn with_depth(self, depth: usize) -> Self {
        Self { depth, ..self }
    }

    /// With another bound on class definitions.
    #[must_use]
    pub const fn with_classes(self, classes: usize) -> Self {
        Self { classes, ..self }
    }

    /// With another bound on the fields of a class.
    #[must_use]
    pub const fn with_fields(self, fields: usize) -> Self {
        Self { fields, ..self }
    }

    /// With another bound on containers.
    #[must_use]
    pub const fn with_references(self, references: usize) -> Self {
        Self { references, ..self }
    }

    /// With another bound on bytes.
    #[must_use]
    pub const fn with_bytes(self, bytes: u64) -> Self {
        Self { bytes, ..self }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
