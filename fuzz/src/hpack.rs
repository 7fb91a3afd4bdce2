//! Blocks through our decoder and through another's, which must find the same fields.
//!
//! An input is the size of the table (two bytes, little-endian), then blocks, each behind its length (one byte).

use httlib_hpack::DecoderError;
use meshwire::Limits;
use meshwire_http2::hpack::{Decoder, Encoder, Field, FieldList, HpackError, Indexing, ListLimits};

pub(crate) fn run(data: &[u8]) {
    let Some((&size, mut rest)) = data.split_first_chunk::<2>() else { return };
    let size = u16::from_le_bytes(size);
    let limits = ListLimits { fields: 20, list: 2000, field: 300, ..ListLimits::of(&Limits::default()) };
    let (mut ours, mut limited, mut list) =
        (Decoder::new(size.into()), Decoder::new(size.into()), FieldList::new(limits));
    let mut theirs = httlib_hpack::Decoder::with_dynamic_size(size.into());
    while let Some((&len, behind)) = rest.split_first() {
        let (block, behind) = behind.split_at(behind.len().min(len.into()));
        rest = behind;
        let mut fields = Vec::new();
        let result = ours.decode(block, |f| fields.push((f.name.to_vec(), f.value.to_vec(), f.never_indexed)));
        let with_limits = limited.decode_into(block, &mut list);
        let kept = list.take();
        assert!(kept.len() <= limits.list);

        // What is past a limit may be passed over without a look at its Huffman code; nothing else differs.
        match (result, with_limits) {
            (Ok(()), Err(e)) => assert_eq!(e, HpackError::ListTooLarge),
            (Err(e), Ok(())) => assert_eq!(e, HpackError::Huffman),
            _ => {}
        }
        let kept: Vec<_> = meshwire_http2::hpack::Fields::new(&kept)
            .map(|f| (f.name.to_vec(), f.value.to_vec(), f.never_indexed))
            .collect();
        assert!(fields.starts_with(&kept));
        if result.is_err() || with_limits.is_err() {
            return;
        }

        // The other takes more than the RFC allows, and panics where a block is cut short: it sees what we took.
        let mut seen = Vec::new();
        match theirs.decode(&mut block.to_vec(), &mut seen) {
            Ok(_) => {}
            // It takes integers of five bytes, their prefix included.
            Err(DecoderError::IntegerOverflow) => return,
            Err(e) => panic!("we take what the other does not: {e:?}"),
        }
        let seen: Vec<_> = seen
            .into_iter()
            .map(|(name, value, flags)| (name, value, flags & httlib_hpack::Decoder::NEVER_INDEXED != 0))
            .collect();
        assert_eq!(fields, seen);
        there_and_back(&fields);
    }
}

fn there_and_back(fields: &[(Vec<u8>, Vec<u8>, bool)]) {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4096));
    for _ in 0..2 {
        let mut block = Vec::new();
        encoder.begin(&mut block);
        for (name, value, never) in fields {
            encoder.encode(&Field::new(name, value).never_indexed(*never), Indexing::Auto, &mut block);
        }
        let mut n = 0;
        let result = decoder.decode(&block, |f| {
            let (name, value, never) = &fields[n];
            assert_eq!((f.name, f.value, f.never_indexed || !*never), (&name[..], &value[..], true));
            n += 1;
        });
        assert_eq!((result, n), (Ok(()), fields.len()));
    }
}
