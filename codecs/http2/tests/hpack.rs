//! Blocks against RFC 7541's examples, a naive decoder, limits, and each other.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used)]

use std::collections::VecDeque;

use meshwire::{Limit, Limits};
use meshwire_http2::hpack::{
    Decoder, Encoder, Field, FieldList, Fields, HpackError, Indexing, Known, ListLimits, huffman,
};
use proptest::prelude::*;

/// Name, value, never indexed.
type Kept = (Vec<u8>, Vec<u8>, bool);

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter_map(|b| (b as char).to_digit(16)).map(|d| d as u8).collect();
    digits.chunks(2).map(|d| d[0] << 4 | d[1]).collect()
}

fn kept(name: &str, value: &str) -> Kept {
    (name.into(), value.into(), false)
}

fn unlimited() -> ListLimits {
    let most = usize::MAX;
    ListLimits { list: most, field: most, fields: most, cookie_crumbs: most, cookie_bytes: most }
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<Kept>, HpackError> {
    let mut list = FieldList::new(unlimited());
    decoder.decode_into(block, &mut list)?;
    let bytes = list.take();
    Ok(Fields::new(&bytes)
        .map(|field| {
            assert_eq!(field, Field::new(field.name, field.value).never_indexed(field.never_indexed));
            (field.name.to_vec(), field.value.to_vec(), field.never_indexed)
        })
        .collect())
}

mod rfc {
    //! RFC 7541, appendix C.
    use super::*;

    const DATE_21: &str = "Mon, 21 Oct 2013 20:13:21 GMT";
    const DATE_22: &str = "Mon, 21 Oct 2013 20:13:22 GMT";
    const COOKIE: &str = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";

    #[test]
    fn c2_single_fields() {
        for (block, field) in [
            ("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", kept("custom-key", "custom-header")),
            ("040c 2f73 616d 706c 652f 7061 7468", kept(":path", "/sample/path")),
            ("1008 7061 7373 776f 7264 0673 6563 7265 74", ("password".into(), "secret".into(), true)),
            ("82", kept(":method", "GET")),
        ] {
            assert_eq!(decode(&mut Decoder::new(4096), &hex(block)), Ok(vec![field]));
        }
    }

    fn requests() -> [Vec<Kept>; 3] {
        let all = |scheme, path| {
            vec![
                kept(":method", "GET"),
                kept(":scheme", scheme),
                kept(":path", path),
                kept(":authority", "www.example.com"),
            ]
        };
        let mut all = [all("http", "/"), all("http", "/"), all("https", "/index.html")];
        all[1].push(kept("cache-control", "no-cache"));
        all[2].push(kept("custom-key", "custom-value"));
        all
    }

    fn responses() -> [Vec<Kept>; 3] {
        let all = |status, date| {
            vec![
                kept(":status", status),
                kept("cache-control", "private"),
                kept("date", date),
                kept("location", "https://www.example.com"),
            ]
        };
        let mut last = all("200", DATE_22);
        last.extend([kept("content-encoding", "gzip"), kept("set-cookie", COOKIE)]);
        [all("302", DATE_21), all("307", DATE_21), last]
    }

    fn series(max: usize, blocks: [&str; 3], lists: [Vec<Kept>; 3]) {
        let (mut decoder, mut naive) = (Decoder::new(max), Naive::new(max));
        for (block, list) in blocks.into_iter().zip(lists) {
            assert_eq!(naive.decode(&hex(block)).as_ref(), Ok(&list), "{block}");
            assert_eq!(decode(&mut decoder, &hex(block)), Ok(list), "{block}");
        }
    }

    #[test]
    fn c3_requests() {
        let blocks = [
            "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
            "8286 84be 5808 6e6f 2d63 6163 6865",
            "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
        ];
        series(4096, blocks, requests());
    }

    const C4: [&str; 3] = [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ];

    #[test]
    fn c4_requests_with_huffman() {
        series(4096, C4, requests());
    }

    #[test]
    fn c4_is_what_we_encode() {
        let mut encoder = Encoder::new();
        for (block, list) in C4.into_iter().zip(requests()) {
            let mut out = Vec::new();
            encoder.begin(&mut out);
            for (name, value, _) in &list {
                encoder.encode(&Field::new(name, value), Indexing::Auto, &mut out);
            }
            assert_eq!(out, hex(block));
        }
    }

    #[test]
    fn c5_responses() {
        let blocks = [
            "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133
             2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
            "4803 3330 37c1 c0bf",
            "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d
             54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049
             5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
        ];
        series(256, blocks, responses());
    }

    #[test]
    fn c6_responses_with_huffman() {
        let blocks = [
            "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6
             2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
            "4883 640e ffc1 c0bf",
            "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab
             77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f
             9587 3160 65c0 03ed 4ee5 b106 3d50 07",
        ];
        series(256, blocks, responses());
    }
}

/// A decoder as one would write it first: a list of pairs, and errors in the order in which bytes come.
struct Naive {
    table: VecDeque<(Vec<u8>, Vec<u8>)>,
    max: usize,
    announced: usize,
    owed: Option<usize>,
}

impl Naive {
    fn new(max: usize) -> Self {
        Self { table: VecDeque::new(), max, announced: max, owed: None }
    }

    fn announce(&mut self, n: usize) {
        self.announced = n;
        let lowest = self.owed.map_or(n, |owed| owed.min(n));
        if lowest < self.max {
            self.owed = Some(lowest);
        }
    }

    fn evict(&mut self, max: usize) {
        while self.table.iter().map(|(n, v)| n.len() + v.len() + 32).sum::<usize>() > max {
            self.table.pop_back();
        }
    }

    fn integer(block: &[u8], at: &mut usize, bits: u32) -> Result<usize, HpackError> {
        let mask = (1_u128 << bits) - 1;
        let first = u128::from(*block.get(*at).ok_or(HpackError::Truncated)?) & mask;
        *at += 1;
        if first < mask {
            return Ok(first as usize);
        }
        let (mut sum, mut scale) = (mask, 1);
        for _ in 0..5 {
            let byte = *block.get(*at).ok_or(HpackError::Truncated)?;
            *at += 1;
            sum += u128::from(byte & 127) * scale;
            scale *= 128;
            if byte < 128 {
                return if sum < 1 << 32 { Ok(sum as usize) } else { Err(HpackError::Integer) };
            }
        }
        Err(HpackError::Integer)
    }

    /// The Huffman code has an oracle of its own, in its module.
    fn string(block: &[u8], at: &mut usize) -> Result<Vec<u8>, HpackError> {
        let coded = block.get(*at).ok_or(HpackError::Truncated)? & 128 != 0;
        let len = Self::integer(block, at, 7)?;
        let bytes = block.get(*at..*at + len).ok_or(HpackError::Truncated)?;
        *at += len;
        if !coded {
            return Ok(bytes.to_vec());
        }
        let mut plain = Vec::new();
        huffman::decode(bytes, &mut plain, usize::MAX).map_err(|_| HpackError::Huffman)?;
        Ok(plain)
    }

    fn entry(&self, index: usize) -> Result<(Vec<u8>, Vec<u8>), HpackError> {
        match index {
            0 => Err(HpackError::Index),
            1..=61 => {
                let (name, value) = STATIC[index - 1];
                Ok((name.into(), value.into()))
            }
            _ => self.table.get(index - 62).cloned().ok_or(HpackError::Index),
        }
    }

    fn decode(&mut self, block: &[u8]) -> Result<Vec<Kept>, HpackError> {
        let (mut at, mut out, mut updates) = (0, Vec::new(), 0);
        while let Some(&first) = block.get(at) {
            if first & 0xe0 == 0x20 {
                if !out.is_empty() {
                    return Err(HpackError::UpdatePlace);
                }
                let n = Self::integer(block, &mut at, 5)?;
                updates += 1;
                if n > self.announced {
                    return Err(HpackError::UpdateTooLarge);
                }
                if self.owed.take().is_some_and(|owed| n > owed) {
                    return Err(HpackError::UpdateMissing);
                }
                if updates > 2 {
                    return Err(HpackError::UpdateCount);
                }
                self.max = n;
                self.evict(n);
                continue;
            }
            if self.owed.is_some() {
                return Err(HpackError::UpdateMissing);
            }
            if first & 0x80 != 0 {
                let (name, value) = self.entry(Self::integer(block, &mut at, 7)?)?;
                out.push((name, value, false));
                continue;
            }
            let bits = if first & 0x40 != 0 { 6 } else { 4 };
            let index = Self::integer(block, &mut at, bits)?;
            let name = if index == 0 { Self::string(block, &mut at)? } else { self.entry(index)?.0 };
            let value = Self::string(block, &mut at)?;
            if bits == 6 {
                let size = name.len() + value.len() + 32;
                self.evict(self.max.saturating_sub(size));
                if size <= self.max {
                    self.table.push_front((name.clone(), value.clone()));
                }
            }
            out.push((name, value, bits == 4 && first & 0x10 != 0));
        }
        if self.owed.is_some() { Err(HpackError::UpdateMissing) } else { Ok(out) }
    }
}

/// RFC 7541, appendix A.
#[rustfmt::skip]
const STATIC: [(&str, &str); 61] = [
    (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"),
    (":scheme", "http"), (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"),
    (":status", "304"), (":status", "400"), (":status", "404"), (":status", "500"), ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""), ("accept", ""),
    ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""), ("cache-control", ""),
    ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
    ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""), ("etag", ""),
    ("expect", ""), ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""), ("if-modified-since", ""),
    ("if-none-match", ""), ("if-range", ""), ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""),
    ("location", ""), ("max-forwards", ""), ("proxy-authenticate", ""), ("proxy-authorization", ""), ("range", ""),
    ("referer", ""), ("refresh", ""), ("retry-after", ""), ("server", ""), ("set-cookie", ""),
    ("strict-transport-security", ""), ("transfer-encoding", ""), ("user-agent", ""), ("vary", ""), ("via", ""),
    ("www-authenticate", ""),
];

fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (1_u8..=75).prop_map(|n| Known::from_number(n).name().into()),
        3 => prop::sample::select(vec!["x-a", "x-b", "x-tenant", "x-request-id", "X-UPPER", ""]).prop_map(Into::into),
        1 => proptest::collection::vec(any::<u8>(), 0..80),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let common = vec!["GET", "/", "https", "200", "", "gzip, deflate", "a", "application/grpc", " x"];
    prop_oneof![
        4 => prop::sample::select(common).prop_map(Into::into),
        3 => "[ -~]{0,40}".prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..200),
        1 => (0_usize..5000).prop_map(|n| vec![b'v'; n]),
    ]
}

fn indexing() -> impl Strategy<Value = Indexing> {
    prop_oneof![6 => Just(Indexing::Auto), 1 => Just(Indexing::Without), 1 => Just(Indexing::Never)]
}

#[derive(Clone, Debug)]
struct Given {
    name: Vec<u8>,
    value: Vec<u8>,
    never: bool,
    indexing: Indexing,
}

impl Given {
    fn field(&self) -> Field<'_> {
        Field::new(&self.name, &self.value).never_indexed(self.never)
    }

    fn came_as(&self, (name, value, never): &Kept) -> bool {
        (&self.name, &self.value) == (name, value) && (*never || !(self.never || self.indexing == Indexing::Never))
    }
}

