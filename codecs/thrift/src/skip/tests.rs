//! The skip beside a reader that recurses over the whole of a struct.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const NESTING: usize = 12;
const LAYOUTS: [Layout; 2] = [Layout::Binary, Layout::Compact];

/// What a struct comes to, by the simplest of readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done(usize),
    More,
    Fault { at: usize, is_nesting: bool },
}

/// The rest of what is read, and how it came to an end.
struct Oracle<'a> {
    layout: Layout,
    bytes: &'a [u8],
    at: usize,
}

type Read<T> = Result<T, Outcome>;

impl Oracle<'_> {
    fn outcome(layout: Layout, bytes: &[u8], nesting: usize) -> Outcome {
        let mut oracle = Oracle { layout, bytes, at: 0 };
        match oracle.fields(nesting) {
            Ok(()) => Outcome::Done(oracle.at),
            Err(outcome) => outcome,
        }
    }

    fn bad<T>(&self, at: usize) -> Read<T> {
        Err(Outcome::Fault { at, is_nesting: false })
    }

    fn byte(&mut self) -> Read<u8> {
        self.at += 1;
        self.bytes.get(self.at - 1).copied().ok_or(Outcome::More)
    }

    fn skip(&mut self, n: usize) -> Read<()> {
        self.at += n;
        if self.at > self.bytes.len() { Err(Outcome::More) } else { Ok(()) }
    }

    fn varint(&mut self, most: usize) -> Read<u128> {
        let mut bits = 0;
        for n in 0..most {
            let byte = self.byte()?;
            bits |= u128::from(byte & 0x7f) << (7 * n);
            if byte < 0x80 {
                return Ok(bits);
            }
        }
        self.bad(self.at - 1)
    }

    fn number(&mut self) -> Read<usize> {
        let at = self.at;
        let number = match self.layout {
            Layout::Compact => self.varint(5)?,
            Layout::Binary => (0..4).try_fold(0, |number, _| Ok(number << 8 | u128::from(self.byte()?)))?,
        };
        if number > 0x7fff_ffff { self.bad(at) } else { Ok(number as usize) }
    }

    /// The fields of a struct, which with all in them may go so many levels deep.
    fn fields(&mut self, nesting: usize) -> Read<()> {
        loop {
            let at = self.at;
            let first = self.byte()?;
            if first == 0 {
                return Ok(());
            }
            let mut kind = first;
            match self.layout {
                Layout::Binary if !matches!(kind, 2 | 3 | 4 | 6 | 8 | 10..=16) => return self.bad(at),
                Layout::Binary => self.skip(2)?,
                Layout::Compact => {
                    kind = first & 0x0f;
                    if first < 0x10 {
                        self.varint(3)?;
                    }
                    if !matches!(kind, 1..=13) {
                        return self.bad(at);
                    }
                    if kind <= 2 {
                        continue;
                    }
                }
            }
            self.value(kind, nesting, at)?;
        }
    }

    fn value(&mut self, kind: u8, nesting: usize, at: usize) -> Read<()> {
        match (self.layout, kind) {
            (Layout::Binary, 2 | 3) | (Layout::Compact, 1..=3) => self.skip(1),
            (Layout::Binary, 6) => self.skip(2),
            (Layout::Binary, 8) => self.skip(4),
            (Layout::Binary, 4 | 10) | (Layout::Compact, 7) => self.skip(8),
            (Layout::Binary, 16) | (Layout::Compact, 13) => self.skip(16),
            (Layout::Compact, 4) => self.varint(3).map(drop),
            (Layout::Compact, 5) => self.varint(5).map(drop),
            (Layout::Compact, 6) => self.varint(10).map(drop),
            (Layout::Binary, 11) | (Layout::Compact, 8) => {
                let len = self.number()?;
                self.skip(len)
            }
            (Layout::Binary, 12) | (Layout::Compact, 12) => {
                if nesting == 1 {
                    return Err(Outcome::Fault { at, is_nesting: true });
                }
                self.fields(nesting - 1)
            }
            (Layout::Binary, 14 | 15) => {
                let kind = (self.at, self.byte()?);
                let count = self.number()?;
                self.values(count, &[kind], nesting, at)
            }
            (Layout::Compact, 9 | 10) => {
                let (kind_at, first) = (self.at, self.byte()?);
                let count = if first >> 4 == 15 { self.number()? } else { (first >> 4).into() };
                self.values(count, &[(kind_at, first & 15)], nesting, at)
            }
            (Layout::Binary, 13) => {
                let kinds = [(self.at, self.byte()?), (self.at, self.byte()?)];
                let count = self.number()?;
                self.values(count, &kinds, nesting, at)
            }
            (Layout::Compact, 11) => {
                let count = self.number()?;
                let at_kinds = self.at;
                let kinds = if count == 0 { 0 } else { self.byte()? };
                self.values(count, &[(at_kinds, kinds >> 4), (at_kinds, kinds & 15)], nesting, at)
            }
            _ => unreachable!("{kind}"),
        }
    }

    fn values(&mut self, count: usize, kinds: &[(usize, u8)], nesting: usize, at: usize) -> Read<()> {
        for (at, kind) in kinds {
            let known = match self.layout {
                Layout::Binary => matches!(kind, 2 | 3 | 4 | 6 | 8 | 10..=16),
                Layout::Compact => matches!(kind, 1..=13),
            };
            if count > 0 && !known {
                return self.bad(*at);
            }
        }
        if nesting == 1 {
            return Err(Outcome::Fault { at, is_nesting: true });
        }
        for _ in 0..count {
            for (_, kind) in kinds {
                self.value(*kind, nesting - 1, self.at)?;
            }
        }
        Ok(())
    }
}

