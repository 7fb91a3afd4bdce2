//! The unique name of a service: `interface:version[:uniqueId]`.

/// Where a name is taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UniqueName {
    /// The interface alone.
    Interface,
    /// The colon in front of the version.
    Version(u16),
    /// The colons in front of the version and of what tells apart services of one interface and version: a group, in every
    /// other protocol's words.
    UniqueId(u16, u16),
}

impl UniqueName {
    /// Takes a name apart that came in a header map, which is no longer than 64 KiB.
    #[inline(always)]
    pub(crate) fn parse(name: &[u8]) -> Self {
        let Some(version) = memchr::memchr(b':', name) else { return Self::Interface };
        // Versions are short.
        let behind = name.get(version.wrapping_add(1)..).unwrap_or_default();
        match behind.iter().position(|byte| *byte == b':') {
            None => Self::Version(version as u16),
            Some(n) => Self::UniqueId(version as u16, version.wrapping_add(1).wrapping_add(n) as u16),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_one_two_and_three_parts() {
        for (name, parsed) in [
            ("", UniqueName::Interface),
            ("com.x.Service", UniqueName::Interface),
            ("com.x.Service:1.0", UniqueName::Version(13)),
            ("com.x.Service:1.0:blue", UniqueName::UniqueId(13, 17)),
            // What follows belongs to the last part, as Java's own split leaves it.
            ("a:1:b:c", UniqueName::UniqueId(1, 3)),
            ("a:", UniqueName::Version(1)),
            ("a::b", UniqueName::UniqueId(1, 2)),
        ] {
            assert_eq!(UniqueName::parse(name.as_bytes()), parsed, "{name}");
        }
        let long = [&[b'x'; 65_000][..], b":1:y"].concat();
        assert_eq!(UniqueName::parse(&long), UniqueName::UniqueId(65_000, 65_002));
    }
}
