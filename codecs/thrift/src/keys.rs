//! TTHeader's numbered keys under the names that Kitex has for them.

/// In the order of their numbers.
const NAMES: [&str; 26] = [
    "mesh_version",
    "transport_type",
    "log_id",
    "from_service",
    "from_cluster",
    "from_idc",
    "to_service",
    "to_cluster",
    "to_idc",
    "to_method",
    "env",
    "dest_address",
    "rpc_timeout",
    "read_timeout",
    "ring_hash_key",
    "ddp_tag",
    "with_mesh_header",
    "connect_timeout",
    "span_context",
    "short_connection",
    "from_method",
    "stress_tag",
    "msg_type",
    "http_content_type",
    "raw_ring_hash_key",
    "lb_type",
];

/// Where the call is to go: what HTTP calls a host.
pub(crate) const TO_SERVICE: u16 = 6;
/// Milliseconds that the client waits.
pub(crate) const RPC_TIMEOUT: u16 = 12;
/// The same in fbthrift's THeader, as text.
pub(crate) const CLIENT_TIMEOUT: &[u8] = b"client_timeout";
/// A checksum of all that stands behind a TTHeader, the sequence id in it included (Kitex).
pub(crate) const CHECKSUM: &[u8] = b"crc32c";

/// The name of a numbered key; empty for one that has none.
#[inline]
pub(crate) fn name(key: u16) -> &'static [u8] {
    NAMES.get(usize::from(key)).map_or(&[], |name| name.as_bytes())
}

/// The number of a key of that name.
pub(crate) fn number(name: &[u8]) -> Option<u16> {
    let at = NAMES.iter().position(|known| known.as_bytes().eq_ignore_ascii_case(name))?;
    u16::try_from(at).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names() {
        for key in 0..NAMES.len() as u16 {
            assert_eq!(number(name(key)), Some(key));
        }
        assert_eq!(name(0x03), b"from_service");
        assert_eq!(name(0x09), b"to_method");
        assert_eq!(name(0x16), b"msg_type");
        assert_eq!(name(RPC_TIMEOUT), b"rpc_timeout");
        assert_eq!((name(26), number(b"To_Service"), number(b"other")), (&b""[..], Some(6), None));
    }
}
