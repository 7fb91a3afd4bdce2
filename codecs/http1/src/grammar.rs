//! The character classes and small productions of RFC 9110 and RFC 3986 that this crate checks itself.

const TOKEN: u8 = 1;
const HOST: u8 = 2;
const VALUE: u8 = 4;
const TARGET: u8 = 8;

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
        // A fragment is never part of a request-target (RFC 9112, section 3.2).
        if b > b' ' && b != 0x7f && b != b'#' {
            table[n] |= TARGET;
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

/// `token` (RFC 9110, section 5.6.2).
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|b| is(*b, TOKEN))
}

pub(crate) fn is_token_byte(b: u8) -> bool {
    is(b, TOKEN)
}

/// `field-value` (RFC 9110, section 5.5): no CR, LF, NUL or other control; obs-text is data.
pub(crate) fn is_value(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| is(*b, VALUE))
}

/// What may stand in a request-target that somebody wrote anew. Bytes that are no UTF-8 no parser of ours takes.
pub(crate) fn is_target(bytes: &[u8]) -> bool {
    may_begin_target(bytes) && std::str::from_utf8(bytes).is_ok()
}

/// Whether more bytes may make a request-target of it.
pub(crate) fn may_begin_target(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|b| is(*b, TARGET))
}

/// `uri-host [ ":" port ]` (RFC 9110, section 7.2). Userinfo is not part of it.
#[inline]
pub(crate) fn is_authority(bytes: &[u8]) -> bool {
    let port = if bytes.first() == Some(&b'[') {
        let Some(close) = bytes.iter().position(|b| *b == b']') else { return false };
        let inside = bytes.get(1..close).unwrap_or_default();
        // IPvFuture begins with a 'v', and the rest of it is what a name may hold.
        let v6 = inside.iter().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'));
        let future = matches!(inside.first(), Some(b'v' | b'V')) && inside.iter().all(|b| is(*b, HOST) || *b == b':');
        if inside.is_empty() || !(v6 || future) {
            return false;
        }
        bytes.get(close.saturating_add(1)..).unwrap_or_default()
    } else {
        // Only a port may follow the name, so that nothing but a port follows the last colon of what is right.
        let digits = bytes.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        let name = match bytes.len().checked_sub(digits) {
            Some(colon @ 1..) if bytes.get(colon.saturating_sub(1)) == Some(&b':') => colon.saturating_sub(1),
            _ => bytes.len(),
        };
        let (name, port) = bytes.split_at_checked(name).unwrap_or_default();
        if name.is_empty() || !is_host(name) {
            return false;
        }
        // Digits, as was seen, and too few of them to be too many.
        if port.len() < 6 {
            return true;
        }
        port
    };
    match port.split_first() {
        None => true,
        Some((b':', digits)) => digits.is_empty() || port_number(digits).is_some(),
        Some(_) => false,
    }
}

/// Whether every byte may stand in a name.
fn is_host(name: &[u8]) -> bool {
    let (chunks, _) = name.as_chunks::<16>();
    // The last sixteen bytes may have been looked at in part before.
    let plain = chunks.iter().all(is_plain_host) && name.last_chunk().is_some_and(is_plain_host);
    plain || name.iter().all(|b| is(*b, HOST))
}

/// Whether `needle` is in `bytes`, which are few: less work than calling a search that is made for many.
#[inline]
pub(crate) fn has(bytes: &[u8], needle: u8) -> bool {
    let in_chunk = |chunk: &[u8; 16]| chunk.iter().fold(false, |found, b| found | (*b == needle));
    let (chunks, _) = bytes.as_chunks::<16>();
    match bytes.last_chunk() {
        Some(last) => chunks.iter().any(in_chunk) || in_chunk(last),
        None => bytes.contains(&needle),
    }
}

/// Whether every byte is of those that nearly all names are made of: letters, digits, `-` and `.`. A fixed number of
/// bytes and no early end: it becomes a dozen vector instructions.
#[inline]
fn is_plain_host(chunk: &[u8; 16]) -> bool {
    chunk.iter().fold(true, |all, b| {
        let letter = (b | 0x20).wrapping_sub(b'a') < 26;
        // From `-` to `9` there is also the slash.
        let other = (b.wrapping_sub(b'-') <= b'9' - b'-') & (*b != b'/');
        all & (letter | other)
    })
}

/// `host ":" port` with a port in it: what CONNECT asks for (RFC 9112, section 3.2.3).
pub(crate) fn is_authority_with_port(bytes: &[u8]) -> bool {
    is_authority(bytes)
        && bytes.iter().rposition(|b| *b == b':').is_some_and(|colon| {
            bytes.get(colon.saturating_add(1)..).is_some_and(|digits| port_number(digits).is_some())
        })
}

fn port_number(digits: &[u8]) -> Option<u64> {
    decimal(digits).filter(|port| *port <= 0xffff)
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

/// Without optional white space at either end.
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
        for good in
            ["a", "a.b:80", "a:", "[::1]", "[::1]:8080", "1.2.3.4", "a_b", "%41", "[v1.a:b]", "x:65535", "a-b.c~d"]
        {
            assert!(is_authority(good.as_bytes()), "{good}");
        }
        for bad in ["", ":80", "u@h", "a b", "a/b", "a:b", "a:65536", "a:1:2", "[::1", "[]", "[::1]x", "a\u{e9}", "a?b"]
        {
            assert!(!is_authority(bad.as_bytes()), "{bad}");
        }
        assert!(is_authority_with_port(b"[::1]:443") && is_authority_with_port(b"a:1"));
        assert!(!is_authority_with_port(b"a") && !is_authority_with_port(b"a:") && !is_authority_with_port(b"[::1]"));
    }

    #[test]
    fn what_is_plain_is_a_name() {
        for byte in 0..=u8::MAX {
            let plain = byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
            for at in [0, 7, 15, 16, 30] {
                let mut name = [b'a'; 31];
                name[at] = byte;
                assert_eq!(is_host(&name), is(byte, HOST), "{byte:#x}");
                if let Ok(chunk) = name[..16].try_into()
                    && at < 16
                {
                    assert_eq!(is_plain_host(chunk), plain, "{byte:#x}");
                }
            }
        }
    }

    #[test]
    fn a_byte_is_found_wherever_it_is() {
        for n in 0..40 {
            let mut bytes = vec![b'a'; n];
            assert!(!has(&bytes, b'#'), "{n}");
            for at in 0..n {
                bytes[at] = b'#';
                assert!(has(&bytes, b'#'), "{at} of {n}");
                bytes[at] = b'a';
            }
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
    fn lists_leave_empty_members_out() {
        assert_eq!(list(b" a ,, b\t,").collect::<Vec<_>>(), [b"a", b"b"]);
    }
}
