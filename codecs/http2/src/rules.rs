//! What may stand in a message: the character classes and small productions of RFC 9110 and RFC 3986, and the refusal.

const TOKEN: u8 = 1;
const HOST: u8 = 2;
const VALUE: u8 = 4;

/// One row for each byte, so that a check is one load.
const CLASS: [u8; 256] = classes();

#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // const: a mistake does not compile
const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let b = n as u8;
        let alnum = b.is_ascii_alphanumeric();
        if alnum || in_list(b, b"!#$%&'*+-.^_`|~") {
            table[n] |= TOKEN;
        }
        // RFC 3986, section 3.2.2: unreserved, pct-encoded, sub-delims. No '@', so there is no userinfo either.
        if alnum || in_list(b, b"-._~%!$&'()*+,;=") {
            table[n] |= HOST;
        }
        if b == b'\t' || (b >= b' ' && b != 0x7f) {
            table[n] |= VALUE;
        }
        n += 1;
    }
    table
}

#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // const: a mistake does not compile
const fn in_list(b: u8, list: &[u8]) -> bool {
    let mut n = 0;
    while n < list.len() {
        if list[n] == b {
            return true;
        }
        n += 1;
    }
    false
}

#[inline]
fn is(b: u8, class: u8) -> bool {
    CLASS.get(usize::from(b)).is_some_and(|row| row & class != 0)
}

/// A message that is malformed (RFC 9113, section 8.1.1): its stream is reset, the connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// A stable name of what is wrong.
    pub(crate) code: &'static str,
    /// The rule.
    pub(crate) detail: &'static str,
}

impl Malformed {
    pub(crate) const fn new(code: &'static str, detail: &'static str) -> Self {
        Self { code, detail }
    }
}

/// `token` (RFC 9110, section 5.6.2).
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|b| is(*b, TOKEN))
}

/// `field-value` (RFC 9110, section 5.5): no CR, LF, NUL or other control; obs-text is data.
pub(crate) fn is_value(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| is(*b, VALUE))
}

/// `scheme` (RFC 3986, section 3.1).
#[inline]
pub(crate) fn is_scheme(bytes: &[u8]) -> bool {
    match bytes {
        b"http" | b"https" => true,
        [first, rest @ ..] => {
            first.is_ascii_alphabetic()
                && rest.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
        }
        [] => false,
    }
}

/// What may stand in a path: no control, no space, and no fragment, which is never part of a request-target (RFC 9112,
/// section 3.2). Each of these would end or split the start line of an HTTP/1 request (RFC 9113, section 10.3).
#[inline]
pub(crate) fn is_target(bytes: &[u8]) -> bool {
    if let Some(last) = bytes.last_chunk::<16>() {
        let (chunks, _) = bytes.as_chunks::<16>();
        // The last sixteen bytes may have been looked at in part before.
        return is_target_chunk(last) && chunks.iter().all(is_target_chunk);
    }
    match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(first), Some(last)) => is_target_chunk(first) & is_target_chunk(last),
        _ => !bytes.is_empty() && bytes.iter().all(|b| is_target_byte(*b)),
    }
}

#[inline]
const fn is_target_byte(b: u8) -> bool {
    (b > b' ') & (b != 0x7f) & (b != b'#')
}

/// A fixed number of bytes and no early end: it becomes a few vector instructions.
#[inline]
fn is_target_chunk<const N: usize>(chunk: &[u8; N]) -> bool {
    chunk.iter().fold(true, |all, b| all & is_target_byte(*b))
}

/// `uri-host [ ":" port ]` (RFC 9110, section 7.2). Userinfo is not part of it (RFC 9113, section 8.3.1).
#[inline]
pub(crate) fn is_authority(bytes: &[u8]) -> bool {
    if bytes.first() == Some(&b'[') {
        return is_literal(bytes);
    }
    // Only a port may follow the name, so that nothing but a port follows the last colon of what is right.
    let digits = bytes.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let name = match bytes.len().checked_sub(digits) {
        Some(colon @ 1..) if bytes.get(colon.saturating_sub(1)) == Some(&b':') => colon.saturating_sub(1),
        _ => bytes.len(),
    };
    let (name, port) = bytes.split_at_checked(name).unwrap_or_default();
    // Digits, as was seen: too few of them to be too many, or a number.
    !name.is_empty() && is_host(name) && (port.len() < 6 || port_of(port).is_some())
}

/// An address in brackets, and a port.
#[cold]
fn is_literal(bytes: &[u8]) -> bool {
    let Some(close) = bytes.iter().position(|b| *b == b']') else { return false };
    let inside = bytes.get(1..close).unwrap_or_default();
    // IPvFuture begins with a 'v', and the rest of it is what a name may hold.
    let v6 = inside.iter().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'));
    let future = matches!(inside.first(), Some(b'v' | b'V')) && inside.iter().all(|b| is(*b, HOST) || *b == b':');
    let port = bytes.get(close.saturating_add(1)..).unwrap_or_default();
    !inside.is_empty() && (v6 || future) && matches!(port, [] | [b':']) | port_of(port).is_some()
}

/// The port in `:port`.
fn port_of(port: &[u8]) -> Option<u64> {
    decimal(port.strip_prefix(b":")?).filter(|port| *port <= 0xffff)
}

/// Whether every byte may stand in a name.
#[inline]
fn is_host(name: &[u8]) -> bool {
    if let Some(last) = name.last_chunk::<16>() {
        let (chunks, _) = name.as_chunks::<16>();
        return (is_plain_host(last) && chunks.iter().all(is_plain_host)) || name.iter().all(|b| is(*b, HOST));
    }
    let plain = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (Some(first), Some(last)) => is_plain_host(first) & is_plain_host(last),
        _ => false,
    };
    plain || name.iter().all(|b| is(*b, HOST))
}

