//! The tag of a [`StreamId`](meshwire::StreamId): the request's flag, and above it what else its answer must know.

/// The client reads attachments of answers.
pub(crate) const ATTACHMENTS: u32 = 0x100;

/// The request was in fastjson with lengths, and not in lines.
pub(crate) const SIZED: u32 = 0x200;

/// Whether who writes this protocol version reads attachments of answers: 2.0.2 to 2.0.99, which are Dubbo 2.6.3 and later.
/// Others wrote the version of their release there.
#[inline(always)]
pub(crate) fn reads_attachments(version: &[u8]) -> bool {
    match version {
        b"2.0.2" => true,
        [b'2', b'.', b'0', b'.', low @ b'1'..=b'9'] => *low > b'1',
        [b'2', b'.', b'0', b'.', b'1'..=b'9', b'0'..=b'9'] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_with_attachments() {
        for (version, reads) in [
            ("2.0.2", true),
            ("2.0.9", true),
            ("2.0.10", true),
            ("2.0.99", true),
            ("2.0.0", false),
            ("2.0.1", false),
            ("2.0.100", false),
            ("2.5.3", false),
            ("2.6.12", false),
            ("2.8.4", false),
            ("3.0.0", false),
            ("2.0", false),
            ("", false),
        ] {
            assert_eq!(reads_attachments(version.as_bytes()), reads, "{version}");
        }
    }
}
