//! What is wrong with a message, before it is known whose it is.

use meshwire::{DecodeError, Limit, Outcome, Scope};

use crate::status;

/// A rule that a message breaks, and the status that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    code: &'static str,
    pub(crate) detail: &'static str,
    pub(crate) status: u16,
    pub(crate) limit: Option<Limit>,
    /// Where, from the front of the input.
    pub(crate) at: usize,
}

impl Fault {
    /// Malformed: 400.
    pub(crate) const fn bad(code: &'static str, detail: &'static str) -> Self {
        Self::with_status(code, detail, 400)
    }

    pub(crate) const fn with_status(code: &'static str, detail: &'static str, status: u16) -> Self {
        Self { code, detail, status, limit: None, at: 0 }
    }

    /// A limit was passed: 413, 414 or 431.
    pub(crate) const fn limit(limit: Limit, detail: &'static str) -> Self {
        let status = match limit {
            Limit::Target => 414,
            Limit::Message => 413,
            _ => 431,
        };
        Self { code: limit.name(), detail, status, limit: Some(limit), at: 0 }
    }

    pub(crate) const fn at(mut self, at: usize) -> Self {
        self.at = at;
        self
    }

    /// The error of a server: the outcome is what the client is told.
    pub(crate) fn of_request(&self, offset: u64, message: u64) -> DecodeError {
        self.error(offset, message).with_outcome(status::outcome(self.status))
    }

    /// The error of a client: whatever the upstream did wrong, whoever waits is told that its answer was bad.
    pub(crate) fn of_response(&self, offset: u64, message: u64) -> DecodeError {
        self.error(offset, message).with_outcome(Outcome::BadResponse)
    }

    fn error(&self, offset: u64, message: u64) -> DecodeError {
        match self.limit {
            Some(limit) => DecodeError::limit(crate::NAME, limit, self.detail, Scope::Connection),
            None => DecodeError::new(crate::NAME, self.code, self.detail, Scope::Connection),
        }
        .at(offset.saturating_add(self.at as u64), message)
    }
}
