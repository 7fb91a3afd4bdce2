//! What the demo sends, and what must come of it. A protocol joins the demo by a function here.

use std::sync::Arc;

use meshwire::{Event, Head, Outcome, Protocol, RoutingKey};
use meshwire_dubbo::{Call, Dubbo};
use meshwire_http1::Http1;
use meshwire_http2::{Http2, grpc};
use meshwire_sofarpc::{Answer, Bolt, Version};
use meshwire_thrift::{Encoding, Thrift, Transport};

/// The traffic of one protocol.
pub(crate) struct Traffic {
    pub(crate) protocol: Arc<dyn Protocol>,
    pub(crate) messages: Vec<Message>,
    /// The upstream's answer to a request with this body; nothing where none is owed.
    pub(crate) answer: fn(&Head, &[u8]) -> Vec<Event>,
}

/// One request, and what must come of it.
pub(crate) struct Message {
    pub(crate) request: Event,
    pub(crate) outcome: Outcome,
    pub(crate) cluster: &'static str,
    /// Whether the answer's body must hold this.
    pub(crate) holds: Option<Vec<u8>>,
}

pub(crate) const ROUTES: &str = r#"
virtual_hosts:
  - name: shop
    hosts: [shop.example.com, "*.shop.example.com", com.example.shop.OrderService]
    routes:
      - name: cancel
        match: {path: {suffix: /cancel}}
        cluster: orders-v2
      - name: forbidden
        match: {method: refund}
        reply: {outcome: denied, message: "refunds are made by hand"}
      - name: orders
        cluster: orders-v1
  - name: greeters
    hosts: ["com.example.greet.*"]
    routes:
      - name: v2
        match: {version: {prefix: "2."}}
        cluster: greeter-v2
      - name: any
        cluster: greeter-v1
"#;

pub(crate) const CLUSTERS: [&str; 4] = ["orders-v1", "orders-v2", "greeter-v1", "greeter-v2"];

pub(crate) fn all() -> Result<Vec<Traffic>, Box<dyn std::error::Error>> {
    Ok(vec![http1()?, http2()?, dubbo(), bolt(), thrift()])
}

const BIG: usize = 1024 * 1024;

fn http1() -> Result<Traffic, meshwire::EncodeError> {
    let host = ("Host", "shop.example.com");
    let big = vec![b'h'; BIG];
    let to = |request, cluster, holds: &[u8]| Message {
        request,
        outcome: Outcome::Success,
        cluster,
        holds: Some(holds.to_vec()),
    };
    Ok(Traffic {
        protocol: Arc::new(Http1::default()),
        messages: vec![
            to(meshwire_http1::request("GET", "/orders/7?full=1", &[host], "")?, "orders-v1", b""),
            to(meshwire_http1::request("POST", "/orders", &[host], "two books")?, "orders-v1", b"two books"),
            to(meshwire_http1::request("POST", "/orders/7/cancel", &[host], "late")?, "orders-v2", b"late"),
            to(
                meshwire_http1::request("PUT", "/photos/1", &[("Host", "eu.shop.example.com")], &big)?,
                "orders-v1",
                &big,
            ),
            Message {
                request: meshwire_http1::request("GET", "/", &[("Host", "unknown.example.com")], "")?,
                outcome: Outcome::NoRoute,
                cluster: "",
                holds: None,
            },
        ],
        answer: |_, body| meshwire_http1::response(200, &[("Content-Type", "text/plain")], body).into_iter().collect(),
    })
}

