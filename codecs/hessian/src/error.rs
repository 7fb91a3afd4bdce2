//! What may be wrong with what came, and what a reader says.

/// Why a value cannot be walked over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}, at byte {at}")]
#[non_exhaustive]
pub struct Error {
    /// A short name of the kind of fault, for counters: `tag`, `end`, `string`, `utf8`, `int`, `length`, `reference`,
    /// `class`, `type`, or the limit that was passed: `depth`, `classes`, `fields`, `references`, `bytes`.
    pub code: &'static str,
    /// What is wrong, for people.
    pub detail: &'static str,
    /// Where: bytes from the begin of the message.
    pub at: usize,
    /// It is one of the [`Limits`](crate::Limits) that was passed; the bytes might be well-formed.
    pub limit: bool,
}

impl Error {
    #[cold]
    pub(crate) const fn new(code: &'static str, detail: &'static str, at: usize) -> Self {
        Self { code, detail, at, limit: false }
    }

    #[cold]
    pub(crate) const fn limit(code: &'static str, detail: &'static str, at: usize) -> Self {
        Self { code, detail, at, limit: true }
    }

    /// The same fault, `base` bytes further on.
    #[cold]
    pub(crate) fn behind(self, base: u64) -> Self {
        Self { at: usize::try_from(base).unwrap_or(usize::MAX).saturating_add(self.at), ..self }
    }
}

/// What a [`Reader`](crate::Reader) or a [`StringScan`](crate::StringScan) found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read<T> {
    /// It is all there.
    Done(T),
    /// At least so many bytes must be there, counted from the begin of those that were given, before another try can
    /// come to more.
    Need(usize),
}

impl<T> Read<T> {
    /// What was read, if it was all there.
    pub fn done(self) -> Option<T> {
        match self {
            Self::Done(value) => Some(value),
            Self::Need(_) => None,
        }
    }

    /// What `f` makes of what was read.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Read<U> {
        match self {
            Self::Done(value) => Read::Done(f(value)),
            Self::Need(need) => Read::Need(need),
        }
    }
}

/// How far a [`Scanner`](crate::Scanner) came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The value ended behind so many of the bytes given; what follows them was not looked at.
    Done(usize),
    /// All bytes were taken, and the value cannot end before so many more have come; at least one. A count may lie: it
    /// is no length to allocate.
    More(usize),
}
