//! The versions of Bolt.

/// How a frame is laid out, and what closes it. Every frame says it for itself; an answer has that of its request.
///
/// ```
/// use meshwire_sofarpc::{Call, Version, command};
///
/// let head = Call::new("com.example.Greeter:1.0", "hello").with_layout(Version::V2Checked).head(7);
/// assert_eq!(command(&head).unwrap().version, Version::V2Checked);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // those there are; another one would be laid out otherwise, and is refused
pub enum Version {
    /// Protocol 0x01.
    #[default]
    V1,
    /// Protocol 0x02 in its version 1: never a checksum, whatever its switch says.
    V2,
    /// Protocol 0x02 in its version 2, with the checksum switched off in this frame.
    V2Unchecked,
    /// Protocol 0x02 in its version 2, closed by a CRC-32 of the frame.
    V2Checked,
}
