//! A scan in random pieces, and in one, against a slow decoder.
//!
//! An input is a message and two bytes: which dialect and limits, and the longest piece.

#[path = "../../codecs/hessian/tests/oracle/mod.rs"]
mod oracle;

use meshwire_hessian::{Dialect, Limits, Read, Reader, Scanner};

pub(crate) fn run(data: &[u8]) {
    let Some((&[flags, chunk], bytes)) = data.split_last_chunk().map(|(bytes, settings)| (settings, bytes)) else {
        return;
    };
    let dialect = if flags & 1 == 0 { Dialect::Hessian2 } else { Dialect::Ant3 };
    let limits = if flags & 2 == 0 {
        Limits::DEFAULT
    } else {
        Limits::DEFAULT.with_depth(4).with_classes(3).with_fields(3).with_references(12).with_bytes(200)
    };
    let mut scanner = Scanner::new(dialect, limits);
    oracle::check(bytes, dialect, limits, &mut scanner, || usize::MAX);
    oracle::check(bytes, dialect, limits, &mut scanner, || 1);
    let (mut seed, chunk) = (u32::from(flags) << 8 | u32::from(chunk), u32::from(chunk) + 1);
    oracle::check(bytes, dialect, limits, &mut scanner, || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) as usize % chunk as usize
    });
    read(bytes, dialect, limits);
}

/// A reader goes where a scan of whole values does, however it goes there.
fn read(bytes: &[u8], dialect: Dialect, limits: Limits) {
    let (mut one, mut other) = (Scanner::new(dialect, limits), Scanner::new(dialect, limits));
    let (mut skips, mut reads) = (Reader::new(bytes, 0, &mut one), Reader::new(bytes, 0, &mut other));
    loop {
        let (skipped, read) = (skips.skip(), reads.scalar());
        match (skipped, read) {
            (Ok(Read::Done(_)), Ok(Read::Done(scalar))) => {
                assert_eq!(skips.at(), reads.at());
                if let Some(scalar) = scalar {
                    let _ = scalar.to_text(bytes);
                }
            }
            (Ok(Read::Need(need)), Ok(Read::Need(other))) => {
                assert!(need > bytes.len() && other > bytes.len());
                return;
            }
            (Err(error), Err(other)) => return assert_eq!((error.code, error.at), (other.code, other.at)),
            // A limit may be seen by one that looks further.
            (skipped, read) => panic!("{skipped:?}, and {read:?}"),
        }
    }
}
