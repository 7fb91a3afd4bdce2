//! SETTINGS (RFC 9113, section 6.5).

use meshwire::Limits;

use crate::code::Code;
use crate::frame::{self, MAX_31, MAX_PAYLOAD};

const HEADER_TABLE_SIZE: u16 = 0x1;
const ENABLE_PUSH: u16 = 0x2;
const MAX_CONCURRENT_STREAMS: u16 = 0x3;
const INITIAL_WINDOW_SIZE: u16 = 0x4;
const MAX_FRAME_SIZE: u16 = 0x5;
const MAX_HEADER_LIST_SIZE: u16 = 0x6;
/// RFC 8441, section 3.
const ENABLE_CONNECT_PROTOCOL: u16 = 0x8;

/// The window of every stream and of the connection before anyone says otherwise (section 6.9.2).
pub(crate) const INITIAL_WINDOW: u32 = 65_535;

/// What a peer has said of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) table: usize,
    pub(crate) push: bool,
    pub(crate) streams: u32,
    pub(crate) window: u32,
    pub(crate) frame: usize,
    pub(crate) list: u32,
    pub(crate) connect: bool,
}

impl Settings {
    /// What holds until the first SETTINGS frame has come (section 6.5.2).
    pub(crate) const fn initial() -> Self {
        Self {
            table: 4096,
            push: true,
            streams: u32::MAX,
            window: INITIAL_WINDOW,
            frame: MAX_PAYLOAD,
            list: u32::MAX,
            connect: false,
        }
    }

    /// Reads a payload over what held before; the error is what is wrong with it.
    pub(crate) fn read(&mut self, payload: &[u8], from_server: bool) -> Result<(), (Code, &'static str)> {
        let (pairs, rest) = payload.as_chunks::<6>();
        if !rest.is_empty() {
            return Err((Code::FRAME_SIZE_ERROR, "a setting has 6 bytes"));
        }
        for &[i0, i1, v0, v1, v2, v3] in pairs {
            let value = u32::from_be_bytes([v0, v1, v2, v3]);
            match u16::from_be_bytes([i0, i1]) {
                HEADER_TABLE_SIZE => self.table = value as usize,
                ENABLE_PUSH => match value {
                    0 => self.push = false,
                    1 if !from_server => self.push = true,
                    _ => return Err((Code::PROTOCOL_ERROR, "ENABLE_PUSH is 0 or, from a client, 1")),
                },
                MAX_CONCURRENT_STREAMS => self.streams = value,
                INITIAL_WINDOW_SIZE if value > MAX_31 => {
                    return Err((Code::FLOW_CONTROL_ERROR, "INITIAL_WINDOW_SIZE has 31 bits"));
                }
                INITIAL_WINDOW_SIZE => self.window = value,
                MAX_FRAME_SIZE if !(16_384..=0xff_ffff).contains(&value) => {
                    return Err((Code::PROTOCOL_ERROR, "MAX_FRAME_SIZE is from 16,384 to 16,777,215"));
                }
                MAX_FRAME_SIZE => self.frame = value as usize,
                MAX_HEADER_LIST_SIZE => self.list = value,
                ENABLE_CONNECT_PROTOCOL => match (value, self.connect) {
                    (0, true) => return Err((Code::PROTOCOL_ERROR, "ENABLE_CONNECT_PROTOCOL is not taken back")),
                    (0 | 1, _) => self.connect = value == 1,
                    _ => return Err((Code::PROTOCOL_ERROR, "ENABLE_CONNECT_PROTOCOL is 0 or 1")),
                },
                // A setting that nobody knows is ignored.
                _ => {}
            }
        }
        Ok(())
    }
}

/// What we say of ourselves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Own {
    pub(crate) server: bool,
    pub(crate) connect: bool,
    pub(crate) window: u32,
    pub(crate) streams: u32,
    pub(crate) list: u32,
    pub(crate) table: u32,
}

impl Own {
    pub(crate) fn new(limits: &Limits, server: bool, connect: bool) -> Self {
        let fit = |n: usize| u32::try_from(n).unwrap_or(MAX_31).min(MAX_31);
        Self {
            server,
            connect,
            window: fit(limits.window),
            streams: fit(limits.streams),
            list: fit(limits.head),
            table: fit(limits.header_table),
        }
    }

    /// Appends the frame. What is as everyone assumes is not said.
    pub(crate) fn put(self, out: &mut Vec<u8>) {
        let mut payload = Vec::with_capacity(36);
        let mut say = |id: u16, value: u32| {
            payload.extend_from_slice(&id.to_be_bytes());
            payload.extend_from_slice(&value.to_be_bytes());
        };
        if self.table != 4096 {
            say(HEADER_TABLE_SIZE, self.table);
        }
        if self.server {
            say(MAX_CONCURRENT_STREAMS, self.streams);
        } else {
            say(ENABLE_PUSH, 0);
        }
        if self.window != INITIAL_WINDOW {
            say(INITIAL_WINDOW_SIZE, self.window);
        }
        say(MAX_HEADER_LIST_SIZE, self.list);
        if self.server && self.connect {
            say(ENABLE_CONNECT_PROTOCOL, 1);
        }
        frame::put(out, frame::SETTINGS, 0, 0, &payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(u16, u32)], from_server: bool) -> Result<Settings, (Code, &'static str)> {
        let mut payload = Vec::new();
        for (id, value) in pairs {
            payload.extend_from_slice(&id.to_be_bytes());
            payload.extend_from_slice(&value.to_be_bytes());
        }
        let mut settings = Settings::initial();
        settings.read(&payload, from_server).map(|()| settings)
    }

    #[test]
    fn each_setting_has_its_range() {
        let good: &[(u16, u32)] =
            &[(1, 0), (2, 0), (3, 0), (4, MAX_31), (5, 16_384), (5, 0xff_ffff), (6, 1), (8, 1), (0x99, 7)];
        assert!(good.iter().all(|pair| read(&[*pair], false).is_ok()));
        let bad: &[(u16, u32, Code)] = &[
            (2, 2, Code::PROTOCOL_ERROR),
            (4, MAX_31 + 1, Code::FLOW_CONTROL_ERROR),
            (5, 16_383, Code::PROTOCOL_ERROR),
            (5, 0x100_0000, Code::PROTOCOL_ERROR),
            (8, 2, Code::PROTOCOL_ERROR),
        ];
        for (id, value, code) in bad {
            assert_eq!(read(&[(*id, *value)], false).unwrap_err().0, *code, "{id} = {value}");
        }
        assert!(read(&[(2, 1)], false).is_ok() && read(&[(2, 1)], true).is_err());
        assert!(read(&[(8, 1), (8, 0)], true).is_err());
    }

    #[test]
    fn the_last_value_counts_and_pieces_are_refused() {
        assert_eq!(read(&[(3, 5), (3, 9)], true).unwrap().streams, 9);
        assert_eq!(Settings::initial().read(&[0; 5], true).unwrap_err().0, Code::FRAME_SIZE_ERROR);
    }
}
