//! The search for a route by the service of a request, against a plain map from the same names.

use std::collections::HashMap;
use std::hint::black_box;

use meshwire::route::Target as To;
use meshwire::route::document::{Document, Route, VirtualHost};
use meshwire::{Attr, Head, RouteTable, RoutingKey};
use meshwire_dubbo::Call;

use crate::case::{Case, Side, Target};

const BATCH: usize = 64;

pub(super) fn cases() -> Vec<Case> {
    let lookup = |n: usize| {
        let name = format!("route/{n}-services");
        Case::new(name, "std HashMap", BATCH as u32, move || Lookup::new(n), move || Map::new(n))
            .own_prepare()
            .target(Target::Time(1.5))
            .target(Target::Allocations(0.0))
    };
    let growth = || {
        Case::new("route/growth", "10 services", BATCH as u32, || Lookup::new(100_000), || Lookup::new(10))
            .own_prepare()
            .target(Target::Instructions(1.1))
    };
    vec![lookup(10), lookup(10_000), lookup(100_000), growth()]
}

fn name(n: usize) -> String {
    format!("com.example.team{}.Service{n}", n % 97)
}

/// Requests for random services: the same ones for everyone.
struct Requests {
    services: usize,
    random: u64,
    heads: Vec<Head>,
}

impl Requests {
    fn new(services: usize) -> Self {
        Self { services, random: 0x9e37_79b9_7f4a_7c15, heads: Vec::with_capacity(BATCH) }
    }

    /// New ones, in fresh memory: what was just received is in the cache, what it names need not be.
    fn renew(&mut self) {
        self.heads.clear();
        for _ in 0..BATCH {
            // Xorshift.
            self.random ^= self.random << 13;
            self.random ^= self.random >> 7;
            self.random ^= self.random << 17;
            let n = (self.random >> 11) as usize % self.services;
            self.heads.push(Call::new(&name(n), "call").head(0));
        }
    }
}

struct Lookup {
    table: RouteTable,
    requests: Requests,
}

impl Lookup {
    fn new(services: usize) -> Self {
        let hosts = (0..services).map(|n| VirtualHost::new([name(n)], [Route::to(format!("cluster-{n}"))]));
        let table = RouteTable::new(Document::new(hosts)).expect("a table");
        Self { table, requests: Requests::new(services) }
    }
}

impl Side for Lookup {
    fn prepare(&mut self) {
        self.requests.renew();
    }

    fn run(&mut self) {
        for head in &self.requests.heads {
            let To::Cluster(cluster) = self.table.lookup(head, 0).expect("a route").target() else { continue };
            black_box(cluster);
        }
    }
}

struct Map {
    map: HashMap<Box<[u8]>, String>,
    requests: Requests,
}

impl Map {
    fn new(services: usize) -> Self {
        let map = (0..services).map(|n| (name(n).into_bytes().into(), format!("cluster-{n}"))).collect();
        Self { map, requests: Requests::new(services) }
    }
}

impl Side for Map {
    fn prepare(&mut self) {
        self.requests.renew();
    }

    fn run(&mut self) {
        for head in &self.requests.heads {
            let Attr::Value(host) = head.host() else { continue };
            black_box(self.map.get(host).expect("a cluster").as_str());
        }
    }
}
