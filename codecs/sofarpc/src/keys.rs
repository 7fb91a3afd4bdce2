//! The names by which a call says where it goes.

/// The service, as every client writes it and Java's servers dispatch by it.
pub(crate) const SERVICE: &[u8; 7] = b"service";
/// The service again.
pub(crate) const TARGET_SERVICE: &[u8; 24] = b"sofa_head_target_service";
/// The method.
pub(crate) const METHOD: &[u8; 21] = b"sofa_head_method_name";

/// The class of a call that says its service and method in its content, too.
pub(crate) const SOFA_REQUEST: &[u8; 44] = b"com.alipay.sofa.rpc.core.request.SofaRequest";

/// Whether `seen` begins with that class. In three words, the last of which begins inside of the second: a comparison
/// that is called costs more than all it does.
#[inline(always)]
pub(crate) fn is_call(seen: Option<&[u8]>) -> bool {
    let Some(class) = seen.and_then(|seen| seen.first_chunk::<44>()) else { return false };
    let differs = |at: usize| word(class, at) ^ word(SOFA_REQUEST, at);
    differs(0) | differs(16) | differs(28) == 0
}

#[inline(always)]
fn word<const N: usize>(bytes: &[u8; N], at: usize) -> u128 {
    bytes.get(at..).and_then(|bytes| bytes.first_chunk()).map_or(0, |word| u128::from_ne_bytes(*word))
}
