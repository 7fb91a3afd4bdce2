//! What is known of a request and is no attribute: the note of its head.

use crate::wire::HEADER_LEN;

/// The attachments lie behind more bytes than are looked at.
pub(crate) const TOO_FAR: u32 = 1;

/// The note of a request in Hessian 2 whose strings, up to the method, lie in one piece and in ASCII and end here.
pub(crate) const fn of_types_at(at: usize) -> u32 {
    // Lengths in Dubbo are 31 bits wide.
    at as u32
}

/// Where the types of the arguments stand.
pub(crate) const fn types_at(note: u32) -> Option<usize> {
    if note as usize > HEADER_LEN { Some(note as usize) } else { None }
}
