//! What both toys write alike: names, fields and outcomes.

use crate::outcome::Outcome;

/// The field at `*cursor`.
pub(super) fn next_field<'a>(bytes: &'a [u8], cursor: &mut usize) -> Option<(&'a [u8], &'a [u8])> {
    let (&n, rest) = bytes.get(*cursor..)?.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(n))?;
    let (n, rest) = rest.split_first_chunk()?;
    let value = rest.get(..usize::from(u16::from_be_bytes(*n)))?;
    *cursor = cursor.saturating_add(3).saturating_add(name.len()).saturating_add(value.len());
    Some((name, value))
}

/// The field must pass [`check_field`].
pub(super) fn put_field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.push(name.len() as u8);
    out.extend_from_slice(name);
    out.extend_from_slice(&(value.len() as u16).to_be_bytes());
    out.extend_from_slice(value);
}

pub(super) fn check_field(name: &[u8], value: &[u8]) -> Result<(), &'static str> {
    match (u8::try_from(name.len()), u16::try_from(value.len())) {
        (Ok(_), Ok(_)) => Ok(()),
        _ => Err("a name of more than 255 bytes, or a value of more than 65,535"),
    }
}

/// Statuses are outcomes, counted from 0.
pub(super) fn outcome_of(status: u8) -> Outcome {
    Outcome::ALL.get(usize::from(status)).copied().unwrap_or(Outcome::Unknown)
}

pub(super) fn status_of(outcome: Outcome) -> u8 {
    Outcome::ALL.iter().position(|known| *known == outcome).map_or(u8::MAX, |at| at as u8)
}