/// Plain HTTP/2 first, then gRPC, whose destination is a service and a method and whose outcome comes in trailers.
fn http2() -> Result<Traffic, meshwire::EncodeError> {
    let host = "shop.example.com";
    let big = vec![b'2'; BIG];
    let to = |request, cluster, outcome, holds: Option<&[u8]>| Message {
        request,
        outcome,
        cluster,
        holds: holds.map(<[u8]>::to_vec),
    };
    let call = |authority, path, version: Option<&str>| {
        let fields =
            [("content-type", "application/grpc"), ("te", "trailers"), ("tri-service-version", version.unwrap_or("1"))];
        meshwire_http2::request("POST", path, authority, &fields, grpc_message(b"hello"))
    };
    let ok = Outcome::Success;
    Ok(Traffic {
        protocol: Arc::new(Http2::default()),
        messages: vec![
            to(meshwire_http2::request("GET", "/orders/7?full=1", host, &[], "")?, "orders-v1", ok, Some(b"")),
            to(meshwire_http2::request("POST", "/orders/7/cancel", host, &[], "late")?, "orders-v2", ok, Some(b"late")),
            to(meshwire_http2::request("PUT", "/photos/1", host, &[], &big)?, "orders-v1", ok, Some(&big)),
            to(meshwire_http2::request("GET", "/", "unknown.example.com", &[], "")?, "", Outcome::NoRoute, None),
            to(call(host, "/com.example.shop.OrderService/find", None)?, "orders-v1", ok, Some(b"hello")),
            to(
                call("com.example.greet.Greeter", "/com.example.greet.Greeter/hello", Some("2.1"))?,
                "greeter-v2",
                ok,
                Some(b"hello"),
            ),
            to(call(host, "/com.example.shop.OrderService/refund", None)?, "", Outcome::Denied, None),
        ],
        answer: |head, body| {
            let is_grpc =
                head.field(b"content-type").value().is_some_and(|value| value.starts_with(b"application/grpc"));
            let kind = if is_grpc { "application/grpc" } else { "text/plain" };
            let Ok(mut answer) = meshwire_http2::response(200, &[("content-type", kind)], body) else {
                return Vec::new();
            };
            if !is_grpc {
                return vec![answer];
            }
            if let Event::Head(head) = &mut answer {
                head.set_end(false);
            }
            let status = grpc::OK.to_string();
            std::iter::once(answer).chain(meshwire_http2::trailers(&[("grpc-status", &status)])).collect()
        },
    })
}

/// A message as gRPC frames it: not compressed, and so long.
fn grpc_message(payload: &[u8]) -> Vec<u8> {
    [&[0][..], &u32::try_from(payload.len()).unwrap_or_default().to_be_bytes(), payload].concat()
}

fn dubbo() -> Traffic {
    let big = "d".repeat(BIG);
    let call = |service: &'static str, method: &'static str| Call::new(service, method);
    let orders = "com.example.shop.OrderService";
    let greeter = "com.example.greet.Greeter";
    let to = |id: u64, call: Call<'_>, cluster, outcome, holds: Option<&str>| Message {
        request: Event::Head(call.head(id)),
        outcome,
        cluster,
        holds: holds.map(|text| text.as_bytes().to_vec()),
    };
    let ok = Outcome::Success;
    Traffic {
        protocol: Arc::new(Dubbo::default()),
        messages: vec![
            to(1, call(orders, "find").with_arg("7"), "orders-v1", ok, Some("find")),
            to(2, call(orders, "cancel").with_arg("7"), "orders-v2", ok, Some("cancel")),
            to(3, call(greeter, "hello").with_version("1.0.0"), "greeter-v1", ok, Some("hello")),
            to(4, call(greeter, "hello").with_version("2.1.0"), "greeter-v2", ok, Some("hello")),
            to(5, call(greeter, "upload").with_arg(&big), "greeter-v1", ok, Some("upload")),
            to(6, call(greeter, "note").one_way(), "greeter-v1", ok, None),
            to(7, call(orders, "refund").with_arg("7"), "", Outcome::BadRequest, None),
            to(8, call("com.example.Unknown", "x"), "", Outcome::NoRoute, None),
        ],
        answer: |head, body| {
            use meshwire::{Attribute, Kind};
            let method = head.attribute(Attribute::Method).value().unwrap_or_default();
            let text = format!("{} got {} bytes", String::from_utf8_lossy(method), body.len());
            let owed = head.kind() == Kind::Request;
            owed.then(|| Event::Head(meshwire_dubbo::value(head.stream(), &text))).into_iter().collect()
        },
    }
}

/// Every version on one connection, two of them with a checksum.
fn bolt() -> Traffic {
    use meshwire_sofarpc::Call;

    const JSON: u8 = 12;
    let big = "b".repeat(BIG);
    let call = |service: &str, method: &str, version: Version| Call::new(service, method).with_layout(version);
    let orders = "com.example.shop.OrderService:1.0";
    let greeter = ["com.example.greet.Greeter:1.0.0", "com.example.greet.Greeter:2.1.0"];
    let to = |id: u64, call: Call, cluster, outcome, holds: Option<&str>| Message {
        request: Event::Head(call.head(id)),
        outcome,
        cluster,
        holds: holds.map(|text| text.as_bytes().to_vec()),
    };
    let ok = Outcome::Success;
    let content = |call: Call, text: &str| call.with_content(JSON, format!("[{text:?}]"));
    Traffic {
        protocol: Arc::new(Bolt::default()),
        messages: vec![
            to(1, content(call(orders, "find", Version::V1), "7"), "orders-v1", ok, Some("find got 5 bytes")),
            to(2, call(orders, "cancel", Version::V2).with_timeout(3000), "orders-v2", ok, Some("cancel")),
            to(3, call(greeter[0], "hello", Version::V1), "greeter-v1", ok, Some("hello")),
            to(4, content(call(greeter[1], "hello", Version::V2Checked), "hi"), "greeter-v2", ok, Some("hello")),
            to(5, content(call(greeter[0], "upload", Version::V2Checked), &big), "greeter-v1", ok, Some("upload")),
            to(6, call(greeter[0], "note", Version::V1).one_way(), "greeter-v1", ok, None),
            to(7, call(orders, "refund", Version::V2Checked), "", Outcome::ServerError, None),
            to(8, call("com.example.Unknown:1.0", "x", Version::V1), "", Outcome::NoRoute, None),
        ],
        answer: |head, body| {
            use meshwire::{Attribute, Kind};
            let method = head.attribute(Attribute::Method).value().unwrap_or_default();
            let text = format!("{} got {} bytes", String::from_utf8_lossy(method), body.len());
            let answer = Answer::default().with_content(JSON, format!("{text:?}"));
            let owed = head.kind() == Kind::Request;
            owed.then(|| Event::Head(answer.head(head.stream()))).into_iter().collect()
        },
    }
}

