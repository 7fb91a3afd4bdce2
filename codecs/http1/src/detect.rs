//! Whether a connection's first bytes are an HTTP/1 request.

use meshwire::Detection;

use crate::grammar;

/// What must be decided within.
const ENOUGH: usize = 1024;

/// The longest method that anybody registered is half of this.
const METHOD: usize = 32;

/// Methods whose targets have few shapes, so that the first bytes of one tell.
const KNOWN: [&[u8]; 8] = [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"PATCH"];

/// The matcher of [`Protocol::detect`](meshwire::Protocol::detect).
pub(crate) fn detect(prefix: &[u8]) -> Detection {
    let Some(space) = prefix.iter().position(|b| *b == b' ') else {
        // Upper case, as every registered method is: half the text protocols begin with a word.
        let method = prefix.iter().all(|b| grammar::is_token_byte(*b) && !b.is_ascii_lowercase());
        return if method && prefix.len() <= METHOD { more(prefix) } else { Detection::No };
    };
    let method = prefix.get(..space).unwrap_or_default();
    let target = prefix.get(space.saturating_add(1)..).unwrap_or_default();
    if !grammar::is_token(method) || method.len() > METHOD || method.iter().any(u8::is_ascii_lowercase) {
        return Detection::No;
    }
    if KNOWN.contains(&method) {
        let Some(first) = target.first() else { return more(prefix) };
        let scheme = |scheme: &[u8]| {
            let n = target.len().min(scheme.len());
            target.get(..n).zip(scheme.get(..n)).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b))
        };
        return match first {
            b'/' => Detection::Yes,
            b'*' if method == b"OPTIONS" => Detection::Yes,
            _ if scheme(b"http://") => {
                if target.len() >= 7 {
                    Detection::Yes
                } else {
                    more(prefix)
                }
            }
            _ if scheme(b"https://") => {
                if target.len() >= 8 {
                    Detection::Yes
                } else {
                    more(prefix)
                }
            }
            _ => Detection::No,
        };
    }
    // Any other method, CONNECT too: only the version tells. The HTTP/2 preface ends here, at its own.
    let end = target.iter().position(|b| *b == b' ');
    if !grammar::may_begin_target(target.get(..end.unwrap_or(target.len())).unwrap_or_default()) && !target.is_empty() {
        return Detection::No;
    }
    let version = end.and_then(|end| target.get(end.saturating_add(1)..)).unwrap_or_default();
    let expected = b"HTTP/1.";
    let n = version.len().min(expected.len());
    if version.get(..n) != expected.get(..n) || prefix.len() >= ENOUGH {
        Detection::No
    } else if n == expected.len() {
        Detection::Yes
    } else {
        more(prefix)
    }
}

const fn more(prefix: &[u8]) -> Detection {
    Detection::NeedMore(prefix.len().saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_known_early() {
        for yes in
            ["GET /", "OPTIONS *", "POST http://", "GET HTTPS://", "CONNECT a:1 HTTP/1.", "M-SEARCH * HTTP/1.1\r\n"]
        {
            assert_eq!(detect(yes.as_bytes()), Detection::Yes, "{yes}");
            for n in 0..yes.len() {
                let part = &yes.as_bytes()[..n];
                let expected = if n >= 5 && (yes.starts_with("GET /")) { Detection::Yes } else { detect(part) };
                assert_eq!(detect(part), expected);
                assert_ne!(detect(part), Detection::No, "{yes} at {n}");
            }
        }
    }

    /// A letter of several bytes may be cut between them.
    #[test]
    fn no_verdict_is_taken_back() {
        for target in ["\u{66a}.example:443", "/\u{e9}"] {
            let line = format!("CONNECT {target} HTTP/1.1");
            let mut verdict = None;
            for n in 0..=line.len() {
                let now = detect(&line.as_bytes()[..n]);
                assert_eq!(verdict.unwrap_or(now), now, "at {n}");
                verdict = verdict.or(Some(now).filter(|now| !matches!(now, Detection::NeedMore(_))));
            }
            assert_eq!(verdict, Some(Detection::Yes));
        }
    }

    #[test]
    fn what_looks_like_it_is_not() {
        for no in [
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "GET key\r\n",
            "GET *",
            "get /",
            "EHLO example.com\r\n",
            "\u{16}\u{3}\u{1}",
            "PING\r\n",
            "SSH-2.0-x\r\n",
            " GET /",
            "GET\t/",
            "\r\nGET /",
        ] {
            assert_eq!(detect(no.as_bytes()), Detection::No, "{no:?}");
        }
        assert_eq!(detect(&[b'A'; METHOD + 1]), Detection::No);
        let long = [&b"CONNECT "[..], &[b'a'; ENOUGH]].concat();
        assert_eq!(detect(&long), Detection::No);
        assert_eq!(detect(&long[..ENOUGH - 1]), Detection::NeedMore(ENOUGH));
    }
}
