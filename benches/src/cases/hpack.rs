//! HPACK blocks of one connection after the other, tables in use, against nghttp2's inflater and httlib-hpack. The
//! blocks are nghttp2's own; a size update to nothing and back begins each round, so that it can begin again.

use std::hint::black_box;

use meshwire::Limits;
use meshwire_http2::hpack::{Decoder, FieldList, ListLimits};

use crate::case::{Case, Side, Target};
use crate::lists::{self, List};
use crate::nghttp2::{self, Inflater};

type Lists = fn() -> Vec<List>;

pub(super) fn cases() -> Vec<Case> {
    let sets: [(&str, Lists); 3] = [("browser", lists::browser), ("grpc", lists::grpc), ("answers", lists::answers)];
    sets.into_iter().flat_map(|(name, lists)| of(name, lists)).collect()
}

fn of(name: &str, lists: Lists) -> [Case; 4] {
    let batch = lists().len() as u32;
    let list = move || Listed::new(blocks(lists));
    let callback = move || Callback::new(blocks(lists));
    let nghttp2 = move || Nghttp2 { inflater: Inflater::new(), blocks: blocks(lists) };
    let httlib = move || Httlib::new(blocks(lists));
    [
        bound(Case::new(format!("hpack/decode/{name}"), "nghttp2", batch, list, nghttp2), 1.0),
        bound(Case::new(format!("hpack/callback/{name}"), "nghttp2", batch, callback, nghttp2), 1.0),
        bound(Case::new(format!("hpack/decode/{name}-httlib"), "httlib-hpack", batch, list, httlib), 1.0 / 3.0),
        bound(Case::new(format!("hpack/callback/{name}-httlib"), "httlib-hpack", batch, callback, httlib), 1.0 / 3.0),
    ]
}

fn bound(case: Case, ratio: f64) -> Case {
    case.collecting(4)
        .needing(nghttp2::available)
        .target(Target::Time(ratio))
        .target(Target::Instructions(ratio))
        .target(Target::Allocations(0.1))
}

/// The blocks of one connection, the first of which empties the table.
fn blocks(lists: Lists) -> Vec<Vec<u8>> {
    let mut blocks = nghttp2::deflate(&lists());
    // RFC 7541, section 6.3: to 0, and to 4096.
    blocks[0].splice(0..0, [0x20, 0x3f, 0xe1, 0x1f]);
    blocks
}

/// Into one buffer, whose fields are read.
struct Listed {
    decoder: Decoder,
    list: FieldList,
    blocks: Vec<Vec<u8>>,
}

impl Listed {
    fn new(blocks: Vec<Vec<u8>>) -> Self {
        Self { decoder: Decoder::new(4096), list: FieldList::new(ListLimits::of(&Limits::default())), blocks }
    }
}

impl Side for Listed {
    fn run(&mut self) {
        for block in &self.blocks {
            self.decoder.decode_into(block, &mut self.list).expect("decoded");
            assert!(self.list.over().is_none());
            for field in self.list.fields() {
                black_box((field.name, field.value));
            }
            self.list.clear();
        }
    }
}

/// A field at a time.
struct Callback {
    decoder: Decoder,
    blocks: Vec<Vec<u8>>,
}

impl Callback {
    fn new(blocks: Vec<Vec<u8>>) -> Self {
        Self { decoder: Decoder::new(4096), blocks }
    }
}

impl Side for Callback {
    fn run(&mut self) {
        for block in &self.blocks {
            let decoded = self.decoder.decode(block, |field| {
                black_box((field.name, field.value));
            });
            decoded.expect("decoded");
        }
    }
}

struct Nghttp2 {
    inflater: Inflater,
    blocks: Vec<Vec<u8>>,
}

impl Side for Nghttp2 {
    fn run(&mut self) {
        for block in &self.blocks {
            self.inflater.decode(block, |name, value| {
                black_box((name, value));
            });
        }
    }
}

/// It eats its blocks: they are copied before.
struct Httlib {
    decoder: httlib_hpack::Decoder<'static>,
    blocks: Vec<Vec<u8>>,
    eaten: Vec<Vec<u8>>,
    fields: Vec<(Vec<u8>, Vec<u8>, u8)>,
}

impl Httlib {
    fn new(blocks: Vec<Vec<u8>>) -> Self {
        Self { decoder: httlib_hpack::Decoder::default(), blocks, eaten: Vec::new(), fields: Vec::new() }
    }
}

impl Side for Httlib {
    fn prepare(&mut self) {
        self.eaten.clone_from(&self.blocks);
    }

    fn run(&mut self) {
        for block in &mut self.eaten {
            self.decoder.decode(block, &mut self.fields).expect("decoded");
            black_box(&self.fields);
            self.fields.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Plain = Vec<(Vec<u8>, Vec<u8>)>;

    /// All of them do the same work, and the right one, each round again.
    #[test]
    fn every_decoder_gives_the_lists_back() {
        for lists in [lists::browser as Lists, lists::grpc, lists::answers] {
            let wanted: Vec<Plain> = lists()
                .iter()
                .map(|list| list.iter().map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec())).collect())
                .collect();
            let (mut listed, mut callback) = (Listed::new(blocks(lists)), Callback::new(blocks(lists)));
            let (mut inflater, mut httlib) = (Inflater::new(), Httlib::new(blocks(lists)));
            for _ in 0..3 {
                httlib.prepare();
                for (i, wanted) in wanted.iter().enumerate() {
                    listed.decoder.decode_into(&listed.blocks[i], &mut listed.list).unwrap();
                    let got: Plain = listed.list.fields().map(|f| (f.name.to_vec(), f.value.to_vec())).collect();
                    listed.list.clear();
                    assert_eq!(got, *wanted);

                    let mut got = Plain::new();
                    callback
                        .decoder
                        .decode(&callback.blocks[i], |f| got.push((f.name.to_vec(), f.value.to_vec())))
                        .unwrap();
                    assert_eq!(got, *wanted);

                    let mut got = Plain::new();
                    inflater.decode(&listed.blocks[i], |n, v| got.push((n.to_vec(), v.to_vec())));
                    assert_eq!(got, *wanted);

                    httlib.decoder.decode(&mut httlib.eaten[i], &mut httlib.fields).unwrap();
                    let got: Plain = httlib.fields.drain(..).map(|(n, v, _)| (n, v)).collect();
                    assert_eq!(got, *wanted);
                }
            }
        }
    }
}
