//! The properties of a `SofaRequest`, as fields.
//!
//! They are named as Java's clients name them in the header map, into which they write all of them: a string and a number stand
//! under their own key, the entries of a map under the key of the map, a dot and their own. Anything else is no field. Of two of
//! one name the last counts.

use meshwire::frame::Fault;
use meshwire::{Head, Limit};
use meshwire_hessian::{Kind, Read, Reader, Scalar};

use crate::content::fault;
use crate::keys::{METHOD, SERVICE, TARGET_SERVICE};
use crate::map::Entries;

/// What they may come to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    fields: usize,
    /// Bytes of a name and its value.
    pub(crate) field: usize,
    /// Bytes of all of them.
    head: usize,
    nesting: usize,
}

impl Limits {
    pub(crate) const fn new(limits: &meshwire::Limits) -> Self {
        Self { fields: limits.fields, field: limits.field, head: limits.head, nesting: limits.nesting }
    }
}

/// Names and values.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Props(Vec<(Vec<u8>, Vec<u8>)>);

impl Props {
    /// Reads the map, or anything else, at which `reader` stands in `seen`.
    pub(crate) fn read(reader: &mut Reader<'_, '_>, seen: &[u8], limits: Limits) -> Result<Read<Self>, Fault> {
        macro_rules! done {
            ($read:expr) => {
                match $read.map_err(fault)? {
                    Read::Done(value) => value,
                    Read::Need(need) => return Ok(Read::Need(need)),
                }
            };
        }
        let mut props = Self::default();
        let mut size = 0usize;
        if !done!(reader.begin_map()) {
            return Ok(Read::Done(props));
        }
        // The keys of the maps under way, each with its dot, and how long the names were around each map.
        let (mut prefix, mut around) = (Vec::new(), Vec::new());
        loop {
            if done!(reader.end_of_map()) {
                let Some(len) = around.pop() else { return Ok(Read::Done(props)) };
                prefix.truncate(len);
                continue;
            }
            let at = reader.at();
            let key = match done!(reader.scalar()) {
                Some(Scalar::String(key)) => key.to_bytes(seen),
                _ => None,
            };
            let kind = done!(reader.kind());
            let Some(key) = key else {
                done!(reader.skip());
                continue;
            };
            let name_len = prefix.len().saturating_add(key.len());
            if name_len > limits.field {
                return Err(too_long(at));
            }
            if matches!(kind, Kind::UntypedMap | Kind::TypedMap) {
                if around.len() >= limits.nesting {
                    return Err(Fault::limit(Limit::Nesting, "maps lie too deep in the properties of a call", at));
                }
                done!(reader.begin_map());
                around.push(prefix.len());
                prefix.extend_from_slice(&key);
                prefix.push(b'.');
                continue;
            }
            let value = done!(reader.scalar()).filter(|_| is_field(kind)).and_then(|value| value.to_text(seen));
            let Some(value) = value else { continue };
            if name_len.saturating_add(value.len()) > limits.field {
                return Err(too_long(at));
            }
            size = size.saturating_add(name_len).saturating_add(value.len());
            if size > limits.head {
                return Err(Fault::limit(Limit::Head, "the properties of a call are too long", at));
            }
            let (name, count) = ([&prefix, &*key].concat(), props.0.len());
            match props.0.iter_mut().find(|(known, _)| *known == name) {
                Some((_, last)) => *last = value.into_owned(),
                None if count >= limits.fields => {
                    return Err(Fault::limit(Limit::Fields, "a call has too many properties", at));
                }
                None => props.0.push((name, value.into_owned())),
            }
        }
    }

    /// Makes them fields of `head`, whose header map begins at `map_at`. What stands in the map, too, counts there, as Java's
    /// server reads it; what would name the destination is not a field.
    pub(crate) fn set(&self, head: &mut Head, map: &[u8], map_at: usize) {
        // A head is no longer than 32 bits say.
        let mut aside = (map_at as u32).to_be_bytes().to_vec();
        for (name, value) in &self.0 {
            if is_destination(name) || stands_in(map, name) {
                continue;
            }
            for text in [name, value] {
                aside.extend_from_slice(&(text.len() as u32).to_be_bytes());
                aside.extend_from_slice(text);
            }
        }
        if aside.len() == FIRST {
            head.set_fields_at(map_at);
            return;
        }
        head.set_aside(aside);
        head.set_fields_at(FIRST);
    }
}

/// Where the first of the fields begins that are set aside, behind where the header map begins.
const FIRST: usize = 4;

/// The field that is set aside at `cursor`; `None` behind the last one.
pub(crate) fn next<'a>(aside: &'a [u8], cursor: &mut usize) -> Option<(&'a [u8], &'a [u8])> {
    let (name, rest) = counted(aside.get(*cursor..)?)?;
    let (value, _) = counted(rest)?;
    *cursor = cursor.saturating_add(8).saturating_add(name.len()).saturating_add(value.len());
    Some((name, value))
}

/// Where in the head's bytes a cursor stands that is past what is set aside: the map begins behind the last of it.
pub(crate) fn in_map(aside: &[u8], cursor: usize) -> usize {
    let map_at = aside.first_chunk().map_or(0, |at| u32::from_be_bytes(*at) as usize);
    cursor.saturating_sub(aside.len()).max(map_at)
}

/// Whether one of the fields that are set aside is called `name`.
pub(crate) fn is_aside(head: &Head, name: &[u8]) -> bool {
    let mut cursor = FIRST;
    while let Some((known, _)) = next(head.aside(), &mut cursor) {
        if known.eq_ignore_ascii_case(name) {
            return true;
        }
    }
    false
}

fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u32::from_be_bytes(*len) as usize)
}

const fn is_field(kind: Kind) -> bool {
    matches!(kind, Kind::String | Kind::Int | Kind::Long | Kind::Double)
}

fn is_destination(name: &[u8]) -> bool {
    let keys: [&[u8]; 3] = [SERVICE, TARGET_SERVICE, METHOD];
    keys.iter().any(|key| key.eq_ignore_ascii_case(name))
}

/// Whether `map` has an entry called `name`. Case tells nothing apart in the neutral view.
fn stands_in(map: &[u8], name: &[u8]) -> bool {
    let mut entries = Entries::new(map);
    while let Ok(Some(entry)) = entries.next() {
        if entry.is_some_and(|(key, _)| key.eq_ignore_ascii_case(name)) {
            return true;
        }
    }
    false
}

#[cold]
fn too_long(at: usize) -> Fault {
    Fault::limit(Limit::Field, "a property of a call is too long", at)
}