#[derive(Clone, Debug)]
enum Act {
    Block(Vec<Given>),
    /// The receiver's table is to be of another size.
    Resize(usize),
    Trim,
}

fn given() -> impl Strategy<Value = Vec<Given>> {
    let field = (name(), value(), prop::bool::weighted(0.1), indexing())
        .prop_map(|(name, value, never, indexing)| Given { name, value, never, indexing });
    proptest::collection::vec(field, 0..12)
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => given().prop_map(Act::Block),
        1 => prop_oneof![Just(0), Just(32), Just(4096), 0_usize..9000].prop_map(Act::Resize),
        1 => Just(Act::Trim),
    ];
    proptest::collection::vec(act, 1..30)
}

fn encode(encoder: &mut Encoder, fields: &[Given]) -> Vec<u8> {
    let mut block = Vec::new();
    encoder.begin(&mut block);
    fields.iter().for_each(|given| encoder.encode(&given.field(), given.indexing, &mut block));
    block
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_goes_in_comes_out(acts in acts(), cap in prop_oneof![Just(4096), 0_usize..10000]) {
        let mut encoder = Encoder::with_table_size(cap);
        let (mut decoder, mut naive) = (Decoder::new(4096), Naive::new(4096));
        for act in acts {
            match act {
                Act::Resize(n) => {
                    decoder.set_max_table_size(n);
                    naive.announce(n);
                    encoder.set_peer_table_size(n);
                }
                Act::Trim => {
                    encoder.trim();
                    decoder.trim();
                }
                Act::Block(fields) => {
                    let block = encode(&mut encoder, &fields);
                    let out = decode(&mut decoder, &block).unwrap();
                    prop_assert_eq!(out.len(), fields.len());
                    for (given, kept) in fields.iter().zip(&out) {
                        prop_assert!(given.came_as(kept), "{:?} {:?}", given, kept);
                    }
                    prop_assert_eq!(naive.decode(&block), Ok(out));
                }
            }
        }
    }

    #[test]
    fn changed_blocks_as_the_naive_decoder_says(
        lists in proptest::collection::vec(given(), 1..20),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let (mut encoder, mut decoder, mut naive) = (Encoder::new(), Decoder::new(4096), Naive::new(4096));
        for fields in lists {
            let mut block = encode(&mut encoder, &fields);
            for (at, by) in changes.iter().filter(|_| fields.len() > 3) {
                let at = at.index(block.len());
                block[at] ^= by;
            }
            let out = decode(&mut decoder, &block);
            prop_assert_eq!(&naive.decode(&block), &out);
            if out.is_err() {
                break;
            }
        }
    }

    #[test]
    fn random_blocks_as_the_naive_decoder_says(
        blocks in proptest::collection::vec(
            proptest::collection::vec(
                prop_oneof![2 => any::<u8>(), 2 => 0x3e_u8..0x48, 2 => 0xbe_u8..0xc8, 6 => 0_u8..4], 0..60),
            1..10,
        ),
        max in 0_usize..400,
    ) {
        let (mut decoder, mut naive) = (Decoder::new(max), Naive::new(max));
        for block in blocks {
            let out = decode(&mut decoder, &block);
            prop_assert_eq!(&naive.decode(&block), &out);
            if out.is_err() {
                break;
            }
        }
    }

    #[test]
    fn a_block_cut_short_is_never_a_wrong_field(fields in given()) {
        let (mut encoder, mut block, mut ends) = (Encoder::new(), Vec::new(), vec![0]);
        for given in &fields {
            encoder.encode(&given.field(), given.indexing, &mut block);
            ends.push(block.len());
        }
        for end in 0..block.len().min(600) {
            let out = decode(&mut Decoder::new(4096), &block[..end]);
            match ends.iter().position(|&e| e == end) {
                Some(n) => prop_assert_eq!(out.unwrap().len(), n),
                None => prop_assert_eq!(out, Err(HpackError::Truncated)),
            }
        }
    }

    #[test]
    fn literals_need_no_table(fields in given()) {
        let mut block = Vec::new();
        fields.iter().for_each(|given| Encoder::literal(&given.field(), &mut block));
        let out = decode(&mut Decoder::new(0), &block).unwrap();
        for (given, kept) in fields.iter().zip(&out) {
            let given = Given { indexing: Indexing::Auto, ..given.clone() };
            prop_assert!(given.came_as(kept), "{:?} {:?}", given, kept);
        }
    }

    #[test]
    fn the_sink_sees_what_the_list_keeps(lists in proptest::collection::vec(given(), 1..10)) {
        let (mut encoder, mut one, mut other) = (Encoder::new(), Decoder::new(4096), Decoder::new(4096));
        for fields in lists {
            let block = encode(&mut encoder, &fields);
            let mut seen = Vec::new();
            one.decode(&block, |f| seen.push((f.name.to_vec(), f.value.to_vec(), f.never_indexed))).unwrap();
            prop_assert_eq!(Ok(seen), decode(&mut other, &block));
        }
    }
}