/// What the skipper makes of `bytes`, of which `next` says how many more it gets to see at a time.
fn skipped(layout: Layout, bytes: &[u8], nesting: usize, mut next: impl FnMut() -> usize) -> Outcome {
    let mut skip = Skip::new(layout, nesting);
    let (mut behind, mut seen, mut wanted) = (0, 0, 1);
    loop {
        seen = (seen + next()).min(bytes.len());
        match skip.advance(&bytes[behind..seen]) {
            Ok(Skipped::Done(n)) => {
                assert!(n <= seen - behind);
                assert_eq!(skip.level, Level::STRUCT);
                return Outcome::Done(behind + n);
            }
            Ok(Skipped::More { consumed, need }) => {
                behind += consumed;
                assert!(behind <= seen && seen - behind <= 13, "{behind} of {seen}");
                assert!(need > (seen - behind) as u64, "{need} more than {behind} of {seen}");
                assert!(behind as u64 + need >= wanted, "what was needed is so still");
                wanted = behind as u64 + need;
                if seen == bytes.len() {
                    return Outcome::More;
                }
            }
            Err(SkipFault { at, is_nesting, .. }) => return Outcome::Fault { at: behind + at, is_nesting },
        }
        assert!(skip.levels.len() < nesting);
    }
}

fn at_once(layout: Layout, bytes: &[u8], nesting: usize) -> Outcome {
    skipped(layout, bytes, nesting, || bytes.len())
}

fn by_byte(layout: Layout, bytes: &[u8], nesting: usize) -> Outcome {
    skipped(layout, bytes, nesting, || 1)
}

/// A value, so far as the layouts tell them apart.
#[derive(Clone, Debug)]
enum Value {
    Bool(bool),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    Double,
    Uuid,
    String(usize),
    Struct(Vec<(u16, Value)>),
    /// All like the first.
    List(Vec<Value>),
    Map(Vec<(Value, Value)>),
}

impl Value {
    fn kind(&self, layout: Layout) -> u8 {
        let (binary, compact) = match self {
            Value::Bool(true) => (2, 1),
            Value::Bool(false) => (2, 2),
            Value::I8(_) => (3, 3),
            Value::I16(_) => (6, 4),
            Value::I32(_) => (8, 5),
            Value::I64(_) => (10, 6),
            Value::Double => (4, 7),
            Value::Uuid => (16, 13),
            Value::String(_) => (11, 8),
            Value::Struct(_) => (12, 12),
            Value::List(values) if values.len() % 2 == 0 => (14, 10),
            Value::List(_) => (15, 9),
            Value::Map(_) => (13, 11),
        };
        if layout == Layout::Binary { binary } else { compact }
    }

    /// Whether it may stand in one list with the other, which is to say it is written alike.
    fn is_like(&self, other: &Value) -> bool {
        self.kind(Layout::Binary) == other.kind(Layout::Binary)
    }

