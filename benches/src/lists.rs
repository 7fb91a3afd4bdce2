//! Field lists as browsers, gRPC clients and services send them, one connection each.

/// A list, pseudo-fields first.
pub type List = Vec<(&'static str, String)>;

/// Sixty requests of a browser that loads a page and what the page needs, from one host.
pub fn browser() -> Vec<List> {
    let assets = [
        ("/assets/site.4b1fd09c.css", "text/css,*/*;q=0.1", "style"),
        ("/assets/vendor.9e02a77d.js", "*/*", "script"),
        ("/assets/catalog.c81d5520.js", "*/*", "script"),
        ("/fonts/inter-var.woff2?v=4", "*/*", "font"),
        ("/img/products/GT-1187_640.avif", IMAGES, "image"),
        ("/img/products/GT-2043_640.avif", IMAGES, "image"),
        ("/img/banner/summer-2x.webp", IMAGES, "image"),
        ("/api/cart?fields=count,total", "application/json", "empty"),
        ("/api/recommend/GT-1187?n=12", "application/json", "empty"),
    ];
    (0..6)
        .flat_map(|page| {
            let referer = format!("https://shop.example.com/catalog/garden/tools?page={page}");
            let mut lists = vec![browser_page(page)];
            lists.extend(assets.map(|(path, accept, dest)| browser_asset(path, accept, dest, &referer)));
            lists
        })
        .collect()
}

const IMAGES: &str = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8";
const AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36";
const PAGES: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";

fn browser_page(page: usize) -> List {
    let mut list = own(&[(":method", "GET"), (":authority", "shop.example.com"), (":scheme", "https")]);
    list.push((":path", format!("/catalog/garden/tools?sort=price&page={page}&view=grid")));
    list.extend(own(&[
        ("cache-control", "max-age=0"),
        ("sec-ch-ua", "\"Not)A;Brand\";v=\"8\", \"Chromium\";v=\"138\""),
        ("sec-ch-ua-mobile", "?0"),
        ("sec-ch-ua-platform", "\"Linux\""),
        ("upgrade-insecure-requests", "1"),
        ("user-agent", AGENT),
        ("accept", PAGES),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-user", "?1"),
        ("sec-fetch-dest", "document"),
    ]));
    list.push(("referer", format!("https://shop.example.com/catalog/garden?from={page}")));
    list.extend(browser_end());
    list
}

fn browser_asset(path: &str, accept: &str, dest: &str, referer: &str) -> List {
    let mut list = own(&[(":method", "GET"), (":authority", "shop.example.com"), (":scheme", "https")]);
    list.push((":path", path.to_owned()));
    list.extend(own(&[
        ("sec-ch-ua-platform", "\"Linux\""),
        ("user-agent", AGENT),
        ("sec-ch-ua", "\"Not)A;Brand\";v=\"8\", \"Chromium\";v=\"138\""),
        ("sec-ch-ua-mobile", "?0"),
    ]));
    list.push(("accept", accept.to_owned()));
    list.extend(own(&[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "no-cors")]));
    list.push(("sec-fetch-dest", dest.to_owned()));
    list.push(("referer", referer.to_owned()));
    list.extend(browser_end());
    list
}

/// Cookies come in crumbs (RFC 9113, section 8.2.3).
fn browser_end() -> List {
    own(&[
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("accept-language", "en-GB,en;q=0.9,de;q=0.8"),
        ("cookie", "session=5f1d8c0be4a94c7290d3b61e7a8f2c45"),
        ("cookie", "theme=dark"),
        ("cookie", "cart=9f2c61d04be84710aa7"),
        ("priority", "u=1, i"),
    ])
}

/// Sixty-four calls of a gRPC client with tracing, metadata and a token.
pub fn grpc() -> Vec<List> {
    let methods = ["Reserve", "Release", "Get", "List"];
    let mut random = Random(7);
    (0..64)
        .map(|n| {
            let mut list = own(&[(":method", "POST"), (":scheme", "http")]);
            list.push((":path", format!("/stock.v1.Stock/{}", methods[n % 4])));
            list.extend(own(&[
                (":authority", "stock.prod.svc.cluster.local:8080"),
                ("content-type", "application/grpc"),
                ("user-agent", "grpc-go/1.73.0"),
                ("te", "trailers"),
                ("grpc-accept-encoding", "gzip"),
            ]));
            list.push(("grpc-timeout", format!("{}u", 1_000_000 - random.next() % 9000)));
            list.push((
                "authorization",
                format!("Bearer eyJhbGciOiJFUzI1NiJ9.{}.{}", random.word(80), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1g"),
            ));
            list.push(("traceparent", format!("00-{}-{}-01", random.hex(32), random.hex(16))));
            list.push(("x-tenant", ["blue", "green", "blue", "red"][n / 5 % 4].to_owned()));
            list.push(("x-request-id", uuid(&mut random)));
            list
        })
        .collect()
}

/// Sixty-four answers of a service with a cache in front of it.
pub fn answers() -> Vec<List> {
    let mut random = Random(11);
    (0..64)
        .map(|n| {
            let mut list = own(&[(":status", if n % 9 == 8 { "304" } else { "200" })]);
            list.push(("date", format!("Mon, 23 Nov 2026 21:27:{:02} GMT", n / 4)));
            list.extend(own(&[
                ("content-type", if n % 3 == 0 { "text/html; charset=utf-8" } else { "application/json" }),
                ("server", "envoy"),
                ("vary", "Accept-Encoding, Origin"),
                (
                    "cache-control",
                    if n % 3 == 0 { "private, no-store" } else { "public, max-age=300, must-revalidate" },
                ),
                ("strict-transport-security", "max-age=31536000; includeSubDomains"),
                ("x-content-type-options", "nosniff"),
            ]));
            list.push(("content-length", (random.next() % 90_000).to_string()));
            list.push(("etag", format!("W/\"{}\"", random.hex(16))));
            list.push(("x-request-id", uuid(&mut random)));
            list.push(("x-envoy-upstream-service-time", (random.next() % 40).to_string()));
            if n % 8 == 0 {
                list.push((
                    "set-cookie",
                    format!("session={}; Path=/; Secure; HttpOnly; SameSite=Lax", random.hex(32)),
                ));
            }
            list
        })
        .collect()
}

/// Ten fields, every one of which a peer knows from earlier requests.
pub fn ten() -> List {
    own(&[
        (":method", "POST"),
        (":scheme", "https"),
        (":path", "/stock.v1.Stock/Reserve"),
        (":authority", "stock.prod.svc.cluster.local:8080"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("user-agent", "grpc-go/1.73.0"),
        ("grpc-accept-encoding", "gzip"),
        ("accept-encoding", "identity"),
        ("x-tenant", "blue"),
    ])
}

fn own(fields: &[(&'static str, &str)]) -> List {
    fields.iter().map(|&(name, value)| (name, value.to_owned())).collect()
}

/// The same numbers every time (Steele's SplitMix).
struct Random(u64);

impl Random {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 27)
    }

    fn of(&mut self, alphabet: &[u8], n: usize) -> String {
        (0..n).map(|_| char::from(alphabet[(self.next() >> 8) as usize % alphabet.len()])).collect()
    }

    fn hex(&mut self, n: usize) -> String {
        self.of(b"0123456789abcdef", n)
    }

    fn word(&mut self, n: usize) -> String {
        self.of(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", n)
    }
}

fn uuid(random: &mut Random) -> String {
    [8, 4, 4, 4, 12].map(|n| random.hex(n)).join("-")
}