mod limits {
    use super::*;

    fn over(limits: ListLimits, fields: &[(&str, &str)]) -> Option<Limit> {
        let (mut encoder, mut block) = (Encoder::new(), Vec::new());
        let (mut list, mut pushed) = (FieldList::new(limits), FieldList::new(limits));
        for (name, value) in fields {
            let field = Field::new(name.as_bytes(), value.as_bytes());
            encoder.encode(&field, Indexing::Never, &mut block);
            pushed.push(&field.never_indexed(true));
        }
        Decoder::new(4096).decode_into(&block, &mut list).unwrap();
        let over = list.over();
        assert_eq!(over, pushed.over());
        assert_eq!(list.take(), pushed.take());
        pushed.push(&Field::new(b"a", b"b"));
        assert_eq!((pushed.over(), pushed.size()), (None, 34), "a list that was taken begins anew");
        over
    }

    fn at_and_past(name: fn(&mut ListLimits) -> &mut usize, exact: usize, limit: Limit, fields: &[(&str, &str)]) {
        let mut limits = unlimited();
        *name(&mut limits) = exact;
        assert_eq!(over(limits, fields), None);
        *name(&mut limits) = exact - 1;
        assert_eq!(over(limits, fields), Some(limit));
    }

    #[test]
    fn each_exactly_and_one_past() {
        let fields =
            [(":method", "GET"), ("x-a", "some value"), ("cookie", "a=1"), ("x-a", "some value"), ("cookie", "b=22")];
        let bytes: usize = fields.iter().map(|(n, v)| n.len() + v.len()).sum();
        at_and_past(|l| &mut l.list, bytes + 32 * 5, Limit::Head, &fields);
        at_and_past(|l| &mut l.field, 13, Limit::Field, &fields);
        at_and_past(|l| &mut l.fields, 3, Limit::Fields, &fields);
        at_and_past(|l| &mut l.cookie_crumbs, 2, Limit::CookieCrumbs, &fields);
        at_and_past(|l| &mut l.cookie_bytes, 9 + 10, Limit::CookieBytes, &fields);
        let long = "v".repeat(100);
        at_and_past(|l| &mut l.field, 103, Limit::Field, &[("x-a", &long)]);
        at_and_past(|l| &mut l.field, 100, Limit::Field, &[(&long, "")]);
        let bytes = "\u{80}".repeat(50);
        at_and_past(|l| &mut l.field, 103, Limit::Field, &[("x-a", &bytes)]);
    }

