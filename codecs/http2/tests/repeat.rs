//! Blocks that come again: whatever a connection remembers of them, they are read as a decoder reads them that remembers
//! nothing but its table.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

mod common;

use common::*;
use meshwire::{Event, Limits, RoutingKey};
use meshwire_http2::hpack::{Decoder, FieldList, Fields, ListLimits};
use proptest::prelude::*;

/// `:method: GET, :scheme: http, :path: /`, which every block has.
const PSEUDO: &[u8] = &[0x82, 0x86, 0x84];

/// Blocks of which some change the table, some change it sometimes, some depend on it, and some say its size.
fn blocks() -> Vec<Vec<u8>> {
    let with = |rest: &[u8]| [PSEUDO, rest].concat();
    vec![
        with(b""),
        with(b"\x40\x01a\x01b"),
        with(b"\x40\x01c\x01d"),
        with(b"\x00\x01e\x01f"),
        with(b"\x10\x01g\x01h"),
        with(b"\x7e\x01i"),
        with(b"\xbe"),
        with(b"\xbe\xbf"),
        [b"\x20", PSEUDO].concat(),
        [b"\x3f\x00", PSEUDO].concat(),
        [b"\x3f\x43", PSEUDO, b"\xbe"].concat(),
        [b"\x3f\xe1\x1f", PSEUDO].concat(),
    ]
}

fn check(order: &[usize]) -> Result<(), TestCaseError> {
    let (blocks, mut end) = (blocks(), server());
    let mut decoder = Decoder::new(4096);
    for (n, i) in order.iter().enumerate() {
        let mut list = FieldList::new(ListLimits::of(&Limits::default()));
        let wanted = decoder.decode_into(&blocks[*i], &mut list);
        end.input().extend_from_slice(&frame(HEADERS, END_HEADERS | END_STREAM, n as u32 * 2 + 1, &blocks[*i]));
        let Ok(()) = wanted else {
            prop_assert!(events(&mut end, false).is_err());
            return Ok(());
        };
        let bytes = list.take();
        let wanted: Vec<_> = Fields::new(&bytes).skip(3).map(|f| (f.name.to_vec(), f.value.to_vec())).collect();
        let got = events(&mut end, false).unwrap();
        let [Event::Head(head)] = &got[..] else { panic!("{got:?}") };
        let fields: Vec<_> = head.fields().unwrap().map(|(n, v)| (n.to_vec(), v.to_vec())).collect();
        prop_assert_eq!(fields, wanted);
        prop_assert!(head.is_end() && head.stream().id() == n as u64 * 2 + 1);
    }
    Ok(())
}

#[test]
fn what_a_change_of_the_table_makes_of_a_block() {
    // The last entry; then another one.
    check(&[1, 6, 6, 6, 6, 2, 6, 6, 6, 1, 6]).unwrap();
    // A table of no size keeps nothing, and then it does.
    check(&[8, 1, 1, 1, 1, 11, 1, 6, 6, 1, 7, 7]).unwrap();
}

proptest! {
    #[test]
    fn in_any_order(order in proptest::collection::vec((0..12usize, 1..5usize), 1..40)) {
        let order: Vec<_> = order.into_iter().flat_map(|(i, n)| std::iter::repeat_n(i, n)).collect();
        check(&order)?;
    }
}