    fn put(&self, layout: Layout, out: &mut Vec<u8>) {
        let compact = layout == Layout::Compact;
        let mut number = |n: i64, width: usize| match compact {
            true => varint((n << 1 ^ n >> 63) as u64, out),
            false => out.extend(&n.to_be_bytes()[8 - width..]),
        };
        match self {
            Value::Bool(_) => out.push(2),
            Value::I8(n) => out.push(*n as u8),
            Value::I16(n) => number((*n).into(), 2),
            Value::I32(n) => number((*n).into(), 4),
            Value::I64(n) => number(*n, 8),
            Value::Double => out.extend([0xff; 8]),
            Value::Uuid => out.extend([0xee; 16]),
            Value::String(len) => {
                count(*len, layout, out);
                out.extend(std::iter::repeat_n(0xdd, *len));
            }
            Value::Struct(fields) => {
                for (id, value) in fields {
                    match (layout, id % 16) {
                        (Layout::Binary, _) => {
                            out.push(value.kind(layout));
                            out.extend(id.to_be_bytes());
                        }
                        (Layout::Compact, 0) => {
                            out.push(value.kind(layout));
                            varint((*id).into(), out);
                        }
                        (Layout::Compact, delta) => out.push((delta as u8) << 4 | value.kind(layout)),
                    }
                    if !(compact && matches!(value, Value::Bool(_))) {
                        value.put(layout, out);
                    }
                }
                out.push(0);
            }
            Value::List(values) => {
                let kind = values.first().map_or(0, |value| value.kind(layout));
                match (layout, values.len()) {
                    (Layout::Binary, len) => {
                        out.push(kind);
                        count(len, layout, out);
                    }
                    (Layout::Compact, len @ 0..15) => out.push((len as u8) << 4 | kind),
                    (Layout::Compact, len) => {
                        out.push(0xf0 | kind);
                        count(len, layout, out);
                    }
                }
                values.iter().for_each(|value| value.put(layout, out));
            }
            Value::Map(entries) => {
                let kinds = entries.first().map_or([0, 0], |(key, value)| [key.kind(layout), value.kind(layout)]);
                match layout {
                    Layout::Binary => {
                        out.extend(kinds);
                        count(entries.len(), layout, out);
                    }
                    Layout::Compact => {
                        count(entries.len(), layout, out);
                        if !entries.is_empty() {
                            out.push(kinds[0] << 4 | kinds[1]);
                        }
                    }
                }
                for (key, value) in entries {
                    key.put(layout, out);
                    value.put(layout, out);
                }
            }
        }
    }

    fn bytes(&self, layout: Layout) -> Vec<u8> {
        let mut out = Vec::new();
        self.put(layout, &mut out);
        out
    }
}

fn varint(mut bits: u64, out: &mut Vec<u8>) {
    while bits > 0x7f {
        out.push(bits as u8 | 0x80);
        bits >>= 7;
    }
    out.push(bits as u8);
}

fn count(n: usize, layout: Layout, out: &mut Vec<u8>) {
    match layout {
        Layout::Binary => out.extend((n as u32).to_be_bytes()),
        Layout::Compact => varint(n as u64, out),
    }
}

/// Any value, those that are more than `depth` levels deep apart.
fn value(depth: u32) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i8>().prop_map(Value::I8),
        any::<i16>().prop_map(Value::I16),
        any::<i32>().prop_map(Value::I32),
        (any::<i64>(), 0u32..64).prop_map(|(n, shift)| Value::I64(n >> shift)),
        Just(Value::Double),
        Just(Value::Uuid),
        prop_oneof![20 => 0usize..20, 10 => 120usize..140, 1 => Just(16_400)].prop_map(Value::String),
    ];
    let numbers = vec((any::<i64>(), 0u32..64), 1..60).prop_flat_map(|numbers| {
        (0..3).prop_map(move |kind| {
            let numbers = numbers.iter().map(|(n, shift)| match kind {
                0 => Value::I16((n >> shift) as i16),
                1 => Value::I32((n >> shift) as i32),
                _ => Value::I64(n >> shift),
            });
            Value::List(numbers.collect())
        })
    });
    prop_oneof![4 => leaf, 1 => numbers].prop_recursive(depth, 32, 6, |inner| {
        prop_oneof![
            vec((any::<u16>(), inner.clone()), 0..6).prop_map(Value::Struct),
            vec(inner.clone(), 0..20).prop_map(|mut values| {
                let first = values.first().cloned();
                values.retain(|value| first.as_ref().is_some_and(|first| first.is_like(value)));
                Value::List(values)
            }),
            vec((inner.clone(), inner), 0..20).prop_map(|mut entries| {
                let first = entries.first().cloned();
                entries.retain(|entry| {
                    first.as_ref().is_some_and(|first| first.0.is_like(&entry.0) && first.1.is_like(&entry.1))
                });
                Value::Map(entries)
            }),
        ]
    })
}