    #[test]
    fn tables_stay_in_step_past_a_limit() {
        let limits = ListLimits { list: 100, ..unlimited() };
        let (mut encoder, mut decoder, mut list) = (Encoder::new(), Decoder::new(4096), FieldList::new(limits));
        let mut block = Vec::new();
        for n in 0..5 {
            encoder.encode(&Field::new(b"x-some-name", format!("value {n}").as_bytes()), Indexing::Auto, &mut block);
        }
        decoder.decode_into(&block, &mut list).unwrap();
        assert_eq!(list.over(), Some(Limit::Head));
        assert_eq!(Fields::new(&list.take()).count(), 2);
        for n in 0..5 {
            block.clear();
            let value = format!("value {n}");
            encoder.encode(&Field::new(b"x-some-name", value.as_bytes()), Indexing::Auto, &mut block);
            assert_eq!(block.len(), 1);
            assert_eq!(decode(&mut decoder, &block), Ok(vec![kept("x-some-name", &value)]));
        }
    }

    #[test]
    fn a_field_too_large_for_the_table_empties_it() {
        for huffman in [false, true] {
            for limit in [100, 5000, 20_000] {
                let limits = ListLimits { field: limit, ..unlimited() };
                let (mut decoder, mut list) = (Decoder::new(4096), FieldList::new(limits));
                decoder.decode_into(&hex("4001 6101 62"), &mut list).unwrap();
                assert_eq!(decode(&mut decoder, &[0xbe]), Ok(vec![kept("a", "b")]));
                let mut value = vec![b'0'; 10_000];
                if huffman {
                    value.clear();
                    huffman::encode(&[b'0'; 10_000], &mut value);
                }
                let rest = value.len() - 127;
                let len = [0x7f | u8::from(huffman) << 7, rest as u8 | 0x80, (rest >> 7) as u8];
                let block = [&[0x40, 0x01, b'c'], &len[..], &value].concat();
                decoder.decode_into(&block, &mut list).unwrap();
                assert_eq!(list.over().is_some(), limit < 10_001);
                assert_eq!(decode(&mut decoder, &[0xbe]), Err(HpackError::Index));
            }
        }
    }

