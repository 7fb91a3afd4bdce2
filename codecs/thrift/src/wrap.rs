//! What stands around a message, written from scratch.

use meshwire::EncodeError;

use crate::edit;
use crate::envelope::{self, LENGTH, protocol};
use crate::info::{Block, Entry, Writer};
use crate::keys;
use crate::layout::{Encoding, Layout, Transport};

/// Name and value.
pub(crate) type Field = (Box<[u8]>, Box<[u8]>);

/// The number that both headers have for an encoding.
pub(crate) const fn number_of(encoding: Encoding) -> u8 {
    (match encoding {
        Encoding::Compact => protocol::COMPACT,
        Encoding::Json => protocol::JSON,
        Encoding::Binary | Encoding::OldBinary => protocol::BINARY,
    }) as u8
}

/// Appends everything in front of a message; lengths are [written](put_lengths) once all is there.
pub(crate) fn put(layout: Layout, id: u64, service: &[u8], fields: &[Field], out: &mut Vec<u8>) {
    if layout.transport != Transport::Unframed {
        out.extend_from_slice(&[0; LENGTH]);
    }
    match layout.transport {
        Transport::Unframed | Transport::Framed => {}
        Transport::THeader | Transport::TTHeader => put_header(layout, id, fields, out),
        Transport::Dubbo => {
            out.extend_from_slice(&envelope::DUBBO);
            out.extend_from_slice(&[0; LENGTH]);
            out.extend_from_slice(&(service.len().saturating_add(21) as u16).to_be_bytes());
            out.push(1);
            out.extend_from_slice(&(service.len() as u32).to_be_bytes());
            out.extend_from_slice(service);
            out.extend_from_slice(&id.to_be_bytes());
        }
    }
    if layout.framed_inside {
        out.extend_from_slice(&[0; LENGTH]);
    }
}

fn put_header(layout: Layout, id: u64, fields: &[Field], out: &mut Vec<u8>) {
    let is_theader = layout.transport == Transport::THeader;
    out.extend_from_slice(if is_theader { &envelope::THEADER } else { &envelope::TTHEADER });
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&(id as u32).to_be_bytes());
    let mut info = vec![number_of(layout.encoding), 0];
    let mut writer = Writer::new(layout.transport, &mut info);
    for (name, value) in fields {
        let number = if is_theader { None } else { keys::number(name) };
        let block = if number.is_some() { Block::Numbered } else { Block::Text };
        // One that is too long has no place, and nobody to be told.
        let _ = writer.put(Entry { block, number: number.unwrap_or_default(), name, value });
    }
    writer.finish();
    info.resize(info.len().next_multiple_of(4), 0);
    out.extend_from_slice(&((info.len() / 4) as u16).to_be_bytes());
    out.extend_from_slice(&info);
}

/// Writes the lengths of a frame of `total` bytes, of which `front` are there; the message begins at `message_at`, or where
/// the frame inside is found.
pub(crate) fn put_lengths(
    layout: Layout,
    message_at: Option<usize>,
    total: usize,
    front: &mut [u8],
) -> Result<(), EncodeError> {
    let mut put = |at: usize, from: usize| {
        let length = i32::try_from(total.saturating_sub(from).saturating_sub(LENGTH));
        let length = length.map_err(|_| edit::invalid("the message is longer than a frame can say"))?;
        if let Some(to) = front.get_mut(at..).and_then(|to| to.first_chunk_mut()) {
            *to = length.to_be_bytes();
        }
        Ok(())
    };
    if layout.transport != Transport::Unframed {
        put(0, 0)?;
    }
    if layout.transport == Transport::Dubbo {
        put(6, 0)?;
    }
    match message_at {
        Some(at) if layout.framed_inside => put(at, at),
        _ => Ok(()),
    }
}