/// A struct, and other bytes behind it.
fn structs() -> impl Strategy<Value = Value> {
    vec((any::<u16>(), value(4)), 0..8).prop_map(Value::Struct)
}

fn layout() -> impl Strategy<Value = Layout> {
    prop_oneof![Just(Layout::Binary), Just(Layout::Compact)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_bytes(layout in layout(), bytes in vec(any::<u8>(), 0..200), sizes in vec(1usize..20, 1..5)) {
        agree(layout, &bytes, NESTING, &sizes);
    }
}

proptest! {
    // Most of the time goes into making up structs.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_struct_ends_where_it_was_written_to(value in structs(), behind in vec(any::<u8>(), 0..20)) {
        for layout in LAYOUTS {
            let mut bytes = value.bytes(layout);
            let len = bytes.len();
            bytes.extend(&behind);
            prop_assert_eq!(Oracle::outcome(layout, &bytes, NESTING), Outcome::Done(len));
            prop_assert_eq!(at_once(layout, &bytes, NESTING), Outcome::Done(len));
            prop_assert_eq!(by_byte(layout, &bytes, NESTING), Outcome::Done(len));
        }
    }

    #[test]
    fn it_may_be_split_anywhere(value in structs()) {
        for layout in LAYOUTS {
            let bytes = value.bytes(layout);
            // Within long strings nothing is.
            for at in (0..bytes.len()).filter(|at| at % 64 == 0 || bytes[*at] != 0xdd) {
                let mut skip = Skip::new(layout, NESTING);
                let first = skip.advance(&bytes[..at]).unwrap();
                let Skipped::More { consumed, need } = first else { panic!("{first:?}") };
                prop_assert!(consumed <= at && need >= 1);
                prop_assert!(need > (at - consumed) as u64, "{} needs more than is there", need);
                prop_assert!(need <= (bytes.len() - consumed) as u64, "{} of {} at {}", need, bytes.len(), at);
                prop_assert_eq!(skip.advance(&bytes[consumed..]), Ok(Skipped::Done(bytes.len() - consumed)));
            }
        }
    }

    #[test]
    fn what_is_needed_is_enough_to_go_on(value in structs()) {
        for layout in LAYOUTS {
            let bytes = value.bytes(layout);
            let (mut skip, mut behind, mut seen) = (Skip::new(layout, NESTING), 0, 0);
            while let Skipped::More { consumed, need } = skip.advance(&bytes[behind..seen]).unwrap() {
                behind += consumed;
                prop_assert!(behind + need as usize > seen);
                seen = behind + need as usize;
                prop_assert!(seen <= bytes.len());
            }
            prop_assert_eq!(seen, bytes.len());
        }
    }

    #[test]
    fn bytes_that_are_nearly_right(
        value in structs(),
        layout in layout(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        nesting in 1usize..8,
        sizes in vec(1usize..20, 1..5),
    ) {
        let mut bytes = value.bytes(layout);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        agree(layout, &bytes, nesting, &sizes);
    }
}

/// Checks that the skipper says what the oracle says, however the bytes come.
fn agree(layout: Layout, bytes: &[u8], nesting: usize, sizes: &[usize]) {
    let expected = Oracle::outcome(layout, bytes, nesting);
    assert_eq!(at_once(layout, bytes, nesting), expected);
    assert_eq!(by_byte(layout, bytes, nesting), expected);
    let mut sizes = sizes.iter().cycle();
    assert_eq!(skipped(layout, bytes, nesting, || *sizes.next().unwrap()), expected);
}

fn first(layout: Layout, bytes: &[u8]) -> Result<Skipped, SkipFault> {
    Skip::new(layout, NESTING).advance(bytes)
}

fn fault(layout: Layout, bytes: &[u8]) -> (&'static str, usize) {
    let fault = first(layout, bytes).unwrap_err();
    let outcome = Outcome::Fault { at: fault.at, is_nesting: fault.is_nesting };
    assert_eq!(by_byte(layout, bytes, NESTING), outcome);
    assert_eq!(Oracle::outcome(layout, bytes, NESTING), outcome);
    (fault.code, fault.at)
}

fn more(consumed: usize, need: u64) -> Result<Skipped, SkipFault> {
    Ok(Skipped::More { consumed, need })
}

#[test]
fn levels_up_to_the_most_and_no_further() {
    for layout in LAYOUTS {
        for nesting in [1, 2, 3, 9, 10, 64] {
            let wraps: [fn(Value) -> Value; 4] = [
                |value| Value::Struct(vec![(1, value)]),
                |value| Value::List(vec![value]),
                |value| Value::Map(vec![(Value::Bool(true), value)]),
                |value| Value::Map(vec![(value, Value::String(3))]),
            ];
            for wrap in wraps {
                // The innermost is empty, or a jump, or has to be looked at.
                for leaf in [vec![], vec![Value::I8(1)], vec![Value::String(1)]] {
                    let deep = |levels| {
                        let value = (2..levels).fold(Value::List(leaf.clone()), |value, _| wrap(value));
                        Value::Struct(if levels == 1 { vec![] } else { vec![(1, value)] }).bytes(layout)
                    };
                    let bytes = deep(nesting);
                    assert_eq!(at_once(layout, &bytes, nesting), Outcome::Done(bytes.len()));
                    assert_eq!(by_byte(layout, &bytes, nesting), Outcome::Done(bytes.len()));
                    let bytes = deep(nesting + 1);
                    let outcome = at_once(layout, &bytes, nesting);
                    assert!(matches!(outcome, Outcome::Fault { is_nesting: true, .. }), "{outcome:?}");
                    agree(layout, &bytes, nesting, &[3]);
                }
            }
        }
    }
}

#[test]
fn behind_the_end_it_is_as_new() {
    for layout in LAYOUTS {
        let value = Value::Struct(vec![(1, Value::List(vec![Value::Struct(vec![(2, Value::String(5))])]))]);
        let bytes = value.bytes(layout);
        let mut skip = Skip::new(layout, 3);
        for _ in 0..3 {
            assert_eq!(skip.advance(&bytes[..9]).map(|skipped| matches!(skipped, Skipped::More { .. })), Ok(true));
            let Ok(Skipped::Done(_)) = skip.advance(&bytes[9..]) else { continue };
        }
        let twice = [&bytes[..], &bytes].concat();
        let mut skip = Skip::new(layout, 3);
        assert_eq!(skip.advance(&twice), Ok(Skipped::Done(bytes.len())));
        assert_eq!(skip.advance(&twice[bytes.len()..]), Ok(Skipped::Done(bytes.len())));
    }
}

#[test]
fn what_has_a_length_is_jumped_over_before_it_is_there() {
    let most = 0x7fff_ffff;
    let string = [11, 0, 1, 0x7f, 0xff, 0xff, 0xff];
    assert_eq!(first(Layout::Binary, &[]), more(0, 1));
    assert_eq!(first(Layout::Binary, &string[..2]), more(0, 7));
    assert_eq!(first(Layout::Binary, &string[..6]), more(0, 7));
    assert_eq!(first(Layout::Binary, &string), more(7, most));
    assert_eq!(first(Layout::Binary, &[8, 0, 1, 0]), more(4, 3));
    assert_eq!(first(Layout::Binary, &[13, 0, 1, 16, 4, 0x7f, 0xff, 0xff, 0xff, 0]), more(10, most * 24 - 1));
    let string = [0x18, 0xff, 0xff, 0xff, 0xff, 0x07];
    assert_eq!(first(Layout::Compact, &[]), more(0, 1));
    assert_eq!(first(Layout::Compact, &string[..3]), more(0, 4));
    assert_eq!(first(Layout::Compact, &string), more(6, most));
    assert_eq!(first(Layout::Compact, &[0x17]), more(1, 8));
    assert_eq!(first(Layout::Compact, &[0x1b, 0xff, 0xff, 0xff, 0xff, 0x07, 0xdd, 0]), more(8, most * 32 - 1));
}

#[test]
fn a_count_costs_nothing() {
    // Empty structs: a byte each.
    for (layout, list) in [
        (Layout::Binary, &[15, 0, 1, 12, 0x7f, 0xff, 0xff, 0xff][..]),
        (Layout::Compact, &[0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07]),
    ] {
        let mut skip = Skip::new(layout, 3);
        assert_eq!(skip.advance(list), more(list.len(), 1));
        for _ in 0..100 {
            assert_eq!(skip.advance(&[0; 1000]), more(1000, 1));
            assert!(skip.levels.len() <= 2);
        }
    }
    // Lists in each other, none of which ends.
    let mut skip = Skip::new(Layout::Compact, 1000);
    let list = [0xf9, 0xff, 0xff, 0xff, 0xff, 0x07];
    assert_eq!(skip.advance(&[0x19]), more(0, 2));
    assert_eq!(skip.advance(&[&[0x19], &list.repeat(999)[..]].concat()), more(1 + 6 * 999, 1));
    let fault = skip.advance(&list).unwrap_err();
    assert!(fault.is_nesting && fault.at == 0, "{fault:?}");
}

#[test]
fn negative_lengths() {
    for sign in [0x80, 0xff] {
        assert_eq!(fault(Layout::Binary, &[11, 0, 1, sign, 0xff, 0xff, 0xff]), ("length", 3));
        assert_eq!(fault(Layout::Binary, &[15, 0, 1, 8, sign, 0xff, 0xff, 0xff]), ("length", 4));
        assert_eq!(fault(Layout::Binary, &[13, 0, 1, 8, 8, sign, 0, 0, 0]), ("length", 5));
    }
    for five in [[0x80, 0x80, 0x80, 0x80, 0x08], [0xff, 0xff, 0xff, 0xff, 0x0f], [0x80, 0x80, 0x80, 0x80, 0x10]] {
        assert_eq!(fault(Layout::Compact, &[&[0x18][..], &five].concat()), ("length", 1));
        assert_eq!(fault(Layout::Compact, &[&[0x19, 0xf5][..], &five].concat()), ("length", 2));
        assert_eq!(fault(Layout::Compact, &[&[0x0b, 2][..], &five].concat()), ("length", 2));
    }
}

#[test]
fn numbers_that_are_too_long() {
    for (kind, most) in [(4, 3), (5, 5), (6, 10)] {
        for list in [false, true] {
            let mut bytes = if list { vec![0x19, 0x20 | kind, 1] } else { vec![0x10 | kind] };
            let at = bytes.len();
            bytes.extend([0x80; 20]);
            assert_eq!(fault(Layout::Compact, &bytes), ("varint", at + most - 1));
            bytes[at + most - 1] = 1;
            bytes[at + most] = 0;
            assert_eq!(first(Layout::Compact, &bytes), Ok(Skipped::Done(at + most + 1)));
        }
    }
    // An id, a length, a count.
    assert_eq!(fault(Layout::Compact, &[0x01, 0x80, 0x80, 0x80, 0]), ("varint", 3));
    assert_eq!(fault(Layout::Compact, &[0x18, 0x80, 0x80, 0x80, 0x80, 0x80, 0]), ("varint", 5));
    assert_eq!(fault(Layout::Compact, &[0x1b, 0x80, 0x80, 0x80, 0x80, 0x80, 0]), ("varint", 5));
}

#[test]
fn types_that_are_none() {
    for kind in (0..=0xff).filter(|kind| !matches!(kind, 0 | 2 | 3 | 4 | 6 | 8 | 10..=16)) {
        assert_eq!(fault(Layout::Binary, &[2, 0, 1, 1, kind]), ("type", 4));
        assert_eq!(fault(Layout::Binary, &[15, 0, 1, kind, 0, 0, 0, 1]), ("type", 3));
        assert_eq!(fault(Layout::Binary, &[13, 0, 1, kind, 8, 0, 0, 0, 1]), ("type", 3));
        assert_eq!(fault(Layout::Binary, &[13, 0, 1, 8, kind, 0, 0, 0, 1]), ("type", 4));
    }
    for kind in [0, 14, 15] {
        assert_eq!(fault(Layout::Compact, &[0x11, 0x10 | kind]), ("type", 1));
        assert_eq!(fault(Layout::Compact, &[0x19, 0x10 | kind]), ("type", 1));
        assert_eq!(fault(Layout::Compact, &[0x1b, 1, 0x50 | kind]), ("type", 2));
        assert_eq!(fault(Layout::Compact, &[0x1b, 1, kind << 4 | 5]), ("type", 2));
    }
    for kind in [14, 15] {
        assert_eq!(fault(Layout::Compact, &[kind, 2]), ("type", 0));
    }
}

#[test]
fn the_types_of_nothing_are_not_looked_at() {
    for kind in [0, 1, 5, 17, 0xff] {
        assert_eq!(first(Layout::Binary, &[15, 0, 1, kind, 0, 0, 0, 0, 0]), Ok(Skipped::Done(9)));
        assert_eq!(first(Layout::Binary, &[13, 0, 1, kind, kind, 0, 0, 0, 0, 0]), Ok(Skipped::Done(10)));
        assert_eq!(first(Layout::Compact, &[0x19, kind & 0x0f, 0]), Ok(Skipped::Done(3)));
    }
    assert_eq!(first(Layout::Compact, &[0x1b, 0, 0]), Ok(Skipped::Done(3)));
}