    #[test]
    fn a_bomb_is_cut_off() {
        let limits = ListLimits::of(&Limits::default());
        let (mut decoder, mut list) = (Decoder::new(4096), FieldList::new(limits));
        let mut block = vec![0x40, 0x01, b'a', 0x7f, 0x80, 0x1e];
        block.extend([b'b'; 127 + 0x1e * 128]);
        block.extend([0xbe; 10]);
        decoder.decode_into(&block, &mut list).unwrap();
        assert_eq!(list.over(), None);
        let one = list.size() / 11;
        list.clear();
        // Sixteen references are kept, those up to four times as many counted.
        assert_eq!(decoder.decode_into(&[0xbe; 60], &mut list), Ok(()));
        assert_eq!(list.over(), Some(Limit::Head));
        assert_eq!(decoder.decode_into(&[0xbe; 10_000], &mut list), Err(HpackError::ListTooLarge));
        assert_eq!(list.size(), (4 * limits.list / one + 1) * one);
        assert!(list.take().len() <= limits.list);
    }

    #[test]
    fn what_is_passed_over_is_bounded_too() {
        let limits = ListLimits { list: 1000, ..unlimited() };
        let (mut decoder, mut list) = (Decoder::new(4096), FieldList::new(limits));
        let literal = [&[0x00, 0x01, b'a', 100][..], &[b'v'; 100]].concat();
        assert_eq!(decoder.decode_into(&literal.repeat(7), &mut list), Ok(()));
        assert_eq!((list.over(), list.size()), (None, 931));
        assert_eq!(decoder.decode_into(&literal.repeat(23), &mut list), Ok(()));
        assert_eq!((list.over(), list.size()), (Some(Limit::Head), 3990));
        assert_eq!(decoder.decode_into(&literal, &mut list), Err(HpackError::ListTooLarge));
        assert_eq!(decoder.decode_into(&[0x00, 0x01, b'a', 2, b'v'], &mut list), Err(HpackError::Truncated));
        assert_eq!(decoder.decode_into(&[0x0f, 0x7f, 0x00], &mut list), Err(HpackError::Index));
        assert_eq!(list.fields().count(), 7);
    }
}

mod table_size {
    use super::*;

    #[test]
    fn updates_belong_in_front() {
        let mut decoder = Decoder::new(4096);
        assert_eq!(decode(&mut decoder, &hex("20 3f e11f 82")).map(|f| f.len()), Ok(1));
        assert_eq!(decode(&mut decoder, &hex("20 20 20")), Err(HpackError::UpdateCount));
        assert_eq!(decode(&mut Decoder::new(4096), &hex("82 20")), Err(HpackError::UpdatePlace));
        assert_eq!(decode(&mut Decoder::new(4096), &hex("3f e2 1f")), Err(HpackError::UpdateTooLarge));
        assert_eq!(decode(&mut Decoder::new(4095), &hex("3f e1 1f")), Err(HpackError::UpdateTooLarge));
    }

    #[test]
    fn a_reduced_maximum_must_be_followed() {
        let reduced = || {
            let mut decoder = Decoder::new(4096);
            decoder.set_max_table_size(100);
            decoder.set_max_table_size(1000);
            decoder
        };
        assert_eq!(decode(&mut reduced(), &hex("82")), Err(HpackError::UpdateMissing));
        assert_eq!(decode(&mut reduced(), &[]), Err(HpackError::UpdateMissing));
        assert_eq!(decode(&mut reduced(), &hex("3fc9 07")), Err(HpackError::UpdateMissing), "1000 comes second");
        assert_eq!(decode(&mut reduced(), &hex("3f45 3fc9 07")), Ok(vec![]));
        assert_eq!(decode(&mut reduced(), &hex("20 82")).map(|f| f.len()), Ok(1), "less is well");
        let mut decoder = reduced();
        assert_eq!(decode(&mut decoder, &hex("3f45")), Ok(vec![]));
        assert_eq!(decode(&mut decoder, &hex("82")).map(|f| f.len()), Ok(1), "once is enough");
        decoder.set_max_table_size(100);
        assert_eq!(decode(&mut decoder, &hex("82")).map(|f| f.len()), Ok(1), "it uses no more than that");
    }

