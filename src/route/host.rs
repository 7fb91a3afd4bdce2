//! Which virtual host a host belongs to.

use super::names::Names;

/// The hosts of all virtual hosts, and the number of the virtual host of each.
#[derive(Debug, Default)]
pub(super) struct HostIndex {
    exact: Names,
    suffixes: Wildcards,
    prefixes: Wildcards,
    any: Option<u32>,
    trivial: bool,
}

/// A host as documents write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostPattern<'a> {
    Exact(&'a str),
    /// Everything that ends with this and is longer.
    Suffix(&'a str),
    /// Everything that begins with this and is longer.
    Prefix(&'a str),
    Any,
}

impl<'a> HostPattern<'a> {
    pub(super) fn parse(host: &'a str) -> Result<Self, &'static str> {
        let pattern = match (host.strip_prefix('*'), host.strip_suffix('*')) {
            (Some(""), _) => return Ok(Self::Any),
            (Some(suffix), _) => Self::Suffix(suffix),
            (None, Some(prefix)) => Self::Prefix(prefix),
            (None, None) => Self::Exact(host),
        };
        match pattern {
            Self::Exact("") => Err("is empty"),
            Self::Exact(rest) | Self::Suffix(rest) | Self::Prefix(rest) if rest.contains('*') => {
                Err("a host has one `*`, first or last")
            }
            pattern => Ok(pattern),
        }
    }
}

impl HostIndex {
    /// The index of these hosts, no two of which are the same, with the virtual host of each; `None` where they take
    /// more than 4 GiB.
    pub(super) fn new<'a>(hosts: impl IntoIterator<Item = (HostPattern<'a>, u32)>) -> Option<Self> {
        let (mut exact, mut suffixes, mut prefixes, mut any) = (Vec::new(), Vec::new(), Vec::new(), None);
        for (pattern, number) in hosts {
            match pattern {
                HostPattern::Exact(host) => exact.push((host, number)),
                HostPattern::Suffix(suffix) => suffixes.push((suffix, number)),
                HostPattern::Prefix(prefix) => prefixes.push((prefix, number)),
                HostPattern::Any => any = Some(number),
            }
        }
        let trivial = exact.is_empty() && suffixes.is_empty() && prefixes.is_empty();
        let (suffixes, prefixes) = (Wildcards::new(&suffixes)?, Wildcards::new(&prefixes)?);
        Some(Self { exact: Names::new(&exact)?, suffixes, prefixes, any, trivial })
    }

    /// Whether every host has the same answer, so that nobody needs to know it.
    pub(super) const fn is_trivial(&self) -> bool {
        self.trivial
    }

    /// Exact before longest suffix before longest prefix before `*`, in any case.
    pub(super) fn find(&self, host: &[u8]) -> Option<u32> {
        self.exact
            .find(host)
            .or_else(|| self.suffixes.find(host, |n| host.get(host.len().checked_sub(n)?..)))
            .or_else(|| self.prefixes.find(host, |n| host.get(..n)))
            .or(self.any)
    }
}

/// Wildcards of one sort, without the `*`.
#[derive(Debug, Default)]
struct Wildcards {
    /// Each length once, the longest first: one probe for each, however many wildcards have it.
    lengths: Box<[usize]>,
    names: Names,
}

impl Wildcards {
    fn new(names: &[(&str, u32)]) -> Option<Self> {
        let mut lengths: Vec<usize> = names.iter().map(|(name, _)| name.len()).collect();
        lengths.sort_unstable_by(|one, other| other.cmp(one));
        lengths.dedup();
        Some(Self { lengths: lengths.into(), names: Names::new(names)? })
    }

    fn find<'a>(&self, host: &[u8], part: impl Fn(usize) -> Option<&'a [u8]>) -> Option<u32> {
        // Shorter than the host: a `*` stands for something.
        self.lengths.iter().filter(|n| **n < host.len()).find_map(|n| self.names.find(part(*n)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_told_apart() {
        for (host, pattern) in [
            ("a", Ok(HostPattern::Exact("a"))),
            ("*", Ok(HostPattern::Any)),
            ("*.a", Ok(HostPattern::Suffix(".a"))),
            ("*-a", Ok(HostPattern::Suffix("-a"))),
            ("a.*", Ok(HostPattern::Prefix("a."))),
            ("", Err("is empty")),
            ("**", Err("a host has one `*`, first or last")),
            ("*a*", Err("a host has one `*`, first or last")),
            ("a*b", Err("a host has one `*`, first or last")),
        ] {
            assert_eq!(HostPattern::parse(host), pattern, "{host}");
        }
    }

    #[test]
    fn the_more_exact_comes_first() {
        let patterns = ["com.a.Demo", "*.Demo", "*.a.demo", "com.*", "com.a.*", "*", "*o"];
        let index =
            HostIndex::new((0..).zip(patterns).map(|(n, host)| (HostPattern::parse(host).unwrap(), n))).unwrap();
        for (host, found) in [
            ("com.a.Demo", 0),
            ("COM.A.DEMO", 0),
            ("com.b.demo", 1),
            ("b.a.demo", 2),
            (".a.demo", 1),
            (".demo", 6),
            ("o", 5),
            ("com.b.X", 3),
            ("com.A.X", 4),
            ("com.a.", 3),
            ("com.", 5),
            ("", 5),
        ] {
            assert_eq!(index.find(host.as_bytes()), Some(found), "{host}");
        }
    }

    #[test]
    fn without_a_catch_all_there_may_be_nothing() {
        let index = HostIndex::new([(HostPattern::Suffix(".a"), 0)]).unwrap();
        assert!(!index.is_trivial());
        assert_eq!((index.find(b"x.a"), index.find(b".a"), index.find(b"")), (Some(0), None, None));
        assert!(HostIndex::new([]).unwrap().is_trivial());
        assert!(HostIndex::new([(HostPattern::Any, 0)]).unwrap().is_trivial());
    }
}