/// Every transport that has frames, and every encoding, on one connection.
fn thrift() -> Traffic {
    use meshwire_thrift::{Answer, Call};

    let orders = |method| format!("com.example.shop.OrderService:{method}");
    let greeter = |method| format!("com.example.greet.Greeter:{method}");
    let call = |name: &str, transport, encoding, argument: &str| {
        let call = Call::new(name).in_transport(transport).in_encoding(encoding);
        call.with_field("tenant", "blue").with_body(thrift_text(encoding, argument))
    };
    let to = |id: u64, call: Call, cluster, outcome, holds: Option<&str>| Message {
        request: Event::Head(call.head(id)),
        outcome,
        cluster,
        holds: holds.map(|text| text.as_bytes().to_vec()),
    };
    let ok = Outcome::Success;
    let big = "t".repeat(BIG);
    let (framed, theader, ttheader) = (Transport::Framed, Transport::THeader, Transport::TTHeader);
    let (binary, compact, json) = (Encoding::Binary, Encoding::Compact, Encoding::Json);
    // Where the transport has a place for the service, the name needs none.
    let in_header = call("hello", ttheader, compact, "hi").with_field("to_service", "com.example.greet.Greeter");
    let in_dubbo_s = call("hello", Transport::Dubbo, binary, "dear").of_service("com.example.greet.Greeter");
    Traffic {
        protocol: Arc::new(Thrift::default()),
        messages: vec![
            to(1, call(&orders("find"), framed, binary, "7"), "orders-v1", ok, Some("7")),
            to(2, call(&orders("cancel"), framed, compact, "late"), "orders-v2", ok, Some("late")),
            to(3, call(&orders("find"), theader, json, "8"), "orders-v1", ok, Some("8")),
            to(4, in_header, "greeter-v1", ok, Some("hi")),
            to(5, in_dubbo_s, "greeter-v1", ok, Some("dear")),
            to(6, call(&greeter("upload"), ttheader, binary, &big), "greeter-v1", ok, Some(&big)),
            to(7, call(&greeter("note"), framed, binary, "done").one_way(), "greeter-v1", ok, None),
            to(8, call(&orders("refund"), theader, compact, "7"), "", Outcome::ServerError, None),
            to(9, call("com.example.Unknown:x", framed, json, "?"), "", Outcome::NoRoute, None),
        ],
        // The arguments are a result as they stand, in whichever encoding they are.
        answer: |head, body| {
            use meshwire::{Attribute, Kind};
            let method = String::from_utf8_lossy(head.attribute(Attribute::Method).value().unwrap_or_default());
            let owed = head.kind() == Kind::Request;
            owed.then(|| Event::Head(Answer::new(&method).with_body(body).head(head.stream()))).into_iter().collect()
        },
    }
}

/// A struct whose field 0, which in an answer is the result, is this text.
fn thrift_text(encoding: Encoding, text: &str) -> Vec<u8> {
    match encoding {
        Encoding::Json => format!("{{\"0\":{{\"str\":{text:?}}}}}]").into_bytes(),
        Encoding::Compact => {
            // Short enough for a length of one byte.
            [&[0x08, 0x00, u8::try_from(text.len()).unwrap_or_default()][..], text.as_bytes(), &[0x00]].concat()
        }
        _ => {
            let length = u32::try_from(text.len()).unwrap_or_default().to_be_bytes();
            [&[0x0b, 0x00, 0x00][..], &length, text.as_bytes(), &[0x00]].concat()
        }
    }
}
