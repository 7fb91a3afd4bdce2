//! One value against one pattern.

use memchr::memmem::Finder;

use super::document::{Pattern, StringMatch};
use super::joined::Joined;
use crate::key::PathView;

/// A [`StringMatch`] made ready.
#[derive(Debug)]
pub(super) struct Matcher {
    pattern: Ready,
    ignore_case: bool,
}

#[derive(Debug)]
enum Ready {
    Exact(Box<[u8]>),
    Prefix(Box<[u8]>),
    Suffix(Box<[u8]>),
    Contains(Box<Finder<'static>>),
    #[cfg(feature = "regex")]
    Regex(regex::bytes::Regex),
}

impl Matcher {
    /// Makes `wanted` ready, or says why it cannot be.
    pub(super) fn new(wanted: &StringMatch) -> Result<Self, String> {
        let text = wanted.pattern.text().as_bytes();
        let pattern = match &wanted.pattern {
            Pattern::Exact(_) => Ready::Exact(text.into()),
            Pattern::Regex(_) if wanted.ignore_case => return Err("`ignore_case` does nothing here; write (?i)".into()),
            Pattern::Regex(text) => regex(text)?,
            Pattern::Prefix(_) | Pattern::Suffix(_) | Pattern::Contains(_) if text.is_empty() => {
                return Err("is empty: every value matches".into());
            }
            Pattern::Prefix(_) => Ready::Prefix(text.into()),
            Pattern::Suffix(_) => Ready::Suffix(text.into()),
            Pattern::Contains(_) => Ready::Contains(Box::new(Finder::new(text).into_owned())),
        };
        Ok(Self { pattern, ignore_case: wanted.ignore_case })
    }

    pub(super) fn matches(&self, value: &[u8]) -> bool {
        match &self.pattern {
            Ready::Exact(text) => self.same()(value, text),
            Ready::Prefix(text) => value.get(..text.len()).is_some_and(|start| self.same()(start, text)),
            Ready::Suffix(text) => {
                let end = value.len().checked_sub(text.len()).and_then(|at| value.get(at..));
                end.is_some_and(|end| self.same()(end, text))
            }
            Ready::Contains(finder) => self.finds(finder, value),
            #[cfg(feature = "regex")]
            Ready::Regex(regex) => regex.is_match(value),
        }
    }

    /// A path that stands in the message loses query and fragment first; `/service/method` has none.
    pub(super) fn matches_path(&self, path: PathView<'_>) -> bool {
        let joined = match path {
            PathView::Whole(path) => return self.matches(before_query(path)),
            PathView::Joined { service, method } => Joined { service, method },
        };
        match &self.pattern {
            Ready::Exact(text) => joined.len() == text.len() && joined.has_at(0, text, self.same()),
            Ready::Prefix(text) => joined.has_at(0, text, self.same()),
            Ready::Suffix(text) => {
                joined.len().checked_sub(text.len()).is_some_and(|at| joined.has_at(at, text, self.same()))
            }
            Ready::Contains(finder) => joined.contains(finder.needle(), self.same(), |piece| self.finds(finder, piece)),
            #[cfg(feature = "regex")]
            Ready::Regex(regex) => regex.is_match(&path.to_bytes()),
        }
    }

    fn same(&self) -> fn(&[u8], &[u8]) -> bool {
        if self.ignore_case { <[u8]>::eq_ignore_ascii_case } else { |a, b| a == b }
    }

    fn finds(&self, finder: &Finder<'_>, value: &[u8]) -> bool {
        if !self.ignore_case {
            return finder.find(value).is_some();
        }
        let needle = finder.needle();
        // `max`: windows of nothing panic, and an empty needle was refused.
        value.windows(needle.len().max(1)).any(|here| here.eq_ignore_ascii_case(needle))
    }
}

/// RFC 3986 3.4 and 3.5: the query begins at the first `?`, the fragment at the first `#`.
fn before_query(path: &[u8]) -> &[u8] {
    memchr::memchr2(b'?', b'#', path).and_then(|at| path.get(..at)).unwrap_or(path)
}

/// The most memory that the program of one expression may take, and so may what is cached while it runs: with
/// the default of 2 MiB, traffic could make a table of some hundred expressions grow to a gigabyte.
#[cfg(feature = "regex")]
const REGEX_SIZE: usize = 256 * 1024;

#[cfg(feature = "regex")]
fn regex(text: &str) -> Result<Ready, String> {
    let build = |text: &str| {
        regex::bytes::RegexBuilder::new(text)
            // Envoy's RE2 has ASCII classes, and values need not be UTF-8. It keeps `[\w-]{1,63}` small, too.
            .unicode(false)
            .size_limit(REGEX_SIZE)
            .dfa_size_limit(REGEX_SIZE)
            .build()
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(limit) => format!("needs more than {limit} bytes when compiled"),
                error => last_line(&error.to_string()),
            })
    };
    // Alone first: `a)|(b` is wrong, but would not be between the parentheses.
    build(text)?;
    build(&format!(r"\A(?:{text})\z")).map(Ready::Regex)
}

