//! Looks at a body that streams past, whose attachments are added in the place of its last byte.

use meshwire::frame::Watch;
use meshwire_hessian::{Dialect, Kind, Limits, Progress, Scanner};

use crate::arguments;
use crate::body::{Body, CUT_SHORT, Known};
use crate::wire::HEADER_LEN;

/// What stands before the attachments.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Before {
    /// The front of a request and its arguments.
    Arguments,
    /// In an answer, a flag of so many bytes and so many values. The flag is not shown where it was put anew.
    Values { flag: usize, values: usize },
}

/// Makes sure that the last value of a body is a map, and ends with it.
pub(crate) struct MapWatch {
    at: At,
    /// A map is to come; if not, the body ends without one.
    has_map: bool,
    scanner: Scanner,
}

enum At {
    /// The front of a request, as far as it has come. It begins with the place of a frame's header.
    Front {
        seen: Vec<u8>,
        try_at: usize,
    },
    /// Bytes that are no value.
    Flag(usize, usize),
    /// So many values in front of the map.
    Values(usize),
    Map,
    Over,
}

/// How much of the front is kept at most, until the types of the arguments are there.
const FRONT: usize = 64 * 1024;

impl MapWatch {
    pub(crate) fn new(before: Before, has_map: bool, limits: Limits) -> Self {
        let at = match before {
            Before::Arguments => At::Front { seen: vec![0; HEADER_LEN], try_at: 0 },
            Before::Values { flag, values } => At::Flag(if has_map { flag } else { 0 }, values),
        };
        Self { at, has_map, scanner: Scanner::new(Dialect::Hessian2, limits) }
    }

    /// Takes the next bytes of the front; those behind it, once its end has come.
    fn front(&mut self, bytes: &[u8], end: bool) -> Result<Option<Vec<u8>>, &'static str> {
        let At::Front { seen, try_at } = &mut self.at else { return Ok(None) };
        seen.extend_from_slice(bytes);
        // Each try costs no more than all that has come since the last one.
        if seen.len() < (*try_at).min(FRONT) && !end {
            return Ok(None);
        }
        let request = arguments::read(seen, &Body::new(Known::Hessian, usize::MAX, &mut self.scanner));
        match request {
            Ok(request) => {
                let (args, rest) = (request.args, seen.split_off(request.args_at.min(seen.len())));
                self.at = self.values(args);
                Ok(Some(rest))
            }
            Err(fault) if fault.code == CUT_SHORT && !end && seen.len() < FRONT => {
                *try_at = seen.len().saturating_mul(2);
                Ok(None)
            }
            Err(fault) => Err(fault.detail),
        }
    }

    const fn values(&self, values: usize) -> At {
        match values {
            0 if self.has_map => At::Map,
            0 => At::Over,
            n => At::Values(n),
        }
    }

    /// Walks over values.
    fn scan(&mut self, mut bytes: &[u8]) -> Result<(), &'static str> {
        loop {
            match self.at {
                At::Flag(0, values) => self.at = self.values(values),
                At::Flag(n, values) => {
                    let taken = n.min(bytes.len());
                    bytes = bytes.get(taken..).unwrap_or_default();
                    self.at = At::Flag(n.saturating_sub(taken), values);
                    if taken == 0 {
                        return Ok(());
                    }
                }
                At::Over if bytes.is_empty() => return Ok(()),
                At::Over => return Err("bytes stand behind the last value of a body to which attachments were added"),
                At::Front { .. } | At::Values(_) | At::Map => match self.scanner.skip(bytes) {
                    Err(error) => return Err(error.detail),
                    Ok(Progress::More(_)) => return Ok(()),
                    Ok(Progress::Done(n)) => {
                        bytes = bytes.get(n..).unwrap_or_default();
                        self.at = match self.at {
                            At::Values(n) => self.values(n.saturating_sub(1)),
                            _ if matches!(self.scanner.last(), Some(Kind::UntypedMap | Kind::TypedMap)) => At::Over,
                            _ => return Err("a body to which attachments were added does not end in a map of them"),
                        };
                    }
                },
            }
        }
    }
}

impl Watch for MapWatch {
    fn pass(&mut self, bytes: &[u8], end: bool) -> Result<(), &'static str> {
        if matches!(self.at, At::Front { .. }) {
            if let Some(rest) = self.front(bytes, end)? {
                self.scan(&rest)?;
            }
        } else {
            self.scan(bytes)?;
        }
        if end && !matches!(self.at, At::Over) {
            return Err("a body to which attachments were added does not end in a map of them");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_front_without_end_is_given_up() {
        let mut watch = MapWatch::new(Before::Arguments, true, Limits::DEFAULT);
        // A string in pieces of 32 KiB, none of which is the last.
        let piece = [&b"R\x80\0"[..], &[b'x'; 0x8000]].concat();
        assert_eq!(watch.pass(b"\x052.0.2", false), Ok(()));
        assert_eq!(watch.pass(&piece, false), Ok(()));
        assert!(watch.pass(&piece, false).is_err(), "more than 64 KiB were kept");
    }
}
