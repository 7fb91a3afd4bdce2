//! Glue for codecs, or parts of one, written with nom.
//!
//! nom restarts from the first byte each time: use it where text or structure is small, or cold. A parser over partial
//! input comes from nom's `streaming` modules; its `Incomplete` becomes [`Parse::Need`], its error a code and an offset.

use ::nom::error::Error;
use ::nom::{Err, Needed, Parser};

use crate::frame::{Fault, Parse};

/// Runs `parser` over the first bytes of something; its output, and how many bytes it took.
///
/// # Errors
///
/// A [`Fault`] named `syntax` at the byte where the parser gave up; `rule` says what it expected, for people.
///
/// ```
/// use meshwire::frame::Parse;
/// use meshwire::nom::parse;
/// use nom::Parser;
/// use nom::bytes::streaming::{tag, take_until};
/// use nom::sequence::terminated;
///
/// let line = || terminated(take_until("\r\n"), tag("\r\n"));
/// assert_eq!(parse(line(), b"PING\r\nrest", "a line").unwrap(), Parse::Done((&b"PING"[..], 6)));
/// assert!(matches!(parse(line(), b"PI", "a line").unwrap(), Parse::Need(n) if n > 2));
/// let error = parse(terminated(tag("a"), tag("b")), b"axe", "the letters ab").unwrap_err();
/// assert_eq!((error.code, error.at), ("syntax", 1));
/// ```
pub fn parse<'a, P>(mut parser: P, input: &'a [u8], rule: &'static str) -> Result<Parse<(P::Output, usize)>, Fault>
where
    P: Parser<&'a [u8], Error = Error<&'a [u8]>>,
{
    match parser.parse(input) {
        Ok((rest, output)) => Ok(Parse::Done((output, input.len().saturating_sub(rest.len())))),
        Err(Err::Incomplete(Needed::Size(n))) => Ok(Parse::Need(input.len().saturating_add(n.get()))),
        Err(Err::Incomplete(Needed::Unknown)) => Ok(Parse::Need(input.len().saturating_add(1))),
        Err(Err::Error(error) | Err::Failure(error)) => {
            Err(Fault::new("syntax", rule, input.len().saturating_sub(error.input.len())))
        }
    }
}
