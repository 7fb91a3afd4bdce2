//! `Upgrade: h2c`: the way from here to HTTP/2 that RFC 7540 had (section 3.2) and RFC 9113 has no more.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use meshwire::Head;

use crate::format::{self, line};
use crate::grammar;
use crate::note::Note;
use crate::parse::is_name;

/// The next protocol's name in a registry.
pub(crate) const PROTOCOL: &str = "http2";

/// What says that the connection is the next protocol's from here on.
pub(crate) const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

/// Bytes of one setting: an id and a value (RFC 9113, section 6.5.1).
const SETTING: usize = 6;

/// The settings of a request that asks for h2c and nothing else, in full form; of any other the `Upgrade` is ignored.
pub(crate) fn settings(head: &Head) -> Option<Bytes> {
    let note = format::note(head)?;
    // What follows is framed otherwise: the request must be whole, and the connection must outlive it.
    if !note.has(Note::UPGRADE) || note.has(Note::CLOSE) || !head.is_end() || !head.data().is_empty() {
        return None;
    }
    let (mut upgrades, mut listed, mut settings, mut fields) = (0usize, false, None, 0usize);
    let mut at = head.fields_at()?;
    while let Some((name, value, next)) = line(head.bytes(), at) {
        at = next;
        if is_name(name, b"upgrade") {
            for protocol in grammar::list(value) {
                upgrades = upgrades.saturating_add(1);
                if !protocol.eq_ignore_ascii_case(b"h2c") {
                    return None;
                }
            }
        } else if is_name(name, b"connection") {
            listed |= grammar::list(value).any(|option| is_name(option, b"http2-settings"));
        } else if is_name(name, b"http2-settings") {
            fields = fields.saturating_add(1);
            settings = URL_SAFE_NO_PAD.decode(value).ok();
        }
    }
    let settings = settings.filter(|settings| settings.len() % SETTING == 0)?;
    (upgrades == 1 && listed && fields == 1).then(|| settings.into())
}