/// What `regex` says of a bad expression, without the drawing of it above.
#[cfg(feature = "regex")]
fn last_line(text: &str) -> String {
    let line = text.lines().last().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

#[cfg(not(feature = "regex"))]
fn regex(_: &str) -> Result<Ready, String> {
    Err("needs meshwire's feature `regex`".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(wanted: StringMatch, value: &str) -> bool {
        Matcher::new(&wanted).unwrap().matches(value.as_bytes())
    }

    #[test]
    fn each_kind_means_what_it_says() {
        for (wanted, yes, no) in [
            (StringMatch::exact("ab"), &["ab"][..], &["", "a", "abc", "AB"][..]),
            (StringMatch::exact(""), &[""], &["a"]),
            (StringMatch::exact("ab").ignoring_case(), &["ab", "AB", "aB"], &["a", "abc"]),
            (StringMatch::prefix("ab"), &["ab", "abc"], &["", "a", "AB", "cab"]),
            (StringMatch::prefix("ab").ignoring_case(), &["ABc"], &["a", "ba"]),
            (StringMatch::suffix("ab"), &["ab", "cab"], &["", "b", "AB", "abc"]),
            (StringMatch::suffix("ab").ignoring_case(), &["cAB"], &["b", "abc"]),
            (StringMatch::contains("ab"), &["ab", "cabc"], &["", "a", "aAb", "acb"]),
            (StringMatch::contains("ab").ignoring_case(), &["cABc"], &["", "a", "acb"]),
        ] {
            for value in yes {
                assert!(matches(wanted.clone(), value), "{wanted:?} {value}");
            }
            for value in no {
                assert!(!matches(wanted.clone(), value), "{wanted:?} {value}");
            }
        }
    }

    #[cfg(feature = "regex")]
    #[test]
    fn a_regular_expression_matches_the_whole_value() {
        for (text, yes, no) in [
            ("a|ab", &["a", "ab"][..], &["", "abc", "b", "ba"][..]),
            ("", &[""], &["a"]),
            ("(?i)ab", &["AB"], &["abc"]),
            (r"\d+", &["07"], &["", "7a", "\u{664}"]),
            ("(?m)^a$", &["a"], &["a\nb", "b\na"]),
            (".*", &["", "a", "\u{fc}"], &["a\nb"]),
        ] {
            for value in yes {
                assert!(matches(StringMatch::regex(text), value), "{text} {value}");
            }
            for value in no {
                assert!(!matches(StringMatch::regex(text), value), "{text} {value}");
            }
        }
        assert!(Matcher::new(&StringMatch::regex("a.")).unwrap().matches(b"a\xff"), "values are bytes");
    }

    #[cfg(feature = "regex")]
    #[test]
    fn what_cannot_be_matched_is_refused() {
        for (wanted, what) in [
            (StringMatch::prefix(""), "is empty: every value matches"),
            (StringMatch::regex("a").ignoring_case(), "`ignore_case` does nothing here; write (?i)"),
            (StringMatch::regex("a)|(b"), "unopened group"),
            (StringMatch::regex("a{1000}{1000}"), "needs more than 262144 bytes when compiled"),
        ] {
            assert_eq!(Matcher::new(&wanted).unwrap_err(), what);
        }
    }

    #[cfg(not(feature = "regex"))]
    #[test]
    fn without_the_feature_a_regular_expression_is_refused() {
        assert_eq!(Matcher::new(&StringMatch::regex("a")).unwrap_err(), "needs meshwire's feature `regex`");
    }

    #[test]
    fn the_query_is_no_part_of_the_path_unless_nobody_wrote_one() {
        let path = Matcher::new(&StringMatch::suffix("/b")).unwrap();
        for whole in ["/a/b", "/a/b?c", "/a/b#c", "/a/b?c#d", "/a/b#c?d"] {
            assert!(path.matches_path(PathView::Whole(whole.as_bytes())), "{whole}");
        }
        assert!(path.matches_path(PathView::Joined { service: b"a", method: b"b" }));
        assert!(!path.matches_path(PathView::Joined { service: b"a", method: b"b?c" }));
    }
}