/// Whether every byte is of those that nearly all names are made of: letters, digits, `-` and `.`.
#[inline]
fn is_plain_host<const N: usize>(chunk: &[u8; N]) -> bool {
    chunk.iter().fold(true, |all, b| {
        let letter = (b | 0x20).wrapping_sub(b'a') < 26;
        // From `-` to `9` there is also the slash.
        let other = (b.wrapping_sub(b'-') <= b'9' - b'-') & (*b != b'/');
        all & (letter | other)
    })
}

/// `host ":" port` with a port in it: what CONNECT asks for (RFC 9113, section 8.5).
pub(crate) fn is_authority_with_port(bytes: &[u8]) -> bool {
    let colon = bytes.iter().rposition(|b| *b == b':');
    is_authority(bytes) && colon.is_some_and(|at| port_of(bytes.get(at..).unwrap_or_default()).is_some())
}

/// Whether two authorities name the same (RFC 9113, section 8.3.1): without regard to case, and with the scheme's own
/// port as good as none (RFC 3986, section 6.2.3).
pub(crate) fn is_same_authority(a: &[u8], b: &[u8], scheme: &[u8]) -> bool {
    if a.eq_ignore_ascii_case(b) {
        return true;
    }
    let port: &[u8] = if scheme.eq_ignore_ascii_case(b"https") {
        b":443"
    } else if scheme.eq_ignore_ascii_case(b"http") {
        b":80"
    } else {
        b":"
    };
    let bare = |authority: &'_ [u8]| -> usize {
        let without = authority.strip_suffix(port).or(authority.strip_suffix(b":")).unwrap_or(authority);
        without.len()
    };
    a.get(..bare(a)).zip(b.get(..bare(b))).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b))
}

/// `1*DIGIT` and nothing else: no sign, no white space, no list.
#[inline]
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |n, b| {
        if !b.is_ascii_digit() {
            return None;
        }
        n.checked_mul(10)?.checked_add(u64::from(b.wrapping_sub(b'0')))
    })
}

/// The members of a comma-separated list, without the white space around them; empty ones are left out
/// (RFC 9110, section 5.6.1).
pub(crate) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|b| *b == b',').map(trim).filter(|member| !member.is_empty())
}

/// Without white space at either end, which no value may have here (RFC 9113, section 8.2.1).
#[inline]
pub(crate) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities() {
        for good in [
            "a",
            "a.b:80",
            "a:",
            "[::1]",
            "[::1]:8080",
            "[::1]:",
            "1.2.3.4",
            "a_b",
            "%41",
            "[v1.a:b]",
            "x:65535",
            "a-b.c~d",
        ] {
            assert!(is_authority(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            ":80",
            "u@h",
            "u:p@h",
            "a b",
            "a/b",
            "a:b",
            "a:65536",
            "a:1:2",
            "[::1",
            "[]",
            "[::1]x",
            "a\u{e9}",
            "a?b",
            "[::1]:x",
            "a.long.name.with.a/slash",
            "[::1]:65536",
        ] {
            assert!(!is_authority(bad.as_bytes()), "{bad}");
        }
        assert!(is_authority_with_port(b"[::1]:443") && is_authority_with_port(b"a:1"));
        assert!(!is_authority_with_port(b"a") && !is_authority_with_port(b"a:") && !is_authority_with_port(b"[::1]"));
    }

    #[test]
    fn what_is_looked_at_in_pieces_is_looked_at_whole() {
        for n in 1..50 {
            for at in 0..n {
                for byte in 0..=u8::MAX {
                    let mut name = vec![b'a'; n];
                    name[at] = byte;
                    assert_eq!(is_host(&name), is(byte, HOST), "{byte:#x} at {at} of {n}");
                    assert_eq!(is_target(&name), is_target_byte(byte), "{byte:#x} at {at} of {n}");
                }
            }
        }
        assert!(!is_target(b"") && is_target(b"/") && is_target("/\u{e9}".as_bytes()));
    }

    #[test]
    fn authorities_agree_by_scheme() {
        for (a, b, scheme) in [
            ("A.b", "a.B", "x"),
            ("a:80", "a", "http"),
            ("a", "a:443", "HTTPS"),
            ("a:", "a", "x"),
            ("a:", "a:80", "http"),
            ("[::1]:443", "[::1]", "https"),
        ] {
            assert!(is_same_authority(a.as_bytes(), b.as_bytes(), scheme.as_bytes()), "{a} {b}");
        }
        for (a, b, scheme) in
            [("a", "b", "http"), ("a:80", "a", "https"), ("a:443", "a", "http"), ("a:1", "a:2", "x"), ("a", "", "http")]
        {
            assert!(!is_same_authority(a.as_bytes(), b.as_bytes(), scheme.as_bytes()), "{a} {b}");
        }
    }

    #[test]
    fn lengths_are_digits_only() {
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        for bad in ["", "+5", "-5", "5 ", "5,5", "0x5", "18446744073709551616", "5.0"] {
            assert_eq!(decimal(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn schemes_and_lists() {
        for good in ["http", "https", "HTTP", "coap+tcp", "a-b.c1"] {
            assert!(is_scheme(good.as_bytes()), "{good}");
        }
        for bad in ["", "1a", "+a", "a b", "http:", "a/b", "h\u{e9}"] {
            assert!(!is_scheme(bad.as_bytes()), "{bad}");
        }
        assert_eq!(list(b" a ,, b\t,").collect::<Vec<_>>(), [b"a", b"b"]);
    }
}