    #[test]
    fn a_reduced_table_evicts() {
        let mut decoder = Decoder::new(4096);
        assert_eq!(decode(&mut decoder, &hex("4001 6101 62 4001 6301 64 bf be")).map(|f| f.len()), Ok(4));
        assert_eq!(decode(&mut decoder, &hex("3f03 be")), Ok(vec![kept("c", "d")]));
        assert_eq!(decode(&mut decoder, &hex("bf")), Err(HpackError::Index));
    }

    #[test]
    fn the_encoder_tells_the_smallest_first() {
        let mut encoder = Encoder::new();
        let mut told = |sizes: &[usize]| {
            sizes.iter().for_each(|&n| encoder.set_peer_table_size(n));
            let mut out = Vec::new();
            encoder.begin(&mut out);
            out
        };
        assert_eq!(told(&[]), hex(""));
        assert_eq!(told(&[4096, 65536]), hex(""), "ours is no larger than 4096");
        assert_eq!(told(&[100, 0, 1000]), hex("20 3fc9 07"));
        assert_eq!(told(&[1000]), hex(""));
        assert_eq!(told(&[30]), hex("3e"));
        assert_eq!(told(&[1 << 40]), hex("3fe1 1f"));
        let mut out = Vec::new();
        Encoder::with_table_size(0).begin(&mut out);
        assert_eq!(out, hex("20"));
    }
}

mod policy {
    use super::*;

    fn first_byte_of_second(name: &str, value: &str) -> u8 {
        let (mut encoder, mut out) = (Encoder::new(), Vec::new());
        let field = Field::new(name.as_bytes(), value.as_bytes());
        encoder.encode(&field, Indexing::Auto, &mut out);
        out.clear();
        encoder.encode(&field, Indexing::Auto, &mut out);
        out[0]
    }

    #[test]
    fn what_repeats_is_indexed() {
        for (name, value) in [
            (":path", "/helloworld.v1.Greeter/SayHello"),
            (":authority", "example.com"),
            ("user-agent", "grpc-go/1.60"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("cookie", "session=0123456789abcdef"),
            ("x-tenant", "blue"),
            ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
        ] {
            assert_eq!(first_byte_of_second(name, value), 0xbe, "{name}");
        }
    }

    #[test]
    fn what_does_not_is_not() {
        for (name, value) in [
            (":path", "/orders/123456"),
            (":path", "/search?q=a"),
            ("content-length", "17"),
            ("etag", "\"a\""),
            ("set-cookie", "a=b"),
            ("grpc-timeout", "1S"),
            ("x-request-id", "1"),
            ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            ("x-large", &"v".repeat(3100)),
        ] {
            assert_eq!(first_byte_of_second(name, value) & 0xf0, 0x00, "{name}");
        }
    }

    #[test]
    fn what_could_be_guessed_never_is() {
        for (name, value) in [("authorization", "Bearer a"), ("proxy-authorization", "a"), ("cookie", "a=1")] {
            assert_eq!(first_byte_of_second(name, value) & 0xf0, 0x10, "{name}");
            let mut out = Vec::new();
            Encoder::literal(&Field::new(name.as_bytes(), value.as_bytes()), &mut out);
            assert_eq!(out[0] & 0xf0, 0x10, "{name}");
        }
        let (mut encoder, mut out) = (Encoder::new(), Vec::new());
        let field = Field::new(b":method", b"GET").never_indexed(true);
        encoder.encode(&field, Indexing::Without, &mut out);
        assert_eq!(decode(&mut Decoder::new(0), &out), Ok(vec![(":method".into(), "GET".into(), true)]));
    }

    #[test]
    fn without_uses_the_table_and_leaves_it() {
        let (mut encoder, mut out) = (Encoder::new(), Vec::new());
        let mut encode = |value: &str, indexing| {
            out.clear();
            encoder.encode(&Field::new(b"x-a", value.as_bytes()), indexing, &mut out);
            out.clone()
        };
        assert_eq!(encode("1", Indexing::Without)[0], 0x00);
        assert_eq!(encode("1", Indexing::Auto)[0], 0x40);
        assert_eq!(encode("1", Indexing::Without), [0xbe]);
        assert_eq!(encode("2", Indexing::Without), [0x0f, 0x2f, 0x01, b'2']);
        assert_eq!(encode("1", Indexing::Without), [0xbe]);
    }
}
